package theory

import "math"

// MM1 is one server: Poisson arrivals, exponential service, an unbounded queue served in order.
type MM1 struct{ Lambda, Mu float64 }

// Load returns the share of time that the server is busy, if that is below 1.
func (q MM1) Load() float64 { return q.Lambda / q.Mu }

// MeanTime returns the mean time in the system, W: waiting and service.
func (q MM1) MeanTime() float64 { return orInf(1/(q.Mu-q.Lambda), q.Load() < 1) }

// MeanWait returns the mean wait before service, Wq.
func (q MM1) MeanWait() float64 { return q.MeanTime() - 1/q.Mu }

// MeanNumber returns the mean number in the system, L.
func (q MM1) MeanNumber() float64 { return q.Lambda * q.MeanTime() }

// MeanQueue returns the mean number that wait, Lq.
func (q MM1) MeanQueue() float64 { return q.Lambda * q.MeanWait() }

// TimeQuantile returns what the time in the system, which is exponential, stays below with probability p.
func (q MM1) TimeQuantile(p float64) float64 { return -math.Log1p(-p) * q.MeanTime() }

// Overflow returns the probability that a busy period, which starts with one customer, reaches
// n of them before it ends (the gambler's ruin).
func (q MM1) Overflow(n int) float64 {
	inverse := 1 / q.Load()
	if inverse == 1 {
		return 1 / float64(n)
	}
	return (inverse - 1) / (math.Pow(inverse, float64(n)) - 1)
}

// orInf returns x if the system is stable and +Inf if it is not.
func orInf(x float64, stable bool) float64 {
	if !stable {
		return math.Inf(1)
	}
	return x
}

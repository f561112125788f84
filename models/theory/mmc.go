package theory

import "math"

// ErlangB returns the share of arrivals that find all c servers busy and are lost, at an offered load
// of a servers' worth of work. It holds for any distribution of service (A. K. Erlang, 1917).
func ErlangB(a float64, c int) float64 {
	b := 1.0
	for n := 1; n <= c; n++ {
		b = a * b / (float64(n) + a*b)
	}
	return b
}

// ErlangC returns the share of arrivals that must wait when nobody is lost: 1 if the servers cannot keep up.
func ErlangC(a float64, c int) float64 {
	if a >= float64(c) {
		return 1
	}
	b := ErlangB(a, c)
	return float64(c) * b / (float64(c) - a*(1-b))
}

// MMc is several servers with one queue: Poisson arrivals, exponential service at rate Mu by each.
type MMc struct {
	Lambda, Mu float64
	Servers    int
}

// Load returns the share of time that a server is busy, if that is below 1.
func (q MMc) Load() float64 { return q.Lambda / (q.Mu * float64(q.Servers)) }

// Waiting returns the share of arrivals that must wait.
func (q MMc) Waiting() float64 { return ErlangC(q.Lambda/q.Mu, q.Servers) }

// MeanWait returns the mean wait before service, Wq, of all arrivals.
func (q MMc) MeanWait() float64 { return orInf(q.Waiting()/q.spare(), q.Load() < 1) }

// MeanTime returns the mean time in the system, W.
func (q MMc) MeanTime() float64 { return q.MeanWait() + 1/q.Mu }

// MeanQueue returns the mean number that wait, Lq.
func (q MMc) MeanQueue() float64 { return q.Lambda * q.MeanWait() }

// MeanNumber returns the mean number in the system, L.
func (q MMc) MeanNumber() float64 { return q.Lambda * q.MeanTime() }

// WaitQuantile returns what the wait, served in order, stays at or below with probability p.
func (q MMc) WaitQuantile(p float64) float64 {
	if q.Load() >= 1 {
		return math.Inf(1)
	}
	return max(math.Log(q.Waiting()/(1-p))/q.spare(), 0)
}

// spare returns by how much the servers' rate exceeds that of the arrivals.
func (q MMc) spare() float64 { return q.Mu*float64(q.Servers) - q.Lambda }

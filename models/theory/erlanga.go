package theory

import "math"

// ErlangA is an [MMc] whose customers leave the queue at the rate Theta each while they wait
// (C. Palm, 1946): calls with a timeout that removes them from the queue.
type ErlangA struct {
	Lambda, Mu, Theta float64
	Servers           int
}

// Abandoned returns the share of arrivals that leave without service.
func (q ErlangA) Abandoned() float64 { return q.Theta * q.MeanWait() }

// MeanWait returns the mean time in the queue, Wq, of all arrivals, served or not.
func (q ErlangA) MeanWait() float64 { return q.MeanQueue() / q.Lambda }

// MeanQueue returns the mean number that wait, Lq.
func (q ErlangA) MeanQueue() float64 {
	if q.Theta == 0 {
		return MMc{q.Lambda, q.Mu, q.Servers}.MeanQueue()
	}
	if !(q.Theta > 0 && q.Mu >= 0 && q.Lambda >= 0 && q.Lambda <= math.MaxFloat64) {
		return math.NaN()
	}
	// Add up states until the rest, which falls faster than a geometric series, is nothing.
	p, sum, queue := 1.0, 1.0, 0.0
	for n := 1; ; n++ {
		waiting := max(n-q.Servers, 0)
		down := q.Mu*float64(min(n, q.Servers)) + q.Theta*float64(waiting)
		p *= q.Lambda / down
		sum += p
		queue += p * float64(waiting)
		if rest := 1 - q.Lambda/down; rest > 0 && p*(float64(n)+1/rest)/rest <= 1e-17*queue {
			return queue / sum
		}
		if sum > 1e250 {
			p, queue, sum = p/sum, queue/sum, 1
		}
	}
}

package theory

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// A Latency is how long an attempt takes. The distributions of gonum's distuv are Latencies.
type Latency interface {
	Survival(t float64) float64 // the probability of taking longer than t
	Quantile(p float64) float64
}

// Hedge sends a second attempt after Delay if the first has not answered, and takes the earlier
// answer; both take equally long on average, and neither slows the other.
type Hedge struct {
	Attempt Latency
	Delay   float64
}

// Load returns the mean number of attempts a call.
func (h Hedge) Load() float64 { return 1 + h.Attempt.Survival(h.Delay) }

// Survival returns the probability that a call takes longer than t.
func (h Hedge) Survival(t float64) float64 {
	if t < h.Delay {
		return h.Attempt.Survival(t)
	}
	return h.Attempt.Survival(t) * h.Attempt.Survival(t-h.Delay)
}

// Quantile returns what a call stays at or below with probability p.
func (h Hedge) Quantile(p float64) float64 {
	low, high := 0.0, h.Attempt.Quantile(p) // never later than without a hedge
	for range 200 {
		if mid := (low + high) / 2; h.Survival(mid) > 1-p {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// Mean returns the mean time of a call.
func (h Hedge) Mean() float64 {
	// The integral of Survival, over pieces that double after the kink at Delay.
	sum := 0.0
	if h.Delay > 0 {
		const pieces = 16
		for i := range pieces {
			a, b := h.Delay*float64(i)/pieces, h.Delay*float64(i+1)/pieces
			sum += quad.Fixed(h.Survival, a, b, 64, quad.Legendre{}, 0)
		}
	}
	for a, width := h.Delay, h.Attempt.Quantile(0.5)/16; ; a, width = a+width, 2*width {
		more := quad.Fixed(h.Survival, a, a+width, 64, quad.Legendre{}, 0)
		sum += more
		if more <= 1e-13*sum || math.IsInf(a, 1) {
			return sum
		}
	}
}

// FanOut asks Attempts servers at once and needs the answers of all.
type FanOut struct {
	Attempt  Latency
	Attempts int
}

// Quantile returns what a call stays at or below with probability p.
func (f FanOut) Quantile(p float64) float64 {
	return f.Attempt.Quantile(math.Pow(p, 1/float64(f.Attempts)))
}

// AnyOf returns the probability that at least one of n independent happenings of probability p happens.
func AnyOf(n int, p float64) float64 { return -math.Expm1(float64(n) * math.Log1p(-p)) }

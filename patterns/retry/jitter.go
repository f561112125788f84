package retry

import (
	"fmt"
	"math"
	"time"

	"github.com/nines-sim/nines/sim/dist"
)

// A Jitter spreads retries over time, so that clients that failed together do not come back
// together.
type Jitter uint8

// The jitters. U(a, b) is uniform, e the back-off of that retry without jitter. The first four are those
// of Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
const (
	None         Jitter = iota // they are not: e
	Full                       // from nothing to the wait: U(0, e)
	Equal                      // from half the wait to all of it: U(e/2, e)
	Decorrelated               // from the first wait to three times the last one, and up to the longest; growth plays no part
	Proportional               // by Spread both ways, e·U(1-Spread, 1+Spread): gRPC, cenkalti/backoff, resilience4j, failsafe-go
	Upward                     // by Spread, e·U(1, 1+Spread): tower, Kubernetes
	Around                     // by Width both ways, e + U(-Width, Width), at least nothing: failsafe-go
	EnvoyJitter                // from nothing to Factorⁿ-1 times the first wait, and up to the longest, as Envoy's documentation has it, and its code until 2020; now it is full jitter
	PollyJitter                // Polly's exponential "decorrelated jitter V2"; growth plays no part
	jitters
)

var jitterNames = [jitters]string{"none", "full", "equal", "decorrelated", "proportional", "upward", "around", "envoy", "polly"}

func (j Jitter) String() string {
	if j < jitters {
		return jitterNames[j]
	}
	return fmt.Sprintf("jitter %d", uint8(j))
}

// grows reports whether waits grow by the jitter alone, without a Growth and its Factor.
func (j Jitter) grows() bool { return j == Decorrelated || j == PollyJitter }

// jittered returns the wait that w has come to, with jitter.
func (b *Backoff) jittered(w *Waits, u float64) time.Duration {
	switch b.Jitter {
	case Decorrelated:
		return b.decorrelated(w, u)
	case EnvoyJitter:
		return b.envoy(w.Made, u)
	case PollyJitter:
		return b.polly(w, u)
	}
	e := b.grown(w.Made)
	switch {
	case w.Made == 1 && b.FirstExact, b.FlatCap && e >= b.limit():
		return min(e, b.limit())
	case b.Jitter == Full:
		return scale(e, u)
	case b.Jitter == Equal:
		half := e / 2
		return e - half + scale(half, u)
	case b.Jitter == Proportional:
		return scale(e, 1-b.Spread+float64(2*b.Spread*u))
	case b.Jitter == Upward:
		return scale(e, 1+float64(b.Spread*u))
	case b.Jitter == Around:
		return max(e-b.Width+scale(2*b.Width, u), 0)
	}
	return e
}

func (b *Backoff) decorrelated(w *Waits, u float64) time.Duration {
	previous := w.Previous
	if previous == 0 {
		previous = b.First
	}
	if w.Made == 1 && b.FirstExact {
		return previous
	}
	return min(b.First+scale(3*previous-b.First, u), b.limit())
}

// envoy stops growing once Max is exceeded, and cuts off what is beyond Max only then: a share of the
// waits is Max.
func (b *Backoff) envoy(n int, u float64) time.Duration {
	power := b.Factor
	for i := 1; i < n && float64((power-1)*float64(b.First)) <= float64(b.limit()); i++ {
		power *= b.Factor
	}
	return min(scale(b.First, float64((power-1)*u)), b.limit())
}

// polly returns the difference of two points of a curve that begins smoothly and then doubles with each
// try: 2ᵗ·tanh(√(4t)), where t is the number of the try and its luck. So the sum of the waits depends on
// the luck of the last one alone, and the factor 1/1.4 brings the medians of these sums near First,
// 2·First, 4·First. (RetryHelper.cs at 173d6d1d; the formula is George Polevoy's, Polly issue 530.)
func (b *Backoff) polly(w *Waits, u float64) time.Duration {
	unit := max(b.Grain, 1)
	t := float64(w.Made-1) + u
	next := float64(dist.Pow(2, t) * tanh(math.Sqrt(4*t)))
	wait := float64(float64((next-w.phase)*(1/1.4)) * float64(b.First/unit))
	w.phase = next
	return time.Duration(min(wait, float64(forever/unit))) * unit
}

// tanh returns the hyperbolic tangent of x, which is not negative.
func tanh(x float64) float64 {
	e := dist.Expm1(-2 * x)
	return -e / (2 + e)
}

package dist

import (
	"fmt"
	"math"
	"time"

	"github.com/nines-sim/nines/sim"
)

// A Distribution is something to draw random numbers from.
type Distribution interface {
	// Sample draws one number.
	Sample(r *sim.Stream) float64
	// Mean returns the expected value: +Inf where it diverges, NaN where it is not known.
	Mean() float64
	// Variance returns the expected squared distance from the mean: +Inf where it diverges,
	// NaN where it is not known.
	Variance() float64
	// Quantile returns the smallest x such that a sample is at most x with probability p or more:
	// NaN where it is not known. It panics if p is not from 0 to 1.
	Quantile(p float64) float64
	// String writes the distribution with its parameters: "exponential(mean=0.25)".
	String() string
}

// Duration draws a number of seconds and converts it to a length of time at once, so that nothing
// later depends on the last bits of a float. See [Seconds] for the rounding.
func Duration(d Distribution, r *sim.Stream) time.Duration { return Seconds(d.Sample(r)) }

// Seconds converts a number of seconds to the nearest nanosecond. What is less than zero becomes
// zero, and what is longer than a Duration can hold becomes the longest one. It panics if x is not
// a number.
func Seconds(x float64) time.Duration {
	ns := float64(x*1e9) + 0.5
	switch {
	case ns < 1:
		return 0
	case ns < 1<<63:
		return time.Duration(ns)
	case ns >= 1<<63:
		return math.MaxInt64
	}
	panic("dist: a length of time is not a number")
}

// Must returns d, or panics if the constructor that made it refused its arguments. It is for
// distributions written in code: dist.Must(dist.NewExponential(0.25)).
func Must[D Distribution](d D, err error) D {
	if err != nil {
		panic(err)
	}
	return d
}

// open draws a number from (0, 1): an odd multiple of 2⁻⁵³, never 0 or 1, and 1 minus it is exact.
func open(r *sim.Stream) float64 {
	return float64((float64(r.Uint64()>>12) + 0.5) * 0x1p-52)
}

// mustBeProbability guards every Quantile.
func mustBeProbability(p float64) {
	if !(p >= 0 && p <= 1) {
		panic(fmt.Sprintf("dist: Quantile of %v, need 0 to 1", p))
	}
}

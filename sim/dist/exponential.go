package dist

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// Exponential is the time to the next of many unrelated happenings: what is left to wait never
// depends on how long one has waited.
type Exponential struct{ mean float64 }

// NewExponential returns the exponential distribution of the given mean, which is 1/rate.
func NewExponential(mean float64) (Exponential, error) {
	return Exponential{mean}, check("exponential", positive("mean", mean))
}

// ExponentialFromQuantile returns the exponential distribution that stays below x with probability p.
func ExponentialFromQuantile(p, x float64) (Exponential, error) {
	return Exponential{-x / Log1p(-p)}, check("exponential", inside("p", p), positive("x", x))
}

func (d Exponential) Sample(r *sim.Stream) float64 { return float64(d.mean * -Log(1-open(r))) }

func (d Exponential) Mean() float64 { return d.mean }

func (d Exponential) Variance() float64 { return float64(d.mean * d.mean) }

func (d Exponential) Quantile(p float64) float64 {
	mustBeProbability(p)
	return float64(d.mean * -Log1p(-p))
}

func (d Exponential) CDF(x float64) float64 { return -Expm1(-max(x, 0) / d.mean) }

func (d Exponential) String() string { return fmt.Sprintf("exponential(mean=%.6g)", d.mean) }

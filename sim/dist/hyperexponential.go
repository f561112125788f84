package dist

import (
	"fmt"
	"math"

	"github.com/nines-sim/nines/sim"
)

// Hyperexponential is one of two exponentials, chosen anew for each sample: much short work and some
// long (H2 in queueing theory).
type Hyperexponential struct {
	p            float64
	mean1, mean2 float64
}

// NewHyperexponential returns an exponential of mean1 with probability p and of mean2 otherwise.
func NewHyperexponential(p, mean1, mean2 float64) (Hyperexponential, error) {
	return Hyperexponential{p, mean1, mean2}, check("hyperexponential",
		probability("p", p), positive("mean1", mean1), positive("mean2", mean2))
}

// HyperexponentialFromMeanCV returns the one of a mean and a coefficient of variation (standard
// deviation / mean) of at least 1 whose two parts contribute equally to the mean ("balanced means").
func HyperexponentialFromMeanCV(mean, cv float64) (Hyperexponential, error) {
	c2 := float64(cv * cv)
	p := (1 + math.Sqrt((c2-1)/(c2+1))) / 2
	return Hyperexponential{p, mean / (2 * p), mean / (2 * (1 - p))}, check("hyperexponential",
		positive("mean", mean), need{cv >= 1 && cv <= 1000, "cv", cv, "1 to 1000"})
}

// Sample draws two numbers: one to choose, one to use.
func (d Hyperexponential) Sample(r *sim.Stream) float64 {
	mean := d.mean2
	if open(r) < d.p {
		mean = d.mean1
	}
	return float64(mean * -Log(1-open(r)))
}

func (d Hyperexponential) Mean() float64 { return float64(d.p*d.mean1) + float64((1-d.p)*d.mean2) }

func (d Hyperexponential) Variance() float64 {
	m := d.Mean()
	square := float64(2*d.p*d.mean1*d.mean1) + float64(2*(1-d.p)*d.mean2*d.mean2)
	return square - float64(m*m)
}

func (d Hyperexponential) Quantile(p float64) float64 {
	return quantile(d.CDF, p, 0, math.Inf(1))
}

func (d Hyperexponential) CDF(x float64) float64 {
	x = max(x, 0)
	return -float64(d.p*Expm1(-x/d.mean1)) - float64((1-d.p)*Expm1(-x/d.mean2))
}

func (d Hyperexponential) String() string {
	return fmt.Sprintf("hyperexponential(p=%.6g, mean1=%.6g, mean2=%.6g)", d.p, d.mean1, d.mean2)
}

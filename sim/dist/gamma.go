package dist

import (
	"fmt"
	"math"

	"github.com/nines-sim/nines/sim"
)

// Gamma is a sum of exponential stages, whose number, the shape, need not be whole.
type Gamma struct {
	shape, scale float64
	d, c         float64 // of the sampler
}

// NewGamma returns the gamma distribution of mean shape * scale.
func NewGamma(shape, scale float64) (Gamma, error) {
	return newGamma(shape, scale), check("gamma", positive("shape", shape), positive("scale", scale))
}

// GammaFromMeanCV returns the gamma distribution of a mean and a coefficient of variation
// (standard deviation / mean).
func GammaFromMeanCV(mean, cv float64) (Gamma, error) {
	return newGamma(1/float64(cv*cv), float64(mean*cv*cv)), check("gamma", positive("mean", mean), positive("cv", cv))
}

func newGamma(shape, scale float64) Gamma {
	d := shape - 1.0/3
	if shape < 1 {
		d++ // see Sample
	}
	return Gamma{shape, scale, d, 1 / math.Sqrt(float64(9*d))}
}

// Sample follows G. Marsaglia and W. W. Tsang, "A Simple Method for Generating Gamma Variables", 2000.
// It draws two numbers in most cases, and more in some.
func (d Gamma) Sample(r *sim.Stream) float64 {
	scale := d.scale
	if d.shape < 1 { // a shape of less than one is a power of a uniform times a shape of one more
		scale = float64(scale * Exp(Log(open(r))/d.shape))
	}
	for {
		x := NormalQuantile(open(r))
		v := 1 + float64(d.c*x)
		if v <= 0 {
			continue
		}
		v = float64(v * v * v)
		u := open(r)
		x2 := float64(x * x)
		if u < 1-float64(0.0331*x2*x2) || Log(u) < float64(0.5*x2)+float64(d.d*(1-v+Log(v))) {
			return float64(scale * d.d * v)
		}
	}
}

func (d Gamma) Mean() float64 { return float64(d.shape * d.scale) }

func (d Gamma) Variance() float64 { return float64(d.shape * d.scale * d.scale) }

func (d Gamma) Quantile(p float64) float64 {
	return quantile(d.CDF, p, 0, math.Inf(1))
}

func (d Gamma) CDF(x float64) float64 { return gammaLower(d.shape, x/d.scale) }

func (d Gamma) String() string { return fmt.Sprintf("gamma(shape=%.6g, scale=%.6g)", d.shape, d.scale) }

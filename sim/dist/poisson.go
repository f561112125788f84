package dist

import (
	"fmt"
	"math"

	"github.com/nines-sim/nines/sim"
)

// Poisson is how many of many unrelated happenings fall into a span of time.
type Poisson struct {
	mean         float64
	none         float64 // the probability of 0
	a, b, vr, ia float64 // of the sampler, for a large mean
}

// NewPoisson returns the distribution of counts whose mean is given, up to a thousand million.
func NewPoisson(mean float64) (Poisson, error) {
	b := 0.931 + float64(2.53*math.Sqrt(mean))
	return Poisson{mean, Exp(-mean), -0.059 + float64(0.02483*b), b, 0.9277 - 3.6224/(b-2), 1.1239 + 1.1328/(b-3.4)},
		check("poisson", need{mean >= 0 && mean <= 1e9, "mean", mean, "0 to 1e+09"})
}

// Count draws a count.
func (d Poisson) Count(r *sim.Stream) int { return int(d.Sample(r)) }

// Sample counts up through the probabilities for a mean below 10, and follows W. Hörmann, "The
// Transformed Rejection Method for Generating Poisson Random Variables", 1993 (PTRS), above.
func (d Poisson) Sample(r *sim.Stream) float64 {
	if d.mean < 10 {
		u, k, p := open(r), 0.0, d.none
		for u > p && p > 0 {
			u -= p
			k++
			p = float64(p * d.mean / k)
		}
		return k
	}
	for {
		u := open(r) - 0.5
		v := open(r)
		us := 0.5 - math.Abs(u)
		k := math.Floor(float64((2*d.a/us+d.b)*u) + d.mean + 0.43)
		if us >= 0.07 && v <= d.vr {
			return k
		}
		if k < 0 || us < 0.013 && v > us {
			continue
		}
		if v*d.ia/(d.a/(us*us)+d.b) <= d.probability(k) {
			return k
		}
	}
}

func (d Poisson) Mean() float64 { return d.mean }

func (d Poisson) Variance() float64 { return d.mean }

func (d Poisson) Quantile(p float64) float64 { return quantile(d.CDF, p, 0, math.Inf(1)) }

func (d Poisson) CDF(x float64) float64 {
	switch {
	case x < 0:
		return 0
	case d.mean == 0 || x > math.MaxFloat64:
		return 1
	}
	return gammaUpper(math.Floor(x)+1, d.mean)
}

func (d Poisson) String() string { return fmt.Sprintf("poisson(mean=%.6g)", d.mean) }

// probability returns the probability of the count k: mean^k e^-mean / k!.
func (d Poisson) probability(k float64) float64 { return gammaFactor(k+1, d.mean) / d.mean }

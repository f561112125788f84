package dist

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// Weibull is the life of things that wear out (shape above 1) or that fail early or never (below 1).
type Weibull struct{ inverseShape, scale float64 }

// NewWeibull returns the Weibull distribution that stays below scale with probability 1-1/e.
func NewWeibull(shape, scale float64) (Weibull, error) {
	return Weibull{1 / shape, scale}, check("weibull", positive("shape", shape), positive("scale", scale))
}

// WeibullFromMeanCV returns the Weibull distribution of a mean and a coefficient of variation
// (standard deviation / mean), which may be from 0.01 to 100.
func WeibullFromMeanCV(mean, cv float64) (Weibull, error) {
	if err := check("weibull", positive("mean", mean), need{cv >= 0.01 && cv <= 100, "cv", cv, "0.01 to 100"}); err != nil {
		return Weibull{}, err
	}
	// 1 + cv² = Γ(1+2/shape) / Γ(1+1/shape)² grows with 1/shape.
	target := Log1p(float64(cv * cv))
	inverse := invert(func(i float64) float64 {
		return LogGamma(1+float64(2*i)) - float64(2*LogGamma(1+i))
	}, target, 0x1p-10, 16)
	return Weibull{inverse, mean / gammaFunction(1+inverse)}, nil
}

// WeibullFromQuantiles returns the Weibull distribution that stays below x1 with probability p1 and
// below x2 with probability p2.
func WeibullFromQuantiles(p1, x1, p2, x2 float64) (Weibull, error) {
	if err := check("weibull", quantiles(p1, x1, p2, x2)...); err != nil {
		return Weibull{}, err
	}
	l1, l2 := Log(-Log1p(-p1)), Log(-Log1p(-p2))
	inverse := Log(x2/x1) / (l2 - l1)
	return Weibull{inverse, x1 / Exp(float64(inverse*l1))}, nil
}

func (d Weibull) Sample(r *sim.Stream) float64 {
	return float64(d.scale * Exp(float64(d.inverseShape*Log(-Log(1-open(r))))))
}

func (d Weibull) Mean() float64 { return float64(d.scale * gammaFunction(1+d.inverseShape)) }

func (d Weibull) Variance() float64 {
	g1 := gammaFunction(1 + d.inverseShape)
	g2 := gammaFunction(1 + float64(2*d.inverseShape))
	return float64(d.scale * d.scale * (g2 - float64(g1*g1)))
}

func (d Weibull) Quantile(p float64) float64 {
	mustBeProbability(p)
	return float64(d.scale * Pow(-Log1p(-p), d.inverseShape))
}

func (d Weibull) CDF(x float64) float64 { return -Expm1(-Pow(max(x, 0)/d.scale, 1/d.inverseShape)) }

func (d Weibull) String() string {
	return fmt.Sprintf("weibull(shape=%.6g, scale=%.6g)", 1/d.inverseShape, d.scale)
}

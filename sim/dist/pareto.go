package dist

import (
	"fmt"
	"math"

	"github.com/nines-sim/nines/sim"
)

// Pareto has the tail of things without a typical size: the chance of more than x falls as x to the
// power of -shape.
type Pareto struct{ shape, low float64 }

// NewPareto returns the Pareto distribution of numbers above low.
func NewPareto(shape, low float64) (Pareto, error) {
	return Pareto{shape, low}, check("pareto", positive("shape", shape), positive("low", low))
}

// ParetoFromMeanCV returns the Pareto distribution of a mean and a coefficient of variation
// (standard deviation / mean). Its shape is more than 2.
func ParetoFromMeanCV(mean, cv float64) (Pareto, error) {
	shape := 1 + math.Sqrt(1+1/float64(cv*cv))
	return Pareto{shape, float64(mean * (shape - 1) / shape)}, check("pareto", positive("mean", mean), positive("cv", cv))
}

// ParetoFromQuantiles returns the Pareto distribution that stays below x1 with probability p1 and
// below x2 with probability p2.
func ParetoFromQuantiles(p1, x1, p2, x2 float64) (Pareto, error) {
	if err := check("pareto", quantiles(p1, x1, p2, x2)...); err != nil {
		return Pareto{}, err
	}
	l1, l2 := Log1p(-p1), Log1p(-p2)
	shape := (l1 - l2) / Log(x2/x1)
	return Pareto{shape, float64(x1 * Exp(l1/shape))}, nil
}

func (d Pareto) Sample(r *sim.Stream) float64 { return float64(d.low * Exp(-Log(1-open(r))/d.shape)) }

func (d Pareto) Mean() float64 {
	if d.shape <= 1 {
		return math.Inf(1)
	}
	return float64(d.low*d.shape) / (d.shape - 1)
}

func (d Pareto) Variance() float64 {
	if d.shape <= 2 {
		return math.Inf(1)
	}
	a := d.shape - 1
	return d.low * d.low * d.shape / (a * a * (d.shape - 2))
}

func (d Pareto) Quantile(p float64) float64 {
	mustBeProbability(p)
	return float64(d.low * Exp(-Log1p(-p)/d.shape))
}

func (d Pareto) CDF(x float64) float64 { return -Expm1(float64(d.shape * Log(d.low/max(x, d.low)))) }

func (d Pareto) String() string { return fmt.Sprintf("pareto(shape=%.6g, low=%.6g)", d.shape, d.low) }

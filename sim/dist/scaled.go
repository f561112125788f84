package dist

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// Scaled is another distribution times a constant: the same work on a slower machine, say.
type Scaled struct {
	of Distribution
	by float64
}

// NewScaled returns d with every sample multiplied by a positive number.
func NewScaled(d Distribution, by float64) (Scaled, error) {
	return Scaled{d, by}, check("scaled", need{d != nil, "the distribution", d, "one"}, positive("by", by))
}

func (d Scaled) Sample(r *sim.Stream) float64 { return float64(d.of.Sample(r) * d.by) }

func (d Scaled) Mean() float64 { return float64(d.of.Mean() * d.by) }

func (d Scaled) Variance() float64 { return float64(d.of.Variance() * d.by * d.by) }

func (d Scaled) Quantile(p float64) float64 { return float64(d.of.Quantile(p) * d.by) }

// CDF is NaN if the other distribution is not of this package and has no method CDF.
func (d Scaled) CDF(x float64) float64 { return cdf(d.of, x/d.by) }

func (d Scaled) String() string { return fmt.Sprintf("%v * %.6g", d.of, d.by) }

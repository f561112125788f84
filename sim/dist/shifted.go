package dist

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// Shifted is another distribution plus a constant: a delay that has a smallest value, say.
type Shifted struct {
	of Distribution
	by float64
}

// NewShifted returns d with by added to every sample.
func NewShifted(d Distribution, by float64) (Shifted, error) {
	return Shifted{d, by}, check("shifted", need{d != nil, "the distribution", d, "one"}, finite("by", by))
}

func (d Shifted) Sample(r *sim.Stream) float64 { return d.of.Sample(r) + d.by }

func (d Shifted) Mean() float64 { return d.of.Mean() + d.by }

func (d Shifted) Variance() float64 { return d.of.Variance() }

func (d Shifted) Quantile(p float64) float64 { return d.of.Quantile(p) + d.by }

// CDF is NaN if the other distribution is not of this package and has no method CDF.
func (d Shifted) CDF(x float64) float64 { return cdf(d.of, x-d.by) }

func (d Shifted) String() string { return fmt.Sprintf("%v + %.6g", d.of, d.by) }

package dist

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// Uniform is any number from low to high, all equally likely.
type Uniform struct{ low, width float64 }

// NewUniform returns the uniform distribution from low to high.
func NewUniform(low, high float64) (Uniform, error) {
	return Uniform{low, high - low}, check("uniform", finite("low", low), moreThan("high", high, "low", low))
}

func (d Uniform) Sample(r *sim.Stream) float64 { return d.low + float64(d.width*open(r)) }

func (d Uniform) Mean() float64 { return d.low + d.width/2 }

func (d Uniform) Variance() float64 { return d.width * d.width / 12 }

func (d Uniform) Quantile(p float64) float64 {
	mustBeProbability(p)
	return d.low + float64(d.width*p)
}

func (d Uniform) CDF(x float64) float64 { return min(max((x-d.low)/d.width, 0), 1) }

func (d Uniform) String() string {
	return fmt.Sprintf("uniform(low=%.6g, high=%.6g)", d.low, d.low+d.width)
}

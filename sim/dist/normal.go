package dist

import (
	"fmt"
	"math"

	"github.com/nines-sim/nines/sim"
)

// Normal is the sum of many small influences, kept within bounds if it has any.
type Normal struct {
	mean, sd   float64 // before the bounds cut anything off
	low, high  float64
	below, mid float64 // the probability below low, and from low to high, before the cut
}

// NewNormal returns the normal distribution of a mean and a standard deviation.
func NewNormal(mean, sd float64) (Normal, error) {
	return NewTruncatedNormal(mean, sd, math.Inf(-1), math.Inf(1))
}

// NewTruncatedNormal returns what is from low to high of the normal distribution of a mean and a
// standard deviation: what is outside is drawn again, not moved to a bound. Bounds may be infinite.
// At least a millionth of the normal must be left.
func NewTruncatedNormal(mean, sd, low, high float64) (Normal, error) {
	below := NormalCDF((low - mean) / sd)
	d := Normal{mean, sd, low, high, below, NormalCDF((high-mean)/sd) - below}
	err := check("normal", finite("mean", mean), positive("sd", sd),
		need{low < math.Inf(1), "low", low, "a number"},
		need{high > low, "high", high, fmt.Sprintf("more than low, which is %v", low)})
	if err == nil {
		err = check("normal", need{d.mid >= 1e-6, "the share within low and high", d.mid, "a millionth or more"})
	}
	return d, err
}

func (d Normal) Sample(r *sim.Stream) float64 { return d.at(open(r)) }

func (d Normal) Mean() float64 {
	a, b := d.densities()
	return d.mean + float64(d.sd*(a-b)/d.mid)
}

func (d Normal) Variance() float64 {
	a, b := d.densities()
	tails := 0.0
	if a > 0 {
		tails += float64((d.low - d.mean) / d.sd * a)
	}
	if b > 0 {
		tails -= float64((d.high - d.mean) / d.sd * b)
	}
	shift := (a - b) / d.mid
	return float64(d.sd * d.sd * (1 + tails/d.mid - float64(shift*shift)))
}

func (d Normal) Quantile(p float64) float64 {
	mustBeProbability(p)
	switch p {
	case 0:
		return d.low
	case 1:
		return d.high
	}
	return d.at(p)
}

func (d Normal) CDF(x float64) float64 {
	return min(max((NormalCDF((x-d.mean)/d.sd)-d.below)/d.mid, 0), 1)
}

func (d Normal) String() string {
	if math.IsInf(d.low, -1) && math.IsInf(d.high, 1) {
		return fmt.Sprintf("normal(mean=%.6g, sd=%.6g)", d.mean, d.sd)
	}
	return fmt.Sprintf("normal(mean=%.6g, sd=%.6g, low=%.6g, high=%.6g)", d.mean, d.sd, d.low, d.high)
}

// at returns the quantile p.
func (d Normal) at(p float64) float64 {
	if p = d.below + float64(p*d.mid); p > 1 {
		p = 1
	}
	x := d.mean + float64(d.sd*NormalQuantile(p))
	switch {
	case x < d.low:
		return d.low
	case x > d.high:
		return d.high
	}
	return x
}

// densities returns the standard normal's density at both bounds.
func (d Normal) densities() (low, high float64) {
	return normalDensity((d.low - d.mean) / d.sd), normalDensity((d.high - d.mean) / d.sd)
}

package dist

import (
	"fmt"
	"math"
	"strings"

	"github.com/nines-sim/nines/sim"
)

// Mixture is one of several distributions, chosen anew for each sample.
type Mixture struct{ parts []Part }

// A Part of a [Mixture] is chosen as often as its weight says, compared to the sum of all weights.
type Part struct {
	Weight float64
	Distribution
}

// NewMixture returns the mixture of the parts, whose weights need not add up to 1.
func NewMixture(parts ...Part) (Mixture, error) {
	needs := []need{{len(parts) > 0, "number of parts", len(parts), "1 or more"}}
	sum := 0.0
	for i, part := range parts {
		needs = append(needs, positive(fmt.Sprintf("weight of part %d", i+1), part.Weight),
			need{part.Distribution != nil, fmt.Sprintf("part %d", i+1), part.Distribution, "a distribution"})
		sum += part.Weight
	}
	own := make([]Part, len(parts))
	for i, part := range parts {
		own[i] = Part{part.Weight / sum, part.Distribution}
	}
	return Mixture{own}, check("mixture", needs...)
}

// Sample draws one number to choose and then what the chosen part draws.
func (d Mixture) Sample(r *sim.Stream) float64 {
	u := open(r)
	last := len(d.parts) - 1
	for i := range d.parts[:last] {
		if u -= d.parts[i].Weight; u < 0 {
			return d.parts[i].Sample(r)
		}
	}
	return d.parts[last].Sample(r)
}

func (d Mixture) Mean() float64 {
	sum := 0.0
	for _, part := range d.parts {
		sum += float64(part.Weight * part.Mean())
	}
	return sum
}

func (d Mixture) Variance() float64 {
	// What the parts vary, and what their means vary.
	mean, sum := d.Mean(), 0.0
	for _, part := range d.parts {
		variance, off := part.Variance(), part.Mean()-mean
		if math.IsInf(variance, 1) {
			return variance
		}
		sum += float64(part.Weight * (variance + float64(off*off)))
	}
	return sum
}

// Quantile is NaN if a part is not of this package and has no method CDF.
func (d Mixture) Quantile(p float64) float64 {
	mustBeProbability(p)
	if math.IsNaN(d.CDF(0)) {
		return math.NaN()
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, part := range d.parts {
		low, high = min(low, part.Quantile(p)), max(high, part.Quantile(p))
	}
	return quantile(d.CDF, p, low, high)
}

// CDF is NaN if a part is not of this package and has no method CDF.
func (d Mixture) CDF(x float64) float64 {
	sum := 0.0
	for _, part := range d.parts {
		sum += float64(part.Weight * cdf(part.Distribution, x))
	}
	return min(sum, 1)
}

func (d Mixture) String() string {
	var parts []string
	for _, part := range d.parts {
		parts = append(parts, fmt.Sprintf("%.6g %v", part.Weight, part.Distribution))
	}
	return "mixture(" + strings.Join(parts, ", ") + ")"
}

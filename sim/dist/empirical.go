package dist

import (
	"fmt"
	"slices"
	"sort"

	"github.com/nines-sim/nines/sim"
)

// Empirical is what was measured: each sample is one of the measured values, as often as it was seen.
type Empirical struct {
	values     []float64 // ascending, no value twice
	cumulative []float64 // how many were seen up to this value: whole numbers
	guide      []int32   // guide[j] is where the share j/len(guide) of all that was seen begins: 4 for each value
}

// NewEmpirical returns the distribution of measured values, in any order.
func NewEmpirical(samples []float64) (Empirical, error) {
	counts := make([]uint64, len(samples))
	for i := range counts {
		counts[i] = 1
	}
	return EmpiricalFromCounts(samples, counts)
}

// EmpiricalFromCounts returns the distribution of a histogram: values[i], such as the middle of a
// bucket, was seen counts[i] times.
func EmpiricalFromCounts(values []float64, counts []uint64) (Empirical, error) {
	if err := check("empirical", need{len(values) == len(counts), "number of counts", len(counts),
		fmt.Sprintf("as many as there are values, %d", len(values))}); err != nil {
		return Empirical{}, err
	}
	order := make([]int, 0, len(values))
	var total uint64
	for i, x := range values {
		if err := check("empirical", finite(fmt.Sprintf("value %d", i+1), x),
			need{counts[i] <= 1<<53-total, fmt.Sprintf("count %d", i+1), counts[i], "a sum of at most 2^53"}); err != nil {
			return Empirical{}, err
		}
		total += counts[i]
		if counts[i] > 0 {
			order = append(order, i)
		}
	}
	if err := check("empirical", need{total > 0, "number of values", total, "1 or more"}); err != nil {
		return Empirical{}, err
	}
	sort.Slice(order, func(a, b int) bool { return values[order[a]] < values[order[b]] })

	var d Empirical
	var seen uint64
	for _, i := range order {
		seen += counts[i]
		if last := len(d.values) - 1; last >= 0 && d.values[last] == values[i] {
			d.cumulative[last] = float64(seen)
			continue
		}
		d.values = append(d.values, values[i])
		d.cumulative = append(d.cumulative, float64(seen))
	}
	d.guide = make([]int32, 4*len(d.values))
	for j := range d.guide {
		target := float64(float64(total) * float64(j) / float64(len(d.guide)))
		i, _ := slices.BinarySearch(d.cumulative, target)
		d.guide[j] = int32(i)
	}
	return d, nil
}

func (d Empirical) Sample(r *sim.Stream) float64 { return d.values[d.find(open(r))] }

func (d Empirical) Mean() float64 {
	sum := 0.0
	for i, x := range d.values {
		sum += float64(x * d.count(i))
	}
	return sum / d.total()
}

func (d Empirical) Variance() float64 {
	mean, sum := d.Mean(), 0.0
	for i, x := range d.values {
		sum += float64((x - mean) * (x - mean) * d.count(i))
	}
	return sum / d.total()
}

func (d Empirical) Quantile(p float64) float64 {
	mustBeProbability(p)
	return d.values[d.find(p)]
}

func (d Empirical) CDF(x float64) float64 {
	i, found := slices.BinarySearch(d.values, x)
	if found {
		i++
	}
	if i == 0 {
		return 0
	}
	return d.cumulative[i-1] / d.total()
}

func (d Empirical) String() string {
	return fmt.Sprintf("empirical(n=%.0f, p50=%.6g, p99=%.6g)", d.total(), d.Quantile(0.5), d.Quantile(0.99))
}

func (d Empirical) total() float64 { return d.cumulative[len(d.cumulative)-1] }

func (d Empirical) count(i int) float64 {
	if i == 0 {
		return d.cumulative[0]
	}
	return d.cumulative[i] - d.cumulative[i-1]
}

// find returns the first value up to which the share p or more was seen, in a few steps on average
// (H. C. Chen and Y. Asau, "On Generating Random Variates from an Empirical Distribution", 1974).
func (d *Empirical) find(p float64) int {
	target := float64(p * d.total())
	i := int(d.guide[min(int(p*float64(len(d.guide))), len(d.guide)-1)])
	for i > 0 && d.cumulative[i-1] >= target { // rounding may have gone one too far
		i--
	}
	for d.cumulative[i] < target {
		i++
	}
	return i
}

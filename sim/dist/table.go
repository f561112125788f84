package dist

import (
	"fmt"
	"sort"
	"strings"

	"github.com/nines-sim/nines/sim"
)

// Table is known by some of its quantiles, such as those on a dashboard; between two of them, all
// numbers are equally likely.
type Table struct{ points []Point }

// A Point of a [Table] says that a sample is at most X with probability P.
type Point struct{ P, X float64 }

// NewTable returns the distribution with the given quantiles, from P = 0, the smallest number, to
// P = 1, the largest, in ascending order.
func NewTable(points ...Point) (Table, error) {
	needs := []need{{len(points) >= 2, "number of points", len(points), "2 or more"}}
	for i, at := range points {
		nth := fmt.Sprintf(" of point %d", i+1)
		needs = append(needs, finite("X"+nth, at.X))
		switch i {
		case 0:
			needs = append(needs, need{at.P == 0, "P" + nth, at.P, "0: the smallest number"})
		case len(points) - 1:
			needs = append(needs, need{at.P == 1, "P" + nth, at.P, "1: the largest number"})
		}
		if i > 0 {
			needs = append(needs, moreThan("P"+nth, at.P, "the P before it", points[i-1].P),
				need{at.X >= points[i-1].X, "X" + nth, at.X, fmt.Sprintf("the X before it, which is %v, or more", points[i-1].X)})
		}
	}
	return Table{append([]Point(nil), points...)}, check("table", needs...)
}

func (d Table) Sample(r *sim.Stream) float64 { return d.at(open(r)) }

func (d Table) Mean() float64 {
	sum := 0.0
	for i, b := range d.points[1:] {
		a := d.points[i]
		sum += float64((b.P - a.P) * (a.X + b.X) / 2)
	}
	return sum
}

func (d Table) Variance() float64 {
	mean, sum := d.Mean(), 0.0
	for i, b := range d.points[1:] {
		a := d.points[i]
		x, y := a.X-mean, b.X-mean
		sum += float64((b.P - a.P) * (float64(x*x) + float64(x*y) + float64(y*y)) / 3)
	}
	return sum
}

func (d Table) Quantile(p float64) float64 {
	mustBeProbability(p)
	return d.at(p)
}

func (d Table) CDF(x float64) float64 {
	i := sort.Search(len(d.points), func(i int) bool { return d.points[i].X > x })
	if i == 0 {
		return 0
	}
	if i == len(d.points) {
		return 1
	}
	a, b := d.points[i-1], d.points[i]
	return a.P + float64((b.P-a.P)*((x-a.X)/(b.X-a.X)))
}

func (d Table) String() string {
	var parts []string
	for _, at := range d.points {
		parts = append(parts, fmt.Sprintf("p%.6g=%.6g", float64(100*at.P), at.X))
	}
	return "table(" + strings.Join(parts, ", ") + ")"
}

// at returns the quantile p.
func (d Table) at(p float64) float64 {
	i := 1
	for d.points[i].P < p {
		i++
	}
	a, b := d.points[i-1], d.points[i]
	return min(a.X+float64((b.X-a.X)*((p-a.P)/(b.P-a.P))), b.X)
}

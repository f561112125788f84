package report

import (
	"math"
	"slices"
	"strconv"
)

// A Scale says how values become places on an axis. Charts draw transformed values on
// an axis with ticks of its own, so that what cannot be drawn (a latency of 0, an
// availability of 1) is met here and nowhere else.
type Scale int

const (
	// Linear draws v.
	Linear Scale = iota
	// Log draws log10(v): latencies, rates.
	Log
	// Nines draws -log10(1-v): 90 %, 99 %, 99.9 % are equally far apart. An availability
	// of 1 lies at infinity and is drawn as an arrow.
	Nines
)

// String returns the scale's name.
func (s Scale) String() string {
	switch s {
	case Linear:
		return "linear"
	case Log:
		return "log"
	case Nines:
		return "nines"
	}
	return "Scale(" + strconv.Itoa(int(s)) + ")"
}

// place transforms v. It returns an infinity for what lies beyond the axis.
func (s Scale) place(v float64) float64 {
	switch s {
	case Log:
		return math.Log10(v)
	case Nines:
		return -math.Log10(1 - v)
	}
	return v
}

// An axis is a range of transformed values and the ticks in it.
type axis struct {
	scale  Scale
	lo, hi float64
	ticks  []tick
}

type tick struct {
	at    float64 // transformed
	label string
}

// minDecades is the least that a Log or Nines axis shows: a factor of 1.6. Less would
// blow differences up that nobody cares about.
const minDecades = 0.2

// newAxis returns an axis that holds all the (untransformed) values that have a finite
// place. Its ends are snapped to a grid. Labels are as dense as fits allows.
func newAxis(s Scale, values []float64, fits func(axis) bool) axis {
	a := axis{scale: s, lo: math.Inf(1), hi: math.Inf(-1)}
	for _, v := range values {
		if t := s.place(v); !math.IsInf(t, 0) && !math.IsNaN(t) {
			a.lo, a.hi = min(a.lo, t), max(a.hi, t)
		}
	}
	if a.lo > a.hi { // nothing finite: any range will do
		a.lo, a.hi = 0, 1
	}
	if size := max(math.Abs(a.lo), math.Abs(a.hi)); s == Linear && a.hi-a.lo < max(1e-9*size, 1e-12) {
		around := size / 10 // in effect one value: a tenth around it
		if size < 1e-12 {
			around = 0.5
		}
		a.lo, a.hi = a.lo-around, a.hi+around
	}
	if s != Linear && a.hi-a.lo < minDecades {
		middle := (a.lo + a.hi) / 2
		a.lo, a.hi = middle-minDecades/2, middle+minDecades/2
	}
	if s == Nines {
		a.lo = max(a.lo, 0)
	}
	var candidates []grid // from fine to coarse
	switch s {
	case Linear:
		candidates = a.linear()
	case Log, Nines:
		candidates = a.decades()
	}
	var best axis
	for i, g := range candidates {
		b := g.snap(a)
		if i == 0 || len(b.ticks) >= 2 {
			best = b
		}
		if fits(b) && len(b.ticks) >= 2 {
			return b
		}
	}
	return best
}

// fromZero returns a linear axis from 0 to exactly high, for bars: they may fill it.
func fromZero(high float64, fits func(axis) bool) axis {
	if high <= 0 {
		return axis{scale: Linear, lo: 0, hi: 1, ticks: []tick{{0, "0"}}}
	}
	return newAxis(Linear, []float64{0, high}, func(a axis) bool { return fits(a.cut(high)) }).cut(high)
}

// cut ends the axis at high, with the ticks up to there.
func (a axis) cut(high float64) axis {
	for len(a.ticks) > 0 && a.ticks[len(a.ticks)-1].at > high {
		a.ticks = a.ticks[:len(a.ticks)-1]
	}
	a.hi = high
	return a
}

// at returns where v lies on the axis: 0 at its low end, 1 at its high end.
func (a axis) at(v float64) float64 { return a.share(a.scale.place(v)) }

func (a axis) share(t float64) float64 { return (t - a.lo) / (a.hi - a.lo) }

// A grid offers places for ticks: all of those between lo and hi, in ascending order,
// with one more on either side.
type grid func(lo, hi float64) []tick

// snap widens the range to the nearest places of the grid and puts ticks on those
// inside.
func (g grid) snap(a axis) axis {
	all := g(a.lo, a.hi)
	first, last := 0, len(all)-1
	near := 1e-9 * (all[last].at - all[0].at) // as good as on the grid
	for first+1 < len(all) && all[first+1].at <= a.lo+near {
		first++
	}
	for last-1 > first && all[last-1].at >= a.hi-near {
		last--
	}
	a.ticks = all[first : last+1]
	a.lo, a.hi = all[first].at, all[last].at
	return a
}

// linear offers steps of 1, 2 and 5 times a power of ten.
func (a axis) linear() []grid {
	_, exponent := scientific(a.hi - a.lo)
	var gs []grid
	for e := exponent - 1; e <= exponent+1; e++ {
		for _, m := range []float64{1, 2, 5} {
			gs = append(gs, steps(m, e))
		}
	}
	return gs
}

// steps is the grid of the multiples of m × 10^e.
func steps(m float64, e int) grid {
	return func(lo, hi float64) []tick {
		// Counted in whole steps and scaled by a power of ten that is exact: no 0.30000000000000004.
		up, down := math.Pow10(max(e, 0)), math.Pow10(max(-e, 0))
		value := func(k float64) float64 { return k * m * up / down }
		first := math.Floor(lo / value(1))
		if first*value(1) > lo {
			first--
		}
		var ts []tick
		for k := first; ; k++ {
			v := value(k)
			label := "0"
			if v != 0 {
				label = grouped(strconv.FormatFloat(v, 'f', max(-e, 0), 64))
			}
			ts = append(ts, tick{v, label})
			if v > hi && len(ts) > 1 || len(ts) > 200 {
				return ts
			}
		}
	}
}

// decades offers multiples of powers of ten, in the value (Log) or in what is missing
// to 1 (Nines), from every unit to every sixth decade. Where the range is so short
// that even steps look even, it offers those first.
func (a axis) decades() []grid {
	var gs []grid
	if a.hi-a.lo < 0.7 {
		least := math.Pow(10, a.lo)
		if a.scale == Nines {
			least = math.Pow(10, -a.hi)
		}
		_, exponent := scientific(least)
		for e := exponent - 2; e <= exponent; e++ {
			for _, m := range []int{1, 2, 5} {
				if float64(m)*math.Pow10(e) <= least {
					gs = append(gs, func(lo, hi float64) []tick { return a.evenly(m, e, lo, hi) })
				}
			}
		}
	}
	for _, d := range []struct {
		units []int
		every int
	}{
		{[]int{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1}, {[]int{1, 2, 5}, 1}, {[]int{1, 3}, 1},
		{[]int{1}, 1}, {[]int{1}, 2}, {[]int{1}, 3}, {[]int{1}, 6},
	} {
		gs = append(gs, func(lo, hi float64) []tick { return a.multiples(d.units, d.every, lo, hi) })
	}
	return gs
}

// evenly has ticks at all multiples of m × 10^e.
func (a axis) evenly(m, e int, lo, hi float64) []tick {
	step := float64(m) * math.Pow10(e)
	var ts []tick
	if a.scale == Nines {
		for k := int(math.Ceil(math.Pow(10, -lo)/step - 1e-9)); k > 0; k-- {
			if t := a.multiple(k*m, e); t.at >= 0 {
				ts = append(ts, t)
				if t.at > hi && len(ts) > 1 {
					break
				}
			}
		}
		return ts
	}
	for k := int(math.Floor(math.Pow(10, lo)/step + 1e-9)); ; k++ {
		t := a.multiple(k*m, e)
		ts = append(ts, t)
		if t.at > hi && len(ts) > 1 {
			return ts
		}
	}
}

func (a axis) multiples(units []int, every int, lo, hi float64) []tick {
	var ts []tick
	first := int(math.Floor(lo)) - every - 1
	first -= ((first % every) + every) % every
	for e := first; ; e += every {
		decade := make([]tick, 0, len(units))
		for _, m := range units {
			if a.scale == Nines {
				decade = append(decade, a.multiple(m, -e))
			} else {
				decade = append(decade, a.multiple(m, e))
			}
		}
		if a.scale == Nines { // a larger multiple is a lower availability
			slices.Reverse(decade)
		}
		for _, t := range decade {
			if a.scale == Nines && t.at < 0 { // there is nothing below 0 %
				continue
			}
			ts = append(ts, t)
			if t.at > hi && len(ts) > 1 {
				return ts
			}
		}
	}
}

// multiple is the tick at m × 10^e, or at what is missing that to 1.
func (a axis) multiple(m, e int) tick {
	at := float64(e) + math.Log10(float64(m))
	v := float64(m) * math.Pow10(e)
	if a.scale == Nines {
		percent := strconv.FormatFloat(100-100*v, 'f', max(-e-2, 0), 64)
		return tick{-at, trimZeros(percent) + " %"}
	}
	return tick{at, trimZeros(strconv.FormatFloat(v, 'f', max(-e, 0), 64))}
}

package study

import (
	"math"
	"slices"
	"sort"
)

// A comparison is a difference before it is judged: how it came about, and the variance that runs which
// are not paired would have had.
type comparison struct {
	variant, baseline string
	objective         Objective
	sum               sum
	equal             bool // no run differed
	runs              int  // of each variant
	unpaired          float64
}

// judge turns the comparisons of one objective into verdicts. Holm's correction (1979) makes all of
// them hold together: the k-th smallest of m values of p is multiplied by m-k+1.
func judge(list []comparison, level float64) []Difference {
	diffs := make([]Difference, len(list))
	order := make([]int, len(list))
	for i, c := range list {
		order[i] = i
		d := &diffs[i]
		*d = Difference{Variant: c.variant, Baseline: c.baseline, Objective: c.objective.Name, P: 1, Adjusted: 1}
		d.BadMinutes = c.sum.interval(level)
		if !c.equal {
			d.P = c.sum.p()
		}
		paired := 0.0
		for _, t := range c.sum.terms {
			paired += t.se * t.se
		}
		if paired > 0 {
			d.Pairing = c.unpaired / paired
		}
	}
	sort.SliceStable(order, func(a, b int) bool { return diffs[order[a]].P < diffs[order[b]].P })
	worst := 0.0
	for k, i := range order {
		worst = max(worst, min(1, diffs[i].P*float64(len(list)-k)))
		diffs[i].Adjusted = worst
	}
	for i, c := range list {
		diffs[i].decide(c, level)
	}
	return diffs
}

// decide sets the verdict and what a further study would need.
func (d *Difference) decide(c comparison, level float64) {
	m, b := c.objective.Margin, d.BadMinutes
	switch {
	case c.equal, m > 0 && b.Low >= -m && b.High <= m:
		d.Verdict = Same
	case d.Adjusted < 1-level && b.Value < 0:
		d.Verdict = Better
	case d.Adjusted < 1-level && b.Value > 0:
		d.Verdict = Worse
	default:
		d.Verdict = Undecided
		d.MoreRuns = c.more(b, m)
	}
}

// more estimates how many more runs decide, if the estimate is right: as many as make the sampling part
// of the half-width small enough to exclude zero, or to lie inside the margin, whichever comes first. Where runs are
// too few for any half-width, it is as many as make them enough.
// 0: no number of runs does, since what is left is due to uncertain rates.
func (c comparison) more(b Interval, margin float64) int {
	if c.runs < 2 {
		return 0
	}
	if slices.ContainsFunc(c.sum.terms, term.tooFew) {
		missing := 0
		for _, t := range c.sum.terms {
			missing += max(0, Covered-t.runs)
		}
		return missing
	}
	sampling := sum{terms: c.sum.terms, floor: c.sum.floor, ceil: c.sum.ceil}
	half := sampling.interval(b.Level).HalfWidth()
	inputs := math.Sqrt(max(0, b.HalfWidth()*b.HalfWidth()-half*half))
	best := math.Inf(1)
	for _, room := range []float64{math.Abs(b.Value), margin - math.Abs(b.Value)} {
		if room > inputs {
			shrink := half / math.Sqrt(room*room-inputs*inputs)
			best = min(best, float64(c.runs)*(shrink*shrink-1))
		}
	}
	if best > 1e6 {
		return 0
	}
	return max(1, int(math.Ceil(best)))
}

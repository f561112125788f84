package study

import (
	"fmt"
	"math"
	"strings"
)

// availability turns bad minutes a year into the share of good calls.
func availability(bad Interval) Interval {
	share := func(minutes float64) float64 { return min(1, max(0, 1-minutes/minutesPerYear)) }
	a := bad
	a.Value, a.Low, a.High = share(bad.Value), share(bad.High), share(bad.Low)
	return a
}

// result says how a variant meets an objective, from its estimate.
func result(o Objective, e sum, level float64) Result {
	bad := e.interval(level)
	bad.Bound = bad.Value == 0
	r := Result{Objective: o.Name, Availability: availability(bad), BadMinutes: bad}
	sampling := sum{terms: e.terms, floor: e.floor, ceil: e.ceil}
	half, whole := sampling.interval(level).HalfWidth(), bad.HalfWidth()
	inputs := max(0, whole*whole-half*half)
	r.More = More{whole, math.Sqrt(half*half/2 + inputs), math.Sqrt(half*half/4 + inputs)}
	switch {
	case o.Target == 0:
	case r.Availability.Low >= o.Target:
		r.Met = Yes
	case r.Availability.High < o.Target:
		r.Met = No
	default:
		r.Met = Unclear
	}
	return r
}

// summary says what the finished runs show.
func (s *incidentStudy) summary() *Summary {
	level := s.plan.Level
	sum := &Summary{
		Method: "incidents", Baseline: s.variants[s.baseline].key(), Objectives: s.plan.Objectives,
		FirstSeed: s.plan.FirstSeed, LastSeed: s.plan.FirstSeed, Rows: s.rows, Runs: len(s.rows),
	}
	for _, r := range s.rows {
		sum.Events += r.Events
		sum.LastSeed = max(sum.LastSeed, r.Seed)
	}
	for _, c := range s.classes {
		sum.Classes = append(sum.Classes, Class{c.name, s.names(c), len(c.blocks)})
	}
	if s.empty() {
		return sum
	}
	for v := range s.variants {
		sum.Variants = append(sum.Variants, s.finding(v))
	}
	for o := range s.plan.Objectives {
		var list []comparison
		for v := range s.variants {
			if v != s.baseline {
				list = append(list, s.compare(v, o))
			}
		}
		sum.Diffs = append(sum.Diffs, judge(list, level)...)
	}
	overlap := s.overlap
	overlap.Share, overlap.Variant = s.overlapShare()
	sum.Overlap = &overlap
	return sum
}

// empty reports whether some class has no complete block, so that nothing can be said about a year.
func (s *incidentStudy) empty() bool {
	for _, c := range s.classes {
		if len(c.blocks) == 0 && len(c.causes) < 2 {
			return true
		}
	}
	return false
}

func (s *incidentStudy) finding(v int) Finding {
	f := Finding{
		Variant: s.variants[v].Name, Point: s.variants[v].Point,
		Metrics: map[string]map[string]float64{}, Yearly: map[string]float64{},
	}
	for o, objective := range s.plan.Objectives {
		e, l := s.estimate(v, o), s.ledger(v, o)
		e.inputs = s.inputs(v, o)
		r := result(objective, e, s.plan.Level)
		var untouched []string
		for i, t := range e.terms {
			c := s.classes[i]
			if i > 0 && l.rate[i] == 0 {
				continue
			}
			low, high := t.limits(s.plan.Level)
			p := Part{Class: c.name, PerYear: l.rate[i], Runs: len(c.blocks), MeanLength: c.mean(v, o).length * year.Seconds()}
			if len(c.causes) == 2 { // the rate of the second, while the first is under way
				p.PerYear *= s.single(c.causes[0]).mean(v, o).length
				low, high = max(low, -minutesPerYear), min(high, minutesPerYear)
			}
			p.BadMinutes = Interval{Value: t.value, Low: low, High: high, Level: s.plan.Level, Covers: Sampling, Bound: t.value == 0 && t.se == 0}
			r.ByCause = append(r.ByCause, p)
			if p.BadMinutes.Bound {
				untouched = append(untouched, fmt.Sprintf("%s (%d runs)", c.name, len(c.blocks)))
			}
			if t.tooFew() && t.runs > 0 { // with none, no call was judged
				r.TooFew = append(r.TooFew, c.name)
			}
		}
		if untouched != nil {
			r.Note = "no bad call seen in " + strings.Join(untouched, ", ")
		}
		if l.calmTime(l.rate) == 0 {
			r.Note = "incidents take up the whole year: use the method timeline. " + r.Note
		}
		f.Objectives = append(f.Objectives, r)
	}
	l := s.ledger(v, 0)
	for i, c := range s.classes {
		means, sums, weights := map[string]float64{}, map[string]float64{}, map[string]float64{}
		for _, b := range c.blocks {
			if b.runs[v] == nil {
				continue
			}
			for name, x := range b.runs[v].Metrics {
				sums[name] += b.weight * x
				weights[name] += b.weight
			}
		}
		for name, x := range sums {
			means[name] = x / weights[name]
		}
		if len(means) > 0 {
			f.Metrics[c.name] = means
		}
		for _, name := range s.plan.Counts {
			mean := sums[name] / float64(max(1, len(c.blocks)))
			switch length := c.mean(v, 0).length; {
			case len(c.causes) == 0 && length > 0:
				f.Yearly[name] += l.calmTime(l.rate) * mean / length
			case len(c.causes) == 1:
				f.Yearly[name] += l.rate[i] * mean
			}
		}
	}
	return f
}

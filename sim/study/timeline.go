package study

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Timeline is the plan of a study of a stretch of time as it is, repeated with other seeds. Its cases
// name no cause: what goes wrong is the scenario's own.
type Timeline struct {
	Objectives []Objective
	Variants   []Variant
	Baseline   string // the variant that the others are compared with; empty: the first
	FirstSeed  uint64
	Runs       int      // of each variant
	HalfWidth  float64  // as in Incidents
	Level      float64  // of intervals and verdicts
	Counts     []string // metrics that add up over a year
}

// DefaultTimeline returns a plan of 30 runs a variant at a level of 95 %.
func DefaultTimeline() Timeline { return Timeline{FirstSeed: 1, Runs: 30, Level: 0.95} }

// Validate reports every field that cannot be used.
func (plan Timeline) Validate() error {
	bad := validate(plan.Objectives, plan.Variants, plan.Baseline, plan.Level)
	if plan.Runs < 2 {
		bad = append(bad, fmt.Sprintf("Runs is %d, need 2 or more", plan.Runs))
	}
	if bad != nil {
		return fmt.Errorf("study: %s", strings.Join(bad, "; "))
	}
	return nil
}

// Run does the study; see [Incidents.Run]. The unit of its intervals is the run, never the call: calls
// of one run share their luck.
func (plan Timeline) Run(ctx context.Context, pool Pool, f Simulate) (*Summary, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	s := &timelineStudy{plan: plan, baseline: baselineOf(plan.Variants, plan.Baseline)}
	first := plan.Runs
	if plan.HalfWidth > 0 {
		first = min(plan.Runs, 10)
	}
	err := s.extend(ctx, pool, f, first)
	for err == nil && len(s.blocks) < plan.Runs && !s.narrowEnough() {
		err = s.extend(ctx, pool, f, min(plan.Runs, len(s.blocks)*3/2))
	}
	sum := s.summary()
	sum.Incomplete = err != nil
	return sum, err
}

// A timelineStudy is a study by timeline under way.
type timelineStudy struct {
	plan     Timeline
	baseline int
	blocks   [][]Measurement // by seed and variant
	rows     []Row
	progress Progress
}

// extend does runs until there are so many of each variant.
func (s *timelineStudy) extend(ctx context.Context, pool Pool, f Simulate, runs int) error {
	var cases []Case
	for i := len(s.blocks); i < runs; i++ {
		for _, v := range s.plan.Variants {
			cases = append(cases, Case{Variant: v.Name, Point: v.Point, Seed: s.plan.FirstSeed + uint64(i), Weight: 1})
		}
	}
	s.progress.Total = s.progress.Done + len(cases)
	rows, err := pool.run(ctx, cases, len(s.plan.Objectives), f, &s.progress)
	s.rows = append(s.rows, rows...)
	done := map[string]Measurement{}
	for _, r := range rows {
		done[r.Key()] = r.Measurement
	}
	for n := len(s.plan.Variants); len(cases) > 0; cases = cases[n:] {
		var block []Measurement
		for _, c := range cases[:n] {
			if m, ok := done[c.Key()]; ok {
				block = append(block, m)
			}
		}
		if len(block) == n {
			s.blocks = append(s.blocks, block)
		}
	}
	return err
}

// contributions returns what each run contributes to a variant's bad minutes a year: their mean is the
// estimate. It is bad calls over the mean of valid calls; with a cause, only calls due to it.
func (s *timelineStudy) contributions(v, o int, cause string) []float64 {
	list := make([]float64, len(s.blocks))
	var valid float64
	for _, b := range s.blocks {
		valid += b[v].Objectives[o].Valid / float64(len(s.blocks))
	}
	if valid == 0 {
		return list
	}
	for i, b := range s.blocks {
		bad := b[v].Objectives[o].Bad
		if cause != "" {
			bad = b[v].Objectives[o].ByCause[cause]
		}
		list[i] = bad / valid * minutesPerYear
	}
	return list
}

func (s *timelineStudy) estimate(v, o int) sum {
	t := newTerm(s.contributions(v, o, ""), false)
	t.floor, t.ceil = 0, minutesPerYear
	if t.value == 0 {
		t.ifHit = minutesPerYear // a run in which something goes wrong may lose every call
	}
	if !slices.ContainsFunc(s.blocks, func(b []Measurement) bool { return b[v].Objectives[o].Valid > 0 }) {
		t.runs = 0 // no call was judged: nothing is known
	}
	return sum{terms: []term{t}, floor: 0, ceil: minutesPerYear}
}

func (s *timelineStudy) narrowEnough() bool {
	for v := range s.plan.Variants {
		for o := range s.plan.Objectives {
			if !Enough(s.estimate(v, o).interval(s.plan.Level), s.plan.HalfWidth) {
				return false
			}
		}
	}
	return true
}

func (s *timelineStudy) compare(v, o int) comparison {
	c := comparison{
		variant: s.plan.Variants[v].key(), baseline: s.plan.Variants[s.baseline].key(), objective: s.plan.Objectives[o],
		equal: true, runs: len(s.blocks), sum: sum{floor: -minutesPerYear, ceil: minutesPerYear},
	}
	a, b := s.contributions(v, o, ""), s.contributions(s.baseline, o, "")
	diffs := make([]float64, len(a))
	for i := range a {
		diffs[i] = a[i] - b[i]
		c.equal = c.equal && diffs[i] == 0
	}
	c.sum.terms = []term{newTerm(diffs, false)}
	x, y := newTerm(a, false), newTerm(b, false)
	c.unpaired = x.se*x.se + y.se*y.se
	return c
}

func (s *timelineStudy) summary() *Summary {
	sum := &Summary{
		Method: "timeline", Baseline: s.plan.Variants[s.baseline].key(), Objectives: s.plan.Objectives,
		Classes:   []Class{{Name: "timeline", Runs: len(s.blocks)}},
		FirstSeed: s.plan.FirstSeed, LastSeed: s.plan.FirstSeed, Rows: s.rows, Runs: len(s.rows),
	}
	for _, r := range s.rows {
		sum.Events += r.Events
		sum.LastSeed = max(sum.LastSeed, r.Seed)
	}
	if len(s.blocks) == 0 {
		return sum
	}
	for v := range s.plan.Variants {
		sum.Variants = append(sum.Variants, s.finding(v))
	}
	for o := range s.plan.Objectives {
		var list []comparison
		for v := range s.plan.Variants {
			if v != s.baseline {
				list = append(list, s.compare(v, o))
			}
		}
		sum.Diffs = append(sum.Diffs, judge(list, s.plan.Level)...)
	}
	return sum
}

func (s *timelineStudy) finding(v int) Finding {
	n := float64(len(s.blocks))
	f := Finding{Variant: s.plan.Variants[v].Name, Point: s.plan.Variants[v].Point, Yearly: map[string]float64{}}
	means, runs, years := map[string]float64{}, map[string]float64{}, 0.0
	for _, b := range s.blocks {
		years += float64(b[v].Length) / float64(year) / n
		for name, x := range b[v].Metrics {
			means[name] += x
			runs[name]++
		}
	}
	for _, name := range s.plan.Counts {
		f.Yearly[name] = means[name] / n / years
	}
	for name := range means {
		means[name] /= runs[name]
	}
	f.Metrics = map[string]map[string]float64{"timeline": means}
	for o, objective := range s.plan.Objectives {
		e := s.estimate(v, o)
		r := result(objective, e, s.plan.Level)
		if t := e.terms[0]; t.tooFew() && t.runs > 0 { // with none, no call was judged
			r.TooFew = []string{"timeline"}
		}
		if r.BadMinutes.Bound {
			r.Note = fmt.Sprintf("no bad call seen in %d runs", len(s.blocks))
		}
		causes := map[string]bool{}
		for _, b := range s.blocks {
			for name := range b[v].Objectives[o].ByCause {
				causes[name] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(causes)) {
			t := newTerm(s.contributions(v, o, name), false)
			t.floor, t.ceil = 0, minutesPerYear
			low, high := t.limits(s.plan.Level)
			r.ByCause = append(r.ByCause, Part{
				Class: name, Runs: len(s.blocks), MeanLength: years * year.Seconds(),
				BadMinutes: Interval{Value: t.value, Low: low, High: high, Level: s.plan.Level, Covers: Sampling},
			})
		}
		f.Objectives = append(f.Objectives, r)
	}
	return f
}

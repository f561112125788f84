package study

import (
	"context"
	"math"
	"slices"
	"sort"
	"time"
)

// An incidentStudy is a study by incidents under way.
type incidentStudy struct {
	plan     Incidents
	variants []Variant
	classes  []*class // calm, then the causes that any variant has, then pairs
	baseline int
	draws    [][]float64 // of uncertain rates; nil if all are known
	rows     []Row
	progress Progress
	overlap  Overlap
}

// A class is a kind of run. All variants have the same blocks.
type class struct {
	name   string
	causes []int // in plan.Causes: none for calm, two for a pair
	blocks []block
}

// A block is what all variants made of one seed.
type block struct {
	seed   uint64
	u      []float64
	weight float64
	runs   []*Measurement // by variant; nil if the variant does not have the cause
}

func newIncidentStudy(plan Incidents) *incidentStudy {
	s := &incidentStudy{plan: plan, variants: plan.Variants}
	s.baseline = baselineOf(plan.Variants, plan.Baseline)
	if draws, uncertain := rateDraws(plan.Causes, plan.FirstSeed); uncertain {
		s.draws = draws
	}
	s.classes = []*class{{name: Calm}}
	for i, c := range plan.Causes {
		for v := range s.variants {
			if s.has(v, i) {
				s.classes = append(s.classes, &class{name: c.Name, causes: []int{i}})
				break
			}
		}
	}
	return s
}

func baselineOf(variants []Variant, key string) int {
	for i, v := range variants {
		if v.key() == key {
			return i
		}
	}
	return 0
}

// key is how a variant is called in cases and results.
func (v Variant) key() string {
	if len(v.Point) == 0 {
		return v.Name
	}
	return v.Name + " " + v.Point.String()
}

// has reports whether a variant has all the causes of a class.
func (s *incidentStudy) has(v int, causes ...int) bool {
	for _, c := range causes {
		cause := s.plan.Causes[c]
		if s.variants[v].victims(cause.Name) == 0 || cause.Rate.PerYear == 0 && !cause.Rate.Uncertain() {
			return false
		}
	}
	return true
}

// single returns the class of the incidents of one cause.
func (s *incidentStudy) single(cause int) *class {
	for _, c := range s.classes {
		if len(c.causes) == 1 && c.causes[0] == cause {
			return c
		}
	}
	panic("study: no class of cause " + s.plan.Causes[cause].Name)
}

// runs returns how many runs each variant has.
func (s *incidentStudy) runs() int {
	n := 0
	for _, c := range s.classes {
		n += len(c.blocks)
	}
	return n
}

// next prepares the next block of a class. A pair begins like the incident of its first cause with the
// same seed; its second cause begins at a random moment of that incident.
func (s *incidentStudy) next(c *class) block {
	b := block{seed: s.plan.FirstSeed + uint64(len(c.blocks)), weight: 1, runs: make([]*Measurement, len(s.variants))}
	for dimension, i := range c.causes {
		cause, name := s.plan.Causes[i], c.name
		if dimension == 0 {
			name = cause.Name
		}
		u, weight := Quantile(name, b.seed, dimension), 1.0
		if !cause.Fixed {
			u, weight = stretch(u)
		}
		b.u = append(b.u, u)
		b.weight *= weight
	}
	return b
}

// cases returns the runs of a block.
func (s *incidentStudy) cases(c *class, b block) []Case {
	var list []Case
	for v, variant := range s.variants {
		if !s.has(v, c.causes...) {
			continue
		}
		k := Case{Variant: variant.Name, Point: variant.Point, Causes: s.names(c), Seed: b.seed, U: b.u, Weight: b.weight}
		if len(c.causes) == 2 {
			first := s.single(c.causes[0]).blocks[len(c.blocks)].runs[v]
			k.Offset = time.Duration(Quantile(c.name, b.seed, 2) * float64(first.Length))
		}
		list = append(list, k)
	}
	return list
}

// extend does runs until each class has as many blocks as its goal says, seed by seed, so that a study
// that is cut short has some of everything. Only blocks that are complete are kept.
func (s *incidentStudy) extend(ctx context.Context, pool Pool, f Simulate, goal []int) error {
	left := s.plan.Runs - s.runs()
	var cases []Case
	for again := true; again; {
		again = false
		for i, c := range s.classes {
			if len(c.blocks) < goal[i] {
				b := s.next(c)
				cases = append(cases, s.cases(c, b)...)
				c.blocks = append(c.blocks, b)
				left--
				again = true
			}
		}
	}
	s.progress.Total = s.progress.Done + len(cases) + max(0, left)*len(s.variants)
	rows, err := pool.run(ctx, cases, len(s.plan.Objectives), f, &s.progress)
	s.rows = append(s.rows, rows...)
	done := map[string]*Measurement{}
	for i := range rows {
		done[rows[i].Key()] = &rows[i].Measurement
	}
	for _, c := range s.classes {
		c.blocks = slices.DeleteFunc(c.blocks, func(b block) bool { return !s.complete(c, b, done) })
	}
	return err
}

// complete gives a block its finished runs and reports whether all of them are there.
func (s *incidentStudy) complete(c *class, b block, done map[string]*Measurement) bool {
	for v, variant := range s.variants {
		if b.runs[v] == nil && s.has(v, c.causes...) {
			k := Case{Variant: variant.Name, Point: variant.Point, Causes: s.names(c), Seed: b.seed}
			if b.runs[v] = done[k.Key()]; b.runs[v] == nil {
				return false
			}
		}
	}
	return true
}

// names returns the causes of a class.
func (s *incidentStudy) names(c *class) (list []string) {
	for _, i := range c.causes {
		list = append(list, s.plan.Causes[i].Name)
	}
	return list
}

// allocate decides how many blocks each class is to have when there are total of them: more for those
// whose part of the answer is uncertain, summed up over variants and objectives relative to their bad
// minutes, the same for all variants.
func (s *incidentStudy) allocate(total int) []int {
	have, need, cost := make([]int, len(s.classes)), make([]float64, len(s.classes)), make([]float64, len(s.classes))
	for v := range s.variants {
		for o := range s.plan.Objectives {
			e := s.estimate(v, o)
			value := e.value()
			if value <= 0 {
				continue
			}
			for c, t := range e.terms {
				low, high := t.limits(s.plan.Level)
				if spread := (high - low) / value; !math.IsInf(spread, 0) {
					need[c] += spread * spread * float64(t.runs)
				}
			}
		}
	}
	for i, c := range s.classes {
		have[i], need[i], cost[i] = len(c.blocks), math.Sqrt(need[i]), c.cost()
	}
	goal := allocate(have, total, need, cost)
	for i, c := range s.classes {
		if len(c.causes) < 2 {
			continue
		}
		goal[i] = max(goal[i], s.plan.Pilot)
		for j, first := range s.classes { // a pair needs its first cause's incident
			if len(first.causes) == 1 && first.causes[0] == c.causes[0] && goal[i] > have[j] {
				goal[j] += goal[i] - have[j]
				goal[i] = have[j]
			}
		}
	}
	return goal
}

// cost returns what a run of the class takes: executed events, or simulated seconds if they are not
// counted.
func (c *class) cost() float64 {
	var events, length, n float64
	for _, b := range c.blocks {
		for _, m := range b.runs {
			if m != nil {
				events += float64(m.Events)
				length += m.Length.Seconds()
				n++
			}
		}
	}
	switch {
	case n == 0:
		return 1
	case events > 0:
		return events / n
	default:
		return length / n
	}
}

// order returns the blocks in the order of their first quantile.
func (c *class) order() []block {
	list := append([]block{}, c.blocks...)
	if len(c.causes) > 0 {
		sort.SliceStable(list, func(i, j int) bool { return list[i].u[0] < list[j].u[0] })
	}
	return list
}

package system

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/study"
)

// A Design is one system of a study: a variant of a scenario, at a place in a sweep's grid.
type Design struct {
	Variant  string
	Point    study.Point
	Scenario *scenario.Scenario
}

// A Study is several designs that meet the same incidents. Its method, objectives and causes are
// those of the first design's scenario.
type Study struct {
	designs  []Design
	families []scenario.Family
	causes   [][]fault.Cause // of each design
	workers  chan *sim.Worker
}

// NewStudy returns a study of the designs. Close it.
func NewStudy(designs []Design, families []scenario.Family) *Study {
	st := &Study{designs: designs, families: families, workers: make(chan *sim.Worker, 4*runtime.GOMAXPROCS(0))}
	for _, d := range designs {
		st.causes = append(st.causes, Causes(d.Scenario))
	}
	return st
}

// Close frees what the runs have used.
func (st *Study) Close() {
	for {
		select {
		case w := <-st.workers:
			w.Close()
		default:
			return
		}
	}
}

func (st *Study) base() *scenario.Scenario { return st.designs[0].Scenario }

// Objectives returns what the designs are held against.
func (st *Study) Objectives() []study.Objective {
	var list []study.Objective
	for _, o := range st.base().Objectives {
		list = append(list, study.Objective{Name: o.Name, Target: o.Target, Margin: margin(o.Target)})
	}
	return list
}

// margin is the difference in bad minutes a year that nobody would notice: a hundredth of what the
// target allows.
func margin(target float64) float64 { return 0.01 * (1 - target) * scenario.Year.Minutes() }

// Causes returns what goes wrong, how often a year to each victim. A fault whose victims differ
// comes as one cause for each kind of them ("pod_crash of shop"), since what it costs depends most on
// whom it meets: chance is left only what the study cannot spread evenly itself.
func (st *Study) Causes() []study.Cause {
	var list []study.Cause
	for i, f := range st.base().Faults {
		c := study.Cause{Fixed: st.fixed(i)}
		switch {
		case f.Every > 0:
			c.Rate = study.Every(f.Every)
		case f.Rate.In > 0:
			c.Rate = study.Seen(f.Rate.N, f.Rate.In)
		default:
			continue // happens at a set time: a matter for the timeline
		}
		for _, kind := range st.kinds(i) {
			c.Name = className(f.Name, kind)
			list = append(list, c)
		}
	}
	return list
}

// fixed reports whether no design draws how long a fault lasts.
func (st *Study) fixed(fault int) bool {
	return !slices.ContainsFunc(st.designs, func(d Design) bool {
		return d.Scenario.Faults[fault].Lasts.Length.Form != scenario.Fixed
	})
}

// kinds returns the kinds of victims that a fault finds in any of the designs; one empty word if
// they are all of one kind.
func (st *Study) kinds(fault int) []string {
	var kinds []string
	for i := range st.designs {
		for _, victim := range st.causes[i][fault].Victims {
			kinds = appendNew(kinds, serviceOf(victim))
		}
	}
	if len(kinds) == 1 {
		return []string{""}
	}
	return kinds
}

func className(fault, kind string) string {
	if kind == "" {
		return fault
	}
	return fault + " of " + kind
}

// FaultOf returns the name of the fault that a cause of a study is, or is part of.
func FaultOf(cause string) string {
	name, _, _ := strings.Cut(cause, " of ")
	return name
}

// of returns the fault of a design that a cause of the study stands for, with the victims of its kind.
func (st *Study) of(design int, cause string) fault.Cause {
	name, kind, some := strings.Cut(cause, " of ")
	i := slices.IndexFunc(st.causes[design], func(c fault.Cause) bool { return c.Name == name })
	c := st.causes[design][i]
	if some {
		c.Victims = slices.DeleteFunc(slices.Clone(c.Victims), func(v string) bool { return serviceOf(v) != kind })
	}
	return c
}

// Variants returns the designs with the number of victims that each cause finds in them.
func (st *Study) Variants() []study.Variant {
	var list []study.Variant
	for i, d := range st.designs {
		v := study.Variant{Name: d.Variant, Point: d.Point, Victims: map[string]float64{}}
		for _, c := range st.Causes() {
			v.Victims[c.Name] = float64(len(st.of(i, c.Name).Victims))
		}
		list = append(list, v)
	}
	return list
}

// Incidents returns the plan of a study by single incidents.
func (st *Study) Incidents() study.Incidents {
	plan := study.DefaultIncidents()
	plan.Objectives, plan.Causes, plan.Variants, plan.Counts = st.Objectives(), st.Causes(), st.Variants(), Counts()
	plan.Runs = st.base().Study.Runs
	return plan
}

// Timeline returns the plan of a study of a stretch of time as it is.
func (st *Study) Timeline() study.Timeline {
	plan := study.DefaultTimeline()
	plan.Objectives, plan.Variants, plan.Counts = st.Objectives(), st.Variants(), Counts()
	plan.Runs = st.base().Study.Runs
	return plan
}

// Run returns the run that a case stands for.
func (st *Study) Run(c study.Case) (Run, error) {
	i := slices.IndexFunc(st.designs, func(d Design) bool {
		return d.Variant == c.Variant && d.Point.String() == c.Point.String()
	})
	if i < 0 {
		return Run{}, fmt.Errorf("system: there is no variant %s %v", c.Variant, c.Point)
	}
	d := st.designs[i]
	run := Run{Scenario: d.Scenario, Families: st.families, Seed: c.Seed}
	seed, begin := sim.Seed(c.Seed), sim.Time(d.Scenario.Study.Warmup)
	switch {
	case len(c.Causes) == 0 && d.Scenario.Study.Method == "timeline":
		run.Until = d.Scenario.Study.Lasts
		run.Plan = Timeline(d.Scenario, c.Seed)
	case len(c.Causes) == 0:
		run.Until = d.Scenario.Study.Lasts
	case len(c.Causes) == 1:
		run.Plan = fault.Incident(seed, st.of(i, c.Causes[0]), begin, c.U[0])
	default:
		run.Plan = fault.Pair(seed, st.of(i, c.Causes[0]), st.of(i, c.Causes[1]), begin, c.Offset, c.U[0], c.U[1])
	}
	return run, nil
}

// Simulate does the run of a case.
func (st *Study) Simulate(ctx context.Context, c study.Case) (study.Measurement, error) {
	run, err := st.Run(c)
	if err != nil {
		return study.Measurement{}, err
	}
	run.Stop = ctx.Err
	out, err := st.Do(run)
	if err != nil {
		return study.Measurement{}, err
	}
	m := study.Measurement{Length: out.Length, Metrics: out.Metrics, Digest: study.Digest(out.Sim.Digest), Events: out.Sim.Events}
	for _, o := range out.Result.Objectives {
		count := study.Count{Valid: float64(o.Valid), Bad: float64(o.Bad())}
		if len(c.Causes) == 0 { // an incident's bad calls are all its own
			count.ByCause = map[string]float64{}
			for _, part := range o.ByCause {
				count.ByCause[part.Cause] = part.Bad
			}
		}
		m.Objectives = append(m.Objectives, count)
	}
	return m, nil
}

// Do does a run on one of the study's workers.
func (st *Study) Do(run Run) (Outcome, error) {
	var w *sim.Worker
	select {
	case w = <-st.workers:
	default:
		w = sim.NewWorker()
	}
	out, err := run.Do(w)
	select {
	case st.workers <- w:
	default:
		w.Close()
	}
	return out, err
}

package system

import (
	"slices"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/alert"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/measure"
)

// recording is what the recorder knows by number.
type recording struct {
	cfg    measure.Config
	judged [][]int // by operation: the objectives that judge it
}

// buildRecorder makes the recorder: the operations that the workload asks for, the objectives, the
// effects that somebody counts, the causes.
func (sys *System) buildRecorder() {
	cfg := measure.DefaultConfig()
	cfg.Warmup, cfg.Window = sys.sc.Study.Warmup, sys.sc.Study.Window
	for _, o := range sys.sc.Objectives {
		cfg.Objectives = append(cfg.Objectives, measure.Objective{
			Name: o.Name, Of: o.Of, Within: o.Within, Target: o.Target,
			DegradedGood: o.Degraded == "good", Settled: o.Settled, Once: o.Once,
		})
		for _, effect := range o.Once {
			cfg.Effects = appendNew(cfg.Effects, effect)
		}
	}
	for i := range sys.sc.Queues {
		cfg.Effects = appendNew(cfg.Effects, promised(&sys.sc.Queues[i]))
	}
	sys.recorded = recording{cfg: cfg}
	add := func(name string, effects bool) {
		if sys.recorded.operation(name) >= 0 {
			return
		}
		r := &sys.recorded
		r.cfg.Operations = append(r.cfg.Operations, measure.Operation{Name: name, Effects: effects})
		var judged []int
		for i, o := range cfg.Objectives {
			if o.Of == name {
				judged = append(judged, i)
			}
		}
		r.judged = append(r.judged, judged)
	}
	for _, st := range sys.sc.Workload {
		for _, part := range st.Mix {
			add(part.Op, sys.hasEffects(st.Name, part.Op))
		}
	}
	for _, o := range cfg.Objectives { // that the workload does not ask for: it counts nothing
		add(o.Of, false)
	}
	for _, f := range sys.sc.Faults {
		sys.recorded.cfg.Causes = append(sys.recorded.cfg.Causes, f.Name)
	}
	sys.rec = measure.NewRecorder(sys.recorded.cfg)
	sys.seen = make([]alert.Counts, len(cfg.Objectives))
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// promised names the effect that a message in a queue promises.
func promised(q *scenario.Queue) string {
	if q.To != "" {
		return q.To
	}
	return q.Name
}

// hasEffects reports whether a caller's call of an operation can have an effect that somebody counts.
func (sys *System) hasEffects(caller, ref string) bool {
	svc, o := sys.sc.Op(ref)
	if sys.recorded.effect(ref) >= 0 {
		return true
	}
	if f := sys.sc.Calls.Between(caller, svc.Name).Fallback; f != nil && (f.Send != "" || f.Call != "" && sys.hasEffects(caller, f.Call)) {
		return true
	}
	var any func(steps []scenario.Step) bool
	any = func(steps []scenario.Step) bool {
		return slices.ContainsFunc(steps, func(st scenario.Step) bool {
			return st.Send != "" || st.Call != "" && sys.hasEffects(svc.Name, st.Call) || any(st.Parallel)
		})
	}
	return any(o.Calls)
}

func (r *recording) promise(q *scenario.Queue) int { return r.effect(promised(q)) }

// effect returns the number of an effect, or -1 if nobody counts it.
func (r *recording) effect(name string) int { return slices.Index(r.cfg.Effects, name) }

// operation returns the number of an operation that is asked for from outside, or -1.
func (r *recording) operation(name string) int {
	return slices.IndexFunc(r.cfg.Operations, func(o measure.Operation) bool { return o.Name == name })
}

// measureID is the recorder's name for the call from outside behind a request.
func measureID(req *patterns.Request) measure.CallID { return measure.CallID(req.Origin) }

// applied tells the recorder that an effect has happened.
func (sys *System) applied(req *patterns.Request, effect int) {
	sys.rec.Applied(measureID(req), effect, sys.s.Now())
}

// ended tells the recorder, and whoever watches, how a call from outside ended.
func (sys *System) ended(id measure.CallID, operation int, intended sim.Time, outcome measure.Outcome) {
	now := sys.s.Now()
	sys.rec.Ended(id, now, outcome, 1)
	for _, i := range sys.recorded.judged[operation] {
		o, seen := &sys.recorded.cfg.Objectives[i], &sys.seen[i]
		seen.Calls++
		answered := outcome == measure.OK || outcome == measure.Degraded && o.DegradedGood
		if !answered || o.Within > 0 && now.Sub(intended) > o.Within {
			seen.Bad++
		}
	}
}

// goodSince reports whether all objectives went well since then: at most one call in ten was bad, or
// as many as the objective allows. Less than that calm runs have too.
func (sys *System) goodSince(then []alert.Counts) bool {
	for i, now := range sys.seen {
		calls, bad := now.Calls-then[i].Calls, now.Bad-then[i].Bad
		if float64(bad) > float64(calls)*max(0.1, 1-sys.recorded.cfg.Objectives[i].Target) {
			return false
		}
	}
	return true
}

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
type recording struct{ cfg measure.Config }

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
	for _, st := range sys.sc.Workload {
		for _, part := range st.Mix {
			if !slices.ContainsFunc(cfg.Operations, func(o measure.Operation) bool { return o.Name == part.Op }) {
				cfg.Operations = append(cfg.Operations, measure.Operation{Name: part.Op})
			}
		}
	}
	for _, f := range sys.sc.Faults {
		cfg.Causes = append(cfg.Causes, f.Name)
	}
	sys.recorded = recording{cfg}
	sys.rec = measure.NewRecorder(cfg)
	sys.seen = make([]alert.Counts, len(cfg.Objectives))
	sys.seenBefore = make([]alert.Counts, len(cfg.Objectives))
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

func (r *recording) promise(q *scenario.Queue) int { return r.effect(promised(q)) }

// effect returns the number of an effect, or -1 if nobody counts it.
func (r *recording) effect(name string) int { return slices.Index(r.cfg.Effects, name) }

func (r *recording) operation(name string) int {
	return slices.IndexFunc(r.cfg.Operations, func(o measure.Operation) bool { return o.Name == name })
}

// measureID is the recorder's name for the call from outside behind a request.
func measureID(req patterns.Request) measure.CallID { return measure.CallID(req.Origin) }

// applied tells the recorder that an effect has happened.
func (sys *System) applied(req patterns.Request, effect int) {
	sys.rec.Applied(measureID(req), effect, sys.s.Now())
}

// ended tells the recorder, and whoever watches, how a call from outside ended.
func (sys *System) ended(id measure.CallID, operation int, intended sim.Time, outcome measure.Outcome) {
	now := sys.s.Now()
	sys.rec.Ended(id, now, outcome, 1)
	for i, o := range sys.recorded.cfg.Objectives {
		if o.Of != sys.recorded.cfg.Operations[operation].Name {
			continue
		}
		sys.seen[i].Calls++
		answered := outcome == measure.OK || outcome == measure.Degraded && o.DegradedGood
		if !answered || o.Within > 0 && now.Sub(intended) > o.Within {
			sys.seen[i].Bad++
		}
	}
}

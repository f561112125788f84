package system

import (
	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/fallback"
	"github.com/nines-sim/nines/sim"
)

// fallback returns the policy that answers in place of the callee of an edge.
func (sys *System) fallback(e *edge, sc *scenario.Fallback) patterns.Policy {
	cfg := fallback.Config{On: sc.On}
	switch {
	case sc.Send != "":
		q := sys.queue(sc.Send)
		return fallback.ToQueue(cfg, func(p *sim.Process, req patterns.Request) error {
			_, err := q.send(p, req)
			return err
		})
	case sc.Stale > 0:
		keep := fallback.DefaultStaleConfig()
		keep.MaxAge = sc.Stale
		return &byAnswer{fallback.ToStale(cfg, keep), sys.answers(e.callee)}
	}
	return fallback.ToAnswer(cfg, patterns.Response{From: "default"})
}

// byAnswer lets requests that have the same answer share it: without a cache below, an operation
// answers all alike.
type byAnswer struct {
	policy  patterns.Policy
	answers []answers
}

// answers are how many different ones an operation gives: the keys of the first cache on the way, or one.
type answers struct {
	op   string
	keys uint64
}

func (b *byAnswer) Wrap(next patterns.Call) patterns.Call {
	call := b.policy.Wrap(next)
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		for i := range b.answers {
			if b.answers[i].op == req.Op {
				req.Key %= b.answers[i].keys
				break
			}
		}
		return call(p, req)
	}
}

// answers counts the different answers of a service's operations.
func (sys *System) answers(service string) (list []answers) {
	svc := sys.sc.Service(service)
	for i := range svc.Ops {
		list = append(list, answers{svc.Ops[i].Name, sys.keysOf(&svc.Ops[i])})
	}
	return list
}

func (sys *System) keysOf(o *scenario.Op) uint64 {
	if o.Cache != nil {
		return uint64(o.Cache.Keys)
	}
	keys := uint64(1)
	var walk func(steps []scenario.Step)
	walk = func(steps []scenario.Step) {
		for _, st := range steps {
			if st.Call != "" {
				_, callee := sys.sc.Op(st.Call)
				keys = max(keys, sys.keysOf(callee))
			}
			walk(st.Parallel)
		}
	}
	walk(o.Calls)
	return keys
}

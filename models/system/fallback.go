package system

import (
	"strings"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/fallback"
	"github.com/nines-sim/nines/sim"
)

// fallback returns the policy that answers in place of the callee of an edge, for a client on a host and in a
// group of its own.
func (sys *System) fallback(e *edge, from *network.Host, g *sim.Group) patterns.Policy {
	sc := e.policies.Fallback
	cfg := fallback.Config{On: sc.On, Concurrent: sc.Concurrent}
	if sc.Concurrent == scenario.Unlimited {
		cfg.Concurrent = 0
	}
	switch {
	case sc.Send != "":
		q := sys.queue(sc.Send)
		return fallback.ToQueue(cfg, func(p *sim.Process, req patterns.Request) error {
			_, err := q.send(p, req)
			return err
		})
	case sc.Stale > 0:
		keep := fallback.StaleConfig{Keys: sc.Size, MaxAge: sc.Stale}
		return &byAnswer{fallback.ToStale(cfg, keep), sys.answers(e.callee)}
	case sc.Call != "":
		return fallback.ToCall(cfg, sys.standIn(e, from, g))
	}
	return fallback.ToAnswer(cfg, patterns.Response{From: "default"})
}

// standIn returns the call that the fallback of an edge makes: for the same thing, and with an identity of its own,
// as it is another call with luck and effects of its own.
func (sys *System) standIn(e *edge, from *network.Host, g *sim.Group) patterns.Call {
	const other = 0x7374616e64696e // "standin"
	sc := e.policies.Fallback
	service, op, _ := strings.Cut(sc.Call, ".")
	call := sys.client(e.caller, service, from, g)
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		req.ID, req.Idempotency = sim.Mix(sim.Mix(req.ID, uint64(req.Attempt)), other), sim.Mix(req.Idempotency, other)
		req.Op, req.Attempt, req.Avoid, req.Copies, req.Intended = op, 1, "", nil, p.Now()
		resp, err := call(p, req)
		resp.Degraded = resp.Degraded || sc.Degraded
		return resp, err
	}
}

// byAnswer lets requests that have the same answer share it: without a cache below, an operation
// answers all alike.
type byAnswer struct {
	policy  patterns.Policy
	answers []answers
}

// answers are how many different ones an operation gives: those of the first cache on the way, or one.
type answers struct {
	op string
	things
}

func (b *byAnswer) Wrap(next patterns.Call) patterns.Call {
	call := b.policy.Wrap(next)
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		for i := range b.answers {
			if b.answers[i].op == req.Op {
				req.Key = b.answers[i].of(req.Key)
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
		list = append(list, answers{svc.Ops[i].Name, sys.answersOf(&svc.Ops[i])})
	}
	return list
}

func (sys *System) answersOf(o *scenario.Op) things {
	if o.Cache != nil {
		return sys.thingsOf(o.Cache)
	}
	most := things{number: 1}
	var walk func(steps []scenario.Step)
	walk = func(steps []scenario.Step) {
		for _, st := range steps {
			if st.Call != "" {
				_, callee := sys.sc.Op(st.Call)
				if t := sys.answersOf(callee); t.number > most.number {
					most = t
				}
			}
			walk(st.Parallel)
		}
	}
	walk(o.Calls)
	return most
}

package system

import (
	"fmt"
	"slices"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/measure"
)

// An edge is all calls from one caller to one callee, whoever of its replicas makes them.
type edge struct {
	caller, callee          string
	policies                scenario.Policies
	balance, retry, breaker sim.Keyed // luck
	outlier                 sim.Keyed
	limits                  limits
	counts                  *measure.Edge

	held []held          // policies of the clients that there are
	past []measure.Layer // what those of earlier clients did
}

// edge returns the edge between a caller and a callee.
func (sys *System) edge(caller, callee string) *edge {
	i := slices.IndexFunc(sys.edges, func(e *edge) bool { return e.caller == caller && e.callee == callee })
	if i >= 0 {
		return sys.edges[i]
	}
	name := caller + "." + callee
	e := &edge{
		caller: caller, callee: callee, policies: sys.sc.Calls.Between(caller, callee),
		balance: sys.s.Keyed("balance/" + name), retry: sys.s.Keyed("retry/" + name), breaker: sys.s.Keyed("breaker/" + name),
		outlier: sys.s.Keyed("outlier/" + name),
		limits:  limits{s: sys.s, name: name},
		counts:  sys.rec.Edge(name),
	}
	e.counts.Layers = e.layers
	sys.edges = append(sys.edges, e)
	return e
}

// A client is one instance of a caller as it calls a callee.
type client struct {
	*edge
	via    *nodes.Transport
	from   *network.Host
	group  *sim.Group
	number int // of the instance among those of the caller
}

// instance returns the place of the instance with that group among those of a caller.
func (sys *System) instance(caller string, g *sim.Group) int {
	for _, svc := range sys.services {
		if svc.Name() == caller {
			return slices.IndexFunc(svc.members, func(m *member) bool { return m.Group() == g })
		}
	}
	return 0 // the consumers of a queue, or a stream, are one
}

// name returns "caller.callee".
func (e *edge) name() string { return e.caller + "." + e.callee }

// client returns the calls from one instance of a caller, on a host and in a group of its own, to
// a callee, with the policies that the scenario puts around them. They are new: an instance that
// starts again has a new client.
func (sys *System) client(caller, callee string, from *network.Host, g *sim.Group) patterns.Call {
	via := sys.plain
	if t := sys.edge(caller, callee).policies.Timeout; t != nil && t.Cancel {
		via = sys.cancels
	}
	return sys.clientVia(via, caller, callee, from, g)
}

func (sys *System) clientVia(via *nodes.Transport, caller, callee string, from *network.Host, g *sim.Group) patterns.Call {
	e := sys.edge(caller, callee)
	p := &e.policies
	call := sys.spans.attempts(e, sys.callee(callee, client{e, via, from, g, sys.instance(caller, g)}))
	here, retries := sends, false // here: the places that have no policy between them and the call
	for _, slot := range slices.Backward(p.Order) {
		if slot == "retry" {
			here, retries = here|tries, true
		}
		if slot == "hedge" && p.Hedge != nil {
			here |= copies
		}
		if policy := sys.policyOf(e, slot, from, g); policy != nil {
			call, here = policy.Wrap(e.count(here, call)), 0
		}
	}
	if !retries {
		here |= tries
	}
	return e.count(here|calls, call)
}

// What passes along the chain of policies is counted at these places.
type places uint8

const (
	calls  places = 1 << iota // before all policies
	tries                     // inside the retries
	copies                    // inside the hedges
	sends                     // behind everything that can turn a call away
)

// count counts what passes at places that have nothing between them. At any time a call that has not been tried
// counts as answered without a try, and a try that has not been sent as turned away. What is sent to a
// callee that is not to learn the deadline has none.
func (e *edge) count(at places, next patterns.Call) patterns.Call {
	if at == 0 {
		return next
	}
	counts := e.counts
	propagate := e.policies.Timeout.Propagates()
	absolute := propagate && e.policies.Timeout.Propagate == "absolute"
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if at&calls != 0 {
			counts.Calls++
			counts.Answered++
			defer func() { counts.Returned++ }() // even if the caller is killed
		}
		if at&tries != 0 {
			switch {
			case req.Attempt <= 1:
				counts.Answered--
				counts.Turned++
			case (req.Attempt-1)%hedge.Stride != 0: // else it is the first try of a hedge
				counts.Retries++
				counts.Turned++
			}
		}
		if at&copies != 0 && req.Attempt > hedge.Stride {
			counts.Hedges++
			counts.Turned++
		}
		if at&sends != 0 {
			counts.Turned--
			counts.Sent++
			if !propagate {
				req.Deadline = 0
			}
			req.Absolute = absolute
		}
		return next(p, req)
	}
}

// check reports counts that are impossible. A family of somebody's own may send a try more than once.
func (e *edge) check() error {
	if c := e.counts; len(e.policies.More) == 0 && (c.Answered < 0 || c.Turned < 0) {
		return fmt.Errorf("edge %s: of %d calls, %d were tried; of their tries, %d retries and %d hedges, %d were sent",
			e.name(), c.Calls, c.Calls-c.Answered, c.Retries, c.Hedges, c.Sent)
	}
	return nil
}

package system

import (
	"math"
	"slices"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/measure"
)

// An edge is all calls from one caller to one callee, whoever of its replicas makes them.
type edge struct {
	caller, callee string
	policies       scenario.Policies
	balance, retry sim.Keyed // luck
	counts         *measure.Edge
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
		balance: sys.s.Keyed("balance/" + name), retry: sys.s.Keyed("retry/" + name),
		counts: sys.rec.Edge(name),
	}
	sys.edges = append(sys.edges, e)
	return e
}

// client returns the calls from one instance of a caller, on a host and in a group of its own, to
// a callee, with the policies that the scenario puts around them. They are new: an instance that
// starts again has a new client.
func (sys *System) client(caller, callee string, from *network.Host, g *sim.Group) patterns.Call {
	return sys.clientVia(caller, callee, from, g, func(next patterns.Call) patterns.Call { return next })
}

// clientVia is client with something inside all policies.
func (sys *System) clientVia(caller, callee string, from *network.Host, g *sim.Group, inside func(patterns.Call) patterns.Call) patterns.Call {
	e := sys.edge(caller, callee)
	p := &e.policies
	via := sys.plain
	if p.Timeout != nil && p.Timeout.Cancel {
		via = sys.cancels
	}
	call := inside(sys.spans.attempts(e, e.countSent(sys.callee(callee, via, from, p.Balance, e.balance))))
	tried := false
	for _, slot := range slices.Backward(p.Order) {
		if slot == "retry" {
			call, tried = e.countTries(call), true
		}
		if policy := sys.policy(e, slot, g); policy != nil {
			call = policy.Wrap(call)
		}
	}
	if !tried {
		call = e.countTries(call)
	}
	return e.countCalls(call)
}

// policy returns the policy of an edge that takes a slot, or nil if there is none.
func (sys *System) policy(e *edge, slot string, g *sim.Group) patterns.Policy {
	p := &e.policies
	for _, own := range p.More {
		i := slices.IndexFunc(sys.families, func(f scenario.Family) bool { return f.Name == own.Family })
		f := sys.families[i]
		if f.Slot == slot || f.Slot == "" && f.Name == slot {
			return f.New(sys.s, e.caller+"."+e.callee, own.Config)
		}
	}
	switch slot {
	case "total":
		if t := p.Timeout; t != nil && t.Total > 0 {
			return timeout.New(timeout.Config{Layer: "total", After: t.Total, Propagate: t.Propagate})
		}
	case "attempt":
		if t := p.Timeout; t != nil && t.Attempt > 0 {
			return timeout.New(timeout.Config{Layer: "timeout", After: t.Attempt, Propagate: t.Propagate})
		}
	case "retry":
		if p.Retry != nil {
			return retry.New(retryConfig(p.Retry), e.retry, retryBudget(p.Retry))
		}
	case "breaker":
		if p.Breaker != nil {
			return breaker.New(breakerConfig(e, p.Breaker))
		}
	case "bulkhead":
		if p.Bulkhead != nil {
			return bulkhead.New(bulkheadConfig(e, p.Bulkhead), sys.s)
		}
	case "fallback":
		if p.Fallback != nil {
			return sys.fallback(e, p.Fallback)
		}
	}
	return nil
}

func retryConfig(sc *scenario.Retry) retry.Config {
	cfg := retry.DefaultConfig()
	cfg.Attempts, cfg.On = sc.Attempts, sc.On
	cfg.Backoff = retry.Backoff{First: sc.Backoff.From, Max: sc.Backoff.To, Factor: sc.Factor}
	switch sc.Jitter {
	case "full":
		cfg.Backoff.Jitter = retry.Full
	case "equal":
		cfg.Backoff.Jitter = retry.Equal
	case "decorrelated":
		cfg.Backoff.Jitter = retry.Decorrelated
	}
	if sc.Budget == 0 {
		cfg.Attempts = 1
	}
	return cfg
}

// retryBudget is a bucket of tokens: it starts with ten, each success adds the budget's share of one,
// each retry takes one (M. Brooker, "Fixing retries with token buckets and circuit breakers",
// 2022). Unlike a share of the calls of the last seconds it works for rare calls too.
func retryBudget(sc *scenario.Retry) retry.Budget {
	if math.IsInf(sc.Budget, 1) || sc.Budget == 0 {
		return nil
	}
	cfg := retry.DefaultTokensConfig()
	cfg.Deposit = sc.Budget
	return retry.NewTokens(cfg)
}

func breakerConfig(e *edge, sc *scenario.Breaker) breaker.Config {
	cfg := breaker.DefaultConfig()
	cfg.Name = e.caller + "." + e.callee
	cfg.Window, cfg.Rate, cfg.MinCalls = sc.Window, sc.Rate, sc.MinCalls
	if sc.Consecutive > 0 {
		cfg.Failures, cfg.Rate = sc.Consecutive, 0
	}
	cfg.Open, cfg.Probes, cfg.Successes, cfg.On = sc.Open, sc.HalfOpen, sc.HalfOpen, sc.On
	return cfg
}

func bulkheadConfig(e *edge, sc *scenario.Bulkhead) bulkhead.Config {
	cfg := bulkhead.Config{Name: e.caller + "." + e.callee, Concurrent: sc.Max, Wait: sc.Wait}
	if sc.Wait > 0 {
		cfg.Waiting = math.MaxInt32
	}
	return cfg
}

// countCalls, countTries and countSent count what passes at three places of the chain: before all
// policies, inside the retries, and behind everything that can turn a call away.

func (e *edge) countCalls(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		e.counts.Calls++
		defer func() { e.counts.Returned++ }() // even if the caller is killed
		return next(p, req)
	}
}

func (e *edge) countTries(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if req.Attempt > 1 {
			e.counts.Retries++
		} else {
			e.counts.Answered-- // one call more has needed a try: see finish
		}
		return next(p, req)
	}
}

func (e *edge) countSent(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		e.counts.Sent++
		return next(p, req)
	}
}

// finish completes the counts at the end of a run. What was neither sent nor turned away had no try.
func (e *edge) finish() {
	e.counts.Answered += e.counts.Calls
	e.counts.Turned = e.counts.Calls - e.counts.Answered + e.counts.Retries - e.counts.Sent
}

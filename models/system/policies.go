package system

import (
	"slices"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
)

// policyOf returns the policy that a client has in a slot, or nil if there is none. It is one for all ways to the
// callee that a life of the client has: its own calls, those that stand in for others, those behind each cache.
func (sys *System) policyOf(e *edge, slot string, from *network.Host, g *sim.Group) patterns.Policy {
	policy := e.holds(slot, g)
	if policy == nil {
		if policy = sys.policy(e, slot, from, g); policy != nil {
			e.hold(slot, g, policy)
		}
	}
	return policy
}

// policy makes the policy of an edge that takes a slot, or nil if there is none, for a client on a host and
// in a group of its own.
func (sys *System) policy(e *edge, slot string, from *network.Host, g *sim.Group) patterns.Policy {
	p := &e.policies
	for _, own := range p.More {
		if own.Slot == slot {
			i := slices.IndexFunc(sys.families, func(f scenario.Family) bool { return f.Name == own.Family })
			return sys.families[i].New(sys.s, e.name(), own.Config)
		}
	}
	switch slot {
	case "total":
		if t := p.Timeout; t != nil && t.Total > 0 {
			_, total := t.Of()
			return timeout.New(total)
		}
	case "attempt":
		if t := p.Timeout; t != nil && t.Attempt > 0 {
			attempt, _ := t.Of()
			return timeout.New(attempt)
		}
	case "retry":
		if p.Retry != nil {
			return retry.New(p.Retry.Of(), e.retry, nil)
		}
	case "hedge":
		if p.Hedge != nil {
			return hedge.New(p.Hedge.Of(), g.Now(), nil)
		}
	case "breaker":
		if p.Breaker != nil && p.Breaker.Per == "client" {
			return breaker.NewJittered(p.Breaker.Of(e.name()), e.breaker)
		}
	case "limit":
		if p.Limit != nil {
			return e.limits.limit(p.Limit)
		}
	case "shed":
		if p.Shed != nil {
			return e.limits.shed(p.Shed, sim.Mix(uint64(sys.instance(e.caller, g)), g.Incarnation()))
		}
	case "bulkhead":
		if p.Bulkhead != nil {
			return newBulkhead(p.Bulkhead.Of(e.name()), sys.s)
		}
	case "fallback":
		if p.Fallback != nil {
			return sys.fallback(e, from, g)
		}
	}
	return nil
}

func newBulkhead(cfg patterns.Config, s *sim.Simulation) patterns.Policy {
	switch cfg := cfg.(type) {
	case bulkhead.PoolConfig:
		return bulkhead.NewPool(cfg, s)
	case bulkhead.ThresholdsConfig:
		return bulkhead.NewThresholds(cfg, s)
	case bulkhead.PartitionsConfig:
		return bulkhead.NewPartitions(cfg)
	default:
		return bulkhead.New(cfg.(bulkhead.Config), s)
	}
}

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
)

// policy returns the policy of an edge that takes a slot, or nil if there is none, for a client on a host and
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
		if p.Breaker != nil && p.Breaker.Per == "client" {
			return breaker.NewJittered(p.Breaker.Of(e.name()), e.breaker)
		}
	case "bulkhead":
		if p.Bulkhead != nil {
			return bulkhead.New(bulkheadConfig(e, p.Bulkhead), sys.s)
		}
	case "fallback":
		if p.Fallback != nil {
			return sys.fallback(e, from, g)
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

func bulkheadConfig(e *edge, sc *scenario.Bulkhead) bulkhead.Config {
	cfg := bulkhead.Config{Name: e.name(), Concurrent: sc.Max, Wait: sc.Wait}
	if sc.Wait > 0 {
		cfg.Waiting = math.MaxInt32
	}
	return cfg
}

package breaker

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/sim"
)

// Ready reports whether [Breaker.Allow] would let a call through at now. A Ramp lets through a share of the
// calls, so it is ready for any.
func (b *Breaker) Ready(now sim.Time) bool {
	c, t := &b.cfg, &b.trial
	switch b.State(now) {
	case Open, ForcedOpen:
		return false
	case HalfOpen:
		if b.state == Open || c.Ramp > 0 {
			return true
		}
		return c.Permits == InAll && t.given < c.Probes || c.Permits == AtOnce && t.underWay < c.Probes
	}
	return true
}

// Guard returns the targets as a balancer is to see them: each behind a breaker of its own, and not healthy
// while that lets nobody through. What happens when too few are left is the balancer's affair. The breakers
// are called Name and the target's name; draws are for OpenJitter, each breaker's its own.
func Guard(s *sim.Simulation, cfg Config, draws sim.Keyed, targets []balance.Target) []balance.Target {
	name := cfg.Name
	guarded := make([]balance.Target, len(targets))
	for i, t := range targets {
		cfg.Name = name + "/" + t.Name()
		b := NewJittered(cfg, draws)
		b.salt = uint64(i)
		guarded[i] = &guard{t, s, b, b.Wrap(t.Call)}
	}
	return guarded
}

type guard struct {
	balance.Target
	s       *sim.Simulation
	breaker *Breaker
	call    patterns.Call
}

// Unwrap returns the target behind the breaker.
func (g *guard) Unwrap() balance.Target { return g.Target }

// Counts returns what the target's breaker did so far.
func (g *guard) Counts() Counts { return g.breaker.Counts() }

func (g *guard) Healthy() bool { return g.Target.Healthy() && g.breaker.Ready(g.s.Now()) }

func (g *guard) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	return g.call(p, req)
}

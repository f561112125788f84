package system

import (
	"slices"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/outlier"
	"github.com/nines-sim/nines/sim"
)

// balanced returns the way from a client to the replicas of the service. Where the replica is chosen by key,
// requests for one answer of an operation's cache go to one replica.
func (svc *service) balanced(c client) patterns.Call {
	b := svc.balancer(c, svc.targets(c))
	byKey := c.policies.Balance.Hashes() && slices.ContainsFunc(svc.ops, func(o *op) bool { return o.Cache != nil })
	if !byKey {
		return b.Call
	}
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		key := req.Key
		if n := indexOf(svc.ops, req.Op); n >= 0 && svc.ops[n].Cache != nil {
			key = svc.ops[n].things.of(key)
		}
		return b.CallBy(p, req, key)
	}
}

// balancer returns what chooses among the targets for a client.
func (svc *service) balancer(c client, targets []balance.Target) *balance.Balancer {
	cfg := c.policies.Balance.Of()
	cfg.SkipUnhealthy = cfg.SkipUnhealthy || judges(c)
	cfg.Subset.Client = c.number
	if cfg.Zones.Mode != balance.Ignore {
		cfg.Zones.Own = c.from.Place().Zone
		cfg.Zones.Callers = svc.sys.callersByZone(c.caller)
	}
	return balance.New(cfg, c.balance, targets)
}

// judges reports whether the client itself finds replicas unhealthy, without probes.
func judges(c client) bool {
	b := c.policies.Breaker
	return c.policies.Outlier != nil || b != nil && b.Per == "replica"
}

// targets returns the ways from a client to each replica, behind the policies that each has for itself.
func (svc *service) targets(c client) []balance.Target {
	b := &c.policies.Balance
	cfg := b.Of()
	told := cfg.Load == balance.Told || cfg.Reports.Update > 0
	svc.tells = svc.tells || told
	targets := make([]balance.Target, len(svc.members))
	for i, m := range svc.members {
		targets[i] = m.Target(c.via, c.from)
		if judges(c) && !b.SkipUnhealthy {
			targets[i] = unprobed{targets[i]}
		}
		if len(svc.sc.Weights) > 0 {
			targets[i] = weighted{targets[i], inTurn(svc.sc.Weights, i)}
		}
		if b.Zones.Mode != balance.Ignore {
			targets[i] = zoned{targets[i], svc.sys.machine(m.Replica).zone.name}
		}
		if told {
			targets[i] = &telling{Target: targets[i], of: m}
		}
	}
	if b := c.policies.Breaker; b != nil && b.Per == "replica" {
		targets = breaker.Guard(svc.sys.s, b.Of(c.name()), c.breaker, targets)
		c.hold("breaker", c.group, breakers(targets))
	}
	if o := c.policies.Outlier; o != nil {
		judge := svc.judge(c, o)
		c.hold("outlier", c.group, judge)
		targets = outlier.Guard(svc.sys.s, c.name(), judge, targets)
	}
	return targets
}

// callersByZone counts the instances of a caller in each zone. Streams and queues are in none.
func (sys *System) callersByZone(caller string) (counts []balance.ZoneCallers) {
	for _, svc := range sys.services {
		if svc.Name() != caller {
			continue
		}
		for _, z := range sys.zones {
			n := 0
			for _, m := range svc.members {
				if sys.machine(m.Replica).zone == z {
					n++
				}
			}
			counts = append(counts, balance.ZoneCallers{Zone: z.name, Callers: n})
		}
	}
	return counts
}

// An unprobed target is one whose probes the client does not know of.
type unprobed struct{ balance.Target }

func (unprobed) Healthy() bool            { return true }
func (u unprobed) Unwrap() balance.Target { return u.Target }

// A weighted target is one that is worth another number of calls.
type weighted struct {
	balance.Target
	weight float64
}

func (w weighted) Weight() float64        { return w.weight }
func (w weighted) Unwrap() balance.Target { return w.Target }

// A zoned target is one of which the client knows where it is. A replica that moves stays in its zone for a
// client that knew it there.
type zoned struct {
	balance.Target
	zone string
}

func (z zoned) Zone() string           { return z.zone }
func (z zoned) Unwrap() balance.Target { return z.Target }

// A telling target is one that says with each answer how loaded it is. Until it has answered, it is idle. Its
// report is taken where the answer arrives, so half a round trip newer than the answer.
type telling struct {
	balance.Target
	of     *member
	load   float64
	report balance.Report // of the last answer
}

func (t *telling) Load() float64          { return t.load }
func (t *telling) Unwrap() balance.Target { return t.Target }

// LastReport hands a report over once: a call that a breaker behind the balancer turns away has brought none.
func (t *telling) LastReport() balance.Report {
	last := t.report
	t.report = balance.Report{}
	return last
}

func (t *telling) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	resp, err := t.Target.Call(p, req)
	t.report = balance.Report{}
	if resp.Load > 0 { // it holds a thread for this call at least
		t.load, t.report = resp.Load, t.of.report.last
	}
	return resp, err
}

package system

import (
	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/patterns/shed"
	"github.com/nines-sim/nines/sim"
)

// A limits makes what turns calls away because they are too many, for one caller's calls to a service or for one
// service: each replica has its own, and has a new one in each of its lives. What they share outlives them.
type limits struct {
	s      *sim.Simulation
	name   string // caller.callee, or the service
	server bool

	limiter  *ratelimit.Limiter // that all ask
	counters *ratelimit.Counters
	draws    sim.Keyed // of shedders
	drawn    bool
}

// limit returns the rate limiter of a replica.
func (l *limits) limit(sc *scenario.Limit) patterns.Policy {
	now := l.s.Now()
	switch shared := sc.Shared; {
	case shared == nil:
		return ratelimit.New(sc.Of(l.server), now)
	case shared.Sync > 0:
		if l.counters == nil {
			l.counters = new(ratelimit.Counters)
		}
		return ratelimit.NewSynced(sc.Synced(l.server), l.counters.Elsewhere(shared.RoundTrip))
	default:
		if l.limiter == nil {
			l.limiter = ratelimit.New(sc.Of(l.server), now)
		}
		return ratelimit.NewRemote(sc.Remote(l.server), l.limiter.Elsewhere(shared.RoundTrip))
	}
}

// shed returns the throttle or the concurrency limiter of a replica in one of its lives, which its luck belongs to.
func (l *limits) shed(sc *scenario.Shed, life uint64) patterns.Policy {
	now := l.s.Now()
	if !l.drawn {
		l.draws, l.drawn = l.s.Keyed("shed/"+l.name), true
	}
	luck := l.draws.At(life)
	var limit shed.Limit
	switch cfg := sc.Of(l.server).(type) {
	case shed.ThrottleConfig:
		return shed.NewThrottle(cfg, now, l.draws)
	case shed.AIMDConfig:
		limit = shed.NewAIMD(cfg)
	case shed.VegasConfig:
		limit = shed.NewVegas(cfg, &luck)
	case shed.Gradient2Config:
		limit = shed.NewGradient2(cfg)
	case shed.GradientConfig:
		limit = shed.NewGradient(cfg, now, &luck)
	}
	if sc.Windowed != nil {
		limit = shed.NewWindowed(sc.Windowed.WindowedConfig, limit)
	}
	return shed.NewLimiter(sc.Limiter(l.server), limit)
}

// front returns what stands before a replica of a service, or nil if nothing does. Health checks pass.
func (svc *service) front(m *member) patterns.Policy {
	var policies []patterns.Policy
	if svc.sc.Limit != nil {
		policies = append(policies, svc.limits.limit(svc.sc.Limit))
	}
	if svc.sc.Shed != nil {
		policies = append(policies, svc.limits.shed(svc.sc.Shed, sim.Mix(uint64(m.Number()), m.Group().Incarnation())))
	}
	if len(policies) == 0 {
		return nil
	}
	return spared{svc, patterns.Chain(policies...)}
}

// A spared policy is one that does not look at health checks.
type spared struct {
	svc    *service
	policy patterns.Policy
}

// Wrap returns next behind the policy.
func (sp spared) Wrap(next patterns.Call) patterns.Call {
	looked := sp.policy.Wrap(next)
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if indexOf(sp.svc.ops, req.Op) < 0 {
			return next(p, req)
		}
		return looked(p, req)
	}
}

// rules returns those of a replica's waiting line, or nil if it has none but its length, wait and order.
func (svc *service) rules() *shed.Queue {
	cfg := svc.sc.Queue.Rules()
	if cfg == (shed.QueueConfig{}) {
		return nil
	}
	return shed.NewQueue(cfg, svc.sys.s.Now())
}

package shed

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// A Limit says how many calls may be under way at once, and learns from those that end.
type Limit interface {
	// Limit returns how many calls may be under way at now: 1 or more.
	Limit(now sim.Time) int
	// Learn learns at now from a call that has ended.
	Learn(now sim.Time, s Sample)
}

// A Sample is what is known of a call that has ended.
type Sample struct {
	Began    sim.Time
	RTT      time.Duration // how long it took, from when it began
	InFlight int           // calls under way when it began, itself included
	Dropped  bool          // it was turned away, or took too long
}

// LimiterConfig says what a [Limiter] makes of how calls end.
type LimiterConfig struct {
	On     patterns.Kinds // failures that say that there is too much load; others say nothing
	Shares []float64      // of the limit, which calls of priority 0, 1, ... may use; the last for all above. None: all of it
	Server bool           // it stands before a server: a rejection is [patterns.Overloaded], not [patterns.Rejected]
}

// DefaultLimiterConfig returns timeouts and overload as signs of load, as the integrations of Netflix's
// concurrency-limits have it, and no difference between priorities.
func DefaultLimiterConfig() LimiterConfig {
	return LimiterConfig{On: patterns.KindsOf(patterns.Timeout, patterns.Overloaded)}
}

// Validate names every field that makes no sense.
func (c LimiterConfig) Validate() error {
	f := check.Of("shed")
	before, ok := 0.0, true
	for _, share := range c.Shares {
		ok = ok && share > 0 && share <= 1 && share >= before
		before = share
	}
	f.Need(ok, "LimiterConfig.Shares", c.Shares, "each more than 0, at most 1, and no less than the one before")
	return f.Err()
}

// A Limiter lets calls through while fewer are under way than its [Limit] says.
//
//	asked ──fewer are under way than the limit──▶ under way ──how it ended, after how long──▶ a new limit
//	  │
//	  └──otherwise──▶ rejected
//
// It protects a server from more work at once than it does well, and the caller's threads from
// waiting there. Nobody has to know the right number: it is found from how long calls take, and follows
// the server. It pays while it looks: with calls rejected though there was room, or with a queue at the
// server that it took for normal.
//
// A call whose answer never comes stays under way for ever, so a call behind a Limiter needs a timeout of
// its own. A caller that is killed gives its place back.
type Limiter struct {
	cfg      LimiterConfig
	limit    Limit
	inFlight int
	rejected *patterns.Error
	counts   LimiterCounts
}

// LimiterCounts says what a [Limiter] did so far.
type LimiterCounts struct {
	Allowed  uint64 // calls let through
	Rejected uint64 // calls rejected
}

// NewLimiter returns a limiter with no calls under way. It panics if the configuration is not valid.
func NewLimiter(cfg LimiterConfig, limit Limit) *Limiter {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Limiter{cfg: cfg, limit: limit, rejected: rejected(cfg.Server, "limiter", ErrLimit)}
}

// Counts returns what happened so far.
func (l *Limiter) Counts() LimiterCounts { return l.counts }

// InFlight returns how many calls are under way.
func (l *Limiter) InFlight() int { return l.inFlight }

// A Permit allows one call. It is given back to [Limiter.Release] exactly once.
type Permit struct {
	at       sim.Time
	inFlight int
}

// Acquire asks at now to make a call of a priority.
func (l *Limiter) Acquire(now sim.Time, priority int) (Permit, bool) {
	if l.inFlight >= l.open(l.limit.Limit(now), priority) {
		l.counts.Rejected++
		return Permit{}, false
	}
	l.counts.Allowed++
	l.inFlight++
	return Permit{now, l.inFlight}, true
}

// open returns how much of a limit is open to a priority: its share, to the nearest call, at least 1.
func (l *Limiter) open(limit, priority int) int {
	n := len(l.cfg.Shares)
	if n == 0 {
		return limit
	}
	share := l.cfg.Shares[min(max(priority, 0), n-1)]
	return max(int(math.Round(float64(limit)*share)), 1)
}

// Release reports at now how a call ended.
func (l *Limiter) Release(now sim.Time, permit Permit, outcome Outcome) {
	if l.inFlight == 0 {
		panic("shed: Release of a call that is not under way")
	}
	l.inFlight--
	if outcome != Ignored {
		l.limit.Learn(now, Sample{permit.at, now.Sub(permit.at), permit.inFlight, outcome == Dropped})
	}
}

// Wrap returns next behind this limiter; several calls to one server may share it.
func (l *Limiter) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		permit, ok := l.Acquire(p.Sim().Now(), req.Priority)
		if !ok {
			return patterns.Response{}, l.rejected
		}
		outcome := Ignored // unless the call comes back: a killed caller is unwound
		defer func() { l.Release(p.Sim().Now(), permit, outcome) }()
		resp, err := next(p, req)
		switch {
		case err == nil:
			outcome = Success
		case l.cfg.On.Match(err):
			outcome = Dropped
		}
		return resp, err
	}
}

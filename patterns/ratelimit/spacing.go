package ratelimit

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// A gcra is the generic cell rate algorithm of ATM (ITU-T I.371), as throttled/throttled has it: a
// call's theoretical arrival time is an interval after that of the call before, and it may come up to
// the tolerance before that. The tolerance is burst intervals, one more than throttled's MaxBurst. One
// instant is all of its state. If Period is a multiple of Limit it decides as a [TokenBucket] does.
type gcra struct {
	keeps
	interval, tolerance time.Duration
	arrival             sim.Time // of the next call, in theory
}

func (g *gcra) reserve(now, last sim.Time, n int64) sim.Time {
	cost := times(g.interval, n)
	if cost > g.tolerance {
		return sim.Never
	}
	next := max(now, g.arrival).Add(cost)
	at := max(now, next.Add(-g.tolerance))
	if at <= last {
		g.arrival = next
	}
	return at
}

// A leakyBucket issues permits an interval apart, the first at once. One that is asked for late is
// issued late; those after it may make up for that, by up to slack of time. It is go.uber.org/ratelimit:
// both its atomicLimiter, which adds up how long to sleep, and its atomicInt64Limiter, which keeps the
// time of issue, decide like this when calls come one after the other (see the test).
type leakyBucket struct {
	keeps
	interval, slack time.Duration
	issued          sim.Time // the newest permit, which may have been used later
	used            bool
}

func (b *leakyBucket) reserve(now, last sim.Time, n int64) sim.Time {
	issued := now
	if b.used {
		issued = max(b.issued.Add(b.interval), now.Add(-b.slack))
	}
	issued = issued.Add(times(b.interval, n-1))
	at := max(now, issued)
	if at <= last {
		b.issued, b.used = issued, true
	}
	return at
}

// A smooth gives one permit in each interval since the start: failsafe-go's smooth limiter. Two calls
// may be as close together as the end of one interval and the beginning of the next.
type smooth struct {
	keeps
	start    sim.Time
	interval time.Duration
	free     time.Duration // since the start: when the next permit is free, a multiple of the interval
}

func (s *smooth) reserve(now, last sim.Time, n int64) sim.Time {
	passed := now.Sub(s.start)
	free := max(s.free, passed-passed%s.interval)
	// The last of n permits is free so many intervals later.
	at := max(now, s.start.Add(free).Add(times(s.interval, n-1)))
	if at <= last {
		s.free = free + times(s.interval, n)
	}
	return at
}

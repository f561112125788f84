// Package ratelimit limits how many calls are made in a time.
//
// A [Limiter] is the state machine, for each of the algorithms in use, and a policy for one client. It
// takes the present instant and has no clock. [Remote] asks a limiter that is kept elsewhere and shared
// by many clients; [Synced] counts here and tells the others now and then.
package ratelimit

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/bucket"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// ErrExceeded is the cause of a rejection: the call would have been one too many.
var ErrExceeded = errors.New("rate limit exceeded")

// An Algorithm says how calls are counted against a limit.
type Algorithm uint8

// The algorithms.
const (
	TokenBucket    Algorithm = iota // tokens come continuously, up to Burst; a call takes one
	Refill                          // as many tokens as the Limit come at once, every period since the start, up to Burst
	FixedWindow                     // as many calls as the Limit in each period of the clock
	SlidingLog                      // as many calls as the Limit in any stretch of a period
	SlidingCounter                  // the same as a log of all calls, estimated from two counters
	GCRA                            // a call may come ahead of its time, by one interval less than Burst: the generic cell rate algorithm
	LeakyBucket                     // an interval between two calls; Slack calls that were not made may be made up for
	Smooth                          // one call in each interval since the start
	Warming                         // saved permits are spent, at first slowly: Guava's SmoothBursty and SmoothWarmingUp
	algorithms
)

var algorithmNames = [algorithms]string{
	"token_bucket", "refill", "fixed_window", "sliding_log", "sliding_counter", "gcra", "leaky_bucket", "smooth", "warming",
}

// Words returns the names of all algorithms, in order.
func (Algorithm) Words() []string { return algorithmNames[:] }

func (a Algorithm) String() string {
	if a < algorithms {
		return algorithmNames[a]
	}
	return fmt.Sprintf("algorithm %d", uint8(a))
}

// Config says what the limit is and what happens to a call that is above it. A negative Wait has no limit.
type Config struct {
	Algorithm Algorithm     `nines:"algorithm"` // how calls are counted
	Limit     int           `nines:"-"`         // calls allowed
	Period    time.Duration `nines:"-"`         // in this time

	Burst         int           `nines:"burst,min=0,auto=as many as the rate has"` // calls at once after a pause, with token_bucket, refill and gcra; permits that a pause saves, with warming
	Slack         int           `nines:"slack,min=0"`                              // calls not made that may be made up for, with leaky_bucket
	WarmUp        time.Duration `nines:"warm_up,none"`                             // how long it takes from cold to the full rate, with warming; 0: it is never cold
	Cold          float64       `nines:"cold,factor,min=1,none"`                   // how many times as long the interval between two calls is when it is cold, with warming
	CountRejected bool          `nines:"count_rejected"`                           // rejected calls count too, with sliding_log and sliding_counter

	Wait       time.Duration `nines:"wait,none,unlimited"` // the longest wait for a permit; 0: rejected at once
	ByDeadline bool          `nines:"by_deadline"`         // a call whose wait would end after its deadline is rejected at once
	SlowReject bool          `nines:"slow_reject"`         // a call that cannot have its permit within Wait is rejected after Wait, not at once
	RetryAfter bool          `nines:"retry_after"`         // rejections say when it is worth trying again
	Server     bool          `nines:"-"`                   // it stands before a server: a rejection is [patterns.Overloaded], not [patterns.Rejected]
}

// DefaultConfig returns a token bucket for 100 calls a second and as many at once, which rejects at
// once and says when to try again.
func DefaultConfig() Config {
	return Config{Algorithm: TokenBucket, Limit: 100, Period: time.Second, Burst: 100, RetryAfter: true}
}

// Validate names every field that makes no sense, or has none for the algorithm.
func (c Config) Validate() error {
	f := check.Of("ratelimit")
	f.Need(c.Algorithm < algorithms, "Algorithm", c.Algorithm, "one of the package's")
	f.Need(c.Limit >= 1 && c.Limit <= maxLimit, "Limit", c.Limit, "1 to 1,000,000,000")
	f.Need(c.Period > 0, "Period", c.Period, "more than 0")

	only := func(unused bool, field string, value any, of ...Algorithm) {
		f.Need(unused || slices.Contains(of, c.Algorithm), field, value, fmt.Sprintf("0 for %v, which has none", c.Algorithm))
	}
	only(c.Burst == 0, "Burst", c.Burst, TokenBucket, Refill, GCRA, Warming)
	only(c.Slack == 0, "Slack", c.Slack, LeakyBucket)
	only(c.WarmUp == 0, "WarmUp", c.WarmUp, Warming)
	only(c.Cold == 0, "Cold", c.Cold, Warming)
	f.Need(!c.CountRejected || c.Algorithm == SlidingLog || c.Algorithm == SlidingCounter, "CountRejected", true, fmt.Sprintf("false for %v", c.Algorithm))
	f.Need(!c.CountRejected || c.Wait == 0, "CountRejected", true, "false where calls may wait")

	limited := c.Limit >= 1 && c.Limit <= maxLimit && c.Period > 0
	switch c.Algorithm {
	case TokenBucket:
		f.Need(c.Burst >= 1, "Burst", c.Burst, "1 or more")
		f.Need(!limited || c.Burst < 1 || bucket.Fits(int64(c.Limit), c.Period, int64(c.Burst)), "Burst", c.Burst, "less, to be counted exactly in this Period")
	case Refill:
		f.Need(c.Burst >= 1 && c.Burst <= maxLimit, "Burst", c.Burst, "1 to 1,000,000,000")
	case SlidingLog:
		f.Need(c.Limit <= maxLog, "Limit", c.Limit, "at most 1,000,000, for each is remembered")
	case GCRA, LeakyBucket, Smooth:
		f.Need(!limited || c.interval() >= 1, "Limit", c.Limit, "at most one call in a nanosecond")
		if c.Algorithm == GCRA {
			f.Need(c.Burst >= 1 && (!limited || times(c.interval(), int64(c.Burst)) < math.MaxInt64), "Burst", c.Burst, "1 or more, and less than 292 years of calls")
		}
		f.Need(c.Slack >= 0 && (!limited || times(c.interval(), int64(c.Slack)) < math.MaxInt64), "Slack", c.Slack, "0 or more, and less than 292 years of calls")
	case Warming:
		f.Need(c.WarmUp >= 0, "WarmUp", c.WarmUp, "0 or more")
		f.Need(c.WarmUp <= 0 || c.Burst == 0, "Burst", c.Burst, "0 with a WarmUp, which says how much is saved")
		f.Need(c.WarmUp > 0 || c.Burst >= 0, "Burst", c.Burst, "0 or more")
		f.Need(c.WarmUp <= 0 || c.Cold > 1 && c.Cold <= 1000, "Cold", c.Cold, "more than 1 and at most 1000")
		f.Need(c.WarmUp > 0 || c.Cold == 0, "Cold", c.Cold, "0 without a WarmUp")
	}
	f.Need(!c.SlowReject || c.Wait > 0, "SlowReject", c.SlowReject, "false without a Wait that ends")
	return f.Err()
}

const (
	maxLimit = 1_000_000_000
	maxLog   = 1_000_000
)

// interval is the time from one call to the next, cut to whole nanoseconds as the libraries do.
func (c *Config) interval() time.Duration { return c.Period / time.Duration(c.Limit) }

// An algorithm counts calls. It is asked at instants that never go back.
type algorithm interface {
	// reserve finds the first instant from now on at which n permits can be used, and books them
	// there unless that is after last. [sim.Never] is an instant that does not come.
	reserve(now, last sim.Time, n int64) (at sim.Time)
	// cancel gives a booking back that was not used by now, as far as the algorithm can.
	cancel(now sim.Time, r Reservation)
}

// A Limiter limits how many calls are made in a time.
//
//	asked ──a permit is there──────────────────▶ sent
//	  │                                            ▲
//	  ├──one comes within Wait──▶ waiting ─────────┘
//	  │
//	  └──none comes so soon──▶ rejected
//
// It protects whom the calls go to from more than it can bear, and one client from another's zeal. It
// pays with calls that are rejected, or late, when there would have been room for them: most algorithms
// know nothing of how busy the server is.
//
// Permits are given in the order in which they are asked for. A call that must wait books its permit
// at once, so nobody overtakes it; calls that are rejected book nothing, and so delay nobody (unless
// CountRejected says otherwise). Arithmetic is in whole nanoseconds and exact; only [Warming] rounds to
// microseconds, as Guava does. A clock that is set back stands still until it has caught up.
type Limiter struct {
	cfg      Config
	alg      algorithm
	now      sim.Time
	rejected *patterns.Error // without RetryAfter: the same for all
	counts   Counts
}

// Counts says what a [Limiter] did so far.
type Counts struct {
	Allowed   uint64 // permits given, at once or for later
	Waited    uint64 // of which for later
	Rejected  uint64 // permits refused
	Cancelled uint64 // of Waited: given back before they were used
}

// New returns a limiter that nobody has used, at start: periods and intervals of [Refill], [Smooth] and
// [Warming] are counted from there. It panics if the configuration is not valid.
func New(cfg Config, start sim.Time) *Limiter {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	l := &Limiter{cfg: cfg, now: start, rejected: &patterns.Error{Kind: kind(cfg.Server), Layer: "ratelimit", Cause: ErrExceeded}}
	limit, interval := int64(cfg.Limit), cfg.interval()
	switch cfg.Algorithm {
	case TokenBucket:
		l.alg = &tokenBucket{bucket: bucket.New(limit, cfg.Period, int64(cfg.Burst), start), burst: int64(cfg.Burst)}
	case Refill:
		l.alg = &refill{start: start, period: cfg.Period, quantum: limit, capacity: int64(cfg.Burst), tokens: int64(cfg.Burst)}
	case FixedWindow:
		l.alg = &fixedWindow{refill{period: cfg.Period, quantum: limit, capacity: limit, tokens: limit}}
	case SlidingLog:
		l.alg = &slidingLog{period: cfg.Period, log: make([]sim.Time, cfg.Limit), countRejected: cfg.CountRejected}
	case SlidingCounter:
		l.alg = &slidingCounter{period: cfg.Period, limit: limit, countRejected: cfg.CountRejected}
	case GCRA:
		l.alg = &gcra{interval: interval, tolerance: interval * time.Duration(cfg.Burst), arrival: start}
	case LeakyBucket:
		l.alg = &leakyBucket{interval: interval, slack: interval * time.Duration(cfg.Slack)}
	case Smooth:
		l.alg = &smooth{start: start, interval: interval}
	case Warming:
		l.alg = newWarming(cfg, start)
	}
	return l
}

// Config returns the configuration.
func (l *Limiter) Config() Config { return l.cfg }

// Counts returns what happened so far.
func (l *Limiter) Counts() Counts { return l.counts }

// A Reservation is a booking of permits.
type Reservation struct {
	At sim.Time // when they may be used; if they were refused, the first instant at which they could be
	n  int64
}

// Allow asks for one permit to be used now.
func (l *Limiter) Allow(now sim.Time) bool {
	_, ok := l.Reserve(now, 1, 0)
	return ok
}

// Reserve asks at now for n permits to be used together within wait from now; a negative wait has no
// limit. If they are refused nothing is booked, and the reservation says when they could have been
// used: [sim.Never] if there are never so many at once. It panics if n is less than 1.
func (l *Limiter) Reserve(now sim.Time, n int, wait time.Duration) (r Reservation, ok bool) {
	if n < 1 {
		panic(fmt.Sprintf("ratelimit: Reserve of %d permits", n))
	}
	l.now = max(l.now, now)
	last := sim.Never - 1
	if wait >= 0 {
		last = min(last, l.now.Add(wait))
	}
	at := l.alg.reserve(l.now, last, int64(n))
	if at > last {
		l.counts.Rejected++
		return Reservation{At: at}, false
	}
	l.counts.Allowed++
	if at > l.now {
		l.counts.Waited++
	}
	return Reservation{at, int64(n)}, true
}

// Cancel gives permits back at now that were booked for later, and are not used. Of the algorithms only
// [TokenBucket] can do that, as golang.org/x/time/rate can: it gets back what nobody has booked behind
// them. With the others they are lost. A reservation whose instant has passed is used.
func (l *Limiter) Cancel(now sim.Time, r Reservation) {
	l.now = max(l.now, now)
	if r.n == 0 || r.At < l.now {
		return
	}
	l.counts.Cancelled++
	l.alg.cancel(l.now, r)
}

// keeps is part of every algorithm that cannot take a booking back.
type keeps struct{}

func (keeps) cancel(sim.Time, Reservation) {}

// times returns n lengths of d, or the longest Duration if they are longer.
func times(d time.Duration, n int64) time.Duration {
	hi, lo := bits.Mul64(uint64(d), uint64(n))
	if hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(lo)
}

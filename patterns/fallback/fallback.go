// Package fallback answers in another way when a call fails.
package fallback

import (
	"errors"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/lru"
	"github.com/nines-sim/nines/sim"
)

// Config says which failures are answered in another way, and how many at a time.
type Config struct {
	On         patterns.Kinds
	Concurrent int // calls that are being answered in another way; those beyond that are not; 0: any number
}

// DefaultConfig returns all transient failures, and calls that a breaker or a bulkhead turned away, any number
// at a time.
func DefaultConfig() Config {
	return Config{On: patterns.Transient | patterns.KindsOf(patterns.Rejected)}
}

// Hystrix returns at most ten at a time: fallback.isolation.semaphore.maxConcurrentRequests, whose
// rejections it counts as FALLBACK_REJECTION (HystrixCommandProperties at 7c03bafe). It falls back
// whenever a call fails, is late, short-circuited or rejected, as the default does.
func Hystrix() Config {
	c := DefaultConfig()
	c.Concurrent = 10
	return c
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("fallback")
	f.Need(c.On != 0, "On", "no kind", "at least one")
	f.Need(c.Concurrent >= 0, "Concurrent", c.Concurrent, "0 or more")
	return f.Err()
}

// Counts says what a [Fallback] did so far.
type Counts struct {
	Used     uint64 // calls that failed and were answered in another way
	Failed   uint64 // calls that failed, and so did the other way
	Rejected uint64 // calls that failed when too many others were being answered in another way
}

// A Fallback answers a failed call in another way: it asks somebody else ([ToCall]), gives a
// fixed answer ([ToAnswer]) or the last good one ([ToStale]), or puts the request into a queue for
// later ([ToQueue]). All but the first are marked as degraded.
//
//	sent ──fails as On says, and there is room──▶ the other way ──▶ its answer, degraded or not
//	 │                                                 │
//	 └──otherwise──▶ its outcome                       └──fails too──▶ the failure of the call
//
// It protects the user from the failure, and pays with answers of lower quality, or with load on
// whoever else is asked, who meets all of it at once and only in bad times; Concurrent bounds that. What
// failed may have happened all the same, so asking elsewhere or later may do it twice. A failure that
// never comes, because the call has no timeout inside, is never answered.
//
// If the other way fails too, the error has the kind of the original one, and both as its causes.
type Fallback struct {
	cfg      Config
	instead  patterns.Call
	underWay int                        // calls of instead, if they are bounded
	last     *lru.Map[question, answer] // good answers, for ToStale
	counts   Counts
}

// ToCall asks somebody else.
func ToCall(cfg Config, secondary patterns.Call) *Fallback {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Fallback{cfg: cfg, instead: secondary}
}

// ToAnswer gives a fixed answer.
func ToAnswer(cfg Config, resp patterns.Response) *Fallback {
	resp.Degraded = true
	return ToCall(cfg, func(*sim.Process, patterns.Request) (patterns.Response, error) { return resp, nil })
}

// ToQueue hands the request to send, which stores it for later. What send returns as an error
// follows the rules of a [patterns.Call].
func ToQueue(cfg Config, send func(p *sim.Process, req patterns.Request) error) *Fallback {
	return ToCall(cfg, func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if err := send(p, req); err != nil {
			return patterns.Response{}, err
		}
		return patterns.Response{Degraded: true}, nil
	})
}

// StaleConfig says which good answers are kept.
type StaleConfig struct {
	Keys   int           // of how many keys; the one used longest ago is forgotten
	MaxAge time.Duration // how old an answer may be when it is given; 0: none is given
}

// DefaultStaleConfig returns 10,000 keys and ten minutes.
func DefaultStaleConfig() StaleConfig { return StaleConfig{Keys: 10_000, MaxAge: 10 * time.Minute} }

// Validate names every field that makes no sense.
func (c StaleConfig) Validate() error {
	f := check.Of("fallback")
	f.Need(c.Keys >= 0, "StaleConfig.Keys", c.Keys, "0 or more")
	f.Need(c.MaxAge >= 0, "StaleConfig.MaxAge", c.MaxAge, "0 or more")
	return f.Err()
}

// A question is what good answers are kept by.
type question struct {
	op  string
	key uint64
}

type answer struct {
	resp patterns.Response
	at   sim.Time
}

// errNothingKept says that there is no good answer young enough.
var errNothingKept = &patterns.Error{Kind: patterns.Unavailable, Layer: "fallback", Cause: errors.New("no answer kept that is young enough")}

// ToStale gives the last good answer to the same operation and key.
func ToStale(cfg Config, keep StaleConfig) *Fallback {
	if err := errors.Join(cfg.Validate(), keep.Validate()); err != nil {
		panic(err.Error())
	}
	last := lru.New[question, answer](keep.Keys)
	f := ToCall(cfg, func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		kept, ok := last.Get(question{req.Op, req.Key})
		if !ok || p.Sim().Now().Sub(kept.at) >= keep.MaxAge {
			return patterns.Response{}, errNothingKept
		}
		kept.resp.Degraded = true
		return kept.resp, nil
	})
	f.last = last
	return f
}

// Counts returns what happened so far.
func (f *Fallback) Counts() Counts { return f.counts }

var errTooMany = &patterns.Error{Kind: patterns.Rejected, Layer: "fallback"}

// Wrap returns next with this fallback.
func (f *Fallback) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		resp, err := next(p, req)
		if err == nil {
			if f.last != nil && !resp.Degraded {
				f.last.Put(question{req.Op, req.Key}, answer{resp, p.Sim().Now()})
			}
			return resp, nil
		}
		if !f.cfg.On.Match(err) {
			return resp, err
		}
		if f.cfg.Concurrent > 0 && f.underWay == f.cfg.Concurrent {
			f.counts.Rejected++
			return resp, both(err.(*patterns.Error), errTooMany)
		}
		other, otherErr := f.otherwise(p, req)
		if otherErr == nil {
			f.counts.Used++
			return other, nil
		}
		f.counts.Failed++
		return resp, both(err.(*patterns.Error), otherErr)
	}
}

// otherwise answers in the other way.
func (f *Fallback) otherwise(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	if f.cfg.Concurrent > 0 {
		f.underWay++
		defer func() { f.underWay-- }() // even if the caller is killed
	}
	return f.instead(p, req)
}

// both returns an error of the original's kind with both as its causes. The end of a scope is passed on.
func both(original *patterns.Error, other error) error {
	second, ok := other.(*patterns.Error)
	if !ok {
		return other
	}
	e := *original
	e.Layer = "fallback"
	e.Maybe = original.Maybe || second.Maybe
	e.Cause = errors.Join(original, second)
	return &e
}

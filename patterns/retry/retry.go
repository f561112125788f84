// Package retry repeats calls that failed.
package retry

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// Config says what is retried, how often and when.
type Config struct {
	Attempts int            // tries in all, the first included; 1: no retry
	Backoff  Backoff        // the waits between them
	On       patterns.Kinds // kinds of failure that are worth another try
	OnlySafe bool           // leave alone what may have happened, unless the request is idempotent
}

// DefaultConfig returns three attempts, as the AWS SDKs, resilience4j and failsafe-go make them,
// with [DefaultBackoff], for every transient failure, safe to repeat or not.
func DefaultConfig() Config {
	return Config{Attempts: 3, Backoff: DefaultBackoff(), On: patterns.Transient}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("retry")
	f.Need(c.Attempts >= 1, "Attempts", c.Attempts, "1 or more")
	c.Backoff.check(f)
	return f.Err()
}

// Counts says what a [Retry] did so far.
type Counts struct {
	Calls   uint64 // calls begun
	Retries uint64 // retries made: attempts are Calls + Retries
	Denied  uint64 // retries that the budget refused
	TooLate uint64 // retries that could not have begun before the deadline
}

// A Retry repeats a failed call, usually waiting longer each time.
//
// It protects the caller from failures that pass, and pays with load on a server that may be
// failing because of load: without a [Budget], clients can keep it overloaded after the fault is
// gone, and retries at several layers multiply. What failed may have happened, so repeating it may
// do it twice. An answer that never comes is never retried: each attempt needs a timeout inside
// the Retry; another one around it limits attempts and waits together.
//
// The last attempt's error is returned as it is, except that it says that the effect may have
// happened if that is so of an earlier attempt.
type Retry struct {
	cfg    Config
	draws  sim.Keyed
	budget Budget
	counts Counts
}

// New returns a retry that draws its jitter from draws, by the request's ID and attempt. The
// budget may be shared by all that call the same server; nil sets no limit. New panics if the
// configuration is not valid.
func New(cfg Config, draws sim.Keyed, budget Budget) *Retry {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	if budget == nil {
		budget = Unlimited{}
	}
	return &Retry{cfg: cfg, draws: draws, budget: budget}
}

// Counts returns what happened so far.
func (r *Retry) Counts() Counts { return r.counts }

// Wrap returns next with retries.
func (r *Retry) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		call := r.Begin(p.Now(), req)
		for {
			req.Attempt = call.Attempt
			resp, err := next(p, req)
			if err == nil {
				r.budget.Succeeded(p.Now())
				return resp, nil
			}
			delay, again := r.Next(&call, p.Now(), deadline(p, req), err)
			if !again {
				return resp, call.blame(err)
			}
			if delay > 0 {
				if err := p.Sleep(delay); err != nil {
					return resp, err
				}
			}
			req.Avoid = resp.From
		}
	}
}

// A State is one call on its way through its attempts.
type State struct {
	Attempt    int // the number of the attempt that is being made: 1 at first
	key        uint64
	idempotent bool
	maybe      bool // an earlier attempt may have had its effect
	delay      time.Duration
}

// Begin starts a call at now, with its first attempt.
func (r *Retry) Begin(now sim.Time, req patterns.Request) State {
	r.counts.Calls++
	r.budget.Began(now)
	key := req.ID
	if key == 0 { // nameless requests must not all draw the same jitter
		key = sim.Mix(r.counts.Calls, 0)
	}
	return State{Attempt: 1, key: key, idempotent: req.Idempotency != 0}
}

// Next says how long to wait before the next attempt of a call whose attempt failed with err at
// now, or that there is none. A retry that could not begin before the deadline is not made.
func (r *Retry) Next(call *State, now, deadline sim.Time, err error) (delay time.Duration, again bool) {
	failure, ok := err.(*patterns.Error)
	if !ok || call.Attempt >= r.cfg.Attempts || !r.cfg.On.Has(failure.Kind) {
		return 0, false
	}
	call.maybe = call.maybe || failure.Maybe
	if r.cfg.OnlySafe && failure.Maybe && !call.idempotent {
		return 0, false
	}
	draws := r.draws.At(sim.Mix(call.key, uint64(call.Attempt)))
	call.delay = r.cfg.Backoff.Delay(call.Attempt, call.delay, draws.Float64())
	delay = max(call.delay, failure.RetryAfter)
	if now.Add(delay) >= deadline {
		r.counts.TooLate++
		return 0, false
	}
	if !r.budget.Spend(now) {
		r.counts.Denied++
		return 0, false
	}
	r.counts.Retries++
	call.Attempt++
	return delay, true
}

// blame returns the call's error, given that of its last attempt.
func (call *State) blame(err error) error {
	last, ok := err.(*patterns.Error)
	if !ok || last.Maybe || !call.maybe {
		return err
	}
	worse := *last
	worse.Maybe = true
	return &worse
}

// deadline returns when nobody waits for the call any more.
func deadline(p *sim.Process, req patterns.Request) sim.Time {
	at, _ := p.Deadline() // Never if there is none
	if req.Deadline != 0 {
		at = min(at, req.Deadline)
	}
	return at
}

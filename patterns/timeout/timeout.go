// Package timeout gives up on calls that take too long.
package timeout

import (
	"errors"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// ErrPast is the cause of a rejection: the request's deadline had passed before it was sent.
var ErrPast = errors.New("deadline already past")

// Config says how long a call may take.
type Config struct {
	Layer      string        // what it is called in errors: "timeout", "total"
	After      time.Duration // how long a call may take; 0: no limit of its own
	Propagate  bool          // obey the request's own deadline too, and send the earlier of the two along
	Margin     time.Duration // the deadline that is sent along is so much earlier, to leave time for the way back
	Checkpoint time.Duration // the call looks at the time only so often, and goes on until then; what ends before counts (cooperative cancellation, as in Polly); 0: it is given up on time
}

// DefaultConfig returns one second, as Hystrix and resilience4j have it, with the deadline sent
// along as in gRPC.
func DefaultConfig() Config {
	return Config{Layer: "timeout", After: time.Second, Propagate: true}
}

// Attempt returns the configuration of a timeout that belongs inside a retry, around each attempt.
func Attempt(after time.Duration) Config {
	cfg := DefaultConfig()
	cfg.After = after
	return cfg
}

// Total returns the configuration of a timeout that belongs around a retry: attempts and the
// waits between them share it.
func Total(after time.Duration) Config {
	cfg := DefaultConfig()
	cfg.Layer, cfg.After = "total", after
	return cfg
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("timeout")
	f.Need(c.Layer != "", "Layer", `""`, "a name")
	f.Need(c.After >= 0, "After", c.After, "0 or more")
	f.Need(c.Margin >= 0 && (c.Margin == 0 || c.Propagate), "Margin", c.Margin, "0 or more, and Propagate")
	f.Need(c.Checkpoint >= 0, "Checkpoint", c.Checkpoint, "0 or more")
	return f.Err()
}

// Counts says what a [Timeout] did so far.
type Counts struct {
	Fired uint64 // calls given up
	Past  uint64 // calls rejected, as their deadline had passed
}

// A Timeout gives up on a call that has not ended in time.
//
//	now ──▶ waiting ──the call ends──▶ its outcome
//	           │
//	           └──After, or the request's deadline──▶ timeout
//
// It protects the caller's thread, and whoever waits for the caller, from answers that come late
// or never. It pays with answers that would have come a moment later: what was given up may have
// happened all the same, and the server goes on working at it unless it is told the deadline and
// drops what nobody waits for.
//
// A Timeout ends the call by a scope of the calling process. The end of that scope becomes a
// [patterns.Timeout]; the end of a scope further out passes through, to whoever opened it. So an
// attempt that is cut short by the total is the total's timeout, not the attempt's. What is sent along is
// an instant on the caller's clock; what becomes of it on the way, and whether the server hears that the
// caller has given up, is the transport's affair.
type Timeout struct {
	cfg      Config
	timedOut error
	past     error
	counts   Counts
}

// Counts returns what happened so far.
func (t *Timeout) Counts() Counts { return t.counts }

// New returns a timeout. It panics if the configuration is not valid.
func New(cfg Config) *Timeout {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Timeout{
		cfg:      cfg,
		timedOut: &patterns.Error{Kind: patterns.Timeout, Layer: cfg.Layer, Maybe: true},
		past:     &patterns.Error{Kind: patterns.Rejected, Layer: cfg.Layer, Cause: ErrPast},
	}
}

// Deadline returns when a call that starts now is given up, if the request itself asks for a
// deadline of asked (zero: none). It is [sim.Never] if nothing limits the call.
func (t *Timeout) Deadline(now, asked sim.Time) sim.Time {
	at := sim.Never
	if t.cfg.After > 0 {
		at = now.Add(t.cfg.After)
	}
	if t.cfg.Propagate && asked != 0 {
		at = min(at, asked)
	}
	return at
}

// Wrap returns next with this limit. A request whose deadline has passed, or would have for the server, is
// rejected, not sent.
func (t *Timeout) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		now := p.Now()
		at := t.Deadline(now, req.Deadline)
		switch {
		case at == sim.Never:
			return next(p, req)
		case at.Sub(now) <= t.cfg.Margin:
			t.counts.Past++
			return patterns.Response{}, t.past
		}
		if t.cfg.Propagate {
			req.Deadline = notZero(at - sim.Time(t.cfg.Margin))
		}
		scope := p.WithDeadline(t.noticed(now, at))
		resp, err := next(p, req)
		if err != nil && scope.Ended(err) {
			err = t.timedOut
			t.counts.Fired++
		}
		scope.Close()
		return resp, err
	}
}

// noticed returns when a call that began at start notices that its time is up at at.
func (t *Timeout) noticed(start, at sim.Time) sim.Time {
	every := t.cfg.Checkpoint
	if every == 0 {
		return at
	}
	return start.Add((at.Sub(start) + every - 1) / every * every)
}

// notZero replaces 0, which would stand for no deadline, by a nanosecond less.
func notZero(t sim.Time) sim.Time {
	if t == 0 {
		return -1
	}
	return t
}

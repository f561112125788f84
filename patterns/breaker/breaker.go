// Package breaker stops calling what keeps failing.
package breaker

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
)

// ErrOpen says that the breaker does not let a call through.
var ErrOpen = errors.New("breaker is open")

// Config says what opens a breaker and what closes it again. Each of Failures, Rate and SlowRate
// opens it by itself; at least one must be set.
type Config struct {
	Name string // whom it protects, in notes: "orders.payment"

	Failures int           // failures in a row that open it; 0: no number does
	Rate     float64       // share of failures in the window that opens it; 0: no share does
	SlowRate float64       // share of slow calls in the window that opens it; 0: no share does
	Window   time.Duration // how far back Rate and SlowRate look, in steps of a tenth
	MinCalls int           // calls in the window below which Rate and SlowRate say nothing
	Slow     time.Duration // a call that takes longer is slow

	Open      time.Duration // how long it stays open before it lets probes through
	Probes    int           // calls let through to see whether it works again
	Successes int           // of which so many must succeed to close it; one failure opens it again

	On patterns.Kinds // failures that count; others say nothing about whom it protects
}

// DefaultConfig returns what Hystrix made common: at least half of at least 20 calls in 10 s
// failed, 5 s open, 1 probe. What counts as a failure is every sign of a server in trouble.
func DefaultConfig() Config {
	return Config{
		Rate: 0.5, Window: 10 * time.Second, MinCalls: 20,
		Open: 5 * time.Second, Probes: 1, Successes: 1,
		On: patterns.Transient,
	}
}

// Consecutive returns the configuration of a breaker that opens after a number of failures in a
// row, for the given time, and closes after one probe that succeeds.
func Consecutive(failures int, open time.Duration) Config {
	cfg := DefaultConfig()
	cfg.Failures, cfg.Rate, cfg.Open = failures, 0, open
	return cfg
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("breaker")
	f.Need(c.Failures >= 0, "Failures", c.Failures, "0 or more")
	f.Need(c.Rate >= 0 && c.Rate <= 1, "Rate", c.Rate, "0 to 1")
	f.Need(c.SlowRate >= 0 && c.SlowRate <= 1, "SlowRate", c.SlowRate, "0 to 1")
	f.Need(c.Failures != 0 || c.Rate != 0 || c.SlowRate != 0, "Failures, Rate and SlowRate", "0 each", "one that is not")
	f.Need(c.Window > 0 || c.Rate == 0 && c.SlowRate == 0, "Window", c.Window, "more than 0")
	f.Need(c.MinCalls >= 0, "MinCalls", c.MinCalls, "0 or more")
	f.Need(c.Slow > 0 || c.SlowRate == 0, "Slow", c.Slow, "more than 0 for a SlowRate")
	f.Need(c.Open > 0, "Open", c.Open, "more than 0")
	f.Need(c.Probes >= 1, "Probes", c.Probes, "1 or more")
	f.Need(c.Successes >= 1 && c.Successes <= c.Probes, "Successes", c.Successes, "1 to Probes")
	return f.Err()
}

// A State of a breaker.
type State uint8

// The states of a breaker.
const (
	Closed   State = iota // calls go through
	Open                  // no call goes through
	HalfOpen              // a few go through, to see
)

func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// An Outcome is how a permitted call ended, as far as it says something about whom it asked.
type Outcome uint8

// The outcomes of a permitted call.
const (
	Unknown Outcome = iota // nothing was learned: the caller was killed or cancelled, or never sent it
	Success
	Failure
)

// A Breaker stops calling a dependency that keeps failing.
//
//	closed ──Failures in a row, Rate or SlowRate──▶ open ──Open──▶ half-open ──Successes──▶ closed
//	                                                 ▲                 │
//	                                                 └──a probe fails──┘
//
// It protects a struggling dependency from load, and its callers from waiting for answers that
// will not come. It pays with calls that might have succeeded: while it is open, all are rejected.
//
// A probe whose answer never comes holds its permit for ever, and a breaker with no permit left
// stays half-open, so a call behind a Breaker needs a timeout of its own. It must be inside: one
// that is further out is not seen as a failure, only as a caller that stopped waiting.
//
// A result counts in the state in which its call was let through: one from an earlier state is
// stale and is ignored.
type Breaker struct {
	cfg   Config
	state State
	since sim.Time // when state was entered
	epoch uint64   // counts changes of state; a permit from an older epoch is stale

	inRow                 int        // closed: failures since the last success
	calls, failures, slow window.Sum // closed: what ended within the window

	probes    int // half-open: permits given out, less those that taught nothing
	successes int // half-open: probes that succeeded

	rejected error
	counts   Counts
}

// Counts says what a [Breaker] did so far.
type Counts struct {
	Allowed  uint64 // calls let through
	Rejected uint64 // calls not let through
	Opened   uint64 // times it opened
}

// New returns a closed breaker. It panics if the configuration is not valid.
func New(cfg Config) *Breaker {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	b := &Breaker{cfg: cfg, rejected: &patterns.Error{Kind: patterns.Rejected, Layer: "breaker", Cause: ErrOpen}}
	if cfg.Rate > 0 || cfg.SlowRate > 0 {
		b.calls, b.failures, b.slow = window.New(cfg.Window), window.New(cfg.Window), window.New(cfg.Window)
	}
	return b
}

// A Permit allows one call. It is given back to [Breaker.Done] exactly once.
type Permit struct {
	at    sim.Time
	epoch uint64
}

// State returns the state at now.
func (b *Breaker) State(now sim.Time) State {
	if b.state == Open && now >= b.since.Add(b.cfg.Open) {
		return HalfOpen // entered by the next call
	}
	return b.state
}

// Counts returns what happened so far.
func (b *Breaker) Counts() Counts { return b.counts }

// Allow asks to make a call at now. The error is nil or [ErrOpen].
func (b *Breaker) Allow(now sim.Time) (Permit, error) {
	if b.state == Open && b.State(now) == HalfOpen {
		b.enter(HalfOpen, now)
	}
	switch {
	case b.state == Open, b.state == HalfOpen && b.probes == b.cfg.Probes:
		b.counts.Rejected++
		return Permit{}, ErrOpen
	case b.state == HalfOpen:
		b.probes++
	}
	b.counts.Allowed++
	return Permit{now, b.epoch}, nil
}

// Done reports at now how a permitted call ended. A stale permit is ignored.
func (b *Breaker) Done(now sim.Time, permit Permit, outcome Outcome) {
	if permit.epoch != b.epoch {
		return
	}
	slow := b.cfg.SlowRate > 0 && now.Sub(permit.at) > b.cfg.Slow
	if b.state == Closed {
		b.record(now, outcome, slow)
		return
	}
	switch { // half-open: no permit is given out while open
	case outcome == Unknown:
		b.probes--
	case outcome == Failure || slow:
		b.enter(Open, now)
	default:
		if b.successes++; b.successes == b.cfg.Successes {
			b.enter(Closed, now)
		}
	}
}

// record counts a result while closed, and opens the breaker if it must.
func (b *Breaker) record(now sim.Time, outcome Outcome, slow bool) {
	switch outcome {
	case Unknown:
		return
	case Success:
		b.inRow = 0
	case Failure:
		b.inRow++
	}
	trip := b.cfg.Failures > 0 && b.inRow >= b.cfg.Failures
	if b.cfg.Rate > 0 || b.cfg.SlowRate > 0 {
		b.calls.Add(now, 1)
		if outcome == Failure {
			b.failures.Add(now, 1)
		}
		if slow {
			b.slow.Add(now, 1)
		}
		if calls := b.calls.Total(now); calls >= int64(b.cfg.MinCalls) {
			trip = trip || reached(b.failures.Total(now), calls, b.cfg.Rate) || reached(b.slow.Total(now), calls, b.cfg.SlowRate)
		}
	}
	if trip {
		b.enter(Open, now)
	}
}

const million = 1_000_000

// reached reports whether part/whole has reached rate, which a rate of zero never is. It compares
// millionths, so that 7 of 100 are 7 %.
func reached(part, whole int64, rate float64) bool {
	return rate > 0 && part*million >= max(1, int64(math.Round(rate*million)))*whole
}

// enter is the only place that changes state.
func (b *Breaker) enter(s State, now sim.Time) {
	b.state, b.since = s, now
	b.epoch++
	b.inRow, b.probes, b.successes = 0, 0, 0
	b.calls.Clear()
	b.failures.Clear()
	b.slow.Clear()
	if s == Open {
		b.counts.Opened++
	}
}

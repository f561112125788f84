// Package breaker stops calling what keeps failing.
package breaker

import (
	"errors"
	"fmt"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// ErrOpen says that the breaker does not let a call through.
var ErrOpen = errors.New("breaker is open")

// A State of a breaker.
type State uint8

// The states of a breaker.
const (
	Closed       State = iota // calls go through
	Open                      // no call goes through
	HalfOpen                  // a few go through, to see
	ForcedOpen                // no call goes through until somebody says so
	ForcedClosed              // calls go through, whatever happens, until somebody says so
	states
)

var stateNames = [states]string{"closed", "open", "half-open", "forced open", "forced closed"}

func (s State) String() string {
	if s < states {
		return stateNames[s]
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
//	closed ──Failures, Count, Rate or SlowRate──────▶ open ──Open──▶ half-open ──Verdict──▶ closed
//	                                                  ▲                 │
//	                                                  └─────Verdict─────┘
//
// It protects a struggling dependency from load, and its callers from waiting for answers that
// will not come. It pays with calls that might have succeeded: while it is open, all are rejected.
//
// A probe whose answer never comes holds its permit for ever, and a breaker with no permit left
// stays half-open, so a call behind a Breaker needs a timeout of its own, or the Breaker a Trial. The
// timeout must be inside: one that is further out is not seen as a failure, only as a caller that
// stopped waiting.
//
// A result counts in the state in which its call was let through: one from an earlier state is
// stale and is ignored, unless Stale says otherwise.
//
// A Breaker has no clock. What time alone brings about (Auto, Trial, Ramp, Every) is seen when it is
// asked next, and has happened at its own instant. It acts as if it was made at time zero.
type Breaker struct {
	cfg   Config
	draws sim.Keyed // of OpenJitter
	salt  uint64    // which of those it is that share the draws

	state    State
	since    sim.Time // when state was entered
	until    sim.Time // open: when probes may go through; half-open: when it has lasted too long
	next     sim.Time // when time alone may bring about a change
	epoch    uint64   // counts changes of state; a permit from an older epoch is stale
	openings int      // times it opened since it was closed

	recent recent // closed: what calls came to lately
	trial  trial  // half-open: what the probes came to

	rejected error
	counts   Counts
	wrapped  bool
	unnoted  []State // states entered since the last note, if it is wrapped
}

// Counts says what a [Breaker] did so far.
type Counts struct {
	Allowed  uint64 // calls let through
	Rejected uint64 // calls not let through
	Opened   uint64 // times it opened
}

// New returns a closed breaker. It panics if the configuration is not valid, or has a jitter.
func New(cfg Config) *Breaker {
	if cfg.OpenJitter > 0 {
		panic("breaker: OpenJitter needs NewJittered")
	}
	return NewJittered(cfg, sim.Keyed{})
}

// NewJittered returns a closed breaker that draws its OpenJitter from draws, by how often it has
// opened so far.
func NewJittered(cfg Config, draws sim.Keyed) *Breaker {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	b := &Breaker{
		cfg: cfg, draws: draws, recent: newRecent(&cfg),
		rejected: &patterns.Error{Kind: patterns.Rejected, Layer: "breaker", Cause: ErrOpen},
	}
	b.enter(cfg.Forced, 0)
	b.epoch = 0
	return b
}

// A Permit allows one call. It is given back to [Breaker.Done] exactly once.
type Permit struct {
	at    sim.Time
	epoch uint64
	probe bool
}

// State returns the state at now.
func (b *Breaker) State(now sim.Time) State {
	b.settle(now)
	if b.state == Open && now >= b.until {
		return HalfOpen // entered by the next call
	}
	return b.state
}

// Counts returns what happened so far.
func (b *Breaker) Counts() Counts { return b.counts }

// A Tally is what a [Breaker] goes by.
type Tally struct {
	Calls    int // results in the window, or those of the probes; with AtStart, calls that have begun in the window
	Failures int // among them
	Slow     int // among them
	Row      int // failures in a row, while closed
	Probes   int // let through while half-open, less those whose permit was given back
}

// Tally returns what a closed breaker goes by at now, or what its probes have come to if it is half-open.
// Of calls it knows only if anything but Failures in a row looks at them.
func (b *Breaker) Tally(now sim.Time) Tally {
	b.settle(now)
	switch b.state {
	case Closed:
		b.recent.slide(now)
		t := b.recent.total
		return Tally{Calls: int(t.calls), Failures: int(t.failures), Slow: int(t.slow), Row: b.recent.failedInRow(&b.cfg)}
	case HalfOpen:
		t := b.trial.ended
		return Tally{Calls: int(t.calls), Failures: int(t.failures), Slow: int(t.slow), Probes: b.trial.given}
	}
	return Tally{}
}

// Allow asks to make a call at now. The error is nil or [ErrOpen].
func (b *Breaker) Allow(now sim.Time) (Permit, error) {
	b.settle(now)
	if b.state == Open && now >= b.until {
		b.enter(HalfOpen, now)
	}
	switch {
	case b.state == Open, b.state == ForcedOpen, b.state == HalfOpen && !b.admit(now):
		b.counts.Rejected++
		return Permit{}, ErrOpen
	case b.state == Closed && b.cfg.AtStart:
		b.recent.begin(now)
	}
	b.counts.Allowed++
	return Permit{now, b.epoch, b.state == HalfOpen}, nil
}

// Done reports at now how a permitted call ended. A stale permit is ignored, unless Stale says
// otherwise.
func (b *Breaker) Done(now sim.Time, permit Permit, outcome Outcome) {
	b.settle(now)
	if b.state == Closed && b.cfg.AtStart {
		b.recent.slide(now) // a window may begin anew with a result, even one that does not count
	}
	if permit.epoch != b.epoch && !b.staleCounts(permit, outcome) {
		return
	}
	slow := outcome != Unknown && b.cfg.SlowRate > 0 && now.Sub(permit.at) > b.cfg.Slow
	switch b.state {
	case Closed:
		if b.record(now, permit.at, outcome, slow) {
			b.enter(Open, now)
		}
	case HalfOpen:
		if s := b.judge(outcome, slow); s != HalfOpen {
			b.enter(s, now)
		}
	}
}

func (b *Breaker) staleCounts(permit Permit, outcome Outcome) bool {
	switch b.cfg.Stale {
	case StaleCounted:
		return true
	case StaleFailures:
		return outcome == Failure || permit.probe
	}
	return false
}

// Force holds the breaker open or closed from now on, whatever happens. Force(now, Closed) ends that:
// the breaker is closed, and has forgotten what was before.
func (b *Breaker) Force(now sim.Time, s State) {
	if s != ForcedOpen && s != ForcedClosed && s != Closed {
		panic("breaker: Force to " + s.String())
	}
	b.settle(now)
	b.enter(s, now)
}

// settle makes the changes that time alone has brought about by now.
func (b *Breaker) settle(now sim.Time) {
	if now >= b.next {
		b.catchUp(now)
	}
}

func (b *Breaker) catchUp(now sim.Time) {
	for now >= b.next {
		switch {
		case b.state == Open:
			b.enter(HalfOpen, b.until)
		case b.state == HalfOpen && (b.cfg.Ramp > 0 || b.cfg.TrialCloses):
			b.enter(Closed, b.until)
		case b.state == HalfOpen:
			b.enter(Open, b.until)
		case b.tick(now):
			b.enter(Open, b.next)
		}
	}
}

// tick looks at what the whole steps before b.next came to, and reports whether that opens the breaker;
// if not, b.next is when to look again.
func (b *Breaker) tick(now sim.Time) bool {
	b.recent.slide(b.next - 1)
	if b.recent.trips(&b.cfg) {
		return true
	}
	b.next = b.next.Add(b.cfg.Every)
	if b.recent.empty() && now >= b.next { // nothing will be seen until something happens
		b.next = b.next.Add(now.Sub(b.next) / b.cfg.Every * b.cfg.Every)
	}
	return false
}

// enter is the only place that changes state.
func (b *Breaker) enter(s State, now sim.Time) {
	b.state, b.since, b.until, b.next = s, now, sim.Never, sim.Never
	b.epoch++
	switch s {
	case Closed:
		b.openings = 0
		b.recent.reset(now)
		if b.cfg.Every > 0 {
			b.next = now.Add(b.cfg.Every)
		}
	case Open:
		b.counts.Opened++
		b.openings++
		b.until = now.Add(b.breakTime())
		if b.cfg.Auto {
			b.next = b.until
		}
	case HalfOpen:
		b.trial = trial{credit: b.cfg.Ramp}
		if lasts := max(b.cfg.Trial, b.cfg.Ramp); lasts > 0 {
			b.until = now.Add(lasts)
			b.next = b.until
		}
	}
	if b.wrapped {
		b.unnoted = append(b.unnoted, s)
	}
}

// Package bulkhead limits how many calls are under way at once.
package bulkhead

import (
	"errors"
	"math"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// The causes of a rejection.
var (
	ErrFull   = errors.New("bulkhead and its waiting room are full")
	ErrWaited = errors.New("waited too long for the bulkhead")
)

// Unlimited calls may wait.
const Unlimited = math.MaxInt

// Config says how many calls may be under way, and how many may wait for how long.
type Config struct {
	Name       string        // in deadlock reports: "orders.payment"
	Concurrent int           // calls under way at once
	Waiting    int           // calls that may wait for one of them to end; 0: reject at once; [Unlimited]
	Wait       time.Duration // the longest wait; 0: as long as the caller waits
	Order      sim.Order     // who of those that wait is next: first come, last come, or the highest Priority of a request
}

// DefaultConfig returns 25 calls and no waiting, as resilience4j has it.
func DefaultConfig() Config { return Config{Concurrent: 25} }

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("bulkhead")
	f.Need(c.Concurrent >= 1, "Concurrent", c.Concurrent, "1 or more")
	f.Need(c.Waiting >= 0, "Waiting", c.Waiting, "0 or more")
	f.Need(c.Wait >= 0, "Wait", c.Wait, "0 or more")
	f.Need(c.Order <= sim.Priority, "Order", c.Order, "fifo, lifo or priority")
	return f.Err()
}

// Counts says what a [Bulkhead] did so far.
type Counts struct {
	Entered uint64 // calls let through, at once or after a wait
	Full    uint64 // calls rejected because nobody more may wait
	Waited  uint64 // calls rejected because they waited too long
}

// A Bulkhead limits how many calls to one dependency are under way at once. Who finds it full
// waits in a waiting room, first come, first served unless Order says otherwise, or is rejected.
//
//	asked ──fewer than Concurrent are inside──▶ inside ──ends──▶ over
//	  │                                           ▲
//	  ├──the waiting room has a place──▶ waiting ─┤ one inside ends
//	  │                                           └──Wait──▶ rejected
//	  └──it has none──▶ rejected
//
// It protects the caller: a dependency that hangs takes Concurrent of the caller's threads and
// those in the waiting room, not all of them. It protects the dependency from more calls at once
// than that. It pays with rejections when the dependency is merely busy. Without waiting it is a
// loss system: Erlang's B formula says how much is rejected.
//
// A call whose answer never comes keeps its place for ever, so a call behind a Bulkhead needs a
// timeout of its own. A caller that is killed gives its place back.
type Bulkhead struct {
	cfg          Config
	places       *sim.Resource
	full, waited error
	counts       Counts
}

// New returns an empty bulkhead. It panics if the configuration is not valid.
func New(cfg Config, s *sim.Simulation) *Bulkhead {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Bulkhead{
		cfg:    cfg,
		places: sim.NewResource(s, "bulkhead "+cfg.Name, cfg.Concurrent, cfg.Order),
		full:   &patterns.Error{Kind: patterns.Rejected, Layer: "bulkhead", Cause: ErrFull},
		waited: &patterns.Error{Kind: patterns.Rejected, Layer: "bulkhead", Cause: ErrWaited},
	}
}

// Counts returns what happened so far.
func (b *Bulkhead) Counts() Counts { return b.counts }

// InUse returns how many calls are under way, Waiting how many wait.
func (b *Bulkhead) InUse() int   { return b.places.InUse() }
func (b *Bulkhead) Waiting() int { return b.places.Waiting() }

// Wrap returns next behind this bulkhead; several calls to one dependency may share it. A call
// that is not let through is [patterns.Rejected].
func (b *Bulkhead) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if err := b.enter(p, req.Priority); err != nil {
			return patterns.Response{}, err
		}
		b.counts.Entered++
		defer b.places.Release(1)
		return next(p, req)
	}
}

// enter takes a place, waiting for it if that is allowed.
func (b *Bulkhead) enter(p *sim.Process, priority int) error {
	if b.places.TryAcquire(1) {
		return nil
	}
	if b.places.Waiting() >= b.cfg.Waiting {
		b.counts.Full++
		return b.full
	}
	if b.cfg.Wait == 0 {
		return b.places.Acquire(p, 1, priority)
	}
	scope := p.WithTimeout(b.cfg.Wait)
	defer scope.Close()
	err := b.places.Acquire(p, 1, priority)
	if err != nil && scope.Ended(err) {
		b.counts.Waited++
		return b.waited
	}
	return err
}

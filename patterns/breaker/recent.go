package breaker

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
)

// recent is what calls came to lately, while closed.
type recent struct {
	row    int      // failures in a row
	failed sim.Time // when the last of them was

	windowed bool
	total    tally        // in the window
	steps    window.Steps // of a window of time
	bySlot   []tally
	last     window.Last // of a window of calls, in place of that
	counted  bool        // it is one of calls
}

// A tally counts calls, and how many of them failed and were slow.
type tally struct{ calls, failures, slow int64 }

func newRecent(c *Config) recent {
	r := recent{windowed: c.windowed(), counted: c.Last > 0}
	switch {
	case !r.windowed:
	case r.counted:
		r.last = window.NewLast(c.Last)
	default:
		steps := c.Steps
		if steps == 0 {
			steps = 10
		}
		r.steps = window.NewSteps(window.Shape{
			Steps: steps, Step: max(c.Window/time.Duration(steps), 1), Align: c.Align,
			Late: c.Strictly && steps == 1 && c.Align == Whole,
		})
		r.bySlot = make([]tally, steps)
	}
	return r
}

func (r *recent) reset(now sim.Time) {
	r.row, r.total = 0, tally{}
	switch {
	case !r.windowed:
	case r.counted:
		r.last.Reset()
	default:
		r.steps.Reset(now)
		clear(r.bySlot)
	}
}

// slide forgets what is no longer in a window of time that ends at now.
func (r *recent) slide(now sim.Time) {
	if !r.windowed || r.counted {
		return
	}
	for slot, ok := r.steps.Left(now); ok; slot, ok = r.steps.Left(now) {
		t := &r.bySlot[slot]
		r.total.calls -= t.calls
		r.total.failures -= t.failures
		r.total.slow -= t.slow
		*t = tally{}
	}
}

// begin counts a call that begins, where its beginning is what counts.
func (r *recent) begin(now sim.Time) {
	if r.windowed {
		r.slide(now)
		r.bySlot[r.steps.Slot()].calls++
		r.total.calls++
	}
}

// end counts a result, and reports whether it belongs to the window at all.
func (r *recent) end(c *Config, began sim.Time, outcome Outcome, slow bool) bool {
	var t tally
	if outcome == Failure {
		t.failures = 1
	}
	if slow {
		t.slow = 1
	}
	switch {
	case !r.windowed:
		return true
	case r.counted:
		t.calls = 1
		if oldest, full := r.last.Push(byte(t.failures | t.slow<<1)); full {
			r.total.calls--
			r.total.failures -= int64(oldest & 1)
			r.total.slow -= int64(oldest >> 1)
		}
	case c.AtStart:
		slot, ok := r.steps.SlotAt(began)
		if !ok {
			return false
		}
		if outcome == Unknown {
			t.calls = -1
		}
		r.bySlot[slot].add(t)
	default:
		t.calls = 1
		r.bySlot[r.steps.Slot()].add(t)
	}
	r.total.add(t)
	return true
}

func (t *tally) add(u tally) {
	t.calls += u.calls
	t.failures += u.failures
	t.slow += u.slow
}

// record counts a result while closed, and reports whether it opens the breaker.
func (b *Breaker) record(now, began sim.Time, outcome Outcome, slow bool) bool {
	c, r := &b.cfg, &b.recent
	r.slide(now)
	if outcome == Unknown {
		if c.AtStart {
			r.end(c, began, outcome, slow)
		}
		return false
	}
	inside := r.end(c, began, outcome, slow)
	switch {
	case !inside && len(r.bySlot) == 1: // it belongs to a window before this one
		return false
	case !inside: // it does not count, but what does is looked at all the same
	case outcome == Success && c.Gap == 0:
		r.row = 0
	case outcome == Failure:
		if c.Gap > 0 && now.Sub(r.failed) > c.Gap {
			r.row = 0
		}
		r.row++
		r.failed = now
	}
	return c.Every == 0 && (outcome == Failure || slow || !c.OnFailure) && r.trips(c)
}

// trips reports whether what is known opens the breaker.
func (r *recent) trips(c *Config) bool {
	t := r.total
	if c.Failures > 0 && r.failedInRow(c) >= c.Failures {
		return true
	}
	return t.calls > 0 && t.calls >= minCalls(c, c.Last) &&
		(c.Count > 0 && t.failures >= int64(c.Count) || c.tooMany(t))
}

// failedInRow returns how many failures in a row are known.
func (r *recent) failedInRow(c *Config) int {
	if c.RowInWindow { // failures in a row are the latest of all failures
		return min(r.row, int(r.total.failures))
	}
	return r.row
}

// empty reports whether nothing can open the breaker before something happens.
func (r *recent) empty() bool { return r.total.calls == 0 }

// minCalls returns how many results are enough, of at most so many that there can be; 0: any number.
func minCalls(c *Config, most int) int64 {
	if most > 0 {
		return int64(min(c.MinCalls, most))
	}
	return int64(c.MinCalls)
}

// tooMany reports whether too large a share of the calls failed or was slow.
func (c *Config) tooMany(t tally) bool {
	return c.reached(t.failures, t.calls, c.Rate) || c.reached(t.slow, t.calls, c.SlowRate)
}

const million = 1_000_000

// reached reports whether part/whole has reached rate, which a rate of zero never is. It compares
// millionths, so that 7 of 100 are 7 %.
func (c *Config) reached(part, whole int64, rate float64) bool {
	if rate == 0 {
		return false
	}
	if c.WholePercent {
		share := percent(part, whole)
		return share > rate || share == rate && !c.RateAbove
	}
	has, needs := part*million, max(1, int64(math.Round(rate*million)))*whole
	return has > needs || has == needs && !c.RateAbove
}

// percent returns part/whole, rounded to whole percents.
func percent(part, whole int64) float64 {
	return math.Round(float64(part)/float64(whole)*100) / 100
}

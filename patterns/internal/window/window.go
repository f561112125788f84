// Package window adds up what happened lately.
package window

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// slices is in how many steps a window slides: Hystrix, Polly, failsafe-go and Finagle use 10 too.
const slices = 10

// A Sum is the sum of what was added within a sliding window of time.
//
// The window moves in steps of a tenth of its length, so it covers between nine tenths and the
// whole of it. Steps begin at multiples of a tenth since time zero. A clock that is set back
// stands still until it has caught up. The zero Sum is not usable; see [New].
type Sum struct {
	step   time.Duration
	start  sim.Time // when the newest slice began
	newest int      // its index
	slices [slices]int64
	total  int64
}

// New returns a sum over the given length of time, which must be positive.
func New(length time.Duration) Sum {
	if length <= 0 {
		panic("window: length " + length.String() + " is not positive")
	}
	return Sum{step: max(length/slices, 1)}
}

// Add adds n at now.
func (w *Sum) Add(now sim.Time, n int64) {
	w.slide(now)
	w.slices[w.newest] += n
	w.total += n
}

// Total returns the sum of what was added within the window that ends at now.
func (w *Sum) Total(now sim.Time) int64 {
	w.slide(now)
	return w.total
}

// Clear forgets everything.
func (w *Sum) Clear() { w.slices, w.total = [slices]int64{}, 0 }

func (w *Sum) slide(now sim.Time) {
	behind := now.Sub(w.start)
	if behind < w.step {
		return
	}
	steps := behind / w.step
	w.start = w.start.Add(steps * w.step)
	for range min(steps, slices) {
		w.newest = (w.newest + 1) % slices
		w.total -= w.slices[w.newest]
		w.slices[w.newest] = 0
	}
}

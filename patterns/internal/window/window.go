// Package window adds up what happened lately.
package window

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// tenths is in how many steps a window slides: Hystrix, Polly, failsafe-go and Finagle use 10 too.
const tenths = 10

// A Sum is the sum of what was added within a sliding window of time. The zero Sum is not usable; see
// [New] and [Of].
type Sum struct {
	steps Steps
	sums  []int64
	total int64
}

// New returns a sum over the given length of time, which must be positive. The window moves in steps of
// a tenth of its length, which begin at multiples of a tenth since time zero, so it covers between nine
// tenths and the whole of it.
func New(length time.Duration) Sum {
	if length <= 0 {
		panic("window: length " + length.String() + " is not positive")
	}
	return Of(Shape{Steps: tenths, Step: max(length/tenths, 1)})
}

// Of returns a sum over a window of the given shape.
func Of(shape Shape) Sum { return Sum{steps: NewSteps(shape), sums: make([]int64, shape.Steps)} }

// Add adds n at now.
func (w *Sum) Add(now sim.Time, n int64) {
	w.slide(now)
	w.sums[w.steps.Slot()] += n
	w.total += n
}

// Total returns the sum of what was added within the window that ends at now.
func (w *Sum) Total(now sim.Time) int64 {
	w.slide(now)
	return w.total
}

// Reset forgets everything; see [Steps.Reset].
func (w *Sum) Reset(now sim.Time) {
	clear(w.sums)
	w.total = 0
	w.steps.Reset(now)
}

func (w *Sum) slide(now sim.Time) {
	for slot, ok := w.steps.Left(now); ok; slot, ok = w.steps.Left(now) {
		w.total -= w.sums[slot]
		w.sums[slot] = 0
	}
}

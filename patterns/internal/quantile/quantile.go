// Package quantile knows a quantile of the lengths of time that were seen lately.
package quantile

import (
	"math"
	"math/bits"
	"time"

	"github.com/nines-sim/nines/sim"
)

// Lengths of time are counted in buckets: one for each nanosecond up to fine of them, then fine/2 for each
// doubling. What is said of a length is off by less than 1 part in fine/2.
const (
	fineBits = 8
	fine     = 1 << fineBits
	half     = fine / 2
	rows     = 64 - fineBits // of half buckets each, after the first fine; more than a Duration needs
)

// Shape says over which lengths the quantile is taken.
type Shape struct {
	Steps   int           // steps of the window, the present one included unless Settled
	Step    time.Duration // the length of a step; steps begin at multiples of it since New
	Settled bool          // a step counts only when it is over
}

// A Window counts the lengths of a sliding window of time and knows one quantile of them: the least length
// such that a share of at least q is not longer. It costs a few steps to add to and nothing to ask.
type Window struct {
	q     int64 // in millionths
	shape Shape
	start sim.Time // when the present step began

	slots   []histogram // of the steps: a ring
	present int         // the slot that is added to
	all     histogram   // of all that counts

	at    int   // the bucket that the quantile is in, if anything counts
	below int64 // how many are in the buckets before it
}

// A histogram counts lengths by bucket. Its rows have no memory until something is in them.
type histogram struct {
	rows [rows + 2][]uint32
	n    int64
}

// New returns an empty window at now for the quantile q, from 0 to 1.
func New(q float64, shape Shape, now sim.Time) *Window {
	if !(q >= 0 && q <= 1) || shape.Steps < 1 || shape.Step <= 0 {
		panic("quantile: no such window")
	}
	slots := shape.Steps
	if shape.Settled {
		slots++ // the present one
	}
	return &Window{q: int64(math.Round(q * million)), shape: shape, start: now, slots: make([]histogram, slots)}
}

const million = 1_000_000

// Add counts a length at now. One below zero counts as zero.
func (w *Window) Add(now sim.Time, d time.Duration) {
	w.slide(now)
	b := bucket(max(d, 0))
	w.slots[w.present].add(b, 1)
	if !w.shape.Settled {
		w.all.add(b, 1)
		if b < w.at {
			w.below++
		}
		w.seek()
	}
}

// Quantile returns the quantile of what counts at now, and how many lengths that are. It is 0 of none.
func (w *Window) Quantile(now sim.Time) (time.Duration, int64) {
	w.slide(now)
	if w.all.n == 0 {
		return 0, 0
	}
	return top(w.at), w.all.n
}

// slide moves the window up to now.
func (w *Window) slide(now sim.Time) {
	passed := now.Sub(w.start) / w.shape.Step
	if passed <= 0 {
		return
	}
	w.start = w.start.Add(passed * w.shape.Step)
	for range min(int(min(passed, math.MaxInt32)), len(w.slots)) {
		if w.shape.Settled {
			w.all.merge(&w.slots[w.present], 1)
		}
		w.present = (w.present + 1) % len(w.slots)
		w.all.merge(&w.slots[w.present], -1)
		w.slots[w.present].clear()
	}
	w.at, w.below = 0, 0
	w.seek()
}

// seek moves to the bucket of the quantile: the first that has the q·n-th length, rounded up, or one before it.
func (w *Window) seek() {
	if w.all.n == 0 {
		return
	}
	rank := max(1, (w.q*w.all.n+million-1)/million)
	for w.below >= rank {
		w.at--
		w.below -= w.all.count(w.at)
	}
	for w.below+w.all.count(w.at) < rank {
		w.below += w.all.count(w.at)
		w.at++
	}
}

// bucket returns the bucket of a length: its leading fineBits bits, and how many follow.
func bucket(d time.Duration) int {
	shift := max(bits.Len64(uint64(d))-fineBits, 0)
	return shift*half + int(uint64(d)>>shift)
}

// top returns the longest length of a bucket.
func top(b int) time.Duration {
	if b < fine {
		return time.Duration(b)
	}
	shift := b/half - 1
	return time.Duration(uint64(b-shift*half+1)<<shift - 1)
}

func (h *histogram) add(b int, n int64) {
	row := &h.rows[b/half]
	if *row == nil {
		*row = make([]uint32, half)
	}
	(*row)[b%half] += uint32(n)
	h.n += n
}

func (h *histogram) count(b int) int64 {
	if row := h.rows[b/half]; row != nil {
		return int64(row[b%half])
	}
	return 0
}

// merge adds what is in o, times sign.
func (h *histogram) merge(o *histogram, sign int64) {
	if o.n == 0 {
		return
	}
	for i := range o.rows {
		for j, n := range o.rows[i] {
			if n != 0 {
				h.add(i*half+j, sign*int64(n))
			}
		}
	}
}

func (h *histogram) clear() {
	if h.n == 0 {
		return
	}
	for i := range h.rows {
		clear(h.rows[i])
	}
	h.n = 0
}

package shed

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// A history counts the requests of a sliding window, in all, by whether they were accepted, and by
// class. The window moves in steps, each a slot.
type history struct {
	window, step time.Duration
	origin       sim.Time // where steps begin
	byArrival    bool     // a step begins with whoever comes first instead
	slots        []slot   // a ring
	oldest, used int

	requests, accepts int64
	classes           []int64 // arrivals of each class
}

type slot struct {
	start             sim.Time
	requests, accepts int64
	classes           []int64
}

func newHistory(window time.Duration, steps, classes int, byArrival bool, origin sim.Time) history {
	h := history{
		window: window, step: window / time.Duration(steps), origin: origin, byArrival: byArrival,
		slots: make([]slot, steps), classes: make([]int64, classes),
	}
	for i := range h.slots {
		h.slots[i].classes = make([]int64, classes)
	}
	return h
}

// slide forgets what is older than the window, and returns the slot of now. A slot is forgotten as a
// whole, when its start is a window old.
func (h *history) slide(now sim.Time) *slot {
	for h.used > 0 {
		s := &h.slots[h.oldest]
		if now.Sub(s.start) < h.window {
			break
		}
		h.requests -= s.requests
		h.accepts -= s.accepts
		for i, n := range s.classes {
			h.classes[i] -= n
		}
		h.oldest, h.used = (h.oldest+1)%len(h.slots), h.used-1
	}
	if h.used > 0 {
		if s := h.at(h.used - 1); now.Sub(s.start) < h.step {
			return s
		}
	}
	start := now
	if !h.byArrival {
		start = now.Add(-now.Sub(h.origin) % h.step)
	}
	h.used++
	s := h.at(h.used - 1)
	s.start, s.requests, s.accepts = start, 0, 0
	clear(s.classes)
	return s
}

func (h *history) at(i int) *slot { return &h.slots[(h.oldest+i)%len(h.slots)] }

// ended counts a request whose fate is known at now.
func (h *history) ended(now sim.Time, accepted bool) {
	s := h.slide(now)
	s.requests++
	h.requests++
	if accepted {
		s.accepts++
		h.accepts++
	}
}

// arrived counts a request of a class that comes at now.
func (h *history) arrived(now sim.Time, class int) {
	h.slide(now).classes[class]++
	h.classes[class]++
}

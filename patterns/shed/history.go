package shed

import (
	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
)

// A history counts the requests of a sliding window, by whether they were accepted, and arrivals by class.
type history struct {
	steps             window.Steps
	slots             []slot
	requests, accepts int64
	classes           []int64
}

// A slot is what belongs to one step of the window.
type slot struct {
	requests, accepts int64
	classes           []int64
}

func newHistory(shape window.Shape, classes int, start sim.Time) history {
	h := history{steps: window.NewSteps(shape), slots: make([]slot, shape.Steps), classes: make([]int64, classes)}
	h.steps.Reset(start)
	for i := range h.slots {
		h.slots[i].classes = make([]int64, classes)
	}
	return h
}

// slide forgets what has left the window, and returns the slot of now. By the age of events, looking
// is an event: Envoy makes a new entry when it counts.
func (h *history) slide(now sim.Time) *slot {
	for left, ok := h.steps.Left(now); ok; left, ok = h.steps.Left(now) {
		s := &h.slots[left]
		h.requests -= s.requests
		h.accepts -= s.accepts
		for i, n := range s.classes {
			h.classes[i] -= n
		}
		s.requests, s.accepts = 0, 0
		clear(s.classes)
	}
	return &h.slots[h.steps.Slot()]
}

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

package queue

import "github.com/nines-sim/nines/sim"

// A ref names one turn of the message in a slot.
type ref struct {
	slot, turn uint32
	id         uint64
}

func (s *slot) ref() ref { return ref{s.msg.slot, s.turn, s.msg.ID} }

// slot returns what r refers to, or nil if the message has moved on.
func (q *Queue) slot(r ref) *slot {
	if s := &q.slots[r.slot]; s.turn == r.turn {
		return s
	}
	return nil
}

// A fifo is a queue of references in a ring that grows.
type fifo struct {
	ring        []ref
	head, count int
}

func (f *fifo) push(r ref) {
	if f.count == len(f.ring) {
		grown := make([]ref, max(16, 2*f.count))
		n := copy(grown, f.ring[f.head:])
		copy(grown[n:], f.ring[:f.head])
		f.ring, f.head = grown, 0
	}
	f.ring[(f.head+f.count)%len(f.ring)] = r
	f.count++
}

func (f *fifo) front() (ref, bool) {
	if f.count == 0 {
		return ref{}, false
	}
	return f.ring[f.head], true
}

func (f *fifo) pop() (ref, bool) {
	r, ok := f.front()
	if ok {
		f.head = (f.head + 1) % len(f.ring)
		f.count--
	}
	return r, ok
}

// An event is a message that becomes visible.
type event struct {
	at sim.Time
	ref
}

// before orders events by time; at one instant the older message comes first, so that no order
// depends on the shape of the heap.
func (e event) before(o event) bool {
	if e.at != o.at {
		return e.at < o.at
	}
	return e.id < o.id || e.id == o.id && e.turn < o.turn
}

// A heap holds events, the earliest first.
type heap []event

func (h *heap) push(e event) {
	*h = append(*h, e)
	a := *h
	for i := len(a) - 1; i > 0; {
		parent := (i - 1) / 2
		if !a[i].before(a[parent]) {
			return
		}
		a[i], a[parent] = a[parent], a[i]
		i = parent
	}
}

func (h *heap) pop() event {
	a := *h
	first := a[0]
	last := len(a) - 1
	a[0] = a[last]
	a = a[:last]
	*h = a
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if child+1 < last && a[child+1].before(a[child]) {
			child++
		}
		if !a[child].before(a[i]) {
			return first
		}
		a[i], a[child] = a[child], a[i]
		i = child
	}
}

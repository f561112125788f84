package sim

import (
	"cmp"
	"slices"
)

// queue holds the pending events in the order of (time, sequence number).
//
// It is a binary heap of 16-byte values over a slab of slots that hold what an event does. A slot
// knows the key of its one live entry, so that stopping or moving a timer leaves an entry behind
// that no slot answers to; such entries are dropped when they come up, and swept out when they
// outnumber the living.
type queue struct {
	heap  []entry
	slots []slot
	free  []uint32
	stale int // entries in heap that no slot answers to
	seq   uint64
}

// An entry orders one event: key is the sequence number above the slot's index.
type entry struct {
	at  Time
	key uint64
}

const slotBits = 24 // up to 16 million pending events, and 10¹² events a run

func (e entry) slot() uint32 { return uint32(e.key & (1<<slotBits - 1)) }
func (e entry) seq() uint64  { return e.key >> slotBits }

func (e entry) before(f entry) bool { return e.at < f.at || e.at == f.at && e.key < f.key }

// A slot says what an event does: call do with arg, or wake a process.
type slot struct {
	id          uint64 // its first key, by which a Timer knows it; 0 if the slot is free
	key         uint64 // of its live entry; 0 if it has none
	do          func(any)
	arg         any
	proc        *Process // to be woken if its wait is still the one with this ticket
	ticket      uint64
	group       *Group
	incarnation uint64
	local       Time // the instant on the group's own clock, if it has one of its own
}

// stale reports whether the event is of a life of its group that has ended, or of a wait that is over.
func (ev *slot) stale() bool {
	return ev.group.incarnation != ev.incarnation || ev.proc != nil && ev.ticket != ev.proc.ticket
}

// push schedules ev at an instant and returns its id.
func (q *queue) push(at Time, ev slot) uint64 {
	var i uint32
	if n := len(q.free); n > 0 {
		i = q.free[n-1]
		q.free = q.free[:n-1]
	} else {
		i = uint32(len(q.slots))
		if i == 1<<slotBits {
			panic("sim: more than 16,777,216 events are pending")
		}
		q.slots = append(q.slots, slot{})
	}
	q.slots[i] = ev
	q.enter(i, at)
	q.slots[i].id = q.slots[i].key
	return q.slots[i].id
}

// enter gives the event in a slot the next place in the order.
func (q *queue) enter(i uint32, at Time) {
	q.seq++
	q.slots[i].key = q.seq<<slotBits | uint64(i)
	q.up(entry{at, q.slots[i].key})
}

// move gives a pending event another instant, and with it a new place in the order.
func (q *queue) move(i uint32, at Time) {
	q.stale++
	q.enter(i, at)
}

// pending returns the events of the present life of a group, in order, without those that are
// held. It searches: clocks change rarely.
func (q *queue) pending(g *Group) []entry {
	var found []entry
	for _, e := range q.heap {
		ev := &q.slots[e.slot()]
		if ev.key == e.key && ev.group == g && ev.incarnation == g.incarnation {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(e, f entry) int {
		return cmp.Or(cmp.Compare(e.at, f.at), cmp.Compare(e.key, f.key))
	})
	return found
}

// stop drops the event with the id, and reports whether it had not happened yet.
func (q *queue) stop(id uint64) bool {
	i := uint32(id & (1<<slotBits - 1))
	if id == 0 || q.slots[i].id != id {
		return false
	}
	if q.slots[i].key != 0 {
		q.stale++
	}
	q.release(i)
	if q.stale > 64 && q.stale > len(q.heap)/2 {
		q.sweep()
	}
	return true
}

func (q *queue) release(i uint32) {
	q.slots[i] = slot{}
	q.free = append(q.free, i)
}

// first returns the next event without taking it.
func (q *queue) first() (entry, bool) {
	for len(q.heap) > 0 {
		e := q.heap[0]
		if q.slots[e.slot()].key == e.key {
			return e, true
		}
		q.pop()
		q.stale--
	}
	return entry{}, false
}

// take removes the event that first has just returned.
func (q *queue) take(e entry) slot {
	ev := q.slots[e.slot()]
	q.release(e.slot())
	q.pop()
	return ev
}

// hold takes the event that first has just returned out of the order, and keeps its slot.
func (q *queue) hold(e entry) (id uint64) {
	q.slots[e.slot()].key = 0
	q.pop()
	return q.slots[e.slot()].id
}

// resume lets an event that was held happen at an instant. It reports false if the event was
// stopped meanwhile.
func (q *queue) resume(id uint64, at, local Time) bool {
	i := uint32(id & (1<<slotBits - 1))
	if q.slots[i].id != id {
		return false
	}
	q.slots[i].local = local
	q.enter(i, at)
	return true
}

func (q *queue) sweep() {
	living := q.heap[:0]
	for _, e := range q.heap {
		if q.slots[e.slot()].key == e.key {
			living = append(living, e)
		}
	}
	q.heap, q.stale = living, 0
	for i := len(living)/2 - 1; i >= 0; i-- {
		q.down(i, living[i])
	}
}

func (q *queue) up(e entry) {
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

func (q *queue) pop() {
	n := len(q.heap) - 1
	last := q.heap[n]
	q.heap = q.heap[:n]
	if n > 0 {
		q.down(0, last)
	}
}

func (q *queue) down(i int, e entry) {
	for {
		child := 2*i + 1
		if child >= len(q.heap) {
			break
		}
		if child+1 < len(q.heap) && q.heap[child+1].before(q.heap[child]) {
			child++
		}
		if !q.heap[child].before(e) {
			break
		}
		q.heap[i] = q.heap[child]
		i = child
	}
	q.heap[i] = e
}

// reset forgets all events and keeps the memory.
func (q *queue) reset() {
	clear(q.slots)
	q.heap, q.slots, q.free, q.stale, q.seq = q.heap[:0], q.slots[:0], q.free[:0], 0, 0
}

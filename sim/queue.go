package sim

import "slices"

// queue holds the pending events in the order of (time, sequence number).
//
// What an event does lies in a slot; an entry of 16 bytes stands for it in the order (see order.go).
// A slot knows the key of its one living entry, so that stopping or moving an event leaves an entry
// behind that no slot answers to. Such entries are dropped when they come near, and swept out when
// they outnumber the living.
type queue struct {
	order
	blocks []*[slotsPerBlock]slot
	slots  uint32 // that were ever used
	free   uint32 // the first free one, or none; the key of a free slot is the next
	stale  int    // entries that no slot answers to
	seq    uint64
}

const (
	slotBits      = 24 // up to 16 million pending events, and 10¹² events a run
	slotsPerBlock = 1024
	none          = 1<<slotBits - 1 // no slot; less than every key
)

// A slot says what an event does: call do with arg, or wake the process that is arg.
type slot struct {
	id    uint64 // its first key, by which a Timer knows it; 0 if the slot is free
	key   uint64 // of its living entry; 0 if it has none
	life  *life  // whose event it is
	do    func(any)
	arg   any
	local Time // the instant on the group's own clock, if it has one of its own
}

func (e entry) slot() uint32 { return uint32(e.key & (1<<slotBits - 1)) }
func (e entry) seq() uint64  { return e.key >> slotBits }

func (q *queue) slot(i uint32) *slot { return &q.blocks[i/slotsPerBlock][i%slotsPerBlock] }

// living reports whether the entry's event is still to happen at this place in the order.
func (q *queue) living(e entry) bool { return q.slot(e.slot()).key == e.key }

// push schedules an event at an instant and returns its slot, for the caller to fill in.
func (q *queue) push(at, now Time) *slot {
	i := q.free
	if i == none {
		i = q.grow()
	}
	ev := q.slot(i)
	q.free = uint32(ev.key)
	q.seq++
	ev.key = q.seq<<slotBits | uint64(i)
	ev.id = ev.key
	if e := (entry{at, ev.key}); uint64(at) >= q.end && at != now {
		q.length++
		q.far(e)
	} else {
		q.enter(e, now)
	}
	return ev
}

// grow makes a slot that was never used.
func (q *queue) grow() uint32 {
	i := q.slots
	if i == none {
		panic("sim: more than 16,777,215 events are pending")
	}
	if i/slotsPerBlock == uint32(len(q.blocks)) {
		q.blocks = append(q.blocks, new([slotsPerBlock]slot))
	}
	q.slots++
	q.slot(i).key = none
	return i
}

// reenter gives the event in a slot the next place in the order.
func (q *queue) reenter(i uint32, at, now Time) {
	q.seq++
	ev := q.slot(i)
	ev.key = q.seq<<slotBits | uint64(i)
	q.enter(entry{at, ev.key}, now)
}

// move gives a pending event another instant, and with it a new place in the order.
func (q *queue) move(e entry, at, now Time) {
	q.stale++
	q.reenter(e.slot(), at, now)
}

// pending returns the events of a life, in order, without those that are held. It searches: clocks
// change rarely.
func (q *queue) pending(l *life) []entry {
	var found []entry
	q.each(func(e entry) {
		if ev := q.slot(e.slot()); ev.key == e.key && ev.life == l {
			found = append(found, e)
		}
	})
	slices.SortFunc(found, entry.compare)
	return found
}

// stop drops the event with the id, and reports whether it had not happened yet.
func (q *queue) stop(id uint64) bool {
	i := uint32(id & (1<<slotBits - 1))
	if id == 0 || i >= q.slots {
		return false
	}
	ev := q.slot(i)
	if ev.id != id {
		return false
	}
	if ev.key != 0 {
		if q.stale++; q.stale > 64 && q.stale > q.length/2 {
			ev.key = 0
			q.release(ev, i)
			q.sweep()
			return true
		}
	}
	q.release(ev, i)
	return true
}

// release makes a slot free. What it held stays in it until it is used again: it costs less than
// to clear it each time.
func (q *queue) release(ev *slot, i uint32) {
	ev.id, ev.key = 0, uint64(q.free)
	q.free = i
}

// first returns the next event without taking it: its slot, or nil if there is none up to a limit. It
// may return one that is later.
func (q *queue) first(limit Time) (entry, *slot) {
	for {
		e, ok := q.min()
		if !ok {
			if !q.advance(limit) {
				return entry{}, nil
			}
			continue
		}
		if ev := q.slot(e.slot()); ev.key == e.key {
			return e, ev
		}
		q.pop(e)
		q.stale--
	}
}

// take removes the event that first has just returned. Its slot stays as it is until released.
func (q *queue) take(e entry, ev *slot) {
	q.pop(e)
	ev.id, ev.key = 0, 0
}

// hold takes the event that first has just returned out of the order, and keeps its slot.
func (q *queue) hold(e entry, ev *slot) (id uint64) {
	q.pop(e)
	ev.key = 0
	return ev.id
}

// resume lets an event that was held happen at an instant. It reports false if the event was
// stopped meanwhile.
func (q *queue) resume(id uint64, at, local, now Time) bool {
	i := uint32(id & (1<<slotBits - 1))
	ev := q.slot(i)
	if ev.id != id {
		return false
	}
	ev.local = local
	q.reenter(i, at, now)
	return true
}

package replication

import "slices"

// A Position says how much of the history a copy holds: the entries of Epoch up to Index, and
// before them those that Epoch was built on. The zero Position is empty.
type Position struct {
	Epoch int
	Index uint64
}

// before reports whether a copy at a is less fresh than one at b.
func (a Position) before(b Position) bool {
	return a.Epoch < b.Epoch || a.Epoch == b.Epoch && a.Index < b.Index
}

// An Entry is one write in the history.
type Entry struct {
	Position
	Version uint64 // writes are counted from 1, whichever primary took them
}

// A history is all that was ever written: a tree of epochs. Each epoch begins where the copy stood
// that was promoted; what its parent held beyond is on another branch.
//
//	epoch 0   1 2 3 4 5 6
//	epoch 1       └ 4 5 6 7      entries 4, 5, 6 of epoch 0 are not in it
type history struct {
	epochs []epoch
	writes uint64
}

type epoch struct {
	parent int
	fork   uint64   // it holds what its parent held up to here
	last   uint64   // its newest entry
	acked  []uint64 // entries that were acknowledged, in order
}

func newHistory() history { return history{epochs: []epoch{{}}} }

// begin opens an epoch on top of a position.
func (h *history) begin(at Position) Position {
	h.epochs = append(h.epochs, epoch{parent: at.Epoch, fork: at.Index, last: at.Index})
	return Position{len(h.epochs) - 1, at.Index}
}

// add appends an entry to an epoch.
func (h *history) add(e int) Entry {
	h.epochs[e].last++
	h.writes++
	return Entry{Position{e, h.epochs[e].last}, h.writes}
}

// acknowledge remembers that somebody was told that an entry is safe.
func (h *history) acknowledge(e Entry) {
	acked := &h.epochs[e.Epoch].acked
	i, _ := slices.BinarySearch(*acked, e.Index)
	*acked = slices.Insert(*acked, i, e.Index)
}

// up returns how much of an epoch, or of what that is built on, a copy at a position holds. A
// position is never before the fork of its own epoch.
func (h *history) up(at Position, epoch int) Position {
	for at.Epoch > epoch {
		at = Position{h.epochs[at.Epoch].parent, h.epochs[at.Epoch].fork}
	}
	return at
}

// holds reports whether a copy at a position has an entry.
func (h *history) holds(at Position, e Position) bool {
	at = h.up(at, e.Epoch)
	return at.Epoch == e.Epoch && e.Index <= at.Index
}

// common returns what two positions share.
func (h *history) common(a, b Position) Position {
	for a.Epoch != b.Epoch {
		if a.Epoch > b.Epoch {
			a = h.up(a, a.Epoch-1)
		} else {
			b = h.up(b, b.Epoch-1)
		}
	}
	return Position{a.Epoch, min(a.Index, b.Index)}
}

// lost returns how many acknowledged entries a copy at a position does not have.
func (h *history) lost(at Position) (n int) {
	for e := len(h.epochs) - 1; e >= 0; e-- {
		acked := h.epochs[e].acked
		kept := 0
		if at = h.up(at, e); at.Epoch == e {
			kept, _ = slices.BinarySearch(acked, at.Index+1)
		}
		n += len(acked) - kept
	}
	return n
}

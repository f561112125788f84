package fault

import (
	"iter"
	"slices"
)

// Holds is everything that presently acts on one victim, in the order in which it began. Whoever
// owns the victim derives its state from all holds, whenever one is added or released. The zero
// value holds nothing.
//
// T is what one hold says: an [Impairment] of a machine, the two sides of a cut link, an extra
// delay.
type Holds[T any] struct {
	held []held[T]
	last Hold
}

// A Hold names one hold of one set. The zero Hold names none.
type Hold uint64

type held[T any] struct {
	hold Hold
	says T
}

// Add adds a hold. Equal holds are added as often as they are asked for.
func (h *Holds[T]) Add(says T) Hold {
	h.last++
	h.held = append(h.held, held[T]{h.last, says})
	return h.last
}

// Release ends a hold and no other. It reports false if the hold had ended already.
func (h *Holds[T]) Release(hold Hold) bool {
	i := slices.IndexFunc(h.held, func(x held[T]) bool { return x.hold == hold })
	if i < 0 {
		return false
	}
	h.held = slices.Delete(h.held, i, i+1)
	return true
}

// Len returns the number of holds.
func (h *Holds[T]) Len() int { return len(h.held) }

// All returns what the holds say, oldest first.
func (h *Holds[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, x := range h.held {
			if !yield(x.says) {
				return
			}
		}
	}
}

// An Impairment is what a fault does to a machine, a service or a workload. The zero Impairment
// does nothing.
type Impairment struct {
	Down   bool    // answers nothing, and does no work
	Paused bool    // does no work, and keeps its state
	Factor float64 // work takes, or load is, so many times as much; 0 stands for 1
	Errors float64 // the share of calls that fail, 0 to 1
}

// Impairment returns what the entry does to its victim, and false for kinds that concern the
// network, a clock or a cache.
func (e Entry) Impairment() (Impairment, bool) {
	switch e.Kind {
	case Crash, Outage, LostDisk:
		return Impairment{Down: true}, true
	case Pause:
		return Impairment{Paused: true}, true
	case Slow, Errors, Deploy, Surge:
		return Impairment{Factor: e.Factor, Errors: e.Errors}, true
	}
	return Impairment{}, false
}

// Combine returns what several impairments do together: down or paused if one of them says so,
// factors multiplied, and a call fails unless it passes each share of errors on its own:
// 1 - (1-e₁)(1-e₂)… Its Factor is never 0.
func Combine(all iter.Seq[Impairment]) Impairment {
	sum, pass := Impairment{Factor: 1}, 1.0
	for i := range all {
		sum.Down = sum.Down || i.Down
		sum.Paused = sum.Paused || i.Paused
		if i.Factor != 0 {
			sum.Factor *= i.Factor
		}
		pass = float64(pass * (1 - i.Errors))
	}
	sum.Errors = 1 - pass
	return sum
}

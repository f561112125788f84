package window

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// An Align says when the steps of a sliding window begin. Libraries differ, and it shows: the same two
// failures lie in one window or do not.
type Align uint8

// The alignments. Where steps have no place of their own in time, a step begins with the first event
// after the one before it has ended.
const (
	Epoch  Align = iota // at multiples of a step since time zero: failsafe-go, resilience4j
	Origin              // at multiples of a step since it began anew, as a breaker does when it closes: gobreaker, Hystrix
	Age                 // by events; a step has left when its first event is as old as the window: Polly
	Whole               // by events; a step has left after as many steps as there are, counted in whole ones: Finagle. One such step is a window that begins anew: gobreaker's Interval
	Begun               // as counted in whole steps, but one that has begun counts: tower, and so Linkerd
	aligns
)

var alignNames = [aligns]string{"epoch", "origin", "age", "whole", "begun"}

// Valid reports whether a is one of the alignments.
func (a Align) Valid() bool { return a < aligns }

// Words returns the names of all alignments, in order.
func (Align) Words() []string { return alignNames[:] }

func (a Align) String() string {
	if a.Valid() {
		return alignNames[a]
	}
	return "unknown alignment"
}

// Shape says of how many steps of what length a window is made.
type Shape struct {
	Steps int
	Step  time.Duration
	Align Align
	Late  bool // a step lasts until strictly after its length (gobreaker's Interval); not for Age
}

// Steps say which of the steps of a sliding window are in it. Each has a slot, from 0 to Shape.Steps-1,
// in which their owner adds up what it likes.
//
// Time never goes back: a clock that does stands still until it has caught up.
type Steps struct {
	Shape
	start sim.Time // when the newest step began
	place sim.Time // where it lies: the same, or, where steps are counted, its number times their length

	places      []sim.Time // of the steps in the window that something was added to: a ring by slot
	first, used int        // the slot of the oldest of them, and their number
}

// NewSteps returns the steps of an empty window that begins at time zero.
func NewSteps(shape Shape) Steps {
	if shape.Step <= 0 || shape.Steps < 1 || !shape.Align.Valid() || shape.Late && shape.Align == Age {
		panic("window: no such shape")
	}
	return Steps{Shape: shape, places: make([]sim.Time, shape.Steps)}
}

// Reset makes the window empty. The steps begin anew at now, except those of the Epoch.
func (s *Steps) Reset(now sim.Time) {
	s.first, s.used = 0, 0
	if s.Align != Epoch {
		s.start, s.place = now, now
	}
}

// Left returns the slot of a step that is no longer in the window that ends at now, the oldest first,
// and gives the slot back: it must be emptied. Ask until there is none.
func (s *Steps) Left(now sim.Time) (slot int, ok bool) {
	s.move(now)
	if s.used == 0 {
		return 0, false
	}
	place := s.place
	if s.Align == Age {
		place = max(now, s.start)
	}
	if place.Sub(s.places[s.first]) < time.Duration(s.Steps)*s.Step {
		return 0, false
	}
	slot = s.first
	s.first = (s.first + 1) % s.Steps
	s.used--
	return slot, true
}

// Slot returns the slot of the step that now is in. [Steps.Left] must have been asked first.
func (s *Steps) Slot() int {
	newest := (s.first + s.used - 1 + s.Steps) % s.Steps
	if s.used > 0 && s.places[newest] == s.place {
		return newest
	}
	if s.used == s.Steps {
		panic("window: steps that have left were not taken out")
	}
	newest = (newest + 1) % s.Steps
	if s.used == 0 {
		newest = s.first
	}
	s.used++
	s.places[newest] = s.place
	return newest
}

// SlotAt returns the slot of the step that an earlier instant was in, if that is in the window and
// something was added to it. Of steps that begin by events it knows only the newest.
func (s *Steps) SlotAt(at sim.Time) (slot int, ok bool) {
	for i := s.used - 1; i >= 0; i-- {
		slot = (s.first + i) % s.Steps
		switch place := s.places[slot]; {
		case s.Align > Origin:
			return slot, place == s.place && at >= s.start
		case place <= at:
			return slot, at.Sub(place) < s.Step
		}
	}
	return 0, false
}

// move brings the newest step up to now.
func (s *Steps) move(now sim.Time) {
	if s.Align == Age && s.used == 0 {
		s.start, s.place = now, now
		return
	}
	behind := now.Sub(s.start)
	if behind < s.Step || s.Late && behind == s.Step {
		return
	}
	switch s.Align {
	case Epoch, Origin:
		s.start = s.start.Add(behind / s.Step * s.Step)
		s.place = s.start
	case Age:
		s.start, s.place = now, now
	case Whole:
		s.start, s.place = now, s.place.Add(behind/s.Step*s.Step)
	case Begun:
		s.start, s.place = now, s.place.Add((behind+s.Step-1)/s.Step*s.Step)
	}
}

package sim

import (
	"errors"
	"fmt"
	"strings"
)

// A Failure ends a run: a panic in a process or a callback, a violated invariant
// ([Simulation.Fail]), a deadlock, a livelock, or the step limit.
type Failure struct {
	Seed  Seed
	At    Time
	Owner string // the process or callback in which it happened
	Value any    // what was panicked with, or an error that says what is wrong
	Stack string // where, for a panic; empty otherwise
}

func (f *Failure) Error() string {
	return fmt.Sprintf("seed %d, %v, %s: %v", uint64(f.Seed), f.At, f.Owner, f.Value)
}

// Unwrap returns the value if it is an error.
func (f *Failure) Unwrap() error {
	err, _ := f.Value.(error)
	return err
}

// What a Failure that is nobody's panic may wrap.
var (
	ErrDeadlock  = errors.New("deadlock")
	ErrLivelock  = errors.New("livelock")
	ErrStepLimit = errors.New("step limit reached")
	ErrInvariant = errors.New("invariant violated")
)

// fail records the first failure of the run.
func (s *Simulation) fail(owner string, value any, stack string) {
	if s.failure == nil {
		s.failure = &Failure{Seed: s.cfg.Seed, At: s.now, Owner: owner, Value: value, Stack: stack}
	}
}

// deadlock says who waits for what, or returns nil if every foreground process has ended.
func (s *Simulation) deadlock() error {
	var waiting []string
	more := 0
	for p := s.processes.next; p != &s.processes; p = p.next {
		switch {
		case p.background:
		case len(waiting) == 10:
			more++
		default:
			waiting = append(waiting, fmt.Sprintf("%s waits for %s since %v", p.label(), p.what, p.since))
		}
	}
	if len(waiting) == 0 {
		return nil
	}
	if more > 0 {
		waiting = append(waiting, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%w: nothing can happen any more, but %s", ErrDeadlock, strings.Join(waiting, "; "))
}

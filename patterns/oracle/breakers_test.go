package oracle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

var errFailed, errExcluded = errors.New("failed"), errors.New("excluded")

// A breakerStep is a call that begins, or one under way that ends.
type breakerStep struct {
	Wait    wait
	Begin   bool
	Which   int // of the calls under way, if one ends
	Outcome breaker.Outcome
	Blind   bool // nobody asks for state and tally after it: with some libraries that is an event too
}

var breakerSteps = steps(rapid.Custom(func(t *rapid.T) breakerStep {
	return breakerStep{
		waits.Draw(t, "wait"), rapid.Bool().Draw(t, "begin"), evenly(t, 4, "which"),
		oneOf(t, "outcome", breaker.Failure, breaker.Failure, breaker.Success, breaker.Success, breaker.Failure, breaker.Failure, breaker.Success, breaker.Unknown),
		oneOf(t, "blind", false, false, true, false),
	}
}))

// A realBreaker is a library's.
type realBreaker struct {
	allow func() (end func(breaker.Outcome), ok bool)
	state func() breaker.State
	tally func() string // what it has counted, as tally writes it of ours; nil: it does not say

	excludes bool // a call may end without a result; false: a success in place of that

	// leaveOut reports whether a call does not end as anything but excluded; nil: none
	leaveOut func(changed, began, now sim.Time) bool
}

// playBreakers takes both through the same steps and returns the first difference.
func playBreakers(cfg breaker.Config, theirs realBreaker, c clock, lengths []time.Duration, tally func(breaker.Tally) string, steps []breakerStep, all seen) error {
	type call struct {
		began  sim.Time
		permit breaker.Permit
		end    func(breaker.Outcome)
		change int // of state: how many there had been
	}
	var (
		ours     = breaker.New(cfg)
		underWay []call
		history  strings.Builder
		state    = ours.State(c.now())
		changes  int                                              // of state
		instants = []sim.Time{c.now(), c.now(), c.now(), c.now()} // of the last step, change, failure and of the oldest call
	)
	look := func(at sim.Time) breaker.State { // at the state, and note how it has changed
		if now := ours.State(at); now != state {
			all[state.String()+" → "+now.String()]++
			state = now
			changes++
			instants[1] = at
		}
		return state
	}
	for i, s := range steps {
		if len(underWay) > 0 {
			instants[3] = underWay[0].began
		}
		at := s.Wait.until(c.now(), instants, lengths)
		c.sleepUntil(at)
		look(at)
		if s.Begin || len(underWay) == 0 {
			permit, err := ours.Allow(at)
			end, ok := theirs.allow()
			if (err == nil) != ok {
				return fmt.Errorf("%s%v step %d: ours, which is %s, lets a call through: %v; theirs: %v", &history, at, i, look(at), err == nil, ok)
			}
			if !ok {
				fmt.Fprintf(&history, "%v a call is rejected: %v\n", at, look(at))
				all["rejected while "+state.String()]++
			} else {
				fmt.Fprintf(&history, "%v a call begins: %v\n", at, look(at))
				all["let through while "+state.String()]++
				underWay = append(underWay, call{at, permit, end, changes})
			}
		} else {
			k := s.Which % len(underWay)
			x := underWay[k]
			underWay = slices.Delete(underWay, k, k+1)
			if s.Outcome == breaker.Unknown && !theirs.excludes {
				s.Outcome = breaker.Success
			}
			if theirs.leaveOut != nil && theirs.leaveOut(instants[1], x.began, at) {
				s.Outcome = breaker.Unknown
			}
			all[outcomeNames[s.Outcome]+" while "+state.String()]++
			if x.change != changes {
				all["stale "+outcomeNames[s.Outcome]+" while "+state.String()]++
			}
			ours.Done(at, x.permit, s.Outcome)
			x.end(s.Outcome)
			fmt.Fprintf(&history, "%v the call of %v ends, %s: %v\n", at, x.began, outcomeNames[s.Outcome], look(at))
			if s.Outcome == breaker.Failure {
				instants[2] = at
			}
		}
		instants[0] = at
		if s.Blind && i < len(steps)-1 {
			continue
		}
		if theirs := theirs.state(); theirs != state {
			return fmt.Errorf("%sstep %d: ours is %s, theirs %s", &history, i, state, theirs)
		}
		if tally != nil {
			if ours, theirs := tally(ours.Tally(at)), theirs.tally(); ours != theirs {
				return fmt.Errorf("%sstep %d: ours has counted %s, theirs %s", &history, i, ours, theirs)
			}
		}
	}
	return nil
}

var outcomeNames = map[breaker.Outcome]string{breaker.Unknown: "excluded", breaker.Success: "success", breaker.Failure: "failure"}

func errorOf(o breaker.Outcome) error {
	return map[breaker.Outcome]error{breaker.Unknown: errExcluded, breaker.Failure: errFailed}[o]
}

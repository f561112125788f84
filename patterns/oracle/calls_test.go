package oracle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// An ending is how an attempt ends.
type ending uint8

const (
	success   ending = iota
	failure          // worth another try
	timedOut         // worth another try
	throttled        // worth another try
	final            // not worth another try
)

var endingNames = []string{"success", "failure", "timeout", "throttled", "final"}

func (e ending) String() string { return endingNames[e] }

// ours is that ending in ours.
func (e ending) ours(wish time.Duration) error {
	kind := map[ending]patterns.Kind{
		failure: patterns.Failed, timedOut: patterns.Timeout, throttled: patterns.Overloaded, final: patterns.Conflict,
	}[e]
	return &patterns.Error{Kind: kind, RetryAfter: wish}
}

// Error makes it an error that says nothing but itself.
func (e ending) Error() string { return e.String() }

// asError returns e, or nil for a success.
func (e ending) asError() error {
	if e == success {
		return nil
	}
	return e
}

func drawEnding(t *rapid.T) ending {
	return oneOf(t, "ending", failure, failure, success, failure, timedOut, throttled, final, success)
}

// An attempt is one of a call that is alone.
type attempt struct {
	Takes time.Duration
	End   ending
	Wish  time.Duration // of the server: not to be called before
}

// ourAttempts returns when each attempt of a call begins and when and how the call ends.
func ourAttempts(cfg retry.Config, script []attempt, all seen) string {
	var (
		r    = retry.New(cfg, sim.Keyed{}, nil)
		now  sim.Time
		call = r.Begin(now, patterns.Request{ID: 1})
		text strings.Builder
		err  error
	)
	for _, a := range script {
		if !r.Send(&call, now) {
			all["denied"]++
			break
		}
		fmt.Fprintf(&text, "attempt at %v\n", now)
		now = now.Add(a.Takes)
		if err = a.End.asError(); err == nil {
			r.Succeeded(&call, now)
			break
		}
		wait, again := r.Next(&call, now, sim.Never, a.End.ours(a.Wish))
		if !again {
			all["given up"]++
			break
		}
		all["retries"]++
		now = now.Add(wait)
	}
	r.Over(&call, now)
	if r.Counts().TooLate > 0 {
		all["too late"]++
	}
	fmt.Fprintf(&text, "over at %v: %v\n", now, err)
	return text.String()
}

// theirAttempts returns the same of a library that makes the attempts of one call.
func theirAttempts(script []attempt, call func(attempt func() error) error) string {
	var (
		c    = startClock()
		text strings.Builder
		n    int
		last error
	)
	call(func() error {
		if n == len(script) {
			last = errors.New("more attempts than the script has")
			return nil
		}
		a := script[n]
		n++
		fmt.Fprintf(&text, "attempt at %v\n", c.now())
		time.Sleep(a.Takes)
		last = a.End.asError()
		return last
	})
	fmt.Fprintf(&text, "over at %v: %v\n", c.now(), last)
	return text.String()
}

// A callStep begins a call, or ends an attempt that is under way.
type callStep struct {
	Begin bool
	Which int
	End   ending
	Wish  time.Duration
}

var callSteps = steps(rapid.Custom(func(t *rapid.T) callStep {
	return callStep{Begin: evenly(t, 4, "begin") == 1, Which: evenly(t, 8, "which"), End: drawEnding(t)}
}))

// realCalls is a library that makes the attempts of calls.
type realCalls struct {
	call  func(attempt func() error) error
	error func(ending, time.Duration) error // as the library is to see it
	tally func() string                     // what its budget shows; nil: nothing
}

// playCalls takes calls that share a budget through the same steps, one a second, and returns the first
// difference. What is to happen between two steps must not happen in whole seconds.
func playCalls(cfg retry.Config, budget retry.Budget, theirs realCalls, tally func() string, steps []callStep, all seen) error {
	type call struct {
		ours            retry.State
		state           string // of ours
		due             sim.Time
		end             chan callStep
		attempts, ended int  // of theirs
		over            bool // theirs
		err             error
	}
	var (
		c       = startClock()
		r       = retry.New(cfg, sim.Keyed{}, budget)
		calls   []*call
		history strings.Builder
	)
	defer func() { // let theirs finish
		for _, x := range calls {
			close(x.end)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
	}()
	send := func(x *call, now sim.Time) {
		if r.Send(&x.ours, now) {
			x.state = fmt.Sprintf("attempt %d", x.ours.Attempt)
			return
		}
		x.state = "failed"
		all["denied late"]++
		r.Over(&x.ours, now)
	}
	retries := func(until sim.Time) { // make those of ours that are due before
		for {
			var next *call
			for _, x := range calls {
				if x.state == "waits" && x.due < until && (next == nil || x.due < next.due) {
					next = x
				}
			}
			if next == nil {
				return
			}
			send(next, next.due)
		}
	}
	compare := func(i int) error {
		synctest.Wait()
		for k, x := range calls {
			state := "waits"
			switch {
			case x.over && x.err == nil:
				state = "succeeded"
			case x.over:
				state = "failed"
			case x.ended < x.attempts:
				state = fmt.Sprintf("attempt %d", x.attempts)
			}
			if state != x.state {
				return fmt.Errorf("%sstep %d, at %v: of call %d ours is at: %s; theirs at: %s (%v)", &history, i, c.now(), k, x.state, state, x.err)
			}
		}
		if theirs.tally != nil {
			if ours, theirs := tally(), theirs.tally(); ours != theirs {
				return fmt.Errorf("%sstep %d, at %v: ours shows %s, theirs %s", &history, i, c.now(), ours, theirs)
			}
		}
		return nil
	}
	for i, s := range steps {
		now := sim.Time(i) * sim.Time(time.Second)
		c.sleepUntil(now)
		retries(now)
		if err := compare(i); err != nil {
			return err
		}
		var underWay []*call
		for _, x := range calls {
			if strings.HasPrefix(x.state, "attempt") {
				underWay = append(underWay, x)
			}
		}
		if s.Begin || len(underWay) == 0 {
			x := &call{ours: r.Begin(now, patterns.Request{ID: uint64(len(calls) + 1)}), end: make(chan callStep, 1)}
			fmt.Fprintf(&history, "%v call %d begins\n", now, len(calls))
			calls = append(calls, x)
			send(x, now)
			go func() {
				x.err = theirs.call(func() error {
					x.attempts++
					s, more := <-x.end
					x.ended++
					if !more {
						return nil
					}
					return theirs.error(s.End, s.Wish)
				})
				x.over = true
			}()
		} else {
			x := underWay[s.Which%len(underWay)]
			fmt.Fprintf(&history, "%v attempt %d of call %d ends: %v\n", now, x.ours.Attempt, slices.Index(calls, x), s.End)
			all[s.End.String()]++
			x.end <- s
			if s.End == success {
				r.Succeeded(&x.ours, now)
				x.state = "succeeded"
				r.Over(&x.ours, now)
			} else if wait, again := r.Next(&x.ours, now, sim.Never, s.End.ours(s.Wish)); again {
				x.state, x.due = "waits", now.Add(wait)
			} else {
				x.state = "failed"
				r.Over(&x.ours, now)
			}
			if x.ours.Attempt > 1 {
				all["retries"]++
			}
		}
		if err := compare(i); err != nil {
			return err
		}
	}
	all["denied"] += int(r.Counts().Denied)
	return nil
}

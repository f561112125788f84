package oracle

import (
	"fmt"
	"strings"
	"time"

	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A limiterStep is a call that asks for permits, or one that gives back what it has booked.
type limiterStep struct {
	Wait   wait
	Ask    int // permits
	Within int // how long the call would wait: not at all, however long, or one of the lengths
	Cancel bool
	Which  int // of the bookings, counted from the newest
}

var limiterSteps = steps(rapid.Custom(func(t *rapid.T) limiterStep {
	return limiterStep{
		waits.Draw(t, "wait"), oneOf(t, "ask", 1, 1, 1, 1, 1, 2, 3, 7), evenly(t, 8, "within"),
		oneOf(t, "cancel", false, false, false, true), evenly(t, 4, "which"),
	}
}))

// A realLimiter is a library's.
type realLimiter struct {
	// reserve asks for n permits within wait, which is negative if it does not matter. If there are none,
	// at is when there could have been: sim.Never if there are never so many. Where the library does not say when, at is 0.
	reserve func(n int, wait time.Duration) (at sim.Time, ok bool)
	cancel  func(which int) bool // gives back what reserve has booked, counting from 0; false: it cannot; nil: it never can

	waits bool                                             // it knows no refusal
	only  bool                                             // it knows no waiting
	most  int                                              // permits it is asked for at once
	early time.Duration                                    // by how much its instants may lie before ours, for it rounds down
	until func(lastStep, lastBooked, at sim.Time) sim.Time // an instant no later than at, where that has to be left out; nil: nothing has
}

// playLimiters takes both through the same steps and returns what was booked, or the first difference.
func playLimiters(cfg ratelimit.Config, theirs realLimiter, c clock, lengths []time.Duration, steps []limiterStep, all seen) (booked []ratelimit.Reservation, _ error) {
	var (
		ours    = ratelimit.New(cfg, c.now())
		back    = map[int]bool{} // what was given back, which is done once
		history strings.Builder
		start   = c.now()
		last    = start // step
		newest  = start // booking: when it may be used
	)
	for i, s := range steps {
		meant := newest
		k := max(0, len(booked)-1-s.Which)
		if len(booked) > 0 {
			meant = booked[k].At
		}
		at := s.Wait.until(last, []sim.Time{last, last, last, last, last, start, newest, meant}, lengths)
		if theirs.until != nil {
			at = theirs.until(last, newest, at)
		}
		c.sleepUntil(at)
		last = at
		if s.Cancel && len(booked) > 0 && !back[k] && theirs.cancel != nil && theirs.cancel(k) {
			back[k] = true
			fmt.Fprintf(&history, "%v the permits for %v are given back\n", at, booked[k].At)
			switch {
			case booked[k].At < at:
				all["given back late"]++
			case booked[k].At == at:
				all["given back when they may be used"]++
			case k == len(booked)-1:
				all["given back, the newest"]++
			default:
				all["given back, with others booked behind them"]++
			}
			ours.Cancel(at, booked[k])
			continue
		}
		n, within := min(s.Ask, theirs.most), time.Duration(0)
		switch {
		case theirs.only || s.Within < 3 && !theirs.waits:
		case theirs.waits || s.Within < 5:
			within = -1
		default:
			within = max(0, lengths[s.Within%len(lengths)]+s.Wait.Off)
		}
		fmt.Fprintf(&history, "%v %d within %v: ", at, n, within)
		when, ok := theirs.reserve(n, within)
		r, given := ours.Reserve(at, n, within)
		if ok && !given && theirs.early > 0 { // they are a little later
			r, given = ours.Reserve(at, n, within+theirs.early)
			all["given early"]++
		}
		if given != ok {
			return nil, fmt.Errorf("%sstep %d: ours gives them: %v, for %v; theirs: %v, for %v", &history, i, given, r.At, ok, when)
		}
		if early := r.At.Sub(when); when != 0 && (early < 0 || early > theirs.early) {
			return nil, fmt.Errorf("%sstep %d: they are for %v, theirs for %v", &history, i, r.At, when)
		}
		switch {
		case !ok && r.At == sim.Never:
			all["refused for ever"]++
		case !ok && within == 0:
			all["refused at once"]++
		case !ok:
			all["refused, the wait being too long"]++
		case r.At == at:
			all["given at once"]++
		default:
			all["given for later"]++
			if r.At.Sub(at) == within {
				all["given for the last instant"]++
			}
		}
		if !ok && r.At.Sub(at) == within+time.Nanosecond {
			all["refused for a nanosecond"]++
		}
		fmt.Fprintf(&history, "%v, for %v\n", ok, r.At)
		if ok {
			booked = append(booked, r)
			newest = max(newest, r.At)
		}
	}
	return booked, nil
}

// limiterReach is what sequences have to reach with every library that can refuse.
var limiterReach = []string{
	"given at once", "given for later", "given for the last instant", "refused at once", "refused, the wait being too long", "refused for a nanosecond",
}

package oracle

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/sim"
	"golang.org/x/time/rate"
	"pgregory.net/rapid"
)

// An xtimeSetup is the settings that both are made from.
type xtimeSetup struct {
	Limit  int
	Period time.Duration
	Burst  int
	Steps  []limiterStep
}

func (x xtimeSetup) play(all seen, exact bool) error {
	c := startClock()
	l := rate.NewLimiter(rate.Limit(float64(x.Limit)/x.Period.Seconds()), x.Burst)
	over, end := context.WithCancel(context.Background())
	defer end()
	var reserved []*rate.Reservation // nil: the library does not show it
	waited := map[int]sim.Time{}     // when WaitN let its caller go
	theirs := realLimiter{most: x.Burst + 1}
	theirs.reserve = func(n int, wait time.Duration) (at sim.Time, ok bool) {
		now := time.Now()
		var r *rate.Reservation
		switch {
		case wait == 0:
			at, ok = c.now(), l.AllowN(now, n)
		case wait < 0:
			r = l.ReserveN(now, n)
			if ok = r.OK(); ok {
				at = c.now().Add(r.DelayFrom(now))
			}
		default:
			k, refused := len(reserved), false
			go func() {
				if refused = l.WaitN(until{over, now.Add(wait)}, n) != nil; !refused {
					waited[k] = c.now()
				}
			}()
			synctest.Wait()
			ok = !refused
		}
		if !ok {
			return 0, false
		}
		reserved = append(reserved, r)
		return at, true
	}
	if exact {
		theirs.cancel = func(which int) bool {
			if reserved[which] == nil {
				return false
			}
			reserved[which].CancelAt(time.Now())
			return true
		}
	} else {
		theirs.early = time.Nanosecond
	}
	cfg := ratelimit.XTime()
	cfg.Limit, cfg.Period, cfg.Burst = x.Limit, x.Period, x.Burst
	interval := x.Period / time.Duration(x.Limit)
	lengths := []time.Duration{0, 0, 0, 0, 0, interval, interval, 2 * interval, 3 * interval, time.Duration(x.Burst) * interval, 7 * interval, 1000 * interval}
	booked, err := playLimiters(cfg, theirs, c, lengths, x.Steps, all)
	if err != nil {
		return err
	}
	if len(booked) > 0 {
		c.sleepUntil(max(c.now(), booked[len(booked)-1].At) + 1)
	}
	for k, at := range waited {
		all["let go by WaitN"]++
		if early := booked[k].At.Sub(at); early < 0 || early > theirs.early {
			return fmt.Errorf("permits that are for %v were waited for until %v", booked[k].At, at)
		}
	}
	return nil
}

// An until is a context with a deadline at which it does not end: if permits come at the very instant of the
// deadline, WaitN leaves it to chance whether they are used or given back.
type until struct {
	context.Context
	deadline time.Time
}

func (u until) Deadline() (time.Time, bool) { return u.deadline, true }

// golang.org/x/time counts tokens in floats and cuts waits to whole nanoseconds; ours is exact and rounds
// up. So what is compared is that its instants are ours, or a nanosecond earlier.
func TestXTimeRate(t *testing.T) {
	setups := rapid.Custom(func(t *rapid.T) xtimeSetup {
		return xtimeSetup{
			1 + evenly(t, 1000, "limit"), oneOf(t, "period", time.Second, time.Minute, time.Hour, 7*time.Millisecond),
			oneOf(t, "burst", 1, 1, 2, 3, 4, 5, 10, 20), limiterSteps.Draw(t, "steps"),
		}
	})
	compare(t, setups, func(x xtimeSetup, all seen) error { return x.play(all, false) }, append(limiterReach, "given early", "let go by WaitN")...)
}

// tick is 2⁻⁹ s, the shortest such time that is a whole number of nanoseconds. At its multiples, with a
// limit that is a power of two, golang.org/x/time counts exactly, and so cancellation can be compared
// too: elsewhere each restores tokens that are wrong by as much as comes in two nanoseconds.
const tick = time.Second >> 9

func TestXTimeRateExactly(t *testing.T) {
	setups := rapid.Custom(func(t *rapid.T) xtimeSetup {
		x := xtimeSetup{
			1 << evenly(t, 10, "limit"), time.Second << evenly(t, 4, "period"),
			oneOf(t, "burst", 1, 1, 2, 3, 4, 5, 10, 20), limiterSteps.Draw(t, "steps"),
		}
		for i := range x.Steps {
			x.Steps[i].Wait.Off *= tick
		}
		return x
	})
	compare(t, setups, func(x xtimeSetup, all seen) error { return x.play(all, true) },
		"given at once", "given for later", "given for the last instant", "refused at once", "refused, the wait being too long", "refused for ever", "let go by WaitN",
		"given back late", "given back when they may be used", "given back, the newest", "given back, with others booked behind them")
}

package oracle

import (
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/ratelimiter"
	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A failsafeLimiterSetup is the settings that both are made from.
type failsafeLimiterSetup struct {
	Max    int
	Period time.Duration
	Steps  []limiterStep
}

func (f failsafeLimiterSetup) playSmooth(all seen) error {
	cfg := ratelimit.FailsafeSmooth()
	cfg.Limit, cfg.Period = f.Max, f.Period
	i := f.Period / time.Duration(f.Max)
	return f.play(cfg, ratelimiter.NewSmooth[any](uint(f.Max), f.Period), i, nil, all)
}

func (f failsafeLimiterSetup) playBursty(all seen) error {
	cfg := ratelimit.FailsafeBursty()
	cfg.Limit, cfg.Period, cfg.Burst = f.Max, f.Period, f.Max
	// See TestFailsafeBurstySavesWithoutEnd: what was booked ahead is asked for again before its period is over.
	ahead := func(last, newest, at sim.Time) sim.Time {
		if newest > last {
			at = min(at, newest.Add(f.Period-1))
		}
		return at
	}
	return f.play(cfg, ratelimiter.NewBursty[any](uint(f.Max), f.Period), f.Period, ahead, all)
}

func (f failsafeLimiterSetup) play(cfg ratelimit.Config, l ratelimiter.RateLimiter[any], i time.Duration, until func(last, newest, at sim.Time) sim.Time, all seen) error {
	c := startClock()
	theirs := realLimiter{most: 3 * f.Max, until: until, reserve: func(n int, wait time.Duration) (sim.Time, bool) {
		if wait == 0 {
			ok := l.TryAcquirePermits(uint(n))
			return at(c.now(), ok), ok
		}
		if wait < 0 {
			return c.now().Add(l.ReservePermits(uint(n))), true
		}
		d := l.TryReservePermits(uint(n), wait)
		return at(c.now().Add(d), d >= 0), d >= 0
	}}
	lengths := []time.Duration{0, 0, 0, 0, 0, i, i, 2 * i, 3 * i, i / 3, 7 * i, 1000 * i}
	_, err := playLimiters(cfg, theirs, c, lengths, f.Steps, all)
	return err
}

var failsafeLimiters = rapid.Custom(func(t *rapid.T) failsafeLimiterSetup {
	return failsafeLimiterSetup{
		oneOf(t, "max", 1, 2, 3, 4, 5, 10, 20, 50), oneOf(t, "period", 1000, time.Second, time.Minute, time.Hour),
		limiterSteps.Draw(t, "steps"),
	}
})

func TestFailsafeSmooth(t *testing.T) {
	compare(t, failsafeLimiters, failsafeLimiterSetup.playSmooth, limiterReach...)
}

func TestFailsafeBursty(t *testing.T) {
	compare(t, failsafeLimiters, failsafeLimiterSetup.playBursty, limiterReach...)
}

// If permits were booked ahead, failsafe-go's bursty limiter adds those of all periods since, with no
// upper limit: after a pause it lets through as many as if nothing had ever been too much. Ours holds one
// period's. So with permits booked ahead, there is no such pause.
func TestFailsafeBurstySavesWithoutEnd(t *testing.T) {
	inBubble(t, func() error {
		l := ratelimiter.NewBursty[any](10, time.Second)
		l.ReservePermits(11)
		time.Sleep(100 * time.Second)
		at := 0
		for l.TryAcquirePermit() {
			at++
		}
		if at != 999 {
			t.Errorf("%d at once: the reason to leave pauses out is gone", at)
		}
		return nil
	})
}

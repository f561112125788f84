package oracle

import (
	"context"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/sim"
	gcra "github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
	"pgregory.net/rapid"
)

// A throttledSetup is the settings that both are made from.
type throttledSetup struct {
	Limit    int
	Period   time.Duration
	MaxBurst int
	Steps    []limiterStep
}

func (x throttledSetup) play(all seen) error {
	c := startClock()
	store, err := memstore.NewCtx(0)
	if err != nil {
		return err
	}
	l, err := gcra.NewGCRARateLimiterCtx(store, gcra.RateQuota{MaxRate: gcra.PerDuration(x.Limit, x.Period), MaxBurst: x.MaxBurst})
	if err != nil {
		return err
	}
	theirs := realLimiter{most: x.MaxBurst + 2, only: true, reserve: func(n int, _ time.Duration) (sim.Time, bool) {
		limited, result, err := l.RateLimitCtx(context.Background(), "key", n)
		switch {
		case err != nil:
			panic(err)
		case !limited:
			return c.now(), true
		case result.RetryAfter < 0:
			return sim.Never, false
		}
		return c.now().Add(result.RetryAfter), false
	}}
	cfg := ratelimit.Throttled()
	cfg.Limit, cfg.Period, cfg.Burst = x.Limit, x.Period, x.MaxBurst+1
	i := x.Period / time.Duration(x.Limit)
	lengths := []time.Duration{0, 0, 0, 0, 0, i, i, 2 * i, i / 3, i * time.Duration(x.MaxBurst), i * time.Duration(x.MaxBurst+1), 1000 * i}
	_, err = playLimiters(cfg, theirs, c, lengths, x.Steps, all)
	return err
}

func TestThrottled(t *testing.T) {
	setups := rapid.Custom(func(t *rapid.T) throttledSetup {
		return throttledSetup{
			1 + evenly(t, 1000, "limit"), oneOf(t, "period", 1000, time.Second, time.Minute, time.Hour),
			oneOf(t, "maxBurst", 0, 1, 2, 3, 4, 8, 15, 0), limiterSteps.Draw(t, "steps"),
		}
	})
	compare(t, setups, throttledSetup.play, "given at once", "refused at once", "refused for a nanosecond", "refused for ever")
}

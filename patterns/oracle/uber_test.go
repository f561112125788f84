package oracle

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/sim"
	uber "go.uber.org/ratelimit"
	"pgregory.net/rapid"
)

// An uberSetup is the settings that both are made from.
type uberSetup struct {
	Rate  int
	Per   time.Duration
	Slack int
	Steps []limiterStep
}

func (u uberSetup) play(all seen) error {
	c := startClock()
	l := uber.New(u.Rate, uber.Per(u.Per), uber.WithSlack(u.Slack), uber.WithClock(readClock{}))
	theirs := realLimiter{most: 1, waits: true, reserve: func(int, time.Duration) (sim.Time, bool) {
		return sim.Time(l.Take().Sub(c.zero)), true
	}}
	cfg := ratelimit.Uber()
	cfg.Limit, cfg.Period, cfg.Slack = u.Rate, u.Per, u.Slack
	i := u.Per / time.Duration(u.Rate)
	lengths := []time.Duration{0, 0, 0, 0, 0, i, i, 2 * i, i / 3, i * time.Duration(u.Slack), i * time.Duration(u.Slack+1), 1000 * i}
	_, err := playLimiters(cfg, theirs, c, lengths, u.Steps, all)
	return err
}

// Its Take waits until its turn has come; many callers wait here at once.
func TestUber(t *testing.T) {
	setups := rapid.Custom(func(t *rapid.T) uberSetup {
		return uberSetup{
			1 + evenly(t, 1000, "rate"), oneOf(t, "per", 1000, time.Second, time.Minute, time.Hour),
			oneOf(t, "slack", 0, 0, 1, 2, 5, 10, 10, 100), limiterSteps.Draw(t, "steps"),
		}
	})
	compare(t, setups, uberSetup.play, "given at once", "given for later")
}

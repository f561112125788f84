package oracle

import (
	"testing"
	"time"

	juju "github.com/juju/ratelimit"
	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A jujuSetup is the settings that both are made from.
type jujuSetup struct {
	Interval time.Duration
	Capacity int
	Quantum  int
	Steps    []limiterStep
}

// A readClock is a clock for libraries that ask for one. Nobody sleeps on it: many callers may wait at once.
type readClock struct{}

func (readClock) Now() time.Time      { return time.Now() }
func (readClock) Sleep(time.Duration) {}

func (j jujuSetup) play(all seen) error {
	c := startClock()
	b := juju.NewBucketWithQuantumAndClock(j.Interval, int64(j.Capacity), int64(j.Quantum), readClock{})
	theirs := realLimiter{most: 3 * j.Capacity, reserve: func(n int, wait time.Duration) (sim.Time, bool) {
		if wait < 0 {
			return c.now().Add(b.Take(int64(n))), true
		}
		if wait == 0 && n == 1 {
			ok := b.TakeAvailable(1) == 1
			return at(c.now(), ok), ok
		}
		d, ok := b.TakeMaxDuration(int64(n), wait)
		return at(c.now().Add(d), ok), ok
	}}
	cfg := ratelimit.Juju()
	cfg.Limit, cfg.Period, cfg.Burst = j.Quantum, j.Interval, j.Capacity
	i := j.Interval
	lengths := []time.Duration{0, 0, 0, 0, 0, i, i, 2 * i, i / 3, i * time.Duration(1+j.Capacity/j.Quantum), 1000 * i}
	_, err := playLimiters(cfg, theirs, c, lengths, j.Steps, all)
	return err
}

// at returns t if it is known.
func at(t sim.Time, known bool) sim.Time {
	if !known {
		return 0
	}
	return t
}

func TestJuju(t *testing.T) {
	setups := rapid.Custom(func(t *rapid.T) jujuSetup {
		return jujuSetup{
			oneOf(t, "interval", 1, 7, time.Microsecond, time.Second, time.Hour),
			1 + evenly(t, 10, "capacity"), 1 + evenly(t, 12, "quantum"), limiterSteps.Draw(t, "steps"),
		}
	})
	compare(t, setups, jujuSetup.play, limiterReach...)
}

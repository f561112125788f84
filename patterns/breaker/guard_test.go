package breaker_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/sim"
)

// Whenever a breaker is asked whether it would let a call through, it then does as it said.
func TestReadyIsWhatAllowDoes(t *testing.T) {
	two := with(breaker.Consecutive(1, 10*time.Second), func(c *breaker.Config) { c.Probes, c.Successes = 2, 2 })
	for name, cfg := range map[string]breaker.Config{
		"in all": two, "at once": with(two, func(c *breaker.Config) { c.Permits = breaker.AtOnce }),
	} {
		for _, forced := range []breaker.State{breaker.Closed, breaker.ForcedOpen, breaker.ForcedClosed} {
			cfg.Forced = forced
			b := breaker.New(cfg)
			var permits []breaker.Permit
			for i, end := range []breaker.Outcome{breaker.Failure, 0, 0, 0, breaker.Success, 0, 0} {
				now := sim.Time(time.Duration(i) * 4 * time.Second)
				ready := b.Ready(now)
				permit, err := b.Allow(now)
				if ready != (err == nil) {
					t.Errorf("%s, %v: at %v ready is %v, and then %v", name, forced, now, ready, err)
				}
				if err == nil {
					permits = append(permits, permit)
				}
				if end != breaker.Unknown && len(permits) > 0 {
					b.Done(now, permits[0], end)
					permits = permits[1:]
				}
			}
		}
	}
}

// A target that fails all calls.
type failing struct{ name string }

func (f *failing) Name() string  { return f.name }
func (f *failing) Healthy() bool { return true }
func (f *failing) Call(*sim.Process, patterns.Request) (patterns.Response, error) {
	return patterns.Response{}, &patterns.Error{Kind: patterns.Failed}
}

// Each target is behind a breaker of its own, with a name and a luck of its own.
func TestGuard(t *testing.T) {
	cfg := breaker.Consecutive(1, 10*time.Second)
	cfg.Name, cfg.OpenJitter = "orders", 1
	notes := simulate(t, func(s *sim.Simulation) {
		targets := breaker.Guard(s, cfg, s.Keyed("breaker"), []balance.Target{&failing{"a"}, &failing{"b"}})
		s.Go("caller", func(p *sim.Process) {
			targets[0].Call(p, patterns.Request{})
			if targets[0].Healthy() || !targets[1].Healthy() {
				t.Error("the breaker of one target stands for another")
			}
			targets[1].Call(p, patterns.Request{})
			var back [2]time.Duration
			for range 2000 {
				p.Sleep(10 * time.Millisecond)
				for i, target := range targets {
					if target.Healthy() && back[i] == 0 {
						back[i] = p.Now().Sub(0)
					}
				}
			}
			if back[0] == back[1] || min(back[0], back[1]) < 10*time.Second {
				t.Errorf("they are back after %v", back)
			}
		})
	})
	if want := "0s breaker orders/a open\n0s breaker orders/b open\n"; notes != want {
		t.Errorf("got %s want %s", notes, want)
	}
}

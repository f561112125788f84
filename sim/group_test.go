package sim_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestPauseHoldsWhatFallsDueAndTimersCanStillBeStopped(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		g := s.NewGroup("node")
		g.Go("sleeper", func(p *sim.Process) {
			for range 3 {
				p.Sleep(time.Second)
				say("tick")
			}
		})
		held := g.After(2200*time.Millisecond, func() { say("never") })
		g.After(2500*time.Millisecond, func() { say("callback") })
		s.After(1500*time.Millisecond, g.Pause)
		s.After(10*time.Second, func() { held.Stop(); g.Resume() })
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s tick", "10s tick", "10s callback", "11s tick")
}

func TestAClockThatDriftsMovesSleepsAndTimers(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		g := s.NewGroup("node")
		g.Go("p", func(p *sim.Process) {
			p.Sleep(10 * time.Second)
			say("shows %v", p.Now())
			p.Sleep(10 * time.Second)
			say("shows %v", p.Now())
		})
		timer := g.After(20*time.Second, func() { say("timer") })
		s.After(5*time.Second, func() { g.SetClock(0, 1_000_000_000) })            // twice as fast
		s.After(10*time.Second, func() { g.SetClock(time.Hour, 0); timer.Stop() }) // 10s and an hour, and right again
		s.RunUntilIdle()
	})
	expect(t, got, err, "7.5s shows 10s", "15s shows 1h0m15s")
}

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

func TestPauses(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(s *sim.Simulation, g *sim.Group, say func(string, ...any))
		want []string
	}{
		{"deadlines pass while it is paused, and are noticed afterwards", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.Go("p", func(p *sim.Process) {
				sc := p.WithTimeout(2 * time.Second)
				say("deadline %v", sc.Ended(p.Sleep(time.Hour)))
			})
			s.After(time.Second, g.Pause)
			s.After(5*time.Second, g.Resume)
		}, []string{"5s deadline true"}},
		{"what fell due first happens first: the answer beats its deadline", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			bell := sim.NewSignal(s, "bell")
			g.Go("p", func(p *sim.Process) {
				sc := p.WithTimeout(3 * time.Second)
				defer sc.Close()
				say("%v", bell.Wait(p))
			})
			s.After(time.Second, g.Pause)
			s.After(2*time.Second, func() { bell.Notify() })
			s.After(5*time.Second, g.Resume)
		}, []string{"5s <nil>"}},
		{"a kill ends a pause, and nothing that was held happens", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.After(2*time.Second, func() { say("a dead callback") })
			g.Go("p", func(p *sim.Process) { defer say("unwound"); p.Sleep(2 * time.Second); say("went on") })
			s.After(time.Second, g.Pause)
			s.After(3*time.Second, func() {
				g.Kill()
				g.Start()
				say("paused %v", g.Paused())
				g.After(time.Second, func() { say("life %d", g.Incarnation()) })
			})
		}, []string{"3s unwound", "3s paused false", "4s life 2"}},
		{"a process of a paused group can be killed", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			p := g.Go("p", func(p *sim.Process) { defer say("unwound"); p.Sleep(2 * time.Second); say("went on") })
			s.After(time.Second, g.Pause)
			s.After(3*time.Second, p.Kill)
			s.After(4*time.Second, g.Resume)
		}, []string{"3s unwound"}},
		{"a process that pauses its own group runs until its next wait", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.Go("p", func(p *sim.Process) { g.Pause(); say("runs"); p.Sleep(0); say("went on") })
			s.After(time.Second, g.Resume)
		}, []string{"0s runs", "1s went on"}},
		{"paused twice, resumed once", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.Pause()
			g.Pause()
			g.After(time.Second, func() { say("callback") })
			s.After(3*time.Second, g.Resume)
			s.After(4*time.Second, g.Resume)
		}, []string{"3s callback"}},
		{"what is new during a pause waits behind what was due", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.After(2*time.Second, func() { say("due before") })
			s.After(time.Second, g.Pause)
			s.After(5*time.Second, func() {
				g.After(0, func() { say("new") })
				g.Resume()
				s.After(0, func() { say("after") })
			})
		}, []string{"5s due before", "5s new", "5s after"}},
		{"a dead group cannot be paused", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.Kill()
			g.Pause()
			g.Start()
			say("paused %v", g.Paused())
		}, []string{"0s paused false"}},
		{"the clock may step during a pause", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.After(2*time.Second, func() { say("held; shows %v", g.Now()) })
			g.After(10*time.Second, func() { say("later; shows %v", g.Now()) })
			s.After(time.Second, g.Pause)
			s.After(3*time.Second, func() { g.SetClock(-time.Hour, 0) })
			s.After(4*time.Second, func() { g.Resume(); g.SetClock(time.Hour, 0) })
		}, []string{"4s held; shows 1h0m4s", "10s later; shows 1h0m10s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
				c.f(s, s.NewGroup("g"), say)
				s.RunUntilIdle()
			})
			expect(t, got, err, c.want...)
		})
	}
}

func TestClocks(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(s *sim.Simulation, g *sim.Group, say func(string, ...any))
		want []string
	}{
		{"a step moves no timer, backwards or forwards", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.SetClock(-time.Hour, 0)
			g.After(time.Hour, func() { say("a") }) // at 0s of the local clock
			g.Go("p", func(p *sim.Process) { p.Sleep(2 * time.Hour); say("b shows %v", p.Now()) })
			s.After(time.Minute, func() { g.SetClock(0, 0) })
			s.After(2*time.Minute, func() { g.SetClock(time.Hour, 0) })
		}, []string{"1h0m0s a", "2h0m0s b shows 3h0m0s"}},
		{"timers of one instant keep their order when the clock changes", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.After(time.Hour, func() {}).Stop() // its slot is used again
			g.After(time.Millisecond, func() {})
			for i := range 4 {
				g.After(time.Second, func() { say("%d", i) })
			}
			s.RunUntil(sim.Time(2 * time.Millisecond))
			g.After(998*time.Millisecond, func() { say("4") })
			g.SetClock(0, 1_000_000_000)
		}, []string{"501ms 0", "501ms 1", "501ms 2", "501ms 3", "501ms 4"}},
		{"a slow clock and a far future", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			s.RunUntil(sim.Time(time.Hour))
			g.SetClock(time.Hour, -999_999_999)
			timer := g.At(sim.Never-1, func() { say("after the end of time") })
			g.After(time.Nanosecond, func() { say("a local nanosecond") })
			g.Go("p", func(p *sim.Process) {
				sc := p.WithDeadline(sim.Never - 1)
				p.Sleep(time.Nanosecond)
				sc.Close()
			})
			s.RunUntil(sim.Time(time.Hour + time.Second))
			timer.Stop()
		}, []string{"1h0m1s a local nanosecond"}},
		{"drift is exact over years", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.SetClock(0, 50_000) // 50 ppm
			s.RunUntil(sim.Time(10 * 365 * 24 * time.Hour))
			say("gained %v", g.Now().Sub(s.Now()))
		}, []string{"87600h0m0s gained 4h22m48s"}},
		{"its pause does not stop its clock", func(s *sim.Simulation, g *sim.Group, say func(string, ...any)) {
			g.Pause()
			s.After(time.Second, func() { say("shows %v", g.Now()) })
		}, []string{"1s shows 1s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
				c.f(s, s.NewGroup("g"), say)
				s.RunUntilIdle()
			})
			expect(t, got, err, c.want...)
		})
	}
}

// A wake-up that is over does not move the clock, paused or not.
func TestTheRunEndsWithItsLastEvent(t *testing.T) {
	result, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		g := s.NewGroup("g")
		p := g.Go("p", func(p *sim.Process) { p.Sleep(time.Hour) })
		s.After(time.Second, func() { p.Kill(); g.Pause() })
		s.RunUntilIdle()
	})
	if err != nil || result.Now != sim.Time(time.Second) {
		t.Errorf("ended at %v: %v", result.Now, err)
	}
}

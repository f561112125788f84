package sim_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestInterruptsAtEveryState(t *testing.T) {
	hey := errors.New("hey")
	for _, c := range []struct {
		name string
		f    func(s *sim.Simulation, say func(string, ...any))
		want []string
	}{
		{"not begun", func(s *sim.Simulation, say func(string, ...any)) {
			p := s.Go("p", func(p *sim.Process) {
				say("began")
				say("%v", p.Sleep(time.Hour))
				say("%v", p.Sleep(time.Second))
			})
			p.Interrupt(hey)
		}, []string{"0s began", "0s interrupted: hey", "1s <nil>"}},
		{"parked", func(s *sim.Simulation, say func(string, ...any)) {
			p := s.Go("p", func(p *sim.Process) {
				err := p.Sleep(time.Hour)
				var i *sim.Interrupted
				say("%v, reason kept %v, is one %v", err, errors.Is(err, hey), errors.Is(err, sim.ErrInterrupted))
				say("%v %v", errors.As(err, &i), p.Sleep(2*time.Hour)) // the first sleep's end is stale
			})
			s.After(time.Second, func() { p.Interrupt(hey) })
		}, []string{"1s interrupted: hey, reason kept true, is one true", "2h0m1s true <nil>"}},
		{"parked in a line", func(s *sim.Simulation, say func(string, ...any)) {
			r := sim.NewResource(s, "r", 1, sim.FIFO)
			r.TryAcquire(1)
			p := s.Go("p", func(p *sim.Process) { say("%v, %d wait", r.Acquire(p, 1, 0), r.Waiting()) })
			s.Go("next", func(p *sim.Process) { say("next: %v", r.Acquire(p, 1, 0)) })
			s.After(time.Second, func() { p.Interrupt(nil); r.Release(1) })
		}, []string{"1s interrupted, 0 wait", "1s next: <nil>"}},
		{"decided", func(s *sim.Simulation, say func(string, ...any)) {
			bell := sim.NewSignal(s, "bell")
			p := s.Go("p", func(p *sim.Process) { say("%v", bell.Wait(p)); say("%v", p.Sleep(time.Hour)) })
			s.After(time.Second, func() { bell.Notify(); p.Interrupt(hey) })
		}, []string{"1s <nil>", "1s interrupted: hey"}},
		{"twice: the last one counts", func(s *sim.Simulation, say func(string, ...any)) {
			p := s.Go("p", func(p *sim.Process) { say("%v", p.Sleep(0)); say("%v", p.Sleep(0)) })
			p.Interrupt(errors.New("first"))
			p.Interrupt(hey)
		}, []string{"0s interrupted: hey", "0s <nil>"}},
		{"running", func(s *sim.Simulation, say func(string, ...any)) {
			s.Go("p", func(p *sim.Process) { p.Interrupt(hey); say("%v", p.Sleep(time.Hour)) })
		}, []string{"0s interrupted: hey"}},
		{"between a ticket and its wait", func(s *sim.Simulation, say func(string, ...any)) {
			s.Go("p", func(p *sim.Process) {
				ticket := p.Ticket("an answer")
				p.Interrupt(hey)
				say("live %v", ticket.Live())
				say("%v, woken %v", p.Park(), ticket.Wake())
			})
		}, []string{"0s live false", "0s interrupted: hey, woken false"}},
		{"ended", func(s *sim.Simulation, say func(string, ...any)) {
			p := s.Go("p", func(p *sim.Process) {})
			s.After(time.Second, func() { p.Interrupt(hey); say("nothing") })
		}, []string{"1s nothing"}},
		{"paused", func(s *sim.Simulation, say func(string, ...any)) {
			g := s.NewGroup("g")
			p := g.Go("p", func(p *sim.Process) { say("%v", p.Sleep(time.Hour)) })
			s.After(time.Second, g.Pause)
			s.After(2*time.Second, func() { p.Interrupt(hey) })
			s.After(3*time.Second, g.Resume)
		}, []string{"3s interrupted: hey"}},
		{"and killed at once", func(s *sim.Simulation, say func(string, ...any)) {
			p := s.Go("p", func(p *sim.Process) { defer say("unwound"); p.Sleep(time.Hour); say("went on") })
			s.After(time.Second, func() { p.Interrupt(hey); p.Kill() })
		}, []string{"1s unwound"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
				c.f(s, say)
				s.RunUntilIdle()
			})
			expect(t, got, err, c.want...)
		})
	}
}

func TestTickets(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		var old, wake sim.Ticket
		s.Go("p", func(p *sim.Process) {
			old = p.Ticket("the first answer")
			s.After(time.Second, func() { say("first wakes %v, and again %v", old.Wake(), old.Wake()) })
			say("%v", p.Park())
			wake = p.Ticket("the second answer")
			s.After(time.Second, func() { say("stale wakes %v", old.Wake()) })
			s.After(2*time.Second, func() { wake.Wake() })
			say("%v", p.Park())
			woken := p.Ticket("an answer that is there already")
			woken.Wake()
			say("%v", p.Park())
			p.Ticket("an answer that comes when nobody waits any more").Wake()
		})
		s.RunUntilIdle()
		say("after the end %v", wake.Wake() || sim.Ticket{}.Wake())
	})
	expect(t, got, err, "1s first wakes true, and again false", "1s <nil>", "2s stale wakes false", "3s <nil>", "3s <nil>",
		"3s after the end false")
}

func TestMisusedWaitsPanic(t *testing.T) {
	for want, f := range map[string]func(s *sim.Simulation){
		"p #1 parks without a ticket": func(s *sim.Simulation) {
			s.Go("p", func(p *sim.Process) { p.Ticket("x"); p.Sleep(0); p.Park() })
		},
		"p #1 is made to wait by somebody else": func(s *sim.Simulation) {
			p := s.Go("p", func(p *sim.Process) { p.Sleep(time.Hour) })
			s.After(time.Second, func() { p.Sleep(time.Second) })
		},
		"dead #1 is made to wait by somebody else": func(s *sim.Simulation) {
			dead := s.Go("dead", func(*sim.Process) {})
			s.Go("p", func(*sim.Process) { dead.Sleep(time.Second) })
		},
		"Sleep of the negative length -1s":  func(s *sim.Simulation) { s.Go("p", func(p *sim.Process) { p.Sleep(-time.Second) }) },
		"After with the negative delay -1s": func(s *sim.Simulation) { s.After(0, func() { s.After(-time.Second, func() {}) }) },
		"before the present instant 1s": func(s *sim.Simulation) {
			s.After(time.Second, func() { s.At(0, func() {}) })
		},
		"the stream \"luck\" was asked for twice": func(s *sim.Simulation) {
			s.After(0, func() { s.Stream("luck"); s.Keyed("luck") })
		},
		"-1 units of resource r are asked for": func(s *sim.Simulation) {
			s.After(0, func() { sim.NewResource(s, "r", 1, sim.FIFO).TryAcquire(-1) })
		},
		"Release of 2 units of resource r, of which 1 are in use": func(s *sim.Simulation) {
			r := sim.NewResource(s, "r", 2, sim.FIFO)
			r.TryAcquire(1)
			s.After(0, func() { r.Release(2) })
		},
		"a run is driven from outside": func(s *sim.Simulation) { s.After(0, func() { s.RunUntil(5) }) },
		"Start of the group g, which is alive": func(s *sim.Simulation) {
			s.After(0, s.NewGroup("g").Start)
		},
		"stops the clock or turns it back": func(s *sim.Simulation) {
			s.After(0, func() { s.NewGroup("g").SetClock(0, -1_000_000_000) })
		},
	} {
		t.Run(want, func(t *testing.T) {
			expectFailure(t, sim.Config{}, func(s *sim.Simulation) { f(s); s.RunUntilIdle() }, want)
		})
	}
}

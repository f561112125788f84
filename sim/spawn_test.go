package sim_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

// A spawned process's memory is used again. Whatever was left of its former life must not reach
// the next.
func TestNothingReachesTheNextLifeOfASpawnedProcess(t *testing.T) {
	remains := map[string]func(s *sim.Simulation, p *sim.Process) (haunt func()){
		"a ticket": func(s *sim.Simulation, p *sim.Process) func() {
			ticket := p.Ticket("x")
			return func() {
				if ticket.Live() || ticket.Wake() {
					t.Error("a ticket of a former life wakes")
				}
			}
		},
		"a ticket that was woken": func(s *sim.Simulation, p *sim.Process) func() {
			p.Ticket("x").Wake()
			return func() {}
		},
		"a scope": func(s *sim.Simulation, p *sim.Process) func() {
			outer, inner := p.WithCancel(), p.WithTimeout(time.Minute)
			return func() { outer.Cancel(nil); inner.Cancel(nil); outer.Close() }
		},
		"a deadline": func(s *sim.Simulation, p *sim.Process) func() {
			p.WithTimeout(5 * time.Second)
			return func() {}
		},
		"a scope that has ended": func(s *sim.Simulation, p *sim.Process) func() {
			p.WithCancel().Cancel(nil)
			return func() {}
		},
		"an interrupt": func(s *sim.Simulation, p *sim.Process) func() {
			p.Interrupt(nil)
			return func() {}
		},
		"a sleep that was cut short": func(s *sim.Simulation, p *sim.Process) func() {
			s.After(0, func() { p.Interrupt(nil) })
			p.Sleep(5 * time.Second)
			return func() {}
		},
		"a child": func(s *sim.Simulation, p *sim.Process) func() {
			p.Fork("child", func(c *sim.Process) {
				c.Sleep(time.Hour)
				t.Error("a child outlived its parent")
			})
			return func() {}
		},
		"a child that kills it": func(s *sim.Simulation, p *sim.Process) func() {
			p.Fork("child", func(c *sim.Process) { p.Kill() })
			p.Sleep(time.Hour)
			return nil
		},
		"one who joins it": func(s *sim.Simulation, p *sim.Process) func() {
			s.Background("joiner", func(j *sim.Process) { j.Join(p); j.Sleep(time.Second) })
			p.Sleep(0)
			return func() {}
		},
	}
	for name, leave := range remains {
		t.Run(name, func(t *testing.T) {
			lives := 0
			_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
				g := s.NewGroup("g")
				var first, second *sim.Process
				haunt := func() {}
				g.Spawn("first", func(p *sim.Process, _ any) {
					first = p
					if f := leave(s, p); f != nil {
						haunt = f
					}
				}, nil)
				s.RunUntil(sim.Time(time.Second))
				g.Spawn("second", func(p *sim.Process, _ any) {
					second = p
					lives++
					if err := p.Err(); err != nil {
						t.Errorf("begins with %v", err)
					}
					s.After(time.Second, func() { haunt() })
					if err := p.Sleep(10 * time.Second); err != nil || s.Now() != sim.Time(11*time.Second) {
						t.Errorf("slept until %v: %v", s.Now(), err)
					}
					lives++
				}, nil)
				s.RunUntilIdle()
				if first != second {
					t.Error("the memory was not used again: the test shows nothing")
				}
			})
			if err != nil || lives != 2 {
				t.Errorf("the second life did not come to its end: %v", err)
			}
		})
	}
}

func TestSpawnedProcessesAreKilledWithTheirGroup(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		g := s.NewGroup("g")
		job := func(p *sim.Process, arg any) {
			defer say("%v unwound", arg)
			p.Sleep(time.Second)
			say("%v slept", arg)
		}
		g.Spawn("job", job, "a")
		s.After(500*time.Millisecond, func() {
			g.Spawn("job", job, "b") // has not begun when it is killed
			g.Kill()
			g.Spawn("job", job, "c") // is never born
			g.Start()
			g.Spawn("job", job, "d")
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "500ms a unwound", "1.5s d slept", "1.5s d unwound")
}

// Nobody should keep a handle on a spawned process. Until its memory is used again, one does no harm.
func TestAHandleOnASpawnedProcessThatHasEnded(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		var kept *sim.Process
		s.NewGroup("g").Spawn("job", func(p *sim.Process, _ any) { kept = p }, nil)
		s.After(time.Second, func() { kept.Kill(); kept.Interrupt(nil); say("done %v", kept.Done()) })
		s.Go("p", func(p *sim.Process) {
			p.Sleep(2 * time.Second)
			say("joined %v, forked %v", p.Join(kept), kept.Fork("child", func(*sim.Process) {}).Done())
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s done true", "2s joined <nil>, forked true")
}

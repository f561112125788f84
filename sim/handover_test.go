package sim_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

// Processes that wait give control to each other. These are the stories in which one that is to be
// unwound has itself given control on, and waits for it to come back.

func TestKillOfOneWhoGaveControlOn(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		first := s.Go("first", func(p *sim.Process) {
			defer say("first unwound")
			p.Sleep(time.Hour) // gives control to the second
		})
		second := s.Go("second", func(p *sim.Process) {
			defer say("second unwound")
			p.Sleep(time.Hour) // gives control to the third
		})
		s.Go("third", func(p *sim.Process) {
			first.Kill()
			say("third goes on")
			second.Kill()
			say("third goes on again")
			p.Sleep(time.Second)
			say("third ends")
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "0s first unwound", "0s third goes on", "0s second unwound", "0s third goes on again", "1s third ends")
}

func TestKillThatKillsItsKiller(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		var killer *sim.Process
		victim := s.Go("victim", func(p *sim.Process) {
			defer say("victim unwound")
			defer func() { killer.Kill() }()
			p.Sleep(time.Hour)
		})
		s.Go("bystander", func(p *sim.Process) {
			p.Sleep(time.Second)
			say("bystander ends")
		})
		killer = s.Go("killer", func(p *sim.Process) {
			defer say("killer unwound")
			victim.Kill()
			say("never")
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "0s victim unwound", "0s killer unwound", "1s bystander ends")
}

// Who ends the goroutine, as t.FailNow does, ends the run: at that moment, and with nobody else
// unwound before the run is over.
func TestGoexitUnwindsNobodyElse(t *testing.T) {
	var got []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		sim.Run(sim.Config{}, func(s *sim.Simulation) {
			defer func() { got = append(got, "the driver unwound") }()
			for _, name := range []string{"a", "b"} {
				s.Go(name, func(p *sim.Process) {
					defer func() { got = append(got, name+" unwound") }()
					p.Sleep(time.Hour)
				})
			}
			s.Go("c", func(p *sim.Process) {
				defer func() { got = append(got, "c unwound") }()
				p.Sleep(0)
				runtime.Goexit()
			})
			s.RunUntilIdle()
			got = append(got, "never")
		})
	}()
	<-done
	expect(t, got, nil, "c unwound", "the driver unwound", "a unwound", "b unwound")
}

// Thousands who sleep are a long chain of those who gave control on; a kill goes through all of it.
func TestALongChain(t *testing.T) {
	const n = 20_000
	unwound, woken := 0, 0
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		var first *sim.Process
		for i := range n {
			p := s.Go("sleeper", func(p *sim.Process) {
				defer func() { unwound++ }()
				if p.Sleep(time.Duration(n-i)*time.Second) == nil {
					woken++
				}
			})
			if i == 0 {
				first = p
			}
		}
		s.Go("killer", func(p *sim.Process) {
			first.Kill()
			if unwound != 1 {
				t.Errorf("%d were unwound by the kill of one", unwound)
			}
		})
		s.RunUntilIdle()
	})
	if err != nil || woken != n-1 || unwound != n {
		t.Errorf("%d woken, %d unwound of %d: %v", woken, unwound, n, err)
	}
}

// Who sleeps and is the next to do anything goes on at once, but not past the end of a drive or a limit.
func TestALoneSleeperStopsWhereTheRunDoes(t *testing.T) {
	sleeper := func(woken *int) func(p *sim.Process) {
		return func(p *sim.Process) {
			for {
				p.Sleep(time.Second)
				*woken++
			}
		}
	}
	woken := 0
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Background("sleeper", sleeper(&woken))
		for _, until := range []int{0, 3, 3, 10} {
			s.RunUntil(sim.Time(until)*sim.Time(time.Second) + sim.Time(time.Second)/2)
			if woken != until {
				t.Errorf("woken %d times by %v", woken, s.Now())
			}
		}
	})
	if err != nil {
		t.Error(err)
	}
	woken = 0
	result, err := sim.Run(sim.Config{MaxSteps: 5}, func(s *sim.Simulation) {
		s.Background("sleeper", sleeper(&woken))
		s.RunUntil(sim.Time(time.Hour))
	})
	if !errors.Is(err, sim.ErrStepLimit) || result.Events != 5 || woken != 4 {
		t.Errorf("woken %d times in %d events: %v", woken, result.Events, err)
	}
}

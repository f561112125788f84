package sim_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestADeadlineEndsTheWaitsInsideIt(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		s.Go("p", func(p *sim.Process) {
			outer := p.WithTimeout(3 * time.Second)
			inner := p.WithTimeout(time.Second)
			err := p.Sleep(time.Minute)
			say("inner %v, outer %v, deadline %v", inner.Ended(err), outer.Ended(err), errors.Is(err, sim.ErrDeadline))
			say("again: %v", inner.Ended(p.Sleep(time.Minute)))
			inner.Close()
			inner = p.WithTimeout(time.Hour)
			err = p.Sleep(time.Minute)
			say("inner %v, outer %v", inner.Ended(err), outer.Ended(err))
			inner.Close()
			outer.Close()
			say("free: %v", p.Sleep(time.Second))
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s inner true, outer false, deadline true", "1s again: true",
		"3s inner false, outer true", "4s free: <nil>")
}

func TestAWaitThatIsDecidedIsNotCutShort(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		sig := sim.NewSignal(s, "go")
		p := s.Go("p", func(p *sim.Process) {
			sc := p.WithTimeout(time.Second)
			say("first: %v", sig.Wait(p))
			say("second: %v", p.Sleep(time.Second))
			sc.Close()
		})
		s.At(sim.Time(time.Second), func() { sig.Notify(); p.Interrupt(errors.New("hey")) })
		s.RunUntil(0) // p's deadline is scheduled after the notification
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s first: <nil>", "1s second: interrupted: hey")
}

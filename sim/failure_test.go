package sim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestFailures(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name string
		cfg  sim.Config
		f    func(s *sim.Simulation)
		is   error
		says []string
	}{
		{"a panic in a process", sim.Config{Seed: 7}, func(s *sim.Simulation) {
			s.NewGroup("node").Go("p", func(p *sim.Process) { p.Sleep(time.Second); panic(boom) })
			s.RunUntilIdle()
		}, boom, []string{"seed 7", "1s", "node/p #1", "boom"}},
		{"a panic in a callback", sim.Config{}, func(s *sim.Simulation) {
			s.After(time.Second, func() { panic(boom) })
			s.RunUntilIdle()
		}, boom, []string{"callback", "sim_test.TestFailures"}},
		{"a deadlock", sim.Config{}, func(s *sim.Simulation) {
			r := sim.NewResource(s, "the lock", 0, sim.FIFO)
			s.Background("server", func(p *sim.Process) { sim.NewSignal(s, "work").Wait(p) })
			s.Go("client", func(p *sim.Process) { p.Sleep(2 * time.Second); r.Acquire(p, 1, 0) })
			s.RunUntilIdle()
		}, sim.ErrDeadlock, []string{"client #2 waits for resource the lock since 2s"}},
		{"a livelock", sim.Config{MaxAtInstant: 100}, func(s *sim.Simulation) {
			s.Go("spinner", func(p *sim.Process) {
				for {
					p.Sleep(0)
				}
			})
			s.RunUntilIdle()
		}, sim.ErrLivelock, []string{"spinner #1"}},
		{"the step limit", sim.Config{MaxSteps: 10}, func(s *sim.Simulation) {
			s.Go("ticker", func(p *sim.Process) {
				for {
					p.Sleep(time.Second)
				}
			})
			s.RunUntilIdle()
		}, sim.ErrStepLimit, []string{"ticker #1", "10 events"}},
		{"a violated invariant, seen by a callback", sim.Config{}, func(s *sim.Simulation) {
			s.NewGroup("db").After(time.Second, func() { s.Fail("order %d is lost", 31) })
			s.RunUntilIdle()
		}, sim.ErrInvariant, []string{"1s, db: callback sim_test.TestFailures", "order 31 is lost"}},
		{"a violated invariant", sim.Config{}, func(s *sim.Simulation) {
			s.Go("checker", func(p *sim.Process) { s.Fail("order %d is lost", 31); t.Error("Fail returned") })
			s.RunUntilIdle()
		}, sim.ErrInvariant, []string{"checker #1", "order 31 is lost"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := sim.Run(c.cfg, c.f)
			var f *sim.Failure
			if !errors.As(err, &f) || !errors.Is(err, c.is) {
				t.Fatalf("got %v, want a Failure that wraps %v", err, c.is)
			}
			for _, word := range c.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("the message %q does not say %q", err, word)
				}
			}
		})
	}
}

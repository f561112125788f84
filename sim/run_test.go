package sim_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestDriving(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		n := 0
		var tick func()
		tick = func() {
			if n++; n < 10 {
				s.After(time.Second, tick)
			}
		}
		s.After(time.Second, tick)
		s.RunUntil(sim.Time(2 * time.Second))
		say("%d: the instant itself belongs to it", n)
		s.RunUntil(sim.Time(2500 * time.Millisecond))
		s.RunUntil(s.Now())
		say("%d", n)
		s.RunWhile(func() bool { return n < 5 })
		say("%d", n)
		s.RunUntilIdle()
		say("%d", n)
		s.RunWhile(func() bool { return true })
		s.RunUntil(sim.Time(time.Minute))
		say("%d", n)
	})
	expect(t, got, err, "2s 2: the instant itself belongs to it", "2.5s 2", "5s 5", "10s 10", "1m0s 10")
}

func TestWhatIsAskedForAfterTheRunIsIgnored(t *testing.T) {
	w := sim.NewWorker()
	defer w.Close()
	var old sim.Timer
	var s1 *sim.Simulation
	w.Run(sim.Config{}, func(s *sim.Simulation) {
		s1 = s
		old = s.After(time.Hour, func() { t.Error("a callback of the first run") })
	})
	happened := false
	_, err := w.Run(sim.Config{}, func(s *sim.Simulation) {
		s.After(time.Hour, func() { happened = true })
		if old.Stop() {
			t.Error("a timer of the first run stopped one of the second")
		}
		s1.After(0, func() { t.Error("a callback of the first run in the second") })
		s1.Go("ghost", func(*sim.Process) { t.Error("a process of the first run in the second") })
		s.RunUntilIdle()
	})
	if err != nil || !happened {
		t.Errorf("the second run: %v, event happened: %v", err, happened)
	}
}

func TestAFailedRunStaysFailed(t *testing.T) {
	boom := errors.New("boom")
	failure := expectFailure(t, sim.Config{Seed: 3}, func(s *sim.Simulation) {
		s.After(time.Second, func() { panic(boom) })
		s.After(time.Second, func() { t.Error("an event after the failure") })
		for _, err := range []error{s.RunUntilIdle(), s.RunUntil(sim.Never), s.RunWhile(func() bool { return true })} {
			if !errors.Is(err, boom) || err != s.Err() {
				t.Errorf("driving returns %v", err)
			}
		}
		s.Fail("a second failure")
	}, "boom")
	if failure.Seed != 3 || failure.At != sim.Time(time.Second) || failure.Value != boom || failure.Stack == "" {
		t.Errorf("got %+v", failure)
	}
}

func TestAPanicWhileBuildingIsTheCallersAndLeavesNothing(t *testing.T) {
	unwound := false
	defer func() {
		if v := recover(); v != "boom" || !unwound {
			t.Errorf("recovered %v; unwound: %v", v, unwound)
		}
	}()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Go("p", func(p *sim.Process) { defer func() { unwound = true }(); p.Sleep(time.Hour) })
		s.RunUntil(1)
		panic("boom")
	})
}

func TestThePanicOfAConditionIsItsOwn(t *testing.T) {
	expectFailure(t, sim.Config{}, func(s *sim.Simulation) {
		s.Go("innocent", func(p *sim.Process) { p.Sleep(time.Hour) })
		s.RunWhile(func() bool { panic("boom") })
	}, "the condition of RunWhile: boom")
}

func TestTheLivelockGuardCountsOneInstantOnly(t *testing.T) {
	cfg := sim.Config{MaxAtInstant: 10}
	_, err := sim.Run(cfg, func(s *sim.Simulation) {
		for at := range sim.Time(5) {
			for range 10 {
				s.At(at, func() {})
			}
		}
		s.RunUntil(2)
		s.RunUntil(10)
		for range 10 {
			s.After(0, func() {})
		}
		s.RunUntilIdle()
	})
	if err != nil {
		t.Error(err)
	}
	expectFailure(t, cfg, func(s *sim.Simulation) {
		a, b := sim.NewMailbox[int](s, "a", 0), sim.NewMailbox[int](s, "b", 0)
		echo := func(in, out *sim.Mailbox[int]) func(p *sim.Process) {
			return func(p *sim.Process) {
				for {
					v, _ := in.Take(p)
					out.Put(p, v)
				}
			}
		}
		s.Background("ping", echo(a, b))
		s.Background("pong", echo(b, a))
		s.After(time.Second, func() { a.TryPut(1) })
		s.RunUntilIdle()
	}, "livelock: 10 events at one instant", "ping #1", "pong #2")
}

func TestADeadlockNamesTheFirstTenWhoWait(t *testing.T) {
	expectFailure(t, sim.Config{}, func(s *sim.Simulation) {
		g := s.NewGroup("shop")
		box := sim.NewMailbox[int](s, "orders", 0)
		full := sim.NewMailbox[int](s, "outbox", 1)
		full.TryPut(1)
		g.Go("reader", func(p *sim.Process) { box.Take(p) })
		g.Go("writer", func(p *sim.Process) { full.Put(p, 2) })
		g.Go("parent", func(p *sim.Process) {
			p.Join(p.Fork("child", func(c *sim.Process) { sim.NewSignal(s, "bell").Wait(c) }))
		})
		g.Go("odd", func(p *sim.Process) { p.Ticket("an answer"); p.Park() })
		for range 8 {
			s.Go("many", func(p *sim.Process) { sim.NewSignal(s, "never").Wait(p) })
		}
		s.RunUntilIdle()
	}, "deadlock: nothing can happen any more, but shop/reader #1 waits for mailbox orders since 0s; "+
		"shop/writer #2 waits for room in mailbox outbox since 0s; shop/parent #3 waits for shop/child #13 to end since 0s; "+
		"shop/odd #4 waits for an answer since 0s; many #5 waits for signal never", "; and 3 more")
	expectFailure(t, sim.Config{}, func(s *sim.Simulation) {
		g := s.NewGroup("stuck")
		g.Go("p", func(p *sim.Process) { p.Sleep(time.Second) })
		g.Pause()
		s.RunUntilIdle()
	}, "stuck/p #1 waits for its start since 0s")
}

package sim_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/sim"
)

// story runs a model and returns what it said, a line an event: "2s a wakes".
func story(t *testing.T, cfg sim.Config, f func(s *sim.Simulation, say func(format string, args ...any))) ([]string, error) {
	t.Helper()
	var said []string
	_, err := sim.Run(cfg, func(s *sim.Simulation) {
		f(s, func(format string, args ...any) {
			said = append(said, fmt.Sprintf("%v %s", s.Now(), fmt.Sprintf(format, args...)))
		})
	})
	return said, err
}

func expect(t *testing.T, got []string, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Errorf("the run failed: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the story differs (-want +got):\n%s", diff)
	}
}

func TestEventsOfOneInstantHappenInTheOrderTheyWereScheduled(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		s.After(2*time.Second, func() { say("late") })
		s.After(time.Second, func() {
			say("first")
			s.After(0, func() { say("third") })
		})
		s.AtCall(sim.Time(time.Second), func(a any) { say("%v", a) }, "second")
		stopped := s.After(time.Second, func() { say("never") })
		if !stopped.Stop() || stopped.Stop() {
			t.Error("a timer stops exactly once")
		}
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s first", "1s second", "1s third", "2s late")
}

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

func TestAKillUnwindsAtOnceAndSilencesTheDead(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		g := s.NewGroup("node")
		r := sim.NewResource(s, "cpu", 1, sim.FIFO)
		g.Go("worker", func(p *sim.Process) {
			defer say("worker's defer ends")
			defer r.Release(1)
			defer func() {
				g.After(0, func() { say("a dead group's timer") })
				s.After(0, func() { say("a dead process's timer") })
				g.Go("ghost", func(*sim.Process) { say("a dead group's process") })
				p.Sleep(time.Second)
				say("after a wait in a defer")
			}()
			r.Acquire(p, 1, 0)
			for {
				p.Sleep(time.Second) // ignores every error
			}
		})
		s.Go("other", func(p *sim.Process) {
			p.Sleep(time.Millisecond)
			r.Acquire(p, 1, 0)
			say("other has the cpu")
		})
		s.After(5500*time.Millisecond, func() {
			g.Kill()
			say("killed; alive: %v", g.Alive())
			g.Start()
			g.Go("worker", func(p *sim.Process) { say("life %d", g.Incarnation()) })
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "5.5s worker's defer ends", "5.5s killed; alive: false", "5.5s other has the cpu", "5.5s life 2")
}

func TestAUnitGrantedToAProcessKilledAtThatInstantGoesBack(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		r := sim.NewResource(s, "cpu", 1, sim.FIFO)
		box := sim.NewMailbox[string](s, "box", 0)
		r.TryAcquire(1)
		victim := s.Go("victim", func(p *sim.Process) { r.Acquire(p, 1, 0); say("the dead one has it") })
		reader := s.Go("reader", func(p *sim.Process) { box.Take(p); say("the dead one read") })
		s.Go("next", func(p *sim.Process) { r.Acquire(p, 1, 0); say("next has the cpu") })
		s.After(time.Second, func() {
			r.Release(1)
			box.TryPut("hello")
			victim.Kill()
			reader.Kill()
			say("%d in use, %d in the box", r.InUse(), box.Len())
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s 1 in use, 1 in the box", "1s next has the cpu")
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

func TestMailboxAndForkAndJoin(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		box := sim.NewMailbox[int](s, "box", 1)
		s.Go("parent", func(p *sim.Process) {
			put := p.Fork("put", func(c *sim.Process) {
				for i := range 4 {
					box.Put(c, i)
				}
				say("all put")
			})
			take := p.Fork("take", func(c *sim.Process) {
				for range 4 {
					c.Sleep(time.Second)
					v, _ := box.Take(c)
					say("took %d", v)
				}
			})
			slow := p.Fork("slow", func(c *sim.Process) { defer say("slow is killed"); c.Sleep(time.Hour) })
			i, _ := p.JoinAny(slow, put)
			say("ended first: %d", i)
			p.Join(put, take)
			say("joined, slow ended: %v", slow.Done())
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s took 0", "2s took 1", "3s took 2", "3s all put", "3s ended first: 1",
		"4s took 3", "4s joined, slow ended: false", "4s slow is killed")
}

func TestResourceOrders(t *testing.T) {
	for order, want := range map[sim.Order]string{sim.FIFO: "abc", sim.LIFO: "cba", sim.Priority: "bca"} {
		served := ""
		_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
			r := sim.NewResource(s, "r", 1, order)
			r.TryAcquire(1)
			for i, name := range []string{"a", "b", "c"} {
				s.Go(name, func(p *sim.Process) {
					r.Acquire(p, 1, []int{1, 2, 2}[i])
					served += name
					r.Release(1)
				})
			}
			s.After(time.Second, func() { r.Release(1) })
			s.RunUntilIdle()
		})
		if err != nil || served != want {
			t.Errorf("%v: served %q, want %q (%v)", order, served, want, err)
		}
	}
}

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

func TestManySimulationsLeaveNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for seed := range sim.Seed(1000) {
		sim.Run(sim.Config{Seed: seed}, func(s *sim.Simulation) {
			g := s.NewGroup("g")
			for range 5 {
				g.Go("waiter", func(p *sim.Process) {
					defer func() { p.Sleep(time.Second) }()
					sim.NewSignal(s, "never").Wait(p)
				})
				g.Spawn("spawned", func(p *sim.Process, _ any) { p.Sleep(time.Hour) }, nil)
			}
			s.RunUntil(sim.Time(time.Second))
		})
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

func TestGoexitInsideAProcessEndsTheCallersGoroutineAndLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	unwound := false
	done := make(chan bool)
	go func() {
		defer close(done)
		sim.Run(sim.Config{}, func(s *sim.Simulation) {
			s.Go("bystander", func(p *sim.Process) { defer func() { unwound = true }(); p.Sleep(time.Hour) })
			s.Go("fatal", func(p *sim.Process) { p.Sleep(time.Second); runtime.Goexit() })
			s.RunUntilIdle()
			t.Error("the run went on")
		})
		t.Error("Run returned")
	}()
	<-done
	if !unwound {
		t.Error("the bystander was not unwound")
	}
	for range 100 { // the goroutine that ended needs a moment to be gone
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

// busy is a model with a bit of everything, for determinism.
func busy(s *sim.Simulation) {
	rng := s.Stream("work")
	r := sim.NewResource(s, "cpu", 2, sim.FIFO)
	g := s.NewGroup("node")
	var arrive func()
	arrive = func() {
		g.Spawn("job", func(p *sim.Process, _ any) {
			sc := p.WithTimeout(30 * time.Millisecond)
			defer sc.Close()
			if r.Acquire(p, 1, 0) != nil {
				return
			}
			defer r.Release(1)
			p.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		}, nil)
		s.After(time.Duration(rng.IntN(10))*time.Millisecond, arrive)
	}
	arrive()
	for i := range 5 {
		at := time.Duration(i) * time.Second
		s.After(at+500*time.Millisecond, g.Kill)
		s.After(at+600*time.Millisecond, g.Start)
		s.After(at+700*time.Millisecond, g.Pause)
		s.After(at+800*time.Millisecond, g.Resume)
	}
	s.RunUntil(sim.Time(5 * time.Second))
}

func TestSameSeedSameDigest(t *testing.T) {
	w := sim.NewWorker()
	defer w.Close()
	first, err := w.Run(sim.Config{Seed: 1}, busy)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := w.Run(sim.Config{Seed: 1}, busy)
	fresh, _ := sim.Run(sim.Config{Seed: 1}, busy)
	other, _ := w.Run(sim.Config{Seed: 2}, busy)
	if diff := cmp.Diff(first, again) + cmp.Diff(first, fresh); diff != "" {
		t.Errorf("two runs of one seed differ: %s", diff)
	}
	if first.Digest == other.Digest {
		t.Error("two seeds have the same digest")
	}
	// Golden: equal on every processor. It changes only together with CHANGELOG.
	if want := uint64(0x4467a673fe055e54); first.Digest != want {
		t.Errorf("digest %#x, want %#x", first.Digest, want)
	}
}

func BenchmarkSleep(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Go("p", func(p *sim.Process) {
			for range b.N {
				p.Sleep(time.Millisecond)
			}
		})
		s.RunUntilIdle()
	})
}

func BenchmarkCallback(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		n := 0
		var f func()
		f = func() {
			if n++; n < b.N {
				s.After(time.Millisecond, f)
			}
		}
		f()
		s.RunUntilIdle()
	})
}

func BenchmarkSpawnedProcessWithDeadlineAndResource(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		g, n := s.NewGroup("g"), 0
		r := sim.NewResource(s, "cpu", 1, sim.FIFO)
		job := func(p *sim.Process, _ any) {
			sc := p.WithTimeout(time.Second)
			r.Acquire(p, 1, 0)
			p.Sleep(time.Millisecond)
			r.Release(1)
			sc.Close()
		}
		var f func()
		f = func() {
			g.Spawn("job", job, nil)
			if n++; n < b.N {
				s.After(time.Millisecond, f)
			}
		}
		f()
		s.RunUntilIdle()
	})
}

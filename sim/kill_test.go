package sim_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

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

// A deadline and a kill at one instant: the wait was cut, so there is nothing to give back.
func TestAWaitCutShortAndThenKilledGivesNothingBack(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		r := sim.NewResource(s, "cpu", 1, sim.FIFO)
		full := sim.NewMailbox[string](s, "full", 1)
		empty := sim.NewMailbox[string](s, "empty", 0)
		bell := sim.NewSignal(s, "bell")
		r.TryAcquire(1)
		full.TryPut("first")
		var victims []*sim.Process
		waits := map[string]func(p *sim.Process) error{
			"resource": func(p *sim.Process) error { return r.Acquire(p, 1, 0) },
			"sender":   func(p *sim.Process) error { return full.Put(p, "second") },
			"receiver": func(p *sim.Process) error { _, err := empty.Take(p); return err },
			"signal":   bell.Wait,
		}
		for _, name := range []string{"resource", "sender", "receiver", "signal"} {
			victims = append(victims, s.Go(name, func(p *sim.Process) {
				sc := p.WithTimeout(time.Second)
				defer sc.Close()
				waits[name](p)
				say("%s goes on", name)
			}))
		}
		s.Background("late receiver", func(p *sim.Process) {
			p.Sleep(500 * time.Millisecond)
			v, _ := empty.Take(p)
			say("received %q from nobody", v)
		})
		s.Background("late listener", func(p *sim.Process) {
			p.Sleep(500 * time.Millisecond)
			bell.Wait(p)
			say("heard a bell that nobody rang")
		})
		s.RunUntil(0)
		s.After(time.Second, func() { // after the deadlines, before the processes run
			for _, v := range victims {
				v.Kill()
			}
			say("%d in use, full holds %d, empty holds %d", r.InUse(), full.Len(), empty.Len())
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s 1 in use, full holds 1, empty holds 0")
}

func TestAMessageInFlightSurvivesTheDeathOfEitherEnd(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		box := sim.NewMailbox[string](s, "box", 1)
		box.TryPut("a")
		sender := s.Go("sender", func(p *sim.Process) { box.Put(p, "b"); say("the dead one's Put returned") })
		s.After(time.Second, func() {
			v, _ := box.TryTake() // admits the sender's message
			sender.Kill()
			say("took %s, %d left", v, box.Len())
			v, _ = box.TryTake()
			say("took %s, %d left", v, box.Len())
		})
		s.RunUntil(sim.Time(time.Second))

		first := s.Go("first", func(p *sim.Process) { box.Take(p); say("the dead one took") })
		s.Go("second", func(p *sim.Process) { v, _ := box.Take(p); say("second took %s", v) })
		s.After(time.Second, func() { box.TryPut("c"); first.Kill() })
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s took a, 1 left", "1s took b, 0 left", "2s second took c")
}

func TestMessagesOfTheDeadKeepTheirOrder(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		box := sim.NewMailbox[int](s, "box", 0)
		g := s.NewGroup("readers")
		for range 3 {
			g.Go("reader", func(p *sim.Process) { box.Take(p) })
		}
		s.After(time.Second, func() {
			for i := range 4 {
				box.TryPut(i)
			}
			g.Kill()
			for {
				v, ok := box.TryTake()
				if !ok {
					break
				}
				say("%d", v)
			}
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s 0", "1s 1", "1s 2", "1s 3")
}

func TestANotificationOfTheDeadIsPassedOnAndABroadcastIsNot(t *testing.T) {
	for _, c := range []struct {
		name string
		wake func(*sim.Signal)
		want []string
	}{
		{"notify", func(b *sim.Signal) { b.Notify() }, []string{"1s latecomer woke"}},
		{"broadcast", func(b *sim.Signal) { b.Broadcast() }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
				bell := sim.NewSignal(s, "bell")
				s.After(time.Second, func() { c.wake(bell) })
				victim := s.Background("victim", func(p *sim.Process) { bell.Wait(p); say("victim woke") })
				s.Background("latecomer", func(p *sim.Process) {
					p.Sleep(time.Second)
					bell.Wait(p)
					say("latecomer woke")
				})
				s.RunUntil(0)
				s.After(time.Second, victim.Kill)
				s.RunUntilIdle()
			})
			expect(t, got, err, c.want...)
		})
	}
}

func TestWhoKillsWhom(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(s *sim.Simulation, say func(string, ...any))
		want []string
	}{
		{"itself", func(s *sim.Simulation, say func(string, ...any)) {
			s.Go("p", func(p *sim.Process) { defer say("deferred"); p.Kill(); say("went on") })
		}, []string{"0s deferred"}},
		{"its own group, and is unwound last", func(s *sim.Simulation, say func(string, ...any)) {
			g := s.NewGroup("g")
			for _, name := range []string{"a", "killer", "b"} {
				g.Go(name, func(p *sim.Process) {
					defer say("%s unwound", name)
					if p.Sleep(time.Second); name == "killer" {
						g.Kill()
						say("went on")
					}
					p.Sleep(time.Hour)
				})
			}
		}, []string{"1s a unwound", "1s b unwound", "1s killer unwound"}},
		{"its own group in a deferred function", func(s *sim.Simulation, say func(string, ...any)) {
			g := s.NewGroup("g")
			g.Go("a", func(p *sim.Process) { defer say("a unwound"); p.Sleep(time.Hour) })
			b := g.Go("b", func(p *sim.Process) { defer say("b unwound"); defer g.Kill(); p.Sleep(time.Hour) })
			s.After(time.Second, func() { b.Kill(); say("killed; alive %v", g.Alive()) })
		}, []string{"1s a unwound", "1s b unwound", "1s killed; alive false"}},
		{"its killer", func(s *sim.Simulation, say func(string, ...any)) {
			var killer *sim.Process
			victim := s.Go("victim", func(p *sim.Process) {
				defer say("victim unwound")
				defer func() { killer.Kill(); say("victim's defer goes on") }()
				p.Sleep(time.Hour)
			})
			killer = s.Go("killer", func(p *sim.Process) {
				defer say("killer unwound")
				p.Sleep(time.Second)
				victim.Kill()
				say("killer goes on")
			})
		}, []string{"1s victim's defer goes on", "1s victim unwound", "1s killer unwound"}},
		{"its killer, who killed its whole group", func(s *sim.Simulation, say func(string, ...any)) {
			g := s.NewGroup("g")
			var killer *sim.Process
			g.Go("victim", func(p *sim.Process) {
				defer say("victim unwound")
				defer func() { killer.Kill() }()
				p.Sleep(time.Hour)
			})
			g.Go("other", func(p *sim.Process) { defer say("other unwound"); p.Sleep(time.Hour) })
			killer = s.Go("killer", func(p *sim.Process) {
				defer say("killer unwound")
				p.Sleep(time.Second)
				g.Kill()
				say("killer goes on")
			})
		}, []string{"1s victim unwound", "1s other unwound", "1s killer unwound"}},
		{"its killer's killer, in a ring", func(s *sim.Simulation, say func(string, ...any)) {
			ring := make([]*sim.Process, 3)
			for i := range ring {
				ring[i] = s.Go(string(rune('a'+i)), func(p *sim.Process) {
					defer say("%s unwound", p.Name())
					defer func() { ring[(i+1)%3].Kill() }()
					p.Sleep(time.Hour)
				})
			}
			s.After(time.Second, func() { ring[0].Kill(); say("killed") })
		}, []string{"1s c unwound", "1s b unwound", "1s a unwound", "1s killed"}},
		{"its parent", func(s *sim.Simulation, say func(string, ...any)) {
			s.Go("parent", func(p *sim.Process) {
				defer say("parent unwound")
				p.Fork("brother", func(c *sim.Process) { defer say("brother unwound"); c.Sleep(time.Hour) })
				p.Fork("child", func(c *sim.Process) {
					defer say("child unwound")
					c.Sleep(time.Second)
					p.Kill()
					say("went on")
				})
				p.Sleep(time.Hour)
			})
		}, []string{"1s parent unwound", "1s brother unwound", "1s child unwound"}},
		{"a process that has not begun", func(s *sim.Simulation, say func(string, ...any)) {
			p := s.Go("p", func(p *sim.Process) { defer say("unwound"); say("began") })
			p.Kill()
			p.Kill()
			say("done %v", p.Done())
		}, []string{"0s done true"}},
		{"a process between two waits that are free", func(s *sim.Simulation, say func(string, ...any)) {
			r := sim.NewResource(s, "cpu", 1, sim.FIFO)
			victim := s.Go("victim", func(p *sim.Process) {
				r.Acquire(p, 1, 0)
				defer r.Release(1)
				p.Sleep(time.Second)
				say("went on")
			})
			s.Go("killer", func(p *sim.Process) { victim.Kill(); say("%d in use", r.InUse()) })
		}, []string{"0s 0 in use"}},
		{"one who has announced a wait and does not wait yet", func(s *sim.Simulation, say func(string, ...any)) {
			var a *sim.Process
			b := s.Go("b", func(p *sim.Process) { defer say("b unwound"); defer func() { a.Kill() }(); p.Sleep(time.Hour) })
			a = s.Go("a", func(p *sim.Process) {
				defer say("a unwound")
				p.Ticket("an answer")
				b.Kill()
				say("went on")
			})
		}, []string{"0s b unwound", "0s a unwound"}},
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

func TestThePanicOfADeferredFunctionDuringAKillIsTheFailure(t *testing.T) {
	boom := errors.New("boom")
	unwound := false
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		g := s.NewGroup("g")
		g.Go("a", func(p *sim.Process) { defer func() { panic(boom) }(); p.Sleep(time.Hour) })
		g.Go("b", func(p *sim.Process) { defer func() { unwound = true }(); p.Sleep(time.Hour) })
		s.After(time.Second, g.Kill)
		s.RunUntilIdle()
	})
	if !errors.Is(err, boom) || !unwound {
		t.Errorf("failed with %v, b unwound: %v", err, unwound)
	}
	// The same when the run is over and the rest is unwound.
	_, err = sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Go("a", func(p *sim.Process) { defer func() { panic(boom) }(); p.Sleep(time.Hour) })
		s.RunUntil(1)
	})
	if !errors.Is(err, boom) {
		t.Errorf("failed with %v", err)
	}
}

// A process that swallows every panic in a loop cannot be unwound. The run must still end.
func TestAProcessThatRecoversFromItsKillForEverIsAFailure(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		immortal := s.Go("immortal", func(p *sim.Process) {
			for {
				func() {
					defer func() { recover() }()
					p.Sleep(time.Second)
				}()
			}
		})
		s.After(2500*time.Millisecond, immortal.Kill)
		s.RunUntilIdle()
	})
	if err == nil || !strings.Contains(err.Error(), "immortal #1") {
		t.Errorf("got %v, want a failure that names the process", err)
	}
}

func TestTheDeadCanGiveBackButNotAsk(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		box := sim.NewMailbox[string](s, "box", 0)
		bell := sim.NewSignal(s, "bell")
		cpu := sim.NewResource(s, "cpu", 1, sim.FIFO)
		other := s.NewGroup("other")
		listener := s.Background("listener", func(p *sim.Process) { say("listener: %v", bell.Wait(p)) })
		p := s.Go("p", func(p *sim.Process) {
			cpu.Acquire(p, 1, 0)
			defer func() {
				say("put %v, took %v", box.TryPut("from the grave"), cpu.TryAcquire(1))
				say("rang %v, woke %d", bell.Notify(), bell.Broadcast())
				listener.Interrupt(nil)
				s.Note("fault", "p", "from the grave")
				s.After(0, func() { say("callback") })
				other.Spawn("ghost", func(*sim.Process, any) { say("spawned") }, nil)
				say("child born dead: %v", p.Fork("child", func(*sim.Process) { say("child") }).Done())
				cpu.Release(1)
			}()
			p.Sleep(time.Hour)
		})
		s.OnNote(func(sim.Note) { say("note") })
		s.After(time.Second, func() { p.Kill(); say("in use %d, in the box %d", cpu.InUse(), box.Len()) })
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s put false, took false", "1s rang false, woke 0", "1s child born dead: true",
		"1s in use 0, in the box 0")
}

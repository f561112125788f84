package sim_test

import (
	"errors"
	"fmt"
	"strings"
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

func TestScopes(t *testing.T) {
	later := errors.New("later")
	for _, c := range []struct {
		name string
		f    func(s *sim.Simulation, p *sim.Process, say func(string, ...any))
		want []string
	}{
		{"the outer ends first", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			outer := p.WithTimeout(time.Second)
			inner := p.WithTimeout(time.Minute)
			at, ok := p.Deadline()
			err := p.Sleep(time.Hour)
			say("deadline %v %v; inner %v, outer %v", at, ok, inner.Ended(err), outer.Ended(err))
			inner.Close()
			say("still %v", outer.Ended(p.Sleep(0)))
			outer.Close()
			_, ok = p.Deadline()
			say("err %v, deadline %v", p.Err(), ok)
		}, []string{"1s deadline 1s true; inner false, outer true", "1s still true", "1s err <nil>, deadline false"}},
		{"both deadlines at one instant are the outer's", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			outer := p.WithTimeout(time.Second)
			inner := p.WithTimeout(time.Second)
			err := p.Sleep(time.Hour)
			say("inner %v, outer %v", inner.Ended(err), outer.Ended(err))
		}, []string{"1s inner false, outer true"}},
		{"the inner ended, then the outer: waits report the outer", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			outer := p.WithTimeout(2 * time.Second)
			inner := p.WithTimeout(time.Second)
			first := p.Sleep(time.Hour)
			outer.Cancel(later)
			second := p.Sleep(time.Hour)
			say("first: inner %v; second: inner %v, outer %v", inner.Ended(first), inner.Ended(second), outer.Ended(second))
		}, []string{"1s first: inner true; second: inner false, outer true"}},
		{"cancelled with a cause", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			sc := p.WithCancel()
			s.After(time.Second, func() { sc.Cancel(later); sc.Cancel(nil) })
			err := p.Sleep(time.Hour)
			say("%v: %v %v", err, sc.Ended(err), errors.Is(err, later))
		}, []string{"1s scope ended: later: true true"}},
		{"cancelled while it does not wait", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			sc := p.WithCancel()
			sc.Cancel(nil)
			say("%v", p.Err())
			say("%v", errors.Is(p.Sleep(time.Hour), sim.ErrCancelled))
			sc.Close()
			say("%v", p.Sleep(0))
		}, []string{"0s scope ended: cancelled", "0s true", "0s <nil>"}},
		{"a deadline that has passed already", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			p.Sleep(time.Second)
			sc := p.WithDeadline(0)
			say("%v", sc.Ended(p.Sleep(time.Hour)))
		}, []string{"1s true"}},
		{"a free resource is granted even at the deadline", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			p.WithTimeout(0)
			say("%v", sim.NewResource(s, "r", 1, sim.FIFO).Acquire(p, 1, 0))
		}, []string{"0s <nil>"}},
		{"no wait is granted after the end", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			r := sim.NewResource(s, "r", 1, sim.FIFO)
			box := sim.NewMailbox[int](s, "box", 0)
			sc := p.WithTimeout(time.Second)
			p.Sleep(time.Hour)
			_, err := box.Take(p)
			say("%v %v %v", sc.Ended(r.Acquire(p, 1, 0)), sc.Ended(box.Put(p, 1)), sc.Ended(err))
			say("%d in use, %d in the box", r.InUse(), box.Len())
		}, []string{"1s true true true", "1s 0 in use, 0 in the box"}},
		{"a handle is stale once closed, though its memory is used again", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			old := p.WithTimeout(time.Second)
			old.Close()
			next := p.WithTimeout(time.Minute)
			old.Cancel(later)
			old.Close()
			err := p.Sleep(2 * time.Second)
			say("%v, old %v", err, old.Ended(err))
			next.Cancel(later)
			err = p.Sleep(0)
			say("old %v, next %v", old.Ended(err), next.Ended(err))
		}, []string{"2s <nil>, old false", "2s old false, next true"}},
		{"the zero scope", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			var sc sim.Scope
			sc.Cancel(nil)
			sc.Close()
			say("%v", sc.Ended(later))
		}, []string{"0s false"}},
		{"an end passes through those it does not belong to", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			outer := p.WithTimeout(time.Second)
			err := func() error {
				inner := p.WithTimeout(time.Minute)
				defer inner.Close()
				if err := p.Sleep(time.Hour); err != nil && !inner.Ended(err) {
					return fmt.Errorf("a layer between: %w", err)
				}
				return nil
			}()
			say("%v, outer %v", err, outer.Ended(err))
		}, []string{"1s a layer between: scope ended: deadline passed, outer true"}},
		{"an inner timeout after a step of the clock", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			outer := p.WithTimeout(5 * time.Second)
			p.Group().SetClock(time.Hour, 0)
			at, _ := p.Deadline()
			inner := p.WithTimeout(time.Second)
			err := p.Sleep(time.Minute)
			say("outer's deadline was %v; inner %v, outer %v", at, inner.Ended(err), outer.Ended(err))
		}, []string{"1s outer's deadline was 1h0m5s; inner true, outer false"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
				s.NewGroup("host").Go("p", func(p *sim.Process) { c.f(s, p, say) })
				s.RunUntilIdle()
			})
			expect(t, got, err, c.want...)
		})
	}
}

// What passes often costs no allocation: not the end of a scope, not the question whose end it was.
func TestTheEndOfAScopeAllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		wait func(p *sim.Process) sim.Scope
	}{
		{"deadline", func(p *sim.Process) sim.Scope { return p.WithTimeout(time.Second) }},
		{"cancelled", func(p *sim.Process) sim.Scope {
			sc := p.WithCancel()
			sc.Cancel(nil)
			return sc
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
				s.Go("p", func(p *sim.Process) {
					n := testing.AllocsPerRun(1000, func() {
						outer := p.WithTimeout(time.Hour)
						inner := c.wait(p)
						if err := p.Sleep(time.Minute); !inner.Ended(err) || outer.Ended(err) {
							t.Errorf("got %v, want the end of the inner scope", err)
						}
						inner.Close()
						outer.Close()
					})
					if n != 0 {
						t.Errorf("%v allocations", n)
					}
				})
				s.RunUntilIdle()
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// An error that somebody kept says what it said, whatever its scope's memory is used for since.
func TestAKeptEndSaysWhatItSaid(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		s.Go("p", func(p *sim.Process) {
			var kept []error
			for _, cause := range []error{sim.ErrDeadline, sim.ErrCancelled, errors.New("mine"), sim.ErrDeadline, sim.ErrDeadline} {
				sc := p.WithCancel()
				sc.Cancel(cause)
				kept = append(kept, p.Err())
				sc.Close()
			}
			say("%v", kept)
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "0s [scope ended: deadline passed scope ended: cancelled scope ended: mine scope ended: deadline passed scope ended: deadline passed]")
}

func TestScopesCloseInReverseOrder(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Go("p", func(p *sim.Process) {
			outer := p.WithTimeout(time.Second)
			p.WithTimeout(time.Second)
			outer.Close()
		})
		s.RunUntilIdle()
	})
	if err == nil || !strings.Contains(err.Error(), "p #1 closes a scope before the scopes inside it") {
		t.Errorf("got %v", err)
	}
}

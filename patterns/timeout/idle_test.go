package timeout_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// streaming receives parts of an answer after the given times, in seconds, each a sign of life.
func streaming(idle *timeout.Idle, parts ...int) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		for _, after := range parts {
			if err := p.Sleep(time.Duration(after) * time.Second); err != nil {
				return patterns.Response{}, err
			}
			idle.Progress(p)
		}
		return patterns.Response{}, nil
	}
}

func simulate(t interface{ Fatal(...any) }, f func(s *sim.Simulation)) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		f(s)
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ends(p *sim.Process, err error) string {
	switch {
	case err == nil:
		return fmt.Sprintf("ok at %v", p.Now())
	case errors.Is(err, timeout.ErrIdle):
		return fmt.Sprintf("idle at %v", p.Now())
	}
	return fmt.Sprintf("%v at %v", err, p.Now())
}

func TestIdleStories(t *testing.T) {
	five := func() *timeout.Idle {
		return timeout.NewIdle(timeout.IdleConfig{Layer: "idle", After: 5 * time.Second})
	}
	for _, c := range []struct {
		name  string
		parts []int
		want  string
	}{
		{"at once", nil, "ok at 0s"},
		{"never silent for long", []int{4, 4, 4, 4}, "ok at 16s"},
		{"silent from the start", []int{60}, "idle at 5s"},
		{"silent after a while", []int{3, 4, 60}, "idle at 12s"},
		{"a part at the last instant is late", []int{4, 5, 1}, "idle at 9s"},
	} {
		simulate(t, func(s *sim.Simulation) {
			idle := five()
			s.Go("caller", func(p *sim.Process) {
				_, err := idle.Wrap(streaming(idle, c.parts...))(p, patterns.Request{})
				if got := ends(p, err); got != c.want {
					t.Errorf("%s: %s, want %s", c.name, got, c.want)
				}
				if p.Err() != nil {
					t.Errorf("%s: a scope is left open", c.name)
				}
			})
		})
	}
}

// Many calls under one policy, some of whose callers are killed: each ends by its own silence, and
// nothing is left behind.
func TestIdleCallsDoNotMix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wrong string
		simulate(t, func(s *sim.Simulation) {
			idle := timeout.NewIdle(timeout.IdleConfig{Layer: "idle", After: 5 * time.Second})
			for range rapid.IntRange(1, 6).Draw(t, "calls") {
				at := time.Duration(rapid.IntRange(0, 20).Draw(t, "at")) * time.Second
				parts := rapid.SliceOfN(rapid.IntRange(1, 7), 0, 5).Draw(t, "parts")
				total, want := 0, ""
				for _, after := range parts {
					if after >= 5 {
						want = fmt.Sprintf("idle at %v", sim.Time(at).Add(time.Duration(total+5)*time.Second))
						break
					}
					total += after
				}
				if want == "" {
					want = fmt.Sprintf("ok at %v", sim.Time(at).Add(time.Duration(total)*time.Second))
				}
				g := s.NewGroup("caller")
				s.At(sim.Time(at), func() {
					g.Go("call", func(p *sim.Process) {
						for range 2 { // the second one begins where the first one ended
							began := p.Now()
							_, err := idle.Wrap(streaming(idle, parts...))(p, patterns.Request{})
							if got := ends(p, err); began == sim.Time(at) && got != want {
								wrong = fmt.Sprintf("%v from %v: %s, want %s", parts, at, got, want)
							}
						}
					})
				})
				if rapid.Bool().Draw(t, "killed") {
					s.At(sim.Time(at).Add(time.Duration(rapid.IntRange(0, 9).Draw(t, "after"))*time.Second), g.Kill)
				}
			}
		})
		if wrong != "" {
			t.Fatal(wrong)
		}
	})
}

// An error that is not the end of its own scope passes.
func TestIdlePassesErrors(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		idle := timeout.NewIdle(timeout.DefaultIdleConfig())
		s.Go("caller", func(p *sim.Process) {
			failure := &patterns.Error{Kind: patterns.Failed}
			_, err := idle.Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
				return patterns.Response{}, failure
			})(p, patterns.Request{})
			if err != failure {
				t.Error(err)
			}
		})
	})
}

// A sign of life is one of the innermost call of a process under a policy, and of no call once they are over.
func TestIdleInnermost(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		idle := timeout.NewIdle(timeout.IdleConfig{Layer: "idle", After: 5 * time.Second})
		inner := idle.Wrap(streaming(idle, 1, 4, 4))
		s.Go("caller", func(p *sim.Process) {
			_, err := idle.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				p.Sleep(3 * time.Second)
				return inner(p, req)
			})(p, patterns.Request{})
			if got := ends(p, err); got != "idle at 5s" {
				t.Errorf("the outer one is %s", got)
			}
			idle.Progress(p)
		})
		if s.RunUntilIdle(); s.Now() != sim.Time(5*time.Second) {
			t.Errorf("something is watched until %v", s.Now())
		}
	})
}

// Of nested calls of one process the innermost has shown life; the outer one is silent all the same.
func TestIdleNested(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		outer := timeout.NewIdle(timeout.IdleConfig{Layer: "outer", After: 5 * time.Second})
		inner := timeout.NewIdle(timeout.IdleConfig{Layer: "inner", After: 3 * time.Second})
		s.Go("caller", func(p *sim.Process) {
			_, err := outer.Wrap(inner.Wrap(streaming(inner, 2, 2, 2)))(p, patterns.Request{})
			if e, ok := err.(*patterns.Error); !ok || e.Layer != "outer" || p.Now() != sim.Time(5*time.Second) {
				t.Errorf("at %v: %v", p.Now(), err)
			}
			outer.Progress(p) // of no call
		})
	})
}

func TestIdleAllocatesNothing(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		idle := timeout.NewIdle(timeout.DefaultIdleConfig())
		call := idle.Wrap(streaming(idle))
		s.Go("caller", func(p *sim.Process) {
			if n := testing.AllocsPerRun(100, func() { call(p, patterns.Request{}) }); n != 0 {
				t.Errorf("%v allocations a call", n)
			}
		})
	})
}

func TestIdleIsValidated(t *testing.T) {
	err := timeout.IdleConfig{}.Validate()
	want := "timeout: Layer is \"\", need a name\ntimeout: After is 0s, need more than 0"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func ExampleIdle() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		idle := timeout.NewIdle(timeout.IdleConfig{Layer: "idle", After: 5 * time.Second})
		s.Go("caller", func(p *sim.Process) {
			_, err := idle.Wrap(streaming(idle, 4, 4, 4, 60))(p, patterns.Request{})
			fmt.Println(p.Now(), err)
		})
		s.RunUntilIdle()
	})
	// Output:
	// 17s idle: timeout (may have happened): idle for too long
}

package breaker_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
)

// simulate runs f and returns the notes of the run, one a line.
func simulate(t *testing.T, f func(s *sim.Simulation)) string {
	var notes strings.Builder
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.OnNote(func(n sim.Note) { fmt.Fprintf(&notes, "%v %s %s %s\n", n.At, n.Kind, n.Subject, n.Detail) })
		f(s)
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
	return notes.String()
}

// hangs never answers until seconds have passed since the start of the run, then at once.
func hangs(seconds int) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if p.Now() < sim.Time(time.Duration(seconds)*time.Second) {
			return patterns.Response{}, p.SleepUntil(sim.Never - 1)
		}
		return patterns.Response{From: "server"}, nil
	}
}

func config() breaker.Config {
	cfg := breaker.Consecutive(2, 10*time.Second)
	cfg.Name = "orders.payment"
	return cfg
}

// A breaker around a timeout sees a dependency that does not answer, and says so in the run.
func TestNotes(t *testing.T) {
	var log []string
	notes := simulate(t, func(s *sim.Simulation) {
		call := patterns.Chain(breaker.New(config()), timeout.New(timeout.Attempt(time.Second))).Wrap(hangs(13))
		s.Go("caller", func(p *sim.Process) {
			for range 6 {
				_, err := call(p, patterns.Request{})
				log = append(log, fmt.Sprint(p.Now(), " ", err))
				p.Sleep(4 * time.Second)
			}
		})
	})
	want := `1s timeout: timeout (may have happened)
6s timeout: timeout (may have happened)
10s breaker: rejected: breaker is open
14s breaker: rejected: breaker is open
18s <nil>
22s <nil>`
	if got := strings.Join(log, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = `6s breaker orders.payment open
18s breaker orders.payment half-open
18s breaker orders.payment closed
`
	if notes != want {
		t.Errorf("noted\n%s\nwant\n%s", notes, want)
	}
}

// opened returns a breaker that is open until 10s.
func opened() *breaker.Breaker {
	b := breaker.New(config())
	for range 2 {
		permit, _ := b.Allow(0)
		b.Done(0, permit, breaker.Failure)
	}
	return b
}

// A caller that is killed while it probes gives its permit back, and nothing was learned.
func TestKilledProbeGivesItsPermitBack(t *testing.T) {
	b := opened()
	simulate(t, func(s *sim.Simulation) {
		call := b.Wrap(hangs(15))
		clients := s.NewGroup("clients")
		s.At(sim.Time(10*time.Second), func() {
			clients.Go("probe", func(p *sim.Process) { call(p, patterns.Request{}) })
		})
		s.At(sim.Time(12*time.Second), func() {
			if _, err := b.Allow(s.Now()); err != breaker.ErrOpen {
				t.Error("a second probe is let through while the first is under way")
			}
			clients.Kill()
		})
		s.At(sim.Time(16*time.Second), func() {
			s.Go("another", func(p *sim.Process) {
				if _, err := call(p, patterns.Request{}); err != nil {
					t.Error(err)
				}
			})
		})
	})
	if got := b.State(sim.Time(16 * time.Second)); got != breaker.Closed {
		t.Errorf("it is %v", got)
	}
}

// A timeout further out is the caller's impatience: it says nothing about the dependency.
func TestOuterTimeoutIsNoFailure(t *testing.T) {
	b := breaker.New(config())
	simulate(t, func(s *sim.Simulation) {
		call := patterns.Chain(timeout.New(timeout.Total(time.Second)), b).Wrap(hangs(100))
		s.Go("caller", func(p *sim.Process) {
			for range 5 {
				if _, err := call(p, patterns.Request{}); !patterns.KindsOf(patterns.Timeout).Match(err) {
					t.Error(err)
				}
			}
		})
	})
	if got := b.State(0); got != breaker.Closed || b.Counts().Allowed != 5 {
		t.Errorf("it is %v after %+v", got, b.Counts())
	}
}

// A host's clock that is set back does not hold the breaker open.
func TestClockSetBack(t *testing.T) {
	b := breaker.New(config())
	simulate(t, func(s *sim.Simulation) {
		host := s.NewGroup("host")
		var answer error = &patterns.Error{Kind: patterns.Failed}
		call := b.Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) { return patterns.Response{}, answer })
		host.Go("caller", func(p *sim.Process) {
			for range 2 {
				call(p, patterns.Request{})
			}
			answer = nil
			host.SetClock(-time.Hour, 0)
			p.Sleep(10 * time.Second)
			if _, err := call(p, patterns.Request{}); err != nil {
				t.Error(err)
			}
		})
	})
}

// Only the kinds that are named count; others neither open it nor start the row again.
func TestOnlyNamedKindsCount(t *testing.T) {
	b := breaker.New(config())
	simulate(t, func(s *sim.Simulation) {
		s.Go("caller", func(p *sim.Process) {
			for _, kind := range []patterns.Kind{patterns.Failed, patterns.Conflict, patterns.Rejected, patterns.Failed} {
				if b.State(0) != breaker.Closed {
					t.Errorf("open before %v", kind)
				}
				b.Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
					return patterns.Response{}, &patterns.Error{Kind: kind}
				})(p, patterns.Request{})
			}
		})
	})
	if b.State(0) != breaker.Open {
		t.Error("two failures, and it is not open")
	}
}

// What time alone has brought about is noted when a call finds it.
func TestNotesOfWhatTimeDid(t *testing.T) {
	cfg := config()
	cfg.Failures, cfg.Auto, cfg.Trial = 1, true, 2*time.Second
	b := breaker.New(cfg)
	notes := simulate(t, func(s *sim.Simulation) {
		call := b.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			return patterns.Response{}, &patterns.Error{Kind: patterns.Failed}
		})
		s.Go("caller", func(p *sim.Process) {
			call(p, patterns.Request{})
			p.Sleep(13 * time.Second) // half-open at 10s, open again at 12s
			call(p, patterns.Request{})
		})
	})
	want := `0s breaker orders.payment open
13s breaker orders.payment half-open
13s breaker orders.payment open
`
	if notes != want {
		t.Errorf("noted\n%s\nwant\n%s", notes, want)
	}
}

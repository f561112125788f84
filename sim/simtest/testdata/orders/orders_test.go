// Package orders has tests that fail, one for every way to fail. The tests of simtest run them.
package orders

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/simtest"
)

// load is a database that loses orders: one that crashes forgets what came in the last second.
type load struct {
	s        *sim.Simulation
	accepted int
	lost     int
	crashed  sim.Time
}

func start(s *sim.Simulation) *load {
	l := &load{s: s}
	rng := s.Stream("crash")
	db := s.NewGroup("db")
	s.Background("client", func(p *sim.Process) {
		for {
			p.Sleep(100 * time.Millisecond)
			l.accepted++
		}
	})
	db.After(time.Duration(rng.IntN(10_000))*time.Millisecond, func() {
		s.Note("fault", "db-2", "crash")
		l.crashed = s.Now()
		if s.Seed()%3 == 0 {
			l.lost++
			s.Note("loss", "db-2", "orders", int64(l.accepted))
		}
	})
	return l
}

const end = sim.Time(10 * time.Second)

var two = simtest.Config{Seeds: simtest.Seeds(2, 3)}

func TestFatalInAProcess(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		l := start(s)
		s.NewGroup("api").Background("auditor", func(p *sim.Process) {
			defer func() { p.Sleep(time.Second); t.Error("after the end") }()
			for {
				p.Sleep(time.Second)
				if l.lost > 0 {
					t.Fatalf("order %d was acknowledged but no live replica has it", l.accepted)
				}
			}
		})
		s.RunUntil(end)
		if l.lost > 0 {
			t.Error("the test goes on after its run has failed")
		}
	})
}

func TestErrorsGoOn(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		l := start(s)
		s.After(9*time.Second, func() {
			if l.lost > 0 {
				t.Errorf("%d lost", l.lost)
				t.Log("the run goes on")
			}
		})
		s.RunUntil(end)
		if l.lost > 0 {
			t.Error("lost at the end:", l.lost)
		}
	})
}

func TestAlways(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		l := start(s)
		t.Always("no order is lost", func() bool { return l.lost == 0 })
		t.Sometimes("a crash", func() bool { return l.crashed > 0 })
		s.RunUntil(end)
	})
}

func TestAlwaysEvery(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		l := start(s)
		t.AlwaysEvery(5*time.Second, "no order is lost", func() bool { return l.lost == 0 })
		s.RunUntil(end)
	})
}

func TestEventually(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		l := start(s)
		s.At(sim.Time(time.Second), func() {
			t.Eventually("ten more orders", time.Second, func() bool { return l.accepted >= 20 })
			t.Eventually("a crash without a loss", 8*time.Second, func() bool { return l.crashed > 0 && l.lost == 0 })
		})
		s.RunUntil(end)
	})
}

func TestEventuallyIsCutOff(t *testing.T) {
	simtest.Config{Seeds: simtest.Seeds(1, 1)}.Run(t, func(t *simtest.T, s *sim.Simulation) {
		t.Eventually("the end of time", time.Hour, func() bool { return false })
		s.RunUntil(end)
	})
}

func TestSometimesNever(t *testing.T) {
	simtest.Config{Seeds: simtest.Seeds(4, 6)}.Run(t, func(t *simtest.T, s *sim.Simulation) {
		l := start(s)
		t.Sometimes("an order is lost", func() bool { return l.lost > 0 })
		t.Sometimes("two orders are lost", func() bool { return l.lost > 1 })
		s.RunUntil(end)
	})
}

func TestPanicInAProcess(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		l := start(s)
		s.Background("auditor", func(p *sim.Process) { p.Sleep(time.Second); audit(l) })
		s.RunUntil(end)
	})
}

func audit(l *load) { panic(errors.New("the books do not balance")) }

func TestPanicInTheTest(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		l := start(s)
		s.RunUntil(end)
		audit(l)
	})
}

func TestDeadlock(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		s.Go("client", func(p *sim.Process) { sim.NewMailbox[int](s, "answers", 0).Take(p) })
		s.RunUntilIdle()
	})
}

func TestInvariantOfTheModel(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		for i := range 30 {
			s.Note("step", "model", "", int64(i))
		}
		s.After(time.Second, func() { s.Fail("%d orders are lost", 1) })
		if err := s.RunUntil(end); err != nil {
			t.Fatal("it stops:", err)
		}
	})
}

func TestSkip(t *testing.T) {
	two.Run(t, func(t *simtest.T, s *sim.Simulation) {
		s.Go("p", func(p *sim.Process) {
			p.Sleep(time.Second)
			t.Skip("not this seed")
		})
		s.RunUntilIdle()
		t.Error("the skipped run goes on")
	})
}

func TestOuterFatal(t *testing.T) {
	simtest.Config{Seeds: simtest.Seeds(1, 1)}.Run(t, func(st *simtest.T, s *sim.Simulation) {
		s.Go("p", func(p *sim.Process) {
			p.Sleep(time.Second)
			st.TB.Fatal("by the wrong T")
		})
		s.RunUntilIdle()
	})
}

// runs is what no simulation may have: something that one run leaves to the next.
var runs int

func TestNotDeterministic(t *testing.T) {
	simtest.Config{Seeds: simtest.Seeds(1, 1)}.Run(t, func(t *simtest.T, s *sim.Simulation) {
		runs++
		g := s.NewGroup("api")
		g.Go("handler", func(p *sim.Process) {
			for i := range 10 {
				p.Sleep(time.Second)
				if runs%2 == 1 && i == 5 {
					g.Go("extra", func(*sim.Process) {})
					t.Error("an extra process")
				}
			}
		})
		s.RunUntilIdle()
	})
}

func TestOrderOfAMap(t *testing.T) {
	simtest.Config{Seeds: simtest.Seeds(1, 1)}.Run(t, func(t *simtest.T, s *sim.Simulation) {
		runs++
		names := []string{"a", "b"}
		if runs%2 == 0 {
			names = []string{"b", "a"}
		}
		for _, name := range names {
			s.NewGroup(name).After(time.Second, func() {})
		}
		s.RunUntilIdle()
	})
}

func TestSubtests(t *testing.T) {
	for _, name := range []string{"two replicas", "it's (3)"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := two
			cfg.Parallel = true
			cfg.Run(t, func(t *simtest.T, s *sim.Simulation) {
				l := start(s)
				t.Always("no order is lost", func() bool { return l.lost == 0 })
				s.RunUntil(end)
			})
		})
	}
}

// A schedule is drawn as data, so that rapid can make it smaller.
func TestRapid(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		crashes := rapid.SliceOfN(rapid.IntRange(0, 100), 0, 20).Draw(rt, "crashes")
		simtest.RunSeed(rt, 1, func(t *simtest.T, s *sim.Simulation) {
			down := 0
			for _, at := range crashes {
				s.At(sim.Time(at)*sim.Time(time.Second), func() {
					s.Note("fault", "db", "crash")
					down++
					s.After(5*time.Second, func() { down-- })
				})
			}
			s.Go("watcher", func(p *sim.Process) {
				for range 200 {
					p.Sleep(time.Second)
					if p.Now() > sim.Time(50*time.Second) && down > 1 {
						t.Fatalf("%d are down", down)
					}
				}
			})
			s.RunUntilIdle()
		})
	})
}

// rapid's own T, used in a process: its panics pass through.
func TestRapidsOwnT(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 1000).Draw(rt, "n")
		simtest.RunSeed(rt, 1, func(_ *simtest.T, s *sim.Simulation) {
			s.Go("p", func(p *sim.Process) {
				p.Sleep(time.Duration(n) * time.Second)
				switch {
				case n%10 == 3:
					rt.Skip("not this one")
				case n > 700:
					rt.Fatalf("%d is too much", n)
				}
			})
			s.RunUntilIdle()
		})
	})
}

func TestPasses(t *testing.T) {
	simtest.Run(t, func(t *simtest.T, s *sim.Simulation) {
		l := start(s)
		t.Sometimes("an order is lost", func() bool { return l.lost > 0 })
		t.Always("some hope", func() bool { return true })
		t.Eventually("an order", time.Minute, func() bool { return l.accepted > 0 })
		t.Cleanup(func() { l.accepted = 0 })
		s.RunUntil(end)
	})
}

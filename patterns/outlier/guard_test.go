package outlier_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/outlier"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
)

// A replica answers after a while, or with an error, or never.
type replica struct {
	name   string
	sick   bool // as the health checks say
	broken bool
	silent bool
	calls  int
}

func (r *replica) Name() string  { return r.name }
func (r *replica) Healthy() bool { return !r.sick }
func (r *replica) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	r.calls++
	switch {
	case r.silent:
		return patterns.Response{}, p.SleepUntil(sim.Never - 1)
	case r.broken:
		return patterns.Response{}, &patterns.Error{Kind: patterns.Failed, Layer: r.name}
	}
	return patterns.Response{}, p.Sleep(10 * time.Millisecond)
}

func simulate(t *testing.T, f func(s *sim.Simulation)) {
	t.Helper()
	if _, err := sim.Run(sim.Config{Seed: 1}, f); err != nil {
		t.Fatal(err)
	}
}

// fiveInARow ejects half of the endpoints at most, for half a minute.
func fiveInARow() outlier.Config {
	cfg := outlier.DefaultConfig()
	cfg.Rate, cfg.Share = outlier.SuccessRate{}, outlier.FailureShare{}
	return cfg
}

func TestOutcomeOf(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		ends := func(open func(p *sim.Process) sim.Scope) (err error) {
			s.Go("caller", func(p *sim.Process) {
				scope := open(p)
				err = p.Sleep(time.Hour)
				scope.Close()
			})
			s.RunUntilIdle()
			return err
		}
		late := ends(func(p *sim.Process) sim.Scope { return p.WithTimeout(time.Second) })
		cancelled := ends(func(p *sim.Process) sim.Scope {
			scope := p.WithCancel()
			scope.Cancel(nil)
			return scope
		})
		kind := func(k patterns.Kind) error { return &patterns.Error{Kind: k, Layer: "x"} }
		for _, c := range []struct {
			err  error
			want outlier.Outcome
		}{
			{nil, outlier.Success},
			{kind(patterns.Failed), outlier.Failure},
			{kind(patterns.Conflict), outlier.Success},
			{kind(patterns.Overloaded), outlier.Gateway},
			{kind(patterns.Unavailable), outlier.Gateway},
			{kind(patterns.Timeout), outlier.Local},
			{kind(patterns.Refused), outlier.Local},
			{kind(patterns.Reset), outlier.Local},
			{kind(patterns.Rejected), outlier.Ignored},
			{late, outlier.Local},
			{cancelled, outlier.Ignored},
			{&sim.Interrupted{}, outlier.Ignored},
		} {
			if got := outlier.OutcomeOf(c.err); got != c.want {
				t.Errorf("%v: %v, want %v", c.err, got, c.want)
			}
		}
	})
}

// Of three replicas one breaks without noticing. Calls go round it, until its time is up; then it costs
// five more.
func TestGuard(t *testing.T) {
	var notes []string
	simulate(t, func(s *sim.Simulation) {
		s.OnNote(func(n sim.Note) { notes = append(notes, fmt.Sprint(n.At, " ", n.Kind, " ", n.Subject, ": ", n.Detail)) })
		a, b, c := &replica{name: "a"}, &replica{name: "b", broken: true}, &replica{name: "c"}
		judge := outlier.New(fiveInARow(), s.Keyed("outlier"), s.Now(), 3)
		cfg := balance.DefaultConfig()
		cfg.Pick = balance.RoundRobin
		call := balance.New(cfg, s.Keyed("balance"), outlier.Guard(s, "shop.orders", judge, []balance.Target{a, b, c})).Call
		s.Go("shop", func(p *sim.Process) {
			failed := 0
			for id := range uint64(600) {
				if _, err := call(p, patterns.Request{ID: id + 1}); err != nil {
					failed++
				}
				p.SleepUntil(sim.Time(id+1) * sim.Time(100*time.Millisecond))
			}
			if failed != 10 || b.calls != 10 {
				t.Errorf("%d calls failed; b had %d", failed, b.calls)
			}
			if sum := a.calls + c.calls; sum != 590 || a.calls < 280 || c.calls < 280 {
				t.Errorf("a had %d calls, c %d", a.calls, c.calls)
			}
		})
		s.RunUntilIdle()
	})
	want := []string{
		"1.2s outlier shop.orders: b ejected: failures in a row",
		"40s outlier shop.orders: b back: time is up",
		"41.3s outlier shop.orders: b ejected: failures in a row",
	}
	if diff := cmp.Diff(want, notes); diff != "" {
		t.Error(diff)
	}
}

// Who does not answer is ejected by the callers' own timeouts; who is sick stays out; callers that are
// killed say nothing.
func TestGuardAndSilence(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		a, b, c := &replica{name: "a", silent: true}, &replica{name: "b"}, &replica{name: "c", sick: true}
		judge := outlier.New(fiveInARow(), s.Keyed("outlier"), s.Now(), 3)
		guarded := outlier.Guard(s, "shop.orders", judge, []balance.Target{a, b, c})
		call := timeout.New(timeout.Attempt(time.Second)).Wrap(balance.New(balance.DefaultConfig(), s.Keyed("balance"), guarded).Call)
		killed := s.NewGroup("killed")
		for range 20 {
			killed.Go("caller", func(p *sim.Process) { guarded[0].Call(p, patterns.Request{}) })
		}
		s.RunUntil(sim.Time(time.Second))
		killed.Kill()
		if judge.Ejected(s.Now(), 0) {
			t.Error("a was ejected by callers that were killed")
		}
		s.Go("shop", func(p *sim.Process) {
			for id := range uint64(100) {
				call(p, patterns.Request{ID: id + 1})
			}
		})
		s.RunUntil(sim.Time(20 * time.Second))
		if a.calls != 25 || c.calls != 0 || !judge.Ejected(s.Now(), 0) {
			t.Errorf("a had %d calls and c %d; a is ejected: %v", a.calls, c.calls, judge.Ejected(s.Now(), 0))
		}
	})
}

// One call goes to a replica that may work again, and no other until it has ended.
func TestGuardAndProbe(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		a := &replica{name: "a", broken: true}
		judge := outlier.NewAccrual(outlier.Finagle(), s.Keyed("outlier"), s.Now(), 1)
		call := balance.New(balance.DefaultConfig(), s.Keyed("balance"), outlier.Guard(s, "shop.orders", judge, []balance.Target{a})).Call
		good := 0
		shop := func(p *sim.Process) {
			if _, err := call(p, patterns.Request{}); err == nil {
				good++
			}
		}
		for range 5 {
			s.Go("shop", shop)
		}
		s.RunUntil(sim.Time(5 * time.Second))
		a.broken = false
		for range 3 {
			s.Go("shop", shop)
		}
		s.RunUntil(sim.Time(6 * time.Second))
		if good != 1 || a.calls != 6 {
			t.Errorf("%d of %d calls succeeded while it was probed, want 1 of 6", good, a.calls)
		}
		for range 3 {
			s.Go("shop", shop)
		}
		if s.RunUntilIdle(); good != 4 {
			t.Errorf("%d calls succeeded, want 4", good)
		}
	})
}

// With every replica ejected, the balancer's panic threshold decides.
func TestGuardAndPanic(t *testing.T) {
	for _, c := range []struct {
		panic float64
		kind  patterns.Kind
	}{{0, patterns.Unavailable}, {0.01, patterns.Failed}} {
		simulate(t, func(s *sim.Simulation) {
			a := &replica{name: "a", broken: true}
			judge := outlier.NewAccrual(outlier.Finagle(), s.Keyed("outlier"), s.Now(), 1)
			cfg := balance.DefaultConfig()
			cfg.Panic = c.panic
			call := balance.New(cfg, s.Keyed("balance"), outlier.Guard(s, "shop.orders", judge, []balance.Target{a})).Call
			s.Go("shop", func(p *sim.Process) {
				var err error
				for range 6 {
					_, err = call(p, patterns.Request{})
				}
				if !patterns.KindsOf(c.kind).Match(err) {
					t.Errorf("panic below %v: %v", c.panic, err)
				}
			})
			s.RunUntilIdle()
		})
	}
}

// Envoy finds the one of ten that fails half of its calls by its rate, in the first sweep; three endpoints
// would be too few for that.
func ExampleDetector() {
	d := outlier.New(outlier.Envoy(), sim.Seed(1).Keyed("outlier"), 0, 10)
	d.OnChange(func(c outlier.Change) { fmt.Println(c.At, c.Endpoint, c.Ejected, c.Why) })
	for second := range 60 {
		now := sim.Time(second) * sim.Time(time.Second)
		for i := range 10 {
			if d.Ejected(now, i) {
				continue
			}
			for call := range 20 {
				outcome := outlier.Success
				if i == 7 && call%2 == 0 {
					outcome = outlier.Failure
				}
				d.Done(now, i, outcome)
			}
		}
	}
	fmt.Printf("%+v\n", d.Counts())
	// Output:
	// 10s 7 true low success rate
	// 40s 7 false time is up
	// 50s 7 true low success rate
	// {Detected:2 Ejected:2 Overflow:0 Spared:0 Returned:1}
}

// Finagle probes an endpoint with one call before it takes it back.
func ExampleAccrual() {
	a := outlier.NewAccrual(outlier.Finagle(), sim.Seed(1).Keyed("outlier"), 0, 2)
	a.OnChange(func(c outlier.Change) { fmt.Println(c.At, c.Endpoint, c.Ejected, c.Why) })
	for range 5 {
		a.Begin(0, 1)
		a.Done(0, 1, outlier.Local)
	}
	at := func(d time.Duration) sim.Time { return sim.Time(d) }
	fmt.Println(a.Ejected(at(4*time.Second), 1), a.Ejected(at(5*time.Second), 1))
	a.Begin(at(5*time.Second), 1)
	fmt.Println(a.Ejected(at(5*time.Second), 1))
	a.Done(at(6*time.Second), 1, outlier.Success)
	fmt.Println(a.Ejected(at(6*time.Second), 1))
	// Output:
	// 0s 1 true accrued failures
	// true false
	// true
	// 6s 1 false passed a probe
	// false
}

func BenchmarkDetector(b *testing.B) {
	for _, n := range []int{3, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := outlier.New(outlier.Envoy(), sim.Seed(1).Keyed("outlier"), 0, n)
			b.ReportAllocs()
			for i := range b.N {
				now := sim.Time(i) * sim.Time(time.Millisecond) // a thousand calls a second
				e := i % n
				d.Ejected(now, e)
				d.Begin(now, e)
				d.Done(now, e, outlier.Outcome(1+i/n%20/19)) // one in 20 fails
			}
		})
	}
}

func BenchmarkAccrual(b *testing.B) {
	a := outlier.NewAccrual(outlier.Finagle(), sim.Seed(1).Keyed("outlier"), 0, 3)
	b.ReportAllocs()
	for i := range b.N {
		now := sim.Time(i) * sim.Time(time.Millisecond)
		a.Ejected(now, i%3)
		a.Begin(now, i%3)
		a.Done(now, i%3, outlier.Outcome(1+i/3%20/19))
	}
}

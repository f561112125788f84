package patterns_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/fallback"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
)

// A replica answers after a while, and is silent while it is cut off.
type replica struct {
	name  string
	takes time.Duration
	cut   bool
}

func (r *replica) Name() string  { return r.name }
func (r *replica) Healthy() bool { return true }
func (r *replica) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	if r.cut {
		return patterns.Response{}, p.SleepUntil(sim.Never - 1)
	}
	if r.takes == 0 {
		return patterns.Response{From: r.name}, nil
	}
	return patterns.Response{From: r.name}, p.Sleep(r.takes)
}

// production is the usual order: total, retry, breaker, attempt, balancer.
func production(s *sim.Simulation, replicas ...*replica) patterns.Call {
	var targets []balance.Target
	for _, r := range replicas {
		targets = append(targets, r)
	}
	return patterns.Chain(
		timeout.New(timeout.Total(3*time.Second)),
		retry.New(retry.DefaultConfig(), s.Keyed("retry"), retry.NewRatio(retry.DefaultRatioConfig())),
		breaker.New(breaker.DefaultConfig()),
		timeout.New(timeout.Attempt(time.Second)),
	).Wrap(balance.New(balance.DefaultConfig(), s.Keyed("balance"), targets).Call)
}

// named policies write their names around what they wrap.
type named string

func (n named) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		req.Op += string(n)
		resp, err := next(p, req)
		resp.From += string(n)
		return resp, err
	}
}

func TestChainIsOutermostFirst(t *testing.T) {
	call := patterns.Chain(named("a"), patterns.Chain(), named("b"), named("c")).Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		return patterns.Response{From: req.Op + "|"}, nil
	})
	if resp, _ := call(nil, patterns.Request{}); resp.From != "abc|cba" {
		t.Errorf("got %s", resp.From)
	}
}

func TestKinds(t *testing.T) {
	all := patterns.KindsOf(patterns.Failed, patterns.Timeout, patterns.Refused, patterns.Reset,
		patterns.Overloaded, patterns.Rejected, patterns.Unavailable, patterns.Conflict)
	var names []string
	for k := patterns.Failed; all.Has(k); k++ {
		names = append(names, k.String())
		if !patterns.KindsOf(k).Match(&patterns.Error{Kind: k}) || (all &^ patterns.KindsOf(k)).Match(&patterns.Error{Kind: k}) {
			t.Errorf("%v does not match itself alone", k)
		}
	}
	if got := strings.Join(names, " "); got != "failed timeout refused reset overloaded rejected unavailable conflict" {
		t.Errorf("got %s", got)
	}
	if all.Match(sim.ErrDeadline) || all.Match(nil) {
		t.Error("only an *Error matches")
	}
}

// Two of three replicas are silent. Attempts time out and go elsewhere, the total holds, the
// breaker gives up although a third of the calls would be answered, the fallback answers, and every
// error says which layer made it.
func TestProductionChain(t *testing.T) {
	var log strings.Builder
	_, err := sim.Run(sim.Config{Seed: 3}, func(s *sim.Simulation) {
		replicas := []*replica{{"a", 20 * time.Millisecond, false}, {"b", 20 * time.Millisecond, true}, {"c", 20 * time.Millisecond, true}}
		var targets []balance.Target
		for _, r := range replicas {
			targets = append(targets, r)
		}
		again := retry.DefaultConfig()
		again.Backoff.Jitter = retry.None
		stop := breaker.Consecutive(4, 10*time.Second)
		stop.Name = "shop.catalog"
		plain := patterns.Chain(
			timeout.New(timeout.Total(2500*time.Millisecond)),
			retry.New(again, s.Keyed("retry"), nil),
			breaker.New(stop),
			timeout.New(timeout.Attempt(time.Second)),
			bulkhead.New(bulkhead.DefaultConfig(), s),
		).Wrap(balance.New(balance.DefaultConfig(), s.Keyed("balance"), targets).Call)
		safe := fallback.ToAnswer(fallback.DefaultConfig(), patterns.Response{From: "menu"}).Wrap(plain)
		s.OnNote(func(n sim.Note) { fmt.Fprintf(&log, "%v %s %s %s\n", n.At, n.Kind, n.Subject, n.Detail) })
		s.Go("shop", func(p *sim.Process) {
			for id := range uint64(5) {
				call := plain
				if id == 4 {
					call = safe
				}
				resp, err := call(p, patterns.Request{ID: id + 1})
				fmt.Fprintln(&log, p.Now(), resp.From, err)
			}
		})
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `1.07s a <nil>
3.57s b total: timeout (may have happened)
5.62s breaker shop.catalog open
5.72s  breaker: rejected (may have happened): breaker is open
5.72s  breaker: rejected: breaker is open
5.72s menu <nil>
`
	if got := log.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The calm path of a chain allocates nothing.
func TestChainAllocatesNothing(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		call := production(s, &replica{name: "a"}, &replica{name: "b"}, &replica{name: "c"})
		s.Go("caller", func(p *sim.Process) {
			id := uint64(0)
			n := testing.AllocsPerRun(1000, func() {
				id++
				call(p, patterns.Request{ID: id})
			})
			if n != 0 {
				t.Errorf("%v allocations per call", n)
			}
		})
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A chain around a call that takes no time: what the policies cost.
func BenchmarkChain(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		call := production(s, &replica{name: "a"}, &replica{name: "b"}, &replica{name: "c"})
		s.Go("caller", func(p *sim.Process) {
			for id := range uint64(b.N) {
				call(p, patterns.Request{ID: id + 1})
			}
		})
		s.RunUntilIdle()
	})
}

//go:build unix

package system

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A chained is a call to one of two replicas over a network, each with one thread, a queue, and work that
// takes ten milliseconds on average, exponentially distributed. Callers come as a Poisson process.
type chained struct {
	rate    float64       // callers a second
	failing float64       // share of the calls that a replica answers with an error
	bare    bool          // without the policies: callers take the replicas in turn
	front   bool          // a limit that nobody reaches stands before each replica
	attempt time.Duration // timeout of each; the total is half as long again
	breaker breaker.Config
}

// policies returns a total, a retry, a breaker and an attempt around a choice of two.
func (c chained) policies(s *sim.Simulation, targets []balance.Target) patterns.Call {
	cfg := retry.DefaultConfig()
	cfg.Backoff.First = time.Millisecond
	return patterns.Chain(
		timeout.New(timeout.Total(c.attempt*3/2)),
		retry.New(cfg, s.Keyed("retry"), retry.NewTokens(retry.DefaultTokensConfig())),
		breaker.New(c.breaker),
		timeout.New(timeout.Attempt(c.attempt)),
	).Wrap(balance.New(balance.DefaultConfig(), s.Keyed("balance"), targets).Call)
}

// A spent is what calls took, for each call: events, processor time, allocations, attempts that arrived; and
// how they ended.
type spent struct {
	events, ns, allocs, attempts float64
	ends                         map[string]int
}

// run lets callers come until about n have come after a while that does not count.
func (c chained) run(t testing.TB, n int) (sp spent) {
	t.Helper()
	seconds := func(calls int) time.Duration { return time.Duration(float64(calls) / c.rate * float64(time.Second)) }
	all, ended := 0, map[string]int{}
	res, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		net := network.New(s, network.DefaultConfig())
		via := network.NewTransport[patterns.Request, patterns.Response](net)
		here := net.AddHost("here", network.Place{Zone: "z"})
		work, fails, unit := s.Keyed("work"), s.Keyed("fails"), dist.Must(dist.NewExponential(1))
		failure := &patterns.Error{Kind: patterns.Failed, Layer: "replica"}
		svc := nodes.NewService(s, via, nodes.Config{Name: "api", CPUs: 1, Threads: 1, Queue: nodes.QueueConfig{Length: 100}},
			func(p *sim.Process, r *nodes.Replica, req patterns.Request) (resp patterns.Response, err error) {
				key := sim.Mix(req.ID, uint64(req.Attempt))
				luck := work.At(key)
				if err := r.Work(p, dist.Seconds(0.01*unit.Sample(&luck))); err != nil {
					return resp, err
				}
				if luck := fails.At(key); luck.Chance(c.failing) {
					return resp, failure
				}
				return resp, nil
			})
		var targets []balance.Target
		for i := range 2 {
			r := svc.Add(nodes.NewMachine(s, net.AddHost(fmt.Sprint("machine ", i), network.Place{Zone: "z"}), 0))
			r.Start()
			if c.front {
				r.SetFront(ratelimit.New(ratelimit.Config{Limit: 1000, Burst: 1000, Period: time.Second, Server: true}, s.Now()))
			}
			targets = append(targets, r.Target(via, here))
		}
		call := c.policies(s, targets)
		if c.bare {
			call = func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				return targets[req.ID%2].Call(p, req)
			}
		}
		caller := func(p *sim.Process, _ any) {
			_, err := call(p, patterns.Request{ID: p.ID(), Attempt: 1})
			end := "ok"
			if e, failed := err.(*patterns.Error); failed {
				end = e.Kind.String()
			}
			ended[end]++
			all++
		}
		group, gaps := s.NewGroup("callers"), s.Stream("gaps")
		s.Background("arrivals", func(p *sim.Process) {
			for p.Sleep(dist.Seconds(unit.Sample(&gaps)/c.rate)) == nil {
				group.Spawn("caller", caller, nil)
			}
		})
		s.RunUntil(sim.Time(seconds(30_000)))
		clear(ended)
		arrived := svc.Stats().Arrived
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := processorTime(t)
		s.RunUntil(s.Now().Add(seconds(n)))
		sp.ns = float64(processorTime(t)-start) / float64(n)
		runtime.ReadMemStats(&after)
		sp.allocs = float64(after.Mallocs-before.Mallocs) / float64(n)
		sp.attempts = float64(svc.Stats().Arrived-arrived) / float64(n)
	})
	if err != nil {
		t.Fatal(err)
	}
	sp.events, sp.ends = float64(res.Events)/float64(all), ended
	return sp
}

// BenchmarkChain is one call with the policies, and one without them, in processor time. The difference,
// policies-ns/op, is what timeout, retry, breaker and balance cost: they bring no events of their own. What stands before
// a replica costs front-ns/op.
func BenchmarkChain(b *testing.B) {
	c := chained{rate: 140, attempt: time.Second, breaker: breaker.DefaultConfig()}
	with := c.run(b, b.N)
	c.bare = true
	without := c.run(b, b.N)
	if math.Abs(with.events-without.events) > 0.01*without.events {
		b.Errorf("%v events a call with the policies, %v without", with.events, without.events)
	}
	c.front = true
	fronted := c.run(b, b.N)
	b.ReportMetric(fronted.ns-without.ns, "front-ns/op")
	b.ReportMetric(fronted.allocs, "front-allocs/op")
	b.ReportMetric(with.ns, "ns/op")
	b.ReportMetric(without.ns, "bare-ns/op")
	b.ReportMetric(with.ns-without.ns, "policies-ns/op")
	b.ReportMetric(with.events, "events/op")
	b.ReportMetric(with.allocs, "allocs/op")
}

// A call in steady state allocates nothing, however it ends.
func TestChainAllocatesNothing(t *testing.T) {
	never := breaker.Consecutive(1000, time.Second)
	for _, c := range []struct {
		name string
		chained
		ends []string // each of which must happen to a tenth of the calls
	}{
		{"success", chained{rate: 140, attempt: time.Second, breaker: breaker.DefaultConfig()}, []string{"ok"}},
		{"retry", chained{rate: 100, failing: 0.2, attempt: time.Second, breaker: breaker.DefaultConfig()}, []string{"ok", "failed"}},
		{"timeout", chained{rate: 40, attempt: 10 * time.Millisecond, breaker: never}, []string{"ok", "timeout"}},
		{"front", chained{rate: 140, attempt: time.Second, breaker: breaker.DefaultConfig(), front: true}, []string{"ok"}},
		{"rejection", chained{rate: 100, failing: 0.5, attempt: time.Second, breaker: breaker.Consecutive(2, 50*time.Millisecond)}, []string{"ok", "rejected"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 60_000
			sp := c.run(t, n)
			if c.name == "retry" && sp.attempts < 1.05 {
				t.Errorf("%v attempts a call", sp.attempts)
			}
			for _, end := range c.ends {
				if sp.ends[end] < n/10 {
					t.Errorf("%d of %d calls end with %s: %v", sp.ends[end], n, end, sp.ends)
				}
			}
			if sp.allocs > 0.002 { // now and then more are under way at once than ever before
				t.Errorf("%v allocations a call", sp.allocs)
			}
		})
	}
}

// A policy costs nothing where it is not configured, since it is not there: nothing is built for its slot.
func TestOnlyConfiguredPoliciesAreBuilt(t *testing.T) {
	slots := map[string]string{ // what the settings of an edge build
		"":                                  "",
		"timeout: {}":                       "",
		"timeout: {attempt: 1s}":            "attempt",
		"timeout: {attempt: 1s, total: 2s}": "total attempt",
		"retry: {budget: 10%}":              "retry",
		"breaker: {}":                       "breaker",
		"breaker: {per: replica}":           "", // it is around each replica, behind the balancer
		"bulkhead: {max: 10}":               "bulkhead",
		"fallback: {stale: 1m}":             "fallback",
		"balance: {pick: p2c}":              "",
	}
	for settings, want := range slots {
		sc := parse(t, `
services: {api: {replicas: 2, ops: {get: {work: exp 10ms}}}}
calls: {users: {api: {`+settings+`}}}
workload: {users: {users: 1, mix: {api.get: 100%}}}
objectives: {}
`)
		_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
			sys := Build(s, sc, nil)
			e, built := sys.edge("users", "api"), []string(nil)
			for _, slot := range e.policies.Order {
				if sys.policy(e, slot, nil, nil) != nil {
					built = append(built, slot)
				}
			}
			if got := strings.Join(built, " "); got != want {
				t.Errorf("{%s} builds %q, want %q", settings, got, want)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

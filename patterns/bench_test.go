package patterns_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
)

// chains are a total, a retry, a breaker and an attempt, as several libraries have them.
var chains = []struct {
	name    string
	retry   retry.Config
	breaker breaker.Config
}{
	{"defaults", retry.DefaultConfig(), breaker.DefaultConfig()},
	{"resilience4j", retry.Resilience4j(), breaker.Resilience4j()},
	{"Polly", retry.PollyJittered(), breaker.Polly()},
	{"AWS and gobreaker", retry.AWSAdaptive(), breaker.Gobreaker()},
	{"Finagle and Linkerd", retry.Finagle(), breaker.LinkerdRate()},
	{"Envoy and Hystrix", retry.EnvoyBudget(), breaker.Hystrix()},
}

// chained wraps a call that takes no time and succeeds, or fails at every n-th attempt (0: none).
func chained(s *sim.Simulation, r retry.Config, b breaker.Config, every int) patterns.Call {
	failure := &patterns.Error{Kind: patterns.Unavailable, Layer: "server"}
	n := 0
	r.Backoff.First = 0
	return patterns.Chain(
		timeout.New(timeout.Total(3*time.Second)),
		retry.New(r, s.Keyed("retry"), nil),
		breaker.NewJittered(b, s.Keyed("breaker")),
		timeout.New(timeout.Attempt(time.Second)),
	).Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
		if n++; every > 0 && n%every == 0 {
			return patterns.Response{}, failure
		}
		return patterns.Response{}, nil
	})
}

// A call allocates nothing, whether it succeeds at once or is tried again.
func TestCallAllocatesNothing(t *testing.T) {
	for _, c := range chains {
		for _, every := range []int{0, 20} {
			_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
				call := chained(s, c.retry, c.breaker, every)
				s.Go("caller", func(p *sim.Process) {
					id := uint64(0)
					n := testing.AllocsPerRun(1000, func() {
						id++
						call(p, patterns.Request{ID: id})
					})
					if n != 0 {
						t.Errorf("%s, a failure in %d: %v allocations a call", c.name, every, n)
					}
				})
				s.RunUntilIdle()
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What timeouts, a retry and a breaker cost around a call that takes no time.
func BenchmarkCall(b *testing.B) {
	for _, c := range chains {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			sim.Run(sim.Config{}, func(s *sim.Simulation) {
				call := chained(s, c.retry, c.breaker, 0)
				s.Go("caller", func(p *sim.Process) {
					for id := range uint64(b.N) {
						call(p, patterns.Request{ID: id + 1})
					}
				})
				s.RunUntilIdle()
			})
		})
	}
}

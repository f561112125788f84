package hedge_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/sim"
)

// bench makes n calls, one after another, of which every hedged-th needs a hedge.
func bench(cfg hedge.Config, n, hedged int) {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		calls := 0
		call := hedge.New(cfg, s.Now(), nil).Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			takes := time.Millisecond
			if calls%hedged == hedged-1 && req.Attempt < hedge.Stride {
				takes = time.Second
			}
			return patterns.Response{}, p.Sleep(takes)
		})
		s.Go("caller", func(p *sim.Process) {
			for range n {
				call(p, patterns.Request{ID: uint64(calls) + 1})
				calls++
			}
		})
		s.RunUntilIdle()
	})
}

// A call that takes a millisecond, without a hedge around it, with one that is not needed, and with one
// that is sent.
func BenchmarkCall(b *testing.B) {
	none := hedge.Config{Attempts: 1}
	learns := hedge.DefaultConfig()
	learns.Budget = nil
	for _, c := range []struct {
		name   string
		cfg    hedge.Config
		hedged int
	}{
		{"attempts 1", none, 1 << 62},
		{"fixed", hedge.FailsafeGo(100 * time.Millisecond), 1 << 62},
		{"fixed, sent", fixed(2), 1},
		{"quantile", learns, 1 << 62},
		{"Finagle", hedge.Finagle(0.05), 20},
		{"gRPC", hedge.GRPC(), 1 << 62},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			bench(c.cfg, b.N, c.hedged)
		})
	}
	b.Run("nothing around it", func(b *testing.B) {
		b.ReportAllocs()
		sim.Run(sim.Config{}, func(s *sim.Simulation) {
			s.Go("caller", func(p *sim.Process) {
				for range b.N {
					p.Sleep(time.Millisecond)
				}
			})
			s.RunUntilIdle()
		})
	})
}

// A call without a hedge allocates nothing; one with a hedge, what the kernel needs to say that the scope
// of the copy that lost has ended.
func TestAllocations(t *testing.T) {
	learns := hedge.DefaultConfig()
	learns.Budget = nil
	for _, c := range []struct {
		name   string
		cfg    hedge.Config
		hedged int
		most   float64
	}{
		{"fixed", fixed(3), 1 << 62, 0}, {"fixed, sent", fixed(2), 1, 2}, {"quantile", learns, 1 << 62, 0}, {"Finagle", hedge.Finagle(0.05), 1 << 62, 0},
	} {
		const n = 20_000
		got := testing.AllocsPerRun(1, func() { bench(c.cfg, n, c.hedged) }) - testing.AllocsPerRun(1, func() { bench(c.cfg, n/2, c.hedged) })
		if per := got / (n / 2); per > c.most+0.01 {
			t.Errorf("%s: %.3f allocations a call, want %v", c.name, per, c.most)
		}
	}
}

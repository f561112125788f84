package patterns_test

import (
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/fallback"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
)

// BenchmarkParked holds 100,000 processes, each in the midst of a call behind six policies, and says
// what one takes of memory. An operation is a collection of garbage with all of them parked.
func BenchmarkParked(b *testing.B) {
	const n = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := sim.Run(sim.Config{MaxAtInstant: math.MaxInt}, func(s *sim.Simulation) {
		room := bulkhead.DefaultConfig()
		room.Concurrent = n
		call := patterns.Chain(
			fallback.ToAnswer(fallback.DefaultConfig(), patterns.Response{}),
			timeout.New(timeout.Total(2*time.Hour)),
			retry.New(retry.DefaultConfig(), s.Keyed("retry"), nil),
			breaker.New(breaker.DefaultConfig()),
			timeout.New(timeout.Attempt(time.Hour)),
			bulkhead.New(room, s),
		).Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
			return patterns.Response{}, p.Sleep(time.Minute)
		})
		for id := range uint64(n) {
			s.Background("caller", func(p *sim.Process) { call(p, patterns.Request{ID: id + 1}) })
		}
		s.RunUntil(1)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ResetTimer()
		for range b.N {
			runtime.GC()
		}
		b.StopTimer()
	})
	if err != nil {
		b.Fatal(err)
	}
	used := after.HeapInuse + after.StackInuse + after.OtherSys - before.HeapInuse - before.StackInuse - before.OtherSys
	b.ReportMetric(float64(used)/n, "B/process")
}

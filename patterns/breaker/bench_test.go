package breaker_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/sim"
)

// One call through a closed breaker: Allow and Done.
func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		name string
		cfg  breaker.Config
	}{
		{"consecutive", breaker.Gobreaker()},
		{"time", breaker.DefaultConfig()},
		{"resilience4j", breaker.Resilience4j()},
		{"hystrix", breaker.Hystrix()},
		{"polly", breaker.Polly()},
		{"rolling", breaker.GobreakerWindow(10*time.Second, time.Second)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			br := breaker.New(c.cfg)
			var now sim.Time
			for range b.N {
				now = now.Add(time.Millisecond)
				permit, _ := br.Allow(now)
				br.Done(now, permit, breaker.Success)
			}
		})
	}
}

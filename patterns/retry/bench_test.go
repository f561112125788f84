package retry_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
)

// A call that succeeds at once, and one whose first attempt fails, around a call that takes no time.
func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		name string
		cfg  retry.Config
	}{
		{"no budget", retry.DefaultConfig()},
		{"gRPC", retry.GRPC()},
		{"AWS", retry.AWSStandard()},
		{"AWS adaptive", retry.AWSAdaptive()},
		{"Envoy", retry.Envoy()},
		{"Finagle", retry.Finagle()},
	} {
		for _, fails := range []bool{false, true} {
			name := c.name
			if fails {
				name += ", a retry"
				c.cfg.Backoff.First = 0
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				failure := &patterns.Error{Kind: patterns.Unavailable}
				sim.Run(sim.Config{}, func(s *sim.Simulation) {
					call := retry.New(c.cfg, s.Keyed("retry"), nil).Wrap(func(_ *sim.Process, req patterns.Request) (patterns.Response, error) {
						if fails && req.Attempt == 1 {
							return patterns.Response{}, failure
						}
						return patterns.Response{}, nil
					})
					s.Go("caller", func(p *sim.Process) {
						for id := range uint64(b.N) {
							if id%1000 == 0 {
								p.Sleep(time.Second)
							}
							call(p, patterns.Request{ID: id + 1})
						}
					})
					s.RunUntilIdle()
				})
			})
		}
	}
}

func BenchmarkBackoff(b *testing.B) {
	for j := retry.None; j <= retry.PollyJitter; j++ {
		b.Run(j.String(), func(b *testing.B) {
			b.ReportAllocs()
			backoff := retry.DefaultBackoff()
			backoff.Jitter, backoff.Spread, backoff.Width = j, 0.5, time.Millisecond
			var waits retry.Waits
			for range b.N {
				if waits.Made == 5 {
					waits = retry.Waits{}
				}
				backoff.Next(&waits, 0.5)
			}
		})
	}
}

package retry_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
)

func TestPresetsAreValid(t *testing.T) {
	for _, cfg := range []retry.Config{
		retry.DefaultConfig(), retry.GRPC(), retry.AWSStandard(), retry.AWSBotocore(), retry.AWSStandard2026(), retry.AWSAdaptive(),
		retry.Envoy(), retry.EnvoyBudget(), retry.Finagle(), retry.Linkerd(), retry.Polly(), retry.PollyJittered(),
		retry.Resilience4j(), retry.Resilience4jExponential(), retry.FailsafeGo(), retry.Cenkalti(), retry.Temporal(),
	} {
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// How many attempts of each library a call makes whose every attempt fails, and the range of its waits.
func TestPresetWaits(t *testing.T) {
	s, us := time.Second, time.Microsecond
	list := func(d ...time.Duration) []time.Duration { return d }
	for _, c := range []struct {
		name      string
		cfg       retry.Config
		attempts  int
		low, high []time.Duration // with all luck, and with none
	}{
		{"gRPC", retry.GRPC(), 4, list(80*ms, 160*ms, 320*ms, 640*ms, 800*ms, 800*ms), list(120*ms, 240*ms, 480*ms, 960*ms, 1200*ms, 1200*ms)},
		{"AWS, Go", retry.AWSStandard(), 3, list(0, 0, 0, 0, 20*s, 20*s), list(2*s, 4*s, 8*s, 16*s, 20*s, 20*s)},
		{"AWS, Python", retry.AWSBotocore(), 3, list(0, 0, 0, 0, 0, 0), list(1*s, 2*s, 4*s, 8*s, 16*s, 20*s)},
		{"AWS, 2026", retry.AWSStandard2026(), 3, list(0, 0, 0), list(50*ms, 100*ms, 200*ms, 400*ms, 800*ms, 1600*ms, 3200*ms, 6400*ms, 12800*ms, 20*s)},
		{"AWS, adaptive", retry.AWSAdaptive(), 3, list(0, 0), list(1*s, 2*s)},
		{"Envoy", retry.Envoy(), 2, list(0, 0), list(25*ms, 50*ms, 100*ms, 200*ms, 250*ms, 250*ms)},
		{"Finagle", retry.Finagle(), retry.UnlimitedAttempts, list(0, 0), list(0, 0)},
		{"Linkerd", retry.Linkerd(), retry.UnlimitedAttempts, list(0, 0), list(0, 0)},
		{"Polly", retry.Polly(), 4, list(2*s, 2*s, 2*s), list(2*s, 2*s, 2*s)},
		{"Polly, jittered", retry.PollyJittered(), 4, list(0, 2754364500, 2920134600), list(2754364500, 2920134600, 5731699700)},
		{"resilience4j", retry.Resilience4j(), 3, list(500*ms, 500*ms), list(500*ms, 500*ms)},
		{"resilience4j, exponential", retry.Resilience4jExponential(), 3, list(250*ms, 375*ms, 562*ms, 843*ms, 1265*ms), list(749*ms, 1124*ms, 1687*ms, 2530*ms, 3794*ms)},
		{"failsafe-go", retry.FailsafeGo(), 3, list(0, 0), list(0, 0)},
		{"cenkalti", retry.Cenkalti(), retry.UnlimitedAttempts, list(250*ms, 375*ms, 562500*us), list(750*ms, 1125*ms, 1687500*us)},
		{"Temporal", retry.Temporal(), retry.UnlimitedAttempts, list(1*s, 2*s, 4*s, 8*s, 16*s, 32*s, 64*s, 100*s, 100*s), list(1*s, 2*s)},
	} {
		if c.cfg.Attempts != c.attempts {
			t.Errorf("%s: %d attempts, want %d", c.name, c.cfg.Attempts, c.attempts)
		}
		for _, end := range []struct {
			luck float64
			want []time.Duration
		}{{0, c.low}, {1 - 1e-12, c.high}} {
			var waits retry.Waits
			for i, want := range end.want {
				got := c.cfg.Backoff.Next(&waits, end.luck)
				if diff := want - got; diff < -150 || diff > 150 { // a tick of .NET, and luck below one
					t.Errorf("%s: wait %d with luck %v is %v, want %v", c.name, i+1, end.luck, got, want)
				}
			}
		}
	}
}

// The load of one client on a server that is down, under the defaults of several libraries: a thousand
// calls, 10 ms apart.
func Example() {
	for _, c := range []struct {
		name string
		cfg  retry.Config
	}{
		{"gRPC", retry.GRPC()}, {"AWS, Go", retry.AWSStandard()}, {"AWS, 2026", retry.AWSStandard2026()},
		{"Envoy", retry.Envoy()}, {"Finagle", retry.Finagle()}, {"Linkerd", retry.Linkerd()},
		{"Polly", retry.Polly()}, {"resilience4j", retry.Resilience4j()}, {"failsafe-go", retry.FailsafeGo()},
	} {
		sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
			r := retry.New(c.cfg, s.Keyed("retry"), nil)
			call := r.Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
				err := p.Sleep(ms)
				if err == nil {
					err = &patterns.Error{Kind: patterns.Unavailable}
				}
				return patterns.Response{}, err
			})
			for id := range uint64(1000) {
				s.At(sim.Time(id)*sim.Time(10*ms), func() {
					s.Go("call", func(p *sim.Process) { call(p, patterns.Request{ID: id + 1}) })
				})
			}
			s.RunUntilIdle()
			fmt.Printf("%-12s %.2f attempts a call\n", c.name, 1+float64(r.Counts().Retries)/1000)
		})
	}
	// Output:
	// gRPC         1.00 attempts a call
	// AWS, Go      1.10 attempts a call
	// AWS, 2026    1.03 attempts a call
	// Envoy        2.00 attempts a call
	// Finagle      1.30 attempts a call
	// Linkerd      1.10 attempts a call
	// Polly        4.00 attempts a call
	// resilience4j 3.00 attempts a call
	// failsafe-go  3.00 attempts a call
}

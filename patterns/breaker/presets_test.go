package breaker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/sim"
)

func TestPresetsAreValid(t *testing.T) {
	for _, cfg := range []breaker.Config{
		breaker.DefaultConfig(), breaker.Consecutive(5, time.Second),
		breaker.Resilience4j(), breaker.Resilience4jTimed(), breaker.Hystrix(),
		breaker.Gobreaker(), breaker.GobreakerWindow(time.Minute, 0), breaker.GobreakerWindow(time.Minute, 7*time.Second),
		breaker.Polly(), breaker.FailsafeGo(), breaker.FailsafeGoRatio(3, 5), breaker.FailsafeGoRate(0.2, 10, time.Minute),
		breaker.Linkerd(), breaker.LinkerdRate(), breaker.Eapache(3, 1, time.Second),
	} {
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// What each library does at its own numbers.
func TestPresetStories(t *testing.T) {
	play(t, []story{
		{"resilience4j: 100 calls are enough", breaker.Resilience4j(), "0s-*99 0s+", "closed open"},
		{"half of the last 100", breaker.Resilience4j(), "0s+*500 1s-*49 1s-", "closed closed open"},
		{"strictly after a minute", breaker.Resilience4j(), "0s-*100 60sx 60.000000001s<a", "open open half-open"},
		{"ten probes, and half of them", breaker.Resilience4j(), "0s-*100 61s+*5 61s-*4 61s-", "open half-open half-open open"},
		{"less than half", breaker.Resilience4j(), "0s-*100 61s+*6 61s-*3 61s-", "open half-open half-open closed"},
		{"not an eleventh", breaker.Resilience4j(), "0s-*100 61s<a*10 61sx", "open half-open half-open"},
		{"all calls slower than a minute", breaker.Resilience4j(), "0s<a*100 60s+a*100 60s<b*100 120.000000001s+b*99 120.000000001s+b", "closed closed closed closed open"},
		{"too few calls for a window of time", breaker.Resilience4jTimed(), "0s-*99 99.9s=", "closed closed"},
		{"its seconds are whole", breaker.Resilience4jTimed(), "0.9s-*99 99.9s-", "closed open"},
		{"the first of them is over", breaker.Resilience4jTimed(), "0.9s-*99 100s-", "closed closed"},

		{"hystrix: at the next snapshot", breaker.Hystrix(), "0s-*20 0.499999999s+ 0.5sx", "closed closed open"},
		{"of at least 20 calls", breaker.Hystrix(), "0s-*19 10s=", "closed closed"},
		{"of which half failed", breaker.Hystrix(), "0s-*10 0s+*11 0.5s= 1s-*2 1.5s=", "closed closed closed closed open"},
		{"in the 20 snapshots before", breaker.Hystrix(), "0s-*10 9.9s-*10 10s=", "closed closed open"},
		{"not in 21", breaker.Hystrix(), "0s-*10 10s-*10 10.5s=", "closed closed closed"},
		{"open since the snapshot", breaker.Hystrix(), "0.1s-*20 3s= 5.5sx 5.500000001s+", "closed open open closed"},
		{"one probe, counted anew", breaker.Hystrix(), "0s-*20 6s<a 6sx 7s+a 7.4s-*20 7.4s= 7.5s=", "closed half-open half-open closed closed closed open"},
		{"a probe that ends by nothing has failed", breaker.Hystrix(), "0s-*20 6s<a 7s?a", "closed half-open open"},
		{"idle for long", breaker.Hystrix(), "0s- 1000h- 1000h0.5s= 1001h-*20 1001h0.499s= 1001h0.5s=", "closed closed closed closed closed open"},

		{"gobreaker: more than five in a row", breaker.Gobreaker(), "0s-*5 100h-", "closed open"},
		{"strictly after its timeout", breaker.Gobreaker(), "0s-*6 60sx 60.000000001s+", "open open closed"},
		{"its interval", breaker.GobreakerWindow(10*time.Second, 0), "0s-*5 10s-", "closed open"},
		{"strictly after its interval", breaker.GobreakerWindow(10*time.Second, 0), "0s-*5 10.000000001s- 11s-*4 11s-", "closed closed closed open"},
		{"its buckets", breaker.GobreakerWindow(10*time.Second, time.Second), "0s-*5 9.9s-", "closed open"},
		{"which slide", breaker.GobreakerWindow(10*time.Second, time.Second), "0s-*5 10s- 11s-*4 11s-", "closed closed closed open"},

		{"which begin by a result that does not count, too", with(breaker.GobreakerWindow(10*time.Second, 0), func(c *breaker.Config) { c.Failures, c.Open = 3, 5*time.Second }),
			"0s<a 0s-*3 5.1s+ 16s+a 17s-*2 26.5s-", "closed open closed closed closed closed"},
		{"one bucket does not slide", breaker.GobreakerWindow(time.Second, 10*time.Second), "0s-*5 10s-", "closed open"},
		{"no interval", with(breaker.GobreakerWindow(0, 0), func(c *breaker.Config) { c.Failures, c.Count = 0, 2 }), "0s- 1s+ 100h-", "closed closed open"},

		{"polly: a tenth of 100", breaker.Polly(), "0s+*90 1s-*9 1s-", "closed closed open"},
		{"of calls of 30s since the first", breaker.Polly(), "0.7s+*90 30.699999999s-*10", "closed open"},
		{"not older", breaker.Polly(), "0.7s+*90 30.7s-*10", "closed closed"},
		{"a success opens nothing", breaker.Polly(), "0s-*99 0s+ 0s-", "closed closed open"},
		{"five seconds", breaker.Polly(), "0s-*100 4.999999999sx 5s+", "open open closed"},
		{"what it does not handle wedges it", breaker.Polly(), "0s-*100 5s<a 5s?a 1000hx", "open half-open half-open half-open"},

		{"failsafe-go: one failure, a minute, one success", breaker.FailsafeGo(), "0s- 59.9sx 60s+ 60s-", "open open closed open"},
		{"three of five", breaker.FailsafeGoRatio(3, 5), "0s- 0s+*3 0s- 0s-", "closed closed closed closed"},
		{"before there are five", breaker.FailsafeGoRatio(3, 5), "0s-*2 0s-", "closed open"},
		{"three of five close it", breaker.FailsafeGoRatio(3, 5), "0s-*3 60s-*2 60s+*2 60s+", "open half-open half-open closed"},
		{"a fifth of ten", breaker.FailsafeGoRate(0.2, 10, 10*time.Second), "0s+*8 0s- 0s-", "closed closed open"},

		{"linkerd: seven in a row", with(breaker.Linkerd(), func(c *breaker.Config) { c.OpenJitter = 0 }), "0s-*6 0s- 0.9sx 1s- 2.9sx 3s- 6.9sx 7s+", "closed open open open open open open closed"},
		{"at most a minute", with(breaker.Linkerd(), func(c *breaker.Config) { c.OpenJitter = 0 }), "0s-*7 1s- 3s- 7s- 15s- 31s- 63s- 122.9sx 123s- 182.9sx 183s+", "open open open open open open open open open open closed"},
		{"a success rate below 0.8", with(breaker.LinkerdRate(), func(c *breaker.Config) { c.OpenJitter = 0 }), "0s+*4 0s- 0s-", "closed closed open"},

		{"eapache: three without a pause of 5s", breaker.Eapache(3, 1, 5*time.Second), "0s- 4s+ 5s- 10s-", "closed closed closed open"},
		{"all through, one is enough", breaker.Eapache(3, 1, 5*time.Second), "0s-*3 5s<a 5s<b 5s<c 5s+b", "open half-open half-open half-open closed"},
	})
}

// The same outage under the defaults of several libraries: a call a second, all of which fail for five
// minutes.
func Example() {
	for _, c := range []struct {
		name string
		cfg  breaker.Config
	}{
		{"resilience4j", breaker.Resilience4j()}, {"hystrix", breaker.Hystrix()}, {"gobreaker", breaker.Gobreaker()},
		{"polly", breaker.Polly()}, {"failsafe-go", breaker.FailsafeGo()},
	} {
		b := breaker.New(c.cfg)
		for second := range 300 {
			now := sim.Time(time.Duration(second) * time.Second)
			if permit, err := b.Allow(now); err == nil {
				b.Done(now, permit, breaker.Failure)
			}
		}
		fmt.Printf("%-12s let %3d calls through\n", c.name, b.Counts().Allowed)
	}
	// Output:
	// resilience4j let 120 calls through
	// hystrix      let 300 calls through
	// gobreaker    let  10 calls through
	// polly        let 300 calls through
	// failsafe-go  let   5 calls through
}

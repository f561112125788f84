package oracle

import (
	"fmt"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/nines-sim/nines/patterns/breaker"
	"pgregory.net/rapid"
)

// A failsafeBreaker is the settings that both are made from.
type failsafeBreaker struct {
	Failures, Of   uint          // WithFailureThresholdRatio, if Rate and Period are 0
	Period         time.Duration // WithFailureThresholdPeriod of Failures, or the period of Rate
	Rate           float64       // WithFailureRateThreshold; without a Period it is of the last executions
	Enough         uint          // executions for that
	Delay          time.Duration
	Successes, Out uint // WithSuccessThresholdRatio; 0: not set
	Steps          []breakerStep
}

func (f failsafeBreaker) config() breaker.Config {
	var cfg breaker.Config
	switch {
	case f.Rate > 0:
		cfg = breaker.FailsafeGoRate(f.Rate, int(f.Enough), f.Period)
	case f.Period > 0:
		cfg = breaker.FailsafeGoRatio(int(f.Failures), int(f.Failures))
		cfg.Last, cfg.Window, cfg.Steps = 0, f.Period, 10
	default:
		cfg = breaker.FailsafeGoRatio(int(f.Failures), int(f.Of))
	}
	cfg.Open = f.Delay
	if f.Successes > 0 {
		cfg.Successes, cfg.Probes, cfg.Verdict = int(f.Successes), int(f.Out), breaker.Spare
	}
	return cfg
}

func (f failsafeBreaker) build() circuitbreaker.CircuitBreaker[any] {
	b := circuitbreaker.NewBuilder[any]().WithDelay(f.Delay)
	switch {
	case f.Rate > 0:
		b.WithFailureRateThreshold(f.Rate, f.Enough, f.Period)
	case f.Period > 0:
		b.WithFailureThresholdPeriod(f.Failures, f.Period)
	default:
		b.WithFailureThresholdRatio(f.Failures, f.Of)
	}
	if f.Successes > 0 {
		b.WithSuccessThresholdRatio(f.Successes, f.Out)
	}
	return b.Build()
}

func (f failsafeBreaker) play(all seen) error {
	b := f.build()
	state := func() breaker.State {
		switch {
		case b.IsClosed():
			return breaker.Closed
		case b.IsOpen() && b.RemainingDelay() > 0:
			return breaker.Open
		}
		return breaker.HalfOpen // entered by the next call
	}
	counted := false // the last thing that happened was counted: only then is their window up to date, see TestFailsafeShowsOldCounts
	text := func(failures, calls int) string {
		if !counted || b.IsOpen() {
			return ""
		}
		return fmt.Sprintf("%d of %d", failures, calls)
	}
	theirs := realBreaker{
		allow: func() (func(breaker.Outcome), bool) {
			counted = false
			return func(o breaker.Outcome) {
				counted = true
				if o == breaker.Failure {
					b.RecordFailure()
				} else {
					b.RecordSuccess()
				}
			}, b.TryAcquirePermit()
		},
		state: state,
		tally: func() string { return text(int(b.Metrics().Failures()), int(b.Metrics().Executions())) },
	}
	tally := func(t breaker.Tally) string { return text(t.Failures, t.Calls) }
	tenth := max(f.Period/10, 1)
	lengths := []time.Duration{0, 0, 1, f.Delay, f.Delay, f.Delay / 2, tenth, f.Period, f.Period - tenth, f.Period + tenth, 3 * tenth, tenth / 3}
	return playBreakers(f.config(), theirs, startClockOn(tenth), lengths, tally, f.Steps, all)
}

// failsafeBreakers draws settings of one kind: ratio, period, rate, or rate of the last executions.
func failsafeBreakers(kind string) *rapid.Generator[failsafeBreaker] {
	return rapid.Custom(func(t *rapid.T) failsafeBreaker {
		f := failsafeBreaker{Delay: time.Duration(1+evenly(t, 30, "Delay")) * time.Second}
		switch kind {
		case "ratio":
			f.Of = 1 + uint(evenly(t, 8, "Of"))
			f.Failures = 1 + uint(evenly(t, int(f.Of), "Failures"))
		case "period":
			f.Failures = 1 + uint(evenly(t, 4, "Failures"))
		default:
			f.Rate = float64(1+evenly(t, 1000, "Rate")) / 1000
			f.Enough = 1 + uint(evenly(t, 10, "Enough"))
		}
		if kind == "period" || kind == "rate" {
			f.Period = time.Duration(1+evenly(t, 40, "Period")) * time.Second * 10 / 7
		}
		if rapid.Bool().Draw(t, "success threshold") {
			f.Out = 1 + uint(evenly(t, 4, "Out"))
			f.Successes = 1 + uint(evenly(t, int(f.Out), "Successes"))
		}
		f.Steps = breakerSteps.Draw(t, "steps")
		return f
	})
}

var failsafeReach = []string{
	"closed → open", "open → half-open", "half-open → open", "half-open → closed",
	"rejected while open", "rejected while half-open", "let through while half-open",
	"stale failure while closed", "stale success while closed", "stale failure while open",
	"stale failure while half-open", "stale success while half-open",
}

func TestFailsafeBreakerRatio(t *testing.T) {
	compare(t, failsafeBreakers("ratio"), failsafeBreaker.play, failsafeReach...)
}

func TestFailsafeBreakerPeriod(t *testing.T) {
	compare(t, failsafeBreakers("period"), failsafeBreaker.play, failsafeReach...)
}

func TestFailsafeBreakerRate(t *testing.T) {
	compare(t, failsafeBreakers("rate"), failsafeBreaker.play, failsafeReach...)
}

func TestFailsafeBreakerRateOfLast(t *testing.T) {
	compare(t, failsafeBreakers("rate of last"), failsafeBreaker.play, failsafeReach...)
}

// What failsafe-go shows of a period that nothing was counted in is what was counted before it. So its counts
// are compared only right after one that counts.
func TestFailsafeShowsOldCounts(t *testing.T) {
	inBubble(t, func() error {
		b := failsafeBreaker{Failures: 2, Period: time.Second, Delay: time.Second}.build()
		b.RecordFailure()
		time.Sleep(time.Hour)
		if n := b.Metrics().Failures(); n != 1 {
			t.Errorf("%d failures after an hour: the reason not to look at them is gone", n)
		}
		return nil
	})
}

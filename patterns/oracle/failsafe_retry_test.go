package oracle

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"pgregory.net/rapid"
)

// A failsafeRetry is the settings that both are made from.
type failsafeRetry struct {
	Attempts    int           // -1: no limit
	Delay       time.Duration // 0: none
	Max         time.Duration // 0: the delay does not grow
	Factor      float64
	MaxDuration time.Duration // 0: no limit
	Script      []attempt
}

func (f failsafeRetry) config() retry.Config {
	cfg := retry.FailsafeGo()
	if cfg.Attempts = f.Attempts; f.Attempts == -1 {
		cfg.Attempts = retry.UnlimitedAttempts
	}
	cfg.Backoff = retry.Constant(f.Delay)
	if f.Max > 0 && f.Delay > 0 {
		cfg.Backoff = retry.Backoff{First: f.Delay, Max: f.Max, Factor: f.Factor, Grain: 1}
	}
	cfg.Elapsed, cfg.Clip = f.MaxDuration, true
	cfg.On &^= patterns.KindsOf(patterns.Conflict) // which stands for an error that is not handled
	return cfg
}

func (f failsafeRetry) policy() retrypolicy.Builder[any] {
	b := retrypolicy.NewBuilder[any]().WithMaxAttempts(f.Attempts).WithMaxDuration(f.MaxDuration).
		HandleIf(func(_ any, err error) bool { return err != nil && !errors.Is(err, final) })
	if f.Max > 0 && f.Delay > 0 {
		return b.WithBackoffFactor(f.Delay, f.Max, f.Factor)
	}
	return b.WithDelay(f.Delay)
}

func (f failsafeRetry) play(all seen) error {
	ours := ourAttempts(f.config(), f.Script, all)
	theirs := theirAttempts(f.Script, func(attempt func() error) error { return failsafe.With(f.policy().Build()).Run(attempt) })
	if ours != theirs {
		return fmt.Errorf("ours:\n%stheirs:\n%s", ours, theirs)
	}
	return nil
}

// script draws the attempts of one call, which succeed in the end.
func script(t *rapid.T, lengths ...time.Duration) []attempt {
	list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) attempt {
		return attempt{max(0, oneOf(t, "takes", lengths...)+oneOf[time.Duration](t, "off", 0, 1, -1, 0)), oneOf(t, "ending", failure, failure, failure, failure, failure, failure, failure, final), 0}
	}), 0, 12).Draw(t, "script")
	return append(list, attempt{lengths[0], success, 0})
}

func TestFailsafeRetry(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) failsafeRetry {
		f := failsafeRetry{
			Attempts: oneOf(t, "attempts", 3, 1, 2, 4, 5, 8, -1, -1),
			Delay:    oneOf(t, "delay", 0, time.Nanosecond, time.Duration(1+evenly(t, 1<<30, "delay")), time.Second),
			Factor:   1 + float64(evenly(t, 32, "factor"))/8,
		}
		if rapid.Bool().Draw(t, "grows") {
			f.Max = f.Delay + time.Duration(evenly(t, 1<<34, "max"))
		}
		if rapid.Bool().Draw(t, "limited") {
			f.MaxDuration = 1 + f.Delay*time.Duration(evenly(t, 8, "delays")) + time.Duration(evenly(t, 2, "second"))*time.Second
		}
		f.Script = script(t, 0, time.Second, f.Delay, time.Second/3, f.MaxDuration, f.MaxDuration-f.Delay, f.MaxDuration/2, f.MaxDuration-2*f.Delay)
		return f
	}), failsafeRetry.play, "retries", "given up", "too late")
}

// A failsafeJitter is a schedule with jitter, of which its own luck is not known.
type failsafeJitter struct {
	First, Max, Width time.Duration
	Factor, Share     float64 // jitter is a share if Width is 0
}

func (f failsafeJitter) play(all seen) error {
	b := retrypolicy.NewBuilder[any]().WithMaxAttempts(8).WithBackoffFactor(f.First, f.Max, f.Factor)
	ours := retry.Backoff{First: f.First, Max: f.Max, Factor: f.Factor, Grain: 1}
	if f.Width > 0 {
		b.WithJitter(f.Width)
		ours.Jitter, ours.Width = retry.Around, f.Width
	} else {
		b.WithJitterFactor(f.Share)
		ours.Jitter, ours.Spread = retry.Proportional, f.Share
	}
	var err error
	var low, high retry.Waits
	last, tries := time.Now(), 0
	failsafe.With(b.Build()).Run(func() error {
		if tries++; tries > 1 && err == nil {
			err = between(time.Since(last), ours.Next(&low, 0), ours.Next(&high, almostOne), all)
		}
		last = time.Now()
		return errFailed
	})
	return err
}

// almostOne is the most luck there is.
var almostOne = math.Nextafter(1, 0)

// between reports whether a wait is between the shortest and the longest of ours, and notes if it is near
// one of them.
func between(wait, low, high time.Duration, all seen) error {
	if wait < low-1 || wait > high+1 {
		return fmt.Errorf("ours waits %v to %v, theirs %v", low, high, wait)
	}
	switch width := high - low; {
	case width < 1000:
	case wait-low < width/20:
		all["waits near the shortest"]++
	case high-wait < width/20:
		all["waits near the longest"]++
	}
	return nil
}

func TestFailsafeRetryJitter(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) failsafeJitter {
		f := failsafeJitter{
			First: time.Duration(1 + evenly(t, 1<<30, "first")), Factor: 1 + float64(evenly(t, 32, "factor"))/8,
			Share: float64(1+evenly(t, 16, "share")) / 16,
		}
		f.Max = f.First + time.Duration(evenly(t, 1<<34, "max"))
		if rapid.Bool().Draw(t, "absolute") {
			f.Width = time.Duration(1 + evenly(t, 1<<30, "width"))
		}
		return f
	}), failsafeJitter.play, "waits near the shortest", "waits near the longest")
}

// A failsafeBudget is the settings that both are made from.
type failsafeBudget struct {
	MaxRate  float64
	Min      uint
	Attempts int
	Delay    time.Duration
	Steps    []callStep
}

func (f failsafeBudget) play(all seen) error {
	one := failsafeRetry{Attempts: f.Attempts, Delay: f.Delay}
	limit := budget.NewBuilder().WithMaxRate(f.MaxRate).WithMinConcurrency(f.Min).Build()
	policy := one.policy().WithBudget(limit).Build()
	cfg := one.config()
	cfg.PayLate = true
	ours := retry.NewConcurrency(retry.ConcurrencyConfig{Share: f.MaxRate, Min: int(f.Min), PerCall: true})
	theirs := realCalls{
		call:  func(attempt func() error) error { return failsafe.With(policy).Run(attempt) },
		error: func(e ending, _ time.Duration) error { return e.asError() },
		tally: func() string { return fmt.Sprint(limit.Rate()) },
	}
	tally := func() string {
		underWay, retries := ours.UnderWay()
		return fmt.Sprint(float64(retries) / math.Max(1, float64(underWay)))
	}
	return playCalls(cfg, ours, theirs, tally, f.Steps, all)
}

func TestFailsafeBudget(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) failsafeBudget {
		return failsafeBudget{
			float64(evenly(t, 21, "MaxRate")) / 20, uint(evenly(t, 4, "Min")), oneOf(t, "Attempts", 3, 2, 5, -1),
			time.Second/2 + time.Duration(evenly(t, 4, "Delay"))*time.Second, callSteps.Draw(t, "steps"),
		}
	}), failsafeBudget.play, "success", "failure", "final", "retries", "denied", "denied late")
}

package breaker

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns"
)

// The presets are what libraries do if nothing is configured. They set what counts as a failure to what
// that library counts: usually every error.

// Presets lists them under the names that files have for them. Those that leave a value to their users have one
// here that is usual, or an example's of the library.
func Presets() []patterns.Preset[Config] {
	return []patterns.Preset[Config]{
		{Name: "resilience4j", Version: "af9e7c97", Config: Resilience4j()},
		{Name: "resilience4j_timed", Version: "af9e7c97", Config: Resilience4jTimed()},
		{Name: "hystrix", Version: "7c03bafe", Config: Hystrix()},
		{Name: "gobreaker", Version: "v2.4.0", Config: Gobreaker()},
		{Name: "gobreaker_window", Version: "v2.4.0", Config: gobreakerRatio()},
		{Name: "polly", Version: "173d6d1d", Config: Polly()},
		{Name: "failsafe_go", Version: "v0.9.8", Config: FailsafeGo()},
		{Name: "failsafe_go_ratio", Version: "v0.9.8", Config: FailsafeGoRatio(5, 10)},
		{Name: "failsafe_go_rate", Version: "v0.9.8", Config: FailsafeGoRate(0.2, 10, time.Minute)},
		{Name: "linkerd", Version: "2026-08", Config: Linkerd()},
		{Name: "linkerd_rate", Version: "2026-08", Config: LinkerdRate()},
		{Name: "eapache", Version: "v1.7.0", Config: Eapache(3, 1, 5*time.Second)},
	}
}

var anyError = patterns.Transient | patterns.KindsOf(patterns.Rejected, patterns.Conflict)

// Resilience4j returns the defaults of resilience4j (CircuitBreakerConfig.java at af9e7c97, May 2026):
// slidingWindowType COUNT_BASED of slidingWindowSize 100, minimumNumberOfCalls 100,
// failureRateThreshold 50 %, slowCallRateThreshold 100 % of slowCallDurationThreshold 60s,
// waitDurationInOpenState 60s, permittedNumberOfCallsInHalfOpenState 10, all results in whatever state
// they find. Others of its settings: maxWaitDurationInHalfOpenState is Trial, and
// automaticTransitionFromOpenToHalfOpenEnabled is Auto; an exponential waitIntervalFunctionInOpenState
// is OpenFactor (1.5 by default) and OpenMax.
func Resilience4j() Config {
	return Config{
		On:   anyError,
		Rate: 0.5, SlowRate: 1, Slow: 60 * time.Second, MinCalls: 100, Last: 100,
		Open: 60 * time.Second, Strictly: true,
		Probes: 10, Verdict: ByRate, Stale: StaleCounted,
	}
}

// Resilience4jTimed returns [Resilience4j] with slidingWindowType TIME_BASED: a slidingWindowSize of 100
// is then 100 s, in steps of a second of the clock. With fewer than 100 calls in it, it never opens.
func Resilience4jTimed() Config {
	cfg := Resilience4j()
	cfg.Last, cfg.Window, cfg.Steps = 0, 100*time.Second, 100
	return cfg
}

// Hystrix returns the defaults of Hystrix (HystrixCommandProperties.java and HystrixCircuitBreaker.java
// at 7c03bafe, 2023): errorThresholdPercentage 50 of requestVolumeThreshold 20 in
// metrics.rollingStats.timeInMilliseconds 10000, looked at once in
// metrics.healthSnapshot.intervalInMilliseconds 500 over whole snapshots, sleepWindowInMilliseconds
// 5000, one probe. forceOpen and forceClosed are Forced.
func Hystrix() Config {
	return Config{
		On:   patterns.Transient | patterns.KindsOf(patterns.Rejected),
		Rate: 0.5, MinCalls: 20, Window: 10 * time.Second, Steps: 20, Align: Origin, Every: 500 * time.Millisecond,
		Open: 5 * time.Second, Strictly: true,
		Probes: 1, Unlearned: Failed, Stale: StaleCounted,
	}
}

// Gobreaker returns the defaults of github.com/sony/gobreaker/v2@v2.4.0: ReadyToTrip at more than 5
// ConsecutiveFailures, Interval 0 (nothing is forgotten), Timeout 60s, MaxRequests 1.
func Gobreaker() Config {
	return Config{
		On:       anyError,
		Failures: 6,
		Open:     60 * time.Second, Strictly: true,
		Probes: 1,
	}
}

// GobreakerWindow returns [Gobreaker] with an Interval after which the counts begin anew (0: they never do),
// or, if bucket is not 0, with a window of that length that slides by a BucketPeriod; one that is no longer
// than its bucket does not slide. A ReadyToTrip that looks at
// TotalFailures and Requests is Count, or Rate and MinCalls, with Failures 0 and OnFailure; MaxRequests
// are Probes and as many Successes.
func GobreakerWindow(interval, bucket time.Duration) Config {
	cfg := Gobreaker()
	cfg.RowInWindow, cfg.AtStart, cfg.OnFailure = true, true, true
	cfg.Window, cfg.Steps, cfg.Align = interval, 1, Whole
	switch {
	case interval == 0:
		cfg.Window = math.MaxInt64
	case bucket >= interval:
		cfg.Window = bucket
	case bucket > 0:
		cfg.Steps, cfg.Align = int((interval+bucket-1)/bucket), Origin
		cfg.Window = time.Duration(cfg.Steps) * bucket
	}
	return cfg
}

// gobreakerRatio returns the ReadyToTrip of gobreaker's README: at least 3 Requests of which 60 % failed, here with
// an Interval of 60s in which the counts slide by 10s.
func gobreakerRatio() Config {
	cfg := GobreakerWindow(60*time.Second, 10*time.Second)
	cfg.Failures, cfg.RowInWindow, cfg.Rate, cfg.MinCalls = 0, false, 0.6, 3
	return cfg
}

// Polly returns the defaults of Polly 8 (CircuitBreakerConstants.cs at 173d6d1d, August 2026):
// FailureRatio 0.1 of MinimumThroughput 100 in SamplingDuration 30s, BreakDuration 5s, one probe. An
// exception that is not handled leaves it half-open. A SamplingDuration below 200ms is Steps 1 and Align
// Whole.
func Polly() Config {
	return Config{
		On:   anyError,
		Rate: 0.1, MinCalls: 100, Window: 30 * time.Second, Steps: 10, Align: Age, OnFailure: true,
		Open:   5 * time.Second,
		Probes: 1, Unlearned: Kept, Stale: StaleCounted,
	}
}

// FailsafeGo returns the defaults of github.com/failsafe-go/failsafe-go@v0.9.8: it opens at one failure,
// WithDelay 1m, and closes after one success.
func FailsafeGo() Config { return FailsafeGoRatio(1, 1) }

// FailsafeGoRatio returns [FailsafeGo] WithFailureThresholdRatio: so many failures among the last
// calls. Half-open it lets as many calls through at once, and closes when enough of them succeeded.
// WithSuccessThresholdRatio is Successes of Probes.
func FailsafeGoRatio(failures, calls int) Config {
	return Config{
		On:    anyError,
		Count: failures, Last: calls, WholePercent: true,
		Open:   time.Minute,
		Probes: calls, Permits: AtOnce, Successes: calls - failures + 1, Verdict: Spare, Stale: StaleCounted,
	}
}

// FailsafeGoRate returns [FailsafeGo] WithFailureRateThreshold: a share of the calls of a period, if
// they are enough; without a period, of as many of the last calls. WithFailureThresholdPeriod is
// Count with a Window, in place of Last.
func FailsafeGoRate(rate float64, minCalls int, period time.Duration) Config {
	cfg := FailsafeGo()
	cfg.Count, cfg.Last, cfg.Successes = 0, 0, 0
	cfg.Rate, cfg.MinCalls, cfg.Window, cfg.Steps = rate, minCalls, period, 10
	cfg.Probes, cfg.Verdict = minCalls, ByRate
	if period == 0 {
		cfg.Last = minCalls
	}
	return cfg
}

// Linkerd returns Linkerd's failure accrual (linkerd2-proxy, app/outbound/src/http/breaker, August
// 2026): consecutive failures 7, then a penalty of 1s that doubles with each failed probe up to 60s,
// with a jitter ratio of 0.5. There it belongs to an endpoint: one breaker a replica.
func Linkerd() Config {
	return Config{
		On:       patterns.Transient,
		Failures: 7,
		Open:     time.Second, OpenFactor: 2, OpenMax: 60 * time.Second, OpenJitter: 0.5, Auto: true,
		Probes: 1,
	}
}

// LinkerdRate returns [Linkerd]'s other rule: a success rate below 0.8 over 10s, of at least 5 requests.
func LinkerdRate() Config {
	cfg := Linkerd()
	cfg.Failures, cfg.Rate, cfg.RateAbove, cfg.MinCalls, cfg.Window, cfg.Steps = 0, 0.2, true, 5, 10*time.Second, 10
	return cfg
}

// Eapache returns breaker.New(failures, successes, timeout) of github.com/eapache/go-resiliency@v1.7.0:
// it opens at so many failures without a pause of timeout between two of them, half-opens after timeout,
// lets everything through then, and closes after so many successes.
func Eapache(failures, successes int, timeout time.Duration) Config {
	return Config{
		On:       anyError,
		Failures: failures, Gap: timeout,
		Open: timeout, Auto: true,
		Probes: Unlimited, Successes: successes, Stale: StaleFailures,
	}
}

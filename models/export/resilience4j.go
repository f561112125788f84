package export

import (
	"strconv"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/patterns/retry"
)

// resilience4j writes application.yml of resilience4j-spring-boot3 (names as at af9e7c97, May 2026).
func resilience4j(e *edge) string {
	var o object
	instance := func(module string, settings object) {
		o = o.with(module, object{{"instances", object{{e.callee, settings}}}})
	}
	if e.has("retry") {
		instance("retry", e.resilience4jRetry())
	}
	if e.has("breaker") {
		instance("circuitbreaker", e.resilience4jBreaker())
	}
	if e.has("limit") {
		instance("ratelimiter", e.resilience4jLimit())
	}
	if e.has("timeout") {
		does := scenario.Timeout{Propagate: "none"}
		if e.Timeout.Attempt > 0 {
			does.Attempt = max(whole(e.Timeout.Attempt, time.Millisecond), time.Millisecond)
			instance("timelimiter", object{{"timeoutDuration", milliseconds(does.Attempt)}})
		}
		compare(e, "timeout", e.Timeout, &does)
	}
	if e.has("bulkhead") {
		e.resilience4jBulkhead(instance)
	}
	return comments("# ", []string{
		"resilience4j's order is Retry(CircuitBreaker(RateLimiter(TimeLimiter(Bulkhead(call))))).",
	}) + object{{"resilience4j", o}}.yaml()
}

func (e *edge) resilience4jBreaker() object {
	cfg := e.Breaker.Of("")
	does := breaker.Resilience4j()
	o := object{}
	if cfg.Failures > 0 && cfg.Rate == 0 && cfg.Count == 0 && cfg.SlowRate == 0 { // so many in a row are all of the last so many
		cfg = e.lastOf(cfg)
		cfg.MinCalls, cfg.Rate = cfg.Last, 1
	}
	if cfg.Last > 0 {
		does.Last = cfg.Last
		o = append(o, member{"slidingWindowType", "COUNT_BASED"}, member{"slidingWindowSize", cfg.Last})
	} else {
		n := max(int((cfg.Window+time.Second-1)/time.Second), 1)
		does.Last, does.Window, does.Steps = 0, time.Duration(n)*time.Second, n
		o = append(o, member{"slidingWindowType", "TIME_BASED"}, member{"slidingWindowSize", n})
	}
	does.MinCalls = max(cfg.MinCalls, 1)
	o = append(o, member{"minimumNumberOfCalls", does.MinCalls})
	if does.Rate = cfg.Rate; cfg.Rate == 0 {
		does.Rate = 1 // it cannot be switched off
	}
	o = append(o, member{"failureRateThreshold", percent(does.Rate)})
	if cfg.SlowRate > 0 {
		does.SlowRate, does.Slow = cfg.SlowRate, max(whole(cfg.Slow, time.Millisecond), time.Millisecond)
		o = append(o, member{"slowCallRateThreshold", percent(cfg.SlowRate)}, member{"slowCallDurationThreshold", milliseconds(does.Slow)})
	}
	does.Open = whole(cfg.Open, time.Millisecond)
	o = append(o, member{"waitDurationInOpenState", milliseconds(does.Open)})
	if cfg.OpenFactor > 1 {
		does.OpenFactor, does.OpenMax = cfg.OpenFactor, whole(cfg.OpenMax, time.Millisecond)
		o = append(o, member{"enableExponentialBackoff", true}, member{"exponentialBackoffMultiplier", cfg.OpenFactor})
		if does.OpenMax > 0 {
			o = append(o, member{"exponentialMaxWaitDurationInOpenState", milliseconds(does.OpenMax)})
		}
	}
	does.Probes = cfg.Probes
	o = append(o, member{"permittedNumberOfCallsInHalfOpenState", cfg.Probes})
	if does.Trial = whole(cfg.Trial, time.Millisecond); does.Trial > 0 {
		does.TrialCloses = cfg.TrialCloses
		o = append(o, member{"maxWaitDurationInHalfOpenState", milliseconds(does.Trial)})
		if cfg.TrialCloses {
			o = append(o, member{"transitionToStateAfterWaitDuration", "CLOSED"})
		}
	}
	if does.Auto = cfg.Auto; cfg.Auto {
		o = append(o, member{"automaticTransitionFromOpenToHalfOpenEnabled", true})
	}
	is := scenario.As[scenario.Breaker](cfg)
	is.Per = e.Breaker.Per
	compare(e, "breaker", is, scenario.As[scenario.Breaker](does))
	return o
}

func (e *edge) resilience4jRetry() object {
	cfg := e.Retry.Of()
	does := retry.Resilience4j()
	b := cfg.Backoff
	does.Attempts = cfg.Attempts
	does.Backoff = retry.Backoff{First: max(whole(b.First, time.Millisecond), time.Millisecond), Factor: 1, Grain: does.Backoff.Grain}
	o := object{{"maxAttempts", cfg.Attempts}, {"waitDuration", milliseconds(does.Backoff.First)}}
	if b.Growth == retry.Exponential && b.Factor > 1 {
		does.Backoff.Factor, does.Backoff.Max, does.Backoff.CapLast = b.Factor, whole(b.Max, time.Millisecond), true
		o = append(o, member{"enableExponentialBackoff", true}, member{"exponentialBackoffMultiplier", b.Factor})
		if b.Max > 0 {
			o = append(o, member{"exponentialMaxWaitDuration", milliseconds(does.Backoff.Max)})
		}
	} else if neverCapped(b) {
		does.Backoff.Max = b.Max
	}
	// A random wait is at most the wait and a share of it more or less: full jitter comes nearest with a half.
	switch {
	case b.Jitter == retry.Proportional:
		does.Backoff.Jitter, does.Backoff.Spread = retry.Proportional, b.Spread
	case b.Jitter != retry.None:
		does.Backoff.Jitter, does.Backoff.Spread = retry.Proportional, 0.5
	}
	if does.Backoff.Jitter != retry.None {
		o = append(o, member{"enableRandomizedWait", true}, member{"randomizedWaitFactor", does.Backoff.Spread})
	}
	compare(e, "retry", e.Retry, scenario.As[scenario.Retry](does))
	return o
}

// neverCapped reports whether the longest wait makes no difference: waits do not grow, and are no longer than that.
func neverCapped(b retry.Backoff) bool {
	grows := b.Growth != retry.Exponential || b.Factor > 1
	return !grows && b.Jitter == retry.None && b.Max >= b.First
}

func (e *edge) resilience4jLimit() object {
	cfg := e.Limit.Of(false)
	does := ratelimit.Resilience4j()
	does.Limit, does.Period, does.Burst, does.Wait = cfg.Limit, cfg.Period, cfg.Limit, whole(max(cfg.Wait, 0), time.Millisecond)
	does.SlowReject = does.Wait > 0
	compare(e, "limit", e.Limit, scenario.As[scenario.Limit](does))
	return object{
		{"limitForPeriod", cfg.Limit}, {"limitRefreshPeriod", nanoseconds(cfg.Period)}, {"timeoutDuration", milliseconds(does.Wait)},
	}
}

func (e *edge) resilience4jBulkhead(instance func(module string, settings object)) {
	switch cfg := e.Bulkhead.Of("").(type) {
	case bulkhead.Config:
		does := bulkhead.Resilience4j()
		does.Concurrent, does.Wait = cfg.Concurrent, whole(cfg.Wait, time.Millisecond)
		does.Waiting = 0
		if does.Wait > 0 {
			does.Waiting = scenario.Unlimited
		}
		instance("bulkhead", object{{"maxConcurrentCalls", cfg.Concurrent}, {"maxWaitDuration", milliseconds(does.Wait)}})
		compare(e, "bulkhead", e.Bulkhead, scenario.As[scenario.Bulkhead](patterns.Config(does)))
	case bulkhead.PoolConfig:
		does := cfg
		does.KeepAlive = whole(cfg.KeepAlive, time.Millisecond)
		instance("thread-pool-bulkhead", object{
			{"coreThreadPoolSize", cfg.Core}, {"maxThreadPoolSize", cfg.Max}, {"queueCapacity", cfg.Queue}, {"keepAliveDuration", milliseconds(does.KeepAlive)},
		})
		compare(e, "bulkhead", e.Bulkhead, scenario.As[scenario.Bulkhead](patterns.Config(does)))
	default:
		e.remarks = append(e.remarks, Remark{Path: e.path("bulkhead") + ".kind", Is: e.Bulkhead.Kind})
	}
}

// nanoseconds writes a length of time that may be very short.
func nanoseconds(d time.Duration) string {
	if d%time.Millisecond == 0 {
		return milliseconds(d)
	}
	return strconv.FormatInt(int64(d), 10) + "ns"
}

// percent is a share as a number of percents.
func percent(share float64) float64 { return float64(share * 100) }

// whole rounds to what a target can be told.
func whole(d, unit time.Duration) time.Duration { return d.Round(unit) }

// milliseconds writes a length of time as Spring Boot reads it.
func milliseconds(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(whole(d, time.Millisecond).Milliseconds(), 10) + "ms"
}

package ratelimit

import (
	"time"

	"github.com/nines-sim/nines/patterns"
)

// The functions in this file return the configurations of libraries that are in use. Where a library
// has a default it is that; a rate that it leaves to its user is the one of [DefaultConfig].

// Presets lists them under the names that files have for them.
func Presets() []patterns.Preset[Config] {
	return []patterns.Preset[Config]{
		{Name: "xtime", Version: "v0.16.0", Config: XTime()},
		{Name: "resilience4j", Version: "af9e7c97", Config: Resilience4j()},
		{Name: "uber", Version: "v0.3.1", Config: Uber()},
		{Name: "juju", Version: "v1.0.2", Config: Juju()},
		{Name: "throttled", Version: "v2.15.0", Config: Throttled()},
		{Name: "failsafe_go_smooth", Version: "v0.9.8", Config: FailsafeSmooth()},
		{Name: "failsafe_go_bursty", Version: "v0.9.8", Config: FailsafeBursty()},
		{Name: "guava", Version: "07212fe1", Config: GuavaBursty()},
		{Name: "guava_warming_up", Version: "07212fe1", Config: GuavaWarmingUp()},
		{Name: "envoy_local", Version: "2024-07", Config: EnvoyLocal()},
		{Name: "envoy_local_timer", Version: "2024-06", Config: EnvoyLocalTimer()},
		{Name: "cloudflare", Version: "2017", Config: Cloudflare()},
	}
}

// XTime returns golang.org/x/time@v0.16.0/rate as its Wait uses it: a full token bucket, in which calls
// wait as long as their deadline allows. With a Wait of 0 it is Allow. It has no default rate.
func XTime() Config {
	cfg := DefaultConfig()
	cfg.Wait, cfg.ByDeadline, cfg.RetryAfter = -1, true, false
	return cfg
}

// Resilience4j returns the RateLimiter of resilience4j@af9e7c97 (RateLimiterConfig.java): limitForPeriod
// 50, limitRefreshPeriod 500 ns, timeoutDuration 5 s. The period is no slip of the pen: by default it
// lets through 10¹¹ calls a second. Who cannot have a permit within the timeout waits for all of it.
func Resilience4j() Config {
	return Config{
		Algorithm: Refill, Limit: 50, Period: 500 * time.Nanosecond, Burst: 50,
		Wait: 5 * time.Second, SlowReject: true,
	}
}

// Uber returns go.uber.org/ratelimit@v0.3.1: calls wait until it is their turn, however long, and 10
// that were not made may be made up for. It has no default rate.
func Uber() Config {
	cfg := DefaultConfig()
	cfg.Algorithm, cfg.Burst, cfg.Slack = LeakyBucket, 0, 10
	cfg.Wait, cfg.RetryAfter = -1, false
	return cfg
}

// Juju returns github.com/juju/ratelimit@v1.0.2 as its Wait uses it: Limit is a quantum in a
// fillInterval, Burst the capacity. It has no default rate.
func Juju() Config {
	cfg := DefaultConfig()
	cfg.Algorithm, cfg.Limit, cfg.Period = Refill, 1, 10*time.Millisecond
	cfg.Wait, cfg.RetryAfter = -1, false
	return cfg
}

// Throttled returns github.com/throttled/throttled/v2@v2.15.0: GCRA before a server, which tells clients
// when to come back. Burst is its MaxBurst and 1 more. It has no default rate.
func Throttled() Config {
	cfg := DefaultConfig()
	cfg.Algorithm, cfg.Server = GCRA, true
	return cfg
}

// FailsafeSmooth returns the smooth limiter of github.com/failsafe-go/failsafe-go@v0.9.8, whose
// maxWaitTime is 0. It has no default rate.
func FailsafeSmooth() Config {
	cfg := DefaultConfig()
	cfg.Algorithm, cfg.Burst, cfg.RetryAfter = Smooth, 0, false
	return cfg
}

// FailsafeBursty returns the bursty limiter of github.com/failsafe-go/failsafe-go@v0.9.8, whose
// maxWaitTime is 0. Burst is the same as Limit. A bug of that version is left out: there, an idle time
// that began with booked permits saves permits without end. It has no default rate.
func FailsafeBursty() Config {
	cfg := DefaultConfig()
	cfg.Algorithm, cfg.RetryAfter = Refill, false
	return cfg
}

// GuavaBursty returns Guava's RateLimiter.create(permitsPerSecond) as its acquire uses it
// (SmoothRateLimiter.java@07212fe1): at most the permits of one second are saved, so Burst is the Limit
// of a second. It has no default rate.
func GuavaBursty() Config {
	cfg := DefaultConfig()
	cfg.Algorithm = Warming
	cfg.Wait, cfg.RetryAfter = -1, false
	return cfg
}

// GuavaWarmingUp returns Guava's RateLimiter.create(permitsPerSecond, warmupPeriod): its coldFactor is 3.
// It has no default rate or warmupPeriod; this one is 10 s.
func GuavaWarmingUp() Config {
	cfg := GuavaBursty()
	cfg.Burst, cfg.WarmUp, cfg.Cold = 0, 10*time.Second, 3
	return cfg
}

// EnvoyLocal returns Envoy's local_ratelimit filter, which answers 429 before the service: Limit is
// tokens_per_fill (whose default is 1) in a fill_interval (50 ms or more), Burst max_tokens. The
// numbers are the example's in its documentation. Since pull request 35207 of July 2024 tokens come
// continuously.
func EnvoyLocal() Config {
	return Config{Algorithm: TokenBucket, Limit: 1000, Period: time.Second, Burst: 10_000, Server: true}
}

// EnvoyLocalTimer returns the same of Envoy before that: a timer brings tokens_per_fill at once.
func EnvoyLocalTimer() Config {
	cfg := EnvoyLocal()
	cfg.Algorithm = Refill
	return cfg
}

// Cloudflare returns the sliding counter of Cloudflare's "How we built rate limiting capable of scaling
// to millions of domains" (2017), with the limit of its example: 50 a minute.
func Cloudflare() Config {
	return Config{Algorithm: SlidingCounter, Limit: 50, Period: time.Minute, RetryAfter: true, Server: true}
}

package bulkhead

import (
	"time"

	"github.com/nines-sim/nines/patterns"
)

// The presets are what libraries do if nothing is configured.

// Presets lists them under the names that files have for them. Each is a [Config], a [PoolConfig] or a
// [ThresholdsConfig]. That of a pool is for a machine of 4 cpus.
func Presets() []patterns.Preset[patterns.Config] {
	return []patterns.Preset[patterns.Config]{
		{Name: "resilience4j", Version: "af9e7c97", Config: Resilience4j()},
		{Name: "resilience4j_pool", Version: "af9e7c97", Config: Resilience4jPool(4)},
		{Name: "hystrix", Version: "7c03bafe", Config: Hystrix()},
		{Name: "polly", Version: "173d6d1d", Config: Polly()},
		{Name: "failsafe_go", Version: "v0.9.8", Config: FailsafeGo(10)},
		{Name: "envoy", Version: "84e84367", Config: Envoy()},
		{Name: "envoy_http2", Version: "84e84367", Config: EnvoyHTTP2()},
	}
}

// Resilience4j returns maxConcurrentCalls 25 and maxWaitDuration 0 (BulkheadConfig.java at af9e7c97, May
// 2026). With a maxWaitDuration, Waiting is [Unlimited] and Wait is that; fairCallHandlingStrategyEnabled
// is order fifo.
func Resilience4j() Config { return Config{Concurrent: 25} }

// Resilience4jPool returns ThreadPoolBulkhead's defaults on a machine of so many cpus
// (ThreadPoolBulkheadConfig.java at af9e7c97): a core of one less, a maximum of as many, queueCapacity
// 100, keepAliveDuration 20ms.
func Resilience4jPool(cpus int) PoolConfig {
	return PoolConfig{Core: max(1, cpus-1), Max: max(1, cpus), Queue: 100, KeepAlive: 20 * time.Millisecond}
}

// Hystrix returns the defaults of a command of Hystrix (HystrixThreadPoolProperties.java at 7c03bafe,
// 2023): coreSize 10, and maxQueueSize -1, which is none. With a maxQueueSize, Waiting is the smaller of
// that and queueSizeRejectionThreshold, which is 5. Semaphore isolation has the same 10
// (maxConcurrentRequests).
func Hystrix() Config { return Config{Concurrent: 10} }

// Polly returns the defaults of Polly 8's concurrency limiter (RateLimiterConstants.cs at 173d6d1d, August
// 2026): PermitLimit 1000, QueueLimit 0.
func Polly() Config { return Config{Concurrent: 1000} }

// FailsafeGo returns bulkhead.New(concurrent) of github.com/failsafe-go/failsafe-go@v0.9.8: it waits for
// no room. WithMaxWaitTime is Wait, with [Unlimited] Waiting.
func FailsafeGo(concurrent int) Config { return Config{Concurrent: concurrent} }

// Envoy returns the default thresholds of an Envoy cluster (circuit_breaker.proto at 84e84367, 2026):
// max_connections 1024, max_pending_requests 1024, max_requests 1024, max_retries 3, over HTTP/1.1.
func Envoy() ThresholdsConfig {
	return ThresholdsConfig{Connections: 1024, Streams: 1, Pending: 1024, Requests: 1024, Retries: 3}
}

// EnvoyHTTP2 returns [Envoy] over HTTP/2, of which one connection carries as many requests as there may be.
func EnvoyHTTP2() ThresholdsConfig {
	cfg := Envoy()
	cfg.Streams = cfg.Requests
	return cfg
}

package timeout

import (
	"time"

	"github.com/nines-sim/nines/patterns"
)

// The presets are what libraries do if nothing is configured.

// Presets lists them under the names that files have for them. A gRPC deadline of 1s is our choice; Polly's
// default of 30s is looked at all the time.
func Presets() []patterns.Preset[Config] {
	return []patterns.Preset[Config]{
		{Name: "hystrix", Version: "7c03bafe", Config: Hystrix()},
		{Name: "resilience4j", Version: "af9e7c97", Config: Resilience4j()},
		{Name: "envoy", Version: "84e84367", Config: Envoy()},
		{Name: "grpc", Version: "1fd061a", Config: GRPC(time.Second)},
		{Name: "polly", Version: "173d6d1d", Config: Polly(30*time.Second, 0)},
	}
}

// Hystrix returns execution.isolation.thread.timeoutInMilliseconds 1000 (HystrixCommandProperties.java at
// 7c03bafe, 2023): the caller walks away, and nobody is told of a deadline.
func Hystrix() Config { return walkAway(time.Second) }

// Resilience4j returns timeoutDuration 1s of the TimeLimiter (TimeLimiterConfig.java at af9e7c97, May
// 2026), which on a CompletionStage walks away.
func Resilience4j() Config { return walkAway(time.Second) }

// Envoy returns a route's timeout of 15s (route_components.proto at 84e84367, 2026): retries and the waits
// between them share it. Its per_try_timeout is one of each attempt. It resets the request that it gives up, so the
// server hears of it, if the transport tells (cancel in a scenario).
func Envoy() Config {
	cfg := walkAway(15 * time.Second)
	cfg.Layer = "total"
	return cfg
}

// EnvoyPerTry returns a per_try_timeout of Envoy, which has none by default: then a request that times
// out is not tried again.
func EnvoyPerTry(after time.Duration) Config { return walkAway(after) }

// GRPC returns a gRPC deadline, which has no default: one for all attempts, which the server learns as the
// time that is left. A call that is given up is cancelled at the server too, if the transport tells (cancel in a scenario).
func GRPC(after time.Duration) Config { return Total(after) }

// Polly returns a timeout of Polly 8 around a callback that looks at its cancellation token so often. An
// answer that comes first counts, however late.
func Polly(after, checkpoint time.Duration) Config {
	cfg := walkAway(after)
	cfg.Checkpoint = checkpoint
	return cfg
}

func walkAway(after time.Duration) Config { return Config{Layer: "timeout", After: after} }

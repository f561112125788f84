package hedge

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
)

// The presets are what libraries do if nothing else is configured, or with the few values that they leave
// to their users.

// Presets lists them under the names that files have for them. Those that leave a value to their users have one
// here that is usual, and our choice: 100ms for failsafe-go, a twentieth of extra load for Finagle, 1s and one retry
// for Envoy, twice the average for resilience4j, the 95th percentile of 30s and 20 calls for tower.
func Presets() []patterns.Preset[Config] {
	return []patterns.Preset[Config]{
		{Name: "grpc", Version: "1fd061a", Config: GRPC()},
		{Name: "failsafe_go", Version: "v0.9.8", Config: FailsafeGo(100 * time.Millisecond)},
		{Name: "polly", Version: "173d6d1d", Config: Polly()},
		{Name: "finagle", Version: "4feb34cb", Config: Finagle(0.05)},
		{Name: "envoy", Version: "84e84367", Config: Envoy(time.Second, 1)},
		{Name: "resilience4j", Version: "af9e7c97", Config: Resilience4j(200)},
		{Name: "tower", Version: "8358ee71", Config: Tower(0.95, 20, 30*time.Second)},
	}
}

var anyError = patterns.Transient | patterns.KindsOf(patterns.Rejected, patterns.Conflict)

// GRPC returns gRPC's hedgingPolicy (proposal A6, at 1fd061a; grpc-java has it, grpc-go has not) with the
// numbers of its example: maxAttempts 4, hedgingDelay 0.5s, nonFatalStatusCodes UNAVAILABLE, INTERNAL and
// ABORTED; a client makes no more than 5. Push-back is obeyed, and retryThrottling holds for
// hedges too: maxTokens 10, tokenRatio 0.1.
func GRPC() Config {
	return Config{
		Attempts: 4, Mode: Fixed, Delay: 500 * time.Millisecond,
		On:        patterns.KindsOf(patterns.Unavailable, patterns.Refused, patterns.Reset, patterns.Overloaded, patterns.Failed, patterns.Conflict),
		OnFailure: Hurry, Pushback: true,
		Budget: retry.ThrottleConfig{MaxTokens: 10, TokenRatio: 0.1},
	}
}

// FailsafeGo returns the defaults of github.com/failsafe-go/failsafe-go@v0.9.8: one hedge after the given
// delay, and the first result of any kind. WithMaxHedges is Attempts less one. With CancelIf or CancelOn
// what does not match is On, and OnFailure is InTurn. WithBudget limits the hedges under way to a fifth
// of the calls, or 3 (a budget of the kind concurrency with of_calls). A caller that gives up while no copy is under way is kept there until the next
// one would be sent, but goes at once here.
func FailsafeGo(delay time.Duration) Config {
	return Config{Attempts: 2, Mode: Fixed, Delay: delay, SameReplica: true}
}

// Polly returns the defaults of Polly 8 (HedgingConstants.cs at 173d6d1d, August 2026): MaxHedgedAttempts
// 1, Delay 2s, which is its latency mode. Its parallel mode is a Delay of 0, its fallback mode (a negative
// Delay) the mode [Fallback], its dynamic mode (a DelayGenerator) the mode [Dynamic].
func Polly() Config {
	return Config{Attempts: 2, Mode: Fixed, Delay: 2 * time.Second, On: anyError, OnFailure: Hurry, KeepFirst: true, SameReplica: true}
}

// Finagle returns Finagle's BackupRequestFilter (BackupRequestFilter.scala and
// WindowedPercentileHistogram.scala at 4feb34cb, 2024) with the given maxExtraLoad, more than 0 and less
// than 1: a backup at the percentile that leaves so much, of the last 3 full tens of seconds, looked at
// every 3s, no earlier than minSendBackupAfterMs 1 and none from 2s on; a budget of maxExtraLoad and 10 a
// second over 10s. Finagle rounds latencies to milliseconds, and
// charges the client's budget of retries too, which this does not. Until the first ten seconds are full, its
// percentile is 0, and it sends backups after 1ms as far as the budget goes.
func Finagle(maxExtraLoad float64) Config {
	return Config{
		Attempts: 2, Mode: Quantile,
		Learn: Learning{
			From: Outrun, Quantile: 1 - maxExtraLoad,
			Step: 10 * time.Second, Steps: 3, Settled: true,
			Refresh: 3 * time.Second, Min: time.Millisecond, Max: 2 * time.Second,
		},
		On: anyError, OnFailure: Wait, SameReplica: true,
		Budget: retry.RatioConfig{Ratio: maxExtraLoad, PerSecond: 10, Window: 10 * time.Second, As: retry.AsFinagle},
	}
}

// Envoy returns Envoy's hedge_on_per_try_timeout (HedgePolicy of route_components.proto at 84e84367, 2026)
// with a per_try_timeout and num_retries: a try that takes longer goes on beside the next one, and a
// failure is retried as long as there are retries left. The back-off before such a retry, 25ms or less at
// first, is left out.
func Envoy(perTryTimeout time.Duration, retries int) Config {
	return Config{Attempts: retries + 1, Mode: Fixed, Delay: perTryTimeout, On: patterns.Transient, OnFailure: Hurry, SameReplica: true}
}

// Resilience4j returns resilience4j's hedge (HedgeImpl.java and AverageDurationSupplier.java at af9e7c97,
// May 2026) with averagePlusPercentageDuration of so many percent: one hedge at that share of the average
// of the last windowSize 100 first copies, and the first result of any kind. averagePlusAmountDuration is
// a Factor of 1 and Plus; preconfiguredDuration is Fixed.
func Resilience4j(percent int) Config {
	return Config{
		Attempts: 2, Mode: Average,
		Learn:       Learning{From: Firsts, Last: 100, Factor: float64(percent) / 100, Min: time.Millisecond},
		SameReplica: true,
	}
}

// Tower returns tower's hedge (tower/src/hedge/mod.rs at 8358ee71, 2026), which has no defaults: one hedge
// at a percentile of the period before, once that has had enough data points; the first result of any
// kind.
func Tower(percentile float64, minDataPoints int, period time.Duration) Config {
	return Config{
		Attempts: 2, Mode: Quantile,
		Learn:       Learning{From: Results, Quantile: percentile, Step: period, Steps: 1, Settled: true, MinCalls: minDataPoints},
		SameReplica: true,
	}
}

package retry

import (
	"time"

	"github.com/nines-sim/nines/patterns"
)

// The presets are what libraries do if nothing is configured. None of them looks at the deadline
// before it waits. Where a library leaves open what is worth another try, it is every transient failure.

// Presets lists them under the names that files have for them.
func Presets() []patterns.Preset[Config] {
	return []patterns.Preset[Config]{
		{Name: "grpc", Version: "1fd061a", Config: GRPC()},
		{Name: "aws_standard", Version: "v1.47.7", Config: AWSStandard()},
		{Name: "aws_botocore", Version: "2026-08", Config: AWSBotocore()},
		{Name: "aws_standard_2026", Version: "v1.48.0", Config: AWSStandard2026()},
		{Name: "aws_adaptive", Version: "2026-08", Config: AWSAdaptive()},
		{Name: "envoy", Version: "84e84367", Config: Envoy()},
		{Name: "envoy_budget", Version: "84e84367", Config: EnvoyBudget()},
		{Name: "finagle", Version: "4feb34cb", Config: Finagle()},
		{Name: "linkerd", Version: "2026-08", Config: Linkerd()},
		{Name: "polly", Version: "173d6d1d", Config: Polly()},
		{Name: "polly_jittered", Version: "173d6d1d", Config: PollyJittered()},
		{Name: "resilience4j", Version: "af9e7c97", Config: Resilience4j()},
		{Name: "resilience4j_exponential", Version: "af9e7c97", Config: Resilience4jExponential()},
		{Name: "failsafe_go", Version: "v0.9.8", Config: FailsafeGo()},
		{Name: "cenkalti", Version: "v5.0.3", Config: Cenkalti()},
		{Name: "temporal", Version: "83fc2bc6", Config: Temporal()},
	}
}

// anyError is what libraries retry that know nothing of kinds of failure: also what a policy of the
// caller's own has turned away.
var anyError = patterns.Transient | patterns.KindsOf(patterns.Rejected, patterns.Conflict)

// GRPC returns gRPC's retryPolicy and retryThrottling with the numbers of the example in proposal A6 (at
// 1fd061a, 2026), since gRPC has no defaults: maxAttempts 4, initialBackoff 0.1s, maxBackoff 1s,
// backoffMultiplier 2, jitter of a fifth after the cap; maxTokens 10, tokenRatio 0.1. A client never makes
// more than 5 attempts. What is worth another try is what a server answers with UNAVAILABLE.
func GRPC() Config {
	return Config{
		Attempts: 4,
		On:       patterns.KindsOf(patterns.Refused, patterns.Reset, patterns.Overloaded, patterns.Unavailable),
		Backoff:  Backoff{First: 100 * time.Millisecond, Max: time.Second, Factor: 2, Jitter: Proportional, Spread: 0.2},
		Pushback: Instead, SameReplica: true, PastDeadline: true,
		Budget: ThrottleConfig{MaxTokens: 10, TokenRatio: 0.1},
	}
}

// AWSStandard returns the standard mode of aws-sdk-go-v2@v1.47.7 (aws/retry) until 2026: 3 attempts, full
// jitter of 2s, 4s, 8s, 16s, and then 20s without jitter; 500 tokens, of which a retry takes 5 and one
// after a timeout 10; a success brings 1, after a retry too.
func AWSStandard() Config {
	quota := DefaultQuotaConfig()
	quota.CreditRetried = true
	return Config{
		Attempts: 3, On: patterns.Transient,
		Backoff:  Backoff{First: 2 * time.Second, Max: 20 * time.Second, Factor: 2, Jitter: Full, FlatCap: true},
		Pushback: Ignored, SameReplica: true, PastDeadline: true,
		Budget: quota,
	}
}

// AWSBotocore returns the standard mode of botocore (retries/standard.py, August 2026) until 2026: as
// [AWSStandard], but from 1s on, with jitter at the cap, and a token only for a call that succeeds at
// once.
func AWSBotocore() Config {
	cfg := AWSStandard()
	cfg.Backoff = Backoff{First: time.Second, Max: 20 * time.Second, Factor: 2, Jitter: Full}
	cfg.Budget = DefaultQuotaConfig()
	return cfg
}

// AWSStandard2026 returns the AWS SDKs' standard mode under AWS_NEW_RETRIES_2026, which is the only one
// from aws-sdk-go-v2@v1.48.0 on (read in v1.47.7, and botocore of August 2026): full jitter of 50ms that
// double up to 20s, of 1s if the server throttles; x-amz-retry-after counts if it is longer than that, up to
// 5s above it; a retry takes 14 tokens, or 5 if the server throttles. For DynamoDB it is 4 attempts from
// 25ms on.
func AWSStandard2026() Config {
	return Config{
		Attempts: 3, On: patterns.Transient,
		Backoff:   Backoff{First: 50 * time.Millisecond, Max: 20 * time.Second, Factor: 2, Jitter: Full},
		Throttled: time.Second,
		Pushback:  Between, PushbackSlack: 5 * time.Second, SameReplica: true, PastDeadline: true,
		Budget: QuotaConfig{Tokens: 500, Cost: 14, TimeoutCost: 14, ThrottleCost: 5, Credit: 1},
	}
}

// AWSAdaptive returns botocore's adaptive mode: [AWSBotocore] with a limit on the rate of attempts once a
// server has throttled. That of aws-sdk-go-v2@v1.47.7 is [AWSStandard] with this budget, but a success
// brings no token: its Credit is 0.
func AWSAdaptive() Config {
	cfg := AWSBotocore()
	cfg.Budget = DefaultAdaptiveConfig()
	return cfg
}

// Envoy returns Envoy's defaults where retry_on is set (route_components.proto and circuit_breaker.proto
// at 84e84367, 2026): num_retries 1, full jitter of 25ms that double up to ten times that, and at most
// max_retries 3 at once in the cluster. A retry_host_predicate previous_hosts is SameReplica false.
func Envoy() Config {
	return Config{
		Attempts: 2, On: patterns.Transient,
		Backoff:  Backoff{First: 25 * time.Millisecond, Max: 250 * time.Millisecond, Factor: 2, Jitter: Full},
		Pushback: Ignored, SameReplica: true, PastDeadline: true,
		Budget: ConcurrencyConfig{Min: 3},
	}
}

// EnvoyBudget returns [Envoy] with a retry_budget: budget_percent 20, min_retry_concurrency 3.
func EnvoyBudget() Config {
	cfg := Envoy()
	cfg.Budget = ConcurrencyConfig{Share: 0.2, Min: 3}
	return cfg
}

// Finagle returns Finagle's requeues (Retries.scala and RetryBudget.scala at 4feb34cb, 2024): what was
// certainly not done, or refused by the server, again at once, as long as the budget lasts: 20 % of the
// calls and 10 a second, over 10s, but to one call no more than a fifth of what is left.
func Finagle() Config {
	return Config{
		Attempts: UnlimitedAttempts,
		On:       patterns.KindsOf(patterns.Refused, patterns.Overloaded, patterns.Unavailable),
		Backoff:  Constant(0),
		Pushback: Ignored, SameReplica: true, PastDeadline: true,
		Budget: RatioConfig{Ratio: 0.2, PerSecond: 10, Window: 10 * time.Second, PerCall: 0.2, As: AsFinagle},
	}
}

// Linkerd returns Linkerd's retries of a service profile (linkerd2-proxy with tower@8358ee71, 2026): at
// once, as long as the budget lasts: retryRatio 0.2, minRetriesPerSecond 10, ttl 10s, of which
// successes and failures that are final bring their share.
func Linkerd() Config {
	return Config{
		Attempts: UnlimitedAttempts, On: patterns.Transient,
		Backoff:  Constant(0),
		Pushback: Ignored, SameReplica: true, PastDeadline: true,
		Budget: RatioConfig{Ratio: 0.2, PerSecond: 10, Window: 10 * time.Second, Deposit: OnNotRetryable, As: AsTower},
	}
}

// Polly returns the defaults of Polly 8 (RetryConstants.cs at 173d6d1d, August 2026): MaxRetryAttempts 3,
// which are 4 attempts, Delay 2s, BackoffType Constant, no jitter.
func Polly() Config {
	return Config{
		Attempts: 4, On: anyError,
		Backoff:  Backoff{First: 2 * time.Second, Factor: 1, Grain: 100 * time.Nanosecond},
		Pushback: Ignored, SameReplica: true, PastDeadline: true,
	}
}

// PollyJittered returns [Polly] with an exponential BackoffType and UseJitter: its decorrelated jitter V2. A
// MaxDelay is the longest wait (Backoff.Max). UseJitter with another BackoffType is jitter Proportional with a Spread
// of 0.25.
func PollyJittered() Config {
	cfg := Polly()
	cfg.Backoff.Jitter, cfg.Backoff.CapLast = PollyJitter, true
	return cfg
}

// Resilience4j returns the defaults of resilience4j (RetryConfig.java at af9e7c97, May 2026): maxAttempts
// 3, waitDuration 500ms, for every exception.
func Resilience4j() Config {
	return Config{
		Attempts: 3, On: anyError,
		Backoff:  Backoff{First: 500 * time.Millisecond, Factor: 1, Grain: time.Millisecond},
		Pushback: Ignored, SameReplica: true, PastDeadline: true,
	}
}

// Resilience4jExponential returns [Resilience4j] with IntervalFunction.ofExponentialRandomBackoff():
// multiplier 1.5, randomizationFactor 0.5, in whole milliseconds, where a maxInterval is applied last.
func Resilience4jExponential() Config {
	cfg := Resilience4j()
	cfg.Backoff.Factor, cfg.Backoff.Jitter, cfg.Backoff.Spread, cfg.Backoff.CapLast = 1.5, Proportional, 0.5, true
	return cfg
}

// FailsafeGo returns the defaults of github.com/failsafe-go/failsafe-go@v0.9.8: 3 attempts without a wait.
// WithMaxDuration is Elapsed with Clip. Its budget.New() limits the retries under way to a fifth of the
// calls, or 3 (a budget of the kind concurrency with of_calls), with PayLate.
func FailsafeGo() Config {
	return Config{
		Attempts: 3, On: anyError,
		Backoff:  Constant(0),
		Pushback: Ignored, SameReplica: true, PastDeadline: true,
	}
}

// Cenkalti returns the defaults of github.com/cenkalti/backoff/v5@v5.0.3, which are those of v4: 500ms
// that grow by 1.5 up to 60s, each spread by half of itself both ways, for no longer than 15 minutes.
func Cenkalti() Config {
	return Config{
		Attempts: UnlimitedAttempts, On: anyError,
		Backoff:  Backoff{First: 500 * time.Millisecond, Max: time.Minute, Factor: 1.5, Jitter: Proportional, Spread: 0.5, Grain: 1},
		Elapsed:  15 * time.Minute,
		Pushback: Ignored, SameReplica: true, PastDeadline: true,
	}
}

// Temporal returns Temporal's default for activities (go.temporal.io/sdk at 83fc2bc6, 2026): as often as it
// takes, after 1s that double up to 100s.
func Temporal() Config {
	return Config{
		Attempts: UnlimitedAttempts, On: anyError,
		Backoff:  Backoff{First: time.Second, Max: 100 * time.Second, Factor: 2},
		Pushback: Ignored, SameReplica: true, PastDeadline: true,
	}
}

package scenario

import (
	"fmt"
	"math"
	"slices"

	"github.com/nines-sim/nines/patterns/retry"
)

// A Budget limits retries, or hedges, by what the calls of one client do, so that they cannot become most of
// the load. It has a kind, and the keys of that kind. What is said of retries holds for hedges where it limits those.
type Budget struct {
	Kind  string  `nines:"kind,one=tokens|ratio|throttle|quota|adaptive|concurrency"` // what limits them. tokens: a success brings a part of a retry; ratio: a share of the calls of the last seconds, and some a second (Finagle, Linkerd); throttle: while more than half of the tokens are there, of which failures take one (gRPC); quota: a retry takes tokens and gives them back if it succeeds (the AWS SDKs); adaptive: a quota, and a limit on the rate of all attempts (the AWS SDKs); concurrency: so many at once (Envoy, failsafe-go)
	Ratio float64 `nines:"ratio,ratio,min=0"`                                         // retries for each success, if the kind is tokens; for each call, if it is ratio

	Tokens      retry.TokensConfig      `nines:",inline"`
	Calls       retry.RatioConfig       `nines:",inline"`
	Throttle    retry.ThrottleConfig    `nines:",inline"`
	Quota       retry.QuotaConfig       `nines:",inline"`
	Adaptive    retry.AdaptiveConfig    `nines:",inline"`
	Concurrency retry.ConcurrencyConfig `nines:",inline"`
}

// A tenth of a retry for a success and ten in hand (M. Brooker, "Fixing retries with token buckets and
// circuit breakers", 2022), which works for rare calls too; Finagle's ten a second over 10 s; the numbers of the
// example in gRPC's proposal A6; the AWS SDKs' quota and adaptive mode until 2026; Envoy's share of
// 20% and three at once.
func (b *Budget) defaults() {
	b.Kind, b.Ratio = "tokens", retry.DefaultTokensConfig().Deposit
	b.Tokens, b.Calls = retry.DefaultTokensConfig(), retry.DefaultRatioConfig()
	b.Throttle = retry.ThrottleConfig{MaxTokens: 10, TokenRatio: 0.1}
	b.Quota, b.Adaptive = retry.DefaultQuotaConfig(), retry.DefaultAdaptiveConfig()
	b.Tokens.Deposit, b.Calls.Ratio, b.Adaptive.Quota = 0, 0, retry.QuotaConfig{} // they stand elsewhere
	b.Concurrency = retry.ConcurrencyConfig{Share: 0.2, Min: 3}
}

// shorthand is the key that a value alone stands for.
func (b *Budget) shorthand() string { return "ratio" }

// settle takes the tokens in hand away where a success brings none: then there is never a retry.
func (b *Budget) settle(written func(key string) bool) {
	if b.Kind == "tokens" && b.Ratio == 0 && !written("capacity") {
		b.Tokens.Capacity = 0
	}
}

// budgetKeys are the keys of each kind.
var budgetKeys = map[string][]string{
	"tokens":      {"ratio", "capacity"},
	"ratio":       {"ratio", "min_per_second", "window", "deposit", "per_call", "books"},
	"throttle":    {"max_tokens", "token_ratio"},
	"quota":       {"tokens", "cost", "timeout_cost", "throttle_cost", "credit", "credit_retried"},
	"adaptive":    {"tokens", "cost", "timeout_cost", "throttle_cost", "credit", "credit_retried", "beta", "scale", "smooth", "measure", "min_rate"},
	"concurrency": {"share", "min_concurrency", "of_calls"},
}

func (b *Budget) excludes(key string) string {
	if key == "kind" || slices.Contains(budgetKeys[b.Kind], key) {
		return ""
	}
	return fmt.Sprintf("is no key of a budget of the kind %s, which has %s", b.Kind, wordList(budgetKeys[b.Kind], "and"))
}

func (b *Budget) check(fail func(key, problem string)) {
	switch c := b.Of().(type) {
	case retry.TokensConfig:
		checkConfig[retry.TokensConfig](c.Validate(), fail)
	case retry.RatioConfig:
		checkConfig[retry.RatioConfig](c.Validate(), fail)
	case retry.ThrottleConfig:
		checkConfig[retry.ThrottleConfig](c.Validate(), fail)
	case retry.QuotaConfig:
		checkConfig[retry.QuotaConfig](c.Validate(), fail)
	case retry.AdaptiveConfig:
		checkConfig[retry.QuotaConfig](c.Quota.Validate(), fail)
		c.Quota = retry.DefaultQuotaConfig()
		checkConfig[retry.AdaptiveConfig](c.Validate(), fail)
	case retry.ConcurrencyConfig:
		checkConfig[retry.ConcurrencyConfig](c.Validate(), fail)
	}
}

// budgetOf is a budget of a configuration, or nil if that is.
func budgetOf(c retry.BudgetConfig) *Budget {
	if c == nil {
		return nil
	}
	b := Default[Budget]()
	switch c := c.(type) {
	case retry.TokensConfig:
		b.Kind, b.Tokens.Capacity, b.Ratio = "tokens", c.Capacity, c.Deposit
	case retry.RatioConfig:
		b.Kind, b.Ratio = "ratio", c.Ratio
		c.Ratio = 0
		b.Calls = c
	case retry.ThrottleConfig:
		b.Kind, b.Throttle = "throttle", c
	case retry.QuotaConfig:
		b.Kind, b.Quota = "quota", c
	case retry.AdaptiveConfig:
		b.Kind, b.Quota = "adaptive", c.Quota
		c.Quota = retry.QuotaConfig{}
		b.Adaptive = c
	case retry.ConcurrencyConfig:
		b.Kind, b.Concurrency = "concurrency", c
	default:
		panic(fmt.Sprintf("scenario: a budget of an unknown kind: %T", c))
	}
	return &b
}

// Of returns the configuration.
func (b *Budget) Of() retry.BudgetConfig {
	switch b.Kind {
	case "ratio":
		c := b.Calls
		c.Ratio = b.Ratio
		return c
	case "throttle":
		return b.Throttle
	case "quota":
		return b.Quota
	case "adaptive":
		c := b.Adaptive
		c.Quota = b.Quota
		return c
	case "concurrency":
		return b.Concurrency
	}
	c := b.Tokens
	c.Deposit = b.Ratio
	return c
}

// most is how often each call may be sent for long, at a rate of calls that so many clients make together,
// whatever the number of attempts; +Inf if the budget does not limit that.
func (b *Budget) most(rate float64, clients int) float64 {
	switch {
	case b == nil:
		return math.Inf(1)
	case b.Kind == "tokens":
		if b.Tokens.Capacity < 1 {
			return 1
		}
		return 1 + b.Ratio
	case b.Kind == "ratio":
		return 1 + b.Ratio + float64(b.Calls.PerSecond*float64(clients))/rate
	case b.Kind == "throttle": // a share of r/(1+r) of the attempts may fail
		return 1 + b.Throttle.TokenRatio
	case (b.Kind == "quota" || b.Kind == "adaptive") && b.Quota.Cost > 0: // the last retry is given back
		return 2 + float64(b.Quota.Credit)/float64(b.Quota.Cost)
	}
	return math.Inf(1) // it limits what is under way, not how many there are
}

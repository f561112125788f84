package scenario

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/patterns/retry"
)

// A budget is a ratio, none, or a section; each kind is built into its configuration.
func TestRetryBudgets(t *testing.T) {
	tokens := retry.DefaultTokensConfig()
	tokens.Deposit = 0.2
	for text, want := range map[string]retry.BudgetConfig{
		"none":                     nil,
		"20%":                      tokens,
		"0%":                       retry.TokensConfig{},
		"{ratio: 20%}":             tokens,
		"{}":                       retry.DefaultTokensConfig(),
		"{capacity: 3}":            retry.TokensConfig{Deposit: 0.1, Capacity: 3},
		"{ratio: 0%, capacity: 3}": retry.TokensConfig{Capacity: 3},
		"{kind: ratio, ratio: 20%, min_per_second: 1, per_call: 50%, deposit: on_success, books: as_tower, window: 5s}": retry.RatioConfig{
			Ratio: 0.2, PerSecond: 1, Window: 5 * time.Second, PerCall: 0.5, Deposit: retry.OnSuccess, As: retry.AsTower},
		"{kind: throttle, token_ratio: 0.5}": retry.ThrottleConfig{MaxTokens: 10, TokenRatio: 0.5},
		"{kind: quota, cost: 14}":            retry.QuotaConfig{Tokens: 500, Cost: 14, TimeoutCost: 10, ThrottleCost: 5, Credit: 1},
		"{kind: adaptive}":                   retry.DefaultAdaptiveConfig(),
		"{kind: concurrency, share: none_}":  nil, // a mistake
	} {
		f, err := Parse("x.yaml", fmt.Appendf(nil, withPolicies, "retry: {budget: "+text+"}"), nil)
		if strings.Contains(text, "none_") {
			if err == nil {
				t.Errorf("%s is read", text)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, f.Base().Calls.Default.Retry.Of().Budget); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// Settings reach into a budget that was written short, or not at all, or that a preset has.
func TestBudgetPaths(t *testing.T) {
	finagle := retry.Finagle().Budget.(retry.RatioConfig)
	finagle.Ratio = 0.5
	for _, test := range []struct {
		written string
		sets    []string
		want    retry.BudgetConfig
	}{
		{"budget: 10%", []string{"calls.default.retry.budget=20%"}, retry.TokensConfig{Deposit: 0.2, Capacity: 10}},
		{"budget: 10%", []string{"calls.default.retry.budget.ratio=30%"}, retry.TokensConfig{Deposit: 0.3, Capacity: 10}},
		{"budget: 10%", []string{"retry.budget.capacity=3", "retry.budget.ratio=5%"}, retry.TokensConfig{Deposit: 0.05, Capacity: 3}},
		{"budget: {kind: throttle}", []string{"retry.budget=20%"}, retry.TokensConfig{Deposit: 0.2, Capacity: 10}},
		{"attempts: 2", []string{"calls.default.retry.budget.ratio=30%"}, retry.TokensConfig{Deposit: 0.3, Capacity: 10}},
		{"budget: 10%", []string{"retry.budget=none"}, nil},
		{"preset: finagle", []string{"calls.default.retry.budget.ratio=50%"}, finagle},
		{"preset: finagle", []string{"retry.budget={kind: quota}"}, retry.DefaultQuotaConfig()},
	} {
		f, err := Parse("x.yaml", fmt.Appendf(nil, withPolicies, "retry: {"+test.written+"}"), nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Variant("", test.sets...)
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(test.want, s.Calls.Default.Retry.Of().Budget); diff != "" {
			t.Errorf("%s, set %v (-want +got):\n%s", test.written, test.sets, diff)
		}
	}
}

// What the arithmetic of a file says of the worst that retries can do.
func TestWorstRetries(t *testing.T) {
	for text, want := range map[string]float64{
		"retry: {}":                                 3,
		"retry: {budget: 10%}":                      1.1,
		"retry: {budget: 0%}":                       1,
		"retry: {attempts: 2, budget: 300%}":        2,
		"retry: {attempts: unlimited}":              math.Inf(1),
		"retry: {attempts: unlimited, budget: 20%}": 1.2,
		"retry: {attempts: unlimited, backoff: 1s..1s, jitter: none, elapsed: 4500ms}":        5, // at 0, 1, 2, 3 and 4 s
		"retry: {attempts: unlimited, backoff: 1s..1s, jitter: none}, timeout: {total: 2.5s}": 3,
		"retry: {attempts: 9, budget: {kind: ratio, ratio: 20%, min_per_second: 3}}":          1 + 0.2 + 3, // a client, and one call a second
		"retry: {attempts: 9, budget: {kind: throttle, token_ratio: 0.5}}":                    1.5,
		"retry: {attempts: 9, budget: {kind: quota, credit: 1, cost: 5}}":                     2.2,
		"retry: {attempts: 9, budget: {kind: concurrency}}":                                   9,
	} {
		f, err := Parse("x.yaml", fmt.Appendf(nil, withPolicies, text), nil)
		if err != nil {
			t.Error(err)
			continue
		}
		report := f.Base().LoadReport()
		if got := report.Rows[0].Amplification; math.Abs(got-want) > 1e-9 && got != want {
			t.Errorf("%s: %v times the calls, want %v", text, got, want)
		}
		if said := report.String(); math.IsInf(want, 1) != strings.Contains(said, "unlimited") {
			t.Errorf("%s:\n%s", text, said)
		}
	}
}

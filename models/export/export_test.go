package export_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/export"
	"github.com/nines-sim/nines/models/scenario"
)

// between returns the policies that a file gives to calls from web to api.
func between(t *testing.T, policies string) *scenario.Policies {
	t.Helper()
	text := fmt.Sprintf(`
nines: 1
services:
  web: {ops: {page: {work: 5ms, calls: [api.get]}}}
  api: {replicas: 10, ops: {get: {work: 5ms}}}
workload: {users: {rate: 1/s, mix: {web.page: 100%%}}}
calls: {web: {api: {%s}}}
`, policies)
	f, err := scenario.Parse("x.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := f.Base().Calls.Between("web", "api")
	return &p
}

// What a library does by default is what it is told without a remark.
func TestDefaultsAreExpressed(t *testing.T) {
	for _, c := range []struct{ target, family, policies string }{
		{"resilience4j", "retry", "retry: {preset: resilience4j}"},
		{"resilience4j", "breaker", "breaker: {preset: resilience4j}"},
		{"resilience4j", "bulkhead", "bulkhead: {preset: resilience4j}"},
		{"resilience4j", "bulkhead", "bulkhead: {preset: resilience4j, wait: 100ms}"},
		{"resilience4j", "limit", "limit: {preset: resilience4j}"},
		{"resilience4j", "retry", "retry: {preset: resilience4j, backoff: 100ms}"},
		{"failsafe-go", "retry", "retry: {preset: failsafe_go, backoff: 100ms}"},
		{"envoy", "bulkhead", "bulkhead: {preset: envoy}"},
		{"envoy", "hedge", "hedge: {preset: envoy}"},
		{"grpc", "hedge", "hedge: {preset: grpc}"},
		{"failsafe-go", "hedge", "hedge: {preset: failsafe_go}"},
		{"failsafe-go", "limit", "limit: {preset: failsafe_go_smooth}"},
		{"failsafe-go", "limit", "limit: {preset: failsafe_go_bursty}"},
		{"failsafe-go", "bulkhead", "bulkhead: {max: 10}"},
		{"resilience4j", "breaker", "breaker: {preset: resilience4j_timed, slow_rate: 20%, slow: 1s, trial: 10s, auto: true, open_factor: 2x, open_max: 5m}"},
		{"envoy", "retry", "retry: {preset: envoy}"},
		{"envoy", "retry", "retry: {preset: envoy_budget}"},
		{"envoy", "balance", "balance: {preset: envoy_round_robin}"},
		{"envoy", "balance", "balance: {preset: envoy_least_request}"},
		{"envoy", "balance", "balance: {preset: envoy_ring_hash, bound: 1.5x}"},
		{"envoy", "balance", "balance: {preset: envoy_maglev}"},
		{"envoy", "outlier", "outlier: {preset: envoy}"},
		{"grpc", "retry", "retry: {preset: grpc}"},
		{"grpc", "balance", "balance: {preset: grpc_round_robin}"},
		{"grpc", "balance", "balance: {preset: grpc_least_request}"},
		{"grpc", "balance", "balance: {preset: grpc_weighted_round_robin}"},
		{"grpc", "balance", "balance: {preset: grpc_weighted_round_robin, reports: {update: 2s, blackout: 0s, expiration: 1m, error_penalty: 2}}"},
		{"grpc", "balance", "balance: {preset: grpc_ring_hash}"},
		{"failsafe-go", "retry", "retry: {preset: failsafe_go}"},
		{"failsafe-go", "breaker", "breaker: {preset: failsafe_go}"},
		{"failsafe-go", "breaker", "breaker: {preset: failsafe_go_ratio}"},
		{"failsafe-go", "breaker", "breaker: {preset: failsafe_go_rate}"},
	} {
		text, remarks, _ := export.Named(c.target).Write("web", "api", between(t, c.policies), c.family)
		if text == "" || len(remarks) > 0 {
			t.Errorf("%s of %s: %v\n%s", c.policies, c.target, remarks, text)
		}
	}
}

// Whatever is configured is either expressed or named.
func TestNothingIsLost(t *testing.T) {
	for _, c := range []struct{ target, policies, want string }{
		{"grpc", "retry: {attempts: 9}", "calls.web.api.retry.attempts is 9 here, and 5 there"},
		{"grpc", "breaker: {}", "calls.web.api.breaker has no counterpart there"},
		{"envoy", "retry: {attempts: 2, jitter: equal}", "calls.web.api.retry.jitter is equal here, and full there"},
		{"resilience4j", "retry: {attempts: 3, budget: 10%}", "calls.web.api.retry.budget is {kind: tokens, ratio: 10%, capacity: 10} here, and none there"},
		{"resilience4j", "breaker: {per: replica}", "calls.web.api.breaker.per is replica here, and client there"},
		{"istio", "outlier: {preset: envoy}", "calls.web.api.outlier.success_rate.factor is 1.9 here, and none there"},
		{"failsafe-go", "breaker: {consecutive: 5}", "calls.web.api.breaker.stale is ignored here, and counted there"},
	} {
		_, remarks, _ := export.Named(c.target).Write("web", "api", between(t, c.policies))
		if text := fmt.Sprint(remarks); !strings.Contains(text, c.want) {
			t.Errorf("%s to %s: got %s\nwant %s", c.policies, c.target, text, c.want)
		}
	}
}

// The text for each target, read by people before it was accepted.
func TestGolden(t *testing.T) {
	const policies = `timeout: {attempt: 500ms, total: 2s}, retry: {attempts: 3, backoff: 25ms..250ms}, breaker: {consecutive: 5, open: 10s},
		balance: {pick: p2c, eject_unhealthy: true}, outlier: {preset: envoy, max_ejected: 50%}, limit: {rate: 100/s}, bulkhead: {max: 20}`
	for _, target := range export.Targets() {
		text, remarks, notes := target.Write("web", "api", between(t, policies))
		for _, r := range remarks {
			text += "not expressed: " + r.String() + "\n"
		}
		for _, n := range notes {
			text += "note: " + n + "\n"
		}
		file := filepath.Join("testdata", target.Name+".txt")
		if os.Getenv("NINES_UPDATE") == "1" {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), text); diff != "" {
			t.Errorf("%s (-want +got; NINES_UPDATE=1 accepts it):\n%s", target.Name, diff)
		}
	}
}

// What a review found to be lost.
func TestFoundLost(t *testing.T) {
	for _, c := range []struct{ target, policies, want string }{
		{"envoy", "timeout: {attempt: 1s, propagate: remaining, checkpoint: 1s}", "timeout: 1s"},
		{"envoy", "timeout: {attempt: 1s, propagate: remaining, checkpoint: 1s}", "timeout.propagate is remaining here, and none there"},
		{"failsafe-go", "timeout: {attempt: 1s, checkpoint: 1s}", "timeout.checkpoint is 1s here, and none there"},
		{"resilience4j", "timeout: {attempt: 1s, cancel: true}", "timeout.cancel is true here, and false there"},
		{"istio", "timeout: {attempt: 1s}", "timeout: 1s"},
		{"envoy", "timeout: {attempt: 1s}, hedge: {preset: envoy}", "timeout.attempt is 1s here, and none there"},
		{"envoy", "bulkhead: {preset: envoy, retries: 7, streams: 9}", "max_retries: 7"},
		{"envoy", "bulkhead: {preset: envoy, retries: 7, streams: 9}", "max_concurrent_streams: 9"},
		{"envoy", "bulkhead: {preset: envoy, retries: 2}, retry: {preset: envoy}", "max_retries: 2"},
		{"envoy", "bulkhead: {preset: envoy}, retry: {preset: envoy_budget}", "bulkhead.retries is 3 here"},
		{"envoy", "outlier: {preset: envoy, split: true, success_rate: {enforce_local: 40%}}", "enforcing_local_origin_success_rate: 40"},
		{"envoy", "outlier: {preset: envoy, max_ejected: 12.5%}", "max_ejected is 12.5% here, and 13% there"},
		{"istio", "outlier: {preset: envoy, max_ejected: 12.5%}", "max_ejected is 12.5% here, and 13% there"},
		{"grpc", "outlier: {preset: grpc, max_ejected: 12.5%}", "max_ejected is 12.5% here, and 13% there"},
		{"failsafe-go", "breaker: {rate: 55%, last: 100, min_calls: 100}", "WithFailureThresholdRatio(55, 100)"},
		{"failsafe-go", "breaker: {slow_rate: 50%, slow: 1s}", "breaker has no counterpart there"},
		{"envoy", "hedge: {delay: 1s, same_replica: false}", "hedge.same_replica is false here, and true there"},
		{"grpc", "hedge: {delay: 1s, same_replica: true}", "hedge.same_replica is true here, and false there"},
		{"failsafe-go", "fallback: {value: default}", "fallback has a counterpart there that is not exported"},
		{"istio", "bulkhead: {preset: envoy, streams: 9}", "maxConcurrentStreams: 9"},
		{"istio", "outlier: {preset: envoy}, balance: {pick: random, panic: 50%}", "minHealthPercent: 50"},
		{"istio", "balance: {pick: random, panic: 50%}", "balance.panic is 50% here, and none there"},
		{"istio", "outlier: {accrual: {}}, balance: {pick: random}", "outlier has no counterpart there"},
		{"envoy", "balance: {pick: static_stride}", "balance.pick"},
		{"grpc", "balance: {pick: static_stride}", "balance.reports"},
		{"istio", "bulkhead: {preset: envoy}", "http1MaxPendingRequests: 1024"},
		{"resilience4j", "retry: {}, breaker: {}, order: [breaker, retry]", "order is breaker, retry here, and retry, breaker there"},
		{"envoy", "timeout: {total: 1s}, retry: {}, order: [retry, total]", "order is retry, total here, and total, retry there"},
	} {
		text, remarks, _ := export.Named(c.target).Write("web", "api", between(t, c.policies))
		if text += fmt.Sprint(remarks); !strings.Contains(text, c.want) {
			t.Errorf("%s to %s: got %s\nwant %s", c.policies, c.target, text, c.want)
		}
	}
}

// What is asked for alone says nothing of the rest: no retries that are none, no timeout that is none.
func TestAskedAlone(t *testing.T) {
	for _, c := range []struct{ target, family, not string }{
		{"istio", "balance", "VirtualService"}, {"istio", "retry", "DestinationRule"}, {"istio", "timeout", "retries"},
		{"envoy", "balance", "route:"}, {"envoy", "retry", "timeout:"}, {"envoy", "timeout", "cluster:\n"},
	} {
		all, _, _ := export.Named(c.target).Write("web", "api", between(t, "timeout: {total: 1s}, retry: {preset: resilience4j}, balance: {pick: random}"))
		text, _, _ := export.Named(c.target).Write("web", "api", between(t, "timeout: {total: 1s}, retry: {preset: resilience4j}, balance: {pick: random}"), c.family)
		if !strings.Contains(all, c.not) || strings.Contains(text, c.not) || text == "" {
			t.Errorf("%s of %s alone:\n%s\nwith all:\n%s", c.family, c.target, text, all)
		}
	}
}

// An outlier policy that is asked for alone is written around what chooses the replica.
func TestOutlierAlone(t *testing.T) {
	text, remarks, _ := export.Named("grpc").Write("web", "api", between(t, "outlier: {preset: grpc}, balance: {preset: grpc_least_request}"), "outlier")
	if !strings.Contains(text, "outlier_detection_experimental") || !strings.Contains(text, "least_request_experimental") || len(remarks) > 0 {
		t.Errorf("got %s%v", text, remarks)
	}
}

// A choice of replica that is not asked for is not written.
func TestRetryAlone(t *testing.T) {
	text, _, _ := export.Named("grpc").Write("web", "api", between(t, "retry: {preset: grpc}"), "retry")
	if strings.Contains(text, "loadBalancingConfig") {
		t.Errorf("got %s", text)
	}
}

// A file of Go imports what it uses.
func TestImports(t *testing.T) {
	text, _, _ := export.Named("failsafe-go").Write("web", "api", between(t, "bulkhead: {max: 10}"))
	if strings.Contains(text, `"time"`) {
		t.Errorf("nothing uses package time:\n%s", text)
	}
}

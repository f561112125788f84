package scenario_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/scenario"
)

func TestPaths(t *testing.T) {
	f := load(t, "webshop")
	tests := []struct {
		variant, part string
		want          []string
	}{
		{"", "retry", []string{"calls.default.retry = none [] default none"}},
		{"budget", "retry", []string{
			"calls.default.retry.preset = none [text] default none",
			"calls.default.retry.backoff = 50ms..1s [span] default 50ms..1s",
			"calls.default.retry.budget.kind = tokens [tokens|ratio|throttle|quota|adaptive|concurrency] default tokens",
			"calls.default.retry.budget.ratio = 10% [ratio] default 10%",
			"calls.default.retry.budget.capacity = 10 [number] default 10",
			"calls.default.retry.attempts = 3 [number] default 3",
			"calls.default.retry.on = [failed, timeout, refused, reset, overloaded, unavailable] [list of kinds] default [failed, timeout, refused, reset, overloaded, unavailable]",
			"calls.default.retry.only_safe = false [true|false] default false",
			"calls.default.retry.same_replica = false [true|false] default false",
			"calls.default.retry.growth = exponential [exponential|linear|fibonacci|polynomial] default exponential",
			"calls.default.retry.factor = 2x [factor] default 2x",
			"calls.default.retry.jitter = full [none|full|equal|decorrelated|proportional|upward|around|envoy|polly] default full",
			"calls.default.retry.cap_last = false [true|false] default false",
			"calls.default.retry.flat_cap = false [true|false] default false",
			"calls.default.retry.first_exact = false [true|false] default false",
			"calls.default.retry.grain = none [duration] default none",
			"calls.default.retry.throttled = none [duration] default none",
			"calls.default.retry.pushback = at_least [at_least|ignored|instead|between|jittered] default at_least",
			"calls.default.retry.pushback_max = none [duration] default none",
			"calls.default.retry.elapsed = none [duration] default none",
			"calls.default.retry.past_deadline = false [true|false] default false",
			"calls.default.retry.pay_late = false [true|false] default false",
		}},
		{"breaker", "calls.orders.payment.breaker.o", []string{
			"calls.orders.payment.breaker.on = [failed, timeout, refused, reset, overloaded, unavailable] [list of kinds] default [failed, timeout, refused, reset, overloaded, unavailable]",
			"calls.orders.payment.breaker.on_failure = false [true|false] default false",
			"calls.orders.payment.breaker.open = 5s [duration] default 5s",
			"calls.orders.payment.breaker.open_factor = none [factor] default none",
			"calls.orders.payment.breaker.open_max = none [duration] default none",
			"calls.orders.payment.breaker.open_jitter = 0% [ratio] default 0%",
		}},
		{"", "payment.ops", []string{
			"services.payment.ops.charge.work = {p50: 120ms, p99: 600ms} [length] default required",
			"services.payment.ops.charge.calls = [] [list of steps] default []",
			"services.payment.ops.charge.cache = none [] default none",
			"services.payment.ops.charge.errors = 0% [ratio] default 0%",
			"services.payment.ops.charge.idempotent = by_key [no|yes|by_key] default no",
			"services.payment.ops.charge.repeat = 50% [ratio] default 0%",
		}},
		{"", "threads", []string{
			"services.shop.threads = 200 [number] default cpus",
			"services.catalog.threads = 100 [number] default cpus",
			"services.orders.threads = 100 [number] default cpus",
			"services.orders_db.threads = 64 [number] default cpus",
		}},
		{"", "mix", []string{
			"workload.visits.mix.shop.browse = 92% [ratio] default 0%",
			"workload.visits.mix.shop.checkout = 8% [ratio] default 0%",
		}},
		{"", "pod_crash", []string{
			"faults.pod_crash.kind = crash [crash|pause|slow|errors|outage|partition|loss|delay|clock|surge|cache_flush|deploy|lost_disk] default required",
			"faults.pod_crash.on = services.* [target] default required",
			"faults.pod_crash.each = replica [replica|copy|primary|machine|zone|service|stream] default by kind",
			"faults.pod_crash.at = none [duration] default none",
			"faults.pod_crash.every = 30d [duration] default none",
			"faults.pod_crash.rate = none [number in time] default none",
			"faults.pod_crash.lasts = none [length|until_fixed] default none",
			"faults.pod_crash.loses = memory [memory|disk] default memory",
		}},
	}
	for _, test := range tests {
		paths, err := f.Paths(test.variant, test.part)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range paths {
			got = append(got, fmt.Sprintf("%s = %s [%s] default %s", p.Path, p.Value, p.Unit, p.Default))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("paths %s of %q (-want +got):\n%s", test.part, test.variant, diff)
		}
	}
}

// Every path that is listed can be set: to the value that it has, which changes nothing.
func TestEveryListedPathCanBeSet(t *testing.T) {
	for name, variant := range map[string]string{"webshop": "everything", "cache-flush": "short_queue", "minimal": ""} {
		f := load(t, name)
		paths, err := f.Paths(variant, "")
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Variant(variant)
		if err != nil {
			t.Fatal(err)
		}
		want := scenario.Hash(s, nil)
		for _, p := range paths {
			s, err := f.Variant(variant, p.Path+"="+p.Value)
			if err != nil {
				t.Errorf("%s=%s: %v", p.Path, p.Value, err)
			} else if got := scenario.Hash(s, nil); got != want {
				t.Errorf("%s=%s changes the scenario", p.Path, p.Value)
			}
		}
	}
}

// The endings of a path that are its own stand for it.
func TestEndings(t *testing.T) {
	f := load(t, "webshop")
	paths, err := f.Paths("everything", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		segments := strings.Split(p.Path, ".")
		for i := len(segments) - 2; i > 0 && segments[i] != "calls"; i-- { // calls is a section of its own
			end := strings.Join(segments[i:], ".")
			same := 0
			for _, q := range paths {
				if strings.HasSuffix(q.Path, "."+end) || q.Path == end {
					same++
				}
			}
			full, err := f.Resolve("everything", end)
			if err == nil && full != p.Path && same == 1 {
				t.Errorf("%s stands for %s, want %s", end, full, p.Path)
			}
			if err == nil && same > 1 {
				t.Errorf("%s stands for %s, and is the ending of %d paths", end, full, same)
			}
			if err == nil {
				break // longer endings are unique too
			}
		}
	}
	for end, want := range map[string]string{
		"breaker.half_open": "calls.orders.payment.breaker.half_open",
		"catalog.threads":   "services.catalog.threads",
		"checkout.target":   "objectives.checkout.target",
		"sale.by":           "faults.sale.by",
		"retry.budget":      "calls.default.retry.budget",
	} {
		if full, err := f.Resolve("everything", end); full != want {
			t.Errorf("%s stands for %q, want %s (%v)", end, full, want, err)
		}
	}
}

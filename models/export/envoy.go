package export

import (
	"math"
	"strings"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/patterns/outlier"
	"github.com/nines-sim/nines/patterns/retry"
)

// envoy writes a RouteAction and a Cluster of Envoy's v3 API (route_components.proto, cluster.proto,
// circuit_breaker.proto and outlier_detection.proto of data-plane-api at 84e84367, January 2026).
func envoy(e *edge) string {
	route := object{{"cluster", e.callee}}
	cluster := object{{"name", e.callee}}
	perTry := e.envoyTimeouts(&route)
	thresholds := object{}
	if e.has("bulkhead") {
		thresholds = e.envoyThresholds()
		e.envoyStreams(&cluster)
		if n := e.retriesAtOnce(math.MaxUint32); n < math.MaxUint32 && !e.asks("retry") {
			thresholds = append(thresholds, member{"max_retries", n})
		}
	}
	switch {
	case e.has("retry"):
		if e.has("hedge") {
			e.hedgeOrRetry()
		}
		route = route.with("retry_policy", e.envoyRetry(&thresholds, perTry))
	case e.has("hedge"):
		e.envoyHedge(&route)
	}
	if len(thresholds) > 0 {
		cluster = append(cluster, member{"circuit_breakers", object{{"thresholds", []object{append(object{{"priority", "DEFAULT"}}, thresholds...)}}}})
	}
	if e.has("balance") {
		e.envoyBalance(&cluster)
	}
	if e.asks("outlier") && e.Outlier.Accrual == nil && e.has("outlier") {
		e.envoyOutlier(&cluster)
	}
	about := []string{
		"route is the RouteAction of a route (virtual_hosts, routes, route), cluster an entry of the clusters",
		"(static_resources.clusters, or what a CDS serves).",
	}
	if e.asks("balance") && e.Balance.SkipUnhealthy {
		about = append(about, "What leaves unhealthy hosts out are the health_checks of the cluster, which are to be added.")
	}
	written := object{}
	if len(route) > 1 {
		written = append(written, member{"route", route})
	}
	if len(cluster) > 1 {
		written = append(written, member{"cluster", cluster})
	}
	return comments("# ", about) + written.yaml()
}

// envoyTimeouts writes the total, and returns the timeout of an attempt, which belongs to the retries.
func (e *edge) envoyTimeouts(route *object) (perTry time.Duration) {
	if !e.has("timeout") {
		if e.about("timeout") {
			*route = append(*route, member{"timeout", "0s"}) // unset it would be 15s
		}
		return 0
	}
	total, perTry, does := e.deadlines()
	does.Cancel = true
	compare(e, "timeout", e.Timeout, &does)
	*route = append(*route, member{"timeout", seconds(total)})
	return perTry
}

// envoyHedge writes hedge_on_per_try_timeout: what comes after its delay is a retry beside the first try.
func (e *edge) envoyHedge(route *object) {
	cfg := e.Hedge.Of()
	does := hedge.Envoy(cfg.Delay, cfg.Attempts-1)
	on, kinds := envoyRetryOn(cfg.On)
	does.On = kinds
	*route = append(*route,
		member{"retry_policy", object{{"retry_on", strings.Join(on, ",")}, {"num_retries", cfg.Attempts - 1}, {"per_try_timeout", seconds(cfg.Delay)}}},
		member{"hedge_policy", object{{"hedge_on_per_try_timeout", true}}})
	compare(e, "hedge", scenario.As[scenario.Hedge](cfg), scenario.As[scenario.Hedge](does))
}

// thresholds are Envoy's nearest to the bulkhead. A number of calls alone is max_requests, without a queue.
func (e *edge) thresholds() bulkhead.ThresholdsConfig {
	does := bulkhead.Envoy()
	switch cfg := e.Bulkhead.Of("").(type) {
	case bulkhead.ThresholdsConfig:
		does = cfg
	case bulkhead.Config:
		does.Requests, does.Pending = cfg.Concurrent, cfg.Waiting
	case bulkhead.PoolConfig:
		does.Requests, does.Pending = cfg.Max, cfg.Queue
	case bulkhead.PartitionsConfig:
		does.Requests = cfg.Concurrent
	}
	if e.Bulkhead.Kind != "thresholds" { // without one, even a request that finds a place is turned away: it has no connection yet
		does.Pending = min(max(does.Pending, 1), math.MaxUint32)
	}
	return does
}

// envoyThresholds writes what Envoy calls circuit breakers, but for the retries.
func (e *edge) envoyThresholds() object {
	does := e.thresholds()
	if e.asks("retry") {
		if budget, ok := e.Retry.Of().Budget.(retry.ConcurrencyConfig); ok && budget.Share > 0 {
			does.Retries = math.MaxUint32 // where there is a budget Envoy does not look at max_retries
		}
	}
	compare(e, "bulkhead", e.Bulkhead, scenario.As[scenario.Bulkhead](patterns.Config(does)))
	return object{{"max_connections", does.Connections}, {"max_pending_requests", does.Pending}, {"max_requests", does.Requests}}
}

// retriesAtOnce returns the smaller of the limits that a budget and thresholds set to the retries under way,
// which are one in Envoy.
func (e *edge) retriesAtOnce(budget int) int {
	if e.asks("bulkhead") {
		if cfg, ok := e.Bulkhead.Of("").(bulkhead.ThresholdsConfig); ok {
			return min(budget, cfg.Retries)
		}
	}
	return budget
}

// envoyStreams writes how many calls a connection carries at once.
func (e *edge) envoyStreams(cluster *object) {
	cfg, ok := e.Bulkhead.Of("").(bulkhead.ThresholdsConfig)
	if !ok {
		return
	}
	protocol := member{"http_protocol_options", object{}}
	if cfg.Streams > 1 {
		protocol = member{"http2_protocol_options", object{{"max_concurrent_streams", cfg.Streams}}}
	}
	const name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
	*cluster = append(*cluster, member{"typed_extension_protocol_options", object{{name, object{
		{"@type", "type.googleapis.com/" + name}, {"explicit_http_config", object{protocol}},
	}}}})
}

func (e *edge) envoyRetry(thresholds *object, perTry time.Duration) object {
	cfg := e.Retry.Of()
	does := retry.Envoy()
	does.Attempts = cfg.Attempts
	on, kinds := envoyRetryOn(cfg.On)
	does.On = kinds
	o := object{{"retry_on", strings.Join(on, ",")}, {"num_retries", cfg.Attempts - 1}}
	if perTry > 0 {
		o = append(o, member{"per_try_timeout", seconds(perTry)})
	}
	b := cfg.Backoff
	base := max(b.First.Round(time.Millisecond), time.Millisecond)
	longest := b.Max.Round(time.Millisecond)
	if b.Max == 0 {
		longest = 10 * base
	}
	does.Backoff = retry.Backoff{First: base, Max: max(longest, base), Factor: 2, Jitter: retry.Full}
	o = append(o, member{"retry_back_off", object{{"base_interval", seconds(base)}, {"max_interval", seconds(does.Backoff.Max)}}})
	if does.SameReplica = cfg.SameReplica; !cfg.SameReplica {
		o = append(o, member{"retry_host_predicate", []object{{
			{"name", "envoy.retry_host_predicates.previous_hosts"},
			{"typed_config", object{{"@type", "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}},
		}}}, member{"host_selection_retry_max_attempts", 3})
	}
	switch budget := cfg.Budget.(type) {
	case nil:
		does.Budget = nil
		*thresholds = append(*thresholds, member{"max_retries", e.retriesAtOnce(math.MaxUint32)})
	case retry.ConcurrencyConfig:
		budget.PerCall = false
		does.Budget = budget
		if budget.Share == 0 {
			*thresholds = append(*thresholds, member{"max_retries", e.retriesAtOnce(budget.Min)})
		} else {
			*thresholds = append(*thresholds, member{"retry_budget", object{
				{"budget_percent", object{{"value", percent(budget.Share)}}}, {"min_retry_concurrency", budget.Min},
			}})
		}
	default: // limits how many, where Envoy limits how many at once: its default stays
		*thresholds = append(*thresholds, member{"max_retries", e.retriesAtOnce(3)})
	}
	compare(e, "retry", scenario.As[scenario.Retry](cfg), scenario.As[scenario.Retry](does))
	return o
}

// envoyAvoidsLast reports whether another try goes to another host: by the retry_host_predicate, which is written with
// the retries.
func (e *edge) envoyAvoidsLast() bool {
	if !e.asks("retry") {
		return e.Balance.AvoidLast
	}
	return !e.Retry.SameReplica
}

// envoyRetryOn returns the conditions that stand for kinds of failure, and the kinds that they stand for.
func envoyRetryOn(on patterns.Kinds) (conditions []string, kinds patterns.Kinds) {
	for _, c := range []struct {
		condition string
		kinds     patterns.Kinds
	}{
		{"5xx", patterns.KindsOf(patterns.Failed, patterns.Timeout, patterns.Reset, patterns.Overloaded, patterns.Unavailable, patterns.Refused)},
		{"gateway-error", patterns.KindsOf(patterns.Overloaded, patterns.Unavailable, patterns.Timeout)},
		{"connect-failure", patterns.KindsOf(patterns.Refused)},
		{"reset", patterns.KindsOf(patterns.Reset, patterns.Timeout)},
		{"retriable-4xx", patterns.KindsOf(patterns.Conflict)},
	} {
		if c.kinds&^on == 0 && c.kinds&^kinds != 0 {
			conditions, kinds = append(conditions, c.condition), kinds|c.kinds
		}
	}
	return conditions, kinds
}

func (e *edge) envoyBalance(cluster *object) {
	cfg := e.Balance.Of()
	does := balance.EnvoyRoundRobin()
	common := object{}
	add := func(key string, value any) { *cluster = cluster.with(key, value) }
	slow := object{}
	if w := cfg.SlowStart; w.Window > 0 {
		slow = object{{"slow_start_window", seconds(w.Window)}, {"aggression", object{{"default_value", w.Aggression}, {"runtime_key", "slow_start." + e.callee}}}, {"min_weight_percent", object{{"value", percent(w.MinWeight)}}}}
	}
	switch cfg.Pick {
	case balance.Random:
		does.Pick = balance.Random
		add("lb_policy", "RANDOM")
	case balance.LeastRequests:
		does.Pick, does.SlowStart = balance.LeastRequests, cfg.SlowStart
		add("lb_policy", "LEAST_REQUEST")
		add("least_request_lb_config", object{{"selection_method", "FULL_SCAN"}}.with("slow_start_config", slow))
	case balance.Choices:
		does = balance.EnvoyLeastRequest()
		does.Choices, does.SlowStart = cfg.Choices, cfg.SlowStart
		add("lb_policy", "LEAST_REQUEST")
		add("least_request_lb_config", object{{"choice_count", cfg.Choices}}.with("slow_start_config", slow))
	case balance.RingHash:
		does = balance.EnvoyRingHash()
		does.Ring = cfg.Ring
		add("lb_policy", "RING_HASH")
		add("ring_hash_lb_config", object{{"minimum_ring_size", cfg.Ring.MinSize}, {"maximum_ring_size", cfg.Ring.MaxSize}})
	case balance.Maglev:
		does = balance.EnvoyMaglev()
		does.Table = cfg.Table
		add("lb_policy", "MAGLEV")
		add("maglev_lb_config", object{{"table_size", cfg.Table}})
	default:
		if cfg.Pick == balance.SmoothWeighted { // which its round robin is with weights
			does.Pick = cfg.Pick
		}
		if does.Pick == balance.SmoothWeighted {
			does.SlowStart = cfg.SlowStart
		}
		add("lb_policy", "ROUND_ROBIN")
		if len(slow) > 0 {
			add("round_robin_lb_config", object{{"slow_start_config", slow}})
		}
	}
	if e.Balance.Hashes() && cfg.Bound > 0 {
		does.Bound = cfg.Bound
		common = append(common, member{"consistent_hashing_lb_config", object{{"hash_balance_factor", wholePercent(&does.Bound)}}})
	}
	does.Panic = cfg.Panic
	common = append(common, member{"healthy_panic_threshold", object{{"value", percent(cfg.Panic)}}})
	if z := cfg.Zones; z.Mode == balance.Aware {
		does.Zones = z
		common = append(common, member{"zone_aware_lb_config", object{
			{"routing_enabled", object{{"value", percent(z.Share)}}}, {"min_cluster_size", z.MinTargets},
		}})
	}
	does.SkipUnhealthy = cfg.SkipUnhealthy // with health checks
	does.AvoidLast = e.envoyAvoidsLast()
	add("common_lb_config", common)
	compare(e, "balance", scenario.As[scenario.Balance](cfg), scenario.As[scenario.Balance](does))
}

func (e *edge) envoyOutlier(cluster *object) {
	cfg := e.Outlier.Of()
	does := cfg
	does.Rules = outlier.EnvoyRules
	o := object{
		{"interval", seconds(cfg.Interval)}, {"base_ejection_time", seconds(cfg.Base)}, {"max_ejection_time", seconds(cfg.Max)},
		{"max_ejection_time_jitter", seconds(cfg.Jitter)}, {"max_ejection_percent", wholePercent(&does.MaxEjected)},
		{"always_eject_one_host", cfg.AlwaysOne}, {"successful_active_health_check_uneject_host", cfg.Checks},
		{"split_external_local_origin_errors", cfg.Split},
	}
	inARow := func(name string, r *outlier.InARow) {
		if r.Failures == 0 {
			r.Enforce = 0
		} else {
			o = append(o, member{name, r.Failures})
		}
		o = append(o, member{"enforcing_" + name, wholePercent(&r.Enforce)})
	}
	inARow("consecutive_5xx", &does.Failures)
	inARow("consecutive_gateway_failure", &does.Gateway)
	if cfg.Split {
		inARow("consecutive_local_origin_failure", &does.Local)
	}
	if r := &does.Rate; r.Factor > 0 {
		o = append(o, member{"success_rate_minimum_hosts", r.MinEndpoints}, member{"success_rate_request_volume", r.MinCalls},
			member{"success_rate_stdev_factor", thousandths(&r.Factor)}, member{"enforcing_success_rate", wholePercent(&r.Enforce)},
			member{"enforcing_local_origin_success_rate", wholePercent(&r.EnforceLocal)})
	} else {
		o = append(o, member{"enforcing_success_rate", 0}, member{"enforcing_local_origin_success_rate", 0})
	}
	if s := &does.Share; s.Threshold > 0 {
		o = append(o, member{"failure_percentage_threshold", wholePercent(&s.Threshold)}, member{"failure_percentage_minimum_hosts", s.MinEndpoints},
			member{"failure_percentage_request_volume", s.MinCalls}, member{"enforcing_failure_percentage", wholePercent(&s.Enforce)},
			member{"enforcing_failure_percentage_local_origin", wholePercent(&s.EnforceLocal)})
	}
	*cluster = append(*cluster, member{"outlier_detection", o})
	compare(e, "outlier", scenario.As[scenario.Outlier](cfg), scenario.As[scenario.Outlier](does))
}

package export

import (
	"math"
	"strings"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/outlier"
	"github.com/nines-sim/nines/patterns/retry"
)

// istio writes a VirtualService and a DestinationRule (networking.istio.io/v1 of Istio 1.27), which Istio makes into Envoy's
// configuration.
func istio(e *edge) string {
	http := object{{"route", []object{{{"destination", object{{"host", e.callee}}}}}}}
	policy := object{}
	perTry := time.Duration(0)
	if e.has("timeout") {
		total, each, does := e.deadlines()
		if perTry = each; total > 0 {
			http = append(http, member{"timeout", seconds(total)})
		}
		does.Cancel = true
		compare(e, "timeout", e.Timeout, &does)
	}
	if e.has("bulkhead") {
		policy = policy.with("connectionPool", e.istioBulkhead())
	}
	if e.has("retry") {
		http = append(http, member{"retries", e.istioRetry(perTry, &policy)})
	} else if e.about("retry") {
		http = append(http, member{"retries", object{{"attempts", 0}}}) // unset it would be 2
	}
	if e.has("balance") {
		policy = policy.with("loadBalancer", e.istioBalance())
	}
	if e.asks("outlier") && e.Outlier.Accrual == nil && e.has("outlier") {
		policy = policy.with("outlierDetection", e.istioOutlier())
	}
	resource := func(kind string, spec object) string {
		return object{
			{"apiVersion", "networking.istio.io/v1"}, {"kind", kind},
			{"metadata", object{{"name", e.callee}}}, {"spec", spec},
		}.yaml()
	}
	about := ""
	if e.asks("balance") && e.Balance.SkipUnhealthy {
		about = comments("# ", []string{"What leaves unhealthy pods out are their readiness probes, which belong to the Deployment."})
	}
	var written []string
	if len(http) > 1 {
		written = append(written, resource("VirtualService", object{{"hosts", []string{e.callee}}, {"http", []object{http}}}))
	}
	if len(policy) > 0 {
		written = append(written, resource("DestinationRule", object{{"host", e.callee}, {"trafficPolicy", policy}}))
	}
	return about + strings.Join(written, "---\n")
}

func (e *edge) istioRetry(perTry time.Duration, policy *object) object {
	cfg := e.Retry.Of()
	does := retry.Envoy()
	does.Attempts = cfg.Attempts
	on, kinds := envoyRetryOn(cfg.On)
	does.On, does.Budget = kinds, nil
	o := object{{"attempts", cfg.Attempts - 1}, {"retryOn", strings.Join(on, ",")}}
	if first := cfg.Backoff.First; first >= time.Millisecond { // the longest is ten times that
		does.Backoff.First, does.Backoff.Max = first.Round(time.Millisecond), 10*first.Round(time.Millisecond)
		o = append(o, member{"backoff", seconds(does.Backoff.First)})
	}
	if does.SameReplica = cfg.SameReplica; cfg.SameReplica {
		o = append(o, member{"retryIgnorePreviousHosts", false})
	}
	if perTry > 0 {
		o = append(o, member{"perTryTimeout", seconds(perTry)})
	}
	if c, ok := cfg.Budget.(retry.ConcurrencyConfig); ok && c.Share > 0 && !c.PerCall {
		does.Budget = c
		*policy = policy.with("retryBudget", object{{"percent", percent(c.Share)}, {"minRetryConcurrency", c.Min}})
	} else if ok && c.Share == 0 && !c.PerCall && c.Min > 0 {
		does.Budget = c
		if !e.asks("bulkhead") {
			*policy = policy.with("connectionPool", object{{"http", object{{"maxRetries", c.Min}}}})
		}
	}
	compare(e, "retry", scenario.As[scenario.Retry](cfg), scenario.As[scenario.Retry](does))
	return o
}

// istioBulkhead writes a connectionPool, which becomes Envoy's thresholds. A number of 0 is none to Istio, which
// then sets no limit.
func (e *edge) istioBulkhead() object {
	does := e.thresholds()
	retries := math.MaxUint32
	if thresholds, ok := e.Bulkhead.Of("").(bulkhead.ThresholdsConfig); ok && thresholds.Retries > 0 {
		retries = thresholds.Retries
	}
	if e.asks("retry") {
		if c, ok := e.Retry.Of().Budget.(retry.ConcurrencyConfig); ok && c.Share == 0 && !c.PerCall && c.Min > 0 {
			retries = min(retries, c.Min)
		}
	}
	http := object{{"http2MaxRequests", does.Requests}}
	if does.Pending > 0 {
		http = append(http, member{"http1MaxPendingRequests", does.Pending})
	} else {
		does.Pending = scenario.Unlimited
	}
	if retries < math.MaxUint32 {
		http = append(http, member{"maxRetries", retries})
	}
	if does.Retries == 0 {
		does.Retries = math.MaxUint32
	}
	if e.Bulkhead.Kind == "thresholds" {
		if does.Streams > 1 {
			http = append(http, member{"h2UpgradePolicy", "UPGRADE"}, member{"maxConcurrentStreams", does.Streams})
		} else {
			http = append(http, member{"h2UpgradePolicy", "DO_NOT_UPGRADE"})
		}
	}
	compare(e, "bulkhead", e.Bulkhead, scenario.As[scenario.Bulkhead](patterns.Config(does)))
	return object{{"tcp", object{{"maxConnections", does.Connections}}}, {"http", http}}
}

func (e *edge) istioBalance() object {
	cfg := e.Balance.Of()
	does := balance.EnvoyRoundRobin()
	var o object
	switch cfg.Pick {
	case balance.Random:
		does.Pick = balance.Random
		o = object{{"simple", "RANDOM"}}
	case balance.Choices, balance.LeastRequests:
		does = balance.EnvoyLeastRequest()
		o = object{{"simple", "LEAST_REQUEST"}}
	case balance.RingHash:
		does = balance.EnvoyRingHash()
		does.Ring.MinSize = cfg.Ring.MinSize
		o = object{{"consistentHash", object{{"httpHeaderName", "x-key"}, {"ringHash", object{{"minimumRingSize", cfg.Ring.MinSize}}}}}}
	case balance.Maglev:
		does = balance.EnvoyMaglev()
		does.Table = cfg.Table
		o = object{{"consistentHash", object{{"httpHeaderName", "x-key"}, {"maglev", object{{"tableSize", cfg.Table}}}}}}
	default:
		if cfg.Pick == balance.SmoothWeighted { // which its round robin is with weights
			does.Pick = cfg.Pick
		}
		o = object{{"simple", "ROUND_ROBIN"}}
	}
	if w := cfg.SlowStart; w.Window > 0 {
		does.SlowStart = w
		o = append(o, member{"warmup", object{{"duration", seconds(w.Window)}, {"minimumPercent", percent(w.MinWeight)}, {"aggression", w.Aggression}}})
	}
	does.SkipUnhealthy, does.AvoidLast = cfg.SkipUnhealthy, e.envoyAvoidsLast()
	does.Panic = 0
	if e.asks("outlier") && e.Outlier.Accrual == nil { // there it is minHealthPercent, with 0 by default
		does.Panic = cfg.Panic
		wholePercent(&does.Panic)
	}
	compare(e, "balance", scenario.As[scenario.Balance](cfg), scenario.As[scenario.Balance](does))
	return o
}

func (e *edge) istioOutlier() object {
	cfg := e.Outlier.Of()
	does := outlier.Envoy()
	does.Rate, does.Share = outlier.SuccessRate{}, outlier.FailureShare{} // Istio switches them off
	does.Interval, does.Base, does.MaxEjected, does.Split = cfg.Interval, cfg.Base, cfg.MaxEjected, cfg.Split
	o := object{
		{"interval", seconds(cfg.Interval)}, {"baseEjectionTime", seconds(cfg.Base)}, {"maxEjectionPercent", wholePercent(&does.MaxEjected)},
	}
	does.Failures, does.Gateway, does.Local = outlier.InARow{}, outlier.InARow{}, outlier.InARow{}
	if panics := e.Balance.Of().Panic; panics > 0 && e.about("balance") {
		o = append(o, member{"minHealthPercent", wholePercent(&panics)})
	}
	inARow := func(name string, r outlier.InARow, set *outlier.InARow) {
		if r.Failures > 0 && r.Enforce > 0 {
			*set = outlier.InARow{Failures: r.Failures, Enforce: 1}
			o = append(o, member{name, r.Failures})
		} else {
			o = append(o, member{name, 0})
		}
	}
	inARow("consecutive5xxErrors", cfg.Failures, &does.Failures)
	inARow("consecutiveGatewayErrors", cfg.Gateway, &does.Gateway)
	if cfg.Split {
		o = append(o, member{"splitExternalLocalOriginErrors", true})
		inARow("consecutiveLocalOriginFailures", cfg.Local, &does.Local)
	}
	compare(e, "outlier", scenario.As[scenario.Outlier](cfg), scenario.As[scenario.Outlier](does))
	return o
}

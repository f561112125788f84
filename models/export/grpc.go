package export

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/patterns/outlier"
	"github.com/nines-sim/nines/patterns/retry"
)

// grpc writes a service config (grpc/service_config/service_config.proto; gRFCs A6, A42, A48, A50, A58), for all
// methods of the service named as the callee.
func grpc(e *edge) string {
	method := object{{"name", []object{{{"service", e.callee}}}}}
	config := object{}
	if e.has("timeout") {
		total, perTry, does := e.deadlines()
		if perTry > 0 {
			does.Attempt = 0
		}
		if total > 0 {
			method = append(method, member{"timeout", seconds(total)})
		}
		does.Propagate, does.Cancel = "remaining", true
		compare(e, "timeout", e.Timeout, &does)
	}
	var throttling object
	if e.asks("retry") && codes(e.Retry.On) != nil && e.has("retry") { // a policy needs a code
		var policy object
		policy, throttling = e.grpcRetry()
		method = append(method, member{"retryPolicy", policy})
	}
	if e.has("hedge") {
		if slices.Contains(e.expressed, "retry") {
			e.hedgeOrRetry()
		} else {
			var policy object
			policy, throttling = e.grpcHedge()
			method = append(method, member{"hedgingPolicy", policy})
		}
	}
	if len(method) > 1 {
		e.notes = append(e.notes, fmt.Sprintf("name.service is %q: write the full name of the service in its .proto file, such as shop.v1.Orders", e.callee))
	}
	config = config.with("methodConfig", []object{method}).with("retryThrottling", throttling)
	pick, does := e.grpcBalance()
	if e.has("balance") {
		compare(e, "balance", scenario.As[scenario.Balance](e.Balance.Of()), scenario.As[scenario.Balance](does))
	}
	if e.asks("outlier") && e.Outlier.Accrual == nil && e.has("outlier") {
		pick = object{{"outlier_detection_experimental", append(e.grpcOutlier(), member{"childPolicy", []object{pick}})}}
	}
	if slices.Contains(e.expressed, "balance") || slices.Contains(e.expressed, "outlier") {
		config = append(config, member{"loadBalancingConfig", []object{pick}})
		if slices.Contains(e.expressed, "balance") && e.Balance.SkipUnhealthy {
			config = append(config, member{"healthCheckConfig", object{{"serviceName", ""}}}) // of the whole server
		}
	}
	return config.json()
}

// grpcCodes are the status codes that stand for kinds of failure.
var grpcCodes = []struct {
	code string
	kind patterns.Kinds
}{
	{"UNAVAILABLE", patterns.KindsOf(patterns.Unavailable, patterns.Refused, patterns.Reset, patterns.Overloaded)},
	{"DEADLINE_EXCEEDED", patterns.KindsOf(patterns.Timeout)},
	{"INTERNAL", patterns.KindsOf(patterns.Failed)},
	{"ABORTED", patterns.KindsOf(patterns.Conflict)},
}

func codes(on patterns.Kinds) (list []string) {
	for _, c := range grpcCodes {
		if c.kind&on != 0 {
			list = append(list, c.code)
		}
	}
	return list
}

// codes returns the codes that stand for kinds of failure, and all kinds that they stand for, and notes where a server
// may answer with another code.
func (e *edge) codes(on patterns.Kinds) (list []string, kinds patterns.Kinds) {
	for _, c := range grpcCodes {
		if c.kind&on != 0 {
			kinds |= c.kind
		}
	}
	if on.Has(patterns.Failed) {
		e.notes = append(e.notes, "failed is written as INTERNAL: add UNKNOWN if the server returns errors without a status")
	}
	if on.Has(patterns.Overloaded) {
		e.notes = append(e.notes, "overloaded is written as UNAVAILABLE: add RESOURCE_EXHAUSTED if the server turns calls away with that")
	}
	return append([]string{}, codes(on)...), kinds
}

func (e *edge) grpcRetry() (policy, throttling object) {
	cfg := e.Retry.Of()
	does := retry.GRPC()
	does.Attempts = min(max(cfg.Attempts, 2), 5) // a client caps it at 5
	codes, kinds := e.codes(cfg.On)
	does.On = kinds
	b := cfg.Backoff
	does.Backoff.First, does.Backoff.Max, does.Backoff.Factor = max(b.First, time.Nanosecond), b.Max, b.Factor
	switch {
	case b.Max == 0:
		does.Backoff.Max = does.Backoff.First
		for range does.Attempts - 2 {
			does.Backoff.Max = time.Duration(math.Round(float64(does.Backoff.Max) * b.Factor))
		}
	case b.Factor == 0:
		does.Backoff.Factor = 1
	}
	policy = object{
		{"maxAttempts", does.Attempts}, {"initialBackoff", seconds(does.Backoff.First)}, {"maxBackoff", seconds(does.Backoff.Max)},
		{"backoffMultiplier", does.Backoff.Factor}, {"retryableStatusCodes", codes},
	}
	does.Budget, throttling = grpcThrottling(cfg.Budget)
	compare(e, "retry", scenario.As[scenario.Retry](cfg), scenario.As[scenario.Retry](does))
	return policy, throttling
}

// grpcThrottling writes a budget, if it is of the kind that gRPC has, and returns what it stands for.
func grpcThrottling(budget retry.BudgetConfig) (does retry.BudgetConfig, throttling object) {
	c, ok := budget.(retry.ThrottleConfig)
	if !ok {
		return nil, nil
	}
	return c, object{{"maxTokens", c.MaxTokens}, {"tokenRatio", c.TokenRatio}}
}

// grpcHedge writes a hedgingPolicy, which grpc-java has and grpc-go has not.
func (e *edge) grpcHedge() (policy, throttling object) {
	cfg := e.Hedge.Of()
	does := hedge.GRPC()
	does.Attempts, does.Delay = min(max(cfg.Attempts, 2), 5), cfg.Delay
	codes, kinds := e.codes(cfg.On)
	does.On = kinds
	does.Budget, throttling = grpcThrottling(cfg.Budget)
	compare(e, "hedge", scenario.As[scenario.Hedge](cfg), scenario.As[scenario.Hedge](does))
	return object{{"maxAttempts", does.Attempts}, {"hedgingDelay", seconds(does.Delay)}, {"nonFatalStatusCodes", codes}}, throttling
}

// grpcBalance writes the choice of a replica, and returns what it stands for.
func (e *edge) grpcBalance() (policy object, does balance.Config) {
	cfg := e.Balance.Of()
	does = balance.GRPCRoundRobin()
	policy = object{{"round_robin", object{}}}
	switch cfg.Pick {
	case balance.Choices, balance.LeastRequests:
		does = balance.GRPCLeastRequest()
		does.Choices = min(max(cfg.Choices, 2), 10)
		policy = object{{"least_request_experimental", object{{"choiceCount", does.Choices}}}}
	case balance.StaticStride:
		does = balance.GRPCWeightedRoundRobin()
		if r := cfg.Reports; r.Update > 0 {
			does.Reports = r
			does.Reports.Update = max(r.Update, 100*time.Millisecond) // its least
		}
		r := does.Reports
		policy = object{{"weighted_round_robin", object{
			{"blackoutPeriod", seconds(r.Blackout)}, {"weightExpirationPeriod", seconds(r.Expiration)},
			{"weightUpdatePeriod", seconds(r.Update)}, {"errorUtilizationPenalty", r.ErrorPenalty},
		}}}
	case balance.RingHash:
		does = balance.GRPCRingHash()
		does.Ring = cfg.Ring
		policy = object{{"ring_hash_experimental", object{{"minRingSize", cfg.Ring.MinSize}, {"maxRingSize", cfg.Ring.MaxSize}}}}
	}
	does.SkipUnhealthy = cfg.SkipUnhealthy // by a healthCheckConfig
	return policy, does
}

func (e *edge) grpcOutlier() object {
	cfg := e.Outlier.Of()
	does := outlier.GRPC()
	does.Interval, does.Base, does.Max, does.MaxEjected = cfg.Interval, cfg.Base, cfg.Max, cfg.MaxEjected
	does.Rate, does.Share = cfg.Rate, cfg.Share
	does.Rate.EnforceLocal, does.Share.EnforceLocal = 0, 0
	o := object{
		{"interval", seconds(cfg.Interval)}, {"baseEjectionTime", seconds(cfg.Base)}, {"maxEjectionTime", seconds(cfg.Max)},
		{"maxEjectionPercent", wholePercent(&does.MaxEjected)},
	}
	if r := &does.Rate; r.Factor > 0 {
		o = append(o, member{"successRateEjection", object{
			{"stdevFactor", thousandths(&r.Factor)}, {"enforcementPercentage", wholePercent(&r.Enforce)},
			{"minimumHosts", r.MinEndpoints}, {"requestVolume", r.MinCalls},
		}})
	}
	if s := &does.Share; s.Threshold > 0 {
		o = append(o, member{"failurePercentageEjection", object{
			{"threshold", wholePercent(&s.Threshold)}, {"enforcementPercentage", wholePercent(&s.Enforce)},
			{"minimumHosts", s.MinEndpoints}, {"requestVolume", s.MinCalls},
		}})
	}
	compare(e, "outlier", scenario.As[scenario.Outlier](cfg), scenario.As[scenario.Outlier](does))
	return o
}

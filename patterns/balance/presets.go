package balance

import (
	"time"

	"github.com/nines-sim/nines/patterns"
)

// Presets returns what libraries do if nothing else is configured. None of them leaves out the replica that
// an earlier attempt went to, unless that is said; Envoy does with a retry_host_predicate.
func Presets() []patterns.Preset[Config] {
	return []patterns.Preset[Config]{
		{Name: "finagle", Version: "4feb34cb", Config: Finagle()},
		{Name: "finagle_peak_ewma", Version: "1e8497ea", Config: FinaglePeakEWMA()},
		{Name: "linkerd", Version: "2026", Config: Linkerd()},
		{Name: "envoy_round_robin", Version: "e01a970a", Config: EnvoyRoundRobin()},
		{Name: "envoy_least_request", Version: "e01a970a", Config: EnvoyLeastRequest()},
		{Name: "envoy_ring_hash", Version: "0336fd61", Config: EnvoyRingHash()},
		{Name: "envoy_maglev", Version: "104df3de", Config: EnvoyMaglev()},
		{Name: "grpc_round_robin", Version: "40245426", Config: GRPCRoundRobin()},
		{Name: "grpc_least_request", Version: "40245426", Config: GRPCLeastRequest()},
		{Name: "grpc_weighted_round_robin", Version: "1.85.0", Config: GRPCWeightedRoundRobin()},
		{Name: "grpc_ring_hash", Version: "40245426", Config: GRPCRingHash()},
		{Name: "nginx", Version: "1.3.1", Config: Nginx()},
	}
}

// Finagle returns Finagle's default (Balancers.scala and P2CPick.scala at 4feb34cb, October 2024): the
// power of two choices by calls under way. When nobody is healthy, it goes on as if all were.
func Finagle() Config {
	return Config{Pick: Choices, Choices: 2, SkipUnhealthy: true, Panic: 1e-9}
}

// FinaglePeakEWMA returns Finagle's p2cPeakEwma (PeakEwma.scala at 1e8497ea): the power of two choices by
// peak EWMA, decayTime 10s.
func FinaglePeakEWMA() Config {
	cfg := Finagle()
	cfg.Load, cfg.EWMA = PeakEWMA, EWMA{Decay: 10 * time.Second}
	return cfg
}

// Linkerd returns Linkerd's default (linkerd2-proxy with tower@8358ee71, 2026): the power of two choices by
// peak EWMA, with a default round trip of 30ms and a decay of 10s. Linkerd's load biaser is an
// EWMA.ErrorPenalty of 5s.
func Linkerd() Config {
	return Config{
		Pick: Choices, Choices: 2, Load: PeakEWMA,
		EWMA:          EWMA{Decay: 10 * time.Second, Initial: 30 * time.Millisecond},
		SkipUnhealthy: true, Panic: 1e-9,
	}
}

// EnvoyRoundRobin returns Envoy's ROUND_ROBIN with the default healthy_panic_threshold of 50 %. With
// weights it is SmoothWeighted.
func EnvoyRoundRobin() Config {
	return Config{Pick: RoundRobin, SkipUnhealthy: true, Panic: 0.5}
}

// EnvoyLeastRequest returns Envoy's LEAST_REQUEST (load_balancer_impl.cc at e01a970a, 2026): choice_count 2,
// drawn with replacement. Its selection_method FULL_SCAN is the pick LeastRequests. With weights Envoy takes
// targets in turn, by weight / (active + 1), where this compares two.
func EnvoyLeastRequest() Config {
	return Config{Pick: Choices, Choices: 2, Replace: true, SkipUnhealthy: true, Panic: 0.5}
}

// EnvoyRingHash returns Envoy's RING_HASH: minimum_ring_size 1024, maximum_ring_size 8M. A
// hash_balance_factor is a hundred times the Bound, with the overflow Jump.
func EnvoyRingHash() Config {
	return Config{Pick: RingHash, Ring: Ring{1024, maxRing}, Overflow: Jump, SkipUnhealthy: true, Panic: 0.5}
}

// EnvoyMaglev returns Envoy's MAGLEV: table_size 65537.
func EnvoyMaglev() Config {
	return Config{Pick: Maglev, Table: DefaultTable, Overflow: Jump, SkipUnhealthy: true, Panic: 0.5}
}

// GRPCRoundRobin returns gRPC's round_robin.
func GRPCRoundRobin() Config { return Config{Pick: RoundRobin, SkipUnhealthy: true} }

// GRPCLeastRequest returns gRPC's least_request (gRFC A48): choiceCount 2, drawn with replacement.
func GRPCLeastRequest() Config {
	return Config{Pick: Choices, Choices: 2, Replace: true, SkipUnhealthy: true}
}

// GRPCWeightedRoundRobin returns gRPC's weighted_round_robin (gRFC A58; weightedroundrobin of grpc-go
// v1.85.0): weights by what servers report with their answers, so without its enableOobLoadReport.
func GRPCWeightedRoundRobin() Config {
	return Config{Pick: StaticStride, Reports: GRPCReports(), SkipUnhealthy: true}
}

// GRPCRingHash returns gRPC's ring_hash (gRFC A42): min_ring_size 1024, max_ring_size 4096.
func GRPCRingHash() Config {
	return Config{Pick: RingHash, Ring: DefaultRing(), SkipUnhealthy: true}
}

// Nginx returns nginx's default for an upstream block: weighted round robin, and whoever failed is asked
// last of all when a request is passed on to the next (proxy_next_upstream).
func Nginx() Config {
	return Config{Pick: SmoothWeighted, SkipUnhealthy: true, Panic: 1e-9, AvoidLast: true}
}

package outlier

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
)

// Config says what makes an endpoint an outlier and how long it is ejected. Each rule ejects by itself.
// The names of Envoy's fields are in parentheses where they differ.
type Config struct {
	Interval time.Duration `nines:"interval,positive"` // from one sweep to the next; ejections end in sweeps, whatever began them

	Failures InARow `nines:"consecutive"`         // failures of any kind (consecutive_5xx)
	Gateway  InARow `nines:"consecutive_gateway"` // gateway errors, and calls without an answer unless Split (consecutive_gateway_failure)
	Local    InARow `nines:"consecutive_local"`   // calls without an answer, if Split (consecutive_local_origin_failure)
	Split    bool   `nines:"split"`               // judge calls without an answer apart from what endpoints answer (split_external_local_origin_errors)

	Rate  SuccessRate  `nines:"success_rate"`  // a success rate far below that of the others
	Share FailureShare `nines:"failure_share"` // a large share of failures

	Base       time.Duration `nines:"base,positive"`                 // the first ejection lasts so long, the n-th in short order n times as long (base_ejection_time)
	Max        time.Duration `nines:"max,none"`                      // but not longer, unless Base is (max_ejection_time)
	Jitter     time.Duration `nines:"jitter,none"`                   // and up to so much more, at random (max_ejection_time_jitter)
	MaxEjected float64       `nines:"max_ejected,ratio,min=0,max=1"` // share of the endpoints that may be ejected at once (max_ejection_percent)
	AlwaysOne  bool          `nines:"always_one"`                    // and if none is, one may be, whatever its share (always_eject_one_host)
	Checks     bool          `nines:"checks"`                        // a passed health check ends an ejection (successful_active_health_check_uneject_host)

	Rules Rules `nines:"rules"` // the details that libraries differ in
}

// InARow ejects an endpoint at once when so many of its calls fail in a row.
type InARow struct {
	Failures int     `nines:"failures,min=1,none"`       // so many failures in a row; 0: never
	Enforce  float64 `nines:"enforce,ratio,min=0,max=1"` // share of detections that eject: 1 is all
}

// SuccessRate ejects, in a sweep, the endpoints whose success rate in the interval before was less than
//
//	mean − Factor · standard deviation
//
// of the rates of all that had enough calls. One bad endpoint among n that are equally good is √(n−1)
// standard deviations below the mean: with a Factor of 1.9, it takes 5 endpoints to eject any.
type SuccessRate struct {
	Factor       float64 `nines:"factor,min=0,max=1000,none"`      // standard deviations below the mean; 0: no such rule; a thousandth of Envoy's success_rate_stdev_factor
	MinEndpoints int     `nines:"min_endpoints,min=0"`             // endpoints with enough calls below which the rule is silent (success_rate_minimum_hosts)
	MinCalls     int     `nines:"min_calls,min=0"`                 // calls that are enough (success_rate_request_volume)
	Enforce      float64 `nines:"enforce,ratio,min=0,max=1"`       // share of detections that eject
	EnforceLocal float64 `nines:"enforce_local,ratio,min=0,max=1"` // the same for the rates of answers at all, if split
}

// FailureShare ejects, in a sweep, the endpoints of whose calls in the interval before such a share failed.
type FailureShare struct {
	Threshold    float64 `nines:"threshold,ratio,min=0,max=1,none"` // share of failures; 0: no such rule
	MinEndpoints int     `nines:"min_endpoints,min=0"`              // endpoints with enough calls below which the rule is silent
	MinCalls     int     `nines:"min_calls,min=0"`                  // calls that are enough
	Enforce      float64 `nines:"enforce,ratio,min=0,max=1"`        // share of detections that eject
	EnforceLocal float64 `nines:"enforce_local,ratio,min=0,max=1"`  // the same for the share of calls without an answer, if split
}

// Rules are the details in which Envoy and gRPC differ.
//
//	                             EnvoyRules                         GRPCRules
//	MaxEjected is compared       with the ejection: ≤               without it: <, so that one is always possible
//	a failure share ejects       at Threshold                       above it
//	a sweep ends ejections       first, then judges                 last, after judging
//	an ejection ends             when its time is up                when its time is up and a little more
//	the next one is shorter by   Base for each sweep, beginning     Base for each sweep
//	                             an Interval after the last ended
//	an ejected endpoint          is not judged                      is, by calls that end late, and ejected anew
type Rules uint8

// The rules there are.
const (
	EnvoyRules Rules = iota // an ejection has to fit into MaxEjected; a failure share ejects at its threshold; a sweep ends ejections, and then judges
	GRPCRules               // one more is ejected while fewer than MaxEjected are; a failure share ejects above its threshold; a sweep judges, and then ends ejections
	rules
)

func (r Rules) String() string {
	switch r {
	case EnvoyRules:
		return "envoy"
	case GRPCRules:
		return "grpc"
	}
	return "unknown rules"
}

// Words are the rules as files have them.
func (Rules) Words() []string { return []string{"envoy", "grpc"} }

// Presets returns what libraries do that compare endpoints, if nothing else is configured.
func Presets() []patterns.Preset[Config] {
	return []patterns.Preset[Config]{
		{Name: "envoy", Version: "00c7146d", Config: Envoy()},
		{Name: "grpc", Version: "3e994faf", Config: GRPC()},
	}
}

// DefaultConfig returns [Envoy] with a maximum of half of the endpoints, and always one. Envoy's own 10 %
// ejects nothing from fewer than ten.
func DefaultConfig() Config {
	cfg := Envoy()
	cfg.MaxEjected, cfg.AlwaysOne = 0.5, true
	return cfg
}

// Envoy returns the defaults of Envoy (outlier_detection.proto of data-plane-api at 84e84367, January
// 2026; outlier_detection_impl.cc at 00c7146d). Gateway errors in a row and failure shares are looked
// for, but not enforced.
func Envoy() Config {
	return Config{
		Interval: 10 * time.Second,
		Failures: InARow{5, 1},
		Gateway:  InARow{5, 0},
		Local:    InARow{5, 1},
		Rate:     SuccessRate{Factor: 1.9, MinEndpoints: 5, MinCalls: 100, Enforce: 1, EnforceLocal: 1},
		Share:    FailureShare{Threshold: 0.85, MinEndpoints: 5, MinCalls: 50},
		Base:     30 * time.Second, Max: 300 * time.Second,
		MaxEjected: 0.1, Checks: true,
	}
}

// GRPC returns the defaults of gRPC's outlier_detection policy with both of its algorithms (gRFC A50;
// internal/xds/balancer/outlierdetection of grpc-go at 3e994faf). An algorithm that the service
// configuration leaves out is a rule with a Factor or a Threshold of 0.
func GRPC() Config {
	return Config{
		Interval: 10 * time.Second,
		Rate:     SuccessRate{Factor: 1.9, MinEndpoints: 5, MinCalls: 100, Enforce: 1},
		Share:    FailureShare{Threshold: 0.85, MinEndpoints: 5, MinCalls: 50, Enforce: 1},
		Base:     30 * time.Second, Max: 300 * time.Second,
		MaxEjected: 0.1,
		Rules:      GRPCRules,
	}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("outlier")
	f.Need(c.Interval > 0, "Interval", c.Interval, "more than 0")
	c.Failures.check(f, "Failures")
	c.Gateway.check(f, "Gateway")
	c.Local.check(f, "Local")
	f.Need(c.Rate.Factor >= 0 && c.Rate.Factor <= 1000, "Rate.Factor", c.Rate.Factor, "0 to 1000")
	f.Need(c.Rate.MinEndpoints >= 0, "Rate.MinEndpoints", c.Rate.MinEndpoints, "0 or more")
	f.Need(c.Rate.MinCalls >= 0, "Rate.MinCalls", c.Rate.MinCalls, "0 or more")
	share(f, "Rate.Enforce", c.Rate.Enforce)
	share(f, "Rate.EnforceLocal", c.Rate.EnforceLocal)
	share(f, "Share.Threshold", c.Share.Threshold)
	f.Need(c.Share.MinEndpoints >= 0, "Share.MinEndpoints", c.Share.MinEndpoints, "0 or more")
	f.Need(c.Share.MinCalls >= 0, "Share.MinCalls", c.Share.MinCalls, "0 or more")
	share(f, "Share.Enforce", c.Share.Enforce)
	share(f, "Share.EnforceLocal", c.Share.EnforceLocal)
	f.Need(c.Base > 0, "Base", c.Base, "more than 0")
	f.Need(c.Max >= 0, "Max", c.Max, "0 or more")
	f.Need(c.Jitter >= 0, "Jitter", c.Jitter, "0 or more")
	share(f, "MaxEjected", c.MaxEjected)
	f.Need(c.Rules < rules, "Rules", uint8(c.Rules), "envoy or grpc")
	return f.Err()
}

func (r InARow) check(f *check.Fields, field string) {
	f.Need(r.Failures >= 0, field+".Failures", r.Failures, "0 or more")
	share(f, field+".Enforce", r.Enforce)
}

func share(f *check.Fields, field string, x float64) {
	f.Need(x >= 0 && x <= 1, field, x, "0 to 1")
}

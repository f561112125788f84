package scenario

import "strings"

// namesAbroad are the names that libraries have for what keys of policies say: in resilience4j, Hystrix, Polly,
// failsafe-go, gobreaker, Envoy, Istio, gRPC, Finagle, Netflix's concurrency-limits, Guava and the AWS SDKs. They
// are written without capitals and underscores; of several keys the first that is in place is meant.
var namesAbroad = map[string][]string{
	// policies
	"circuitbreaker": {"breaker"}, "ratelimiter": {"limit"}, "ratelimit": {"limit"}, "timelimiter": {"timeout"},
	"outlierdetection": {"outlier"}, "retrypolicy": {"retry"}, "retries": {"retry"}, "hedgingpolicy": {"hedge"}, "hedgepolicy": {"hedge"},
	"loadbalancer": {"balance"}, "lbpolicy": {"balance"}, "loadbalancing": {"balance"}, "circuitbreakers": {"bulkhead"},
	"connectionpool": {"bulkhead"}, "adaptivethrottler": {"shed"}, "admissioncontrol": {"shed"},

	// attempts and waits
	"maxattempts": {"attempts"}, "maxretries": {"attempts", "retries"}, "numretries": {"attempts"}, "maxretryattempts": {"attempts"},
	"maxtries": {"attempts"}, "maxhedges": {"attempts"}, "maxhedgedattempts": {"attempts"}, "waitduration": {"backoff"},
	"initialbackoff": {"backoff"}, "maxbackoff": {"backoff"}, "baseinterval": {"backoff"}, "retrybackoff": {"backoff"},
	"initialinterval": {"backoff"}, "backoffmultiplier": {"factor"}, "multiplier": {"factor"}, "randomizationfactor": {"spread"},
	"jitterfactor": {"spread"}, "retryon": {"on"}, "retryablestatuscodes": {"on"}, "recordexceptions": {"on"}, "retryexceptions": {"on"},
	"shouldhandle": {"on"}, "handleerrors": {"on"}, "maxelapsedtime": {"elapsed"}, "maxduration": {"elapsed"}, "retrybudget": {"budget"},
	"retrythrottling": {"budget"}, "previoushosts": {"same_replica"}, "hedgingdelay": {"delay"},
	"pertrytimeout": {"attempt"}, "timeoutduration": {"attempt", "wait"},

	// breaker
	"slidingwindowsize": {"last", "window"}, "slidingwindowtype": {"last", "window"}, "minimumnumberofcalls": {"min_calls"},
	"minimumthroughput": {"min_calls"}, "requestvolumethreshold": {"min_calls"}, "failureratethreshold": {"rate"},
	"errorthresholdpercentage": {"rate"}, "failureratio": {"rate"}, "failurethreshold": {"consecutive"}, "failurethresholdratio": {"rate"},
	"slowcallratethreshold": {"slow_rate"}, "slowcalldurationthreshold": {"slow"}, "waitdurationinopenstate": {"open"},
	"sleepwindow": {"open"}, "sleepwindowinmilliseconds": {"open"}, "breakduration": {"open"}, "durationofbreak": {"open"},
	"resettimeout": {"open"}, "permittednumberofcallsinhalfopenstate": {"permits"}, "maxrequests": {"permits", "max"},
	"successthreshold": {"successes"}, "maxwaitdurationinhalfopenstate": {"trial"}, "samplingduration": {"window"},
	"automatictransitionfromopentohalfopenenabled": {"auto"}, "readytotrip": {"consecutive"}, "rollingstatstimeinmilliseconds": {"window"},

	// outlier
	"consecutive5xx": {"consecutive"}, "consecutive5xxerrors": {"consecutive"}, "consecutivegatewayfailure": {"consecutive_gateway"},
	"consecutivegatewayerrors": {"consecutive_gateway"}, "consecutivelocaloriginfailure": {"consecutive_local"},
	"baseejectiontime": {"base"}, "maxejectiontime": {"max"}, "maxejectiontimejitter": {"jitter"}, "maxejectionpercent": {"max_ejected"},
	"alwaysejectonehost": {"always_one"}, "successrateejection": {"success_rate"}, "failurepercentageejection": {"failure_share"},
	"failurepercentagethreshold": {"failure_share"}, "successratestdevfactor": {"success_rate"}, "failureaccrual": {"accrual"},
	"splitexternallocaloriginerrors": {"split"}, "successfulactivehealthcheckunejecthost": {"checks"},

	// bulkhead, limit, shed
	"maxconcurrentcalls": {"max"}, "maxconcurrentrequests": {"max", "concurrent"}, "maxconcurrency": {"max"}, "maxthreadpoolsize": {"max"},
	"corethreadpoolsize": {"core"}, "coresize": {"core"}, "queuecapacity": {"waiting"}, "maxqueuesize": {"waiting"}, "queuelimit": {"waiting"},
	"maxwaitduration": {"wait"}, "maxwaittime": {"wait"}, "keepaliveduration": {"keep_alive"}, "maxconnections": {"connections"},
	"maxpendingrequests": {"waiting"}, "http1maxpendingrequests": {"waiting"}, "maxconcurrentstreams": {"streams"},
	"limitforperiod": {"rate"}, "limitrefreshperiod": {"rate"}, "permitlimit": {"rate", "max"}, "tokensperfill": {"rate"}, "fillinterval": {"rate"},
	"permitspersecond": {"rate"}, "maxtokens": {"burst"}, "tokenlimit": {"burst"}, "warmupperiod": {"warm_up"}, "coldfactor": {"cold"},
	"initiallimit": {"initial"}, "minlimit": {"min"}, "maxlimit": {"max"}, "rttolerance": {"tolerance"}, "rtttolerance": {"tolerance"},
	"longwindow": {"long_window"}, "rejectionprobability": {"max_reject"}, "maxrejectionprobability": {"max_reject"},

	// balance
	"choicecount": {"choices"}, "tablesize": {"table"}, "minimumringsize": {"ring"}, "minringsize": {"ring"}, "hashbalancefactor": {"bound"},
	"healthypanicthreshold": {"panic"}, "slowstartwindow": {"slow_start"}, "slowstartconfig": {"slow_start"}, "subsetsize": {"subset"},
	"zoneawarelbconfig": {"zones"}, "localitylbsetting": {"zones"}, "decaytime": {"ewma"}, "blackoutperiod": {"reports"},
	"weightupdateperiod": {"reports"}, "weightexpirationperiod": {"reports"}, "errorutilizationpenalty": {"reports"},
	"enableoobloadreport": {"reports"},
}

// kindsAbroad are HTTP's status codes, gRPC's and Envoy's conditions, and the kinds that docs/scenario.md says they
// stand for: the first of several.
var kindsAbroad = map[string]string{
	"500": "failed", "5xx": "failed", "internal": "failed", "unknown": "failed",
	"504": "timeout", "408": "timeout", "deadlineexceeded": "timeout",
	"connectfailure": "refused", "503": "overloaded", "429": "overloaded", "resourceexhausted": "overloaded", "gatewayerror": "overloaded",
	"409": "conflict", "aborted": "conflict", "retriable4xx": "conflict",
}

// nearestKind returns the kind of failure that a name which is none most likely stands for, or "".
func nearestKind(name string) string {
	name = strings.ToLower(written.Replace(name))
	if kind := kindsAbroad[name]; kind != "" {
		return kind
	}
	return Nearest(name, kindNames())
}

var written = strings.NewReplacer("_", "", "-", "", ".", "")

// NearestKey returns the key that a name which is none most likely stands for: by its name in a library, or by
// its letters; "" if there is none.
func NearestKey(name string, keys []string) string {
	for _, ours := range namesAbroad[strings.ToLower(written.Replace(name))] {
		for _, key := range keys {
			if key == ours {
				return key
			}
		}
	}
	return Nearest(name, keys)
}

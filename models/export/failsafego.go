package export

import (
	"fmt"
	"go/format"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/patterns/retry"
)

// failsafeGo writes a function that returns the policies as github.com/failsafe-go/failsafe-go@v0.9.8 has
// them, outermost first.
func failsafeGo(e *edge) string {
	var policies, imports []string
	add := func(pkg, code string) {
		if code != "" {
			policies = append(policies, code)
			imports = append(imports, pkg)
		}
	}
	slots := map[string]func(){
		"total": func() {
			if e.has("timeout") && e.Timeout.Total > 0 {
				add("timeout", fmt.Sprintf("timeout.New[R](%s)", goDuration(e.Timeout.Total)))
			}
		},
		"attempt": func() {
			if e.has("timeout") && e.Timeout.Attempt > 0 {
				add("timeout", fmt.Sprintf("timeout.New[R](%s)", goDuration(e.Timeout.Attempt)))
			}
		},
		"retry": func() {
			if e.has("retry") {
				add("retrypolicy", e.failsafeRetry(&imports))
			}
		},
		"breaker": func() {
			if e.asks("breaker") && e.failsafeBreaks() && e.has("breaker") {
				add("circuitbreaker", e.failsafeBreaker())
			}
		},
		"limit": func() {
			if e.has("limit") {
				add("ratelimiter", e.failsafeLimit())
			}
		},
		"hedge": func() {
			if e.has("hedge") {
				add("hedgepolicy", e.failsafeHedge(&imports))
			}
		},
		"bulkhead": func() {
			if e.has("bulkhead") {
				add("bulkhead", e.failsafeBulkhead())
			}
		},
	}
	for _, slot := range e.Order {
		if write := slots[slot]; write != nil {
			write()
		}
	}
	if e.has("timeout") {
		does := scenario.Timeout{Attempt: e.Timeout.Attempt, Total: e.Timeout.Total, Propagate: "none", Cancel: true}
		compare(e, "timeout", e.Timeout, &does)
	}
	var b strings.Builder
	b.WriteString("package policies\n\nimport (\n")
	if slices.ContainsFunc(policies, func(code string) bool { return strings.Contains(code, "time.") }) {
		b.WriteString("\t\"time\"\n\n")
	}
	fmt.Fprintf(&b, "\t\"github.com/failsafe-go/failsafe-go\"\n")
	for _, pkg := range slices.Compact(slices.Sorted(slices.Values(imports))) {
		fmt.Fprintf(&b, "\t\"github.com/failsafe-go/failsafe-go/%s\"\n", pkg)
	}
	fmt.Fprintf(&b, ")\n\n// %s are the policies between %s and %s, outermost first: failsafe.With(%s[R]()...).\n",
		goName(e.callee), e.caller, e.callee, goName(e.callee))
	fmt.Fprintf(&b, "func %s[R any]() []failsafe.Policy[R] {\n\treturn []failsafe.Policy[R]{\n", goName(e.callee))
	for _, p := range policies {
		fmt.Fprintf(&b, "\t\t%s,\n", p)
	}
	b.WriteString("\t}\n}\n")
	text, err := format.Source([]byte(b.String()))
	if err != nil {
		panic("export: " + err.Error() + "\n" + b.String())
	}
	return string(text)
}

func (e *edge) failsafeRetry(imports *[]string) string {
	cfg := e.Retry.Of()
	does := retry.FailsafeGo()
	b := cfg.Backoff
	code := "retrypolicy.NewBuilder[R]()"
	does.Attempts = cfg.Attempts
	if cfg.Attempts == retry.UnlimitedAttempts {
		code += ".WithMaxAttempts(-1)"
	} else {
		code += fmt.Sprintf(".WithMaxAttempts(%d)", cfg.Attempts)
	}
	does.Backoff = retry.Backoff{First: b.First, Factor: 1}
	switch {
	case b.First == 0:
	case b.Growth == retry.Exponential && b.Factor > 1:
		does.Backoff.Factor, does.Backoff.Max = b.Factor, b.Max
		longest := b.Max
		if longest <= b.First {
			longest = 24 * time.Hour
		}
		code += fmt.Sprintf(".WithBackoffFactor(%s, %s, %v)", goDuration(b.First), goDuration(longest), b.Factor)
	default:
		if neverCapped(b) {
			does.Backoff.Max = b.Max
		}
		code += fmt.Sprintf(".WithDelay(%s)", goDuration(b.First))
	}
	switch {
	case b.First == 0:
	case b.Jitter == retry.Proportional:
		does.Backoff.Jitter, does.Backoff.Spread = b.Jitter, b.Spread
		code += fmt.Sprintf(".WithJitterFactor(%v)", b.Spread)
	case b.Jitter == retry.Around:
		does.Backoff.Jitter, does.Backoff.Width = b.Jitter, b.Width
		code += fmt.Sprintf(".WithJitter(%s)", goDuration(b.Width))
	case b.Jitter != retry.None: // the widest that there is
		does.Backoff.Jitter, does.Backoff.Spread = retry.Proportional, 1
		code += ".WithJitterFactor(1)"
	}
	if does.Elapsed = cfg.Elapsed; cfg.Elapsed > 0 {
		code += fmt.Sprintf(".WithMaxDuration(%s)", goDuration(cfg.Elapsed))
	}
	budget, limited := failsafeBudget(cfg.Budget, imports)
	does.Budget = limited
	code += budget
	compare(e, "retry", scenario.As[scenario.Retry](cfg), scenario.As[scenario.Retry](does))
	return code + ".Build()"
}

// failsafeBudget writes a budget, if it is of the kind that failsafe-go has, and returns what it stands for.
func failsafeBudget(budget retry.BudgetConfig, imports *[]string) (code string, does retry.BudgetConfig) {
	c, ok := budget.(retry.ConcurrencyConfig)
	if !ok {
		return "", nil
	}
	c.PerCall = true
	*imports = append(*imports, "budget")
	return fmt.Sprintf(".WithBudget(budget.NewBuilder().WithMaxRate(%v).WithMinConcurrency(%d).Build())", c.Share, c.Min), c
}

// failsafeBreaks reports whether the breaker has a rule of the kinds that failsafe-go has: it does not know slow
// calls.
func (e *edge) failsafeBreaks() bool {
	cfg := e.Breaker.Of("")
	return cfg.Failures > 0 || cfg.Count > 0 || cfg.Rate > 0
}

func (e *edge) failsafeBreaker() string {
	cfg := e.Breaker.Of("")
	does := breaker.FailsafeGo()
	code := "circuitbreaker.NewBuilder[R]()"
	switch {
	case cfg.Failures > 0 && cfg.Rate == 0 && cfg.Count == 0: // so many in a row are all of the last so many
		cfg = e.lastOf(cfg)
		cfg.Count, cfg.MinCalls = cfg.Last, 0
		does = breaker.FailsafeGoRatio(cfg.Last, cfg.Last)
		code += fmt.Sprintf(".WithFailureThreshold(%d)", cfg.Last)
	case cfg.Count > 0 && cfg.Last > 0:
		does = breaker.FailsafeGoRatio(cfg.Count, cfg.Last)
		code += fmt.Sprintf(".WithFailureThresholdRatio(%d, %d)", cfg.Count, cfg.Last)
	case cfg.Count > 0:
		does = breaker.FailsafeGo()
		does.Count, does.Last, does.Window, does.Steps = cfg.Count, 0, cfg.Window, 10
		code += fmt.Sprintf(".WithFailureThresholdPeriod(%d, %s)", cfg.Count, goDuration(cfg.Window))
	case cfg.Last > 0: // a share of so many calls is a number of them
		n := max(int(math.Ceil(float64(cfg.Rate*float64(cfg.Last))-1e-9)), 1) // 0.55 * 100 is a little more than 55
		does = breaker.FailsafeGoRatio(n, cfg.Last)
		code += fmt.Sprintf(".WithFailureThresholdRatio(%d, %d)", n, cfg.Last)
		if cfg.MinCalls >= cfg.Last {
			cfg.Count, cfg.Rate, cfg.MinCalls = n, 0, 0
		}
	default:
		does = breaker.FailsafeGoRate(cfg.Rate, cfg.MinCalls, cfg.Window)
		code += fmt.Sprintf(".WithFailureRateThreshold(%v, %d, %s)", cfg.Rate, cfg.MinCalls, goDuration(cfg.Window))
	}
	if cfg.Rate == 0 && does.Rate == 0 {
		does.WholePercent = cfg.WholePercent // of what share
	}
	does.Open = cfg.Open
	code += fmt.Sprintf(".WithDelay(%s)", goDuration(cfg.Open))
	if does.OpenJitter = cfg.OpenJitter; cfg.OpenJitter > 0 {
		does.OpenJitter = 0 // its jitter goes both ways
	}
	if cfg.Verdict != breaker.ByRate {
		successes := cfg.Successes
		if successes == 0 {
			successes = cfg.Probes
		}
		does.Probes, does.Successes, does.Verdict = cfg.Probes, successes, breaker.Spare
		cfg.Successes = successes
		if successes == cfg.Probes {
			code += fmt.Sprintf(".WithSuccessThreshold(%d)", successes)
			cfg.Verdict = breaker.Spare // one failure puts all out of reach
		} else {
			code += fmt.Sprintf(".WithSuccessThresholdRatio(%d, %d)", successes, cfg.Probes)
		}
	}
	is := scenario.As[scenario.Breaker](cfg)
	is.Per, is.Forced = e.Breaker.Per, e.Breaker.Forced
	compare(e, "breaker", is, scenario.As[scenario.Breaker](does))
	return code + ".Build()"
}

func (e *edge) failsafeLimit() string {
	cfg := e.Limit.Of(false)
	kind, does := "Bursty", ratelimit.FailsafeBursty()
	if cfg.Algorithm == ratelimit.Smooth || cfg.Algorithm == ratelimit.LeakyBucket {
		kind, does = "Smooth", ratelimit.FailsafeSmooth()
	} else {
		does.Burst = cfg.Limit
	}
	does.Limit, does.Period, does.Wait = cfg.Limit, cfg.Period, max(cfg.Wait, 0)
	code := fmt.Sprintf("ratelimiter.New%sBuilder[R](%d, %s)", kind, cfg.Limit, goDuration(cfg.Period))
	if does.Wait > 0 {
		code += fmt.Sprintf(".WithMaxWaitTime(%s)", goDuration(does.Wait))
	}
	compare(e, "limit", e.Limit, scenario.As[scenario.Limit](does))
	return code + ".Build()"
}

func (e *edge) failsafeHedge(imports *[]string) string {
	cfg := e.Hedge.Of()
	does := hedge.FailsafeGo(cfg.Delay)
	does.Attempts = cfg.Attempts
	code := fmt.Sprintf("hedgepolicy.NewBuilderWithDelay[R](%s)", goDuration(cfg.Delay))
	if cfg.Mode == hedge.Quantile {
		does.Mode, does.Learn = cfg.Mode, e.failsafeLearning(cfg)
		code = fmt.Sprintf("hedgepolicy.NewBuilderWithDelayQuantile[R](%v, %d, %d)", does.Learn.Quantile, quantileAge, does.Learn.MinCalls)
	}
	code += fmt.Sprintf(".WithMaxHedges(%d)", cfg.Attempts-1)
	if cfg.On != 0 { // the first result that is no error wins
		does.On, does.OnFailure = retry.FailsafeGo().On, hedge.InTurn
		code += ".CancelIf(func(_ R, err error) bool { return err == nil })"
	}
	budget, limited := failsafeBudget(cfg.Budget, imports)
	does.Budget = limited
	code += budget
	compare(e, "hedge", scenario.As[scenario.Hedge](cfg), scenario.As[scenario.Hedge](does))
	return code + ".Build()"
}

// quantileAge is about how many latencies its estimate of a quantile remembers.
const quantileAge = 100

// failsafeLearning returns what a hedge learns, and notes that it looks back over latencies, not over a time.
func (e *edge) failsafeLearning(cfg hedge.Config) hedge.Learning {
	is := cfg.Learn
	does := hedge.Learning{
		From: hedge.Results, Step: is.Step, Steps: is.Steps,
		Quantile: min(max(is.Quantile, 0.001), 0.999), MinCalls: max(is.MinCalls, 1), // it panics at less, and at 1
	}
	if cfg.On != 0 {
		does.From = hedge.Successes
	}
	back := fmt.Sprintf("a moving estimate of about the last %d latencies, however old", quantileAge)
	e.remarks = append(e.remarks, Remark{Path: e.path("hedge") + ".step", Is: is.Step.String(), Does: back},
		Remark{Path: e.path("hedge") + ".steps", Is: strconv.Itoa(is.Steps), Does: back})
	return does
}

func (e *edge) failsafeBulkhead() string {
	does := bulkhead.Config{Concurrent: e.Bulkhead.Max}
	code := fmt.Sprintf("bulkhead.NewBuilder[R](%d)", e.Bulkhead.Max)
	if cfg, ok := e.Bulkhead.Of("").(bulkhead.Config); ok && cfg.Wait > 0 {
		does.Wait, does.Waiting = cfg.Wait, scenario.Unlimited
		code += fmt.Sprintf(".WithMaxWaitTime(%s)", goDuration(cfg.Wait))
	}
	compare(e, "bulkhead", e.Bulkhead, scenario.As[scenario.Bulkhead](patterns.Config(does)))
	return code + ".Build()"
}

// goDuration writes a length of time as Go code.
func goDuration(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "Hour"}, {time.Minute, "Minute"}, {time.Second, "Second"}, {time.Millisecond, "Millisecond"}, {time.Microsecond, "Microsecond"}} {
		if d >= u.unit && d%u.unit == 0 {
			return fmt.Sprintf("%d*time.%s", d/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%d*time.Nanosecond", d)
}

// goName makes an exported name of a service's: orders_db is OrdersDb.
func goName(service string) string {
	var b strings.Builder
	for _, word := range strings.Split(service, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

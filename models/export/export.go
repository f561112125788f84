// Package export writes the policies of a scenario as the configuration of a library or a proxy.
//
// What a library is told and what it would then do are written side by side: each target returns its
// configuration together with the policy that this configuration stands for. Where that differs from the
// scenario's, the difference is named. A setting that means nothing in one of the two is not: the one that makes it
// so is.
package export

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns/breaker"
)

// A Target is a library or a proxy.
type Target struct {
	Name  string // resilience4j
	About string // what is written

	write     func(*edge) string
	order     []string // of the slots that it has, outermost first; none: any
	unwritten []string // families of which it has something of the kind that is not written here
}

// Targets lists what can be written.
func Targets() []Target {
	return []Target{
		{"envoy", "Envoy's v3 API: the route and the cluster, YAML", envoy, proxyOrder, []string{"limit", "shed"}},
		{"istio", "Istio 1.27: a VirtualService and a DestinationRule, YAML", istio, proxyOrder, nil},
		{"grpc", "gRPC: a service config, JSON", grpc, proxyOrder, nil},
		{"resilience4j", "resilience4j: application.yml of Spring Boot", resilience4j, []string{"retry", "breaker", "limit", "attempt", "bulkhead"}, nil},
		{"failsafe-go", "failsafe-go: Go", failsafeGo, nil, []string{"fallback", "shed"}},
	}
}

// proxyOrder is how Envoy and gRPC nest: a time for the whole call, and limits for each attempt.
var proxyOrder = []string{"total", "retry", "hedge", "attempt", "bulkhead"}

// Named returns the target of that name; nil if there is none.
func Named(name string) *Target {
	targets := Targets()
	if i := slices.IndexFunc(targets, func(t Target) bool { return t.Name == name }); i >= 0 {
		return &targets[i]
	}
	return nil
}

// A Remark is a setting that a target cannot be told.
type Remark struct {
	Path string // calls.orders.payment.breaker.stale
	Is   string // what the scenario says; empty for a family as a whole
	Does string // what the target does instead; empty if it has nothing of the kind
	Why  string // it cannot be told, where that is not for want of a counterpart

	Unwritten bool // the target has something of the kind, which is not written
}

func (r Remark) String() string {
	switch {
	case r.Unwritten:
		return r.Path + " has a counterpart there that is not exported"
	case r.Why != "":
		return r.Path + " " + r.Why
	case r.Is == "":
		return r.Path + " has no counterpart there"
	case r.Does == "":
		return fmt.Sprintf("%s: %s has no counterpart there", r.Path, r.Is)
	}
	return fmt.Sprintf("%s is %s here, and %s there", r.Path, r.Is, r.Does)
}

// Write returns the policies between a caller and a callee as a target's configuration, what that does not say, and
// what else is needed for it to hold. Only the families that are named are looked at; none: all. Nothing that is
// configured can be expressed where the text is empty.
func (t *Target) Write(caller, callee string, p *scenario.Policies, families ...string) (text string, remarks []Remark, notes []string) {
	e := &edge{caller: caller, callee: callee, Policies: p, families: families}
	text = t.write(e)
	for _, family := range e.configured() {
		if !slices.Contains(e.expressed, family) {
			e.remarks = append(e.remarks, Remark{Path: e.path(family), Unwritten: slices.Contains(t.unwritten, family)})
		}
	}
	e.compareOrder(t.order)
	if len(e.expressed) == 0 {
		return "", e.remarks, nil
	}
	return text, e.remarks, e.notes
}

// An edge is the policies between a caller and a callee, on their way to a target.
type edge struct {
	caller, callee string
	*scenario.Policies
	families  []string // that are asked for
	expressed []string // that the target has a counterpart of
	remarks   []Remark
	notes     []string
}

func (e *edge) path(family string) string {
	return strings.Join([]string{"calls", e.caller, e.callee, family}, ".")
}

// configured lists the families that are configured and asked for.
func (e *edge) configured() []string {
	var list []string
	for _, f := range []struct {
		name string
		is   bool
	}{
		{"fallback", e.Fallback != nil}, {"timeout", e.Timeout != nil}, {"retry", e.Retry != nil}, {"breaker", e.Breaker != nil},
		{"hedge", e.Hedge != nil}, {"limit", e.Limit != nil}, {"shed", e.Shed != nil}, {"outlier", e.Outlier != nil},
		{"bulkhead", e.Bulkhead != nil}, {"balance", true},
	} {
		if f.is && e.about(f.name) {
			list = append(list, f.name)
		}
	}
	for _, own := range e.More {
		if e.about(own.Family) {
			list = append(list, own.Family)
		}
	}
	return list
}

// about reports whether a family is asked for, configured or not: with others only, nothing is written of it.
func (e *edge) about(family string) bool {
	return len(e.families) == 0 || slices.Contains(e.families, family)
}

// compareOrder notes when the policies that are expressed do not stand as the target nests them.
func (e *edge) compareOrder(target []string) {
	if target == nil {
		return
	}
	is := slices.DeleteFunc(slices.Clone(e.Order), func(slot string) bool { return !slices.Contains(target, slot) || !e.takes(slot) })
	does := slices.DeleteFunc(slices.Clone(target), func(slot string) bool { return !slices.Contains(is, slot) })
	if !slices.Equal(is, does) {
		e.remarks = append(e.remarks, Remark{Path: e.path("order"), Is: strings.Join(is, ", "), Does: strings.Join(does, ", ")})
	}
}

// takes reports whether a family that is expressed takes a slot.
func (e *edge) takes(slot string) bool {
	switch slot {
	case "total":
		return slices.Contains(e.expressed, "timeout") && e.Timeout.Total > 0
	case "attempt":
		return slices.Contains(e.expressed, "timeout") && e.Timeout.Attempt > 0
	case "breaker":
		return slices.Contains(e.expressed, "breaker") && e.Breaker.Per == "client"
	}
	return slices.Contains(e.expressed, slot)
}

// deadlines returns the timeout of a whole call and that of each attempt, where a target that retries has both,
// and what they stand for. Of a call that is tried only once, the shorter of the two is the timeout.
func (e *edge) deadlines() (total, perTry time.Duration, does scenario.Timeout) {
	does = scenario.Timeout{Attempt: e.Timeout.Attempt, Total: e.Timeout.Total, Propagate: "none"}
	switch {
	case e.asks("retry"):
		return does.Total, does.Attempt, does
	case e.Retry != nil || e.Hedge != nil: // there are several attempts, and nothing to say how long each may take
		does.Attempt = 0
		return does.Total, 0, does
	case does.Total == 0 || does.Attempt > 0 && does.Attempt < does.Total:
		return does.Attempt, 0, does
	}
	return does.Total, 0, does
}

// compare notes in what a target would do otherwise than the scenario.
func compare[T any](e *edge, family string, is, does *T) {
	off := "" // the section of a rule that only one of them has
	for _, d := range scenario.Differences(is, does) {
		if off != "" && strings.HasPrefix(d.Key, off) {
			continue
		}
		if section, key, ok := strings.Cut(d.Key, "."); ok && (key == "failures" || key == "factor" || key == "threshold") && (d.A == "none") != (d.B == "none") {
			off = section + "."
		}
		if r, ok := any(does).(*scenario.Retry); ok && d.Key == "jitter" && d.B == "proportional" {
			d.B += fmt.Sprintf(" by %v%%", percent(r.Backoff.Spread)) // which means nothing with another jitter, so it is no difference
		}
		e.remarks = append(e.remarks, Remark{Path: e.path(family) + "." + d.Key, Is: d.A, Does: d.B})
	}
}

// hedgeOrRetry notes that a call is hedged or retried, which the target does not do both.
func (e *edge) hedgeOrRetry() {
	e.remarks = append(e.remarks, Remark{Path: e.path("hedge"), Why: "is left out: there a call is either retried or hedged"})
}

// lastOf turns a rule of a breaker that trips at so many failures in a row into the same rule of the last so many
// calls, and notes what that does not know: when those calls were.
func (e *edge) lastOf(cfg breaker.Config) breaker.Config {
	without := func(key, is string) {
		e.remarks = append(e.remarks, Remark{Path: e.path("breaker") + "." + key, Is: is, Does: "none"})
	}
	if cfg.Gap > 0 {
		without("gap", cfg.Gap.String())
	}
	if cfg.RowInWindow {
		without("row_in_window", "true")
	}
	if cfg.AtStart {
		without("at_start", "true")
	}
	cfg.Last, cfg.Failures = cfg.Failures, 0
	cfg.Gap, cfg.RowInWindow, cfg.AtStart = 0, false, false
	return cfg
}

// asks reports whether a family is configured and asked for.
func (e *edge) asks(family string) bool { return slices.Contains(e.configured(), family) }

// has reports whether a family is configured and asked for, and notes that the target expresses it.
func (e *edge) has(family string) bool {
	if !e.asks(family) {
		return false
	}
	if !slices.Contains(e.expressed, family) {
		e.expressed = append(e.expressed, family)
	}
	return true
}

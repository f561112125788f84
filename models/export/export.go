// Package export writes the policies of a scenario as the configuration of a library or a proxy.
//
// What a library is told and what it would then do are written side by side: each target returns its
// configuration together with the policy that this configuration stands for. Where that differs from the
// scenario's, the difference is named, so nothing is lost silently: a setting is either expressed or said to
// be left out.
package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nines-sim/nines/models/scenario"
)

// A Target is a library or a proxy.
type Target struct {
	Name  string // resilience4j
	About string // what is written

	write func(*edge) string
}

// Targets lists what can be written.
func Targets() []Target {
	return []Target{
		{"envoy", "Envoy's v3 API: the route and the cluster, YAML", envoy},
		{"istio", "Istio: a VirtualService and a DestinationRule, YAML", istio},
		{"grpc", "gRPC: a service config, JSON", grpc},
		{"resilience4j", "resilience4j: application.yml of Spring Boot", resilience4j},
		{"failsafe-go", "failsafe-go: Go", failsafeGo},
	}
}

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
	Is   string // what the scenario says
	Does string // what the target does instead; empty if it has nothing of the kind
}

func (r Remark) String() string {
	if r.Does == "" {
		return fmt.Sprintf("%s: %s has no counterpart", r.Path, r.Is)
	}
	return fmt.Sprintf("%s is %s here, and %s there", r.Path, r.Is, r.Does)
}

// Write returns the policies between a caller and a callee as a target's configuration, and what that does not
// say. Only the families that are named are looked at; none: all. Nothing that is configured can be
// expressed where the text is empty.
func (t *Target) Write(caller, callee string, p *scenario.Policies, families ...string) (text string, remarks []Remark) {
	e := &edge{caller: caller, callee: callee, Policies: p, families: families}
	text = t.write(e)
	for _, family := range e.configured() {
		if !slices.Contains(e.expressed, family) {
			e.remarks = append(e.remarks, Remark{Path: e.path(family), Is: "it"})
		}
	}
	if len(e.expressed) == 0 {
		text = ""
	}
	return text, e.remarks
}

// An edge is the policies between a caller and a callee, on their way to a target.
type edge struct {
	caller, callee string
	*scenario.Policies
	families  []string // that are asked for
	expressed []string // that the target has a counterpart of
	remarks   []Remark
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
		if f.is && (len(e.families) == 0 || slices.Contains(e.families, f.name)) {
			list = append(list, f.name)
		}
	}
	return list
}

// compare notes in what a target would do otherwise than the scenario.
func compare[T any](e *edge, family string, is, does *T) {
	for _, d := range scenario.Differences(is, does) {
		e.remarks = append(e.remarks, Remark{e.path(family) + "." + d.Key, d.A, d.B})
	}
}

// has reports whether a family is configured and asked for, and notes that the target expresses it.
func (e *edge) has(family string) bool {
	if !slices.Contains(e.configured(), family) {
		return false
	}
	if !slices.Contains(e.expressed, family) {
		e.expressed = append(e.expressed, family)
	}
	return true
}

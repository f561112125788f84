package scenario

import (
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/patterns"
)

// A Fallback answers in place of a call that failed; the answer is degraded. Exactly one of send,
// stale, value and call is set.
type Fallback struct {
	Send       string         `nines:"send,ref=queue,none"`        // leave a message in this queue and promise the effect
	Stale      time.Duration  `nines:"stale,none"`                 // the last good answer, if it is no older
	Size       int            `nines:"size,min=1"`                 // good answers that a client keeps for stale; the least recently used goes first
	Value      string         `nines:"value,one=default,none"`     // an answer that fits all
	Call       string         `nines:"call,ref=op,none"`           // ask this operation instead, with the policies between the caller and its service
	Degraded   bool           `nines:"degraded"`                   // whether the answer to call is of lower quality than the one that failed
	Concurrent int            `nines:"concurrent,min=1,unlimited"` // failed calls of a client that are being answered so at a time; those beyond that stay failed
	On         patterns.Kinds `nines:"on"`                         // kinds of failure that it stands in for
}

// No bound, as in resilience4j, Polly and failsafe-go; Hystrix has concurrent: 10. The 10000 answers are our
// choice.
func (f *Fallback) defaults() {
	f.Size, f.Degraded, f.Concurrent = 10_000, true, Unlimited
	f.On = patterns.Transient | patterns.KindsOf(patterns.Rejected)
}

func (f *Fallback) excludes(key string) string {
	switch {
	case key == "size" && f.Stale == 0:
		return "has a meaning only with stale"
	case key == "degraded" && f.Call == "":
		return "has a meaning only with call: every other answer is degraded"
	}
	return ""
}

func (f *Fallback) check(fail func(key, problem string)) {
	set := 0
	for _, is := range []bool{f.Send != "", f.Stale > 0, f.Value != "", f.Call != ""} {
		if is {
			set++
		}
	}
	if set != 1 {
		fail("", "needs exactly one of send, stale, value and call")
	}
	if f.On == 0 {
		fail("on", "is empty: needs a kind of failure that it stands in for")
	}
}

// standIns returns what a caller calls if its calls of a service fail, and what if those fail too, and so on. If
// they go in a circle, the last one closes it.
func (c *Calls) standIns(caller, service string) (refs []string) {
	seen := []string{service}
	for service != "" {
		f := c.Between(caller, service).Fallback
		if f == nil || f.Call == "" {
			return refs
		}
		refs = append(refs, f.Call)
		if service, _ = cut(f.Call); slices.Contains(seen, service) {
			return refs
		}
		seen = append(seen, service)
	}
	return refs
}

// fallbackPath is where the fallback of a pair is written.
func (c *Calls) fallbackPath(caller, service string) string {
	for _, from := range c.Callers {
		for _, to := range from.Callees {
			if from.Name == caller && to.Name == service {
				return "calls." + caller + "." + service + ".fallback"
			}
		}
	}
	return "calls.default.fallback"
}

// fallbacks finds calls that stand in for each other.
func (r *reviewer) fallbacks(caller string) {
	for _, service := range r.callees(caller) {
		way := []string{service}
		for _, ref := range r.s.Calls.standIns(caller, service) {
			next, _ := cut(ref)
			way = append(way, next)
		}
		if n := len(way); n > 1 && way[n-1] == way[0] { // one of those in the circle: others lead into it
			r.fail(r.s.Calls.fallbackPath(caller, way[n-2])+".call", "",
				"the fallbacks of %s go in a circle: %s; set calls.%s.%s.fallback to none", caller, strings.Join(way, " -> "), caller, way[n-2])
			return
		}
	}
}

// fallback checks what a fallback refers to.
func (r *reviewer) fallback(path string, f *Fallback) {
	switch {
	case f == nil:
	case f.Send != "":
		r.known(path+".send", "queue", f.Send, r.queues)
	case f.Call != "":
		r.op(path+".call", f.Call)
	}
}

// failing is the share of the calls of an operation that its fallbacks answer, when all is calm: those that
// fail without any fault.
func (s *Scenario) failing(ref string) float64 {
	if _, op := s.Op(ref); op != nil {
		return op.Errors
	}
	return 0
}

// hasStandIns reports whether any pair falls back on another call.
func (s *Scenario) hasStandIns() bool {
	is := func(p *Policies) bool { return p.Fallback != nil && p.Fallback.Call != "" }
	return is(&s.Calls.Default) || slices.ContainsFunc(s.Calls.Callers, func(from Caller) bool {
		return slices.ContainsFunc(from.Callees, func(to Callee) bool { return is(&to.Policies) })
	})
}

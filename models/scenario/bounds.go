package scenario

import (
	"fmt"
	"slices"
	"strconv"
)

// bounds says which limits and bulkheads turn calls away without any fault: a limit that is below the calls that
// come, and a bulkhead with room for fewer than are under way. By Little's law those are the calls a second
// times how long one takes, here without any wait. Calls are taken to be spread evenly over replicas.
func (s *Scenario) bounds() (list []finding) {
	note := func(path, format string, args ...any) {
		list = append(list, finding{path, fmt.Sprintf(format, args...), ""})
	}
	f := s.flow(always, nil, s.failing)
	for i := range s.Services {
		svc := &s.Services[i]
		if l := svc.Limit; l != nil {
			if rate := f.rate[svc.Name]; l.below(rate, svc.Instances()) {
				note("services."+svc.Name+".limit", "is below the %s calls/s that come without any fault", brief(rate))
			}
		}
	}
	for _, e := range f.edges(s) {
		path, clients := "calls."+e.caller+"."+e.callee, float64(s.clientsOf(e.caller))
		p := s.Calls.Between(e.caller, e.callee)
		if l := p.Limit; l != nil && l.below(e.rate, s.clientsOf(e.caller)) {
			note(path+".limit", "%s makes %s calls/s without any fault, which is more than it allows", e.caller, brief(e.rate))
		}
		if b := p.Bulkhead; b != nil && b.Room() < e.underWay/clients {
			note(path+".bulkhead", "has room for %s calls, but without any fault %s are under way from each client", brief(b.Room()), brief(e.underWay/clients))
		}
	}
	return list
}

// A busyEdge is how much one caller asks of one service.
type busyEdge struct {
	caller, callee string
	rate           float64 // calls a second
	underWay       float64 // at one time, if none waits
}

// edges sums what callers ask for, in the order of the scenario.
func (f flow) edges(s *Scenario) (list []busyEdge) {
	for _, d := range f.asked {
		callee, _ := cut(d.ref)
		i := slices.IndexFunc(list, func(e busyEdge) bool { return e.caller == d.caller && e.callee == callee })
		if i < 0 {
			i = len(list)
			list = append(list, busyEdge{caller: d.caller, callee: callee})
		}
		list[i].rate += d.rate
		list[i].underWay += float64(d.rate * s.idleTime(d.ref))
	}
	return list
}

// below reports whether a limit that so many keep, or share, allows less than a rate.
func (l *Limit) below(rate float64, keepers int) bool {
	allowed := float64(l.Limit.N) / l.Limit.In.Seconds()
	if l.Shared == nil {
		allowed *= float64(keepers)
	}
	return allowed < rate
}

// Room is how many calls may be under way at once.
func (b *Bulkhead) Room() float64 {
	if b.Kind == "thresholds" {
		return min(float64(b.Max), float64(b.Connections)*float64(b.Streams))
	}
	return float64(b.Max)
}

// brief writes a number as people say it.
func brief(x float64) string { return strconv.FormatFloat(x, 'g', 3, 64) }

package scenario

import (
	"slices"
)

// Calls holds the policies of callers: calls.<caller>.<callee>.<family>. A caller is a service, a
// queue (its consumers) or a stream of the workload; a callee is a service. A family that a pair
// does not name comes from calls.default; naming one replaces it whole.
type Calls struct {
	Default Policies `nines:"default"` // for every pair that does not name the family
	Callers []Caller `nines:",rest"`   // by the caller's name
}

// A Caller holds the policies of one caller.
type Caller struct {
	Name    string   `nines:",name"`
	Callees []Callee `nines:",rest"` // by the callee's name
}

// A Callee holds the policies between one caller and one callee, with what came from calls.default.
type Callee struct {
	Name     string `nines:",name"`
	Policies `nines:",inline"`
}

// Policies are what a caller wraps around its calls. A family that is none is not used.
type Policies struct {
	Timeout  *Timeout  `nines:"timeout"`      // give up waiting
	Retry    *Retry    `nines:"retry"`        // try again
	Hedge    *Hedge    `nines:"hedge"`        // send another copy if there is no answer soon
	Breaker  *Breaker  `nines:"breaker"`      // stop calling a callee that keeps failing
	Balance  Balance   `nines:"balance"`      // choose a replica
	Outlier  *Outlier  `nines:"outlier"`      // leave out replicas that do worse than others
	Fallback *Fallback `nines:"fallback"`     // answer something else instead of failing
	Limit    *Limit    `nines:"limit"`        // bound the calls in a time
	Shed     *Shed     `nines:"shed"`         // turn calls away while too few are accepted, or they take too long
	Bulkhead *Bulkhead `nines:"bulkhead"`     // bound the calls under way
	More     []Own     `nines:",families"`    // families of the catalog, in its order
	Order    []string  `nines:"order,unique"` // slots of the policies, outermost first; those that no policy takes may be left out
}

// Slots are the places of policies around a call, outermost first. This is the default of
// calls.*.*.order; the order of keys in the file never means anything. It is resilience4j's order of
// retry, breaker, limiter, timeout and bulkhead; each copy of a hedged call has a timeout of its own.
func Slots() []string {
	return []string{"fallback", "total", "retry", "breaker", "limit", "shed", "hedge", "attempt", "bulkhead"}
}

func (p *Policies) defaults() { p.Order = Slots() }

// takes reports whether a policy takes a slot.
func (p *Policies) takes(slot string) bool {
	switch slot {
	case "fallback":
		return p.Fallback != nil
	case "total":
		return p.Timeout != nil && p.Timeout.Total > 0
	case "retry":
		return p.Retry != nil
	case "breaker":
		return p.Breaker != nil && p.Breaker.Per == "client"
	case "limit":
		return p.Limit != nil
	case "shed":
		return p.Shed != nil
	case "hedge":
		return p.Hedge != nil
	case "attempt":
		return p.Timeout != nil && p.Timeout.Attempt > 0
	case "bulkhead":
		return p.Bulkhead != nil
	}
	return false
}

// An Own policy is one of a family that the catalog adds.
type Own struct {
	Family string // name of the family
	Slot   string // that it takes
	Config any    // what its Config func returned, decoded into
}

// written reports whether the pair has policies of its own.
func (c *Calls) written(caller, callee string) bool {
	return slices.ContainsFunc(c.Callers, func(from Caller) bool {
		return from.Name == caller && slices.ContainsFunc(from.Callees, func(to Callee) bool { return to.Name == callee })
	})
}

// Between returns the policies that caller uses for callee: those of the pair, or calls.default.
func (c *Calls) Between(caller, callee string) Policies {
	for _, from := range c.Callers {
		if from.Name != caller {
			continue
		}
		for _, to := range from.Callees {
			if to.Name == callee {
				return to.Policies
			}
		}
	}
	return c.Default
}

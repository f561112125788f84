package scenario

import (
	"fmt"
	"slices"
)

// slots of the families of this package; balance and order take none.
var slots = map[string][]string{
	"timeout": {"total", "attempt"}, "retry": {"retry"}, "hedge": {"hedge"}, "breaker": {"breaker"},
	"fallback": {"fallback"}, "limit": {"limit"}, "shed": {"shed"}, "bulkhead": {"bulkhead"},
}

// slotsOf returns the places around a call that a family takes.
func slotsOf(family string, c *Catalog) []string {
	if f := c.family(family); f != nil {
		return []string{f.slot()}
	}
	return slots[family]
}

func (f *Family) slot() string {
	if f.Slot == "" {
		return f.Name
	}
	return f.Slot
}

// inherit gives each written pair the families of calls.default that it does not name, and whose
// slots it does not fill otherwise. It changes root.
func inherit(root *node, c *Catalog) {
	calls := root.there("calls")
	def := calls.there("default")
	if def == nil || def.kind != mapping {
		return
	}
	for _, caller := range calls.fields {
		if caller.key == "default" || caller.value.kind != mapping {
			continue
		}
		for _, callee := range caller.value.fields {
			pair := callee.value
			if pair.kind != mapping {
				continue
			}
			var taken []string
			for _, key := range pair.keys() {
				taken = append(taken, slotsOf(key, c)...)
			}
			for _, f := range def.fields {
				free := !slices.ContainsFunc(slotsOf(f.key, c), func(slot string) bool { return slices.Contains(taken, slot) })
				if pair.get(f.key) == nil && free {
					pair.fields = append(pair.fields, f)
				}
			}
		}
	}
}

// clashes reports policies that take the same place around a call.
func clashes(root *node, c *Catalog) Errors {
	var errs Errors
	look := func(path string, policies *node) {
		takes := make(map[string]string)
		for _, f := range policies.fields {
			for _, slot := range slotsOf(f.key, c) {
				if f.value.isNone() {
					continue
				}
				if other := takes[slot]; other != "" {
					errs = append(errs, f.pos.fail(join(path, f.key), fmt.Sprintf("%s and %s both take the place %s", other, f.key, slot), ""))
				}
				takes[slot] = f.key
			}
		}
	}
	calls := root.there("calls")
	if calls == nil {
		return nil
	}
	for _, caller := range calls.fields {
		if caller.key == "default" {
			look("calls.default", caller.value)
			continue
		}
		for _, callee := range caller.value.fields {
			look("calls."+caller.key+"."+callee.key, callee.value)
		}
	}
	return errs
}

// fill computes the values that follow from others when the file leaves them out.
func (s *Scenario) fill() {
	for i := range s.Services {
		svc := &s.Services[i]
		if svc.External {
			continue
		}
		if svc.Threads == 0 {
			svc.Threads = svc.CPUs
		}
		if len(svc.Spread) == 0 {
			svc.Spread = slices.Clone(s.Zones)
		}
		if store := svc.Store; store != nil && store.Ack == "quorum" {
			if store.W == 0 {
				store.W = store.Copies/2 + 1
			}
			if store.R == 0 {
				store.R = store.Copies/2 + 1
			}
		}
	}
	s.Calls.Default.fill()
	for i := range s.Calls.Callers {
		for j := range s.Calls.Callers[i].Callees {
			s.Calls.Callers[i].Callees[j].fill()
		}
	}
	for i := range s.Alerts {
		s.Alerts[i].fill()
	}
	for i := range s.Faults {
		s.Faults[i].fill(s)
	}
}

// fill gives the families that have a slot of their own the innermost places.
func (p *Policies) fill() {
	for _, policy := range p.More {
		if !slices.Contains(Slots(), policy.Slot) && !slices.Contains(p.Order, policy.Slot) {
			p.Order = append(p.Order, policy.Slot)
		}
	}
}

// fill puts the preset's rules before those that are written; one of the same name replaces it.
func (a *Alert) fill() {
	if a.Preset != "sre-workbook" {
		return
	}
	rules := SREWorkbook()
	for _, own := range a.Rules {
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == own.Name })
		if i < 0 {
			rules = append(rules, own)
		} else {
			rules[i] = own
		}
	}
	a.Rules = rules
}

// fill decides what a fault meets one of.
func (f *Fault) fill(s *Scenario) {
	section, name := cut(f.On)
	svc := s.Service(name)
	switch {
	case f.Each != "":
	case section == "zones":
		f.Each = "zone"
	case section == "workload":
		f.Each = "stream"
	case svc != nil && svc.External:
		f.Each = "service"
	case faultEach[f.Kind] != nil:
		f.Each = faultEach[f.Kind][0]
	}
}

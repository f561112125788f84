package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/patterns/balance"
)

// Validate reports every mistake that the types cannot rule out: names of things that do not
// exist, calls in a circle, faults that cannot happen to their victims. A scenario of a [File] has
// passed it; one that is made or changed in Go may not.
func (s *Scenario) Validate() error {
	c := review(s)
	var errs []error
	for _, f := range c.wrong {
		errs = append(errs, position{}.fail(f.path, f.problem, f.near))
	}
	return errors.Join(errs...)
}

// A finding is something about the value at a path.
type finding struct{ path, problem, near string }

// A reviewer looks at a whole scenario.
type reviewer struct {
	s     *Scenario
	wrong []finding // mistakes
	notes []finding // allowed, but worth knowing

	services, queues, ops, streams, callers []string
}

func (r *reviewer) fail(path, near, format string, args ...any) {
	r.wrong = append(r.wrong, finding{path, fmt.Sprintf(format, args...), near})
}

func (r *reviewer) note(path, format string, args ...any) {
	r.notes = append(r.notes, finding{path, fmt.Sprintf(format, args...), ""})
}

// known reports a name that is not one of the names of its kind.
func (r *reviewer) known(path, what, name string, names []string) bool {
	if slices.Contains(names, name) {
		return true
	}
	r.fail(path, Nearest(name, names), "there is no %s %q", what, name)
	return false
}

func review(s *Scenario) *reviewer {
	r := &reviewer{s: s}
	for i := range s.Services {
		r.services = append(r.services, s.Services[i].Name)
		for _, op := range s.Services[i].Ops {
			r.ops = append(r.ops, s.Services[i].Name+"."+op.Name)
		}
	}
	for _, q := range s.Queues {
		r.queues = append(r.queues, q.Name)
	}
	for _, w := range s.Workload {
		r.streams = append(r.streams, w.Name)
	}
	r.callers = slices.Concat(r.services, r.queues, r.streams)
	r.names()
	r.sizes()
	r.theServices()
	r.circles()
	r.theQueues()
	r.theCalls()
	r.theChoices()
	r.theWorkload()
	r.theObjectives()
	r.theHealing()
	r.theFaults()
	r.theStudy()
	return r
}

// names must say who calls: services, queues and streams share one set of names.
func (r *reviewer) names() {
	var seen []string
	for _, of := range []struct {
		section string
		names   []string
	}{{"services", r.services}, {"queues", r.queues}, {"workload", r.streams}} {
		for _, name := range of.names {
			switch {
			case name == "default":
				r.fail(of.section+"."+name, "", "the name default is taken by calls.default")
			case slices.Contains(seen, name):
				r.fail(of.section+"."+name, "", "another service, queue or stream has the same name; calls.%s could be either", name)
			}
			seen = append(seen, name)
		}
	}
}

// sizes are those of what is counted by name in every call: a bit each.
func (r *reviewer) sizes() {
	if n := len(r.s.Faults); n > 64 {
		r.fail("faults", "", "has %d entries, need at most 64", n)
	}
	if n := len(r.s.Objectives); n > 32 {
		r.fail("objectives", "", "has %d entries, need at most 32", n)
	}
	effects := map[string]bool{}
	for _, o := range r.s.Objectives {
		for _, effect := range o.Once {
			effects[effect] = true
		}
	}
	for _, q := range r.s.Queues {
		effects[cmp.Or(q.To, q.Name)] = true
	}
	if n := len(effects); n > 32 {
		r.fail("queues", "", "promise, with what objectives want once, %d different effects, need at most 32", n)
	}
}

func (r *reviewer) theServices() {
	for _, svc := range r.s.Services {
		path := "services." + svc.Name
		if len(svc.Ops) == 0 {
			r.fail(path+".ops", "", "is empty: the service can be asked for nothing")
		}
		for i, zone := range svc.Spread {
			r.known(fmt.Sprintf("%s.spread[%d]", path, i), "zone", zone, r.s.Zones)
		}
		if store := svc.Store; store != nil && store.Ack == "quorum" && store.W+store.R <= store.Copies {
			r.note(path+".store", "w + r is %d and not more than the %d copies: reads can miss the newest write", store.W+store.R, store.Copies)
		}
		if svc.Queue.DropExpired && !slices.ContainsFunc(r.callersOf(svc.Name), func(caller string) bool {
			t := r.s.Calls.Between(caller, svc.Name).Timeout
			return t.Propagates()
		}) {
			r.note(path+".queue.drop_expired", "nobody who calls %s passes a deadline on (timeout.propagate)", svc.Name)
		}
		for _, op := range svc.Ops {
			at := path + ".ops." + op.Name
			if op.Work.Form == Fixed && op.Work.Mean > 0 {
				r.note(at+".work", "is exactly %v: real work varies; exp %v and {p50, p99} do", op.Work, op.Work)
			}
			if svc.Threads <= svc.CPUs && !svc.External && slices.ContainsFunc(op.Calls, func(step Step) bool { return step.Send == "" }) {
				r.note(at+".calls", "%s has no more threads than cpus (%d), and each call holds one while it waits for others", svc.Name, svc.CPUs)
			}
			r.steps(at+".calls", op.Calls)
		}
	}
}

func (r *reviewer) steps(path string, steps []Step) {
	for i, step := range steps {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case step.Call != "":
			r.op(at, step.Call)
		case step.Send != "":
			r.known(at, "queue", step.Send, r.queues)
		default:
			r.steps(at+".parallel", step.Parallel)
		}
	}
}

// op reports a reference that is not an operation. A queue in its place is a common slip.
func (r *reviewer) op(path, ref string) {
	if slices.Contains(r.queues, ref) {
		r.fail(path, "{send: "+ref+"}", "%s is a queue, which is not called", ref)
		return
	}
	if slices.Contains(r.services, ref) {
		svc := r.s.Service(ref)
		if len(svc.Ops) > 0 {
			r.fail(path, ref+"."+svc.Ops[0].Name, "%s is a service, expected one of its operations", ref)
			return
		}
	}
	r.known(path, "operation", ref, r.ops)
}

// circles finds operations that wait for themselves.
func (r *reviewer) circles() {
	done := make(map[string]bool)
	var way []string
	var visit func(ref string)
	visitCall := func(path, ref string) {
		if from := slices.Index(way, ref); from >= 0 {
			r.fail(path, "", "the calls go in a circle: %s -> %s", strings.Join(way[from:], " -> "), ref)
		} else if ref != "" {
			visit(ref)
		}
	}
	var visitSteps func(caller, path string, steps []Step)
	visitSteps = func(caller, path string, steps []Step) {
		for i, step := range steps {
			at := fmt.Sprintf("%s[%d]", path, i)
			visitCall(at, step.Call)
			service, _ := cut(step.Call)
			for _, ref := range r.s.Calls.standIns(caller, service) {
				visitCall(r.s.Calls.fallbackPath(caller, service)+".call", ref)
				service, _ = cut(ref)
			}
			visitSteps(caller, at+".parallel", step.Parallel)
		}
	}
	visit = func(ref string) {
		svc, op := r.s.Op(ref)
		if op == nil || done[ref] {
			return
		}
		way = append(way, ref)
		visitSteps(svc.Name, "services."+svc.Name+".ops."+op.Name+".calls", op.Calls)
		way = way[:len(way)-1]
		done[ref] = true
	}
	for _, ref := range r.ops {
		visit(ref)
	}
}

func (r *reviewer) theQueues() {
	for _, q := range r.s.Queues {
		path := "queues." + q.Name
		if q.To != "" {
			r.op(path+".to", q.To)
		} else if q.Work.IsZero() {
			r.note(path, "its consumers do nothing: it has neither to nor work")
		}
	}
}

// callees returns the services that a caller calls, in order, with those that stand in for others.
func (r *reviewer) callees(caller string) []string {
	var names []string
	add := func(ref string) {
		service, _ := cut(ref)
		for _, ref := range append([]string{ref}, r.s.Calls.standIns(caller, service)...) {
			if svc, _ := r.s.Op(ref); svc != nil && !slices.Contains(names, svc.Name) {
				names = append(names, svc.Name)
			}
		}
	}
	var steps func([]Step)
	steps = func(list []Step) {
		for _, step := range list {
			add(step.Call)
			steps(step.Parallel)
		}
	}
	if svc := r.s.Service(caller); svc != nil {
		for _, op := range svc.Ops {
			steps(op.Calls)
		}
	}
	if q := r.s.Queue(caller); q != nil {
		add(q.To)
	}
	for _, w := range r.s.Workload {
		if w.Name == caller {
			for _, share := range w.Mix {
				add(share.Op)
			}
		}
	}
	return names
}

func (r *reviewer) callersOf(service string) []string {
	return slices.DeleteFunc(slices.Clone(r.callers), func(caller string) bool {
		return !slices.Contains(r.callees(caller), service)
	})
}

func (r *reviewer) theCalls() {
	for _, caller := range r.callers {
		r.fallbacks(caller)
	}
	r.policies("calls.default", &r.s.Calls.Default)
	for i := range r.s.Calls.Callers {
		caller := &r.s.Calls.Callers[i]
		path := "calls." + caller.Name
		if !r.known(path, "service, queue or stream", caller.Name, r.callers) {
			continue
		}
		called := r.callees(caller.Name)
		for j := range caller.Callees {
			callee := &caller.Callees[j]
			at := path + "." + callee.Name
			if r.known(at, "service", callee.Name, r.services) && !slices.Contains(called, callee.Name) {
				r.note(at, "%s does not call %s here: its policies are not used", caller.Name, callee.Name)
			}
			r.policies(at, &callee.Policies)
		}
	}
}

// theChoices notes what callers want of the choice of a replica that cannot be.
func (r *reviewer) theChoices() {
	noted := make(map[string]bool)
	note := func(path, format string, args ...any) {
		if !noted[path] {
			noted[path] = true
			r.note(path, format, args...)
		}
	}
	for _, caller := range r.callers {
		for _, name := range r.callees(caller) {
			p, callee := r.s.Calls.Between(caller, name), r.s.Service(name)
			path := "calls.default"
			if r.s.Calls.written(caller, name) {
				path = "calls." + caller + "." + name
			}
			if p.Balance.Zones.Mode != balance.Ignore && r.s.Service(caller) == nil {
				note(path+".balance.zones", "%s is in no zone: zones do not matter to it", caller)
			}
			if b := p.Breaker; b != nil && b.Last > 0 && b.MinCalls > b.Last {
				note(path+".breaker.min_calls", "is %d, of which the window of the last %d has room for %d only: those are enough", b.MinCalls, b.Last, b.Last)
			}
			if p.Hedge != nil && callee.Instances() == 1 && !callee.External {
				note(path+".hedge", "%s has one replica: a copy waits where the first waits", name)
			}
			if p.Outlier == nil {
				continue
			}
			switch n := callee.Instances(); {
			case callee.External:
				note(path+".outlier", "%s is external, and one: nothing is ever ejected", name)
			case callee.Store != nil && (callee.Store.Ack == "quorum" || callee.Store.Reads != "any"):
				note(path+".outlier", "no balancer chooses among the copies of %s: what is ejected is called all the same", name)
			case p.Outlier.never(n) != "":
				note(path+".outlier", "nothing is ever ejected of the %d of %s: %s", n, name, p.Outlier.never(n))
			}
		}
	}
}

func (r *reviewer) policies(path string, p *Policies) {
	places := Slots()
	for _, policy := range p.More {
		places = append(places, policy.Slot)
	}
	for i, slot := range p.Order {
		r.known(fmt.Sprintf("%s.order[%d]", path, i), "place around a call", slot, places)
	}
	for i, slot := range places {
		taken := p.takes(slot) || i >= len(Slots())
		if taken && !slices.Contains(p.Order, slot) {
			r.fail(path+".order", "", "leaves out %s, which a policy here takes: it names the place of each, outermost first", slot)
		}
	}
	r.fallback(path+".fallback", p.Fallback)
	if t := p.Timeout; t != nil && t.Total > 0 && t.Attempt > t.Total {
		r.note(path+".timeout.attempt", "is longer than the total of %s, which ends every attempt first", formatDuration(t.Total))
	}
	if p.Retry != nil && p.Retry.Attempts > 1 && (p.Timeout == nil || p.Timeout.Attempt == 0) {
		r.note(path+".retry", "a call without timeout.attempt can wait for ever, and is then never tried again")
	}
	if p.Breaker != nil && (p.Timeout == nil || p.Timeout.Attempt == 0 && p.Timeout.Total == 0) {
		r.note(path+".breaker", "a probe without a timeout can wait for ever, and the breaker with it")
	}
	if p.Timeout == nil || p.Timeout.Attempt == 0 && p.Timeout.Total == 0 {
		const forEver = "a call without a timeout whose answer never comes counts as under way for ever"
		if p.Shed != nil && p.Shed.Kind != "throttle" {
			r.note(path+".shed", forEver)
		}
		if p.Bulkhead != nil {
			r.note(path+".bulkhead", forEver)
		}
	}
}

func (r *reviewer) theWorkload() {
	if len(r.s.Workload) == 0 {
		r.note("", "there is no workload: nothing is called")
	}
	for _, w := range r.s.Workload {
		for _, share := range w.Mix {
			r.op("workload."+w.Name+".mix."+share.Op, share.Op)
		}
	}
}

func (r *reviewer) theObjectives() {
	for _, o := range r.s.Objectives {
		path := "objectives." + o.Name
		r.op(path+".of", o.Of)
		for i, ref := range o.Once {
			r.op(fmt.Sprintf("%s.once[%d]", path, i), ref)
		}
		if _, op := r.s.Op(o.Of); op != nil && !slices.ContainsFunc(r.s.Workload, func(w Stream) bool {
			return slices.ContainsFunc(w.Mix, func(share Share) bool { return share.Op == o.Of })
		}) {
			r.note(path+".of", "no stream of the workload asks for %s itself: the objective counts nothing", o.Of)
		}
	}
}

func (r *reviewer) theHealing() {
	var alerts, objectives []string
	for _, o := range r.s.Objectives {
		objectives = append(objectives, o.Name)
	}
	for _, a := range r.s.Alerts {
		alerts = append(alerts, a.Name)
		section, name := cut(a.On)
		if section != "objectives" {
			near := Nearest(a.On, prefixed("objectives", objectives))
			if slices.Contains(objectives, a.On) {
				near = "objectives." + a.On
			}
			r.fail("alerts."+a.Name+".on", near, "is %s, expected objectives.<name>", a.On)
		} else if r.known("alerts."+a.Name+".on", "objective", name, objectives) {
			r.alert(&a, r.s.Objective(name))
		}
	}
	if onCall := r.s.Healing.OnCall; onCall != nil {
		for i, name := range onCall.PagedBy {
			r.known(fmt.Sprintf("healing.on_call.paged_by[%d]", i), "alert", name, alerts)
		}
	}
}

// alert reports an alert that can never fire as its rules say.
func (r *reviewer) alert(a *Alert, o *Objective) {
	path := "alerts." + a.Name
	if o.Target == 0 || o.Target == 1 {
		r.fail(path+".on", "", "objectives.%s has the target %s: an error budget needs a target between 0%% and 100%%", o.Name, formatRatio(o.Target))
	}
	for _, rule := range a.Rules {
		if shortest := min(rule.Short, rule.Long); a.Scrape > shortest {
			r.fail(path+".scrape", "", "is %s, expected at most %s, the shortest window of the rule %s", formatDuration(a.Scrape), formatDuration(shortest), rule.Name)
		}
	}
}

func (r *reviewer) theStudy() {
	if window := r.s.Study.Window; window < time.Second {
		r.fail("study.window", "", "is %s, expected 1s or more", formatDuration(window))
	}
	if year := r.s.Study.Year; year != Year {
		r.fail("study.year", "", "is %s: yearly figures are for %s", formatDuration(year), formatDuration(Year))
	}
	if r.s.Study.Method == "incidents" && len(r.s.Faults) == 0 {
		r.note("study.method", "there are no faults: incidents is the calm baseline alone")
	}
}

// cut splits a path after its first segment.
func cut(path string) (first, rest string) {
	first, rest, _ = strings.Cut(path, ".")
	return first, rest
}

func prefixed(section string, names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = section + "." + name
	}
	return list
}

package fault

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// An Applier does to its victims what entries say.
type Applier interface {
	// Applies reports whether the entry's victim, or the group of its role, is this applier's
	// and the kind is one that it can apply to it. It is asked before the run.
	Applies(Entry) bool

	// Start applies an effect, now. What has to happen when it ends is given to [Effect.OnEnd].
	Start(*Effect)
}

// A Resolver is an applier whose victims play roles.
type Resolver interface {
	// Resolve returns who plays a role now, or false if nobody does.
	Resolve(role string) (victim string, ok bool)
}

// Start schedules the plan's entries in the simulation and returns the ledger that keeps their
// effects. It is called before the run begins. The error names every entry that is not valid,
// that lies in the past, or that has no applier or more than one.
func Start(s *sim.Simulation, plan Plan, appliers ...Applier) (*Ledger, error) {
	if err := plan.Validate(); err != nil {
		return nil, fmt.Errorf("fault: plan: %w", err)
	}
	owners := make([]Applier, len(plan.Entries))
	var errs []error
	for i, e := range plan.Entries {
		owner, err := ownerOf(e, appliers)
		if err == nil && e.At < s.Now() {
			err = fmt.Errorf("at: is %v, and the simulation is at %v", e.At, s.Now())
		}
		if err != nil {
			errs = append(errs, inEntry(i, e, err))
		}
		owners[i] = owner
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("fault: plan: %w", err)
	}

	l := &Ledger{s: s, plan: plan}
	l.plan = l.Plan() // a copy, since roles are resolved in it
	renewals := make(map[[2]string]*renewal)
	var inOrder []*renewal
	for i, e := range plan.Entries {
		if e.AfterUp == 0 {
			s.At(e.At, func() { l.inject(i, owners[i], nil) })
			continue
		}
		key := [2]string{e.Cause, e.Victim}
		r := renewals[key]
		if r == nil {
			r = &renewal{l: l, owner: owners[i]}
			renewals[key] = r
			inOrder = append(inOrder, r)
		}
		r.insert(i)
	}
	for _, r := range inOrder {
		r.next()
	}
	return l, nil
}

// ownerOf returns the one applier of an entry.
func ownerOf(e Entry, appliers []Applier) (Applier, error) {
	var owner Applier
	for _, a := range appliers {
		if !a.Applies(e) {
			continue
		}
		if owner != nil {
			return nil, fmt.Errorf("%s of %s has two appliers, %T and %T; need exactly one", e.Kind, cmp.Or(e.Victim, e.Role), owner, a)
		}
		owner = a
	}
	if owner == nil {
		return nil, fmt.Errorf("nothing in the model applies %s to %s", e.Kind, cmp.Or(e.Victim, e.Role))
	}
	if _, ok := owner.(Resolver); !ok && e.Victim == "" {
		return nil, fmt.Errorf("role: %T cannot say who plays %s", owner, e.Role)
	}
	return owner, nil
}

// inject begins the i-th entry of the plan, on whoever plays its role now.
func (l *Ledger) inject(i int, owner Applier, then func()) {
	e := &l.plan.Entries[i]
	if e.Victim == "" {
		victim, ok := owner.(Resolver).Resolve(e.Role)
		if !ok {
			l.miss(*e)
			return
		}
		e.Victim = victim
	}
	l.begin(*e, owner, then)
}

// A renewal injects what one cause does to one victim after each of its up-times.
type renewal struct {
	l     *Ledger
	owner Applier
	due   []int // places in the plan, by occurrence
}

func (r *renewal) insert(i int) {
	entries := r.l.plan.Entries
	at := len(r.due)
	for at > 0 && entries[r.due[at-1]].Occurrence > entries[i].Occurrence {
		at--
	}
	r.due = append(r.due, 0)
	copy(r.due[at+1:], r.due[at:])
	r.due[at] = i
}

// next lets the victim's next up-time begin now.
func (r *renewal) next() {
	if len(r.due) == 0 {
		return
	}
	i := r.due[0]
	r.due = r.due[1:]
	up := r.l.plan.Entries[i].AfterUp
	r.l.s.At(r.l.s.Now().Add(up), func() { r.l.inject(i, r.owner, r.next) })
}

package fault

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/sim"
)

// Format is the version of a plan's JSON that this package writes and reads.
const Format = 1

// A Plan is everything that goes wrong in a run. The zero Plan is a run without faults.
type Plan struct {
	Entries []Entry
}

// An Entry is one occurrence of one cause.
//
// It starts at the instant At or, if AfterUp is positive, once its victim has been free of this
// cause for that long: counted from the start of the run, or from the end of the effect that the
// cause had on it the time before. Repairs that take longer push such entries back, as they do
// with real machines.
type Entry struct {
	Cause      string // name of the cause
	Kind       Kind
	Victim     string // a name that the model knows: "orders/0", "zones.a"; empty: Role says who
	Role       string // "leader:orders_db": whoever plays it when the entry starts
	Occurrence int    // counts a cause's entries on one victim, from 1
	At         sim.Time
	AfterUp    time.Duration // 0: At counts
	Lasts      time.Duration // how long the cause lasts; 0: until it is fixed
	Params
}

// String names the entry in an error or a note: "pod_crash: crash of orders/0".
func (e Entry) String() string {
	return fmt.Sprintf("%s: %s of %s", e.Cause, e.Kind, cmp.Or(e.Victim, e.Role))
}

// Validate reports every field of the entry that is missing or out of range.
func (e Entry) Validate() error {
	var errs []error
	say := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if e.Cause == "" {
		say("cause: is missing")
	}
	if err := e.Params.Validate(e.Kind); err != nil {
		errs = append(errs, err)
	}
	if e.Victim == "" && e.Role == "" {
		say("victim: is missing, and so is role")
	}
	if e.Role != "" && !strings.Contains(e.Role, ":") {
		say("role: is %q, need a role and its group, such as leader:orders_db", e.Role)
	}
	if e.Occurrence < 1 {
		say("occurrence: is %d, need 1 or more", e.Occurrence)
	}
	if e.At < 0 || e.At == sim.Never {
		say("at: is %v, need an instant of the run", e.At)
	}
	if e.AfterUp < 0 {
		say("after_up: is %v, need 0 or more", e.AfterUp)
	}
	if e.AfterUp > 0 && e.At != 0 {
		say("after_up: is set, and so is at; need one of them")
	}
	if e.AfterUp > 0 && e.Victim == "" {
		say("after_up: needs a victim, whose time up can be counted; a role passes on")
	}
	if e.Lasts < 0 {
		say("lasts: is %v, need 0 (until it is fixed) or more", e.Lasts)
	}
	if t, ok := e.Kind.trait(); ok && t.course == momentary && e.Lasts != 0 {
		say("lasts: means nothing to %s, which takes an instant", e.Kind)
	}
	return errors.Join(errs...)
}

// Validate reports every entry that is wrong, by its place in the plan, and every one that says
// the same occurrence as one before it.
func (p Plan) Validate() error {
	var errs []error
	seen := make(map[[3]any]int)
	for i, e := range p.Entries {
		if err := e.Validate(); err != nil {
			errs = append(errs, inEntry(i, e, err))
		}
		key := [3]any{e.Cause, e.target(), e.Occurrence}
		if first, ok := seen[key]; ok {
			errs = append(errs, inEntry(i, e, fmt.Errorf("occurrence: %d of this cause on %s is entry %d already",
				e.Occurrence, e.target(), first+1)))
		} else {
			seen[key] = i
		}
	}
	return errors.Join(errs...)
}

// target is who the entry was drawn for: the role if there is one, also once it is resolved.
func (e Entry) target() string { return cmp.Or(e.Role, e.Victim) }

// inEntry puts the place of an entry before every line of what is wrong with it.
func inEntry(i int, e Entry, err error) error {
	var errs []error
	for line := range strings.Lines(err.Error()) {
		where := fmt.Sprintf("entry %d", i+1)
		if e.Cause != "" {
			where += " (" + e.Cause + ")"
		}
		errs = append(errs, fmt.Errorf("%s: %s", where, strings.TrimSuffix(line, "\n")))
	}
	return errors.Join(errs...)
}

// Merge returns one plan with the entries of all. Occurrences are left as they are, so plans that
// share a cause and a victim clash, and [Plan.Validate] says so.
func Merge(plans ...Plan) Plan {
	var all Plan
	for _, p := range plans {
		all.Entries = append(all.Entries, p.Entries...)
	}
	all.sort()
	return all
}

// sort puts the entries into the order of a plan: by instant, then by cause, victim, occurrence,
// none of which depends on what else is in the plan. Entries after up-times come first.
func (p Plan) sort() {
	slices.SortStableFunc(p.Entries, func(a, b Entry) int {
		return cmp.Or(
			cmp.Compare(a.At, b.At),
			cmp.Compare(a.Cause, b.Cause),
			cmp.Compare(a.target(), b.target()),
			cmp.Compare(a.Occurrence, b.Occurrence),
		)
	})
}

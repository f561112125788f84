package fault

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nines-sim/nines/sim"
)

// A Budget is what a design promises to survive: at most AtMost of a set may be down at once. It
// does not stop faults. It tells a run in which the design broke its promise from one in which
// it was asked for more.
type Budget struct {
	Name   string
	Of     []string            // the members that count: "orders/0", "orders/1", ...
	Parts  map[string][]string // who goes down with a larger victim: "zones.a": {"orders/0"}
	AtMost int
}

// A Verdict says how much of a budget was used.
type Verdict struct {
	Within bool
	Worst  int      // the most members that were down at once
	Since  sim.Time // when that began
}

// String is "within" or "beyond", the label of a result.
func (v Verdict) String() string {
	if v.Within {
		return "within"
	}
	return "beyond"
}

// Validate reports every field that is wrong.
func (b Budget) Validate() error {
	var errs []error
	if len(b.Of) == 0 {
		errs = append(errs, fmt.Errorf("budget %q: of: is empty", b.Name))
	}
	if b.AtMost < 0 {
		errs = append(errs, fmt.Errorf("budget %q: at_most: is %d, need 0 or more", b.Name, b.AtMost))
	}
	return errors.Join(errs...)
}

// Plan judges a plan before it is run. What lasts until it is fixed counts for the whole of its
// length here, which is for ever: nobody can know yet when it will be fixed, so a plan that is
// labelled within stays within. Entries whose instant or victim the run decides count as if
// they struck from the start, and whom a role will hit is unknown: any role is beyond the budget
// unless AtMost is large enough for one member more.
func (b Budget) Plan(p Plan) Verdict {
	var spans []span
	for i, e := range p.Entries {
		if t, _ := e.Kind.trait(); !t.down {
			continue
		}
		end := sim.Never
		if e.Lasts > 0 && e.AfterUp == 0 {
			end = e.At.Add(e.Lasts)
		}
		members := b.members(e.Victim)
		if e.Victim == "" {
			members = []string{fmt.Sprintf("%s#%d", e.Role, i)}
		}
		for _, m := range members {
			spans = append(spans, span{m, e.At, end})
		}
	}
	return b.judge(spans)
}

// Run judges what happened in a run so far.
func (b Budget) Run(l *Ledger) Verdict {
	var spans []span
	for _, e := range l.effects {
		if t, _ := e.Kind.trait(); t.down {
			for _, m := range b.members(e.Victim) {
				spans = append(spans, span{m, e.Started, e.Ended})
			}
		}
	}
	return b.judge(spans)
}

// members returns who of the budget is down when a victim is.
func (b Budget) members(victim string) []string {
	var down []string
	for _, m := range append([]string{victim}, b.Parts[victim]...) {
		if slices.Contains(b.Of, m) {
			down = append(down, m)
		}
	}
	return down
}

// A span is a length of time in which a member is down, without its end.
type span struct {
	member string
	start  sim.Time
	end    sim.Time
}

// judge finds the instant at which most members are down. It is the start of some span, since
// numbers rise only there.
func (b Budget) judge(spans []span) Verdict {
	v := Verdict{}
	for _, at := range spans {
		down := make(map[string]bool)
		for _, sp := range spans {
			if sp.start <= at.start && at.start < sp.end {
				down[sp.member] = true
			}
		}
		if n := len(down); n > v.Worst || n == v.Worst && n > 0 && at.start < v.Since {
			v.Worst, v.Since = n, at.start
		}
	}
	v.Within = v.Worst <= b.AtMost
	return v
}

package fault

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestBudget(t *testing.T) {
	budget := Budget{
		Name:   "one replica",
		Of:     []string{"a", "b", "c"},
		Parts:  map[string][]string{"zones.1": {"a", "b"}, "zones.2": {"c", "other/0"}},
		AtMost: 1,
	}
	role := at(5, Crash, "", 1, time.Second)
	role.Role = "leader:fleet"
	up := at(0, Crash, "b", 1, time.Second)
	up.AfterUp = time.Hour
	tests := []struct {
		about string
		plan  []Entry
		want  string
		worst int
		since sim.Time
	}{
		{"nothing", nil, "within", 0, 0},
		{"one after the other", []Entry{at(1, Crash, "a", 1, 4*time.Second), at(5, Outage, "b", 1, time.Second)}, "within", 1, sim.Time(time.Second)},
		{"two at once", []Entry{at(1, Crash, "a", 1, 5*time.Second), at(5, Pause, "b", 1, time.Second)}, "beyond", 2, sim.Time(5 * time.Second)},
		{"in any order", []Entry{at(7, Crash, "a", 1, 2*time.Second), at(5, Pause, "b", 1, time.Second)}, "within", 1, sim.Time(5 * time.Second)},
		{"one of them twice", []Entry{at(1, Crash, "a", 1, 5*time.Second), at(5, Outage, "a", 1, time.Second)}, "within", 1, sim.Time(time.Second)},
		{"until it is fixed", []Entry{at(1, Crash, "a", 1, 0), at(500, Crash, "b", 1, time.Second)}, "beyond", 2, sim.Time(500 * time.Second)},
		{"slow is not down", []Entry{at(1, Crash, "a", 1, 0), at(5, Slow, "b", 1, time.Second)}, "within", 1, sim.Time(time.Second)},
		{"a zone with two of them", []Entry{at(1, Outage, "zones.1", 1, time.Second)}, "beyond", 2, sim.Time(time.Second)},
		{"a zone with one of them", []Entry{at(1, Outage, "zones.2", 1, time.Second)}, "within", 1, sim.Time(time.Second)},
		{"somebody else", []Entry{at(1, Crash, "a", 1, 0), at(5, Crash, "other/0", 1, 0)}, "within", 1, sim.Time(time.Second)},
		{"a role", []Entry{at(1, Crash, "a", 1, 0), role}, "beyond", 2, sim.Time(5 * time.Second)},
		{"who knows when", []Entry{at(1, Crash, "a", 1, time.Second), up}, "beyond", 2, sim.Time(time.Second)},
	}
	if err := budget.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		if got := budget.Plan(Plan{tt.plan}); got.String() != tt.want || got.Worst != tt.worst || got.Since != tt.since {
			t.Errorf("%s: %v %+v, want %s, %d since %v", tt.about, got, got, tt.want, tt.worst, tt.since)
		}
	}
	if got := (Budget{AtMost: -1}).Validate().Error(); got != "budget \"\": of: is empty\nbudget \"\": at_most: is -1, need 0 or more" {
		t.Error(got)
	}
}

func TestBudgetOfARun(t *testing.T) {
	budget := Budget{Of: []string{"a", "b"}, AtMost: 1}
	plan := Plan{[]Entry{at(1, Crash, "a", 1, 0), at(500, Crash, "b", 1, 0)}}
	if got := budget.Plan(plan); got.Within {
		t.Error("before the run nobody knows that a will be fixed")
	}
	_, l, _ := run(t, plan, func(s *sim.Simulation, f *fleet, l *Ledger) {
		s.At(sim.Time(500*time.Second), func() { l.FixVictim("a", Healing) })
	})
	// b crashes at the instant at which a is back, but before it: the plan came first.
	if got := budget.Run(l); !got.Within || got.Worst != 1 {
		t.Errorf("a is fixed at the instant at which b crashes: %+v", got)
	}
	_, l, _ = run(t, plan, func(s *sim.Simulation, f *fleet, l *Ledger) {
		s.At(sim.Time(500*time.Second)+1, func() { l.FixVictim("a", Healing) })
	})
	if got := budget.Run(l); got.Within || got.Since != sim.Time(500*time.Second) {
		t.Errorf("both are down for a nanosecond: %+v", got)
	}
}

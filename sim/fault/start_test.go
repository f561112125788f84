package fault

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A fleet is a few machines that faults can hit; the first that is up leads.
type fleet struct {
	s       *sim.Simulation
	names   []string
	holds   map[string]*Holds[Impairment]
	lingers bool
	log     []string
}

func newFleet(s *sim.Simulation, names ...string) *fleet {
	f := &fleet{s: s, names: names, holds: make(map[string]*Holds[Impairment])}
	for _, n := range names {
		f.holds[n] = new(Holds[Impairment])
	}
	return f
}

func (f *fleet) Applies(e Entry) bool {
	return e.Role == "leader:fleet" || f.holds[e.Victim] != nil
}

func (f *fleet) Resolve(role string) (string, bool) {
	i := slices.IndexFunc(f.names, func(n string) bool { return !Combine(f.holds[n].All()).Down })
	if i < 0 {
		return "", false
	}
	return f.names[i], true
}

func (f *fleet) Start(e *Effect) {
	if f.lingers {
		e.Linger()
	}
	f.say(e.Victim, "hit")
	e.OnCauseEnd(func() { f.say(e.Victim, "cause over") })
	if does, ok := e.Impairment(); ok {
		holds := f.holds[e.Victim]
		hold := holds.Add(does)
		e.OnEnd(func() {
			if !holds.Release(hold) {
				panic("released twice")
			}
			f.say(e.Victim, fmt.Sprintf("over, %d left", holds.Len()))
		})
	}
}

func (f *fleet) say(victim, what string) {
	f.log = append(f.log, fmt.Sprintf("%v %s %s", f.s.Now(), victim, what))
}

// at is an entry that starts at a second of the run.
func at(second int, kind Kind, victim string, occurrence int, lasts time.Duration) Entry {
	return Entry{Cause: string(kind) + "_cause", Kind: kind, Victim: victim, Occurrence: occurrence,
		At: sim.Time(second) * sim.Time(time.Second), Lasts: lasts}
}

// run runs a plan on a fleet of a, b and c until 1000 s. prepare may add to the story.
func run(t *testing.T, plan Plan, prepare func(*sim.Simulation, *fleet, *Ledger)) (*fleet, *Ledger, []string) {
	t.Helper()
	var f *fleet
	var l *Ledger
	var notes []string
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		s.OnNote(func(n sim.Note) {
			notes = append(notes, fmt.Sprintf("%v %s | %s | %s %v", n.At, n.Kind, n.Subject, n.Detail, n.Values))
		})
		f = newFleet(s, "a", "b", "c")
		var err error
		if l, err = Start(s, plan, f); err != nil {
			t.Fatal(err)
		}
		if prepare != nil {
			prepare(s, f, l)
		}
		if err := s.RunUntil(sim.Time(1000 * time.Second)); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return f, l, notes
}

// story writes what became of an effect.
func story(e *Effect) string {
	return fmt.Sprintf("%s %s: %v, cause over %v, over %v %s", e.Victim, e.Kind, e.Started, e.CauseEnded, e.Ended, e.EndedBy)
}

func stories(l *Ledger) []string {
	var all []string
	for _, e := range l.Effects() {
		all = append(all, story(e))
	}
	return all
}

func TestCourseOfAnEffect(t *testing.T) {
	second := func(n int) sim.Time { return sim.Time(n) * sim.Time(time.Second) }
	fix := func(at int, how func(*Ledger) int, want int) func(*sim.Simulation, *fleet, *Ledger) {
		return func(s *sim.Simulation, f *fleet, l *Ledger) {
			s.At(second(at), func() {
				if got := how(l); got != want {
					panic(fmt.Sprintf("fixed %d, want %d", got, want))
				}
			})
		}
	}
	tests := []struct {
		about   string
		plan    []Entry
		prepare func(*sim.Simulation, *fleet, *Ledger)
		want    string
	}{
		{"an outage ends with its cause", []Entry{at(10, Outage, "a", 1, 5*time.Second)}, nil,
			"a outage: 10s, cause over 15s, over 15s itself"},
		{"nobody restarts it", []Entry{at(10, Crash, "a", 1, 0)}, nil,
			"a crash: 10s, cause over 10s, over never "},
		{"healing restarts it", []Entry{at(10, Crash, "a", 1, 0)},
			fix(40, func(l *Ledger) int { return l.FixVictim("a", Healing, Crash) }, 1),
			"a crash: 10s, cause over 10s, over 40s healing"},
		{"a crash with a length restarts by itself", []Entry{at(10, Crash, "a", 1, 30*time.Second)}, nil,
			"a crash: 10s, cause over 40s, over 40s itself"},
		{"a bad deploy is rolled back", []Entry{at(10, Deploy, "a", 1, 0)},
			fix(70, func(l *Ledger) int { return l.FixCause("deploy_cause", OnCall) }, 1),
			"a deploy: 10s, cause over 1m10s, over 1m10s on_call"},
		{"fixed early; the cause goes on without effect", []Entry{at(10, Pause, "a", 1, 60*time.Second)},
			fix(20, func(l *Ledger) int { return l.FixVictim("a", OnCall) }, 1),
			"a pause: 10s, cause over 1m10s, over 20s on_call"},
		{"fixed late: power is back and somebody starts the machines", []Entry{at(10, Outage, "a", 1, 60*time.Second)},
			func(s *sim.Simulation, f *fleet, l *Ledger) {
				f.lingers = true
				fix(200, func(l *Ledger) int { return l.FixVictim("a", Healing) }, 1)(s, f, l)
			},
			"a outage: 10s, cause over 1m10s, over 3m20s healing"},
		{"a restart does not roll back", []Entry{at(10, Deploy, "a", 1, 0)},
			fix(20, func(l *Ledger) int { return l.FixVictim("a", Healing, Crash, Pause) }, 0),
			"a deploy: 10s, cause over never, over never "},
		{"another victim's restart", []Entry{at(10, Crash, "a", 1, 0)},
			fix(20, func(l *Ledger) int { return l.FixVictim("b", Healing) }, 0),
			"a crash: 10s, cause over 10s, over never "},
		{"before it happens", []Entry{at(10, Crash, "a", 1, 0)},
			fix(10-1, func(l *Ledger) int { return l.FixCause("crash_cause", OnCall) }, 0),
			"a crash: 10s, cause over 10s, over never "},
		{"a flush takes an instant", []Entry{at(10, CacheFlush, "a", 1, 0)}, nil,
			"a cache_flush: 10s, cause over 10s, over 10s itself"},
		{"twice at once, each with its own end",
			[]Entry{at(10, Crash, "a", 1, 20*time.Second), at(15, Outage, "a", 1, 20*time.Second)}, nil,
			"a crash: 10s, cause over 30s, over 30s itself\na outage: 15s, cause over 35s, over 35s itself"},
	}
	for _, tt := range tests {
		t.Run(tt.about, func(t *testing.T) {
			_, l, _ := run(t, Plan{tt.plan}, tt.prepare)
			if diff := cmp.Diff(tt.want, strings.Join(stories(l), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, e := range l.Effects() {
				if got := slices.Contains(l.Active(), e); got != e.Active() {
					t.Errorf("%s: in the list of those that last: %t", story(e), got)
				}
			}
		})
	}
}

func TestWhatTheModelAndTheTimelineSee(t *testing.T) {
	slow := at(20, Slow, "a", 1, 30*time.Second)
	slow.Factor, slow.Errors = 20, 0.1
	f, _, notes := run(t, Plan{[]Entry{at(10, Crash, "a", 1, 0), slow}}, func(s *sim.Simulation, f *fleet, l *Ledger) {
		s.At(sim.Time(30*time.Second), func() { l.FixCause("crash_cause", Healing) })
	})
	wantLog := []string{"10s a hit", "20s a hit", "30s a over, 1 left", "50s a cause over", "50s a over, 0 left"}
	if diff := cmp.Diff(wantLog, f.log); diff != "" {
		t.Errorf("the model saw (-want +got):\n%s", diff)
	}
	wantNotes := []string{
		"10s fault | a | crash (crash_cause) [1 0]",
		"20s fault | a | slow (slow_cause): 20x, 10% errors [1 30000000000]",
		"30s fault over | a | crash (crash_cause), by healing after 20s [1 20000000000]",
		"50s fault over | a | slow (slow_cause): 20x, 10% errors, by itself after 30s [1 30000000000]",
	}
	if diff := cmp.Diff(wantNotes, notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestEveryEndIsToldOnce(t *testing.T) {
	f, _, _ := run(t, Plan{[]Entry{at(10, Pause, "a", 1, 60*time.Second), at(10, Deploy, "b", 1, 0)}}, func(s *sim.Simulation, f *fleet, l *Ledger) {
		s.At(sim.Time(20*time.Second), func() {
			pause := l.Active()[0]
			pause.OnEnd(func() { f.say("a", "last in, first out") })
			if !l.Fix(pause, Healing) || l.Fix(pause, OnCall) {
				t.Error("an effect ends once")
			}
			l.FixVictim("b", OnCall)
		})
	})
	want := []string{
		"10s a hit", "10s b hit",
		"20s a last in, first out", "20s a over, 0 left",
		"20s b cause over", "20s b over, 0 left",
		"1m10s a cause over",
	}
	if diff := cmp.Diff(want, f.log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARoleIsResolvedWhenItIsHit(t *testing.T) {
	role := func(second int, occurrence int) Entry {
		e := at(second, Crash, "", occurrence, 0)
		e.Role = "leader:fleet"
		return e
	}
	plan := Plan{[]Entry{role(10, 1), role(20, 2), role(30, 3), role(40, 4)}}
	before := Plan{slices.Clone(plan.Entries)}
	_, l, notes := run(t, plan, nil)
	want := []string{
		"a crash: 10s, cause over 10s, over never ",
		"b crash: 20s, cause over 20s, over never ",
		"c crash: 30s, cause over 30s, over never ",
	}
	if diff := cmp.Diff(want, stories(l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := notes[len(notes)-1]; got != "40s fault missed | leader:fleet | crash (crash_cause) [4]" || len(l.Missed()) != 1 {
		t.Errorf("with nobody left: %s, missed %v", got, l.Missed())
	}
	if diff := cmp.Diff(before, plan); diff != "" {
		t.Errorf("Start changed its argument:\n%s", diff)
	}

	saved := l.Plan()
	var victims []string
	for _, e := range saved.Entries {
		victims = append(victims, e.Victim)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", ""}, victims); diff != "" {
		t.Errorf("saved (-want +got):\n%s", diff)
	}
	read, err := Read(strings.NewReader(written(t, saved)))
	if err != nil {
		t.Fatal(err)
	}
	_, again, notesAgain := run(t, read, nil)
	if diff := cmp.Diff(notes, notesAgain); diff != "" {
		t.Errorf("the replay (-first +again):\n%s", diff)
	}
	if diff := cmp.Diff(saved, again.Plan()); diff != "" {
		t.Errorf("the replay's plan (-first +again):\n%s", diff)
	}
}

// A machine that is broken cannot break: repairs push the next failure back.
func TestUpTimes(t *testing.T) {
	up := func(occurrence, seconds int) Entry {
		e := at(0, Crash, "a", occurrence, 0)
		e.AfterUp = time.Duration(seconds) * time.Second
		return e
	}
	other := up(1, 50)
	other.Victim = "b"
	// Out of order, and with a gap where somebody deleted an entry.
	plan := Plan{[]Entry{up(5, 7), up(1, 10), other, up(3, 100)}}
	_, l, _ := run(t, plan, func(s *sim.Simulation, f *fleet, l *Ledger) {
		s.At(sim.Time(30*time.Second), func() { l.FixVictim("a", Healing) })
		s.At(sim.Time(400*time.Second), func() { l.FixVictim("a", Healing) })
	})
	want := []string{
		"a crash: 10s, cause over 10s, over 30s healing",
		"b crash: 50s, cause over 50s, over never ",
		"a crash: 2m10s, cause over 2m10s, over 6m40s healing",
		"a crash: 6m47s, cause over 6m47s, over never ",
	}
	if diff := cmp.Diff(want, stories(l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// bystander applies everything to anybody, and plays no roles.
type bystander struct{}

func (bystander) Applies(Entry) bool { return true }
func (bystander) Start(*Effect)      {}

type nobody struct{ bystander }

func (nobody) Applies(Entry) bool { return false }

func TestStartChecksTheWholePlan(t *testing.T) {
	role := at(5, Crash, "", 1, 0)
	role.Role = "leader:db"
	plan := Plan{[]Entry{at(1, Crash, "x", 1, 0), role}}
	tests := []struct {
		about    string
		appliers []Applier
		from     time.Duration
		want     string
	}{
		{"nobody", []Applier{nobody{}}, 0, "fault: plan: entry 1 (crash_cause): nothing in the model applies crash to x\n" +
			"entry 2 (crash_cause): nothing in the model applies crash to leader:db"},
		{"two", []Applier{bystander{}, nobody{}, bystander{}}, 0, "fault: plan: entry 1 (crash_cause): crash of x has two appliers, " +
			"fault.bystander and fault.bystander; need exactly one\nentry 2 (crash_cause): crash of leader:db has two appliers, " +
			"fault.bystander and fault.bystander; need exactly one"},
		{"no roles", []Applier{bystander{}}, 0, "fault: plan: entry 2 (crash_cause): role: fault.bystander cannot say who plays leader:db"},
		{"too late", []Applier{&fleet{holds: map[string]*Holds[Impairment]{"x": {}}}}, 2 * time.Second,
			"fault: plan: entry 1 (crash_cause): at: is 1s, and the simulation is at 2s\n" +
				"entry 2 (crash_cause): nothing in the model applies crash to leader:db"},
	}
	for _, tt := range tests {
		_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
			if err := s.RunUntil(sim.Time(tt.from)); err != nil {
				t.Fatal(err)
			}
			_, err := Start(s, plan, tt.appliers...)
			if err == nil {
				t.Errorf("%s: no error", tt.about)
			} else if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.about, diff)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		if _, err := Start(s, Plan{[]Entry{{}}}, bystander{}); err == nil || !strings.HasPrefix(err.Error(), "fault: plan: entry 1: cause: is missing") {
			t.Errorf("an invalid plan: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whoever fixes an effect may be stopped by that; the ledger is right all the same.
func TestAFixThatKillsWhoFixes(t *testing.T) {
	again := at(0, Crash, "a", 2, 0)
	again.Cause, again.AfterUp = "worn_out", 5*time.Second
	first := again
	first.Occurrence = 1
	_, l, _ := run(t, Plan{[]Entry{first, again, at(10, Crash, "b", 1, 0)}}, func(s *sim.Simulation, f *fleet, l *Ledger) {
		g := s.NewGroup("operator")
		g.Background("fix", func(p *sim.Process) {
			if err := p.Sleep(20 * time.Second); err != nil {
				return
			}
			l.Active()[0].OnEnd(g.Kill)
			l.FixWhere(OnCall, func(*Effect) bool { return true })
			t.Error("the operator lives on")
		})
	})
	want := []string{
		"a crash: 5s, cause over 5s, over 20s on_call",
		"b crash: 10s, cause over 10s, over never ",
		"a crash: 25s, cause over 25s, over never ",
	}
	if diff := cmp.Diff(want, stories(l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Random plans and random fixes against rules that hold in any order.
func TestLedgerProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var entries []Entry
		for i := range rapid.IntRange(0, 10).Draw(rt, "entries") {
			e := Entry{
				Cause:      rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "cause"),
				Kind:       rapid.SampledFrom([]Kind{Crash, Pause, Outage, Errors, CacheFlush}).Draw(rt, "kind"),
				Victim:     rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "victim"),
				Occurrence: i + 1,
			}
			if length := time.Duration(rapid.IntRange(0, 20).Draw(rt, "at")); rapid.Bool().Draw(rt, "up") {
				e.AfterUp = length + 1
			} else {
				e.At = sim.Time(length)
			}
			if e.Kind != CacheFlush {
				e.Lasts = time.Duration(rapid.IntRange(0, 10).Draw(rt, "lasts"))
			}
			entries = append(entries, e)
		}
		lingers := rapid.Bool().Draw(rt, "lingers")
		fixes := rapid.SliceOfN(rapid.IntRange(0, 60), 0, 6).Draw(rt, "fixes")
		_, l, notes := run(t, Plan{entries}, func(s *sim.Simulation, f *fleet, l *Ledger) {
			f.lingers = lingers
			for i, at := range fixes {
				s.At(sim.Time(at), func() {
					if i%2 == 0 {
						l.FixVictim([]string{"a", "b"}[i/2%2], Healing)
					} else {
						l.FixCause([]string{"x", "y"}[i/2%2], OnCall)
					}
				})
			}
			s.At(500, func() {
				for _, v := range []string{"a", "b"} {
					held := 0
					for _, e := range l.Active() {
						if _, ok := e.Impairment(); ok && e.Victim == v {
							held++
						}
					}
					if held != f.holds[v].Len() {
						rt.Errorf("%s has %d effects and %d holds", v, held, f.holds[v].Len())
					}
				}
			})
		})
		started, over := 0, 0
		for _, n := range notes {
			if strings.Contains(n, NoteOver) {
				over++
			} else {
				started++
			}
		}
		ended := 0
		var upSince = map[string]sim.Time{}
		for _, e := range l.Effects() {
			if !e.Active() && e.Kind != CacheFlush {
				ended++
			}
			switch {
			case e.Active() != (e.EndedBy == ""), e.Ended < e.Started, e.CauseEnded < e.Started:
				rt.Errorf("impossible: %s", story(e))
			case e.Lasts > 0 && e.CauseEnded != e.Started.Add(e.Lasts):
				rt.Errorf("its cause lasts %v: %s", e.Lasts, story(e))
			case e.EndedBy == Itself && e.Ended != e.CauseEnded:
				rt.Errorf("ended by itself: %s", story(e))
			case e.Lasts > 0 && !lingers && e.Ended > e.CauseEnded:
				rt.Errorf("outlives its cause: %s", story(e))
			case e.AfterUp == 0 && e.Started != e.At:
				rt.Errorf("due at %v: %s", e.At, story(e))
			}
			if e.AfterUp > 0 {
				key := e.Cause + e.Victim
				if e.Started != upSince[key].Add(e.AfterUp) {
					rt.Errorf("up since %v, due after %v: %s", upSince[key], e.AfterUp, story(e))
				}
				upSince[key] = e.Ended
			}
		}
		if started != len(l.Effects()) || over != ended {
			rt.Errorf("%d effects, %d ended; notes say %d and %d", len(l.Effects()), ended, started, over)
		}
	})
}

package fault

import (
	"slices"

	"github.com/nines-sim/nines/sim"
)

// By says who ended an effect.
type By string

const (
	Itself  By = "itself"  // it was over when its cause was over
	Healing By = "healing" // a restart, a failover, a replacement
	OnCall  By = "on_call" // a person
)

// The kinds of the notes that a ledger makes; their subject is the victim.
const (
	NoteStart  = "fault"
	NoteOver   = "fault over"
	NoteMissed = "fault missed" // nobody played the role when the entry was due
)

// An Effect is what one entry of a plan does to its victim.
type Effect struct {
	Entry               // with the victim that a role was resolved to
	Started    sim.Time // when the entry was injected
	CauseEnded sim.Time // when its cause was over; Never while it goes on
	Ended      sim.Time // when its effect was over; Never while it lasts
	EndedBy    By       // empty while it lasts

	lingers   bool
	causeOver []func()
	over      []func()
	then      func() // what waits for the end of the effect: the victim's next time up
}

// Active reports whether the effect lasts.
func (e *Effect) Active() bool { return e.Ended == sim.Never }

// OnEnd calls f when the effect ends, whoever ends it: the place to release a hold. Later
// callbacks run first, as deferred calls do.
func (e *Effect) OnEnd(f func()) { e.over = append(e.over, f) }

// OnCauseEnd calls f when the cause is over, which may be before or after the effect ends. If both
// are at one instant the cause is over first.
func (e *Effect) OnCauseEnd(f func()) { e.causeOver = append(e.causeOver, f) }

// Linger keeps the effect when its cause is over, until somebody fixes it: power is back in the
// zone, and its machines still have to be started.
func (e *Effect) Linger() { e.lingers = true }

// A Ledger knows every effect of a run's faults: those that last, and those that are over.
type Ledger struct {
	s       *sim.Simulation
	effects []*Effect // in the order in which they started
	active  []*Effect
	missed  []Entry
	plan    Plan // as it was met: roles resolved
}

// Effects returns every effect so far, in the order in which they started.
func (l *Ledger) Effects() []*Effect { return slices.Clone(l.effects) }

// Active returns the effects that last, in the order in which they started.
func (l *Ledger) Active() []*Effect { return slices.Clone(l.active) }

// Missed returns the entries that found nobody in their role.
func (l *Ledger) Missed() []Entry { return slices.Clone(l.missed) }

// Plan returns the plan of the run with every role that was resolved so far beside its victim,
// ready to be saved: a replay hits the same victims, whoever plays the role by then.
func (l *Ledger) Plan() Plan { return Plan{slices.Clone(l.plan.Entries)} }

// Fix ends one effect, now. If its cause was to last until it is fixed, the cause ends too; a
// cause with a length of its own goes on without effect. Fix reports false if the effect was over.
func (l *Ledger) Fix(e *Effect, by By) bool {
	if !e.Active() {
		return false
	}
	if e.CauseEnded == sim.Never && e.Lasts == 0 {
		l.endCause(e)
	}
	l.end(e, by)
	return true
}

// FixWhere ends every effect that lasts and that match says yes to, oldest first, and returns how
// many it ended.
func (l *Ledger) FixWhere(by By, match func(*Effect) bool) int {
	fixed := 0
	for _, e := range l.Active() {
		if match(e) && l.Fix(e, by) {
			fixed++
		}
	}
	return fixed
}

// FixCause ends every effect of a cause: a bad deploy is rolled back everywhere.
func (l *Ledger) FixCause(cause string, by By) int {
	return l.FixWhere(by, func(e *Effect) bool { return e.Cause == cause })
}

// FixVictim ends every effect on a victim, or only those of some kinds: a restart ends a crash
// and not a slow disk.
func (l *Ledger) FixVictim(victim string, by By, kinds ...Kind) int {
	return l.FixWhere(by, func(e *Effect) bool {
		return e.Victim == victim && (len(kinds) == 0 || slices.Contains(kinds, e.Kind))
	})
}

// begin injects one entry: into the ledger first, then into the model.
func (l *Ledger) begin(entry Entry, applier Applier, then func()) {
	e := &Effect{Entry: entry, Started: l.s.Now(), CauseEnded: sim.Never, Ended: sim.Never, then: then}
	l.effects = append(l.effects, e)
	l.active = append(l.active, e)
	l.s.Note(NoteStart, e.Victim, e.detail(), int64(e.Occurrence), int64(e.Lasts))
	t, _ := e.Kind.trait()
	switch {
	case e.Lasts > 0:
		l.s.At(l.s.Now().Add(e.Lasts), func() { l.causeIsOver(e) })
	case t.course != lasting:
		e.CauseEnded = e.Started
	}
	applier.Start(e)
	if t.course == momentary {
		l.end(e, Itself)
	}
}

func (e *Effect) detail() string {
	detail := string(e.Kind) + " (" + e.Cause + ")"
	if e.Role != "" {
		detail += " as " + e.Role
	}
	if params := e.Params.String(); params != "" {
		detail += ": " + params
	}
	return detail
}

// causeIsOver ends a cause that had a length of its own, and its effect unless it lingers.
func (l *Ledger) causeIsOver(e *Effect) {
	l.endCause(e)
	if e.Active() && !e.lingers {
		l.end(e, Itself)
	}
}

func (l *Ledger) endCause(e *Effect) {
	e.CauseEnded = l.s.Now()
	for _, f := range e.causeOver {
		f()
	}
}

// end is the only place that ends an effect. The victim is told last: what it does then may stop
// whoever fixed it.
func (l *Ledger) end(e *Effect, by By) {
	e.Ended, e.EndedBy = l.s.Now(), by
	l.active = slices.DeleteFunc(l.active, func(x *Effect) bool { return x == e })
	if t, _ := e.Kind.trait(); t.course != momentary {
		lasted := e.Ended.Sub(e.Started)
		l.s.Note(NoteOver, e.Victim, e.detail()+", by "+string(by)+" after "+lasted.String(), int64(e.Occurrence), int64(lasted))
	}
	if e.then != nil {
		e.then()
	}
	for _, f := range slices.Backward(e.over) {
		f()
	}
}

// miss records that nobody plays the entry's role.
func (l *Ledger) miss(e Entry) {
	l.missed = append(l.missed, e)
	l.s.Note(NoteMissed, e.Role, string(e.Kind)+" ("+e.Cause+")", int64(e.Occurrence))
}

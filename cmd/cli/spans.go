package cli

import (
	"math"
	"strings"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/trace"
)

// A trace file shows what lasted as spans, beside the notes: faults, outages, machines that were down,
// breakers that were not closed, alerts that fired, restarts under way.

// record returns the run's notes and what lasted.
func (r *watchedRun) record() *trace.Recorder {
	rec := r.notes
	for _, e := range r.out.Effects {
		rec.Add(trace.Span{Kind: "fault", Name: e.Cause, Host: e.Victim, Start: e.Started, End: e.Ended, Outcome: string(e.EndedBy)})
	}
	for _, o := range r.out.Result.Objectives {
		for _, out := range o.Outages {
			rec.Add(trace.Span{Kind: "outage", Name: "outage of " + o.Objective, Host: "objectives",
				Start: instant(out.From), End: instant(out.To), Outcome: outageCost(out)})
		}
	}
	open := map[[2]string]trace.SpanID{}
	for n := range rec.Notes() {
		what, begins := lasting(n)
		key := [2]string{n.Subject, what}
		if what == "" || begins == (open[key] != 0) {
			continue
		}
		if begins {
			open[key] = rec.Begin(n.At, trace.Span{Kind: n.Kind, Name: what, Host: n.Subject})
		} else {
			rec.End(open[key], n.At, n.Detail)
			delete(open, key)
		}
	}
	return rec
}

// instant is a moment that a result gives in seconds.
func instant(seconds float64) sim.Time { return sim.Time(math.Round(seconds * 1e9)) }

// lasting says what a note begins or ends; nothing, if it is only a moment.
func lasting(n sim.Note) (what string, begins bool) {
	switch n.Kind {
	case "machine":
		return "down", n.Detail == "off"
	case "breaker":
		return "not closed", n.Detail != "closed"
	case "alert":
		state, name, _ := strings.Cut(n.Detail, ": ")
		return name, state == "firing"
	case "heal":
		action, done := strings.CutSuffix(n.Detail, " done")
		action, _, failed := strings.Cut(action, " failed: ")
		return action, !done && !failed
	}
	return "", false
}

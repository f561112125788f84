package cli

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
	"github.com/nines-sim/nines/sim/report"
	"github.com/nines-sim/nines/sim/study"
	"github.com/nines-sim/nines/sim/trace"
)

// writeRunText writes a run for a person: what happened, then what it came to.
func (a *app) writeRunText(w io.Writer, r *watchedRun) error {
	fmt.Fprintln(w, r.headline())
	fmt.Fprintln(w)
	timeline := r.timeline()
	if empty(timeline) {
		fmt.Fprintln(w, "Nothing went wrong, and nothing was done about it.")
	} else if err := timeline.WriteTimeline(w, trace.DefaultTimelineConfig()); err != nil {
		return err
	}
	tables := []report.Table{objectivesTable(r.out.Result), costsTable(r.out.Result), callsTable(r.out.Result), servicesTable(r), cachesTable(r), layersTable(r.out.Result)}
	for _, t := range tables {
		if len(t.Rows) > 0 {
			fmt.Fprintln(w)
			if err := t.WriteText(w, a.tableStyle()); err != nil {
				return err
			}
		}
	}
	if line := effects(r.out.Result); line != "" {
		fmt.Fprintf(w, "\n%s\n", line)
	}
	if r.out.Stuck {
		fmt.Fprintf(w, "\nThe system had not recovered when the run was given up, after %s.\n", report.Duration(r.out.Length))
	}
	_, err := fmt.Fprintf(w, "\ndigest %v · %d events · scenario %s · nines %s\nagain: %s\n",
		study.Digest(r.out.Sim.Digest), r.out.Sim.Events, r.hash, r.version, r.again)
	return err
}

// headline says which run it is: "webshop · naive · payment_slow for 7m 3s · seed 7 · ...".
func (r *watchedRun) headline() string {
	parts := []string{r.src.name, variantName(r.variant)}
	parts = append(parts, r.sets...)
	for _, s := range r.which.Point {
		parts = append(parts, s.Path+"="+s.Value)
	}
	parts = append(parts, r.what(), fmt.Sprintf("seed %d", r.which.Seed))
	return strings.Join(parts, " · ") +
		fmt.Sprintf("\nmeasured for %s, after a warm-up of %s", report.Duration(r.out.Length), report.Duration(r.sc.Study.Warmup))
}

// what says what goes wrong in the run.
func (r *watchedRun) what() string {
	entries := r.run.Plan.Entries
	switch {
	case r.planned:
		return count(len(entries), "given fault")
	case len(r.which.Causes) == 0 && r.sc.Study.Method == "timeline":
		return count(len(entries), "fault")
	case len(r.which.Causes) == 0:
		return "a calm run"
	}
	var causes []string
	for _, e := range entries {
		s := e.Cause
		if e.Lasts > 0 {
			s += " for " + report.Duration(e.Lasts)
		}
		causes = append(causes, s)
	}
	return strings.Join(causes, " and ")
}

// timeline returns what the run noted, and the outages that were found when it had ended.
func (r *watchedRun) timeline() *trace.Recorder {
	var notes []sim.Note
	for n := range r.notes.Notes() {
		notes = append(notes, readable(n))
	}
	for _, o := range r.out.Result.Objectives {
		for _, out := range o.Outages {
			notes = append(notes, outageNotes(o, out)...)
		}
	}
	slices.SortStableFunc(notes, func(x, y sim.Note) int { return cmp.Compare(x.At, y.At) })
	all := trace.New(trace.DefaultConfig())
	for _, n := range notes {
		all.Note(n)
	}
	return all
}

// readable writes the lengths of time in a note for people: "7m 3s", not "7m3.181926s".
func readable(n sim.Note) sim.Note {
	if (n.Kind == fault.NoteStart || n.Kind == fault.NoteOver) && len(n.Values) == 2 && n.Values[1] > 0 {
		lasts := time.Duration(n.Values[1])
		n.Detail = strings.Replace(n.Detail, lasts.String(), report.Duration(lasts), 1)
	}
	return n
}

// outageNotes tell when an objective began to be missed, and what it had cost when it was met again.
func outageNotes(o measure.ObjectiveResult, out measure.Outage) []sim.Note {
	from, to := instant(out.From), instant(out.To)
	begin := sim.Note{At: from, Kind: "outage", Subject: o.Objective, Detail: "objective missed"}
	end := sim.Note{At: to, Kind: "outage over", Subject: o.Objective}
	end.Detail = fmt.Sprintf("after %s: %s", report.Duration(to.Sub(from)), outageCost(out))
	if out.Open {
		end.Kind, end.Detail = "outage goes on", "at the end of the run: "+outageCost(out)
	}
	return []sim.Note{begin, end}
}

// outageCost says what an outage cost.
func outageCost(out measure.Outage) string {
	return fmt.Sprintf("%d of %d calls bad", out.Bad, out.Valid)
}

func empty(r *trace.Recorder) bool {
	for range r.Notes() {
		return false
	}
	return true
}

func objectivesTable(res *measure.Result) report.Table {
	t := report.Table{Columns: []report.Column{
		{Header: "objective"}, {Header: "good %", Right: true}, {Header: "target %", Right: true}, {Header: ""},
		{Header: "bad calls", Right: true}, {Header: "of", Right: true},
		{Header: "outages", Right: true}, {Header: "minutes missed", Right: true},
	}}
	for _, o := range res.Objectives {
		good, verdict := "–", ""
		if o.Availability != nil {
			good = exactPercent(o)
			verdict = "met"
			if *o.Availability < o.Target {
				verdict = "missed"
			}
		}
		missed := 0.0
		for _, out := range o.Outages {
			missed += out.To - out.From
		}
		t.Rows = append(t.Rows, []string{o.Objective, good, targetPercent(o.Target), verdict,
			fmt.Sprint(o.Bad()), fmt.Sprint(o.Valid), fmt.Sprint(len(o.Outages)), report.Number(missed / 60)})
	}
	return t
}

// exactPercent is the share of good calls of one run, which is known and no estimate.
func exactPercent(o measure.ObjectiveResult) string {
	if o.Bad() == 0 {
		return "100"
	}
	v := *o.Availability
	return report.Estimate{Value: v, Low: v, High: v}.Percent()
}

// costsTable says what each cause cost, and how long it was until somebody noticed and until all was
// well again.
func costsTable(res *measure.Result) report.Table {
	t := report.Table{Columns: []report.Column{{Header: "cause"}, {Header: "times", Right: true},
		{Header: "alert after", Right: true}, {Header: "met again after", Right: true}}}
	for _, o := range res.Objectives {
		t.Columns = append(t.Columns, report.Column{Header: o.Objective + " bad", Right: true})
	}
	type cost struct {
		times             int
		detect, recovered string
		bad               []float64
	}
	var order []string
	costs := map[string]*cost{}
	at := func(cause string) *cost {
		if costs[cause] == nil {
			order = append(order, cause)
			costs[cause] = &cost{bad: make([]float64, len(res.Objectives)), detect: "–", recovered: "–"}
		}
		return costs[cause]
	}
	for _, f := range res.Faults {
		c := at(f.Cause)
		c.times++
		if c.times > 1 { // one row for many: only one of them is described
			continue
		}
		c.detect, c.recovered = "no alert", "not by the end"
		if f.Detect != nil {
			c.detect = inSeconds(*f.Detect)
		}
		switch {
		case f.Recovered != nil && *f.Recovered == 0:
			c.recovered = "never missed"
		case f.Recovered != nil:
			c.recovered = inSeconds(*f.Recovered)
		}
	}
	for i, o := range res.Objectives {
		for _, c := range o.ByCause {
			at(c.Cause).bad[i] = c.Bad
		}
	}
	for _, name := range order {
		c := costs[name]
		row := []string{name, "", "", ""}
		if c.times > 0 {
			row = []string{name, fmt.Sprint(c.times), c.detect, c.recovered}
		}
		for _, bad := range c.bad {
			row = append(row, report.Number(bad))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func inSeconds(s float64) string { return report.Duration(time.Duration(math.Round(s * 1e9))) }

// callsTable lists the calls of each operation by outcome, and how long they took. Outcomes that no
// call had are left out.
func callsTable(res *measure.Result) report.Table {
	outcomes := []struct {
		name string
		of   func(measure.Calls) int64
	}{
		{"ok", func(c measure.Calls) int64 { return c.OK }},
		{"degraded", func(c measure.Calls) int64 { return c.Degraded }},
		{"rejected", func(c measure.Calls) int64 { return c.Rejected }},
		{"timeout", func(c measure.Calls) int64 { return c.Timeout }},
		{"error", func(c measure.Calls) int64 { return c.Error }},
		{"unknown", func(c measure.Calls) int64 { return c.Unknown }},
		{"unfinished", func(c measure.Calls) int64 { return c.Open }},
	}
	t := report.Table{Columns: []report.Column{{Header: "calls of"}, {Header: "all", Right: true}}}
	rows := make([][]string, len(res.Operations))
	for i, op := range res.Operations {
		rows[i] = []string{op.Operation, fmt.Sprint(op.Calls.Total())}
	}
	for _, outcome := range outcomes {
		if outcome.of(res.Calls) == 0 {
			continue
		}
		t.Columns = append(t.Columns, report.Column{Header: outcome.name, Right: true})
		for i, op := range res.Operations {
			rows[i] = append(rows[i], fmt.Sprint(outcome.of(op.Calls)))
		}
	}
	for _, header := range []string{"p50 of ok", "p99", "p99.9"} {
		t.Columns = append(t.Columns, report.Column{Header: header, Right: true})
	}
	for i, op := range res.Operations {
		for _, ms := range []float64{op.OK.P50, op.OK.P99, op.OK.P999} {
			rows[i] = append(rows[i], report.Duration(time.Duration(ms*1e6)))
		}
	}
	t.Rows = rows
	return t
}

// servicesTable says how much the servers had to do.
func servicesTable(r *watchedRun) report.Table {
	t := report.Table{Columns: []report.Column{{Header: "service"}, {Header: "servers", Right: true}, {Header: "cpu used", Right: true},
		{Header: "rejected", Right: true}, {Header: "lost in crashes", Right: true}}}
	for _, s := range r.out.Services {
		t.Rows = append(t.Rows, []string{s.Service, fmt.Sprint(s.Instances), fmt.Sprintf("%.0f %%", 100*s.Utilisation),
			fmt.Sprint(s.Rejected), fmt.Sprint(s.Lost)})
	}
	return t
}

// cachesTable says what the caches did. What none of them did is left out.
func cachesTable(r *watchedRun) report.Table {
	t := report.Table{Columns: []report.Column{{Header: "cache of"}}}
	rows := make([][]string, len(r.out.Caches))
	for i, c := range r.out.Caches {
		rows[i] = []string{c.Cache}
	}
	for _, column := range []struct {
		header string
		of     func(system.CacheUse) uint64
	}{
		{"hits", func(c system.CacheUse) uint64 { return c.Hits }},
		{"misses", func(c system.CacheUse) uint64 { return c.Misses }},
		{"joined", func(c system.CacheUse) uint64 { return c.Joined }},
		{"early", func(c system.CacheUse) uint64 { return c.Early }},
		{"stale", func(c system.CacheUse) uint64 { return c.Stale }},
		{"negative", func(c system.CacheUse) uint64 { return c.Negative }},
		{"refreshed", func(c system.CacheUse) uint64 { return c.Refreshed }},
		{"kept late", func(c system.CacheUse) uint64 { return c.Late }},
		{"evicted", func(c system.CacheUse) uint64 { return c.Evicted }},
	} {
		always := column.header == "hits" || column.header == "misses"
		if !always && !slices.ContainsFunc(r.out.Caches, func(c system.CacheUse) bool { return column.of(c) > 0 }) {
			continue
		}
		t.Columns = append(t.Columns, report.Column{Header: column.header, Right: true})
		for i, c := range r.out.Caches {
			rows[i] = append(rows[i], fmt.Sprint(column.of(c)))
		}
	}
	t.Rows = rows
	return t
}

// layersTable says what each policy did, between each two that have one, outermost first, and leaves out what never
// happened.
func layersTable(res *measure.Result) report.Table {
	t := report.Table{Columns: []report.Column{{Header: "calls from.to"}, {Header: "layer"}, {Header: "what it did"}}}
	for _, e := range res.Edges {
		var idle []string // up to here
		rest := func() {
			if idle != nil {
				t.Rows = append(t.Rows, []string{e.Edge, strings.Join(idle, ", "), "nothing"})
			}
			idle = nil
		}
		for _, l := range e.Layers {
			var did []string
			for _, c := range l.Counts {
				switch name, length := strings.CutSuffix(c.Name, "_ns"); {
				case c.N == 0:
				case length:
					did = append(did, strings.ReplaceAll(name, "_", " ")+" "+report.Duration(time.Duration(c.N)))
				default:
					did = append(did, fmt.Sprint(strings.ReplaceAll(name, "_", " "), " ", c.N))
				}
			}
			if did == nil {
				idle = append(idle, l.Layer)
				continue
			}
			rest()
			t.Rows = append(t.Rows, []string{e.Edge, l.Layer, strings.Join(did, ", ")})
		}
		rest()
	}
	return t
}

// effects says what happened twice, too late, or is gone.
func effects(res *measure.Result) string {
	var parts []string
	for _, e := range res.Effects {
		if e.Double > 0 {
			parts = append(parts, fmt.Sprintf("%s happened %d times too often", e.Effect, e.Double))
		}
		if e.Late > 0 {
			parts = append(parts, fmt.Sprintf("%s was promised and late, or never came, %d times", e.Effect, e.Late))
		}
	}
	if res.Lost > 0 {
		parts = append(parts, count(int(res.Lost), "acknowledged write")+" lost")
	}
	if parts == nil {
		return ""
	}
	return "effects: " + strings.Join(parts, "; ")
}

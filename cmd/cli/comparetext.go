package cli

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim/report"
	"github.com/nines-sim/nines/sim/study"
)

// writeComparison writes a comparison in the form that was asked for.
func (a *app) writeComparison(form string, c *comparison) error {
	switch form {
	case asJSON:
		return a.writeJSON(c.document())
	case asNDJSON:
		return c.writeLines(a)
	case asCSV:
		return c.table().WriteCSV(a.stdout)
	}
	return a.writeComparisonText(a.stdout, c)
}

// writeComparisonText writes a comparison for a person: a table for each objective, what it takes, and
// what follows.
func (a *app) writeComparisonText(w io.Writer, c *comparison) error {
	fmt.Fprintln(w, c.headline())
	if c.Incomplete {
		fmt.Fprintln(w, "INTERRUPTED: this is what the runs that were finished in every variant say")
	}
	for o := range c.Objectives {
		fmt.Fprintf(w, "\n%s\n", wrap(c.promise(o), textColumns, "  "))
		if err := c.results(o).WriteText(w, a.tableStyle()); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\nwhat it takes\n")
	if err := c.costs().WriteText(w, a.tableStyle()); err != nil {
		return err
	}
	if len(c.Diffs) > 0 {
		fmt.Fprintf(w, "\ncompared with %s, in bad minutes %s\n", c.Baseline, c.per())
		if err := c.differences().WriteText(w, a.tableStyle()); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	for _, line := range slices.Concat(c.cheapest(), c.overlap(), c.moreRuns(), c.covers()) {
		fmt.Fprintln(w, wrap(line, textColumns, "  "))
	}
	_, err := fmt.Fprintf(w, "again: %s\n       nines %s · scenario %s\n", c.again, c.version, c.hash)
	return err
}

// headline says what was compared and how.
func (c *comparison) headline() string {
	parts := []string{c.name, count(len(c.Variants), "variant")}
	same := "same arrivals and faults for all"
	if c.Method == "incidents" {
		same = "same incidents for all"
		faults := map[string]bool{}
		for _, class := range c.Classes {
			if len(class.Causes) == 1 {
				faults[column(class.Name)] = true
			}
		}
		parts = append(parts, count(len(faults), "cause"))
	}
	parts = append(parts, same, fmt.Sprintf("seeds %d-%d", c.FirstSeed, c.LastSeed), count(c.Runs, "run"))
	return wrap(strings.Join(parts, " · "), textColumns, "  ")
}

// promise says what an objective asks for.
func (c *comparison) promise(i int) string {
	o := c.plan.objective(c.Objectives[i].Name)
	s := o.Name + ": " + o.Of
	if o.Within > 0 {
		s += " within " + report.Duration(o.Within)
	}
	if o.Settled > 0 {
		s += ", settled in " + report.Duration(o.Settled)
	}
	if len(o.Once) > 0 {
		s += ", " + strings.Join(o.Once, " and ") + " once"
	}
	if o.Target > 0 {
		s += fmt.Sprintf("; target %s %%, which allows %s bad minutes %s",
			targetPercent(o.Target), report.Minutes((1-o.Target)*c.minutesIn()), c.per())
	}
	return s
}

// targetPercent writes a target with all its nines.
func targetPercent(share float64) string {
	s := strconv.FormatFloat(100*share, 'f', 9, 64)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

const minutesPerYear = 525_600

// stretch is the time that bad minutes are counted in, if it is not a year: a timeline with faults at
// set times says nothing about a year.
func (c *comparison) stretch() time.Duration {
	sc := c.plan.designs[0].Scenario
	if c.Method == "timeline" && slices.ContainsFunc(sc.Faults, func(f scenario.Fault) bool { return f.At != nil }) {
		return sc.Study.Lasts
	}
	return 0
}

// minutesIn is the length of the time that bad minutes are counted in.
func (c *comparison) minutesIn() float64 {
	if d := c.stretch(); d > 0 {
		return d.Minutes()
	}
	return minutesPerYear
}

// per names the time that bad minutes are counted in.
func (c *comparison) per() string {
	if d := c.stretch(); d > 0 {
		return "in " + report.Duration(d)
	}
	return "a year"
}

// scaled turns a yearly figure into one for the time that text and charts count in.
func (c *comparison) scaled(v float64) float64 { return v * (c.minutesIn() / minutesPerYear) }

// overlaps is the column that holds all pairs of causes.
const overlaps = "overlaps"

// column returns the name of the column that a class of runs belongs to.
func column(class string) string {
	if strings.Contains(class, "+") {
		return overlaps
	}
	return system.FaultOf(class)
}

// columns lists the columns of bad minutes: calm first, then the causes in the order of the scenario,
// then pairs and whatever no cause explains.
func (c *comparison) columns() []string {
	names := []string{study.Calm}
	for _, f := range c.plan.designs[0].Scenario.Faults {
		names = append(names, f.Name)
	}
	return append(names, overlaps, "none")
}

// minutes returns a result's bad minutes a year by column. A cause that the variant does not have has no
// entry.
func minutes(r study.Result) map[string]float64 {
	m := map[string]float64{}
	for _, part := range r.ByCause {
		if part.PerYear == 0 && part.Class != study.Calm && part.BadMinutes.Value == 0 {
			continue
		}
		m[column(part.Class)] += part.BadMinutes.Value
	}
	return m
}

// results is the table of one objective. Columns that hold nothing worth a minute's hundredth are left
// out, and if there is no room for all, those that matter least are put together.
func (c *comparison) results(o int) report.Table {
	most := map[string]float64{} // by column, of all variants
	for _, v := range c.Variants {
		for name, m := range minutes(v.Objectives[o]) {
			most[name] = max(most[name], math.Abs(c.scaled(m)))
		}
	}
	columns := slices.DeleteFunc(c.columns(), func(name string) bool { return most[name] < 0.005 })
	var others []string
	for {
		t := c.resultsBy(o, columns, others)
		if textWidth(t) <= textColumns || len(columns) < 2 {
			return t
		}
		least := slices.MinFunc(columns, func(x, y string) int { return cmp.Compare(most[x], most[y]) })
		columns = slices.DeleteFunc(columns, func(name string) bool { return name == least })
		others = append(others, least)
	}
}

// textColumns is how wide a table may be.
const textColumns = 100

func textWidth(t report.Table) int {
	widest := 0
	for line := range strings.Lines(t.String()) {
		widest = max(widest, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")))
	}
	return widest
}

// resultsBy is the table with some columns of bad minutes, and one for the sum of others.
func (c *comparison) resultsBy(o int, columns, others []string) report.Table {
	target := c.Objectives[o].Target > 0
	level := c.Variants[0].Objectives[o].Availability.Level
	t := report.Table{Columns: []report.Column{{Header: "variant"}, {Header: "good %", Right: true},
		{Header: fmt.Sprintf("[%s %%]", report.Number(100*level)), Right: true}}}
	if target {
		t.Columns = append(t.Columns, report.Column{Header: "target"})
	}
	t.Columns = append(t.Columns, report.Column{Header: c.badHeader(), Right: true})
	for _, name := range columns {
		t.Columns = append(t.Columns, report.Column{Header: name, Right: true})
	}
	if others != nil {
		t.Columns = append(t.Columns, report.Column{Header: "others", Right: true})
	}
	for _, v := range c.Variants {
		r := v.Objectives[o]
		e := estimate(r.Availability)
		row := []string{v.Variant, e.Percent(), e.PercentInterval()}
		if target {
			row = append(row, string(r.Met))
		}
		row = append(row, c.badMinutes(r.BadMinutes))
		by := minutes(r)
		for _, name := range columns {
			cell := "–"
			if m, ok := by[name]; ok {
				cell = report.Minutes(c.scaled(m))
			}
			row = append(row, cell)
		}
		if others != nil {
			sum := 0.0
			for _, name := range others {
				sum += by[name]
			}
			row = append(row, report.Minutes(c.scaled(sum)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func estimate(i study.Interval) report.Estimate {
	return report.Estimate{Value: i.Value, Low: i.Low, High: i.High}
}

// badMinutes writes an estimate of bad minutes, or the bound if nothing bad was seen.
func (c *comparison) badMinutes(i study.Interval) string {
	if i.Bound {
		return "<" + report.Minutes(c.scaled(i.High))
	}
	return report.Minutes(c.scaled(i.Value))
}

// badHeader heads a column of bad minutes.
func (c *comparison) badHeader() string {
	if c.stretch() > 0 {
		return "bad min " + c.per()
	}
	return "bad min/yr"
}

// costs is the table of what the variants take, and do, besides the objectives.
func (c *comparison) costs() report.Table {
	t := report.Table{Columns: []report.Column{{Header: "variant"}, {Header: "servers", Right: true}, {Header: "load×", Right: true},
		{Header: c.quiet("p99"), Right: true}}}
	counts := []struct{ metric, header string }{
		{"double", "double effects"}, {"lost", "lost writes"}, {"alerts", "alerts"},
	}
	counts = slices.DeleteFunc(counts, func(k struct{ metric, header string }) bool {
		return !slices.ContainsFunc(c.Variants, func(v study.Finding) bool { return v.Yearly[k.metric] != 0 })
	})
	for _, k := range counts {
		if c.stretch() == 0 {
			k.header += "/yr"
		}
		t.Columns = append(t.Columns, report.Column{Header: k.header, Right: true})
	}
	for _, v := range c.Variants {
		row := []string{v.Variant, fmt.Sprint(c.plan.design(v).Scenario.Servers()),
			fmt.Sprintf("%.2f", loadFactor(v)), report.Duration(time.Duration(p99(v) * 1e6))}
		for _, k := range counts {
			row = append(row, report.Minutes(c.scaled(v.Yearly[k.metric])))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// quiet adds to the name of a metric that it is of calm runs, if the study has them.
func (c *comparison) quiet(metric string) string {
	if c.Method == "incidents" {
		return metric + " calm"
	}
	return metric
}

// differences is the table of what is better or worse than the baseline.
func (c *comparison) differences() report.Table {
	t := report.Table{Columns: []report.Column{{Header: "variant"}, {Header: "objective"}, {Header: "verdict"},
		{Header: "difference", Right: true}, {Header: "interval", Right: true}, {Header: "would decide"}}}
	for _, d := range c.Diffs {
		note := ""
		switch {
		case d.Verdict == study.Undecided && d.MoreRuns > 0:
			note = "about " + count(d.MoreRuns, "more run")
		case d.Verdict == study.Undecided:
			note = "no number of runs"
		}
		t.Rows = append(t.Rows, []string{d.Variant, d.Objective, string(d.Verdict),
			c.signed(d.BadMinutes.Value), fmt.Sprintf("[%s, %s]", c.signed(d.BadMinutes.Low), c.signed(d.BadMinutes.High)), note})
	}
	return t
}

// signed writes a difference with its sign: +12, −3.4, 0.
func (c *comparison) signed(v float64) string {
	switch s := report.Minutes(math.Abs(c.scaled(v))); {
	case s == "0":
		return s
	case s == "<0.01": // not nothing, and the sign is known
		return sign(v) + "0.00"
	default:
		return sign(v) + s
	}
}

func sign(v float64) string {
	if v < 0 {
		return "−"
	}
	return "+"
}

// wrap breaks a line at spaces so that it fits a width, and indents what follows.
func wrap(s string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(s) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

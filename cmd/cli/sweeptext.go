package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/sim/report"
	"github.com/nines-sim/nines/sim/study"
)

// writeSweep writes what a sweep found in the form that was asked for.
func (a *app) writeSweep(form string, c *comparison, s sweepPlan) error {
	switch form {
	case asJSON:
		return a.writeJSON(c.document())
	case asNDJSON:
		return writeLines(a, c.Rows)
	case asCSV:
		return c.table().WriteCSV(a.stdout)
	}
	return a.writeSweepText(a.stdout, c, s)
}

func (a *app) writeSweepText(w io.Writer, c *comparison, s sweepPlan) error {
	fixed := []string{c.name, variantName(s.Variant)}
	for _, axis := range s.Axes {
		if len(axis.Values) == 1 {
			fixed = append(fixed, axis.Path+"="+axis.Values[0])
		}
	}
	same := "same arrivals and faults for all"
	if c.Method == "incidents" {
		same = "same incidents for all"
	}
	fixed = append(fixed, count(len(c.Variants), "point"), same, fmt.Sprintf("seeds %d-%d", c.FirstSeed, c.LastSeed), count(c.Runs, "run"))
	fmt.Fprintln(w, wrap(strings.Join(fixed, " · "), textColumns, "  "))
	if c.Incomplete {
		fmt.Fprintln(w, "INTERRUPTED: this is what the runs that were finished at every point say")
	}
	for o := range c.Objectives {
		fmt.Fprintf(w, "\n%s\n", wrap(c.promise(o), textColumns, "  "))
		if err := c.points(o, s).WriteText(w, a.tableStyle()); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	for _, line := range slices.Concat(c.overlap(), c.moreRuns(), c.covers()) {
		fmt.Fprintln(w, wrap(line, textColumns, "  "))
	}
	_, err := fmt.Fprintf(w, "again: %s\n       nines %s · scenario %s\n", c.again, c.version, c.hash)
	return err
}

// points is the table of a sweep for one objective: a row for each point.
func (c *comparison) points(o int, s sweepPlan) report.Table {
	varied := s.varied()
	var t report.Table
	for _, axis := range varied {
		t.Columns = append(t.Columns, report.Column{Header: shortPath(axis.Path, pathsOf(varied))})
	}
	t.Columns = append(t.Columns, report.Column{Header: "good %", Right: true},
		report.Column{Header: fmt.Sprintf("[%s %%]", report.Number(100*c.Variants[0].Objectives[o].Availability.Level)), Right: true})
	target := c.Objectives[o].Target > 0
	if target {
		t.Columns = append(t.Columns, report.Column{Header: "target"})
	}
	for _, name := range []string{c.badHeader(), "load×", c.quiet("p99"), "servers"} {
		t.Columns = append(t.Columns, report.Column{Header: name, Right: true})
	}
	for _, v := range c.Variants {
		var row []string
		for _, axis := range varied {
			value, _ := v.Point.Get(axis.Path)
			row = append(row, value)
		}
		r := v.Objectives[o]
		e := estimate(r.Availability)
		row = append(row, e.Percent(), e.PercentInterval())
		if target {
			row = append(row, string(r.Met))
		}
		row = append(row, c.badMinutes(r.BadMinutes), fmt.Sprintf("%.2f", loadFactor(v)),
			report.Duration(time.Duration(p99(v)*1e6)), fmt.Sprint(c.plan.design(v).Scenario.Servers()))
		t.Rows = append(t.Rows, row)
	}
	return t
}

// pointName writes what sets a point apart from the others: "retry.attempts=4 retry.budget=none".
func (c *comparison) pointName(p study.Point) string {
	var paths []string
	for i, s := range p {
		if slices.ContainsFunc(c.Variants, func(f study.Finding) bool { return f.Point[i].Value != s.Value }) {
			paths = append(paths, s.Path)
		}
	}
	var short study.Point
	for _, path := range paths {
		value, _ := p.Get(path)
		short = append(short, study.Setting{Path: shortPath(path, paths), Value: value})
	}
	return short.String()
}

// shortPath is the shortest ending of a path that no other one has: retry.attempts.
func shortPath(path string, all []string) string {
	words := strings.Split(path, ".")
	for n := min(2, len(words)); n < len(words); n++ {
		ending := strings.Join(words[len(words)-n:], ".")
		alone := true
		for _, other := range all {
			alone = alone && (other == path || !strings.HasSuffix(other, "."+ending))
		}
		if alone {
			return ending
		}
	}
	return path
}

func pathsOf(g study.Grid) []string {
	var list []string
	for _, axis := range g {
		list = append(list, axis.Path)
	}
	return list
}

package cli

import (
	"strconv"

	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim/report"
	"github.com/nines-sim/nines/sim/study"
)

// comparisonDocument is a comparison as JSON. Fields may be added, never changed.
type comparisonDocument struct {
	Scenario     string            `json:"scenario"`
	ScenarioHash string            `json:"scenario_hash"` // of all variants together
	Version      string            `json:"version"`
	Command      string            `json:"command"` // that compares again
	Method       string            `json:"method"`
	Baseline     string            `json:"baseline"`
	FirstSeed    uint64            `json:"first_seed"`
	LastSeed     uint64            `json:"last_seed"`
	Runs         int               `json:"runs"` // of all variants together
	Events       uint64            `json:"events"`
	Incomplete   bool              `json:"incomplete,omitempty"`
	Objectives   []study.Objective `json:"objectives"`
	Classes      []study.Class     `json:"classes"`
	Overlap      *study.Overlap    `json:"overlap,omitempty"`

	Variants    []variantDocument  `json:"variants"`
	Differences []study.Difference `json:"differences"`
}

// variantDocument is what a comparison says about one variant. What stands beside the objectives is of
// the scenario's first one.
type variantDocument struct {
	Variant      string      `json:"variant"`
	Point        study.Point `json:"point,omitempty"`
	ScenarioHash string      `json:"scenario_hash"`

	Availability study.Interval     `json:"availability"`
	BadMinutes   study.Interval     `json:"bad_minutes"` // a year, whatever the text counts in
	ByCause      map[string]float64 `json:"bad_minutes_by_cause"`
	Objectives   []study.Result     `json:"objectives"`

	LoadFactor float64                       `json:"load_factor"` // in the class of runs where it is largest
	Servers    int                           `json:"servers"`
	Yearly     map[string]float64            `json:"yearly,omitempty"`
	Metrics    map[string]map[string]float64 `json:"metrics,omitempty"` // means by class of runs
}

func (c *comparison) document() comparisonDocument {
	d := comparisonDocument{
		Scenario: c.name, ScenarioHash: c.hash, Version: c.version, Command: c.again,
		Method: c.Method, Baseline: c.Baseline, FirstSeed: c.FirstSeed, LastSeed: c.LastSeed,
		Runs: c.Runs, Events: c.Events, Incomplete: c.Incomplete,
		Objectives: c.Objectives, Classes: c.Classes, Overlap: c.Overlap, Differences: c.Diffs,
	}
	if d.Differences == nil {
		d.Differences = []study.Difference{}
	}
	for _, v := range c.Variants {
		d.Variants = append(d.Variants, c.variantDocument(v))
	}
	return d
}

func (c *comparison) variantDocument(f study.Finding) variantDocument {
	design := c.plan.design(f)
	first := f.Objectives[0]
	v := variantDocument{
		Variant: f.Variant, Point: f.Point, ScenarioHash: c.plan.app.hash(design.Scenario),
		Availability: first.Availability, BadMinutes: first.BadMinutes, ByCause: map[string]float64{}, Objectives: f.Objectives,
		LoadFactor: loadFactor(f), Servers: design.Scenario.Servers(), Yearly: f.Yearly, Metrics: f.Metrics,
	}
	for _, part := range first.ByCause {
		v.ByCause[column(part.Class)] += part.BadMinutes.Value
	}
	return v
}

// writeLines writes a line for each variant, then one for each difference.
func (c *comparison) writeLines(a *app) error {
	var variants []any
	for _, v := range c.Variants {
		variants = append(variants, struct {
			Scenario string `json:"scenario"`
			Version  string `json:"version"`
			variantDocument
		}{c.name, c.version, c.variantDocument(v)})
	}
	for _, d := range c.Diffs {
		variants = append(variants, struct {
			Scenario   string           `json:"scenario"`
			Difference study.Difference `json:"difference"`
		}{c.name, d})
	}
	return writeLines(a, variants)
}

// table has a row for each variant and objective, with numbers in full.
func (c *comparison) table() report.Table {
	t := report.Table{}
	head := func(names ...string) {
		for _, name := range names {
			t.Columns = append(t.Columns, report.Column{Header: name})
		}
	}
	head("scenario", "variant")
	for _, s := range c.Variants[0].Point {
		head(s.Path)
	}
	head("objective", "target", "met", "availability", "availability_low", "availability_high",
		"bad_minutes_a_year", "bad_minutes_a_year_low", "bad_minutes_a_year_high")
	classes := c.columns()
	for _, name := range classes {
		head("bad_minutes_a_year_" + name)
	}
	head("servers", "load_factor", "p99_ms", "double", "lost", "alerts")
	full := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, v := range c.Variants {
		for o, r := range v.Objectives {
			row := []string{c.name, v.Variant}
			for _, s := range v.Point {
				row = append(row, s.Value)
			}
			row = append(row, r.Objective, full(c.Objectives[o].Target), string(r.Met),
				full(r.Availability.Value), full(r.Availability.Low), full(r.Availability.High),
				full(r.BadMinutes.Value), full(r.BadMinutes.Low), full(r.BadMinutes.High))
			by := minutes(r)
			for _, name := range classes {
				row = append(row, full(by[name]))
			}
			row = append(row, strconv.Itoa(c.plan.design(v).Scenario.Servers()), full(loadFactor(v)), full(p99(v)))
			for _, name := range system.Counts() {
				row = append(row, full(v.Yearly[name]))
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

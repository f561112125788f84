package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/nines-sim/nines/sim/report"
)

// saveCharts draws the first objective's comparison into the file, and each further one's into a file
// beside it: webshop.png, webshop-browse.png.
func (a *app) saveCharts(path string, c *comparison) error {
	for o, objective := range c.Objectives {
		file := path
		if o > 0 {
			ext := filepath.Ext(path)
			file = strings.TrimSuffix(path, ext) + "-" + objective.Name + ext
		}
		if err := report.Save(file, c.chart(o)); err != nil {
			return err
		}
		a.say("chart of %s: %s", objective.Name, file)
	}
	return nil
}

// chart is the chart of one objective.
func (c *comparison) chart(o int) report.Comparison {
	chart := report.Comparison{
		Title:  c.name + ": " + c.Objectives[o].Name,
		Target: c.Objectives[o].Target,
		Level:  c.Variants[0].Objectives[o].Availability.Level,
		Inputs: c.inputs(),
		Causes: c.columns(),
		Year:   c.stretch(),
		Footer: report.Footer{
			Command: c.again, Seeds: fmt.Sprintf("%d-%d", c.FirstSeed, c.LastSeed), Version: c.version, Scenario: c.hash,
		},
	}
	if chart.Target >= 1 {
		chart.Target = 0 // no axis of nines reaches it
	}
	for _, v := range c.Variants {
		r := v.Objectives[o]
		row := report.Row{Name: v.Variant, Availability: estimate(r.Availability),
			Servers: c.plan.design(v).Scenario.Servers(), Load: loadFactor(v)}
		by := minutes(r)
		for _, name := range chart.Causes {
			row.BadMinutes = append(row.BadMinutes, max(0, c.scaled(by[name])))
		}
		chart.Rows = append(chart.Rows, row)
	}
	return chart
}

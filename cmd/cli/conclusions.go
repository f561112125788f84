package cli

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nines-sim/nines/sim/report"
	"github.com/nines-sim/nines/sim/study"
)

// What follows from a comparison, in sentences.

// cheapest names the variant with the fewest servers, then the least load, that is shown to meet every
// target; and those for which that is not decided and that would be cheaper.
func (c *comparison) cheapest() []string {
	var targets []string
	for _, o := range c.Objectives {
		if o.Target > 0 {
			targets = append(targets, o.Name+" "+targetPercent(o.Target)+" %")
		}
	}
	if targets == nil {
		return nil
	}
	servers := func(v study.Finding) int { return c.plan.design(v).Scenario.Servers() }
	order := slices.Clone(c.Variants)
	slices.SortStableFunc(order, func(x, y study.Finding) int {
		return cmp.Or(cmp.Compare(servers(x), servers(y)), cmp.Compare(math.Round(100*loadFactor(x)), math.Round(100*loadFactor(y))))
	})
	var unclear []string
	what := "Cheapest that meets " + strings.Join(targets, " and ") + ": "
	for _, v := range order {
		switch met := meetsAll(v); met {
		case study.Yes:
			line := fmt.Sprintf("%s%s (%s).", what, v.Variant, count(servers(v), "server"))
			if unclear != nil {
				line += " Undecided, with no more servers and load×: " + strings.Join(unclear, ", ") + "."
			}
			return []string{line}
		case study.Unclear:
			unclear = append(unclear, v.Variant)
		}
	}
	if unclear == nil {
		return []string{what + "none of these."}
	}
	return []string{what + "undecided. No variant is shown to; these may: " + strings.Join(unclear, ", ") + "."}
}

// meetsAll says whether a variant meets all its targets: with the whole interval of each.
func meetsAll(v study.Finding) study.Met {
	all := study.Yes
	for _, r := range v.Objectives {
		switch {
		case r.Met == study.No:
			return study.No
		case r.Met == study.Unclear:
			all = study.Unclear
		}
	}
	return all
}

// overlap says how much the incidents of a year run into each other, and what was done about it.
func (c *comparison) overlap() []string {
	o := c.Overlap
	if o == nil {
		return nil
	}
	line := fmt.Sprintf("Overlap: during %.2g %% of the time of an incident another one is under way (%s, where it is most).",
		100*o.Share, c.where(o.Variant))
	if len(o.Simulated) > 0 {
		var pairs []string
		for _, p := range o.Simulated {
			pairs = append(pairs, p.First+" + "+p.Second)
		}
		line += " Simulated as pairs: " + strings.Join(pairs, ", ") + "."
	}
	if len(o.Neglected) > 0 {
		worst, sum := o.Neglected[0], 0.0
		for _, p := range o.Neglected {
			sum += p.AtMost
			if p.AtMost > worst.AtMost {
				worst = p
			}
		}
		line += fmt.Sprintf(" Left out: %s of causes, at most %s bad minutes a year in all (%s during %s: at most %s).",
			count(len(o.Neglected), "pair"), report.Minutes(sum), worst.Second, worst.First, report.Minutes(worst.AtMost))
	}
	return []string{line}
}

// label is how text calls a finding: by its variant, or by its place in a sweep.
func (c *comparison) label(f study.Finding) string {
	if len(f.Point) > 0 {
		return c.pointName(f.Point)
	}
	return f.Variant
}

// where is the label of the finding that a study calls by a key of its own.
func (c *comparison) where(key string) string {
	for _, f := range c.Variants {
		if key == f.Variant || key == f.Variant+" "+f.Point.String() {
			return c.label(f)
		}
	}
	return key
}

// moreRuns says, for each objective, what more runs would do for the interval that is widest.
func (c *comparison) moreRuns() []string {
	var lines []string
	for o, objective := range c.Objectives {
		var widest *study.Result
		name := ""
		for i := range c.Variants {
			r := &c.Variants[i].Objectives[o]
			if len(r.TooFew) > 0 {
				lines = append(lines, fmt.Sprintf("Too few runs: how much %s of %s varies between runs of %s is not known; %d of each are enough.",
					objective.Name, c.label(c.Variants[i]), strings.Join(r.TooFew, ", "), study.Covered))
				continue
			}
			if r.More.Now > 0 && r.BadMinutes.Value > 0 &&
				(widest == nil || r.More.Now/r.BadMinutes.Value > widest.More.Now/widest.BadMinutes.Value) {
				widest, name = r, c.label(c.Variants[i])
			}
		}
		if widest != nil {
			lines = append(lines, fmt.Sprintf("More runs: %s of %s is known to ±%s bad minutes %s; twice as many runs make that ±%s, four times as many ±%s.",
				objective.Name, name, report.Minutes(c.scaled(widest.More.Now)), c.per(),
				report.Minutes(c.scaled(widest.More.Twice)), report.Minutes(c.scaled(widest.More.Four))))
		}
	}
	return lines
}

// covers says what the intervals mean.
func (c *comparison) covers() []string {
	i := c.Variants[0].Objectives[0].BadMinutes
	what := "the chance in the runs"
	if c.inputs() {
		what += " and how uncertain the incident rates are"
	}
	line := fmt.Sprintf("Intervals hold with %s %% and cover %s.", report.Number(100*i.Level), what)
	if len(c.Diffs) > 0 && len(c.Variants[0].Point) == 0 {
		line += " Verdicts hold for all comparisons of an objective together, which asks for more than the interval of one."
	}
	line += " Load× is calls sent for each call asked for"
	if c.Method == "incidents" {
		line += ", in the incident that raises it most"
	}
	return []string{line + "."}
}

// inputs reports whether intervals cover uncertain rates.
func (c *comparison) inputs() bool {
	return slices.ContainsFunc(c.Variants, func(v study.Finding) bool {
		return slices.ContainsFunc(v.Objectives, func(r study.Result) bool { return r.BadMinutes.Covers == study.SamplingInputs })
	})
}

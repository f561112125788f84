package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim/report"
	"github.com/nines-sim/nines/sim/study"
)

func (a *app) compare() *cobra.Command {
	var f studyFlags
	var variants []string
	var baseline, leaveOneOut, chart string
	var noChart, check, strict bool
	cmd := &cobra.Command{
		Use:   "compare SCENARIO [SCENARIO2]",
		Short: "Compare variants: availability, bad minutes a year by cause, and what they cost",
		Long: `Compare the variants of a scenario, or two scenarios with the same objectives and causes. All meet
the same arrivals and the same incidents, so that differences are paired. The result is a table for
each objective, what is shown to be better or worse than the baseline, and a chart.

The method "incidents" simulates one cause with its effect and recovery per run, at its true length,
and weighs it by how often a year it happens; runs go where they narrow the answer most.

With --check the exit code is 3 if a variant that was compared misses an objective with its whole
interval; with --strict also if that is undecided. An interrupt reports what was finished.`,
		Args: cobra.RangeArgs(1, 2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeScenario(cmd, nil, word)
		},
		Example: a.examples(
			"compare webshop",
			"compare webshop --variants budget,breaker --runs 400 --chart breaker.svg",
			"compare webshop --leave-one-out everything     # what is each part of it worth?",
			"compare mine.yaml --variants today --check     # does the design meet its objectives?",
			"compare webshop -o json | jq '.variants[] | [.variant, .availability.value]'",
		),
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&variants, "variants", nil, "the variants to compare (default: all)")
	flags.StringVar(&baseline, "baseline", "", "the variant to compare with (default: the first)")
	flags.StringVar(&leaveOneOut, "leave-one-out", "", "compare a variant with itself less each that it builds on")
	f.add(cmd)
	flags.StringVar(&chart, "chart", "", "the chart's file: .png, .svg or .pdf (default: SCENARIO.png)")
	flags.BoolVar(&noChart, "no-chart", false, "draw no chart")
	flags.BoolVar(&check, "check", false, "exit with code 3 if an objective is missed")
	flags.BoolVar(&strict, "strict", false, "with --check: also if that is undecided")
	cmd.MarkFlagsMutuallyExclusive("variants", "leave-one-out")
	cmd.MarkFlagsMutuallyExclusive("chart", "no-chart")
	for _, flag := range []string{"variants", "baseline", "leave-one-out"} {
		a.completeFrom(cmd, flag, variantNames)
	}
	out := a.output(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if chart != "" {
			if _, err := report.FormatOf(chart); err != nil {
				return asUsage(err)
			}
		}
		if err := f.check(cmd); err != nil {
			return err
		}
		designs, name, err := a.designs(args, variants, leaveOneOut, f.sets)
		if err != nil {
			return err
		}
		if baseline != "" && !slices.ContainsFunc(designs, func(d system.Design) bool { return d.Variant == baseline }) {
			return unknown("variant to compare with called", baseline, designNames(designs))
		}
		p, err := a.newPlan(designs, baseline, f.first(), f.many(designs[0].Scenario.Study.Runs))
		if err != nil {
			return err
		}
		defer p.Close()

		began := time.Now()
		progress := a.reporter(f.progress.value, "compare "+name)
		sum, err := p.do(cmd.Context(), study.Pool{Jobs: f.jobs, Progress: told(progress)}, args[0], f.sets)
		progress.close()
		if err != nil && !interrupted(err) {
			return err
		}
		if len(sum.Variants) == 0 {
			return exitError{ExitInterrupted, errors.New("interrupted before any incident was finished in every variant")}
		}
		c := &comparison{Summary: sum, plan: p, name: name, hash: p.hash(), version: buildVersion(), again: a.command(cmd, args)}
		if err := a.writeComparison(out.value, c); err != nil {
			return err
		}
		a.say("%s in %s", count(sum.Runs, "run"), took(time.Since(began)))
		if !noChart {
			if chart == "" {
				chart = name + ".png"
			}
			if err := a.saveCharts(chart, c); err != nil {
				return err
			}
		}
		if err != nil {
			return exitError{ExitInterrupted, errors.New("interrupted; what was finished is reported")}
		}
		if check {
			return c.check(strict)
		}
		return nil
	}
	return cmd
}

// designs returns what is to be compared, and how the comparison is called.
func (a *app) designs(args, variants []string, leaveOneOut string, sets []string) ([]system.Design, string, error) {
	if len(args) == 2 {
		return a.twoScenarios(args, variants, leaveOneOut, sets)
	}
	src, err := a.open(args[0])
	if err != nil {
		return nil, "", err
	}
	switch {
	case leaveOneOut != "":
		without, err := src.file.LeaveOneOut(leaveOneOut)
		if err != nil {
			return nil, "", err
		}
		variants = append([]string{leaveOneOut}, without...)
	case len(variants) == 0:
		variants = src.file.Variants()
	}
	if len(variants) == 0 {
		variants = []string{""}
	}
	var designs []system.Design
	for _, v := range variants {
		sc, err := src.file.Variant(v, sets...)
		if err != nil {
			return nil, "", err
		}
		if slices.Contains(designNames(designs), v) {
			return nil, "", usage("--variants names %s twice", v)
		}
		designs = append(designs, system.Design{Variant: variantName(v), Scenario: sc})
	}
	return designs, src.name, nil
}

// twoScenarios returns both scenarios as written, or their variants. They have to be judged by the same
// objectives, and to meet the same causes.
func (a *app) twoScenarios(args, variants []string, leaveOneOut string, sets []string) ([]system.Design, string, error) {
	if leaveOneOut != "" {
		return nil, "", usage("--leave-one-out is for one scenario")
	}
	if len(variants) == 0 {
		variants = []string{""}
	}
	var designs []system.Design
	var names []string
	for _, arg := range args {
		src, err := a.open(arg)
		if err != nil {
			return nil, "", err
		}
		name := src.name
		if slices.Contains(names, name) {
			name = arg
		}
		names = append(names, name)
		for _, v := range variants {
			sc, err := src.file.Variant(v, sets...)
			if err != nil {
				return nil, "", err
			}
			called := name
			if v != "" {
				called += "/" + v
			}
			designs = append(designs, system.Design{Variant: called, Scenario: sc})
		}
	}
	return designs, strings.Join(names, "-"), comparable(designs)
}

// comparable returns an error if designs of two scenarios cannot meet the same incidents, or are not
// judged alike.
func comparable(designs []system.Design) error {
	first := designs[0]
	for _, d := range designs[1:] {
		x, y := first.Scenario, d.Scenario
		if x.Study.Method != y.Study.Method {
			return usage("%s has the method %s and %s %s: they cannot be compared", first.Variant, x.Study.Method, d.Variant, y.Study.Method)
		}
		var have, want []string
		for _, o := range x.Objectives {
			want = append(want, "objective "+o.Name)
		}
		for _, c := range x.Faults {
			want = append(want, fmt.Sprintf("cause %s (%.4g a year)", c.Name, c.PerYear()))
		}
		for _, o := range y.Objectives {
			have = append(have, "objective "+o.Name)
		}
		for _, c := range y.Faults {
			have = append(have, fmt.Sprintf("cause %s (%.4g a year)", c.Name, c.PerYear()))
		}
		for i := range max(len(have), len(want)) {
			switch {
			case i >= len(have) || i < len(want) && !slices.Contains(have, want[i]):
				return usage("%s has the %s and %s has not: they cannot be compared", first.Variant, want[i], d.Variant)
			case i >= len(want) || want[i] != have[i]:
				return usage("%s has the %s, where %s has not: they cannot be compared", d.Variant, have[i], first.Variant)
			}
		}
	}
	return nil
}

func designNames(designs []system.Design) []string {
	var names []string
	for _, d := range designs {
		names = append(names, d.Variant)
	}
	return names
}

// A comparison is the finding of a study of variants.
type comparison struct {
	*study.Summary
	plan    *plan
	name    string
	hash    string
	version string
	again   string
}

// check returns an error that names what is missed, or not shown to be met.
func (c *comparison) check(strict bool) error {
	var missed []string
	for _, v := range c.Variants {
		for _, r := range v.Objectives {
			switch {
			case r.Met == study.No:
				missed = append(missed, fmt.Sprintf("%s misses %s", v.Variant, r.Objective))
			case r.Met == study.Unclear && strict:
				missed = append(missed, fmt.Sprintf("%s is undecided about %s", v.Variant, r.Objective))
			}
		}
	}
	if missed == nil {
		return nil
	}
	return exitError{ExitMissed, errors.New(strings.Join(missed, "; "))}
}

// loadFactor is how many calls reach the servers for each that was asked for, in the class of runs in
// which retries multiply them most.
func loadFactor(f study.Finding) float64 {
	most := 0.0
	for _, class := range f.Metrics {
		most = max(most, class["load_factor"])
	}
	return most
}

// p99 is the latency of a quiet day; of all days, where a study does not tell them apart.
func p99(f study.Finding) float64 {
	if calm, ok := f.Metrics[study.Calm]; ok {
		return calm["p99_ms"]
	}
	return f.Metrics["timeline"]["p99_ms"]
}

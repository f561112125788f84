package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim/study"
)

// studyFlags say how many runs a study has and how they are done.
type studyFlags struct {
	sets     []string
	runs     int
	seeds    seedRange
	jobs     int
	progress *choice
}

func (f *studyFlags) add(cmd *cobra.Command) {
	f.progress = newProgress()
	flags := cmd.Flags()
	flags.StringArrayVar(&f.sets, "set", nil, "set a path in every variant (path=value; repeatable)")
	flags.IntVar(&f.runs, "runs", 0, "runs of each variant, of all causes (default: study.runs)")
	flags.Var(&f.seeds, "seeds", "the same, from a first seed: 101-300 is 200 runs")
	flags.IntVar(&f.jobs, "jobs", 0, "runs at a time; no result depends on it (default: processors)")
	flags.Var(f.progress, "progress", "how progress is told on stderr")
	complete(cmd, "progress", f.progress.of)
	cmd.MarkFlagsMutuallyExclusive("runs", "seeds")
}

// check refuses what cannot be.
func (f *studyFlags) check(cmd *cobra.Command) error {
	switch {
	case cmd.Flags().Changed("runs") && f.runs < 1:
		return usage("--runs is %d, need 1 or more", f.runs)
	case f.jobs < 0:
		return usage("--jobs is %d, need 1 or more, or 0 for one for each processor", f.jobs)
	}
	return nil
}

// first and many return the seeds to use, given what the scenario says.
func (f *studyFlags) first() uint64 {
	if f.seeds != (seedRange{}) {
		return f.seeds.first
	}
	return 1
}

func (f *studyFlags) many(otherwise int) int {
	switch {
	case f.seeds != (seedRange{}):
		return f.seeds.runs()
	case f.runs > 0:
		return f.runs
	}
	return otherwise
}

// A plan is a study by one of the two methods.
type plan struct {
	*system.Study
	app       *app
	designs   []system.Design
	incidents *study.Incidents // one of these
	timeline  *study.Timeline
}

// newPlan plans a study of the designs. Close it.
func (a *app) newPlan(designs []system.Design, baseline string, first uint64, runs int) (*plan, error) {
	p := &plan{Study: system.NewStudy(designs, a.Families), app: a, designs: designs}
	var err error
	if designs[0].Scenario.Study.Method == "timeline" {
		t := p.Timeline()
		t.Baseline, t.FirstSeed, t.Runs = baseline, first, runs
		p.timeline, err = &t, t.Validate()
	} else {
		t := p.Incidents()
		t.Baseline, t.FirstSeed, t.Runs = baseline, first, runs
		p.incidents, err = &t, t.Validate()
		if need := 2 * (1 + len(t.Causes)); runs < need {
			err = fmt.Errorf("%d runs are too few: need %d or more, 2 calm ones and 2 of each of %s (--runs, or study.runs)",
				runs, need, count(len(t.Causes), "incident class"))
		}
	}
	if err != nil {
		p.Close()
		return nil, asUsage(err)
	}
	return p, nil
}

// do does the study. A run that fails says how it is done alone.
func (p *plan) do(ctx context.Context, pool study.Pool, arg string, sets []string) (*study.Summary, error) {
	simulate := func(ctx context.Context, c study.Case) (study.Measurement, error) {
		m, err := p.Simulate(ctx, c)
		if err != nil && ctx.Err() == nil {
			err = &failedRun{err, p.app.replayCommand(arg, sets, c)}
		}
		return m, err
	}
	if p.timeline != nil {
		return p.timeline.Run(ctx, pool, simulate)
	}
	return p.incidents.Run(ctx, pool, simulate)
}

// interrupted reports whether a study was cut short by its user. What is finished is then reported.
func interrupted(err error) bool { return errors.Is(err, context.Canceled) }

// hash names everything that the study depends on but its seeds: the designs, by name.
func (p *plan) hash() string {
	if len(p.designs) == 1 {
		return p.app.hash(p.designs[0].Scenario)
	}
	h := sha256.New()
	for _, d := range p.designs {
		fmt.Fprintln(h, d.Variant, d.Point, p.app.hash(d.Scenario))
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// design returns the design of a finding.
func (p *plan) design(f study.Finding) system.Design {
	i := slices.IndexFunc(p.designs, func(d system.Design) bool {
		return d.Variant == f.Variant && d.Point.String() == f.Point.String()
	})
	return p.designs[i]
}

// objective returns the scenario's objective of that name.
func (p *plan) objective(name string) *scenario.Objective {
	return p.designs[0].Scenario.Objective(name)
}

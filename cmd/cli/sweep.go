package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim/study"
)

func (a *app) sweep() *cobra.Command {
	var f studyFlags
	var variant, sweep, outDir string
	var vary []string
	var resume bool
	cmd := &cobra.Command{
		Use:   "sweep SCENARIO",
		Short: "Try every combination of some values, and keep every run in a journal",
		Long: `Try every combination of some values of a scenario: those of one of its own sweeps (--sweep), or

  --vary path=1,2,5           these values
  --vary 'path=[none, 10%]'   the same, as YAML
  --vary path=10%..50%:10%    from the first to the last in steps

A path may be any unique ending of one. All points meet the same arrivals and incidents.

Every run that has ended is a row in a journal below --out-dir. A sweep that was killed goes on with
--resume: no run is lost, and none is done twice. "plot" draws the journal, "replay" does a row again.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeScenario,
		Example: a.examples(
			"sweep retry-storm --sweep storm",
			"sweep webshop --variant budget --vary retry.attempts=1,2,3 --vary 'retry.budget=[none, 5%, 20%]'",
			"sweep minimal --vary services.api.replicas=1..4:1 --runs 60 --out-dir replicas",
			"sweep retry-storm --sweep storm --resume",
		),
	}
	flags := cmd.Flags()
	flags.StringVar(&variant, "variant", "", "the variant to start from (default: as written, or what the sweep says)")
	flags.StringVar(&sweep, "sweep", "", "the scenario's sweep to do (default: its only one)")
	flags.StringArrayVar(&vary, "vary", nil, "a path and the values to try (repeatable)")
	f.add(cmd)
	flags.StringVar(&outDir, "out-dir", "", "the folder of the journal (default: below nines-out, by scenario and values)")
	flags.BoolVar(&resume, "resume", false, "go on with the journal that is there")
	cmd.MarkFlagsMutuallyExclusive("sweep", "vary")
	a.completeFrom(cmd, "variant", variantNames)
	a.completeFrom(cmd, "sweep", sweepNames)
	out := a.output(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(cmd); err != nil {
			return err
		}
		src, err := a.open(args[0])
		if err != nil {
			return err
		}
		s, err := newSweep(src, variant, sweep, vary, f)
		if err != nil {
			return err
		}
		began := time.Now()
		if outDir == "" {
			outDir = s.folder(a)
		}
		p, err := a.planSweep(src, s)
		if err != nil {
			return err
		}
		defer p.Close()
		again := a.command(cmd, args)
		if cmd.Flags().Changed("out-dir") {
			again += " --out-dir " + quote(outDir) // where its runs are
		}
		journal, err := a.openSweep(outDir, src, s, again, resume)
		if err != nil {
			return err
		}
		a.say("%s of %s, in %s", count(len(p.designs), "point"), src.name, outDir)
		progress := a.reporter(f.progress.value, "sweep "+src.name)
		pool := study.Pool{Jobs: f.jobs, Journal: journal, Progress: told(progress)}
		sum, err := p.do(cmd.Context(), pool, args[0], f.sets)
		progress.close()
		if closed := journal.Close(); closed != nil {
			return errors.Join(err, closed)
		}
		if err != nil && !interrupted(err) {
			return err
		}
		c := &comparison{Summary: sum, plan: p, name: src.name, hash: a.hash(s.from(src)), version: buildVersion(), again: again + " --resume"} // which also begins, where there is no journal
		if len(sum.Variants) > 0 {
			if err := a.writeSweep(out.value, c, s); err != nil {
				return err
			}
		}
		if err != nil {
			return exitError{ExitInterrupted, fmt.Errorf("interrupted; %s kept, and --resume goes on with them", count(len(journal.Rows()), "run"))}
		}
		a.say("%s in %s\nchart: %s plot %s", count(sum.Runs, "run"), took(time.Since(began)), a.Name, quote(outDir))
		return nil
	}
	return cmd
}

// A sweepPlan is what a sweep does, as its folder keeps it.
type sweepPlan struct {
	Scenario  string `json:"scenario"`          // name
	Variant   string `json:"variant,omitempty"` // that it starts from; empty: as written
	Axes      []axis `json:"axes"`              // a value that is set for all points is an axis of one
	Runs      int    `json:"runs"`              // of each point
	FirstSeed uint64 `json:"first_seed"`
}

// An axis is a path in full and the values to try.
type axis struct {
	Path   string   `json:"path"`
	Values []string `json:"values"`
}

// grid returns what the sweep goes through.
func (s sweepPlan) grid() study.Grid {
	var g study.Grid
	for _, of := range s.Axes {
		g = append(g, study.Axis(of))
	}
	return g
}

// newSweep finds out what to try.
func newSweep(src *source, variant, name string, vary []string, f studyFlags) (sweepPlan, error) {
	s := sweepPlan{Scenario: src.name, Variant: variant, FirstSeed: f.first()}
	var axes []scenario.Axis
	for _, set := range f.sets {
		axis, err := scenario.ParseAxis(set)
		if err != nil {
			return s, err
		}
		if len(axis.Values) != 1 {
			return s, usage("--set %s: need one value; --vary tries several", set)
		}
		axes = append(axes, axis)
	}
	if len(vary) == 0 {
		own, err := ownSweep(src, name)
		if err != nil {
			return s, err
		}
		if variant == "" {
			s.Variant = own.From
		}
		axes = append(axes, own.Vary...)
	}
	for _, v := range vary {
		axis, err := scenario.ParseAxis(v)
		if err != nil {
			return s, err
		}
		axes = append(axes, axis)
	}
	if _, err := src.file.Grid(s.Variant, axes); err != nil { // tries every value
		return s, err
	}
	for _, given := range axes {
		full, err := src.file.Resolve(s.Variant, given.Path)
		if err != nil {
			return s, err
		}
		of := axis{Path: full}
		for _, v := range given.Values {
			of.Values = append(of.Values, string(v))
		}
		s.Axes = append(s.Axes, of)
	}
	if err := s.grid().Validate(); err != nil {
		return s, asUsage(err)
	}
	s.Runs = f.many(s.from(src).Study.Runs)
	return s, nil
}

// from returns the scenario that the sweep starts from, whose variant has been tried.
func (s sweepPlan) from(src *source) *scenario.Scenario {
	sc, err := src.file.Variant(s.Variant)
	if err != nil {
		panic("cli: " + err.Error())
	}
	return sc
}

// ownSweep returns the scenario's sweep of that name, or its only one.
func ownSweep(src *source, name string) (*scenario.Sweep, error) {
	names := sweepNames(src)
	switch {
	case name != "":
	case len(names) == 1:
		name = names[0]
	case len(names) == 0:
		return nil, usage("%s has no sweeps of its own; say what to try with --vary path=values", src.file.Name())
	default:
		return nil, usage("%s has several sweeps; choose one with --sweep %s", src.file.Name(), strings.Join(names, "|"))
	}
	if s := src.file.Sweep(name); s != nil {
		return s, nil
	}
	return nil, unknown("sweep", name, names)
}

// planSweep plans the study of a sweep: its designs are the points of the grid.
func (a *app) planSweep(src *source, s sweepPlan) (*plan, error) {
	var designs []system.Design
	for _, point := range s.grid().Points() {
		var sets []string
		for _, setting := range point {
			sets = append(sets, setting.Path+"="+setting.Value)
		}
		sc, err := src.file.Variant(s.Variant, sets...)
		if err != nil {
			return nil, err
		}
		designs = append(designs, system.Design{Variant: variantName(s.Variant), Point: point, Scenario: sc})
	}
	return a.newPlan(designs, "", s.FirstSeed, s.Runs)
}

// varied returns the axes with more than one value.
func (s sweepPlan) varied() study.Grid {
	return slices.DeleteFunc(s.grid(), func(axis study.Axis) bool { return len(axis.Values) < 2 })
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/study"
	"github.com/nines-sim/nines/sim/trace"
)

// runFlags say which run to do.
type runFlags struct {
	variant    string
	sets       []string
	seed       uint64
	incident   string
	quantile   float64
	faults     string
	saveFaults string
	trace      string
	check      bool
	verify     bool
}

func (a *app) run() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Do one run and print what happened in it",
		Long: `Do one run and print what happened in it: faults, alerts, breakers, machines, healing, people, outages,
and what each cost. The run is fixed by scenario, variant and seed.

A scenario of the method "timeline" meets whatever its faults bring in that stretch of time. One of the
method "incidents" is run calm, or with --incident through one incident of one cause, which lasts as
long as it does for this seed in a study (--u gives another quantile of its length).`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeScenario,
		Example: a.examples(
			"run webshop --variant everything --incident zone_loss",
			"run retry-storm --variant three --seed 7 -o json",
			"run webshop --incident sale --u 0.9 --trace sale.json   # open it in ui.perfetto.dev",
			"run mine.yaml --set services.api.replicas=3 --check",
		),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.variant, "variant", "", "the variant to run (default: as written)")
	flags.StringArrayVar(&f.sets, "set", nil, "set a path to a value (path=value; repeatable)")
	flags.Uint64Var(&f.seed, "seed", 1, "fixes all chance of the run")
	flags.StringVar(&f.incident, "incident", "", "the cause of the incident to run through")
	flags.Float64Var(&f.quantile, "u", 0, "how long the incident lasts, as a quantile of its length between 0 and 1")
	flags.StringVar(&f.faults, "faults", "", "a file with the faults that the run meets, in place of drawn ones")
	flags.StringVar(&f.saveFaults, "save-faults", "", "write the faults that the run met to a file, for --faults")
	flags.StringVar(&f.trace, "trace", "", "write what happened to a file: .ndjson for programs, .json for Perfetto")
	flags.BoolVar(&f.check, "check", false, "exit with code 3 if an objective is missed")
	flags.BoolVar(&f.verify, "verify", false, "do the run twice, and exit with code 5 if the two differ")
	a.completeFrom(cmd, "variant", variantNames)
	a.completeFrom(cmd, "incident", causeNames)
	out := a.output(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("u") && !(f.quantile > 0 && f.quantile < 1) {
			return usage("--u is %v, need a quantile between 0 and 1", f.quantile)
		}
		t, err := a.prepare(args[0], f)
		if err != nil {
			return err
		}
		t.again = a.command(cmd, args)
		if !cmd.Flags().Changed("seed") {
			t.again += " --seed 1"
		}
		r, err := a.do(cmd.Context(), t, f.trace != "")
		if err != nil {
			if f.faults != "" && errors.Is(err, errBeforeStart) {
				return usage("--faults %s: %v", f.faults, err)
			}
			return err
		}
		if f.verify {
			if err := a.verify(cmd.Context(), t, r); err != nil {
				return err
			}
		}
		if err := errors.Join(r.saveFaults(f.saveFaults), r.saveTrace(f.trace)); err != nil {
			return err
		}
		if err := a.writeRun(out.value, r); err != nil {
			return err
		}
		if f.check {
			return r.check()
		}
		return nil
	}
	return cmd
}

// A task is a run to be done.
type task struct {
	src     *source
	sc      *scenario.Scenario
	variant string
	sets    []string
	which   study.Case // as a study has it
	planned bool       // the faults are given: the case says nothing of them
	run     system.Run
	again   string // the command that does it again
}

// prepare finds out what to run.
func (a *app) prepare(arg string, f runFlags) (task, error) {
	src, err := a.open(arg)
	if err != nil {
		return task{}, err
	}
	sc, err := src.file.Variant(f.variant, f.sets...)
	if err != nil {
		return task{}, err
	}
	t := task{src: src, sc: sc, variant: f.variant, sets: f.sets}
	if t.variant == "" {
		t.variant = src.written()
	}
	st := system.NewStudy([]system.Design{{Variant: t.variant, Scenario: sc}}, a.Families)
	defer st.Close()
	t.which = study.Case{Variant: t.variant, Seed: f.seed, Weight: 1}
	switch {
	case f.incident != "" && f.faults != "":
		return t, usage("--incident and --faults both say what goes wrong; give one of them")
	case f.faults != "":
		return t, t.readFaults(f.faults, a.Families)
	case f.incident == "" && f.quantile != 0:
		return t, usage("--u is for --incident")
	case f.incident != "":
		if t.which, err = a.incident(t, f); err != nil {
			return t, err
		}
	}
	t.run, err = st.Run(t.which)
	if err == nil && f.incident != "" && len(t.run.Plan.Entries) == 0 {
		err = usage("nothing in variant %s can meet %s", variantName(t.variant), f.incident)
	}
	return t, err
}

// incident returns the case of one incident. It may be of a cause, or of a part of one as studies have
// them: "pod_crash of shop".
func (a *app) incident(t task, f runFlags) (study.Case, error) {
	if t.sc.Study.Method != "incidents" {
		return study.Case{}, usage("--incident is for scenarios of the method incidents; %s has the method %s, whose runs meet all causes",
			t.src.file.Name(), t.sc.Study.Method)
	}
	fault := system.FaultOf(f.incident)
	if !slices.Contains(causeNames(t.src), fault) {
		return study.Case{}, unknown("cause", fault, causeNames(t.src))
	}
	c := study.Incident(study.Variant{Name: t.variant}, study.Cause{Name: f.incident}, f.seed)
	if f.quantile != 0 {
		c.U[0] = f.quantile
	}
	return c, nil
}

// readFaults makes a run that meets the faults of a file. It goes on as a study's run with as many
// faults would: until the system has recovered, or for the scenario's stretch of time.
func (t *task) readFaults(path string, families []scenario.Family) error {
	file, err := os.Open(path)
	if err != nil {
		return asUsage(err)
	}
	defer file.Close()
	plan, err := fault.Read(file)
	if err != nil {
		return usage("%s: %w", path, err)
	}
	t.planned = true
	t.run = system.Run{Scenario: t.sc, Families: families, Seed: t.which.Seed, Plan: plan}
	if t.sc.Study.Method == "timeline" || len(plan.Entries) == 0 {
		t.run.Until = t.sc.Study.Lasts
	}
	return nil
}

// A watchedRun is a run that was done, with what it noted.
type watchedRun struct {
	task
	version string
	hash    string
	out     system.Outcome
	notes   *trace.Recorder
}

// errBeforeStart says that a run could not begin with the faults that it was to meet.
var errBeforeStart = errors.New("the faults do not fit the scenario")

// do does a run and keeps what it notes and, if asked, a span for each call.
func (a *app) do(ctx context.Context, t task, spans bool) (*watchedRun, error) {
	r := &watchedRun{task: t, version: buildVersion(), hash: a.hash(t.sc), notes: trace.New(trace.DefaultConfig())}
	w := sim.NewWorker()
	defer w.Close()
	t.run.Stop = ctx.Err
	if spans {
		t.run.Trace = r.notes
	} else {
		t.run.Watch = r.notes.Attach
	}
	var err error
	r.out, err = t.run.Do(w)
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case r.out.Sim.Events == 0:
		return nil, fmt.Errorf("%w: %w", errBeforeStart, err)
	}
	return nil, &failedRun{err, t.again}
}

// verify does a run again and compares.
func (a *app) verify(ctx context.Context, t task, first *watchedRun) error {
	second, err := a.do(ctx, t, false)
	if err != nil {
		return err
	}
	if parting, differ := trace.Part(first.out.Sim, second.out.Sim); differ {
		return exitError{ExitDiffers, fmt.Errorf("two runs with seed %d differ: digests %016x and %016x; they part between %v and %v",
			t.which.Seed, first.out.Sim.Digest, second.out.Sim.Digest, parting.Same.At, parting.A.At)}
	}
	return nil
}

// check returns an error that names every objective that the run has missed.
func (r *watchedRun) check() error {
	var missed []string
	for _, o := range r.out.Result.Objectives {
		if o.Availability != nil && *o.Availability < o.Target {
			missed = append(missed, o.Objective)
		}
	}
	if missed == nil {
		return nil
	}
	return exitError{ExitMissed, fmt.Errorf("missed: %s", strings.Join(missed, ", "))}
}

func (r *watchedRun) about() trace.About {
	return trace.About{
		Scenario: r.src.name, Variant: r.variant, Seed: sim.Seed(r.which.Seed),
		Digest: study.Digest(r.out.Sim.Digest).String(), Version: r.version,
	}
}

// saveTrace writes what happened in the run: for Perfetto, or one JSON object a line.
func (r *watchedRun) saveTrace(path string) error {
	switch filepath.Ext(path) {
	case "":
		if path == "" {
			return nil
		}
	case ".json":
		return save(path, func(w io.Writer) error { return r.record().WriteChrome(w, r.about()) })
	case ".ndjson":
		return save(path, func(w io.Writer) error { return r.record().WriteLines(w, r.about()) })
	}
	return usage("--trace %s: need a file that ends in .ndjson, or in .json for Perfetto", path)
}

// saveFaults writes the plan that the run met, with roles resolved to who played them.
func (r *watchedRun) saveFaults(path string) error {
	if path == "" {
		return nil
	}
	return save(path, r.out.Plan.Write)
}

func save(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// replayCommand is the command that does a case of a study alone; empty if there is none.
func (a *app) replayCommand(arg string, sets []string, c study.Case) string {
	if len(c.Causes) > 1 {
		return ""
	}
	words := []string{a.Name, "run", quote(arg)}
	if c.Variant != "" {
		words = append(words, "--variant", quote(c.Variant))
	}
	for _, s := range sets {
		words = append(words, "--set", quote(s))
	}
	for _, s := range c.Point {
		words = append(words, "--set", quote(s.Path+"="+s.Value))
	}
	words = append(words, "--seed", strconv.FormatUint(c.Seed, 10))
	if len(c.Causes) == 1 {
		words = append(words, "--incident", quote(c.Causes[0]), "--u", strconv.FormatFloat(c.U[0], 'g', -1, 64))
	}
	return strings.Join(words, " ")
}

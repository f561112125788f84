// Package simtest runs simulations as Go tests, and brings every failure back.
//
//	func TestOrdersSurviveOneCrash(t *testing.T) {
//		simtest.Run(t, func(t *simtest.T, s *sim.Simulation) {
//			shop := newShop(s)
//			s.After(10*time.Second, shop.CrashOne)
//			t.Always("no order is lost", shop.NoOrderIsLost)
//			s.RunUntil(sim.Time(time.Minute))
//		})
//	}
//
// The function runs once for each seed of a list, as a subtest: "seed=17". The list is the
// [Config]'s, unless the environment says otherwise:
//
//	NINES_SEED=17           this seed alone
//	NINES_SEEDS=1-100,205   these seeds
//	NINES_VERIFY=1          every run twice: they must not differ
//
// These are variables and not flags so that they work for ./..., where a flag breaks the packages
// that do not know it.
//
// A failure says the seed, the simulated time, who ran, the last notes and the digest, and ends in
// the one line that brings it back. A run that failed is run again at once; if it does not fail
// again in the same way, that is said too, because a test that is not deterministic has no replay.
package simtest

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/nines-sim/nines/sim"
)

// A Config says how a test runs its simulations.
type Config struct {
	Seeds        []sim.Seed // what to run when the environment does not say
	Parallel     bool       // seeds run at the same time, as t.Parallel does
	MaxSteps     uint64     // see [sim.Config]; 0: no limit
	MaxAtInstant int        // see [sim.Config]; 0: its default
}

// DefaultConfig runs the seeds 1 to 10, one after another.
func DefaultConfig() Config { return Config{Seeds: Seeds(1, 10)} }

// Validate names every field that makes no sense.
func (cfg Config) Validate() error {
	var bad []error
	if len(cfg.Seeds) == 0 {
		bad = append(bad, errors.New("simtest: Seeds is empty, need at least one"))
	}
	seen := map[sim.Seed]bool{}
	for _, seed := range cfg.Seeds {
		if seen[seed] {
			bad = append(bad, fmt.Errorf("simtest: Seeds has %d twice", seed))
		}
		seen[seed] = true
	}
	if cfg.MaxAtInstant < 0 {
		bad = append(bad, fmt.Errorf("simtest: MaxAtInstant is %d, need 0 or more", cfg.MaxAtInstant))
	}
	return errors.Join(bad...)
}

// Run runs f with the [DefaultConfig].
func Run(t *testing.T, f func(t *T, s *sim.Simulation)) {
	t.Helper()
	DefaultConfig().Run(t, f)
}

// Run runs f once for each seed, as a subtest. f builds the model and drives it. It may run more
// often than there are seeds (to verify, and to see a failure again), so what it counts outside of
// itself counts that too.
func (cfg Config) Run(t *testing.T, f func(t *T, s *sim.Simulation)) {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	env, err := readEnvironment(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	seeds := cfg.Seeds
	if env.seeds != nil {
		seeds = env.seeds
	}
	goals := &goals{whole: !env.single}
	report := func() {
		t.Helper()
		goals.report(t, seeds, environmentOf(rangesOf(seeds), env.verify)+goTest(t.Name()))
	}
	if cfg.Parallel {
		t.Cleanup(report)
	} else {
		defer report()
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(sub *testing.T) {
			sub.Helper()
			if cfg.Parallel {
				sub.Parallel()
			}
			e := &execution{cfg: cfg, seed: seed, f: f, goals: goals}
			e.run(sub, env.verify, commandOf(t.Name(), seed, env.verify))
		})
	}
}

// TB is what a test offers that a simulation can run in: a [testing.TB], or a *rapid.T.
type TB interface {
	Helper()
	Name() string
	Log(args ...any)
	Error(args ...any)
	Fatal(args ...any)
	Fail()
	FailNow()
	Failed() bool
	SkipNow()
}

// RunSeed runs f once, within a test that draws what happens itself, as property tests do:
//
//	rapid.Check(t, func(rt *rapid.T) {
//		faults := drawFaults(rt)
//		simtest.RunSeed(rt, 1, func(t *simtest.T, s *sim.Simulation) { ... })
//	})
//
// Draw faults as data before the run, so that they can be shrunk. How the failure comes back is up
// to the caller's library, which steers by panics: one that f, a process or a callback does not
// recover from is raised again from here, with its value.
func RunSeed(t TB, seed sim.Seed, f func(t *T, s *sim.Simulation)) {
	t.Helper()
	e := &execution{cfg: Config{}, seed: seed, f: f, goals: new(goals), foreign: true}
	e.run(t, false, "")
}

// raise raises a panic that came up in a run again. A library that makes failing cases smaller knows
// a failure by the line that panics: so its own panics, to fail and to give up a case, and those of
// the model must not share one.
func raise(tb TB, v any) {
	own := reflect.TypeOf(v).PkgPath() == reflect.TypeOf(tb).Elem().PkgPath()
	switch {
	case own && tb.Failed():
		panic(v)
	case own:
		panic(v)
	default:
		panic(v)
	}
}

// An execution is one seed of a test.
type execution struct {
	cfg     Config
	seed    sim.Seed
	f       func(t *T, s *sim.Simulation)
	goals   *goals
	foreign bool // the caller's library wants its panics back
}

// An ending is how a run ended.
type ending struct {
	t        *T
	result   sim.Result
	failure  *sim.Failure // nil, or what the kernel says
	panicked any          // by f itself
	stack    string
	failed   bool
}

// run runs the seed, and reports what there is to report.
func (e *execution) run(tb TB, verify bool, command string) {
	tb.Helper()
	var watch observer
	tape := new(recording)
	if verify {
		watch = tape
	}
	returned := false
	defer func() {
		if !returned { // something has ended the goroutine
			tb.Log(fmt.Sprintf("seed %d: the run ended the goroutine of its test; FailNow of the simtest.T would end the run alone\nreplay: %s", e.seed, command))
		}
	}()
	first := e.once(tb, false, watch)
	returned = true
	if verify && !first.t.skipped {
		compared := &comparison{want: tape.steps}
		second := e.once(tb, true, compared)
		if differences := compared.differences(first, second); differences != "" {
			tb.Error(differences + "replay: " + command)
			tb.FailNow()
		}
	}
	switch {
	case first.t.skipped:
		tb.SkipNow()
	case e.foreign && first.panicked != nil:
		raise(tb, first.panicked)
	case e.foreign && first.failed: // as one message, by which the library knows the failure
		tb.Fatal(strings.Join(append(first.t.messages, first.report("", "")), "\n"))
	case first.failed:
		tb.Error(first.report(e.again(tb, first, verify), command))
		tb.FailNow()
	}
}

// again runs a failed seed once more, and returns a complaint unless it failed in the same way.
func (e *execution) again(tb TB, first ending, verified bool) string {
	if e.foreign || verified {
		return ""
	}
	second := e.once(tb, true, nil)
	switch {
	case !second.failed:
		return fmt.Sprintf("run again at once, seed %d did not fail (digest %#016x): the test is not deterministic", e.seed, second.result.Digest)
	case second.result.Digest != first.result.Digest:
		return fmt.Sprintf("run again at once, seed %d failed with the digest %#016x: the test is not deterministic", e.seed, second.result.Digest)
	}
	return ""
}

// An observer sees every event of a run.
type observer interface{ see(sim.Event) }

// once runs the simulation; quietly if its messages have been shown already.
func (e *execution) once(tb TB, quiet bool, watch observer) (end ending) {
	tb.Helper()
	t := newT(tb, e.seed, quiet)
	t.gather = e.foreign
	defer t.cleanUp() // if the goroutine is ended
	end.t = t
	cfg := sim.Config{Seed: e.seed, MaxSteps: e.cfg.MaxSteps, MaxAtInstant: e.cfg.MaxAtInstant}
	result, err := sim.Run(cfg, func(s *sim.Simulation) {
		defer func() {
			if v := recover(); v != nil {
				end.panicked, end.stack = v, string(debug.Stack())
			}
		}()
		t.begin(s, watch)
		e.f(t, s)
		t.finish()
	})
	t.running = false
	t.cleanUp()
	end.result = result
	errors.As(err, &end.failure)
	if _, ours := end.panicked.(stop); ours {
		end.panicked = nil
	}
	if t.ended { // and has said why
		end.failure = nil
	}
	if end.failure != nil && end.failure.Stack != "" {
		end.panicked, end.stack = end.failure.Value, end.failure.Stack
	}
	end.failed = !t.skipped && (t.Failed() || end.panicked != nil || end.failure != nil)
	if !quiet && !end.failed && !t.skipped {
		e.goals.reach(t.sometimes)
	}
	return end
}

package simtest

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/nines-sim/nines/sim"
)

// A T is the [testing.TB] of one run. It can be used anywhere in the simulation: in processes, in
// callbacks, in deferred functions. Its messages begin with the seed, the simulated time and who
// ran. FailNow and its siblings end the run, not the goroutine: the process that calls them is
// unwound, then all others, and the test ends on its own goroutine.
type T struct {
	testing.TB // nil within a library's own kind of test

	to       TB
	seed     sim.Seed
	s        *sim.Simulation
	running  bool     // the simulation has not returned
	quiet    bool     // this run shows nothing
	gather   bool     // messages of failures are gathered, to be one
	messages []string // what was gathered
	failed   bool
	skipped  bool
	ended    bool   // this T has ended the run
	violated string // what was asked for and does not hold
	cleanups []func()

	notes      lastNotes
	always     []*always
	sometimes  []*sometimes
	eventually []*eventually
}

// stop is the panic by which a T ends what is no process: a callback, or the function of the test.
type stop struct{}

// end ends the run.
func (t *T) end() {
	if t.running && t.s.Err() == nil {
		t.ended = true
		t.s.Fail("the test has ended the run") // does not return if a process runs
	}
	panic(stop{})
}

// over reports whether the run has ended, so that what is said now only follows from that. The
// function of the test does not come back from it.
func (t *T) over() bool {
	if !t.running || t.s.Err() == nil {
		return false
	}
	if t.s.Who() == (sim.Who{}) {
		panic(stop{})
	}
	return true
}

func newT(to TB, seed sim.Seed, quiet bool) *T {
	tb, _ := to.(testing.TB)
	return &T{TB: tb, to: to, seed: seed, quiet: quiet}
}

// begin binds the T to the simulation that it runs.
func (t *T) begin(s *sim.Simulation, watch observer) {
	t.s, t.running = s, true
	s.OnNote(t.notes.add)
	if watch != nil {
		s.OnEvent(watch.see)
	}
	s.OnEvent(t.check)
}

// Seed returns the seed of the run.
func (t *T) Seed() sim.Seed { return t.seed }

func (t *T) now() sim.Time {
	if t.s == nil {
		return 0
	}
	return t.s.Now()
}

// where says when and in whom something is said.
func (t *T) where() string {
	who := sim.Who{}
	if t.s != nil {
		who = t.s.Who()
	}
	return whereabouts(t.seed, t.now(), who.String())
}

func whereabouts(seed sim.Seed, at sim.Time, who string) string {
	if who != "" {
		who = ", " + who
	}
	return fmt.Sprintf("seed %d, %v%s: ", seed, at, who)
}

func (t *T) error(message string) {
	t.to.Helper()
	if t.over() {
		return
	}
	t.failed = true
	switch {
	case t.gather:
		t.messages = append(t.messages, message)
	case !t.quiet:
		t.to.Error(message)
	}
}

// Error is Log and then Fail.
func (t *T) Error(args ...any) {
	t.to.Helper()
	t.error(t.where() + line(args))
}

// Errorf is Logf and then Fail.
func (t *T) Errorf(format string, args ...any) {
	t.to.Helper()
	t.error(t.where() + fmt.Sprintf(format, args...))
}

// Fatal is Error and then FailNow.
func (t *T) Fatal(args ...any) {
	t.to.Helper()
	t.error(t.where() + line(args))
	t.FailNow()
}

// Fatalf is Errorf and then FailNow.
func (t *T) Fatalf(format string, args ...any) {
	t.to.Helper()
	t.error(t.where() + fmt.Sprintf(format, args...))
	t.FailNow()
}

// Fail marks the run as failed, and lets it go on.
func (t *T) Fail() {
	t.failed = true
	if !t.quiet && !t.gather {
		t.to.Fail()
	}
}

// FailNow marks the run as failed, and ends it.
func (t *T) FailNow() {
	t.Fail()
	t.end()
}

// Failed reports whether the run has failed.
func (t *T) Failed() bool { return t.failed || !t.quiet && t.to.Failed() }

// Log writes a line with the seed, the simulated time and who runs.
func (t *T) Log(args ...any) {
	t.to.Helper()
	if !t.over() && !t.quiet {
		t.to.Log(t.where() + line(args))
	}
}

// Logf is Log with a format.
func (t *T) Logf(format string, args ...any) {
	t.to.Helper()
	if !t.over() && !t.quiet {
		t.to.Log(t.where() + fmt.Sprintf(format, args...))
	}
}

// Skip is Log and then SkipNow.
func (t *T) Skip(args ...any) {
	t.to.Helper()
	t.Log(args...)
	t.SkipNow()
}

// Skipf is Logf and then SkipNow.
func (t *T) Skipf(format string, args ...any) {
	t.to.Helper()
	t.Logf(format, args...)
	t.SkipNow()
}

// SkipNow ends the run without a verdict.
func (t *T) SkipNow() {
	t.skipped = true
	t.end()
}

// Skipped reports whether the run was skipped.
func (t *T) Skipped() bool { return t.skipped }

// Helper marks the calling function as one whose line does not help.
func (t *T) Helper() { t.to.Helper() }

// Name returns the name of the test.
func (t *T) Name() string { return t.to.Name() }

// Cleanup calls f when the run is over.
func (t *T) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *T) cleanUp() {
	for len(t.cleanups) > 0 {
		f := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		func() {
			defer func() {
				if v := recover(); v != nil && v != any(stop{}) {
					panic(v)
				}
			}()
			f()
		}()
	}
}

// Context returns the context of the test. Simulated code has deadlines of its own, in scopes.
func (t *T) Context() context.Context {
	if c, ok := t.to.(interface{ Context() context.Context }); ok {
		return c.Context()
	}
	return context.Background()
}

// Output returns where the test writes to.
func (t *T) Output() io.Writer {
	if o, ok := t.to.(interface{ Output() io.Writer }); ok && !t.quiet {
		return o.Output()
	}
	return io.Discard
}

// Attr emits an attribute of the test.
func (t *T) Attr(key, value string) {
	if !t.quiet {
		t.TB.Attr(key, value)
	}
}

// line is what Println makes of the values, without the end of the line.
func line(args []any) string {
	s := fmt.Sprintln(args...)
	return s[:len(s)-1]
}

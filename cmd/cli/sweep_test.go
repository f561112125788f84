package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/cmd/cli"
	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A tripwire is a family of policies that does nothing but call a func when a run builds one: the way
// into a run from outside.
func tripwire(f func(s *sim.Simulation)) cli.Catalog {
	return cli.Catalog{Families: []scenario.Family{{
		Name: "tripwire", Config: func() any { return &struct{}{} },
		New: func(s *sim.Simulation, _ string, _ any) patterns.Policy {
			f(s)
			return through{}
		},
	}}}
}

type through struct{}

func (through) Wrap(next patterns.Call) patterns.Call { return next }

// wired is a setting that puts the tripwire into the way of all calls.
var wired = []string{"--set", "calls.users.api.tripwire={}"}

// storm is a sweep of three points and twelve runs.
func storm(dir string, more ...string) []string {
	return slices.Concat([]string{"sweep", "testdata/storm.yaml", "--out-dir", dir, "--jobs", "1"}, wired, more)
}

// rows returns the lines of a folder's journal after the header.
func rows(t *testing.T, dir string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "runs.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")[1:]
}

func TestSweepGoesOnWhereItWasKilled(t *testing.T) {
	t.Parallel()
	whole, killed := t.TempDir()+"/a", t.TempDir()+"/b"
	quiet := tripwire(func(*sim.Simulation) {})
	want, stderr, code := with(t, t.Context(), quiet, storm(whole)...)
	if code != cli.ExitOK {
		t.Fatal(stderr)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	runs := 0
	fifth := tripwire(func(*sim.Simulation) {
		if runs++; runs == 5 {
			cancel()
		}
	})
	stdout, stderr, code := with(t, ctx, fifth, storm(killed)...)
	if code != cli.ExitInterrupted || !strings.Contains(stderr, "4 runs kept") {
		t.Fatalf("interrupted in its fifth run: exit code %d, need %d\n%s", code, cli.ExitInterrupted, stderr)
	}
	if !strings.Contains(stdout, "INTERRUPTED") {
		t.Errorf("what was finished is not reported:\n%s", stdout)
	}
	tear(t, killed)

	if _, stderr, code := with(t, t.Context(), quiet, storm(killed)...); code != cli.ExitUsage || !strings.Contains(stderr, "holds a journal of 4 runs already") {
		t.Errorf("without --resume: exit code %d, need %d\n%s", code, cli.ExitUsage, stderr)
	}
	done := 0
	counting := tripwire(func(*sim.Simulation) { done++ })
	got, stderr, code := with(t, t.Context(), counting, storm(killed, "--resume")...)
	if code != cli.ExitOK {
		t.Fatal(stderr)
	}
	if done != 8 {
		t.Errorf("%d runs were done after 4 of 12, need 8", done)
	}
	if diff := cmp.Diff(want, strings.ReplaceAll(got, killed, whole)); diff != "" {
		t.Errorf("the resumed sweep says something else (-whole +resumed):\n%s", diff)
	}
	one, other := rows(t, whole), rows(t, killed)
	slices.Sort(one)
	slices.Sort(other)
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("rows were lost or repeated (-whole +resumed):\n%s", diff)
	}
}

// tear leaves half a line at the end of a journal, as a killed process can.
func tear(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "runs.ndjson"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(rows(t, dir)[0][:50]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCompareReportsWhatWasFinished(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var runs atomic.Int64
	c := tripwire(func(*sim.Simulation) {
		if runs.Add(1) == 20 {
			cancel()
		}
	})
	stdout, stderr, code := with(t, ctx, c, slices.Concat([]string{"compare", "minimal", "--runs", "20", "--jobs", "2", "--no-chart"}, wired, small)...)
	if code != cli.ExitInterrupted {
		t.Errorf("exit code %d, need %d\n%s", code, cli.ExitInterrupted, stderr)
	}
	if !strings.Contains(stdout, "INTERRUPTED") || !strings.Contains(stdout, "retried") {
		t.Errorf("what was finished is not reported:\n%s", stdout)
	}
}

func TestSweepAndPlot(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "storm")
	golden(t, "sweep", steady(strings.ReplaceAll(ok(t, "sweep", "testdata/storm.yaml", "--out-dir", dir), dir, "DIR")))
	chart := filepath.Join(dir, "load.svg")
	golden(t, "plot", ok(t, "plot", dir))
	golden(t, "plot-metric", rounded(ok(t, "plot", dir, "--y", "load_factor", "--chart", chart, "-o", "csv")))
	for _, file := range []string{chart, filepath.Join(dir, "availability.png")} {
		if info, err := os.Stat(file); err != nil || info.Size() < 1000 {
			t.Errorf("no chart: %v", err)
		}
	}
	var d struct{ Points []map[string]any }
	if err := json.Unmarshal([]byte(ok(t, "plot", dir, "-o", "json")), &d); err != nil || len(d.Points) != 3 {
		t.Errorf("%d points, need 3: %v", len(d.Points), err)
	}
	for _, wrong := range [][]string{{"--y", "p98_ms"}, {"--y", "gte.availability"}, {"--x", "retyr"}} {
		_, stderr, code := nines(t, append([]string{"plot", dir}, wrong...)...)
		if code != cli.ExitUsage || !strings.Contains(stderr, "did you mean") {
			t.Errorf("plot %v: exit code %d, need %d\n%s", wrong, code, cli.ExitUsage, stderr)
		}
	}
}

func TestSweepOfIncidents(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "replicas")
	text := ok(t, slices.Concat([]string{"sweep", "minimal", "--vary", "api.replicas=1..2:1", "--runs", "6", "--out-dir", dir}, small)...)
	if !strings.Contains(text, "2 points") {
		t.Error(text)
	}
	ok(t, "plot", dir, "--y", "crash.p99_ms")
	values := map[string]float64{}
	for _, of := range []string{"get", "calm", "crash"} {
		var d struct {
			Points []struct{ Value, Low, High float64 }
		}
		if err := json.Unmarshal([]byte(ok(t, "plot", dir, "--y", of+".bad_minutes", "-o", "json")), &d); err != nil || len(d.Points) != 2 {
			t.Fatalf("%s: %v, %v", of, d, err)
		}
		if p := d.Points[0]; p.Low > p.Value || p.High < p.Value || p.Low == p.High {
			t.Errorf("%s: %v", of, p)
		}
		values[of] = d.Points[0].Value
	}
	if sum := values["calm"] + values["crash"]; values["crash"] == 0 || math.Abs(values["get"]-sum) > 1e-9*sum {
		t.Errorf("the parts of %v sum to %v", values, sum)
	}
	if _, stderr, code := nines(t, "plot", dir, "--y", "crsh.bad_minutes"); code != cli.ExitUsage || !strings.Contains(stderr, "did you mean crash?") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	for row := 1; row <= len(rows(t, dir)); row += 5 {
		ok(t, "replay", fmt.Sprintf("%s/runs.ndjson:%d", dir, row))
	}
}

func TestReplayTellsWhatDiffers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "storm")
	ok(t, "sweep", "testdata/storm.yaml", "--out-dir", dir, "--jobs", "1")
	journal := filepath.Join(dir, "runs.ndjson")
	third := ok(t, "replay", journal+":3")
	if !strings.Contains(third, "api.retry={attempts: 3}") {
		t.Errorf("the third row is not of the third point:\n%s", third)
	}
	data, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	lines[3] = strings.Replace(lines[3], `"digest":"`, `"digest":"f`, 1)
	i := strings.Index(lines[3], `"digest":"`) + len(`"digest":"`)
	lines[3] = lines[3][:i+16] + lines[3][i+17:]
	if err := os.WriteFile(journal, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := nines(t, "replay", journal+":3"); code != cli.ExitDiffers {
		t.Errorf("another digest: exit code %d, need %d\n%s", code, cli.ExitDiffers, stderr)
	}
	if _, stderr, code := nines(t, "replay", journal+":13"); code != cli.ExitUsage {
		t.Errorf("no such row: exit code %d, need %d\n%s", code, cli.ExitUsage, stderr)
	}
}

func TestFailedRunsSayHowTheyAreDoneAlone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		f    func(s *sim.Simulation)
		code int
		says string
	}{
		{"invariant", func(s *sim.Simulation) { s.Fail("order 31 is gone") }, cli.ExitInvariant, "order 31 is gone"},
		{"panic", func(*sim.Simulation) { panic("a mistake") }, cli.ExitInternal, "a mistake"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			runs := 0
			c := tripwire(func(s *sim.Simulation) {
				if runs++; runs == 3 {
					s.After(1, func() { test.f(s) })
				}
			})
			_, stderr, code := with(t, t.Context(), c, slices.Concat([]string{"compare", "minimal", "--runs", "8", "--jobs", "1", "--no-chart"}, wired, small)...)
			if code != test.code {
				t.Errorf("exit code %d, need %d", code, test.code)
			}
			for _, part := range []string{test.says, "replay: nines run minimal --variant", "--seed 1"} {
				if !strings.Contains(stderr, part) {
					t.Errorf("stderr lacks %q:\n%s", part, stderr)
				}
			}
		})
	}
}

func TestRunsThatDifferAreFound(t *testing.T) {
	t.Parallel()
	runs := 0
	c := tripwire(func(s *sim.Simulation) {
		if runs++; runs == 2 {
			s.Note("dice", "world", "the second run is another one")
		}
	})
	_, stderr, code := with(t, t.Context(), c, slices.Concat([]string{"run", "minimal", "--verify"}, wired, small)...)
	if code != cli.ExitDiffers {
		t.Errorf("exit code %d, need %d\n%s", code, cli.ExitDiffers, stderr)
	}
}

// TestOwnProgram builds the program in testdata/own, which adds a breaker and a scenario of its own, and
// compares its breaker with ours.
func TestOwnProgram(t *testing.T) {
	t.Parallel()
	if testing.Short() || runtime.GOARCH == "wasm" {
		t.Skip("builds a program")
	}
	dir := t.TempDir()
	own := filepath.Join(dir, "own")
	if out, err := exec.Command("go", "build", "-o", own, "./testdata/own").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(own, args...)
		var stderr strings.Builder
		cmd.Dir, cmd.Stderr = dir, &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("own %v: %v\n%s", args, err, &stderr)
		}
		return string(out)
	}
	golden(t, "own", steady(run("compare", "kiosk", "--no-chart")))
	if list := run("list"); !strings.HasPrefix(strings.Split(list, "\n")[1], "kiosk") {
		t.Errorf("its own scenario does not come first:\n%s", list)
	}
	if text := run("run", "kiosk", "--variant", "own", "--incident", "payment_slow"); !strings.Contains(text, "blown") {
		t.Errorf("no fuse has blown:\n%s", text)
	}
}

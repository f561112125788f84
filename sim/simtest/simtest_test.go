package simtest_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = os.Getenv("NINES_UPDATE") == "1" // golden files are written anew

// The tests of testdata/orders fail in every way there is. They are compiled once, and run one at
// a time; what they print is held to golden files.

const orders = "./testdata/orders"

var compiled struct {
	sync.Once
	path string
	err  error
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if compiled.path != "" {
		os.RemoveAll(filepath.Dir(compiled.path))
	}
	os.Exit(code)
}

// binary returns the compiled tests. It skips the test where nothing can be compiled and run.
func binary(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil || runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		t.Skip("nothing can be compiled here")
	}
	if out, _ := exec.Command("go", "env", "GOHOSTARCH").Output(); strings.TrimSpace(string(out)) != runtime.GOARCH {
		t.Skip("compiled for another processor")
	}
	compiled.Do(func() {
		dir, err := os.MkdirTemp("", "simtest")
		if err != nil {
			compiled.err = err
			return
		}
		compiled.path = filepath.Join(dir, "orders.test")
		if out, err := exec.Command("go", "test", "-c", "-o", compiled.path, orders).CombinedOutput(); err != nil {
			compiled.err = fmt.Errorf("%w:\n%s", err, out)
		}
	})
	if compiled.err != nil {
		t.Fatal(compiled.err)
	}
	return compiled.path
}

// orderTest runs tests of testdata/orders, with variables, and returns what they print.
func orderTest(t *testing.T, pattern string, environment ...string) string {
	t.Helper()
	cmd := exec.Command(binary(t), "-test.run", pattern, "-rapid.nofailfile", "-rapid.seed", "7")
	cmd.Dir = orders
	cmd.Env = append(os.Environ(), "NINES_SEED=", "NINES_SEEDS=", "NINES_VERIFY=")
	cmd.Env = append(cmd.Env, environment...)
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out)
}

var (
	took      = regexp.MustCompile(`\(\d+\.\d\ds\)`)
	pointers  = regexp.MustCompile(`\((0x[0-9a-f?]+|\.\.\.)(, (0x[0-9a-f?]+|\.\.\.))*\)`)
	counter   = regexp.MustCompile(` \+0x[0-9a-f]+`)
	ownLine   = regexp.MustCompile(`simtest\.go:\d+`)
	directory = regexp.MustCompile(`\t/\S*/sim/simtest/`)
)

// steady takes out of an output what differs from run to run.
func steady(out string) string {
	out = took.ReplaceAllString(out, "(0.00s)")
	out = pointers.ReplaceAllString(out, "(...)")
	out = ownLine.ReplaceAllString(out, "simtest.go")
	out = counter.ReplaceAllString(out, "")
	return directory.ReplaceAllString(out, "\t.../sim/simtest/")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name+".txt")
	if update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the output differs from %s (-want +got):\n%s", path, diff)
	}
}

func TestFailuresReadLikeThis(t *testing.T) {
	for _, name := range []string{
		"FatalInAProcess", "ErrorsGoOn", "Always", "AlwaysEvery", "Eventually", "EventuallyIsCutOff", "SometimesNever",
		"PanicInAProcess", "PanicInTheTest", "Deadlock", "InvariantOfTheModel", "OuterFatal", "NotDeterministic",
		"Rapid", "RapidsOwnT",
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, steady(orderTest(t, "^Test"+name+"$")))
		})
	}
}

func TestTwoRunsThatDifferReadLikeThis(t *testing.T) {
	for _, name := range []string{"NotDeterministic", "OrderOfAMap"} {
		t.Run(name, func(t *testing.T) {
			golden(t, name+"-verify", steady(orderTest(t, "^Test"+name+"$", "NINES_VERIFY=1")))
		})
	}
}

func TestWhatDoesNotFail(t *testing.T) {
	for pattern, environment := range map[string][]string{
		"^TestPasses$":                   {"NINES_VERIFY=1"},
		"^(TestPasses|TestSkip)$":        nil,
		"^(TestPasses|TestSkip|TestO)$":  {"NINES_SEEDS=1-100,205", "NINES_VERIFY=0"},
		"^TestAlways$":                   {"NINES_SEED=2"},
		"^TestSometimesNever$":           {"NINES_SEED=5"}, // a single seed need not reach everything
		"^TestSometimesNever$/^seed=4$":  nil,              // nor does a part of the list
		"^TestOrderOfAMap$":              nil,              // nobody looks
		"^TestFatalInAProcess$/^seed=7$": {"NINES_SEEDS=3-7"},
	} {
		if out := orderTest(t, pattern, environment...); !strings.HasSuffix(out, "PASS\n") {
			t.Errorf("%s with %q:\n%s", pattern, environment, out)
		}
	}
}

// The line at the end of a failure is there to be pasted: at the root of the module it must bring
// the same failure back, and nothing else.
func TestTheReplayLineBringsTheFailureBack(t *testing.T) {
	binary(t) // or skip
	replays := regexp.MustCompile(`(?m)^ *replay: (.*)$`)
	for _, c := range []struct{ test, seed string }{{"TestAlways", "seed=3"}, {"TestSubtests", "seed=3"}, {"TestSometimesNever", "never in 3 runs"}} {
		t.Run(c.test, func(t *testing.T) {
			t.Parallel()
			out := orderTest(t, "^"+c.test+"$")
			found := replays.FindAllStringSubmatch(out, -1)
			if found == nil {
				t.Fatalf("there is no line to paste:\n%s", out)
			}
			line := found[len(found)-1][1]
			digest := regexp.MustCompile(`digest \S+ after \d+ events`).FindString(out)
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir = filepath.Join("..", "..")
			cmd.Env = append(os.Environ(), "NINES_SEED=", "NINES_SEEDS=", "NINES_VERIFY=")
			again, err := cmd.CombinedOutput()
			if _, failed := err.(*exec.ExitError); !failed {
				t.Fatalf("%s: %v, want a failure\n%s", line, err, again)
			}
			if !bytes.Contains(again, []byte(c.seed)) || !bytes.Contains(again, []byte(digest)) {
				t.Errorf("%s\nfails in another way, want %s and %s:\n%s", line, c.seed, digest, again)
			}
			if n := bytes.Count(again, []byte("--- FAIL")); n > 3 || bytes.Contains(again, []byte("seed=2 ")) {
				t.Errorf("%s\nruns more than that:\n%s", line, again)
			}
		})
	}
}

func TestBadVariablesAreNamed(t *testing.T) {
	for _, c := range []struct {
		environment []string
		want        string
	}{
		{[]string{"NINES_SEED=seven"}, `NINES_SEED is "seven": need a seed, such as 17 (several go into NINES_SEEDS)`},
		{[]string{"NINES_SEED=1-3"}, `NINES_SEED is "1-3": need a seed`},
		{[]string{"NINES_SEED=-1"}, `NINES_SEED is "-1": need a seed`},
		{[]string{"NINES_SEEDS=1-"}, `NINES_SEEDS is "1-": "1-" is no seed and no range of seeds; need something like 1-100,205`},
		{[]string{"NINES_SEEDS=1,,2"}, `"" is no seed`},
		{[]string{"NINES_SEEDS=9-3"}, `the range 9-3 runs backwards`},
		{[]string{"NINES_SEEDS=1-5,3"}, `the seed 3 is there twice`},
		{[]string{"NINES_SEEDS=0-18446744073709551615"}, `more than 1000000 seeds`},
		{[]string{"NINES_SEEDS=1-1000000,1-1000000"}, `more than 1000000 seeds`},
		{[]string{"NINES_SEED=1", "NINES_SEEDS=1-2"}, `NINES_SEED is "1" and NINES_SEEDS is "1-2": need one of them`},
		{[]string{"NINES_VERIFY=maybe"}, `NINES_VERIFY is "maybe": need 1 or 0`},
	} {
		out := orderTest(t, "^TestPasses$", c.environment...)
		if !strings.Contains(out, c.want) || !strings.HasSuffix(out, "FAIL\n") {
			t.Errorf("%q prints, want %s:\n%s", c.environment, c.want, out)
		}
	}
}

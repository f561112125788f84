package patterns_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A mutant is a mistake made by hand in one file of a package, and the test that sees it. The lists are in
// testdata/mutants.txt of each package:
//
//	# Breaker
//
//	a failed probe closes it
//	breaker.go: TestStories
//	- if b.state == HalfOpen {
//	+ if b.state == Open {
//
// A heading names a state machine. It has eight mutants or more, unless the heading says why fewer are enough:
// "# Tokens (at least 6: three lines of code)". The lines with a - are one text, which the file has exactly
// once; those with a + take its place.
type mutant struct {
	machine, meaning string
	file, test       string
	old, new         string
	line             int
}

var heading = regexp.MustCompile(`^# (.+?)(?: \(at least (\d+): .+\))?$`)

// mutants reads the list of the package in dir, and how many mutants each state machine needs.
func mutants(t *testing.T, dir string) (list []mutant, needs map[string]int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "testdata", "mutants.txt"))
	if err != nil {
		t.Fatal(err)
	}
	needs = map[string]int{}
	machine, line := "", 1
	for _, block := range strings.Split(strings.TrimRight(string(text), "\n"), "\n\n") {
		m := mutant{machine: machine, line: line}
		lines := strings.Split(block, "\n")
		line += len(lines) + 1
		if h := heading.FindStringSubmatch(block); h != nil {
			machine = h[1]
			needs[machine], _ = strconv.Atoi(cmp.Or(h[2], "8"))
			continue
		}
		var taken, put []string
		for i, l := range lines {
			sign, rest := l, ""
			if len(l) > 2 {
				sign, rest = l[:2], l[2:]
			}
			switch {
			case i == 0:
				m.meaning = l
			case i == 1:
				m.file, m.test, _ = strings.Cut(l, ": ")
			case strings.TrimSpace(sign) == "-":
				taken = append(taken, rest)
			case strings.TrimSpace(sign) == "+":
				put = append(put, rest)
			default:
				t.Fatalf("%s/testdata/mutants.txt:%d: need - or + in front of %q", dir, m.line+i, l)
			}
		}
		m.old, m.new = strings.Join(taken, "\n"), strings.Join(put, "\n")
		if m.machine == "" || m.test == "" || m.old == "" || m.old == m.new {
			t.Fatalf("%s/testdata/mutants.txt:%d: need a meaning, \"file: Test\", and what to replace, below a state machine", dir, m.line)
		}
		list = append(list, m)
	}
	return list, needs
}

// mutated returns all packages that have a list.
func mutated(t *testing.T) (dirs []string) {
	t.Helper()
	for _, pattern := range []string{"*/testdata/mutants.txt", "internal/*/testdata/mutants.txt"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			dirs = append(dirs, filepath.Dir(filepath.Dir(f)))
		}
	}
	return dirs
}

// TestMutantsFit checks that the lists fit the code: each text to replace is there once, each test exists,
// and there are enough for each state machine. If you have changed a line that is in a list, change the
// list with it, and see that the mutant is still killed.
func TestMutantsFit(t *testing.T) {
	dirs := mutated(t)
	if len(dirs) == 0 {
		t.Fatal("there is no list")
	}
	for _, dir := range dirs {
		list, needs := mutants(t, dir)
		tests := testsOf(t, dir)
		has, seen := map[string]int{}, map[string]bool{}
		for _, m := range list {
			at := fmt.Sprintf("%s/testdata/mutants.txt:%d", dir, m.line)
			source, err := os.ReadFile(filepath.Join(dir, m.file))
			if err != nil {
				t.Errorf("%s: %v", at, err)
			} else if n := strings.Count(string(source), m.old); n != 1 {
				t.Errorf("%s: %s has %d times, need once: %s", at, m.file, n, m.old)
			}
			if _, ok := tests[m.test]; !ok {
				t.Errorf("%s: there is no test %s", at, m.test)
			}
			if name := m.machine + ": " + m.meaning; seen[name] {
				t.Errorf("%s: %s is there twice", at, name)
			} else {
				seen[name] = true
			}
			has[m.machine]++
		}
		for machine, n := range needs {
			if has[machine] < n {
				t.Errorf("%s/testdata/mutants.txt: %s has %d mutants, need %d", dir, machine, has[machine], n)
			}
		}
	}
}

// testsOf returns the tests and examples of the package in dir.
func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Example")) {
				tests[f.Name.Name] = true
			}
		}
	}
	return tests
}

// TestMutantsAreKilled makes each mistake in turn, by an overlay that leaves the tree alone, and runs the
// one test that should see it. It takes minutes, so it is asked for:
//
//	NINES_MUTANTS=1 go test ./patterns -run TestMutantsAreKilled -timeout 2h -v
//
// It prints a table of all mutants, and one of how many there are. -run TestMutantsAreKilled/all/breaker keeps
// to one package.
func TestMutantsAreKilled(t *testing.T) {
	if os.Getenv("NINES_MUTANTS") == "" {
		t.Skip("NINES_MUTANTS is not set")
	}
	dirs := mutated(t)
	rows, sums := make([][]string, len(dirs)), make([][]string, len(dirs))
	t.Run("all", func(t *testing.T) { // returns when all packages are through
		for i, dir := range dirs {
			t.Run(filepath.ToSlash(dir), func(t *testing.T) {
				t.Parallel()
				rows[i], sums[i] = kill(t, filepath.ToSlash(dir))
			})
		}
	})
	fmt.Printf("\n| package | state machine | mutant | test | |\n|---|---|---|---|---|\n%s\n", strings.Join(slices.Concat(rows...), "\n"))
	fmt.Printf("\n| package | state machine | mutants | killed |\n|---|---|---:|---:|\n%s\n", strings.Join(slices.Concat(sums...), "\n"))
}

// kill tries the mutants of one package, and returns a line of a table for each of them, and for each state
// machine.
func kill(t *testing.T, dir string) (rows, sums []string) {
	list, _ := mutants(t, dir)
	lab := newLab(t, dir)
	lab.mustPass(t, list)
	all, killed := 0, 0
	for i, m := range list {
		verdict := lab.try(t, m)
		if verdict != "killed" {
			t.Errorf("testdata/mutants.txt:%d: %s: %s", m.line, m.meaning, verdict)
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s | %s | %s |", dir, m.machine, m.meaning, m.test, verdict))
		all++
		if verdict == "killed" {
			killed++
		}
		if i == len(list)-1 || list[i+1].machine != m.machine {
			sums = append(sums, fmt.Sprintf("| %s | %s | %d | %d |", dir, m.machine, all, killed))
			all, killed = 0, 0
		}
	}
	return rows, sums
}

// A lab builds the tests of one package, with a mistake or without.
type lab struct {
	dir    string // of the package
	bench  string // for what is built
	binary string
}

func newLab(t *testing.T, dir string) *lab {
	t.Helper()
	full, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{dir: full, bench: t.TempDir()}
	l.binary = filepath.Join(l.bench, "package.test")
	return l
}

func (l *lab) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = l.dir
	return c
}

// build builds the tests. Most of the time goes into this, and a third of that into collecting garbage.
func (l *lab) build(flags ...string) ([]byte, error) {
	c := l.command("go", append([]string{"test", "-c", "-o", l.binary, "-vet=off", "-ldflags=-s -w"}, flags...)...)
	c.Env = append(os.Environ(), "GOGC=off")
	return c.CombinedOutput()
}

// run runs the tests that a pattern names, property tests always with the same seed.
func (l *lab) run(pattern string) ([]byte, error) {
	c := l.command(l.binary, "-test.run", pattern, "-test.failfast", "-test.timeout", "5m")
	c.Env = append(os.Environ(), "RAPID_SEED=8127", "RAPID_NOFAILFILE=1", "RAPID_SHRINKTIME=1ms")
	return c.CombinedOutput()
}

// mustPass runs all tests of the list on the code as it is.
func (l *lab) mustPass(t *testing.T, list []mutant) {
	t.Helper()
	if out, err := l.build(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var names []string
	for _, m := range list {
		if !slices.Contains(names, m.test) {
			names = append(names, m.test)
		}
	}
	if out, err := l.run("^(" + strings.Join(names, "|") + ")$"); err != nil {
		t.Fatalf("without any mutant: %v\n%s", err, out)
	}
}

// try returns what comes of a mutant.
func (l *lab) try(t *testing.T, m mutant) string {
	t.Helper()
	file := filepath.Join(l.dir, m.file)
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(source), m.old) != 1 {
		return "old text not found once"
	}
	changed := filepath.Join(l.bench, m.file)
	overlay := filepath.Join(l.bench, "overlay.json")
	table, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{changed: strings.Replace(string(source), m.old, m.new, 1), overlay: string(table)} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := l.build("-overlay", overlay); err != nil {
		return "does not compile: " + string(out)
	}
	out, err := l.run("^" + m.test + "$")
	switch {
	case strings.Contains(string(out), "no tests to run"):
		return "there is no such test"
	case err == nil:
		return "survived"
	case strings.Contains(string(out), "test timed out"):
		return "timed out"
	}
	return "killed"
}

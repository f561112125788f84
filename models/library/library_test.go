package library_test

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nines-sim/nines/models/library"
	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim"
)

// load parses a scenario that ships.
func load(t testing.TB, name string) *scenario.File {
	t.Helper()
	text, file, ok := library.Open(name)
	if !ok {
		t.Fatalf("there is no scenario %q", name)
	}
	f, err := scenario.Parse(file, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// variant applies a variant, and then settings.
func variant(t testing.TB, f *scenario.File, name string, sets ...string) *scenario.Scenario {
	t.Helper()
	sc, err := f.Variant(name, sets...)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// do does a run.
func do(t testing.TB, w *sim.Worker, run system.Run) system.Outcome {
	t.Helper()
	out, err := run.Do(w)
	if err != nil {
		t.Fatalf("seed %d: %v", run.Seed, err)
	}
	return out
}

func TestEveryFileIsListed(t *testing.T) {
	files, err := fs.Glob(os.DirFS("."), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file, ".yaml"))
	}
	listed := library.Names()
	slices.Sort(listed)
	if !slices.Equal(listed, names) {
		t.Errorf("listed are %v, the files are %v", listed, names)
	}
}

func TestOnlyNamesOpen(t *testing.T) {
	for _, name := range []string{"", "webshop.yaml", "../library/webshop", "nothing"} {
		if _, file, ok := library.Open(name); ok {
			t.Errorf("%q opens %s", name, file)
		}
	}
}

// A scenario says in a sentence what it asks, and its designs can bear the calm load.
func TestEveryScenarioMakesSense(t *testing.T) {
	for _, name := range library.Names() {
		f := load(t, name)
		if about := f.Base().About; !strings.Contains(about, "?") {
			t.Errorf("%s asks no question: %q", name, about)
		}
		for _, v := range f.Variants() {
			for _, row := range variant(t, f, v).LoadReport().Rows {
				if row.Base > 0.8 {
					t.Errorf("%s, %s: %s has a load of %.0f %% when all is calm", name, v, row.Service, 100*row.Base)
				}
			}
		}
	}
}

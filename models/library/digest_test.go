package library_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/library"
	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

const golden = "testdata/digests.txt"

// The digest of a run is the same on every processor, and from one version of nines to the next unless
// the changelog says why not. For every variant of every scenario that ships, the file has a calm run
// and one for each cause that it can meet; or the beginning of a run of the timeline.
func TestGoldenDigests(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# scenario variant run seed digest\n")
	w := sim.NewWorker()
	defer w.Close()
	for _, name := range library.Names() {
		f := load(t, name)
		for _, v := range f.Variants() {
			for _, r := range shortRuns(t, name, v) {
				out := do(t, w, r.Run)
				fmt.Fprintf(&b, "%s %s %s %d %016x\n", name, v, r.name, r.Seed, out.Sim.Digest)
			}
		}
	}
	if os.Getenv("NINES_UPDATE") == "1" {
		if err := os.WriteFile(golden, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("digests differ (-golden +now):\n%s\n"+
			"If only this processor gives others, a float differs between processors: that is a bug.\n"+
			"If the results are meant to change, somebody has these seeds in a bug report: say so in CHANGELOG.md under\n"+
			"\"Results change\", and run NINES_UPDATE=1 go test ./models/library -run Golden", diff)
	}
}

// namedRun is a run with a name of its own within its variant.
type namedRun struct {
	name string
	system.Run
}

// shortRuns returns runs of a few minutes that meet everything a variant has.
func shortRuns(t *testing.T, name, v string) []namedRun {
	f := load(t, name)
	const seed = 7
	if f.Base().Study.Method == "timeline" {
		sc := early(t, f, v)
		return []namedRun{{"timeline", system.Run{Scenario: sc, Seed: seed, Plan: system.Timeline(sc, seed), Until: sc.Study.Lasts}}}
	}
	sc := variant(t, f, v, "study.warmup=10s")
	begin := sim.Time(sc.Study.Warmup)
	until := 20 * time.Second // the questions have many variants, and processors that are emulated are slow
	if name == "webshop" || name == "minimal" {
		until = 2 * time.Minute
	}
	runs := []namedRun{{"calm", system.Run{Scenario: sc, Seed: seed, Until: until}}}
	for _, c := range system.Causes(sc) {
		if len(c.Victims) > 0 {
			plan := fault.Incident(seed, c, begin, 0.5)
			runs = append(runs, namedRun{c.Name, system.Run{Scenario: sc, Seed: seed, Plan: plan, Until: until}})
		}
	}
	return runs
}

// early is a variant whose fault strikes after five seconds of a run of twenty.
func early(t *testing.T, f *scenario.File, v string) *scenario.Scenario {
	sets := []string{"study.warmup=5s", "study.lasts=15s"}
	for _, c := range f.Base().Faults {
		sets = append(sets, "faults."+c.Name+".at=0s")
	}
	return variant(t, f, v, sets...)
}

package simtest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nines-sim/nines/sim"
)

func TestSeedsCanBeWrittenAndReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seeds := rapid.SliceOfNDistinct(rapid.OneOf(rapid.Uint64Range(0, 20), rapid.Uint64()), 1, 20, rapid.ID).Draw(t, "seeds")
		var want []sim.Seed
		for _, seed := range seeds {
			want = append(want, sim.Seed(seed))
		}
		env, err := readEnvironment(func(name string) string {
			return map[string]string{envSeeds: strings.TrimPrefix(rangesOf(want), envSeeds+"=")}[name]
		})
		if diff := cmp.Diff(want, env.seeds); diff != "" || err != nil {
			t.Fatalf("%s: %v\n%s", rangesOf(want), err, diff)
		}
	})
}

func TestRangesOfSeeds(t *testing.T) {
	for want, seeds := range map[string][]sim.Seed{
		"NINES_SEEDS=1-10":          Seeds(1, 10),
		"NINES_SEEDS=7":             {7},
		"NINES_SEEDS=1-3,205,7-8,0": {1, 2, 3, 205, 7, 8, 0},
	} {
		if got := rangesOf(seeds); got != want {
			t.Errorf("%v: %s, want %s", seeds, got, want)
		}
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	err := Config{MaxAtInstant: -1}.Validate()
	for _, want := range []string{"Seeds is empty", "MaxAtInstant is -1, need 0 or more"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if err := (Config{Seeds: []sim.Seed{1, 2, 1}}).Validate(); err == nil || !strings.Contains(err.Error(), "Seeds has 1 twice") {
		t.Errorf("got %v", err)
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

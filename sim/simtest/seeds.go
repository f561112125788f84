package simtest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nines-sim/nines/sim"
)

// The variables of the environment.
const (
	envSeed   = "NINES_SEED"
	envSeeds  = "NINES_SEEDS"
	envVerify = "NINES_VERIFY"
)

const maxSeeds = 1_000_000 // of a list; more are a slip of the keyboard

// An environment is what the variables ask for.
type environment struct {
	seeds  []sim.Seed // nil: nothing
	single bool       // of NINES_SEED
	verify bool
}

// readEnvironment reads the variables. An empty one says nothing.
func readEnvironment(get func(string) string) (env environment, err error) {
	one, list, verify := get(envSeed), get(envSeeds), get(envVerify)
	switch {
	case one != "" && list != "":
		return env, fmt.Errorf("%s is %q and %s is %q: need one of them", envSeed, one, envSeeds, list)
	case one != "":
		seed, err := strconv.ParseUint(one, 10, 64)
		if err != nil {
			return env, fmt.Errorf("%s is %q: need a seed, such as 17 (several go into %s)", envSeed, one, envSeeds)
		}
		env.seeds, env.single = []sim.Seed{sim.Seed(seed)}, true
	case list != "":
		if env.seeds, err = ParseSeeds(list); err != nil {
			return env, fmt.Errorf("%s is %q: %w", envSeeds, list, err)
		}
	}
	switch verify {
	case "", "0", "false":
	case "1", "true":
		env.verify = true
	default:
		return env, fmt.Errorf("%s is %q: need 1 or 0", envVerify, verify)
	}
	return env, nil
}

// ParseSeeds reads a list of seeds and ranges: "1-100,205".
func ParseSeeds(list string) ([]sim.Seed, error) {
	var seeds []sim.Seed
	seen := map[sim.Seed]bool{}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		from, to, isRange := strings.Cut(item, "-")
		first, err := strconv.ParseUint(from, 10, 64)
		last := first
		if err == nil && isRange {
			last, err = strconv.ParseUint(to, 10, 64)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q is no seed and no range of seeds; need something like 1-100,205", item)
		case last < first:
			return nil, fmt.Errorf("the range %s runs backwards", item)
		case last-first >= maxSeeds || len(seeds)+int(last-first) >= maxSeeds:
			return nil, fmt.Errorf("%s makes more than %d seeds", item, maxSeeds)
		}
		for n := uint64(0); n <= last-first; n++ {
			seed := sim.Seed(first + n)
			if seen[seed] {
				return nil, fmt.Errorf("the seed %d is there twice", seed)
			}
			seen[seed] = true
			seeds = append(seeds, seed)
		}
	}
	return seeds, nil
}

// Seeds returns the seeds from first to last.
func Seeds(first, last sim.Seed) []sim.Seed {
	seeds := make([]sim.Seed, 0, last-first+1)
	for n := range last - first + 1 {
		seeds = append(seeds, first+n)
	}
	return seeds
}

// rangesOf writes the variable that asks for the seeds.
func rangesOf(seeds []sim.Seed) string {
	var items []string
	for i := 0; i < len(seeds); {
		j := i
		for j+1 < len(seeds) && seeds[j] < seeds[j+1] && seeds[j+1]-seeds[j] == 1 {
			j++
		}
		if j > i {
			items = append(items, fmt.Sprintf("%d-%d", seeds[i], seeds[j]))
		} else {
			items = append(items, fmt.Sprint(uint64(seeds[i])))
		}
		i = j + 1
	}
	return envSeeds + "=" + strings.Join(items, ",")
}

package balance

import (
	"fmt"
	"slices"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/xxhash"
	"github.com/nines-sim/nines/sim"
)

// A Subset says which of the targets a client uses at all. It saves connections and health checks: with
// 1000 clients and 1000 targets, everybody knowing everybody makes a million. It pays when a client's few
// targets are down together, and when subsets do not cover the targets evenly.
type Subset struct {
	Kind   SubsetKind `nines:"kind"`       // how a client comes by those that it uses
	Size   int        `nines:"size,min=1"` // replicas that a client uses, if there are as many
	Client int        `nines:"-"`          // which client this is, counted from 0
}

// A SubsetKind says how a subset is chosen.
type SubsetKind uint8

// The kinds of subset.
const (
	All           SubsetKind = iota // every replica
	RandomSubset                    // some at random, by rendezvous hashing: uneven, but few change when a replica comes or goes; gRPC (gRFC A68)
	Deterministic                   // some, in rounds of clients, in each of which every replica is used by one: B. Beyer et al., "Site Reliability Engineering", 2016, chapter 20
	subsetKinds
)

func (k SubsetKind) String() string {
	switch k {
	case All:
		return "all"
	case RandomSubset:
		return "random"
	case Deterministic:
		return "deterministic"
	}
	return fmt.Sprintf("subset %d", uint8(k))
}

func (s Subset) check(f *check.Fields) {
	f.Need(s.Kind < subsetKinds, "Subset.Kind", s.Kind, "all, random or deterministic")
	f.Need(s.Size >= 1 || s.Kind == All, "Subset.Size", s.Size, "1 or more")
	f.Need(s.Client >= 0, "Subset.Client", s.Client, "0 or more")
}

// Of returns which of the named targets the client uses, in their order. The luck of the deterministic
// kind is that of its round: all clients must be given the same draws and the same names.
func (s Subset) Of(draws sim.Keyed, names []string) []int {
	all := make([]int, len(names))
	for i := range all {
		all[i] = i
	}
	if s.Kind == All || len(names) <= s.Size {
		return all
	}
	if s.Kind == RandomSubset {
		scores := make([]uint64, len(names))
		for i, name := range names {
			scores[i] = xxhash.Sum([]byte(name), sim.Mix(uint64(s.Client), 0))
		}
		slices.SortStableFunc(all, func(i, j int) int {
			switch {
			case scores[i] < scores[j]:
				return -1
			case scores[i] > scores[j]:
				return 1
			}
			return 0
		})
		all = all[:s.Size]
	} else {
		subsets := len(names) / s.Size
		luck := draws.At(sim.Mix(uint64(s.Client/subsets), subsetLuck))
		luck.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		start := s.Client % subsets * s.Size
		all = all[start : start+s.Size]
	}
	slices.Sort(all)
	return all
}

// subsetLuck sets the luck of subsets apart from that of requests.
const subsetLuck = 0x7375_6273_6574

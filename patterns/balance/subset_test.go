package balance

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/nines-sim/nines/sim"
)

func TestSubsets(t *testing.T) {
	names := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprint("r", i))
		}
		return list
	}
	draws := sim.Seed(1).Keyed("balance")
	for _, n := range []int{0, 3, 10} {
		if got := (Subset{Kind: Deterministic, Size: 10}).Of(draws, names(n)); len(got) != n {
			t.Errorf("10 of %d are %v", n, got)
		}
	}
	// In each round of 12/3 clients every target is in one subset; 300 clients use each equally often.
	used := make([]int, 12)
	for client := range 300 {
		got := Subset{Kind: Deterministic, Size: 3, Client: client}.Of(draws, names(12))
		if len(got) != 3 || !slices.IsSorted(got) {
			t.Fatalf("client %d uses %v", client, got)
		}
		for _, i := range got {
			used[i]++
		}
		if client%4 == 3 {
			for i, n := range used {
				if n != client/4+1 {
					t.Fatalf("after client %d target %d is used by %d", client, i, n)
				}
			}
		}
	}
	a, b := Subset{Kind: Deterministic, Size: 3}.Of(draws, names(12)), Subset{Kind: Deterministic, Size: 3, Client: 4}.Of(draws, names(12))
	if slices.Equal(a, b) {
		t.Error("two rounds are alike")
	}
	// What does not fit into whole subsets is left out of the round, and not always the same.
	left := map[int]bool{}
	for round := range 20 {
		seen := map[int]bool{}
		for client := range 3 {
			for _, i := range (Subset{Kind: Deterministic, Size: 3, Client: 3*round + client}).Of(draws, names(10)) {
				seen[i] = true
			}
		}
		for i := range 10 {
			if !seen[i] {
				left[i] = true
			}
		}
	}
	if len(left) < 6 {
		t.Errorf("only %v are ever left out", left)
	}
	// At random, each target is used by about as many, and a target that goes takes nobody else along.
	used = make([]int, 12)
	for client := range 2000 {
		s := Subset{Kind: RandomSubset, Size: 3, Client: client}
		before, after := s.Of(draws, names(12)), s.Of(draws, names(11))
		for _, i := range before {
			used[i]++
			if i != 11 && !slices.Contains(after, i) {
				t.Fatalf("client %d used %v, and %v without the last", client, before, after)
			}
		}
	}
	for i, n := range used {
		if math.Abs(float64(n)-500) > 4*math.Sqrt(2000*0.25*0.75) {
			t.Errorf("target %d is used by %d of 2000, want 500", i, n)
		}
	}
	cfg := DefaultConfig()
	cfg.Subset = Subset{Kind: Deterministic, Size: 2, Client: 1}
	var five []Target
	for _, name := range names(5) {
		five = append(five, &named{name: name})
	}
	if got := New(cfg, draws, five).Loads(); len(got) != 2 {
		t.Errorf("a client of two of five knows %v", got)
	}
}

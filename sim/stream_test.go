package sim_test

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nines-sim/nines/sim"
)

// A stream is the generator that it is named after: the standard library's PCG, whose first state is
// made of the seed, the name and the key.
func TestStreamsArePCG(t *testing.T) {
	if sim.Generator != "pcg-dxsm/1" {
		t.Fatalf("the generator is %s, and this test is of pcg-dxsm/1", sim.Generator)
	}
	rapid.Check(t, func(t *rapid.T) {
		seed, name, key := rapid.Uint64().Draw(t, "seed"), rapid.String().Draw(t, "name"), rapid.Uint64().Draw(t, "key")
		hash := fnv.New64a()
		hash.Write([]byte(name))
		named := sim.Mix(seed, hash.Sum64())
		keyed := sim.Mix(sim.Mix(seed, hash.Sum64()+1), key)
		for _, c := range []struct {
			stream sim.Stream
			state  uint64
		}{{sim.Seed(seed).Stream(name), named}, {sim.Seed(seed).Keyed(name).At(key), keyed}} {
			want := rand.NewPCG(c.state, sim.Mix(c.state, 0x6e696e6573))
			for i := range 50 {
				if got, want := c.stream.Uint64(), want.Uint64(); got != want {
					t.Fatalf("draw %d is %#x, want %#x", i, got, want)
				}
			}
		}
	})
}

func TestNumbersOfAStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := sim.Seed(rapid.Uint64().Draw(t, "seed")).Stream("numbers")
		again := r
		if got, want := r.Float64(), float64(again.Uint64()>>11)/(1<<53); got != want {
			t.Errorf("Float64 is %v, want %v", got, want)
		}
		n := rapid.IntRange(1, math.MaxInt).Draw(t, "n")
		if got := r.IntN(n); got < 0 || got >= n {
			t.Errorf("IntN(%d) is %d", n, got)
		}
		again = r
		if p := rapid.SampledFrom([]float64{0, 1}).Draw(t, "p"); r.Chance(p) != (p == 1) {
			t.Errorf("Chance(%v) is not", p)
		}
		again.Uint64()
		if r != again {
			t.Error("Chance does not draw once")
		}
		order := []int{0, 1, 2, 3, 4, 5, 6, 7}
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		seen := make([]int, len(order))
		for _, x := range order {
			seen[x]++
		}
		if diff := cmp.Diff([]int{1, 1, 1, 1, 1, 1, 1, 1}, seen); diff != "" {
			t.Errorf("a shuffle loses or doubles: %s", diff)
		}
	})
}

func TestIntNOfNothing(t *testing.T) {
	for _, n := range []int{0, -1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("IntN(%d) does not panic", n)
				}
			}()
			r := sim.Seed(1).Stream("numbers")
			r.IntN(n)
		}()
	}
}

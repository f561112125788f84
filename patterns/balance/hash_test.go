package balance

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/xxhash"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// gRPC's ring and Envoy's: as many entries as the weights say, each at the hash of its name and number,
// and a key goes to the first entry at or after its hash.
func TestRing(t *testing.T) {
	for _, c := range []struct {
		ring    Ring
		weights []float64
		entries []int
	}{
		{Ring{1024, 4096}, []float64{1, 1, 1}, []int{342, 342, 342}}, // a third of 1024, rounded up
		{Ring{1024, 4096}, []float64{1, 1}, []int{512, 512}},
		{Ring{10, 20}, []float64{3, 3, 4}, []int{3, 3, 4}}, // of gRPC's documentation
		{Ring{7, 20}, []float64{3, 3, 4}, []int{3, 3, 4}},  // three each for the least
		{Ring{1, 20}, []float64{1, 9}, []int{1, 9}},
		{Ring{1, 6}, []float64{1, 9}, []int{1, 5}}, // up to the maximum
		{Ring{100, 100}, []float64{1}, []int{100}},
	} {
		b := weights(Config{Pick: RingHash, Ring: c.ring}, c.weights...)
		got := make([]int, len(c.weights))
		for _, owner := range b.table.owner {
			got[owner]++
		}
		if diff := cmp.Diff(c.entries, got); diff != "" {
			t.Errorf("%+v, weights %v: %s", c.ring, c.weights, diff)
		}
		if !slices.IsSorted(b.table.hashes) {
			t.Errorf("%+v: the ring is not in order", c.ring)
		}
	}
	for n := 1; n <= 12; n++ { // targets with so many entries each
		names := "abcd"
		b := weights(Config{Pick: RingHash, Ring: Ring{n * len(names), 4096}, SkipUnhealthy: true}, 1, 1, 1, 1)
		for key := range uint64(200) {
			hash := xxhash.Number(key)
			owner := func(names string) string {
				best, owner := uint64(math.MaxUint64), ""
				for _, name := range names {
					for i := range n {
						at := xxhash.Sum(fmt.Appendf(nil, "%c_%d", name, i), 0)
						if distance := at - hash; distance <= best { // around the ring
							best, owner = distance, string(name)
						}
					}
				}
				return owner
			}
			req := &patterns.Request{ID: 1, Key: key}
			got, want := b.pick(0, req), owner(names)
			if got.name != want {
				t.Fatalf("%d entries each: key %d goes to %s, want %s", n, key, got.name, want)
			}
			target := got.Target
			got.Target = &named{name: want, sick: true}
			if second, next := b.pick(0, req).name, owner(strings.ReplaceAll(names, want, "")); second != next {
				t.Fatalf("%d entries each: without %s key %d goes to %s, want %s", n, want, key, second, next)
			}
			got.Target = target
		}
	}
}

// Envoy's table: a target's order begins at the hash of its name and goes on in steps of the hash with seed
// 1, and a key goes to the entry of its hash.
func TestMaglevTable(t *testing.T) {
	const size = 1021
	b := weights(Config{Pick: Maglev, Table: size}, 2, 1, 1)
	var orders []permutation
	for i, share := range []float64{1, 0.5, 0.5} {
		name := []byte{byte('a' + i)}
		orders = append(orders, permutation{uint16(i), share, xxhash.Sum(name, 0) % size, xxhash.Sum(name, 1)%(size-1) + 1})
	}
	want := populate(size, orders)
	if diff := cmp.Diff(want, b.table.owner); diff != "" {
		t.Fatal(diff)
	}
	for key := range uint64(500) {
		owner := string(rune('a' + want[xxhash.Number(key)%size]))
		if got := b.pick(0, &patterns.Request{ID: 1, Key: key}).name; got != owner {
			t.Fatalf("key %d goes to %s, want %s", key, got, owner)
		}
	}
}

// Table 1 of Eisenbud et al., NSDI 2016: the orders of three backends for a table of seven, what they
// make of it, and what the other two make of it without B1.
func TestMaglevPaper(t *testing.T) {
	b0, b1, b2 := permutation{0, 1, 3, 4}, permutation{1, 1, 0, 2}, permutation{2, 1, 3, 1}
	for _, o := range []struct {
		permutation
		want []uint64
	}{{b0, []uint64{3, 0, 4, 1, 5, 2, 6}}, {b1, []uint64{0, 2, 4, 6, 1, 3, 5}}, {b2, []uint64{3, 4, 5, 6, 0, 1, 2}}} {
		for i, want := range o.want {
			if got := (o.offset + o.skip*uint64(i)) % 7; got != want {
				t.Fatalf("entry %d of B%d is %d, want %d", i, o.owner, got, want)
			}
		}
	}
	if diff := cmp.Diff([]uint16{1, 0, 1, 0, 2, 2, 0}, populate(7, []permutation{b0, b1, b2})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]uint16{0, 0, 0, 0, 2, 2, 2}, populate(7, []permutation{b0, b2})); diff != "" {
		t.Error("without B1: ", diff)
	}
	// Envoy's rule for weights, by hand, with B1 of half the weight of B0: in the rounds 1, 2 and 4 B1 takes the
	// entries 0, 2 and 6; in round 3 it has had two, and 3·0.5 is less; B0 takes 3, 4, 1 and 5.
	b1.share = 0.5
	if diff := cmp.Diff([]uint16{1, 0, 1, 0, 0, 0, 1}, populate(7, []permutation{b0, b1})); diff != "" {
		t.Error("weights 2 and 1: ", diff)
	}
}

// A table gives each target its share, and takes few keys from others when one goes.
func TestMaglevShares(t *testing.T) {
	entries := func(b *Balancer) []int {
		n := make([]int, len(b.members))
		for _, owner := range b.table.owner {
			n[owner]++
		}
		return n
	}
	for _, c := range []struct {
		weights []float64
		want    []int
	}{{[]float64{1, 1, 1, 1, 1}, []int{205, 204, 204, 204, 204}}, {[]float64{2, 1, 1}, []int{511, 255, 255}}, {[]float64{3, 1}, []int{766, 255}}} {
		got := entries(weights(Config{Pick: Maglev, Table: 1021}, c.weights...))
		for i := range got {
			if off := got[i] - c.want[i]; off < -1 || off > 1 {
				t.Errorf("weights %v have %v entries, want %v", c.weights, got, c.want)
			}
		}
	}
	five, four := cluster(Config{Pick: Maglev}, 0, 0, 0, 0, 0), cluster(Config{Pick: Maglev}, 0, 0, 0, 0)
	moved := 0
	for i, owner := range five.table.owner {
		if owner != 4 && four.table.owner[i] != owner {
			moved++
		}
	}
	if moved > len(five.table.owner)/10 { // 4 % here; the paper has less for larger tables
		t.Errorf("%d of %d entries moved though their target stayed", moved, len(five.table.owner))
	}
}

// Whoever hashes sends a key to the same target as long as that may be chosen, moves no other keys when
// one is left out, and agrees with others who know the targets in another order.
func TestKeysStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Pick: rapid.SampledFrom([]Pick{RingHash, Maglev}).Draw(t, "pick"), SkipUnhealthy: true, AvoidLast: true, Table: 1021, Ring: DefaultRing()}
		n := rapid.IntRange(1, 8).Draw(t, "targets")
		var targets []Target
		for i := range n {
			targets = append(targets, &named{name: string(rune('a' + i))})
		}
		b := New(cfg, sim.Seed(1).Keyed("balance"), targets)
		other := New(cfg, sim.Seed(2).Keyed("other"), rapid.Permutation(targets).Draw(t, "order"))
		key := rapid.Uint64().Draw(t, "key")
		req := &patterns.Request{ID: rapid.Uint64().Draw(t, "id"), Key: key, Attempt: 1}
		home := b.pick(0, req).name
		if again := b.pick(9, &patterns.Request{ID: 7, Key: key}).name; again != home {
			t.Fatalf("%s, and then %s", home, again)
		}
		if theirs := other.pick(0, req).name; theirs != home {
			t.Fatalf("%s, and %s for others", home, theirs)
		}
		out := targets[rapid.IntRange(0, n-1).Draw(t, "sick")].(*named)
		out.sick = true
		m := b.pick(0, req)
		switch {
		case n == 1:
			if m != nil {
				t.Fatal("somebody was found")
			}
		case out.name != home && m.name != home, out.name == home && m.name == home:
			t.Fatalf("%s is sick: %s, and it was %s", out.name, m.name, home)
		}
		out.sick = false
		req.Avoid = home
		if m := b.pick(0, req); (m.name == home) != (n == 1) {
			t.Fatalf("another attempt goes to %s", m.name)
		}
	})
}

// With a bound, no target has more than its share of the calls, times the bound and rounded up (one more
// with Envoy's rule), and a key whose target has room goes there.
func TestBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{
			Pick:  rapid.SampledFrom([]Pick{RingHash, Maglev}).Draw(t, "pick"),
			Bound: rapid.SampledFrom([]float64{1, 1.25, 2}).Draw(t, "bound"), Overflow: Overflow(rapid.IntRange(0, 1).Draw(t, "overflow")),
			Table: 1021, Ring: DefaultRing(), SkipUnhealthy: true,
		}
		ws := rapid.SliceOfN(rapid.SampledFrom([]float64{1, 1, 2}), 1, 6).Draw(t, "weights")
		b := weights(cfg, ws...)
		unbound := cfg
		unbound.Bound = 0
		home := weights(unbound, ws...)
		all, underWay := 0.0, 0
		for i, w := range ws {
			if i > 0 && rapid.IntRange(0, 3).Draw(t, "sick") == 0 {
				sick := &named{b.members[i].name, true}
				b.members[i].Target, home.members[i].Target = sick, sick
				continue
			}
			all += w // of those whom calls may go to
		}
		for range rapid.IntRange(0, 100).Draw(t, "calls") {
			if underWay > 0 && rapid.IntRange(0, 2).Draw(t, "end") == 0 {
				m := b.members[rapid.IntRange(0, len(ws)-1).Draw(t, "of")]
				if m.inFlight > 0 {
					b.ended(0, m, 0, answered)
					underWay--
				}
				continue
			}
			req := &patterns.Request{ID: 1, Key: rapid.Uint64Range(0, 9).Draw(t, "key")}
			m := b.pick(0, req)
			i := int(m.name[0] - 'a')
			limit := math.Ceil(cfg.Bound*float64(underWay+1)*(ws[i]/all) - 1e-9)
			if cfg.Overflow == Jump {
				limit = max(1, math.Ceil(math.Ceil(cfg.Bound*float64(underWay+1)-1e-9)*(ws[i]/all)-1e-9)) + 1
			}
			if float64(m.inFlight+1) > limit {
				t.Fatalf("%s has %d of %d calls, and is given one more", m.name, m.inFlight, underWay)
			}
			if !m.Healthy() {
				t.Fatalf("%s is sick", m.name)
			}
			h := b.members[home.pick(0, req).name[0]-'a']
			room := math.Ceil(cfg.Bound*float64(underWay+1)*(ws[h.name[0]-'a']/all) - 1e-9)
			if cfg.Overflow == Jump {
				room = max(1, math.Ceil(math.Ceil(cfg.Bound*float64(underWay+1)-1e-9)*(ws[h.name[0]-'a']/all)-1e-9)) + 1
			}
			if h != m && float64(h.inFlight+1) <= room {
				t.Fatalf("%s had room with %d of %d calls, but %s was picked", h.name, h.inFlight, underWay, m.name)
			}
			m.inFlight++
			underWay++
		}
	})
}

// An overflow goes on to the same neighbour for all keys of a ring's arc, or to all others.
func TestOverflow(t *testing.T) {
	for _, c := range []struct {
		overflow Overflow
		others   int
	}{{Next, 1}, {Jump, 4}} {
		b := cluster(Config{Pick: RingHash, Bound: 1, Overflow: c.overflow}, 9, 0, 0, 0, 0)
		b.cfg.Ring = Ring{5, 5} // one entry each
		b.build()
		seen := map[string]bool{}
		plain := cluster(Config{Pick: RingHash}, 0, 0, 0, 0, 0)
		plain.cfg.Ring = b.cfg.Ring
		plain.build()
		for key := range uint64(1000) {
			req := &patterns.Request{ID: 1, Key: key}
			if plain.pick(0, req).name == "a" {
				first := b.pick(0, req).name
				seen[first] = true
				if again := b.pick(0, req).name; again != first {
					t.Fatalf("key %d goes to %s and to %s", key, first, again)
				}
			}
		}
		if len(seen) != c.others || seen["a"] {
			t.Errorf("overflow %d: goes to %v", c.overflow, seen)
		}
	}

}

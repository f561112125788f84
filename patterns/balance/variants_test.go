package balance

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/xxhash"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A full target says all that a target can say.
type full struct {
	named
	weight float64
	zone   string
	load   float64
}

func (f *full) Weight() float64 { return f.weight }
func (f *full) Zone() string    { return f.zone }

// A loaded target says how loaded it is, too.
type loaded struct{ full }

func (l *loaded) Load() float64 { return l.load }

// A veil stands in front of a target.
type veil struct{ Target }

func (v veil) Unwrap() Target { return v.Target }

// weights returns a balancer over targets a, b, c, ... with the given weights.
func weights(cfg Config, ws ...float64) *Balancer {
	var targets []Target
	for i, w := range ws {
		targets = append(targets, veil{&full{named: named{name: string(rune('a' + i))}, weight: w}})
	}
	return New(cfg, sim.Seed(1).Keyed("balance"), targets)
}

// turns picks n times, and returns the names.
func turns(b *Balancer, n int) string {
	var names strings.Builder
	for i := range n {
		names.WriteString(b.pick(0, &patterns.Request{ID: uint64(i) + 1, Attempt: 1}).name)
	}
	return names.String()
}

// The example in the commit message of nginx 1.3.1 that introduced smooth weighted round robin, and how
// often each is picked in a full turn.
func TestSmoothWeighted(t *testing.T) {
	cfg := Config{Pick: SmoothWeighted, SkipUnhealthy: true}
	for _, c := range []struct {
		weights []float64
		want    string
	}{
		{[]float64{5, 1, 1}, "aabacaa" + "aabacaa"},
		{[]float64{1, 1, 1}, "abcabc"},
		{[]float64{4, 3, 2}, "abcabacba" + "abcabacba"},
		{[]float64{0.5, 0.25, 0.25}, "abca" + "abca"},
		{[]float64{7}, "aaa"},
	} {
		if got := turns(weights(cfg, c.weights...), len(c.want)); got != c.want {
			t.Errorf("%v: %s, want %s", c.weights, got, c.want)
		}
	}
	b := weights(cfg, 5, 1, 1)
	b.members[0].Target = &named{sick: true}
	if got := turns(b, 6); got != "bcbcbc" {
		t.Errorf("without the heaviest: %s", got)
	}
}

// After any number of picks each target has had its share, give or take less than there are targets.
func TestSmoothWeightedIsEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ws := rapid.SliceOfN(rapid.Float64Range(0.1, 10), 1, 6).Draw(t, "weights")
		b := weights(Config{Pick: SmoothWeighted}, ws...)
		all, had := 0.0, make([]float64, len(ws))
		for _, w := range ws {
			all += w
		}
		for k := range 200 {
			had[int(turns(b, 1)[0]-'a')]++
			for i, w := range ws {
				if off := had[i] - float64(k+1)*w/all; math.Abs(off) > float64(len(ws)) {
					t.Fatalf("after %d picks %d is off by %v", k+1, i, off)
				}
			}
		}
		for i, w := range ws {
			if math.Abs(had[i]-200*w/all) > float64(len(ws)) {
				t.Fatalf("shares are %v for weights %v", had, ws)
			}
		}
	})
}

// Where shares are random, they are those of the weights; where loads decide, a target of twice the weight
// has room for twice the calls.
func TestWeightedShares(t *testing.T) {
	all := func(pick Pick) Config { return Config{Pick: pick, Choices: 2, SkipUnhealthy: true} }
	for _, c := range []struct {
		name    string
		cfg     Config
		weights []float64
		loads   []int
		want    string
	}{
		{"random", all(Random), []float64{5, 3, 2}, []int{0, 0, 0}, "a50 b30 c20"},
		{"random skips the sick", all(Random), []float64{5, 3, 7}, []int{0, 0, -1}, "a60 b40"}, // 62.5 and 37.5
		{"least requests", all(LeastRequests), []float64{1, 2}, []int{1, 4}, "a100"},           // 2/1 and 5/2
		{"least requests: the heavier", all(LeastRequests), []float64{1, 2}, []int{2, 4}, "b100"},
		{"least requests: equal", all(LeastRequests), []float64{1, 2}, []int{1, 3}, "a50 b50"},
		{"two choices", all(Choices), []float64{1, 2}, []int{1, 2}, "b100"},
	} {
		b := weights(c.cfg, c.weights...)
		for i, n := range c.loads {
			b.members[i].inFlight = max(n, 0)
			if n < 0 {
				b.members[i].Target = &named{name: b.members[i].name, sick: true}
			}
		}
		if got := shares(b, ""); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Of two targets, drawing with replacement meets the busier one alone in a quarter of the draws.
func TestWithReplacement(t *testing.T) {
	b := cluster(EnvoyLeastRequest(), 5, 4)
	if got := shares(b, ""); got != "a20 b80" && got != "a30 b70" { // 25 and 75, rounded to tens
		t.Errorf("got %s", got)
	}
	busier := 0
	for id := range uint64(10_000) {
		if b.pick(0, &patterns.Request{ID: id + 1}).name == "a" {
			busier++
		}
	}
	if se := math.Sqrt(10_000 * 0.25 * 0.75); math.Abs(float64(busier)-2500) > 4*se {
		t.Errorf("the busier one had %d of 10,000 calls, want 2500", busier)
	}
}

// Peak EWMA of a decay of 10 s, worked out by hand from Finagle's rule. With E(t) = exp(-t/10s):
//
//	 0 s  a call takes 100 ms: the average is 100 ms
//	10 s  read: 100·E(10) = 36.788
//	10 s  a call takes 200 ms: a peak, 200
//	15 s  a call takes 50 ms: 200·E(5) + 50·(1-E(5)) = 121.3061 + 19.6735 = 140.9796
//	25 s  read: 140.9796·E(10) = 51.8635
//	25 s  a call of 20 ms at the same instant: no time has passed, so that it weighs nothing
//	25 s  two calls under way: 3·51.8635
func TestPeakEWMA(t *testing.T) {
	cfg := FinaglePeakEWMA()
	b := cluster(cfg, 0)
	m := b.members[0]
	ms := float64(time.Millisecond)
	at := func(seconds float64) sim.Time { return sim.Time(seconds * float64(time.Second)) }
	observe := func(seconds, took float64, end ending) {
		m.inFlight++
		b.ended(at(seconds), m, at(seconds)-sim.Time(took*ms), end)
	}
	want := func(seconds, cost float64) {
		t.Helper()
		if got := b.load(m, at(seconds)) / ms; math.Abs(got-cost) > 0.0005 {
			t.Errorf("at %vs: %.4f ms, want %v", seconds, got, cost)
		}
	}
	want(0, 0)
	m.inFlight = 2
	if got := b.load(m, 0); got != unknown+2 {
		t.Errorf("called, and not answered yet: %v", got)
	}
	m.inFlight = 0
	observe(0, 100, answered)
	want(0, 100)
	want(10, 36.788)
	observe(10, 200, answered)
	observe(15, 50, answered)
	want(25, 51.8635)
	observe(25, 20, answered)
	want(25, 51.8635)
	m.inFlight = 2
	want(25, 3*51.8635)
	m.inFlight = 0
	observe(25, 900, unwound)
	want(25, 51.8635)
	observe(25, 60, failed)
	want(25, 60)

	cfg.EWMA.ErrorPenalty, cfg.EWMA.Initial = 5*time.Second, 30*time.Millisecond
	b = cluster(cfg, 0)
	m = b.members[0]
	want(0, 30)
	m.inFlight = 1
	want(0, 60)
	m.inFlight = 0
	observe(0, 1, failed)
	want(0, 5000)
	observe(0, 6000, failed)
	want(0, 6000)
}

// How calls end, as far as an average is concerned.
func TestEndings(t *testing.T) {
	for _, c := range []struct {
		err  error
		want ending
	}{
		{nil, answered},
		{&patterns.Error{Kind: patterns.Failed}, failed},
		{&patterns.Error{Kind: patterns.Refused}, failed},
		{&patterns.Error{Kind: patterns.Conflict}, answered},
		{&patterns.Error{Kind: patterns.Rejected}, answered},
		{&sim.Ended{Cause: sim.ErrDeadline}, failed},
		{&sim.Ended{Cause: sim.ErrCancelled}, answered},
		{&sim.Interrupted{}, answered},
	} {
		if got := endingOf(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

// With peak EWMA a replica that fails fast attracts calls, and with a penalty it does not.
func TestErrorPenalty(t *testing.T) {
	for _, c := range []struct {
		penalty   time.Duration
		low, high int
	}{{0, 700, 1000}, {5 * time.Second, 0, 50}} {
		cfg := FinaglePeakEWMA()
		cfg.EWMA.ErrorPenalty = c.penalty
		b := cluster(cfg, 0, 0)
		fast := 0
		for i := range 1000 {
			now := sim.Time(i) * sim.Time(10*time.Millisecond)
			m := b.pick(now, &patterns.Request{ID: uint64(i) + 1})
			m.inFlight++
			if m.name == "a" { // fails in 1 ms
				fast++
				b.ended(now.Add(time.Millisecond), m, now, failed)
			} else {
				b.ended(now.Add(9*time.Millisecond), m, now, answered)
			}
		}
		if fast < c.low || fast > c.high {
			t.Errorf("penalty %v: %d of 1000 calls went to the replica that fails", c.penalty, fast)
		}
	}
}

// Loads are as they were at the last multiple of Stale, whatever happened since.
func TestStale(t *testing.T) {
	cfg := Config{Pick: LeastRequests, Stale: time.Second}
	b := cluster(cfg, 0, 0)
	a, c := b.members[0], b.members[1]
	at := func(ms int) sim.Time { return sim.Time(ms) * sim.Time(time.Millisecond) }
	want := func(ms int, name string) {
		t.Helper()
		seen := map[string]bool{}
		for id := range uint64(50) {
			seen[b.pick(at(ms), &patterns.Request{ID: id + 1}).name] = true
		}
		if got := len(seen) == 2; got != (name == "both") || !got && !seen[name] {
			t.Errorf("at %d ms: %v, want %s", ms, seen, name)
		}
	}
	want(100, "both") // reads: 0 and 0
	a.inFlight = 3
	want(999, "both")
	want(1000, "b") // reads: 3 and 0
	c.inFlight = 9
	want(1500, "b")
	b.ended(at(2100), c, 0, answered) // the first to come: reads 3 and 9
	c.inFlight = 0
	want(2900, "a")
	want(7300, "b") // reads: 3 and 0
	a.inFlight = 0
	want(7999, "b")
	want(8000, "both")
}

// A target that says its load is believed; one that does not has its calls under way.
func TestTold(t *testing.T) {
	a := &loaded{full{named: named{name: "a"}, weight: 1, load: 7}}
	b := New(Config{Pick: LeastRequests, Load: Told}, sim.Seed(1).Keyed("balance"), []Target{veil{a}, &named{name: "b"}})
	b.members[1].inFlight = 6
	if got := turns(b, 3); got != "bbb" {
		t.Errorf("7 against 6: %s", got)
	}
	a.load = 5
	if got := turns(b, 3); got != "aaa" {
		t.Errorf("5 against 6: %s", got)
	}
}

func TestSlowStart(t *testing.T) {
	s := EnvoySlowStart(100 * time.Second)
	for age, want := range map[time.Duration]float64{
		0: 0.1, 5 * time.Second: 0.1, 10 * time.Second: 0.1, 25 * time.Second: 0.25, 99 * time.Second: 0.99, 100 * time.Second: 1, time.Hour: 1,
	} {
		if got := s.factor(age); math.Abs(got-want) > 1e-12 {
			t.Errorf("at %v: %v, want %v", age, got, want)
		}
	}
	s.Aggression = 2 // the square root
	if got := s.factor(25 * time.Second); math.Abs(got-0.5) > 1e-12 {
		t.Errorf("aggression 2, at 25 s: %v, want 0.5", got)
	}
	s.MinWeight = 1e-6
	if got := s.factor(0); math.Abs(got-math.Sqrt(1e-5)) > 1e-12 {
		t.Errorf("at 0: %v, want that of 1 ms", got)
	}

	// b is sick until 10 s, and c comes at 20 s. The others had their full weight from the beginning.
	cfg := Config{Pick: SmoothWeighted, SkipUnhealthy: true, SlowStart: EnvoySlowStart(100 * time.Second)}
	sick := &named{name: "b", sick: true}
	b := New(cfg, sim.Seed(1).Keyed("balance"), []Target{&named{name: "a"}, sick})
	weightsAt := func(seconds int, want ...float64) {
		t.Helper()
		b.pick(sim.Time(seconds)*sim.Time(time.Second), &patterns.Request{ID: 1})
		for i, m := range b.members {
			if got := b.weight(m); math.Abs(got-want[i]) > 1e-9 {
				t.Errorf("at %d s %s has a weight of %v, want %v", seconds, m.name, got, want[i])
			}
		}
	}
	weightsAt(0, 1, 1)
	sick.sick = false
	weightsAt(10, 1, 0.1)
	weightsAt(60, 1, 0.5)
	b.SetTargets([]Target{&named{name: "a"}, sick, &named{name: "c"}})
	weightsAt(70, 1, 0.6, 0.1)
	weightsAt(120, 1, 1, 0.5)
	sick.sick = true
	weightsAt(121, 1, 1, 0.51)
	sick.sick = false
	weightsAt(130, 1, 0.1, 0.6)
}

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
		b := weights(Config{Pick: RingHash, Ring: Ring{n * len(names), 4096}}, 1, 1, 1, 1)
		for key := range uint64(200) {
			hash := xxhash.Number(key)
			best, owner := uint64(math.MaxUint64), ""
			for _, name := range names {
				for i := range n {
					at := xxhash.Sum(fmt.Appendf(nil, "%c_%d", name, i), 0)
					if distance := at - hash; distance <= best { // around the ring
						best, owner = distance, string(name)
					}
				}
			}
			if got := b.pick(0, &patterns.Request{ID: 1, Key: key}).name; got != owner {
				t.Fatalf("%d entries each: key %d goes to %s, want %s", n, key, got, owner)
			}
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

// A copy goes to none of those that other copies went to, as long as there is anybody else; and whom it
// goes to is noted, for the next one.
func TestCopies(t *testing.T) {
	for id := range uint64(100) {
		b := cluster(DefaultConfig(), 0, 0, 0)
		var copies patterns.Copies
		for n := range 3 {
			m := b.pick(0, &patterns.Request{ID: id + 1, Attempt: 1 + 100*n, Copies: &copies})
			if slices.Contains(copies.Names(), m.name) {
				t.Fatalf("copy %d goes to %s, after %v", n, m.name, copies.Names())
			}
			copies.Add(m.name)
		}
		if m := b.pick(0, &patterns.Request{ID: id + 1, Attempt: 301, Copies: &copies}); m == nil {
			t.Fatal("the fourth of three goes nowhere")
		}
		b.cfg.AvoidLast = false
		if m := b.pick(0, &patterns.Request{ID: id + 1, Attempt: 1, Copies: &copies}); m.name != copies.Names()[0] {
			t.Fatalf("%s, and %s with copies that do not matter", copies.Names()[0], m.name)
		}
	}
}

// A call notes whom it goes to, and does not pass that on.
func TestCallNotesCopies(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		a, c := &slow{name: "a"}, &slow{name: "c"}
		b := New(Config{Pick: RoundRobin}, s.Keyed("balance"), []Target{a, c})
		var copies patterns.Copies
		for range 4 {
			s.Go("caller", func(p *sim.Process) { b.Call(p, patterns.Request{Copies: &copies}) })
		}
		s.RunUntil(0)
		if names := slices.Sorted(slices.Values(copies.Names())); strings.Join(names, "") != "aacc" {
			t.Errorf("noted are %v", names)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A slow target never answers, and must not be told of copies.
type slow struct{ name string }

func (s *slow) Name() string  { return s.name }
func (s *slow) Healthy() bool { return true }
func (s *slow) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	if req.Copies != nil {
		panic("a target is told of copies")
	}
	return patterns.Response{}, p.SleepUntil(sim.Never - 1)
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

// zoned returns a balancer of a caller in zone x over so many healthy targets in the zones x, y, z, ...; the
// second number of each is that of its sick ones.
func zoned(zones Zones, panicBelow float64, healthy ...[2]int) *Balancer {
	cfg := Config{Pick: Random, SkipUnhealthy: true, Panic: panicBelow, Zones: zones}
	var targets []Target
	for z, n := range healthy {
		for i := range n[0] + n[1] {
			name := string(rune('x' + z))
			targets = append(targets, &full{named: named{name: fmt.Sprint(name, i), sick: i >= n[0]}, weight: 1, zone: name})
		}
	}
	return New(cfg, sim.Seed(1).Keyed("balance"), targets)
}

func TestZones(t *testing.T) {
	callers := func(n ...int) (list []ZoneCallers) {
		for i, c := range n {
			list = append(list, ZoneCallers{string(rune('x' + i)), c})
		}
		return list
	}
	for _, c := range []struct {
		name    string
		zones   Zones
		panic   float64
		healthy [][2]int
		want    []float64
	}{
		{"as many as callers: all stay", EnvoyZones("x", callers(1, 1)), 0, [][2]int{{3, 0}, {3, 0}}, []float64{1, 0}},
		{"more than callers: all stay", EnvoyZones("x", callers(1, 3)), 0, [][2]int{{3, 0}, {3, 0}}, []float64{1, 0}},
		// Envoy's own example: callers 40 %, 40 %, 20 %; targets 25 %, 50 %, 25 %. 62.5 % stay, and of the
		// rest two thirds go to the second zone, which has 10 % more targets than callers, the third 5 %.
		{"Envoy's own example", EnvoyZones("x", callers(2, 2, 1)), 0, [][2]int{{2, 0}, {4, 0}, {2, 0}}, []float64{0.625, 0.25, 0.125}},
		{"the sick do not count", EnvoyZones("x", callers(1, 1)), 0, [][2]int{{2, 2}, {6, 0}}, []float64{0.5, 0.5}},
		{"none in the own zone", EnvoyZones("x", callers(1, 1, 1)), 0, [][2]int{{0, 0}, {4, 0}, {4, 0}}, []float64{0, 0.5, 0.5}},
		{"five are too few", EnvoyZones("x", callers(1, 1)), 0, [][2]int{{3, 0}, {2, 0}}, []float64{0.6, 0.4}},
		{"no callers are known here", EnvoyZones("x", callers(0, 1, 1)), 0, [][2]int{{3, 0}, {3, 0}}, []float64{0.5, 0.5}},
		{"callers in one zone", EnvoyZones("x", callers(3)), 0, [][2]int{{3, 0}, {3, 0}}, []float64{0.5, 0.5}},
		{"for half of the calls", func() Zones { z := EnvoyZones("x", callers(1, 1)); z.Share = 0.5; return z }(), 0, [][2]int{{3, 0}, {3, 0}}, []float64{0.75, 0.25}},
		{"not in a panic", EnvoyZones("x", callers(1, 1)), 0.5, [][2]int{{6, 1}, {1, 8}}, []float64{7. / 16, 9. / 16}},

		{"the own zone first", EnvoyPriority("x"), 0, [][2]int{{5, 0}, {5, 0}}, []float64{1, 0}},
		{"as long as 1.4 of it are healthy", EnvoyPriority("x"), 0, [][2]int{{8, 2}, {5, 0}}, []float64{1, 0}},
		{"half of it: 70 %", EnvoyPriority("x"), 0, [][2]int{{5, 5}, {5, 0}}, []float64{0.7, 0.3}},
		{"nobody there", EnvoyPriority("x"), 0, [][2]int{{0, 5}, {5, 0}, {5, 0}}, []float64{0, 0.5, 0.5}},
		{"neither suffices: 0.28 and 0.14", EnvoyPriority("x"), 0, [][2]int{{2, 8}, {1, 9}}, []float64{2. / 3, 1. / 3}},
		{"no zone at all", Zones{}, 0, [][2]int{{1, 0}, {3, 0}}, []float64{0.25, 0.75}},
	} {
		b := zoned(c.zones, c.panic, c.healthy...)
		const n = 20_000
		got := make([]float64, len(c.want))
		for id := range uint64(n) {
			got[int(b.pick(0, &patterns.Request{ID: id + 1}).name[0]-'x')] += 1. / n
		}
		for i, want := range c.want {
			if se := math.Sqrt(want * (1 - want) / n); math.Abs(got[i]-want) > 4*se+1e-9 {
				t.Errorf("%s: shares %.3f, want %.3f", c.name, got, c.want)
				break
			}
		}
	}
	b := zoned(EnvoyPriority("x"), 0, [2]int{1, 0}, [2]int{1, 0})
	b.cfg.AvoidLast = true
	if m := b.pick(0, &patterns.Request{ID: 1, Attempt: 2, Avoid: "x0"}); m.name != "y0" {
		t.Errorf("another attempt goes to %s", m.name)
	}
}

func TestPresets(t *testing.T) {
	for name, cfg := range map[string]Config{
		"Finagle": Finagle(), "FinaglePeakEWMA": FinaglePeakEWMA(), "Linkerd": Linkerd(),
		"EnvoyRoundRobin": EnvoyRoundRobin(), "EnvoyLeastRequest": EnvoyLeastRequest(), "EnvoyRingHash": EnvoyRingHash(), "EnvoyMaglev": EnvoyMaglev(),
		"GRPCRoundRobin": GRPCRoundRobin(), "GRPCLeastRequest": GRPCLeastRequest(), "GRPCRingHash": GRPCRingHash(), "Nginx": Nginx(),
	} {
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m := cluster(Finagle(), -1, -1).pick(0, &patterns.Request{ID: 1}); m == nil {
		t.Error("Finagle: nobody is healthy, and nobody is called")
	}
}

func TestValidateRefusesWhatCannotBe(t *testing.T) {
	bad := Config{
		Pick: RoundRobin, Load: PeakEWMA, Stale: time.Second, EWMA: EWMA{Initial: -1, ErrorPenalty: -1}, Bound: 0.5, Overflow: 7,
		SlowStart: SlowStart{Window: time.Second}, Subset: Subset{Kind: Deterministic, Client: -1},
		Zones: Zones{Mode: Prefer, MinTargets: -1, Share: 2, Callers: []ZoneCallers{{"x", -1}}},
	}
	want := `balance: Load is peak EWMA, need in flight, unless the pick is least_requests or p2c
balance: Stale is 1s, need 0, unless the pick is least_requests or p2c
balance: EWMA.Decay is 0s, need more than 0
balance: EWMA.Initial is -1ns, need 0 or more
balance: EWMA.ErrorPenalty is -1ns, need 0 or more
balance: Bound is 0.5, need 0, or 1 to 1000 with the pick ring_hash or maglev
balance: Overflow is 7, need next or jump
balance: SlowStart.Window is 1s, need 0 with a pick that does not look at weights: round_robin
balance: SlowStart.Aggression is 0, need more than 0 and at most 1000
balance: SlowStart.MinWeight is 0, need more than 0 and at most 1
balance: Subset.Size is 0, need 1 or more
balance: Subset.Client is -1, need 0 or more
balance: Zones.MinTargets is -1, need 0 or more
balance: Zones.Share is 2, need 0 to 1
balance: Zones.Callers[0].Callers is -1, need 0 or more
balance: Zones.Overprovision is 0, need 1 to 1000`
	if diff := cmp.Diff(want, fmt.Sprint(bad.Validate())); diff != "" {
		t.Error(diff)
	}
	for want, cfg := range map[string]Config{
		"balance: Ring.MinSize is 9, need 1 to 8388608\nbalance: Ring.MaxSize is 8, need MinSize to 8388608":           {Pick: RingHash, Ring: Ring{9, 8}},
		"balance: Table is 1024, need a prime number up to 5000011":                                                    {Pick: Maglev, Table: 1024},
		"balance: Table is 1, need a prime number up to 5000011":                                                       {Pick: Maglev, Table: 1},
		"balance: Pick is pick 9, need round_robin, random, least_requests, p2c, smooth_weighted, ring_hash or maglev": {Pick: 9},
		"balance: Load is 9, need in flight, peak EWMA or told":                                                        {Pick: LeastRequests, Load: 9},
	} {
		want, _, _ = strings.Cut(want, "\nbalance: Ring.MaxSize")
		if cfg.Pick == RingHash {
			want = "balance: Ring.MaxSize is 8, need MinSize to 8388608"
		}
		if diff := cmp.Diff(want, fmt.Sprint(cfg.Validate())); diff != "" {
			t.Error(diff)
		}
	}
	for _, w := range []float64{0, -1, math.NaN(), 1e7} {
		func() {
			defer func() {
				if v := recover(); v == nil {
					t.Errorf("a weight of %v is taken", w)
				}
			}()
			weights(Config{Pick: Random}, w)
		}()
	}
}

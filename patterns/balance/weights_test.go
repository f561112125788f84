package balance

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
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
	b := weights(cfg, 5, 3, 1)
	a := &named{sick: true}
	b.members[0].Target = a
	if got := turns(b, 8); got != "bbcbbbcb" {
		t.Errorf("without the heaviest: %s", got)
	}
	a.sick = false
	if got := turns(b, 9); got != "abacababa" {
		t.Errorf("it has gained nothing meanwhile: %s", got)
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
	b.SetTargets([]Target{&named{name: "a"}, sick, &named{name: "c"}, &full{named: named{name: "d"}, weight: 4}})
	weightsAt(140, 1, 0.1, 0.7, 0.4)
}

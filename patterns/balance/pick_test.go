package balance

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A named target that nobody calls.
type named struct {
	name string
	sick bool
}

func (n *named) Name() string  { return n.name }
func (n *named) Healthy() bool { return !n.sick }
func (n *named) Call(*sim.Process, patterns.Request) (patterns.Response, error) {
	panic("not called")
}

// cluster returns a balancer over targets a, b, c, ... with the given loads; a negative load is
// that of an unhealthy target.
func cluster(cfg Config, loads ...int) *Balancer {
	cfg.Ring, cfg.Table = DefaultRing(), 1021
	var targets []Target
	for i, load := range loads {
		targets = append(targets, &named{string(rune('a' + i)), load < 0})
	}
	b := New(cfg, sim.Seed(1).Keyed("balance"), targets)
	for i, load := range loads {
		b.members[i].inFlight = max(load, -load)
	}
	return b
}

// shares picks many times, and writes the share of each target in percent, rounded to tens.
func shares(b *Balancer, avoid string) string {
	const picks = 20_000
	count := map[string]int{}
	for id := range uint64(picks) {
		name := "none"
		if m := b.pick(0, &patterns.Request{ID: id + 1, Attempt: 2, Avoid: avoid}); m != nil {
			name = m.name
		}
		count[name]++
	}
	var words []string
	for name, n := range count {
		words = append(words, fmt.Sprintf("%s%.0f", name, math.Round(float64(n)/picks*10)*10))
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

func TestShares(t *testing.T) {
	all := func(pick Pick) Config {
		cfg := DefaultConfig()
		cfg.Pick = pick
		return cfg
	}
	blind := all(Random)
	blind.SkipUnhealthy = false
	forgetful := all(Random)
	forgetful.AvoidLast = false
	panicky := all(Random)
	panicky.Panic = 0.5
	three := all(Choices)
	three.Choices = 3
	for _, c := range []struct {
		name  string
		cfg   Config
		loads []int
		avoid string
		want  string
	}{
		{"random", all(Random), []int{9, 0, 0, 0, 0}, "", "a20 b20 c20 d20 e20"},
		{"random skips the sick", all(Random), []int{0, -1, 0, -1, -1}, "", "a50 c50"},
		{"random among few of many", all(Random), []int{-1, -1, -1, -1, -1, -1, -1, -1, -1, 0, -1, 0}, "", "j50 l50"},
		{"blind", blind, []int{0, -1, 0, -1, -1}, "", "a20 b20 c20 d20 e20"},
		{"round robin", all(RoundRobin), []int{9, 0}, "", "a50 b50"},
		{"round robin skips the sick, evenly", all(RoundRobin), []int{0, -1, 0, -1, 0, 0, 0, -1}, "", "a20 c20 e20 f20 g20"},
		{"least requests", all(LeastRequests), []int{2, 1, 3}, "", "b100"},
		{"least requests: ties at random", all(LeastRequests), []int{1, 2, 1, 2, 1, 1, 1}, "", "a20 c20 e20 f20 g20"},
		{"least requests skips the sick", all(LeastRequests), []int{1, -0 - 1, 7}, "", "a100"},
		{"two choices: never the worst", all(Choices), []int{1, 1, 9}, "", "a50 b50"},
		{"two choices of two are the better one", all(Choices), []int{5, 4}, "", "b100"},
		{"two choices: the worst half loses", all(Choices), []int{0, 1, 2, 3, 4}, "", "a40 b30 c20 d10"},
		{"three choices", three, []int{0, 1, 2, 3, 4}, "", "a60 b30 c10"},
		{"more choices than targets", three, []int{1, 0}, "", "b100"},
		{"elsewhere", all(Random), []int{0, 0, 0}, "b", "a50 c50"},
		{"elsewhere, however idle", all(LeastRequests), []int{5, 0, 9}, "b", "a100"},
		{"elsewhere in turn", all(RoundRobin), []int{0, 0, 0}, "b", "a50 c50"},
		{"elsewhere of two", all(Choices), []int{9, 0}, "b", "a100"},
		{"again, if there is nobody else", all(Choices), []int{0, -1}, "a", "a100"},
		{"not again if it is sick", all(Choices), []int{-1, -1}, "a", "none100"},
		{"avoid is unknown here", all(Random), []int{0, 0}, "elsewhere", "a50 b50"},
		{"avoid is not obeyed", forgetful, []int{0, 0}, "a", "a50 b50"},
		{"nobody is healthy", all(Random), []int{-1, -1}, "", "none100"},
		{"nobody at all", all(LeastRequests), nil, "", "none100"},
		{"half is not a panic", panicky, []int{0, -1}, "", "a100"},
		{"less than half is", panicky, []int{0, -1, -1, -1, -1}, "", "a20 b20 c20 d20 e20"},
		{"so is none", panicky, []int{-1, -1}, "", "a50 b50"},
		{"in a panic too: elsewhere", panicky, []int{-1, -1}, "a", "b100"},
		{"in a panic too: again", panicky, []int{-1}, "a", "a100"},
	} {
		if got := shares(cluster(c.cfg, c.loads...), c.avoid); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// A pick is usable, obeys the rule of its kind, and does not depend on what was picked before.
func TestPickRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{
			Pick:          Pick(rapid.IntRange(0, int(picks)-1).Draw(t, "pick")),
			Choices:       rapid.IntRange(2, 4).Draw(t, "choices"),
			SkipUnhealthy: rapid.Bool().Draw(t, "skip"),
			AvoidLast:     rapid.Bool().Draw(t, "avoid last"),
		}
		loads := rapid.SliceOfN(rapid.IntRange(-5, 5), 0, 8).Draw(t, "loads")
		b, again := cluster(cfg, loads...), cluster(cfg, loads...)
		for range 20 {
			avoid := rapid.SampledFrom([]string{"", "a", "b", "z"}).Draw(t, "avoid")
			id := rapid.Uint64Range(1, math.MaxUint64).Draw(t, "id")
			var usable, better []*member
			for _, m := range b.members {
				if !cfg.SkipUnhealthy || m.Healthy() {
					usable = append(usable, m)
					if !cfg.AvoidLast || m.name != avoid {
						better = append(better, m)
					}
				}
			}
			if len(better) > 0 {
				usable = better
			}
			m := b.pick(0, &patterns.Request{ID: id, Attempt: 1, Avoid: avoid})
			if (m == nil) != (len(usable) == 0) || m != nil && !slices.Contains(usable, m) {
				t.Fatalf("picked %v of %v", m, usable)
			}
			if m == nil {
				continue
			}
			worse := 0
			for _, other := range usable {
				if other.inFlight < m.inFlight && cfg.Pick == LeastRequests {
					t.Fatalf("picked %s, but %s is less loaded", m.name, other.name)
				}
				if other.inFlight >= m.inFlight && other != m {
					worse++
				}
			}
			if cfg.Pick == Choices && worse < min(cfg.Choices, len(usable))-1 {
				t.Fatalf("picked %s, but only %d of %d are as loaded", m.name, worse, len(usable))
			}
			if cfg.Pick != RoundRobin && cfg.Pick != SmoothWeighted && cfg.Pick != StaticStride { // which go on from where they were
				if same := again.pick(0, &patterns.Request{ID: id, Attempt: 1, Avoid: avoid}); same.name != m.name {
					t.Fatalf("request %d goes to %s or to %s", id, m.name, same.name)
				}
				again.pick(0, &patterns.Request{ID: rapid.Uint64().Draw(t, "another"), Attempt: 1})
			}
		}
	})
}

// queues returns the mean times in the system of independent runs: n servers,
// exponential service of mean 1, arrivals of rate nλ, each sent where the balancer says. It is the chain of
// arrivals and possible departures alone, whose steps are 1/n/(1+λ) long on average.
func queues(cfg Config, n int, λ float64, warmUp, steps int) (times []float64) {
	for seed := range uint64(10) {
		b := cluster(cfg, make([]int, n)...)
		luck := sim.Seed(seed).Stream("events")
		var inSystem, area int
		for step := range warmUp + steps {
			if luck.Chance(λ / (1 + λ)) {
				b.pick(0, &patterns.Request{ID: luck.Uint64(), Attempt: 1}).inFlight++
				inSystem++
			} else if m := b.members[luck.IntN(n)]; m.inFlight > 0 {
				m.inFlight--
				inSystem--
			}
			if step >= warmUp {
				area += inSystem
			}
		}
		times = append(times, float64(area)/float64(steps)/float64(n)/λ)
	}
	return times
}

// meanSE returns the mean and its standard error.
func meanSE(xs []float64) (mean, se float64) {
	n := float64(len(xs))
	for _, x := range xs {
		mean += x / n
	}
	for _, x := range xs {
		se += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(se / (n - 1) / n)
}

// Mitzenmacher's supermarket of 100 servers, each arrival at the least loaded of d: table 1 of M.
// Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12 (10), 2001, as ten
// independent runs of 4e7 steps give it to more digits; the last of each row is their half-width at 95 %.
// Drawing with replacement is another system, with the same luck a little slower.
func TestSupermarket(t *testing.T) {
	t.Parallel()
	distinct := map[float64][]float64{}
	for _, c := range []struct {
		d                  int
		replace            bool
		λ, want, halfWidth float64
	}{
		{2, false, .5, 1.2678, .0004}, {2, false, .7, 1.6194, .0008}, {2, false, .8, 1.9584, .0011}, {2, false, .9, 2.6450, .0031}, {2, false, .95, 3.4609, .0073},
		{3, false, .5, 1.1279, .0005}, {3, false, .7, 1.3630, .0006}, {3, false, .8, 1.5940, .0007}, {3, false, .9, 2.0615, .0013}, {3, false, .95, 2.6160, .0052},
		{2, true, .5, 1.2717, .0004}, {2, true, .7, 1.6260, .0008}, {2, true, .8, 1.9670, .0011}, {2, true, .9, 2.6594, .0031}, {2, true, .95, 3.4864, .0073},
	} {
		cfg := DefaultConfig()
		cfg.Choices, cfg.Replace = c.d, c.replace
		times := queues(cfg, 100, c.λ, 40_000, 160_000)
		got, se := meanSE(times)
		se = math.Hypot(se, c.halfWidth/1.96)
		if c.d == 2 && !c.replace {
			distinct[c.λ] = times
		}
		if c.replace {
			for i := range times {
				times[i] -= distinct[c.λ][i]
			}
			if more, se := meanSE(times); more < 2*se {
				t.Errorf("λ=%v: with replacement it takes %.4f ± %.4f more", c.λ, more, se)
			}
		}
		t.Logf("d=%d λ=%v, with replacement %v: %.4f ± %.4f, want %v", c.d, c.λ, c.replace, got, se, c.want)
		if math.Abs(got-c.want) > 4*se || se > 0.02*c.want {
			t.Errorf("d=%d λ=%v, with replacement %v: %.4f ± %.4f, want %v", c.d, c.λ, c.replace, got, se, c.want)
		}
	}
}

// The shortest queue. Of two: exact, from the chain of both lengths; and that is what the power of two
// different choices of two is. Of ten: as longer runs elsewhere have it, with their half-width at 95 %.
func TestShortestQueue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n                  int
		λ, want, halfWidth float64
		steps              int
	}{
		{2, .5, 1.4263208, 0, 200_000}, {2, .7, 2.1081973, 0, 300_000}, {2, .9, 5.4749128, 0, 800_000}, {2, .95, 10.4866388, 0, 2_500_000},
		{10, .5, 1.0239, .0006, 200_000}, {10, .7, 1.1599, .0008, 300_000}, {10, .9, 1.9118, .0040, 800_000},
	} {
		for _, pick := range []Pick{LeastRequests, Choices} {
			cfg := Config{Pick: pick, Choices: 2}
			if pick == Choices && (c.n > 2 || c.λ > .8) {
				continue // another system; or the same, and slow
			}
			got, se := meanSE(queues(cfg, c.n, c.λ, c.steps/10, c.steps))
			se = math.Hypot(se, c.halfWidth/1.96)
			t.Logf("%v n=%d λ=%v: %.4f ± %.4f, want %v", pick, c.n, c.λ, got, se, c.want)
			if math.Abs(got-c.want) > 4*se || se > 0.02*c.want {
				t.Errorf("%v n=%d λ=%v: %.4f ± %.4f, want %v", pick, c.n, c.λ, got, se, c.want)
			}
		}
	}
}

// Nameless requests are spread as others are.
func TestNamelessRequests(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Pick = Random
	b := cluster(cfg, 0, 0)
	a := 0
	for range 10_000 {
		if b.pick(0, &patterns.Request{Attempt: 1}).name == "a" {
			a++
		}
	}
	if se := math.Sqrt(10_000 / 4); math.Abs(float64(a)-5000) > 4*se {
		t.Errorf("%d of 10,000 go to a", a)
	}
}

// Round robin begins where the first request's luck says, and goes on from there.
func TestRoundRobinBeginsAnywhere(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Pick = RoundRobin
	begins := map[string]int{}
	for id := range uint64(300) {
		b := cluster(cfg, 0, 0, 0)
		turns := ""
		for i := range uint64(4) {
			turns += b.pick(0, &patterns.Request{ID: 1 + id*1000 + i, Attempt: 1}).name
		}
		begins[turns]++
	}
	for _, turns := range []string{"abca", "bcab", "cabc"} {
		if n := begins[turns]; n < 67 || n > 133 { // 100, sd 8.2
			t.Errorf("%d of 300 clients go %s", n, turns)
		}
	}
}

func TestTwoTargetsOfOneName(t *testing.T) {
	defer func() {
		if got := recover(); got != "balance: two targets are called a" {
			t.Errorf("got %v", got)
		}
	}()
	New(DefaultConfig(), sim.Keyed{}, []Target{&named{name: "a"}, &named{name: "a"}})
}

func TestSetTargetsKeepsLoads(t *testing.T) {
	b := cluster(DefaultConfig(), 3, 4)
	b.SetTargets([]Target{&named{name: "b"}, &named{name: "c"}})
	got := fmt.Sprint(b.Loads())
	if want := "[{b 4 0} {c 0 0}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// benchmarked are the picks, and what can be added to them.
func benchmarked() map[string]Config {
	all := map[string]Config{}
	for pick := range picks {
		cfg := DefaultConfig()
		cfg.Pick = pick
		all[pick.String()] = cfg
	}
	all["p2c, replaced"], all["p2c, ewma"] = EnvoyLeastRequest(), Linkerd()
	for name, change := range map[string]func(*Config){
		"p2c, stale":      func(c *Config) { c.Stale = time.Millisecond },
		"p2c, slow start": func(c *Config) { c.SlowStart = EnvoySlowStart(time.Minute) },
		"ring, bound":     func(c *Config) { c.Pick, c.Bound = RingHash, 1.25 },
		"maglev, jump":    func(c *Config) { c.Pick, c.Bound, c.Overflow = Maglev, 1.25, Jump },
		"p2c, priority":   func(c *Config) { c.Zones = EnvoyPriority("x") },
		"p2c, zones":      func(c *Config) { c.Zones = EnvoyZones("", []ZoneCallers{{"", 1}, {"y", 1}}) },
		"p2c, subset":     func(c *Config) { c.Subset = Subset{Kind: RandomSubset, Size: 20} },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		all[name] = cfg
	}
	return all
}

// picking returns a balancer over n targets, and what makes it pick once.
func picking(cfg Config, n int) func() {
	if cfg.Subset.Kind != All {
		n = max(n, cfg.Subset.Size)
	}
	cfg.Ring, cfg.Table = DefaultRing(), 1021
	var targets []Target
	for i := range n {
		targets = append(targets, &named{name: fmt.Sprint(i)})
	}
	b := New(cfg, sim.Seed(1).Keyed("balance"), targets)
	req := patterns.Request{Attempt: 1}
	return func() {
		req.ID++
		req.Key = req.ID
		now := sim.Time(req.ID) * sim.Time(time.Microsecond)
		m := b.pick(now, &req)
		m.inFlight++
		b.ended(now, m, now, answered)
	}
}

// One pick allocates nothing, whatever the configuration.
func TestPickAllocatesNothing(t *testing.T) {
	for name, cfg := range benchmarked() {
		once := picking(cfg, 30)
		once()
		if n := testing.AllocsPerRun(1000, once); n != 0 {
			t.Errorf("%s: %v allocations a pick", name, n)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	all := benchmarked()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, n := range []int{3, 100} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				once := picking(all[name], n)
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					once()
				}
			})
		}
	}
}

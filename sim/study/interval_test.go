package study

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nines-sim/nines/sim"
	"gonum.org/v1/gonum/stat/distuv"
)

// TestCoverage states how often the interval of one class of incidents holds its true mean, for costs
// such as incidents have and numbers of runs such as studies spend.
func TestCoverage(t *testing.T) {
	length := distuv.LogNormal{Mu: math.Log(25), Sigma: 1.2} // minutes: p50 25, p95 180
	noise := func(rng *sim.Stream) float64 {
		return math.Exp(0.3*distuv.UnitNormal.Quantile(0.5e-16+rng.Float64()*(1-1e-15)) - 0.045)
	}
	mean := length.Mean()
	late := func(b float64) float64 { // E[(L-b)+]
		d := (length.Mu + length.Sigma*length.Sigma - math.Log(b)) / length.Sigma
		return mean*distuv.UnitNormal.CDF(d) - b*distuv.UnitNormal.CDF(d-length.Sigma)
	}
	exponential := func(rng *sim.Stream) float64 { return -math.Log(1 - rng.Float64()) }
	for _, c := range []struct {
		story    string
		cost     func(u float64, rng *sim.Stream) float64
		exact    float64
		fixed    bool
		coverage map[int]float64 // of nominal 95 %, by number of runs
	}{
		{"as long as it lasts", func(u float64, rng *sim.Stream) float64 { return length.Quantile(u) * noise(rng) },
			mean, false, map[int]float64{8: 0.96, 16: 0.95, 32: 0.95}},
		{"beyond the first half hour", func(u float64, rng *sim.Stream) float64 { return math.Max(0, length.Quantile(u)-30) * noise(rng) },
			late(30), false, map[int]float64{8: 0.98, 16: 0.955, 32: 0.945}},
		{"one in five hurts", func(u float64, rng *sim.Stream) float64 {
			if !rng.Chance(0.2) {
				return 0
			}
			return length.Quantile(u)
		}, 0.2 * mean, false, map[int]float64{8: 0.96, 16: 0.96, 32: 0.96}},
		{"two in five hurt, whatever their length", func(_ float64, rng *sim.Stream) float64 {
			x := exponential(rng)
			if !rng.Chance(0.4) {
				return 0
			}
			return x
		}, 0.4, true, map[int]float64{8: 0.945, 16: 0.95, 32: 0.95}},
		{"exponential", func(_ float64, rng *sim.Stream) float64 { return exponential(rng) },
			1, true, map[int]float64{8: 0.94, 16: 0.945, 32: 0.95}},
		{"the same every time, or nearly", func(_ float64, rng *sim.Stream) float64 { return noise(rng) },
			1, true, map[int]float64{8: 0.95, 16: 0.95, 32: 0.95}},
	} {
		for _, n := range []int{8, 16, 32} {
			const studies = 1000
			held, seen := 0, 0
			for i := range studies {
				type run struct{ u, y float64 }
				runs := make([]run, n)
				for k := range runs {
					seed := uint64(1 + i*1000 + k)
					rng := sim.Seed(seed).Stream(c.story)
					u, w := Quantile(c.story, seed, 0), 1.0
					if !c.fixed {
						u, w = stretch(u)
					}
					runs[k] = run{u, w * c.cost(u, &rng)}
				}
				sort.Slice(runs, func(a, b int) bool { return runs[a].u < runs[b].u })
				y := make([]float64, n)
				for k := range y {
					y[k] = runs[k].y
				}
				m := newTerm(y, true)
				m.floor = 0
				if m.value == 0 {
					continue // stated as a bound, see TestNothingBadSeenIsABound
				}
				seen++
				if low, high := m.limits(0.95); low <= c.exact && c.exact <= high {
					held++
				}
			}
			coverage := float64(held) / float64(seen)
			t.Logf("%-40s %2d runs: %.3f, nothing seen in %d of %d", c.story, n, coverage, studies-seen, studies)
			if math.Abs(coverage-c.coverage[n]) > 0.02 {
				t.Errorf("%s, %d runs: coverage %.3f, stated %.3f", c.story, n, coverage, c.coverage[n])
			}
		}
	}
}

// TestStretchPays compares the spread of estimates with evenly drawn lengths.
func TestStretchPays(t *testing.T) {
	length := distuv.LogNormal{Mu: math.Log(25), Sigma: 1.2}
	var even, stretched float64
	const studies, n = 2000, 16
	for i := range studies {
		var a, b float64
		for k := range n {
			v := Quantile("x", uint64(1+i*100+k), 0)
			u, w := stretch(v)
			a += length.Quantile(v) / n
			b += w * length.Quantile(u) / n
		}
		even += (a - length.Mean()) * (a - length.Mean()) / studies
		stretched += (b - length.Mean()) * (b - length.Mean()) / studies
	}
	t.Logf("standard error of a mean of %d: %.2f even, %.2f stretched", n, math.Sqrt(even), math.Sqrt(stretched))
	if even < 9*stretched {
		t.Errorf("variance %v even, %v stretched", even, stretched)
	}
}

func TestQuantilesAreSpreadEvenly(t *testing.T) {
	for k := range 7 {
		n := 1 << k
		for dimension, list := range [][]uint64{{0, 1, 37, 1 << 40}, {0, 64, 1 << 40}} {
			for _, first := range list {
				hit := make([]bool, n)
				for i := range n {
					u := Quantile("zone_loss", first+uint64(i), dimension)
					if part := int(u * float64(n)); hit[part] {
						t.Errorf("seeds %d to %d, dimension %d: part %d of %d twice", first, first+uint64(n)-1, dimension, part, n)
					} else {
						hit[part] = true
					}
				}
			}
		}
	}
	for k := 0; k <= 6; k++ { // 64 points: one in each rectangle of 2^-k by 2^(k-6)
		hit := map[string]bool{}
		for i := range 64 {
			a, b := Quantile("p", uint64(64+i), 0), Quantile("p", uint64(64+i), 1)
			hit[fmt.Sprint(int(a*float64(int(1)<<k)), int(b*float64(int(64)>>k)))] = true
		}
		if len(hit) != 64 {
			t.Errorf("64 pairs hit %d of 64 rectangles of height 1/%d", len(hit), 64>>k)
		}
	}
	if Quantile("a", 1, 0) == Quantile("b", 1, 0) || Quantile("a", 1, 0) == Quantile("a", 1, 1) {
		t.Error("classes or dimensions share their numbers")
	}
}

func TestProportion(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
		bound     bool
	}{
		{0, 1000, 0, 0.0029912, true}, // the rule of three
		{17, 1000, 0.00993, 0.02708, false},
		{5, 10, 0.18709, 0.81291, false},
		{1000, 1000, 0.9970088, 1, true},
	} {
		i := Proportion(c.k, c.n, 0.95)
		if math.Abs(i.Low-c.low) > 1e-5 || math.Abs(i.High-c.high) > 1e-5 || i.Bound != c.bound {
			t.Errorf("%d of %d: %+v", c.k, c.n, i)
		}
	}
}

func TestQuantileInterval(t *testing.T) {
	values := make([]float64, 2000)
	for i := range values {
		values[i] = float64((i*7919)%2000 + 1) // the numbers 1 to 2000 in some order
	}
	i := QuantileInterval(values, 0.99, 0.95)
	if i.Low != 1971 || i.High != 1989 || math.Abs(i.Level-0.957831) > 1e-6 {
		t.Errorf("%+v, need ranks 1971 and 1989 at 0.9578", i)
	}
	if i := QuantileInterval([]float64{3, 1, 2}, 0.99, 0.95); i.Low != 1 && i.Level > 0.95 {
		t.Errorf("three values cannot hold the 99 %% quantile: %+v", i)
	}
}

// TestPIsWhereTheIntervalTouchesZero holds Student's t test against the search.
func TestPIsWhereTheIntervalTouchesZero(t *testing.T) {
	y := []float64{1, 2, 3, 4, 5, -1, 0, 2}
	m := newTerm(y, false)
	m.skew = 0
	s := sum{terms: []term{m}, floor: -100, ceil: 100}
	want := 2 * distuv.StudentsT{Sigma: 1, Nu: 7}.CDF(-m.value/m.se)
	if got := s.p(); math.Abs(got/want-1) > 1e-6 {
		t.Errorf("p is %v, need %v", got, want)
	}
	for _, p := range []float64{0.5, 0.05, 1e-4} {
		low, high := s.limits(1 - p)
		if (low > 0 || high < 0) != (p >= want) {
			t.Errorf("at p = %v the range is %v to %v, but p is %v", p, low, high, want)
		}
	}
}

func TestHolm(t *testing.T) {
	var list []comparison
	for _, m := range []float64{1, 4, 3.5, 0} { // means of 30 runs with a standard error of 1
		list = append(list, comparison{runs: 30, sum: sum{
			terms: []term{{value: m, se: 1, df: 1e6, runs: 30, floor: math.Inf(-1), ceil: math.Inf(1)}}, floor: -100, ceil: 100,
		}})
	}
	diffs := judge(list, 0.95)
	p := func(z float64) float64 { return 2 * distuv.UnitNormal.CDF(-z) }
	want := []float64{2 * p(1), 4 * p(4), 3 * p(3.5), 1}
	for i, d := range diffs {
		if math.Abs(d.Adjusted/want[i]-1) > 1e-3 {
			t.Errorf("comparison %d: adjusted p %v, need %v", i, d.Adjusted, want[i])
		}
	}
	verdicts := []Verdict{diffs[0].Verdict, diffs[1].Verdict, diffs[2].Verdict, diffs[3].Verdict}
	if diff := cmp.Diff([]Verdict{Undecided, Worse, Worse, Undecided}, verdicts); diff != "" {
		t.Error(diff)
	}
	// 1.96² times the runs make 1 differ from 0; nothing makes 0 differ.
	if diffs[0].MoreRuns != 86 || diffs[3].MoreRuns != 0 {
		t.Errorf("more runs: %d and %d, need 86 and 0", diffs[0].MoreRuns, diffs[3].MoreRuns)
	}
	list[3].objective.Margin = 2
	if v := judge(list, 0.95)[3].Verdict; v != Same {
		t.Errorf("0 ± 1.96 inside a margin of 2 is %s", v)
	}
}

// TestHolmKeepsTheOrder: a larger p never gets the smaller correction.
func TestHolmKeepsTheOrder(t *testing.T) {
	var list []comparison
	for _, m := range []float64{2.1, 2.05} {
		list = append(list, comparison{runs: 30, sum: sum{terms: []term{{value: m, se: 1, df: 1e6, runs: 30, floor: -100, ceil: 100}}, floor: -100, ceil: 100}})
	}
	diffs := judge(list, 0.95)
	if diffs[1].Adjusted != diffs[0].Adjusted || diffs[1].Verdict != Undecided {
		t.Errorf("p %v and %v became %v and %v", diffs[0].P, diffs[1].P, diffs[0].Adjusted, diffs[1].Adjusted)
	}
}

func TestATermLeavesTheTrendOut(t *testing.T) {
	y := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	a, b := newTerm(y, false), newTerm(y, true)
	if a.value != 5 || math.Abs(a.se-math.Sqrt(7.5/9)) > 1e-12 || a.df != 8 {
		t.Errorf("plain: %+v", a)
	}
	if b.value != 5 || math.Abs(b.se-math.Sqrt(0.5/9)) > 1e-12 || b.df != 6 {
		t.Errorf("in order: %+v", b)
	}
}

func TestRateDrawsAreThePosterior(t *testing.T) {
	draws, uncertain := rateDraws([]Cause{{Name: "a", Rate: Every(year)}, {Name: "b", Rate: Seen(3, 2*year)}}, 1)
	if !uncertain || draws[0] != nil || len(draws[1]) != inputDraws {
		t.Fatalf("uncertain %v, %d and %d draws", uncertain, len(draws[0]), len(draws[1]))
	}
	list := append([]float64{}, draws[1]...)
	sort.Float64s(list)
	posterior := distuv.Gamma{Alpha: 3.5, Beta: 2}
	for _, q := range []float64{0.025, 0.5, 0.975} {
		if got, want := quantile(list, q), posterior.Quantile(q); math.Abs(got/want-1) > 0.01 {
			t.Errorf("quantile %v is %v, need %v", q, got, want)
		}
	}
	if sort.Float64sAreSorted(draws[1]) {
		t.Error("two causes would rise together")
	}
}

func TestAllocate(t *testing.T) {
	for _, c := range []struct {
		story      string
		have       []int
		total      int
		need, cost []float64
		want       []int
	}{
		{"in proportion to need", []int{4, 4, 4}, 84, []float64{1, 2, 4}, []float64{1, 1, 1}, []int{12, 24, 48}},
		{"by the root of cost", []int{4, 4}, 60, []float64{1, 1}, []float64{1, 4}, []int{40, 20}},
		{"never less than it has", []int{40, 4}, 60, []float64{0.01, 1}, []float64{1, 1}, []int{40, 20}},
		{"a class without variance gets none", []int{8, 8}, 24, []float64{0, 1}, []float64{1, 1}, []int{8, 16}},
		{"what does not divide by four", []int{8, 8}, 18, []float64{0, 1}, []float64{1, 1}, []int{8, 10}},
		{"nothing left", []int{8, 8}, 16, []float64{0, 1}, []float64{1, 1}, []int{8, 8}},
	} {
		got := allocate(c.have, c.total, c.need, c.cost)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.story, diff)
		}
	}
}

func TestHallUndoesItself(t *testing.T) {
	for _, skew := range []float64{0, 0.2, -0.4, 1} {
		m := term{skew: skew}
		for _, q := range []float64{-3, -1, 0, 0.5, 2.2} {
			x := m.untwist(q)
			back := x + skew*x*x/3 + skew*skew*x*x*x/27 + skew/6
			if !cmp.Equal(back, q, cmpopts.EquateApprox(0, 1e-9)) {
				t.Errorf("skewness %v: %v became %v", skew, q, back)
			}
		}
	}
}

// Of few runs that all cost the same nothing is known of how much runs vary: no number may be said to be
// certain. Many that do are of a kind that does not vary.
func TestEqualCostsOfFewRuns(t *testing.T) {
	for n := 1; n <= 2*Covered; n++ {
		for _, cost := range []float64{44, 0.1} {
			m := newTerm(slices.Repeat([]float64{cost}, n), false)
			m.floor, m.ceil = 0, 1000
			low, high := m.limits(0.95)
			if few := n < Covered; few && (low != 0 || high != 1000) || !few && (low != cost || high != cost) {
				t.Errorf("%d runs of %v: [%v, %v]", n, cost, low, high)
			}
		}
		if low, high := newTerm(make([]float64, n), false).limits(0.95); n > 1 && (low != 0 || high != 0) {
			t.Errorf("%d runs without a difference: [%v, %v]", n, low, high)
		}
	}
}

// A difference that too few runs show, all of them the same, is undecided until each class has enough.
func TestEqualDifferencesOfFewRuns(t *testing.T) {
	c := comparison{runs: 6, sum: sum{floor: -1000, ceil: 1000}}
	for _, diffs := range [][]float64{{44, 44}, {0, 0, 1, 2}} {
		c.sum.terms = append(c.sum.terms, newTerm(diffs, false))
	}
	d := judge([]comparison{c}, 0.95)[0]
	if d.Verdict != Undecided || d.MoreRuns != 6+4 {
		t.Errorf("%s, %d more runs; need %s and 10", d.Verdict, d.MoreRuns, Undecided)
	}
}

// A study says which of its runs are too few; not of runs in which no call was judged.
func TestTooFewRuns(t *testing.T) {
	for _, c := range []struct {
		runs  int
		count Count
		want  []string
	}{
		{2, Count{Valid: 1000, Bad: 1}, []string{"timeline"}},
		{2, Count{Valid: 1000}, nil},
		{Covered, Count{Valid: 1000, Bad: 1}, nil},
		{2, Count{}, nil},
	} {
		s := &timelineStudy{plan: Timeline{Objectives: []Objective{{Name: "get", Target: 0.99}}, Variants: []Variant{{Name: "a"}}, Level: 0.95}}
		for range c.runs {
			s.blocks = append(s.blocks, []Measurement{{Objectives: []Count{c.count}, Length: 1}})
		}
		r := s.finding(0).Objectives[0]
		if !slices.Equal(r.TooFew, c.want) || c.want != nil && r.Met != Unclear {
			t.Errorf("%d runs of %+v: too few of %v, %s", c.runs, c.count, r.TooFew, r.Met)
		}
	}
}

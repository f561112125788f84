package study

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
	"gonum.org/v1/gonum/stat/distuv"
)

// A shop is a system whose yearly figures are known exactly. Its incidents last lognormally long, and
// each variant loses a share of the calls of the time beyond what it can bridge, or nothing by luck.
type shop struct {
	perSecond float64
	calmBad   float64 // share of calls
	hits      map[string]hit
	noise     bool // variants have luck of their own, not the same
}

type hit struct {
	p50, sigma float64            // of the length, seconds and log
	bridge     map[string]float64 // seconds that a variant bridges
	share      map[string]float64 // of calls that it loses afterwards
	chance     float64            // that the incident matters at all
	spread     float64            // sigma of a lognormal factor of mean 1
}

func (h hit) length(u float64) float64 {
	return distuv.LogNormal{Mu: math.Log(h.p50), Sigma: h.sigma}.Quantile(u)
}

// lost is the expected length of the time beyond the bridge: E[(L-b)+] of a lognormal (Black, Scholes).
func (h hit) lost(variant string) float64 {
	b := h.bridge[variant]
	mean := h.p50 * math.Exp(h.sigma*h.sigma/2)
	if b == 0 {
		return mean * h.share[variant] * h.chance
	}
	d := (math.Log(h.p50/b) + h.sigma*h.sigma) / h.sigma
	n := distuv.UnitNormal
	return (mean*n.CDF(d) - b*n.CDF(d-h.sigma)) * h.share[variant] * h.chance
}

func (s shop) simulate(_ context.Context, c Case) (Measurement, error) {
	name := "luck/" + c.Class()
	if s.noise {
		name += c.Variant
	}
	rng := sim.Seed(c.Seed).Stream(name)
	normal := func() float64 { return distuv.UnitNormal.Quantile(rng.Float64()*(1-1e-15) + 1e-16) }
	m := Measurement{Events: 1000, Digest: Digest(sim.Mix(c.Seed, uint64(len(c.Class()))))}
	length, bad := 600.0, 0.0
	if len(c.Causes) == 1 {
		h := s.hits[c.Causes[0]]
		l := h.length(c.U[0])
		length = l + 60
		matters, factor := rng.Chance(h.chance), math.Exp(h.spread*normal()-h.spread*h.spread/2)
		if matters {
			bad = math.Max(0, l-h.bridge[c.Variant]) * h.share[c.Variant] * s.perSecond * factor
		}
	}
	calm := length * s.perSecond * s.calmBad
	bad += math.Floor(calm + rng.Float64())
	valid := length * s.perSecond
	m.Objectives = []Count{{Valid: valid, Bad: math.Min(valid, bad)}}
	m.Length = time.Duration(length * 1e9)
	m.Metrics = map[string]float64{"lost": bad}
	return m, nil
}

// minutes is the exact answer.
func (s shop) minutes(plan Incidents, variant string) float64 {
	bad := minutesPerYear * s.calmBad
	for _, c := range plan.Causes {
		bad += c.Rate.PerYear * s.hits[c.Name].lost(variant) / 60
	}
	return bad
}

func example() (shop, Incidents) {
	all := func(x float64) map[string]float64 { return map[string]float64{"naive": x, "better": x, "twin": x} }
	s := shop{perSecond: 60, calmBad: 1e-5, hits: map[string]hit{
		"zone":   {p50: 1500, sigma: 1.2, bridge: map[string]float64{"better": 1200}, share: all(0.3), chance: 1, spread: 0.3},
		"deploy": {p50: 1800, sigma: 0.7, bridge: all(0), share: all(0.2), chance: 1, spread: 0.2},
		"crash":  {p50: 120, sigma: 0.5, bridge: all(0), share: map[string]float64{"naive": 0.2, "better": 0.04, "twin": 0.2}, chance: 0.4, spread: 0.5},
	}}
	plan := DefaultIncidents()
	plan.Objectives = []Objective{{Name: "checkout", Target: 0.999}}
	plan.Causes = []Cause{
		{Name: "zone", Rate: Rate{PerYear: 1}},
		{Name: "deploy", Rate: Rate{PerYear: 9}},
		{Name: "crash", Rate: Rate{PerYear: 36}},
	}
	plan.Variants = []Variant{{Name: "naive"}, {Name: "better"}}
	plan.PairThreshold = 10 // these incidents do not interact
	plan.Runs = 80
	plan.Counts = []string{"lost"}
	return s, plan
}

func mustRun(t *testing.T, plan Incidents, f Simulate) *Summary {
	t.Helper()
	sum, err := plan.Run(context.Background(), Pool{Jobs: 1}, f)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestIncidentsAreCalibrated does many small studies of a system whose answer is known. The intervals are
// to hold it as often as they say, and verdicts to be right.
func TestIncidentsAreCalibrated(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of studies")
	}
	s, plan := example()
	const studies = 400
	exact := map[string]float64{}
	for _, v := range plan.Variants {
		exact[v.Name] = s.minutes(plan, v.Name)
	}
	held, mean, width := map[string]int{}, map[string]float64{}, map[string]float64{}
	better, diffHeld, pairing := 0, 0, 0.0
	for i := range studies {
		plan.FirstSeed = uint64(1 + i*1000)
		sum := mustRun(t, plan, s.simulate)
		for _, f := range sum.Variants {
			b := f.Objectives[0].BadMinutes
			mean[f.Variant] += b.Value / studies
			width[f.Variant] += b.HalfWidth() / studies
			if b.Low <= exact[f.Variant] && exact[f.Variant] <= b.High {
				held[f.Variant]++
			}
		}
		d := sum.Diffs[0]
		if x := exact["better"] - exact["naive"]; d.BadMinutes.Low <= x && x <= d.BadMinutes.High {
			diffHeld++
		}
		if d.Verdict == Better {
			better++
		}
		pairing += d.Pairing / studies
	}
	for _, v := range plan.Variants {
		coverage := float64(held[v.Name]) / studies
		t.Logf("%s: exact %.1f, mean %.1f, half-width %.1f, coverage %.3f", v.Name, exact[v.Name], mean[v.Name], width[v.Name], coverage)
		if coverage < 0.93 || coverage > 0.985 {
			t.Errorf("%s: the intervals hold the truth in %.3f of the studies, need 0.93 to 0.985", v.Name, coverage)
		}
		if math.Abs(mean[v.Name]/exact[v.Name]-1) > 0.01 {
			t.Errorf("%s: estimates are %.2f on average, the truth is %.2f", v.Name, mean[v.Name], exact[v.Name])
		}
	}
	t.Logf("difference: coverage %.3f, better in %.3f, pairing %.1f", float64(diffHeld)/studies, float64(better)/studies, pairing)
	if diffHeld < 0.93*studies || better < 0.99*studies || pairing < 1.5 {
		t.Errorf("difference: held %d, better %d of %d, pairing %.2f", diffHeld, better, studies, pairing)
	}
}

// TestEqualVariantsAreNotTakenForDifferent compares variants that differ by luck alone.
func TestEqualVariantsAreNotTakenForDifferent(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of studies")
	}
	s, plan := example()
	s.noise = true
	plan.Variants = []Variant{{Name: "naive"}, {Name: "twin"}}
	plan.Runs = 60
	const studies = 500
	wrong := 0
	for i := range studies {
		plan.FirstSeed = uint64(1 + i*1000)
		if v := mustRun(t, plan, s.simulate).Diffs[0].Verdict; v == Better || v == Worse {
			wrong++
		}
	}
	t.Logf("different in %d of %d", wrong, studies)
	if limit := 0.05*studies + 2*math.Sqrt(0.05*0.95*studies); float64(wrong) > limit {
		t.Errorf("equal variants are said to differ in %d of %d studies, need at most %.0f", wrong, studies, limit)
	}
	s.noise = false
	if v := mustRun(t, plan, s.simulate).Diffs[0].Verdict; v != Same {
		t.Errorf("variants that do the same in every run are %s", v)
	}
}

func TestResultsDoNotDependOnTheNumberOfWorkers(t *testing.T) {
	s, plan := example()
	var want []byte
	for _, jobs := range []int{1, 2, 8} {
		var done int
		pool := Pool{Jobs: jobs, Progress: func(p Progress) {
			if done++; p.Done != done || p.Total < p.Done {
				t.Errorf("progress %d of %d after %d runs", p.Done, p.Total, done)
			}
		}}
		sum, err := plan.Run(context.Background(), pool, s.simulate)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(struct {
			*Summary
			Rows []Row
		}{sum, sum.Rows})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%d workers change the result", jobs)
		}
		if done != len(sum.Rows) || done != 2*plan.Runs {
			t.Errorf("%d runs, %d rows, planned %d", done, len(sum.Rows), 2*plan.Runs)
		}
	}
}

func TestFewRunsMakeASmallPilot(t *testing.T) {
	s, plan := example()
	plan.Runs = 14 // of four classes
	sum := mustRun(t, plan, s.simulate)
	total := 0
	for _, c := range sum.Classes {
		total += c.Runs
		if c.Runs < 3 {
			t.Errorf("%d runs of %s", c.Runs, c.Name)
		}
	}
	if total != 14 {
		t.Errorf("%d runs, need 14", total)
	}
}

func TestRowsAreInTheOrderOfTheCases(t *testing.T) {
	s, _ := example()
	var cases []Case
	for i := range 50 {
		cases = append(cases, Case{Variant: "naive", Seed: uint64(i)})
	}
	rows, err := Pool{Jobs: 4}.run(context.Background(), cases, 1, s.simulate, &Progress{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		if r.Seed != uint64(i) {
			t.Fatalf("row %d is of seed %d", i, r.Seed)
		}
	}
}

// TestTheSumOfTheTermsIsTheEstimate: the formula of the package comment, and the terms that make the
// intervals, are computed in two ways.
func TestTheSumOfTheTermsIsTheEstimate(t *testing.T) {
	s, plan := example()
	plan.PairThreshold = 1e-6 // simulate pairs too
	plan.Runs = 120
	pairs := func(ctx context.Context, c Case) (Measurement, error) {
		if len(c.Causes) == 2 {
			c.Causes = c.Causes[:1]
		}
		return s.simulate(ctx, c)
	}
	st := newIncidentStudy(plan)
	if err := st.extend(context.Background(), Pool{}, pairs, []int{8, 8, 8, 8}); err != nil {
		t.Fatal(err)
	}
	st.addPairs()
	if err := st.extend(context.Background(), Pool{}, pairs, st.allocate(60)); err != nil {
		t.Fatal(err)
	}
	if len(st.classes) != 4+maxPairs && len(st.classes) != 4+(120-32)/2/8 {
		t.Errorf("%d classes", len(st.classes))
	}
	for v := range plan.Variants {
		l, e := st.ledger(v, 0), st.estimate(v, 0)
		if a, b := l.minutes(l.rate), e.value(); math.Abs(a/b-1) > 1e-9 {
			t.Errorf("%s: %v by the formula, %v by the terms", plan.Variants[v].Name, a, b)
		}
	}
}

func TestARunRedoneAloneIsEqual(t *testing.T) {
	s, plan := example()
	sum := mustRun(t, plan, s.simulate)
	for _, r := range sum.Rows[len(sum.Rows)/2:] {
		m, _ := s.simulate(context.Background(), r.Case)
		if err := r.conflict(Row{r.Case, m}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStudyCutShortSaysWhatItHas(t *testing.T) {
	s, plan := example()
	for _, after := range []int{1, 9, 100} {
		ctx, cancel := context.WithCancel(context.Background())
		var runs atomic.Int64
		sum, err := plan.Run(ctx, Pool{Jobs: 2}, func(ctx context.Context, c Case) (Measurement, error) {
			if runs.Add(1) == int64(after) {
				cancel()
			}
			return s.simulate(ctx, c)
		})
		if !errors.Is(err, context.Canceled) || !sum.Incomplete {
			t.Fatalf("after %d runs: error %v, incomplete %v", after, err, sum.Incomplete)
		}
		if len(sum.Rows) < after || len(sum.Rows) > after+2 {
			t.Errorf("%d rows of %d runs", len(sum.Rows), after)
		}
		if after == 100 && len(sum.Variants) != 2 {
			t.Errorf("nothing is said about the variants after %d runs", after)
		}
	}
}

func TestAFailedRunNamesItsCase(t *testing.T) {
	s, plan := example()
	broken := errors.New("invariant violated")
	sum, err := plan.Run(context.Background(), Pool{Jobs: 2}, func(ctx context.Context, c Case) (Measurement, error) {
		if c.Seed == 5 && c.Class() == "deploy" && c.Variant == "better" {
			return Measurement{}, broken
		}
		return s.simulate(ctx, c)
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "variant better, deploy, seed 5") {
		t.Error(err)
	}
	if sum == nil || !sum.Incomplete || len(sum.Rows) == 0 {
		t.Error("what was finished is lost")
	}
	_, err = plan.Run(context.Background(), Pool{}, func(ctx context.Context, c Case) (Measurement, error) {
		m, err := s.simulate(ctx, c)
		m.Metrics["p99"] = math.NaN()
		return m, err
	})
	if err == nil || !strings.Contains(err.Error(), "metric p99 is NaN") {
		t.Error(err)
	}
}

func TestNothingBadSeenIsABound(t *testing.T) {
	_, plan := example()
	plan.Causes[2].Fixed = true
	perfect := func(_ context.Context, c Case) (Measurement, error) {
		return Measurement{Objectives: []Count{{Valid: 1000}}, Length: time.Hour}, nil
	}
	sum := mustRun(t, plan, perfect)
	r := sum.Variants[0].Objectives[0]
	if !r.BadMinutes.Bound || !r.Availability.Bound || r.Availability.High != 1 || r.Availability.Low > 0.9999 || r.Note == "" {
		t.Errorf("%+v", r)
	}
	// Crashes: 36 a year of an hour each, at most 1-0.05^(1/n) of them lose all calls.
	n := float64(r.ByCause[3].Runs)
	want := 36 * 60 * (1 - math.Pow(0.05, 1/n))
	if got := r.ByCause[3].BadMinutes.High; math.Abs(got/want-1) > 1e-6 {
		t.Errorf("crash: at most %v minutes a year, need %v", got, want)
	}
	if d := sum.Diffs[0]; d.Verdict != Same {
		t.Errorf("%+v", d)
	}
	line := DefaultTimeline()
	line.Objectives, line.Variants = plan.Objectives, plan.Variants
	sum, err := line.Run(context.Background(), Pool{}, perfect)
	if err != nil {
		t.Fatal(err)
	}
	if a := sum.Variants[0].Objectives[0].Availability; !a.Bound || math.Abs(a.Low-math.Pow(0.05, 1.0/30)) > 1e-9 {
		t.Errorf("timeline: %+v", a)
	}
}

// TestUncertainRates: an event seen once in three years may be three times as frequent, or a tenth. The
// variants live in the same world, so their difference suffers less.
func TestUncertainRates(t *testing.T) {
	s, plan := example()
	known := mustRun(t, plan, s.simulate)
	plan.Causes[0].Rate = Seen(3, 3*year)
	plan.Causes[1].Rate = Seen(9, year)
	uncertain := mustRun(t, plan, s.simulate)
	for v := range plan.Variants {
		a, b := known.Variants[v].Objectives[0].BadMinutes, uncertain.Variants[v].Objectives[0].BadMinutes
		if a.Covers != Sampling || b.Covers != SamplingInputs || b.HalfWidth() < 1.5*a.HalfWidth() || math.Abs(a.Value-b.Value) > 1e-9*a.Value {
			t.Errorf("known %+v, uncertain %+v", a, b)
		}
	}
	// By hand: the rate of zone is gamma distributed with shape 3.5, per 3 years.
	naive := uncertain.Variants[0].Objectives[0]
	zone := s.hits["zone"].lost("naive") / 60
	high := distuv.Gamma{Alpha: 3.5, Beta: 3}.Quantile(0.975)
	if naive.BadMinutes.High < naive.BadMinutes.Value+0.9*zone*(high-1) {
		t.Errorf("%+v does not reach the rate of zone at 97.5 %%", naive.BadMinutes)
	}
	more := naive.More
	if !(more.Four < more.Twice && more.Twice < more.Now && more.Four > more.Now/2) {
		t.Errorf("more runs buy %+v, though the rates stay uncertain", more)
	}
}

// TestPairs has two causes that cost nothing alone: calls are lost while both act. A year then has
// w1·w2·E[l1]·E[l2] of that time.
func TestPairs(t *testing.T) {
	_, plan := example()
	hours := func(name string, u float64) float64 {
		return distuv.LogNormal{Mu: map[string]float64{"disk": 1, "zone": 0}[name], Sigma: 0.5}.Quantile(u)
	}
	plan.Causes = []Cause{{Name: "disk", Rate: Rate{PerYear: 20}}, {Name: "zone", Rate: Rate{PerYear: 10}}}
	plan.Variants = plan.Variants[:1]
	plan.PairThreshold, plan.Runs, plan.Pilot = 0.01, 800, 30
	f := func(_ context.Context, c Case) (Measurement, error) {
		length, bad := 0.1, 0.0
		for i, name := range c.Causes {
			length = math.Max(length, hours(name, c.U[i])+c.Offset.Hours()*float64(i))
		}
		if len(c.Causes) == 2 && c.Causes[0] != c.Causes[1] {
			bad = math.Min(hours(c.Causes[0], c.U[0])-c.Offset.Hours(), hours(c.Causes[1], c.U[1]))
		}
		return Measurement{Objectives: []Count{{Valid: 1e6 * length, Bad: 1e6 * bad}}, Length: time.Duration(length * 3.6e12)}, nil
	}
	sum := mustRun(t, plan, f)
	mean := math.Exp(0.125)
	want := 20 * 10 * (math.E * mean) * mean / (365 * 24) * 60
	b := sum.Variants[0].Objectives[0].BadMinutes
	t.Logf("pairs: exact %.3f, estimate %+v, simulated %+v", want, b, sum.Overlap.Simulated)
	if b.Low > want || b.High < want || math.Abs(b.Value/want-1) > 0.25 {
		t.Errorf("bad minutes %+v, need %v", b, want)
	}
	under := (20*math.E*mean + 10*mean) / (365 * 24)
	if math.Abs(sum.Overlap.Share/(1-math.Exp(-under))-1) > 0.05 || len(sum.Overlap.Simulated) < 2 {
		t.Errorf("overlap %+v, need a share of %v", sum.Overlap, 1-math.Exp(-under))
	}
}

// TestIncidentsAgreeWithTimeline simulates the same system both ways: years as they are, with incidents
// at random times, and single incidents.
func TestIncidentsAgreeWithTimeline(t *testing.T) {
	s, plan := example()
	plan.Variants = plan.Variants[:1]
	incidents := mustRun(t, plan, s.simulate)
	line := DefaultTimeline()
	line.Objectives, line.Variants, line.Runs = plan.Objectives, plan.Variants, 400
	years := func(ctx context.Context, c Case) (Measurement, error) {
		rng := sim.Seed(c.Seed).Stream("year")
		calls := year.Seconds() * s.perSecond
		total := Count{Valid: calls, Bad: calls * s.calmBad, ByCause: map[string]float64{}}
		for _, cause := range plan.Causes {
			gap := distuv.Exponential{Rate: cause.Rate.PerYear}
			for at := gap.Quantile(rng.Float64()); at < 1; at += gap.Quantile(rng.Float64()) {
				m, _ := s.simulate(ctx, Case{Variant: c.Variant, Causes: []string{cause.Name}, Seed: rng.Uint64(), U: []float64{rng.Float64()}})
				total.Bad += m.Objectives[0].Bad
				total.ByCause[cause.Name] += m.Objectives[0].Bad
			}
		}
		return Measurement{Objectives: []Count{total}, Length: year}, nil
	}
	timeline, err := line.Run(context.Background(), Pool{Jobs: 2}, years)
	if err != nil {
		t.Fatal(err)
	}
	a, b := incidents.Variants[0].Objectives[0], timeline.Variants[0].Objectives[0]
	exact := s.minutes(plan, "naive")
	t.Logf("exact %.1f; %d incidents: %.1f ± %.1f; %d years: %.1f ± %.1f", exact,
		incidents.Runs, a.BadMinutes.Value, a.BadMinutes.HalfWidth(), timeline.Runs, b.BadMinutes.Value, b.BadMinutes.HalfWidth())
	for _, r := range []Result{a, b} {
		if r.BadMinutes.Low > exact || r.BadMinutes.High < exact {
			t.Errorf("%+v, need %v", r.BadMinutes, exact)
		}
	}
	if len(b.ByCause) != 3 || b.ByCause[0].Class != "crash" {
		t.Errorf("by cause: %+v", b.ByCause)
	}
}

func TestWithoutCallsNothingIsKnown(t *testing.T) {
	_, plan := example()
	line := DefaultTimeline()
	line.Objectives, line.Variants = plan.Objectives, plan.Variants
	idle := func(_ context.Context, c Case) (Measurement, error) {
		return Measurement{Objectives: []Count{{}}, Length: time.Hour}, nil
	}
	sum, err := line.Run(context.Background(), Pool{}, idle)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Summary{mustRun(t, plan, idle), sum} {
		a := s.Variants[0].Objectives[0].Availability
		if a.Low != 0 || a.High != 1 || s.Variants[0].Objectives[0].Met != Unclear {
			t.Errorf("%s: %+v", s.Method, a)
		}
	}
}

func ExampleIncidents() {
	plan := DefaultIncidents()
	plan.Objectives = []Objective{{Name: "checkout", Target: 0.999}}
	plan.Causes = []Cause{{Name: "zone_loss", Rate: Every(365 * 24 * time.Hour)}}
	plan.Variants = []Variant{{Name: "naive"}, {Name: "three_zones"}}
	plan.Runs = 20

	// A run that needs no simulator: 60 calls a minute, and without spare zones all of them are lost
	// for as long as the zone is, half an hour to an hour and a half.
	run := func(_ context.Context, c Case) (Measurement, error) {
		length, bad := 10.0, 0.0
		if c.Class() == "zone_loss" {
			length = 30 + 60*c.U[0]
			bad = length
			if c.Variant == "three_zones" {
				bad = 2
			}
		}
		return Measurement{
			Objectives: []Count{{Valid: 60 * length, Bad: 60 * bad}},
			Length:     time.Duration(length * float64(time.Minute)),
		}, nil
	}
	sum, _ := plan.Run(context.Background(), Pool{}, run)
	for _, f := range sum.Variants {
		r := f.Objectives[0]
		fmt.Printf("%-12s %.5f %s, %.0f bad minutes a year\n", f.Variant, r.Availability.Value, r.Met, r.BadMinutes.Value)
	}
	fmt.Println(sum.Diffs[0].Variant, "is", sum.Diffs[0].Verdict)
	// Output:
	// naive        0.99989 met, 60 bad minutes a year
	// three_zones  1.00000 met, 2 bad minutes a year
	// three_zones is better
}

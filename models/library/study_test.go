package library_test

import (
	"context"
	"testing"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim/study"
)

// designs returns variants as a study takes them.
func designs(t *testing.T, f *scenario.File, names []string, sets ...string) []system.Design {
	t.Helper()
	var list []system.Design
	for _, name := range names {
		list = append(list, system.Design{Variant: name, Scenario: variant(t, f, name, sets...)})
	}
	return list
}

// A plan is one of the methods of a study.
type plan interface {
	Run(context.Context, study.Pool, study.Simulate) (*study.Summary, error)
}

func conclude(t *testing.T, p plan, st *system.Study) *study.Summary {
	t.Helper()
	sum, err := p.Run(context.Background(), study.Pool{}, st.Simulate)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// Both methods say the same of a system that is small enough for both: one that crashes eight times
// a day and is up again after half a minute. Incidents need a fraction of the work for an interval as
// narrow: of the time that a timeline simulates, nearly all is calm.
func TestIncidentsAgreeWithTimeline(t *testing.T) {
	t.Parallel()
	f := load(t, "minimal")
	rarely := []string{"workload.users.rate=1/s", "faults.crash.every=3h"}

	incidents := system.NewStudy(designs(t, f, []string{"one", "two"}, rarely...), nil)
	defer incidents.Close()
	p := incidents.Incidents()
	p.Runs = 40
	short := conclude(t, p, incidents)

	timeline := system.NewStudy(designs(t, f, []string{"one", "two"}, append(rarely, "study.method=timeline", "study.lasts=6h")...), nil)
	defer timeline.Close()
	long := conclude(t, timeline.Timeline(), timeline)

	for v := range short.Variants {
		a, b := short.Variants[v].Objectives[0].BadMinutes, long.Variants[v].Objectives[0].BadMinutes
		work := func(s *study.Summary, i study.Interval) float64 { // for a half-width of 1
			return float64(s.Events) * i.HalfWidth() * i.HalfWidth()
		}
		t.Logf("%s: bad minutes a year by incidents %.0f [%.0f, %.0f], by timeline %.0f [%.0f, %.0f]; %.0f times the events for the same half-width",
			short.Variants[v].Variant, a.Value, a.Low, a.High, b.Value, b.Low, b.High, work(long, b)/work(short, a))
		if a.Low > b.High || b.Low > a.High {
			t.Errorf("%s: the intervals do not meet", short.Variants[v].Variant)
		}
	}
}

// Variants meet the same arrivals and the same incidents, so that what they have in common drops out of
// their difference. Here, where one pattern is added to a shop, unpaired runs would have to be many
// times as many for an interval as narrow.
func TestPairingSavesRuns(t *testing.T) {
	t.Parallel()
	st := system.NewStudy(designs(t, load(t, "webshop"), []string{"budget", "breaker"}), nil)
	defer st.Close()
	p := st.Incidents()
	p.Runs, p.Pilot = 24, 2
	for _, d := range conclude(t, p, st).Diffs {
		t.Logf("%s: %s against %s %.1f [%.1f, %.1f] bad minutes a year, %.3g times the runs without pairs",
			d.Objective, d.Variant, d.Baseline, d.BadMinutes.Value, d.BadMinutes.Low, d.BadMinutes.High, d.Pairing)
		if d.Objective == "checkout" && !(d.Pairing > 2) {
			t.Errorf("%s: pairs save no runs: factor %.2f", d.Objective, d.Pairing)
		}
	}
}

package system

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
)

// prelude makes time exact: no latency, no warm-up, and a call at every full second for a minute. What
// a story writes replaces its sections whole.
var prelude = []struct{ key, value string }{
	{"nines", "1"},
	{"network", "{same_zone: 0s, cross_zone: 0s, clients: 0s}"},
	{"workload", "{visits: {rate: 1/s, arrivals: regular, mix: {front.do: 100%}}}"},
	{"objectives", "{work: {of: front.do, target: 99%}}"},
	{"study", "{method: timeline, warmup: 0s, lasts: 60500ms}"},
}

// parse reads a story's scenario, with sets applied.
func parse(t testing.TB, story string, sets ...string) *scenario.Scenario {
	t.Helper()
	var b strings.Builder
	for _, p := range prelude {
		if !strings.HasPrefix(story, p.key+":") && !strings.Contains(story, "\n"+p.key+":") {
			fmt.Fprintf(&b, "%s: %s\n", p.key, p.value)
		}
	}
	b.WriteString(story)
	f, err := scenario.Parse("story.yaml", []byte(b.String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := f.Variant("", sets...)
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// do does a run.
func do(t testing.TB, r Run) Outcome {
	t.Helper()
	w := sim.NewWorker()
	defer w.Close()
	if r.Seed == 0 {
		r.Seed = 1
	}
	out, err := r.Do(w)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// play runs a story for its time, through whatever its faults bring and what else is planned.
func play(t testing.TB, sc *scenario.Scenario, entries ...fault.Entry) Outcome {
	t.Helper()
	plan := fault.Merge(Timeline(sc, 1), planned(entries...))
	return do(t, Run{Scenario: sc, Plan: plan, Until: sc.Study.Lasts})
}

// strike is a fault of a story: what, whom, when and for how long. Zero is until it is fixed.
func strike(kind fault.Kind, victim string, at, lasts time.Duration, params ...fault.Params) fault.Entry {
	e := fault.Entry{Cause: "test", Kind: kind, Victim: victim, At: sim.Time(at), Lasts: lasts}
	if strings.Contains(victim, ":") {
		e.Victim, e.Role = "", victim
	}
	for _, p := range params {
		e.Params = p
	}
	return e
}

// planned makes a plan of strikes.
func planned(entries ...fault.Entry) fault.Plan {
	for i := range entries {
		entries[i].Occurrence = i + 1
	}
	return fault.Plan{Entries: entries}
}

// inside builds a story, lets f arrange what it likes, and runs it for its time.
func inside(t testing.TB, sc *scenario.Scenario, entries []fault.Entry, f func(sys *System), after func(sys *System)) {
	t.Helper()
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		sys := Build(s, sc, nil)
		ledger, err := fault.Start(s, planned(entries...), sys.appliers()...)
		if err != nil {
			t.Error(err)
			return
		}
		sys.ledger = ledger
		if f != nil {
			f(sys)
		}
		if err := s.RunUntil(sim.Time(sc.Study.Lasts)); err != nil {
			return
		}
		if after != nil {
			after(sys)
		}
		if err := sys.check(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// wantCalls checks how the calls from outside ended.
func wantCalls(t testing.TB, out Outcome, want measure.Calls) {
	t.Helper()
	if got := out.Result.Calls; got != want {
		t.Errorf("calls: got %+v, want %+v", got, want)
	}
}

// wantLatency checks how long successful calls took, to the precision of the histogram.
func wantLatency(t testing.TB, out Outcome, median, max time.Duration) {
	t.Helper()
	l := out.Result.Operations[0].OK
	for _, q := range []struct {
		name      string
		got, want float64
	}{{"median", l.P50, float64(median) / 1e6}, {"longest", l.Max, float64(max) / 1e6}} {
		if math.Abs(q.got-q.want) > 0.001*q.want+0.001 {
			t.Errorf("%s latency: got %v ms, want %v ms", q.name, q.got, q.want)
		}
	}
}

// edgeOf returns what went from a caller to a callee.
func edgeOf(t testing.TB, out Outcome, name string) measure.EdgeCounts {
	t.Helper()
	for _, e := range out.Result.Edges {
		if e.Edge == name {
			return e.EdgeCounts
		}
	}
	t.Fatalf("there is no edge %s", name)
	return measure.EdgeCounts{}
}

// busy returns the cpu time that a service has used.
func busy(t testing.TB, out Outcome, service string, cpus int) time.Duration {
	t.Helper()
	for _, u := range out.Services {
		if u.Service == service {
			return time.Duration(math.Round(u.Utilisation*float64(u.Instances*cpus)*out.Sim.Now.Seconds()*1e6)) * time.Microsecond
		}
	}
	t.Fatalf("there is no service %s", service)
	return 0
}

// effectOf returns what became of an effect.
func effectOf(t testing.TB, out Outcome, name string) measure.EffectResult {
	t.Helper()
	for _, e := range out.Result.Effects {
		if e.Effect == name {
			return e
		}
	}
	t.Fatalf("there is no effect %s", name)
	return measure.EffectResult{}
}

func replace(story, what, by string) string { return strings.ReplaceAll(story, what, by) }

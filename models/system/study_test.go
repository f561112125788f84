package system

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim/study"
)

const studied = `
nines: 1
zones: [a, b]
network: {same_zone: 0s, cross_zone: 0s, clients: 0s}
services:
  front: {replicas: REPLICAS, threads: 9, ops: {do: {work: 1ms, calls: [db.write]}}}
  db:    {threads: 9, store: {copies: 2, ack: majority}, ops: {write: {work: 1ms}}}
workload: {visits: {rate: 1/s, mix: {front.do: 100%}}}
objectives: {work: {of: front.do, target: 99.9%}}
calls: {default: {timeout: {attempt: 1s}}}
healing: {restart: {after: 10s, boot: 20s}}
faults:
  crash:  {kind: crash, on: services.*, every: 30d}
  host:   {kind: outage, on: services.front, each: machine, every: 1y, lasts: 10m}
  zone:   {kind: outage, on: zones.*, rate: 1 in 3y, lasts: {p50: 10m, p95: 30m}}
  never:  {kind: cache_flush, on: services.front, rate: 0 in 1y}
study: {method: METHOD, runs: 12, warmup: 1m, lasts: 10m, recovery: 2m}
`

func design(t *testing.T, replicas, method string) Design {
	t.Helper()
	f, err := scenario.Parse("study.yaml", []byte(replace(replace(studied, "REPLICAS", replicas), "METHOD", method)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return Design{Variant: "front" + replicas, Scenario: f.Base()}
}

// A study's causes are the scenario's faults, one for each service or zone that they meet, with as many
// victims as each design has.
func TestCausesOfAStudy(t *testing.T) {
	st := NewStudy([]Design{design(t, "1", "incidents"), design(t, "3", "incidents")}, nil)
	defer st.Close()
	want := []study.Cause{
		{Name: "crash of front", Rate: study.Every(30 * scenario.Day), Fixed: true},
		{Name: "crash of db", Rate: study.Every(30 * scenario.Day), Fixed: true},
		{Name: "host", Rate: study.Every(scenario.Year), Fixed: true},
		{Name: "zone of zones.a", Rate: study.Seen(1, 3*scenario.Year)},
		{Name: "zone of zones.b", Rate: study.Seen(1, 3*scenario.Year)},
	}
	if diff := cmp.Diff(want, st.Causes()); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	var victims []float64
	for _, v := range st.Variants() {
		for _, c := range want {
			victims = append(victims, v.Victims[c.Name])
		}
	}
	if wanted := []float64{1, 2, 1, 1, 1, 3, 2, 3, 1, 1}; !slices.Equal(victims, wanted) {
		t.Errorf("victims are %v, want %v", victims, wanted)
	}
	for _, c := range want {
		if name := FaultOf(c.Name); name != "crash" && name != "host" && name != "zone" {
			t.Errorf("%s is said to be the fault %s", c.Name, name)
		}
	}
	o := st.Objectives()[0]
	if o.Target != 0.999 || math.Abs(o.Margin-5.256) > 1e-9 {
		t.Errorf("objective: %+v, want a margin of a hundredth of 525.6 minutes", o)
	}
}

// A case is a run: its victim is of its cause's kind, and is the same in designs that both have it.
func TestRunsOfAStudy(t *testing.T) {
	st := NewStudy([]Design{design(t, "1", "incidents"), design(t, "3", "incidents")}, nil)
	defer st.Close()
	for seed := range uint64(20) {
		for _, cause := range st.Causes() {
			c := study.Incident(study.Variant{Name: "front3"}, cause, seed+1)
			run, err := st.Run(c)
			if err != nil {
				t.Fatal(err)
			}
			e := run.Plan.Entries[0]
			if len(run.Plan.Entries) != 1 || className(e.Cause, serviceOf(e.Victim)) != cause.Name && e.Cause != cause.Name {
				t.Errorf("%s: the plan is %v", cause.Name, run.Plan)
			}
			if e.At != 60_000_000_000 || run.Until != 0 {
				t.Errorf("%s begins at %v", cause.Name, e.At)
			}
			c.Variant = "front1"
			other, _ := st.Run(c)
			if o := other.Plan.Entries[0]; o.Lasts != e.Lasts || o.Victim != e.Victim && o.Victim != "front/0" && o.Victim != "machines.front-0" {
				t.Errorf("%s: the designs meet %v and %v", cause.Name, o, e)
			}
		}
	}
	pair := study.Case{Variant: "front1", Causes: []string{"host", "zone of zones.b"}, Seed: 3, U: []float64{0.5, 0.5}, Offset: time.Minute}
	run, err := st.Run(pair)
	if err != nil || len(run.Plan.Entries) != 2 || run.Plan.Entries[1].At.Sub(run.Plan.Entries[0].At) != time.Minute {
		t.Errorf("a pair: %v, %v", run.Plan, err)
	}
	if _, err := st.Run(study.Case{Variant: "front2"}); err == nil {
		t.Error("there is a run of a variant that there is not")
	}
	if calm, err := st.Run(study.Case{Variant: "front1", Seed: 1}); err != nil || len(calm.Plan.Entries) != 0 || calm.Until != 10*time.Minute {
		t.Errorf("a calm run: %+v, %v", calm, err)
	}
}

// A crash of the only replica costs 30 s of calls; that of one of two costs what meets it. The study
// finds as much, and the same with one worker as with two.
func TestAStudyOfTheFormula(t *testing.T) {
	var sums []*study.Summary
	for _, jobs := range []int{1, 2} {
		st := NewStudy([]Design{design(t, "1", "incidents")}, nil)
		plan := st.Incidents()
		plan.PairThreshold = 1e9
		sum, err := plan.Run(context.Background(), study.Pool{Jobs: jobs}, st.Simulate)
		st.Close()
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
	}
	for i := range sums[0].Rows {
		if sums[0].Rows[i].Digest != sums[1].Rows[i].Digest {
			t.Errorf("%v has another digest with two workers", sums[0].Rows[i].Case)
		}
	}
	for _, part := range sums[0].Variants[0].Objectives[0].ByCause {
		var want float64
		switch part.Class {
		case "crash of front":
			want = 0.5 * 365 / 30
		case "host":
			want = 10 + 1 // and the boot
		default:
			continue
		}
		if got := part.BadMinutes.Value; math.Abs(got-want) > 0.35*want {
			t.Errorf("%s costs %v minutes a year, want %v", part.Class, got, want)
		}
	}
}

// A timeline's runs are as long as the scenario says, and say whose fault each bad call is.
func TestATimeline(t *testing.T) {
	d := design(t, "1", "timeline")
	d.Scenario.Faults[0].Every = 5 * time.Minute
	st := NewStudy([]Design{d}, nil)
	defer st.Close()
	m, err := st.Simulate(context.Background(), study.Case{Variant: "front1", Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, bad := range m.Objectives[0].ByCause {
		sum += bad
	}
	if m.Length != 10*time.Minute || m.Objectives[0].Bad == 0 || math.Abs(sum-m.Objectives[0].Bad) > 1e-9 {
		t.Errorf("%+v: want 10 minutes and a cause for each bad call", m)
	}
	warm := Timeline(d.Scenario, 2).Entries
	d.Scenario.Study.Warmup = 0
	for i, e := range Timeline(d.Scenario, 2).Entries {
		if warm[i].At != e.At.Add(time.Minute) || e.At >= 600_000_000_000 {
			t.Errorf("%v strikes at %v after a warm-up of a minute", e, warm[i].At)
		}
	}
}

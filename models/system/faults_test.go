package system

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
)

// everything has something of each kind that a fault can meet.
const everything = `
services:
  front: {replicas: 2, threads: 99, ops: {do: {work: 1ms, cache: {keys: 1, per: replica}, calls: [db.write, bank.pay]}}}
  db:    {threads: 99, store: {copies: 3, ack: majority, failover: 10s}, ops: {write: {work: 1ms}}}
  bank:  {external: true, ops: {pay: {work: 1ms}}}
zones: [a, b]
healing: {on_call: {}}
`

// Whatever the scenario's format allows as a fault, there is somebody to apply it; and the scenario's
// kinds are the plan's kinds.
func TestEveryFaultHasAnApplier(t *testing.T) {
	keys := map[fault.Kind]string{
		fault.Slow: "by: 2x", fault.Surge: "by: 2x", fault.Deploy: "errors: 10%", fault.Errors: "errors: 10%",
		fault.Loss: "loss: 10%", fault.Delay: "delay: 1ms", fault.Clock: "offset: 1s", fault.Crash: "loses: disk",
	}
	places := []string{"services.front", "services.db", "services.bank", "services.*", "zones.a", "zones.*", "workload.visits"}
	eaches := []string{"", "replica", "copy", "primary", "machine", "zone", "service", "stream"}
	applied := map[fault.Kind]int{}
	for _, kind := range fault.Kinds() {
		for _, on := range places {
			for _, each := range eaches {
				f := fmt.Sprintf("kind: %s, on: %s, at: 1s", kind, on)
				if each != "" {
					f += ", each: " + each
				}
				if key := keys[kind]; key != "" {
					f += ", " + key
				}
				if kind != fault.CacheFlush {
					f += ", lasts: 10s"
				}
				file, err := scenario.Parse("faults.yaml", []byte("nines: 1\nworkload: {visits: {rate: 1/s, mix: {front.do: 100%}}}\n"+
					"objectives: {work: {of: front.do, target: 99%}}\n"+everything+"faults: {test: {"+f+"}}\n"), nil)
				if err != nil {
					continue // not allowed
				}
				sc := file.Base()
				plan := fault.Draw(1, Causes(sc), sim.Time(time.Minute))
				if len(plan.Entries) == 0 && !(kind == fault.CacheFlush && on == "services.db") {
					t.Errorf("%s: meets nobody", f)
				}
				out := do(t, Run{Scenario: sc, Plan: plan, Until: 30 * time.Second})
				for _, e := range out.Effects {
					if e.Active() {
						t.Errorf("%s: %s is not over after 30 s", f, e.Victim)
					}
				}
				applied[kind] += len(out.Effects)
			}
		}
	}
	for _, kind := range fault.Kinds() {
		if applied[kind] == 0 {
			t.Errorf("no scenario has a fault of the kind %s", kind)
		}
	}
}

func TestVictims(t *testing.T) {
	for f, want := range map[string]string{
		"kind: crash, on: services.front":                                  "front/0 front/1",
		"kind: crash, on: services.*":                                      "front/0 front/1 db/0 db/1 db/2",
		"kind: crash, on: services.*, each: copy":                          "db/0 db/1 db/2",
		"kind: crash, on: services.db, each: primary":                      "primary:db",
		"kind: outage, on: services.front, each: machine, lasts: 1s":       "machines.front-0 machines.front-1",
		"kind: outage, on: services.bank, lasts: 1s":                       "bank",
		"kind: outage, on: zones.*, lasts: 1s":                             "zones.a zones.b",
		"kind: surge, on: workload.*, by: 2x, lasts: 1s":                   "workload.visits",
		"kind: cache_flush, on: services.*":                                "front",
		"kind: deploy, on: services.front, errors: 1%, lasts: until_fixed": "front",
	} {
		sc := parse(t, everything+"faults: {test: {every: 30d, "+f+"}}\n")
		c := Causes(sc)[0]
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if got := strings.Join(c.Victims, " "); got != want {
			t.Errorf("%s: victims are %s, want %s", f, got, want)
		}
		for _, v := range c.Victims {
			if s := serviceOf(v); s != "front" && s != "db" && s != "bank" && s != v {
				t.Errorf("%s is said to be part of %s", v, s)
			}
		}
	}
}

// What each kind does while it lasts, to calls one a second from 10.5 s to 30.5 s, and that nothing of
// it is left afterwards.
func TestFaultsBeginAndEnd(t *testing.T) {
	const (
		simple = "services: {front: {cpus: 9, threads: 99, ops: {do: {work: 100ms}}}}\ncalls: {visits: {front: {timeout: {attempt: 800ms}}}}\n"
		bank   = "services:\n  front: {threads: 99, ops: {do: {work: 0s, calls: [bank.pay]}}}\n" +
			"  bank: {external: true, ops: {pay: {work: 100ms}}}\ncalls: {front: {bank: {timeout: {attempt: 800ms}}}}\n"
		lasts = 20 * time.Second
	)
	for _, tt := range []struct {
		story, victim string
		kind          fault.Kind
		params        fault.Params
		want          measure.Calls
		longest       time.Duration
	}{
		{simple, "front/0", fault.Crash, fault.Params{}, measure.Calls{OK: 40, Error: 20}, 100 * ms},
		{simple, "front/0", fault.Pause, fault.Params{}, measure.Calls{OK: 40, Timeout: 20}, 100 * ms},
		{simple, "machines.front-0", fault.Pause, fault.Params{}, measure.Calls{OK: 40, Timeout: 20}, 100 * ms},
		{simple, "front/0", fault.Slow, fault.Params{Factor: 3}, measure.Calls{OK: 60}, 300 * ms},
		{simple, "front", fault.Slow, fault.Params{Factor: 3}, measure.Calls{OK: 60}, 300 * ms},
		{simple, "front", fault.Slow, fault.Params{Factor: 3, Errors: 1}, measure.Calls{OK: 40, Error: 20}, 100 * ms},
		{simple, "front", fault.Errors, fault.Params{Errors: 1}, measure.Calls{OK: 40, Error: 20}, 100 * ms},
		{simple, "front", fault.Deploy, fault.Params{Errors: 1, Factor: 2}, measure.Calls{OK: 40, Error: 20}, 100 * ms},
		{simple, "front", fault.Deploy, fault.Params{Factor: 2}, measure.Calls{OK: 60}, 200 * ms},
		{simple, "front", fault.Partition, fault.Params{}, measure.Calls{OK: 41, Timeout: 19}, 700 * ms}, // sent again after 600 ms
		{simple, "front/0", fault.Partition, fault.Params{OneWay: true}, measure.Calls{OK: 41, Timeout: 19}, 700 * ms},
		{simple, "zones.a", fault.Partition, fault.Params{With: []string{"workload.visits"}}, measure.Calls{OK: 41, Timeout: 19}, 700 * ms},
		{simple, "front", fault.Loss, fault.Params{Loss: 1}, measure.Calls{OK: 41, Timeout: 19}, 700 * ms},
		{simple, "front", fault.Delay, fault.Params{Delay: 100 * ms}, measure.Calls{OK: 60}, 300 * ms},
		{simple, "front", fault.Delay, fault.Params{Delay: 100 * ms, OneWay: true}, measure.Calls{OK: 60}, 200 * ms},
		{simple, "front/0", fault.Clock, fault.Params{Offset: time.Hour, DriftPPB: 1000}, measure.Calls{OK: 60}, 100 * ms},
		{simple, "workload.visits", fault.Surge, fault.Params{Factor: 3}, measure.Calls{OK: 100}, 100 * ms},
		{bank, "bank", fault.Slow, fault.Params{Factor: 3}, measure.Calls{OK: 60}, 300 * ms},
		{bank, "bank", fault.Errors, fault.Params{Errors: 1}, measure.Calls{OK: 40, Error: 20}, 100 * ms},
		{bank, "bank", fault.Outage, fault.Params{}, measure.Calls{OK: 40, Error: 20}, 100 * ms},
		{bank, "bank", fault.Partition, fault.Params{}, measure.Calls{OK: 41, Error: 19}, 700 * ms},
		{bank, "front/0", fault.Partition, fault.Params{With: []string{"services.bank"}}, measure.Calls{OK: 41, Error: 19}, 700 * ms},
		{bank, "zones.a", fault.Partition, fault.Params{With: []string{"zones.a"}}, measure.Calls{OK: 60}, 100 * ms},
	} {
		t.Run(string(tt.kind)+" of "+tt.victim, func(t *testing.T) {
			out := play(t, parse(t, tt.story), strike(tt.kind, tt.victim, 10500*ms, lasts, tt.params))
			wantCalls(t, out, tt.want)
			wantLatency(t, out, 100*ms, tt.longest)
		})
	}
}

// Overlapping faults of one victim each end their own part.
func TestOverlappingFaults(t *testing.T) {
	const s = time.Second
	sc := parse(t, `
services:
  front: {cpus: 9, threads: 99, ops: {do: {work: 100ms, calls: [bank.pay]}}}
  bank:  {external: true, ops: {pay: {work: 0s}}}
`)
	at := func(kind fault.Kind, victim string, from, to int, p fault.Params) fault.Entry {
		return strike(kind, victim, time.Duration(from)*s, time.Duration(to-from)*s, p)
	}
	entries := []fault.Entry{
		at(fault.Slow, "front", 10, 30, fault.Params{Factor: 2}),
		at(fault.Slow, "front/0", 20, 40, fault.Params{Factor: 3}),
		at(fault.Pause, "front/0", 12, 18, fault.Params{}),
		at(fault.Pause, "machines.front-0", 15, 19, fault.Params{}),
		at(fault.Clock, "front/0", 10, 30, fault.Params{Offset: time.Hour, DriftPPB: 5e7}),
		at(fault.Clock, "machines.front-0", 20, 40, fault.Params{Offset: time.Minute, DriftPPB: 1e8}),
		at(fault.Outage, "bank", 10, 30, fault.Params{}),
		at(fault.Outage, "bank", 20, 40, fault.Params{}),
		at(fault.Surge, "workload.visits", 10, 30, fault.Params{Factor: 2}),
		at(fault.Surge, "workload.visits", 20, 40, fault.Params{Factor: 3}),
		at(fault.Partition, "zones.a", 10, 30, fault.Params{}),
		at(fault.Partition, "front/0", 20, 40, fault.Params{}),
	}
	type state struct {
		Paused, Down, Cut bool
		Ahead             time.Duration
		Rate              float64
	}
	want := map[int]state{
		5:  {Rate: 1},
		11: {Down: true, Cut: true, Ahead: time.Hour + 50*ms, Rate: 2},
		16: {Paused: true, Down: true, Cut: true, Ahead: time.Hour + 300*ms, Rate: 2},
		18: {Paused: true, Down: true, Cut: true, Ahead: time.Hour + 400*ms, Rate: 2},
		25: {Down: true, Cut: true, Ahead: time.Hour + time.Minute + 1250*ms, Rate: 6},
		35: {Down: true, Cut: true, Ahead: time.Minute + 3*s/2, Rate: 3},
		45: {Rate: 1},
	}
	got := map[int]state{}
	inside(t, sc, entries, func(sys *System) {
		for second := range want {
			sys.s.At(sim.Time(time.Duration(second)*s+ms), func() {
				m := sys.services[0].members[0]
				got[second] = state{
					Paused: m.Group().Paused(), Down: sys.externals[0].down, Cut: sys.net.Total().Blocked > 0 && cutNow(sys),
					Ahead: m.Machine().Now().Sub(sys.s.Now()).Round(10 * ms), Rate: sys.streams[0].rate,
				}
			})
		}
	}, nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states by second (-want +got):\n%s", diff)
	}
}

// cutNow reports whether a message from the platform to the first replica would be blocked.
func cutNow(sys *System) bool {
	before := sys.net.Total().Blocked
	sys.net.Send(sys.platform, sys.services[0].members[0].Machine().Host(), 0, 0, func(any) {}, nil)
	return sys.net.Total().Blocked > before
}

// Somebody else's service is gone until the last of its outages is over.
func TestOverlappingOutages(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {threads: 99, ops: {do: {work: 0s, calls: [bank.pay]}}}
  bank:  {external: true, ops: {pay: {work: 0s}}}
calls: {front: {bank: {timeout: {attempt: 500ms}}}}
`), strike(fault.Outage, "bank", 10500*ms, 20*time.Second), strike(fault.Outage, "bank", 20500*ms, 20*time.Second))
	wantCalls(t, out, measure.Calls{OK: 30, Error: 30})
}

// Work under two factors takes both times as long, and a call passes both shares of errors or fails.
func TestOverlappingImpairments(t *testing.T) {
	sc := parse(t, "services: {front: {cpus: 99, threads: 99, ops: {do: {work: 10ms}}}}\n"+
		"workload: {visits: {rate: 100/s, arrivals: regular, mix: {front.do: 100%}}}\n")
	out := play(t, sc,
		strike(fault.Slow, "front", 0, time.Hour, fault.Params{Factor: 2, Errors: 0.5}),
		strike(fault.Slow, "front/0", 0, time.Hour, fault.Params{Factor: 3}),
		strike(fault.Errors, "front", 0, time.Hour, fault.Params{Errors: 0.5}))
	wantLatency(t, out, 60*ms, 60*ms)
	n := float64(out.Result.Calls.OK + out.Result.Calls.Error)
	if share := float64(out.Result.Calls.OK) / n; share < 0.25-4*0.0056 || share > 0.25+4*0.0056 {
		t.Errorf("%v of the calls passed, want 0.25", share)
	}
}

// A plan that does not fit says so before anything runs.
func TestPlansThatDoNotFit(t *testing.T) {
	sc := parse(t, everything)
	for _, e := range []fault.Entry{
		strike(fault.Crash, "nobody/0", time.Second, 0),
		strike(fault.Crash, "front", time.Second, 0),
		strike(fault.Outage, "db", time.Second, 0),
		strike(fault.Crash, "primary:front", time.Second, 0),
		strike(fault.Partition, "front", time.Second, 0, fault.Params{With: []string{"zones.c"}}),
		strike(fault.Partition, "workload.nobody", time.Second, 0),
	} {
		w := sim.NewWorker()
		if _, err := (Run{Scenario: sc, Plan: planned(e), Until: time.Minute}).Do(w); err == nil {
			t.Errorf("%v was applied", e)
		}
		w.Close()
	}
}

func TestKindsOfTheFormatAreKindsOfPlans(t *testing.T) {
	_, err := scenario.Parse("x.yaml", []byte("nines: 1\nfaults: {x: {kind: nonsense, on: zones.a, at: 1s}}\n"), nil)
	for _, kind := range fault.Kinds() {
		if err == nil || !strings.Contains(err.Error(), string(kind)) {
			t.Errorf("the format does not know the kind %s: %v", kind, err)
		}
	}
	if n := len(fault.Kinds()); !slices.Contains(fault.Kinds(), fault.LostDisk) || n != 13 {
		t.Errorf("there are %d kinds", n)
	}
}

package system

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
)

// An incident is over when its effects have been over for the time of recovery, and the last minute
// was good.
func TestIncidentsEnd(t *testing.T) {
	const minute = time.Minute
	const healing = "healing: {restart: {after: 10s, boot: 20s}}\n"
	const stuck = `
services: {front: {queue: {length: unlimited}, ops: {do: {work: 500ms}}}}
calls: {visits: {front: {timeout: {attempt: 5s}, retry: {attempts: 3, backoff: 1s..1s}}}}
`
	slowly := strings.NewReplacer("500ms", "10s", "5s", "100s", "1s..1s", "20s..20s").Replace(stuck) +
		"workload: {visits: {rate: 0.05/s, arrivals: regular, mix: {front.do: 100%}}}\n"
	for _, tt := range []struct {
		name, story string
		entries     []fault.Entry
		length      time.Duration
		stuck       bool
	}{
		{"nothing happens", lonely, nil, 5 * minute, false},
		{"a flush", lonely, []fault.Entry{strike(fault.CacheFlush, "front", 2*minute, 0)}, 5 * minute, false},
		{"a crash that is healed", lonely + healing, []fault.Entry{strike(fault.Crash, "front/0", 2*minute, 0)}, 5*minute + 30*time.Second, false},
		{"a slow hour", lonely, []fault.Entry{strike(fault.Slow, "front", 2*minute, 60*minute, fault.Params{Factor: 2})}, 65 * minute, false},
		{"two in a row", lonely, []fault.Entry{
			strike(fault.CacheFlush, "front", 2*minute, 0), strike(fault.Slow, "front", 32*minute, 10*minute, fault.Params{Factor: 2}),
		}, 45 * minute, false},
		{"what nobody heals", slowly, []fault.Entry{strike(fault.Crash, "front/0", 2*minute, 0)}, longestIncident, true},
		{"what is stuck", slowly, []fault.Entry{strike(fault.Surge, "workload.visits", 2*minute, 20*minute, fault.Params{Factor: 5})}, longestIncident, true},
		{"what drains", replace(stuck, "attempts: 3", "attempts: 1"),
			[]fault.Entry{strike(fault.Surge, "workload.visits", 2*minute, minute, fault.Params{Factor: 5})}, 6 * minute, false},
		{"a share of bad calls that the objective allows", "services: {front: {ops: {do: {work: 1ms, errors: 30%}}}}\nobjectives: {work: {of: front.do, target: 50%}}\n",
			nil, 5 * minute, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.stuck && testing.Short() {
				t.Skip("three days")
			}
			sc := parse(t, tt.story)
			sc.Study.Warmup, sc.Study.Recovery = 2*minute, 5*minute
			out := do(t, Run{Scenario: sc, Plan: planned(tt.entries...)})
			if out.Stuck != tt.stuck || (out.Metrics["stuck"] == 1) != tt.stuck {
				t.Errorf("stuck: %v, want %v", out.Stuck, tt.stuck)
			}
			if out.Length < tt.length || out.Length >= tt.length+2*minute {
				t.Errorf("the incident took %v, want %v and at most two minutes more", out.Length, tt.length)
			}
			if got := time.Duration(out.Result.Seconds * 1e9); got != out.Length {
				t.Errorf("%v were measured, and the incident took %v", got, out.Length)
			}
		})
	}
}

// Bad calls are due to the fault during which they came, in equal parts where there are two.
func TestBadCallsHaveACause(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {ops: {do: {work: 1ms}}}
faults:
  bad:    {kind: errors, on: services.front, errors: 100%, at: 10500ms, lasts: 20s}
  worse:  {kind: errors, on: services.front, errors: 100%, at: 20500ms, lasts: 20s}
  benign: {kind: clock, on: services.front, offset: 1s, at: 50s, lasts: 5s}
`))
	got := map[string]float64{}
	for _, c := range out.Result.Objectives[0].ByCause {
		got[c.Cause] = c.Bad
	}
	if got["bad"] != 15 || got["worse"] != 15 || len(got) != 2 {
		t.Errorf("bad calls by cause: %v, want 15 and 15", got)
	}
	for i, want := range []float64{10.5, 20.5, 50} {
		if f := out.Result.Faults[i]; f.From != want || f.To == nil {
			t.Errorf("fault %d: %+v", i, f)
		}
	}
}

// The numbers of a run: latencies of each objective, and of the slowest without a name.
func TestMetrics(t *testing.T) {
	out := play(t, parse(t, `
services: {front: {ops: {do: {work: 10ms}, look: {work: 5ms}, none: {work: 1ms}}}}
workload: {visits: {rate: 1/s, arrivals: regular, mix: {front.do: 50%, front.look: 50%}}}
objectives: {look: {of: front.look, target: 99%}, work: {of: front.do, target: 99%}, nothing: {of: front.none, target: 99%}}
`))
	for name, want := range map[string]float64{
		"look.p99_ms": 5, "work.p50_ms": 10, "work.p999_ms": 10, "nothing.p99_ms": 0, "p99_ms": 10, "p50_ms": 10,
		"load_factor": 1, "double": 0, "late": 0, "lost": 0, "alerts": 0,
	} {
		if got, ok := out.Metrics[name]; !ok || math.Abs(got-want) > 0.001*want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// What a run is asked now and then ends it.
func TestRunsCanBeGivenUp(t *testing.T) {
	enough, asked := errors.New("enough"), 0
	w := sim.NewWorker()
	defer w.Close()
	out, err := Run{Scenario: parse(t, lonely), Until: 100 * time.Hour, Stop: func() error {
		if asked++; asked > 3 {
			return enough
		}
		return nil
	}}.Do(w)
	if err != enough || out.Sim.Now > sim.Time(time.Hour) {
		t.Errorf("the run ended at %v with %v, want %v soon", out.Sim.Now, err, enough)
	}
}

// The books are held against each other in every run: what is not counted, or twice, is found.
func TestChecksCanFail(t *testing.T) {
	for name, breakIt := range map[string]func(sys *System){
		"edge":     func(sys *System) { sys.edges[0].counts.Sent++ },
		"edge f":   func(sys *System) { sys.edges[0].counts.Turned = -1; sys.edges[0].counts.Sent++ },
		"arrived":  func(sys *System) { sys.ended(12345<<32, 0, 0, measure.OK) },
		"returned": func(sys *System) { sys.edges[0].counts.Returned++ },
	} {
		_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
			sys := Build(s, parse(t, lonely), nil)
			s.RunUntil(sim.Time(10500 * ms))
			if err := sys.check(); err != nil {
				t.Errorf("an honest run: %v", err)
			}
			breakIt(sys)
			if err := sys.check(); err == nil {
				t.Errorf("%s: the books do not agree, and no check says so", name)
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// A family of somebody's own takes its place, for each client anew, and may send a try twice.
func TestOwnFamilies(t *testing.T) {
	var clients []string
	twice := scenario.Family{
		Name: "twice", Config: func() any { return &struct{ Times int }{2} },
		New: func(_ *sim.Simulation, client string, config any) patterns.Policy {
			clients = append(clients, client)
			return repeat(config.(*struct{ Times int }).Times)
		},
	}
	f, err := scenario.Parse("x.yaml", []byte(`
nines: 1
services:
  front: {ops: {do: {work: 1ms, calls: [back.a]}}}
  back:  {ops: {a: {work: 1ms}}}
workload: {visits: {rate: 1/s, arrivals: regular, mix: {front.do: 100%}}}
objectives: {work: {of: front.do, target: 99%}}
calls: {front: {back: {twice: {times: 3}}}}
study: {method: timeline, warmup: 0s, lasts: 60500ms}
`), &scenario.Catalog{Families: []scenario.Family{twice}})
	if err != nil {
		t.Fatal(err)
	}
	out := do(t, Run{Scenario: f.Base(), Families: []scenario.Family{twice}, Until: 60500 * ms,
		Plan: planned(strike(fault.Crash, "front/0", 30500*ms, ms))})
	if e := edgeOf(t, out, "front.back"); e.Calls != 60 || e.Sent != 180 {
		t.Errorf("front.back: %+v, want 60 calls sent three times each", e)
	}
	if want := []string{"front.back", "front.back"}; !slices.Equal(clients, want) {
		t.Errorf("policies were made for %v, want one for each life of front", clients)
	}
}

// repeat makes every call so many times.
type repeat int

func (n repeat) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (resp patterns.Response, err error) {
		for range n {
			resp, err = next(p, req)
		}
		return resp, err
	}
}

// What the format lets through, however odd, can be run.
func TestOddScenariosRun(t *testing.T) {
	for _, odd := range []string{
		"objectives: {work: {of: front.do, target: 100%}}",
		"objectives: {work: {of: front.do, target: 0%}}",
		"objectives: {}",
		"objectives: {work: {of: back.a, target: 99%}}", // which nobody asks for from outside
		"faults: {a: {kind: deploy, on: services.back, errors: 100%, by: 1x, at: 1s, lasts: 1s}}",
		"faults: {a: {kind: clock, on: services.back, drift: -99%, at: 1s, lasts: 1s}}",
		"faults: {a: {kind: outage, on: zones.a, at: 0s, lasts: 1ns}}",
		"calls: {default: {retry: {backoff: 0s..0s}}}",
		"calls: {default: {retry: {factor: 1x, on: []}}}",
		"calls: {default: {retry: {attempts: 1000000, budget: 10000%}}}",
		"calls: {default: {breaker: {rate: 100%, min_calls: 100000, window: 1ns}}}",
		"calls: {default: {breaker: {consecutive: 1000, half_open: 99, on: []}}}",
		"calls: {default: {bulkhead: {max: 1000000, wait: 1y}}}",
		"calls: {default: {order: [bulkhead, attempt, breaker, retry, total, fallback], retry: {}, timeout: {attempt: 1ns, total: 1ns}}}",
		"queues: {q: {visibility: 1ns, receives: 1}}",
		"queues: {q: {visibility: 100y}}",
		"healing: {restart: {after: 0s, boot: 0s, backoff: 0s..0s, reset: 1ns}}",
		"healing: {replace: {after: 0s, boot: 0s}}",
		"healing: {on_call: {ack: 0s, fix: 0s, unpaged: 1ns}}",
		"network: {loss: 100%}",
		"workload: {}",
		"zones: [a, b, c]",
	} {
		story := "services:\n  front: {ops: {do: {work: 1ms, calls: [back.a]}}}\n  back: {ops: {a: {work: 1ms}}}\n" + odd + "\n"
		sc := parse(t, story)
		if strings.HasPrefix(odd, "queues") {
			sc.Services[0].Ops[0].Calls = append(sc.Services[0].Ops[0].Calls, scenario.Step{Send: "q", Share: 1, Times: 1})
		}
		play(t, sc)
	}
}

package system

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// A visitor is what the external service of a story hears.
type visitor struct {
	At   sim.Time
	ID   uint64
	Key  uint64
	Work time.Duration
}

const shop = `
network: {same_zone: exp 1ms, cross_zone: exp 1ms, clients: exp 20ms}
services:
  front: {replicas: 2, cpus: 4, threads: 50, ops: {do: {work: exp 20ms, calls: [back.a, bank.pay]}, look: {work: exp 5ms}}}
  back:  {replicas: 2, threads: 50, ops: {a: {work: exp 20ms}}}
  bank:  {external: true, ops: {pay: {work: exp 100ms, repeat: 50%}}}
workload: {visits: {rate: 20/s, mix: {front.do: 50%, front.look: 50%}}}
`

// visitors runs a scenario and returns who came, in the order in which they came, and what their calls
// worked at the bank, sorted by identity.
func visitors(t *testing.T, sc *scenario.Scenario, entries ...fault.Entry) (came []uint64, paid map[uint64]visitor) {
	t.Helper()
	paid = map[uint64]visitor{}
	inside(t, sc, entries, func(sys *System) {
		call := sys.streams[0].asked[0].call
		sys.streams[0].asked[0].call = func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			came = append(came, req.ID)
			return call(p, req)
		}
		answer := sys.externals[0].Answer
		sys.externals[0].Answer = func(req patterns.Request) (time.Duration, patterns.Response, error) {
			d, resp, err := answer(req)
			if req.Attempt == 1 {
				paid[req.ID] = visitor{ID: req.ID, Key: req.Key, Work: d}
			}
			return d, resp, err
		}
	}, nil)
	return came, paid
}

// Two variants see the same visitors, with the same wishes, the same work and the same luck.
func TestCommonRandomNumbers(t *testing.T) {
	base := parse(t, shop)
	came, paid := visitors(t, base)
	if len(came) < 500 {
		t.Fatalf("only %d visitors", len(came))
	}
	for _, sets := range [][]string{
		{"services.front.replicas=5", "services.back.replicas=3"},
		{"services.back.cpus=9"},
		{"calls.default.timeout={attempt: 1s}", "calls.default.retry={attempts: 3}"},
		{"calls.default.balance={pick: p2c}"},
		{"calls.front.bank.breaker={consecutive: 5}"},
	} {
		others, otherPaid := visitors(t, parse(t, shop, sets...))
		if !slices.Equal(came, others) {
			t.Errorf("%v: other visitors came", sets)
		}
		for id, v := range paid {
			if w, ok := otherPaid[id]; ok && w != v {
				t.Errorf("%v: %+v became %+v", sets, v, w)
			}
		}
		if len(otherPaid) < len(paid)*9/10 {
			t.Errorf("%v: only %d of %d paid", sets, len(otherPaid), len(paid))
		}
	}
}

// A surge brings the same visitors sooner: those who would have come later.
func TestASurgeBringsTheSameVisitors(t *testing.T) {
	came, paid := visitors(t, parse(t, shop))
	surge := strike(fault.Surge, "workload.visits", 20*time.Second, 20*time.Second, fault.Params{Factor: 5})
	lull := strike(fault.Surge, "workload.visits", 5*time.Second, 5*time.Second, fault.Params{Factor: 0.1})
	others, otherPaid := visitors(t, parse(t, shop), surge, lull)
	if len(others) < len(came)*2 {
		t.Fatalf("%d visitors during the surge, %d without", len(others), len(came))
	}
	if !slices.Equal(came, others[:len(came)]) {
		t.Error("other visitors came")
	}
	same := 0
	for id, v := range paid {
		if otherPaid[id] == v {
			same++
		}
	}
	if same < len(paid)*9/10 {
		t.Errorf("only %d of %d visitors met the same", same, len(paid))
	}
}

// How often the rate is changed does not matter, only to what.
func TestARateThatIsChangedForNothing(t *testing.T) {
	came, paid := visitors(t, parse(t, shop))
	var steps []fault.Entry
	for i := range 50 {
		steps = append(steps, strike(fault.Surge, "workload.visits", time.Duration(i)*time.Second, 500*ms, fault.Params{Factor: 1}))
	}
	others, otherPaid := visitors(t, parse(t, shop), steps...)
	if !slices.Equal(came, others) || cmp.Diff(paid, otherPaid) != "" {
		t.Error("a surge of once the rate has changed something")
	}
}

// Each of ten users waits for 1 s, calls, waits 1 s for the answer and begins again; a surge is more
// users, and they leave when it is over.
func TestUsers(t *testing.T) {
	sc := parse(t, `
services: {front: {cpus: 99, threads: 99, ops: {do: {work: 1s}}}}
workload: {people: {users: 10, think: 1s, mix: {front.do: 100%}}}
study: {method: timeline, warmup: 0s, lasts: 100s}
`)
	calls := play(t, sc).Result.Calls
	if calls.OK != 10*50 || calls.Open != 0 {
		t.Errorf("%+v, want 500 calls", calls)
	}
	surge := strike(fault.Surge, "workload.people", 20500*ms, 20*time.Second, fault.Params{Factor: 3})
	calls = play(t, sc, surge).Result.Calls
	if calls.OK != 10*50+20*10 {
		t.Errorf("%+v, want 500 calls and 10 of each of the 20 who come for 20 s", calls)
	}
}

// Retries meet a share of the work again that the first try met.
func TestRepeatedLuck(t *testing.T) {
	for repeat, want := range map[string]float64{"0%": 0, "30%": 0.3, "100%": 1} {
		sc := parse(t, `
services: {bank: {external: true, ops: {pay: {work: exp 100ms, repeat: `+repeat+`}}}}
workload: {visits: {rate: 1/s, mix: {bank.pay: 100%}}}
objectives: {}
`)
		inside(t, sc, nil, func(sys *System) {
			o, same := sys.externals[0].ops[0], 0.0
			const n = 2000
			for id := range uint64(n) {
				first := o.work(id, 1)
				if o.work(id, 2) == first {
					same++
				}
			}
			if d := same/n - want; d < -0.041 || d > 0.041 {
				t.Errorf("repeat: %s: %v of the retries met the same", repeat, same/n)
			}
		}, nil)
	}
}

// Users who do not think and are refused at once do not keep the clock from moving.
func TestUsersWhoDoNotThink(t *testing.T) {
	sc := parse(t, `
services: {front: {ops: {do: {work: 0s}}}}
workload: {people: {users: 2, mix: {front.do: 100%}}}
study: {method: timeline, warmup: 0s, lasts: 1s}
`)
	if calls := play(t, sc).Result.Calls; calls.OK != 2*1001 {
		t.Errorf("%+v, want a call each millisecond of each", calls)
	}
}

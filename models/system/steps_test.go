package system

import (
	"math"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/measure"
)

const ms = time.Millisecond

// What a call does, and how long that takes. Everything is exact, and calls do not meet each other.
func TestStepsTakeTheirTime(t *testing.T) {
	for _, tt := range []struct {
		name, front, rest string
		takes             time.Duration
	}{
		{"own work", `{do: {work: 10ms}}`, "", 10 * ms},
		{"own work, then a call", `{do: {work: 10ms, calls: [back.a]}}`, "", 30 * ms},
		{"calls one after the other", `{do: {work: 10ms, calls: [back.a, back.b]}}`, "", 60 * ms},
		{"three times", `{do: {work: 10ms, calls: [{call: back.a, times: 3}]}}`, "", 70 * ms},
		{"all at once", `{do: {work: 10ms, calls: [{parallel: [back.a, back.b]}]}}`, "", 40 * ms},
		{"all at once, twice", `{do: {work: 10ms, calls: [{parallel: [back.a, back.b], times: 2}]}}`, "", 70 * ms},
		{"a branch of several", `{do: {work: 10ms, calls: [{parallel: [{call: back.a, times: 2}, back.b]}]}}`, "", 50 * ms},
		{"a message is only left", `{do: {work: 10ms, calls: [{send: later}]}}`, "", 10 * ms},
		{"an external call", `{do: {work: 10ms, calls: [bank.pay]}}`, "", 50 * ms},
		{"the network of clients", `{do: {work: 10ms}}`, "network: {same_zone: 1ms, clients: 20ms}\n", 50 * ms},
		{"the network within", `{do: {work: 10ms, calls: [back.a]}}`, "network: {same_zone: 1ms, clients: 0s}\n", 32 * ms},
		{"the network between zones", `{do: {work: 10ms, calls: [far.a]}}`,
			"network: {same_zone: 1ms, cross_zone: 3ms, clients: 0s}\n", 36 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := play(t, parse(t, `
services:
  front: {threads: 10, spread: [a], ops: `+tt.front+`}
  back:  {cpus: 2, spread: [a], ops: {a: {work: 20ms}, b: {work: 30ms}}}
  far:   {spread: [b], ops: {a: {work: 20ms}}}
  bank:  {external: true, ops: {pay: {work: 40ms}}}
queues: {later: {work: 100ms}}
zones: [a, b]
`+tt.rest))
			wantCalls(t, out, measure.Calls{OK: 60})
			wantLatency(t, out, tt.takes, tt.takes)
		})
	}
}

func TestShareOfAStep(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {ops: {do: {work: 1ms, calls: [{call: back.a, share: 30%}]}}}
  back:  {ops: {a: {work: 1ms}}}
workload: {visits: {rate: 100/s, arrivals: regular, mix: {front.do: 100%}}}
`))
	n, p := 6049.0, 0.3
	got, se := float64(edgeOf(t, out, "front.back").Calls), math.Sqrt(n*p*(1-p))
	if math.Abs(got-n*p) > 4*se {
		t.Errorf("%v of %v calls did the step, want %v", got, n, n*p)
	}
}

// Two steps that ask for the same are two requests, with luck and effects of their own; the same step
// of a retried call is the same request.
func TestStepsHaveIdentities(t *testing.T) {
	sc := parse(t, `
services:
  front: {ops: {do: {work: 1ms, calls: [bank.pay, {parallel: [bank.pay, {call: bank.pay, times: 2}], times: 2}]}}}
  bank:  {external: true, ops: {pay: {work: 1ms, idempotent: by_key}}}
objectives: {work: {of: front.do, target: 99%, once: [bank.pay]}}
`)
	inside(t, sc, nil, func(sys *System) {
		var ids, keys []uint64
		answer := sys.externals[0].Answer
		sys.externals[0].Answer = func(req patterns.Request) (time.Duration, patterns.Response, error) {
			ids, keys = appendNewID(t, ids, req.ID), append(keys, req.Idempotency)
			return answer(req)
		}
		sys.s.Go("caller", func(p *sim.Process) {
			svc := sys.services[0]
			req := patterns.Request{ID: 7, Op: "do", Idempotency: 8, Attempt: 1}
			for req.Attempt = 1; req.Attempt <= 2; req.Attempt++ {
				if _, err := svc.members[0].Call(sys.plain, sys.clients)(p, req); err != nil {
					t.Error(err)
				}
			}
			if len(keys) != 14 {
				t.Fatalf("%d payments, want 7 for each attempt", len(keys))
			}
			for i := range 7 {
				if keys[i] != keys[7+i] {
					t.Errorf("payment %d has another idempotency key when the call is tried again", i)
				}
				for j := range i {
					if keys[i] == keys[j] {
						t.Errorf("payments %d and %d have the same idempotency key", j, i)
					}
				}
			}
		})
	}, nil)
}

func appendNewID(t *testing.T, ids []uint64, id uint64) []uint64 {
	for _, x := range ids {
		if x == id {
			t.Errorf("two requests have the identity %d", id)
		}
	}
	return append(ids, id)
}

func TestDegradedAnswersAndFailures(t *testing.T) {
	for _, tt := range []struct {
		name, story string
		want        measure.Calls
	}{
		{"an error of the service itself", `
services: {front: {ops: {do: {work: 1ms, errors: 100%}}}}
`, measure.Calls{Error: 60}},
		{"an error below is an error", `
services:
  front: {ops: {do: {work: 1ms, calls: [mid.a]}}}
  mid:   {ops: {a: {work: 1ms, calls: [back.a]}}}
  back:  {ops: {a: {work: 1ms, errors: 100%}}}
`, measure.Calls{Error: 60}},
		{"a default below is a degraded answer", `
services:
  front: {ops: {do: {work: 1ms, calls: [mid.a]}}}
  mid:   {ops: {a: {work: 1ms, calls: [back.a]}}}
  back:  {ops: {a: {work: 1ms, errors: 100%}}}
calls: {mid: {back: {fallback: {value: default}}}}
`, measure.Calls{Degraded: 60}},
		{"one of several at once", `
services:
  front: {cpus: 2, ops: {do: {work: 1ms, calls: [{parallel: [good.a, back.a]}]}}}
  good:  {ops: {a: {work: 1ms}}}
  back:  {ops: {a: {work: 1ms, errors: 100%}}}
`, measure.Calls{Error: 60}},
		{"a full queue in front turns away", `
services: {front: {threads: 1, queue: {length: 0}, ops: {do: {work: 1500ms}}}}
`, measure.Calls{OK: 30, Rejected: 30}},
		{"a full queue below is an error", `
services:
  front: {threads: 5, ops: {do: {work: 1ms, calls: [back.a]}}}
  back:  {threads: 1, queue: {length: 0}, ops: {a: {work: 1500ms}}}
`, measure.Calls{OK: 29, Error: 30, Open: 1}}, // the last is under way
		{"a policy of the clients rejects", `
services: {front: {threads: 5, cpus: 5, ops: {do: {work: 1500ms}}}}
calls: {visits: {front: {bulkhead: {max: 1}}}}
`, measure.Calls{OK: 30, Rejected: 30}},
		{"nobody listens", `
services: {front: {ops: {do: {work: 1ms}}}}
faults: {down: {kind: crash, on: services.front, at: 30500ms}}
`, measure.Calls{OK: 30, Error: 30}},
		{"the server dies during the call", `
services: {front: {cpus: 9, ops: {do: {work: 800ms}}}}
faults: {down: {kind: crash, on: services.front, at: 30500ms}}
`, measure.Calls{OK: 29, Error: 30, Unknown: 1}},
		{"the visitors lose patience", `
services: {front: {cpus: 9, ops: {do: {work: 3s}}}}
workload: {visits: {rate: 1/s, arrivals: regular, mix: {front.do: 100%}, patience: 2s}}
`, measure.Calls{Timeout: 58, Open: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) { wantCalls(t, play(t, parse(t, tt.story)), tt.want) })
	}
}

// What is known of the effect of a failed call is handed up.
func TestMaybe(t *testing.T) {
	for _, tt := range []struct {
		name, calls, back string
		maybe             bool
	}{
		{"answered with an error", "", "errors: 100%", false},
		{"not waited for", "calls: {front: {back: {timeout: {attempt: 500ms}}}}", "repeat: 0%", true},
	} {
		sc := parse(t, `
services:
  front: {ops: {do: {work: 1ms, calls: [back.a]}}}
  back:  {ops: {a: {work: 1s, `+tt.back+`}}}
`+tt.calls)
		inside(t, sc, nil, func(sys *System) {
			sys.s.Go("caller", func(p *sim.Process) {
				_, err := sys.services[0].members[0].Call(sys.plain, sys.clients)(p, patterns.Request{ID: 7, Op: "do", Attempt: 1})
				e, ok := err.(*patterns.Error)
				if !ok || e.Kind != patterns.Failed || e.Maybe != tt.maybe {
					t.Errorf("%s: got %v, want a failure with maybe = %v", tt.name, err, tt.maybe)
				}
			})
		}, nil)
	}
}

// A thread is held while its call waits for others: one thread, calls every second that wait for two.
func TestThreadsAreHeldWhileWaiting(t *testing.T) {
	for threads, want := range map[string]measure.Calls{
		"1": {OK: 20, Rejected: 40}, // the call of every third second
		"2": {OK: 39, Rejected: 20, Open: 1},
		"9": {OK: 58, Open: 2},
	} {
		out := play(t, parse(t, `
services:
  front: {threads: `+threads+`, queue: {length: 0}, ops: {do: {work: 1ms, calls: [back.a]}}}
  back:  {cpus: 9, ops: {a: {work: 2100ms}}}
`))
		t.Run(threads, func(t *testing.T) { wantCalls(t, out, want) })
	}
}

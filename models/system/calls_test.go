package system

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
)

// A caller that gives up after 100 ms of a second's work does not stop it, unless the deadline is
// known below, or the news that the caller gave up arrives.
func TestWorkForNobody(t *testing.T) {
	for _, tt := range []struct {
		name, front, back string
		work              time.Duration // of back, on calls that ended
	}{
		{"not told", "attempt: 100ms", "", 59000 * ms},
		{"told the deadline", "attempt: 100ms, propagate: true", "timeout: {attempt: 10s, propagate: true}", 6000 * ms},
		{"told, and does not hand it on", "attempt: 100ms, propagate: true", "", 59000 * ms},
		{"told when the caller gives up", "attempt: 100ms, cancel: true", "timeout: {attempt: 10s, cancel: true}", 6000 * ms},
		{"told, and nobody tells back", "attempt: 100ms, cancel: true", "", 59000 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			back := ""
			if tt.back != "" {
				back = ", front: {back: {" + tt.back + "}}"
			}
			out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {cpus: 2, ops: {a: {work: 1s}}}
calls: {visits: {front: {timeout: {`+tt.front+`}}}`+back+`}
`))
			wantCalls(t, out, measure.Calls{Timeout: 60})
			if got := busy(t, out, "back", 2); got != tt.work {
				t.Errorf("back worked for %v, want %v", got, tt.work)
			}
		})
	}
}

// Two replicas of one cpu and an upstream that always fails: each call is tried as often as the policy
// says, and no more than the budget allows.
func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		name, retry, errors string
		retries             int64
	}{
		{"none", "", "100%", 0},
		{"three tries", "retry: {attempts: 3, backoff: 10ms..10ms, jitter: none}", "100%", 120},
		{"three tries that are not needed", "retry: {attempts: 3}", "0%", 0},
		{"a budget without successes is ten", "retry: {attempts: 3, budget: 10%}", "100%", 10},
		{"a budget of nothing", "retry: {attempts: 3, budget: 0%}", "100%", 0},
		{"another kind of failure", "retry: {attempts: 3, on: [timeout]}", "100%", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 1ms, calls: [back.a]}}}
  back:  {ops: {a: {work: 1ms, errors: `+tt.errors+`}}}
calls: {front: {back: {`+tt.retry+`}}}
`))
			e := edgeOf(t, out, "front.back")
			want := measure.EdgeCounts{Calls: 60, Returned: 60, Retries: tt.retries, Sent: 60 + tt.retries}
			if e != want {
				t.Errorf("front.back: got %+v, want %+v", e, want)
			}
		})
	}
}

// The counts of an edge hold for calls that are answered without a try, or turned away, and leave out
// the warm-up.
func TestEdgeCounts(t *testing.T) {
	const story = `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [bank.pay]}}}
  bank:  {external: true, ops: {pay: {work: 10ms, errors: 100%}}}
calls:
  front: {bank: {breaker: {consecutive: 5, open: 1h}, retry: {attempts: 2, backoff: 10ms..10ms, jitter: none}, fallback: {value: default}}}
`
	for warmup, want := range map[string]measure.EdgeCounts{
		"0s":      {Calls: 60, Returned: 60, Retries: 3, Sent: 5, Turned: 58}, // the third retry and 57 calls
		"3500ms":  {Calls: 57, Returned: 57, Turned: 57},
		"1500ms":  {Calls: 59, Returned: 59, Retries: 2, Sent: 3, Turned: 58},
		"59900ms": {Calls: 1, Returned: 1, Turned: 1},
	} {
		sc := parse(t, story)
		sc.Study.Warmup, _ = time.ParseDuration(warmup)
		out := do(t, Run{Scenario: sc, Until: 60500*ms - sc.Study.Warmup})
		if got := edgeOf(t, out, "front.bank"); got != want {
			t.Errorf("after a warm-up of %s: got %+v, want %+v", warmup, got, want)
		}
	}
}

// While payments are silent, the breaker opens after three timeouts, and they are left in a queue.
// When payments are back, they are done, each once, and in time.
func TestBreakerWithAFallbackToAQueue(t *testing.T) {
	const story = `
services:
  front: {threads: 99, ops: {do: {work: 0s, calls: [bank.pay]}}}
  bank:  {external: true, ops: {pay: {work: 10ms, idempotent: by_key}}}
queues: {settle: {to: bank.pay, consumers: 2, visibility: 2s, receives: unlimited}}
calls:
  front: {bank: {timeout: {attempt: 500ms}, breaker: {consecutive: 3, open: 1h}, fallback: {send: settle}}}
  settle: {bank: {timeout: {attempt: 1s}}}
objectives: {work: {of: front.do, target: 99%, degraded: good, settled: SETTLED, once: [bank.pay]}}
faults: {silence: {kind: outage, on: services.bank, at: 10500ms, lasts: 9s}}
`
	for settled, good := range map[string]int64{"40s": 60, "5s": 60 - 8} {
		sc := parse(t, replace(story, "SETTLED", settled))
		sc.Study.Lasts = 100 * time.Second
		sc.Workload[0].Rate = 1
		plan := Timeline(sc, 1)
		plan = fault.Merge(plan, planned(strike(fault.Surge, "workload.visits", 60500*ms, 0, fault.Params{Factor: 1e-9})))
		out := do(t, Run{Scenario: sc, Plan: plan, Until: sc.Study.Lasts})
		wantCalls(t, out, measure.Calls{OK: 10, Degraded: 50}) // the breaker stays open
		e := edgeOf(t, out, "front.bank")
		if e.Sent != 13 || e.Turned != 47 {
			t.Errorf("front.bank: %d sent and %d turned away, want 13 and 47", e.Sent, e.Turned)
		}
		o := out.Result.Objectives[0]
		if settled == "40s" && o.Good != good || settled == "5s" && (o.Good >= 60 || o.Good < 50) {
			t.Errorf("settled %s: %d of %d good, want %d", settled, o.Good, o.Valid, good)
		}
		if got := effectOf(t, out, "bank.pay"); got.Double != 0 || (got.Late == 0) != (settled == "40s") {
			t.Errorf("settled %s: %+v", settled, got)
		}
	}
}

// A call that was given up has happened all the same: to try it again pays twice, unless the key is
// recognised.
func TestDoubleEffects(t *testing.T) {
	// The second payment of the last call comes after the end.
	for idempotent, want := range map[string]int64{"no": 59, "by_key": 0, "yes": 0} {
		out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [bank.pay]}}}
  bank:  {external: true, ops: {pay: {work: 300ms, idempotent: `+idempotent+`}}}
calls: {front: {bank: {timeout: {attempt: 200ms}, retry: {attempts: 2, backoff: 1ms..1ms, jitter: none}}}}
objectives: {work: {of: front.do, target: 99%, once: [bank.pay]}}
`))
		wantCalls(t, out, measure.Calls{Error: 60})
		if got := effectOf(t, out, "bank.pay").Double; got != want {
			t.Errorf("idempotent %s: %d paid twice, want %d", idempotent, got, want)
		}
	}
}

// A message that is handed out again while it is worked on is done twice, and that is counted even if
// no objective minds.
func TestDoubleEffectsThatNobodyMinds(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {ops: {do: {work: 0s, calls: [{send: settle}]}}}
  bank:  {external: true, ops: {pay: {work: 300ms}}}
queues: {settle: {to: bank.pay, consumers: 9, visibility: 200ms, receives: 2}}
`))
	if got := effectOf(t, out, "bank.pay").Double; got != 60 || out.Metrics["double"] != 60 {
		t.Errorf("%d paid twice, want 60", got)
	}
}

// While the catalog fails, the last good answer stands in as long as it is young enough.
func TestStaleFallback(t *testing.T) {
	out := play(t, parse(t, `
services:
  front:   {ops: {do: {work: 0s, calls: [catalog.list]}}}
  catalog: {ops: {list: {work: 1ms}}}
calls: {front: {catalog: {fallback: {stale: 15s}}}}
faults: {broken: {kind: errors, on: services.catalog, errors: 100%, at: 20500ms, lasts: 20s}}
`))
	// The last good answer came at 20.001s: the failure at 35.001s is the first for which it is too old.
	wantCalls(t, out, measure.Calls{OK: 40, Degraded: 14, Error: 6})
}

func TestBulkheadWaits(t *testing.T) {
	out := play(t, parse(t, `
services: {front: {threads: 9, cpus: 9, ops: {do: {work: 1500ms}}}}
calls: {visits: {front: {bulkhead: {max: 1, wait: 600ms}}}}
`))
	// Of three calls one starts at once, one after a wait of half a second, and one is rejected. The last
	// two are under way.
	wantCalls(t, out, measure.Calls{OK: 39, Rejected: 19, Open: 2})
	wantLatency(t, out, 1500*ms, 2000*ms)
}

// A breaker that counts failures in a row looks at nothing else, and one that counts a share at no row.
func TestWhatOpensABreaker(t *testing.T) {
	for breaker, sent := range map[string]int64{
		"{consecutive: 1000}":                                 605,
		"{consecutive: 10, open: 1h}":                         10,
		"{rate: 50%, min_calls: 20, window: 1m, open: 1h}":    20,
		"{rate: 50%, min_calls: 200, window: 10s}":            605,    // never so many in a window
		"{consecutive: 10, open: 20500ms, half_open: 2}":      10 + 2, // after 20.5 s, and after 41 s
		"{consecutive: 10, open: 1h, on: [timeout, refused]}": 605,
	} {
		out := play(t, parse(t, `
services:
  front: {ops: {do: {work: 0s, calls: [bank.pay]}}}
  bank:  {external: true, ops: {pay: {work: 1ms, errors: 100%}}}
calls: {front: {bank: {breaker: `+breaker+`}}}
workload: {visits: {rate: 10/s, arrivals: regular, mix: {front.do: 100%}}}
`))
		if got := edgeOf(t, out, "front.bank").Sent; got != sent {
			t.Errorf("%s: %d calls were sent, want %d", breaker, got, sent)
		}
	}
}

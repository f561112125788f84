package system

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/nines-sim/nines/models/theory"
	"github.com/nines-sim/nines/patterns"
)

// sent plays a story and returns how many calls went from visitors to the front.
func sentTo(t *testing.T, out Outcome) int64 { return edgeOf(t, out, "visits.front").Sent }

// In t seconds a token bucket lets through no more than rate*t + burst; asked for more, exactly that many.
func TestLimitLetsThroughItsRate(t *testing.T) {
	const story = `
services: {front: {threads: 999, cpus: 999, ops: {do: {work: 1ms}}}}
calls: {visits: {front: {limit: LIMIT}}}
workload: {visits: {rate: 50/s, arrivals: regular, mix: {front.do: 100%}}}
`
	for limit, want := range map[string]int64{ // in the 60.5 s that are played
		"{rate: 10/s, burst: 7}":                                         605 + 7,
		"{rate: 10/s}":                                                   605 + 10,
		"{rate: 20 in 2s, algorithm: fixed_window}":                      20 * 31, // windows, the last of which is cut off
		"{rate: 10/s, algorithm: sliding_log}":                           10 * 61,
		"{rate: 10/s, algorithm: gcra, burst: 7}":                        605 + 7,
		"{rate: 10/s, algorithm: leaky_bucket}":                          605,
		"{rate: 10/s, burst: 7, shared: {round_trip: 2ms}}":              605 + 7,
		"{rate: 10/s, burst: 7, shared: {round_trip: 50ms}}":             3025, // no answer in 20 ms: they go ahead
		"{rate: 10/s, shared: {round_trip: 50ms, fail_open: false}}":     0,
		"{rate: 600 in 1m, algorithm: fixed_window, shared: {sync: 1s}}": 600 + 25,
		"{rate: 100/s}": 3025,
	} {
		out := play(t, parse(t, replace(story, "LIMIT", limit)))
		got := sentTo(t, out)
		if math.Abs(float64(got-want)) > 1 { // the first and the last moment
			t.Errorf("%s: %d calls were sent, want %d", limit, got, want)
		}
	}
}

// Of calls that find a bulkhead full, those that may wait do: M/M/c/K, whose share of rejected calls is Erlang's B where
// none may.
func TestBulkheadIsAnErlangModel(t *testing.T) {
	for _, waiting := range []int{0, 3} {
		sc := parse(t, fmt.Sprintf(`
services: {front: {threads: 999, cpus: 999, ops: {do: {work: exp 100ms}}}}
calls: {visits: {front: {bulkhead: {max: 4, waiting: %d}}}}
workload: {visits: {rate: 50/s, mix: {front.do: 100%%}}}
`, waiting))
		calls, turned := int64(0), int64(0)
		for seed := uint64(1); seed <= 8; seed++ {
			out := do(t, Run{Scenario: sc, Seed: seed, Plan: Timeline(sc, seed), Until: sc.Study.Lasts})
			e := edgeOf(t, out, "visits.front")
			calls, turned = calls+e.Calls, turned+e.Turned
		}
		want := theory.MMcK{Lambda: 50, Mu: 10, Servers: 4, Capacity: 4 + waiting}.Blocked()
		if waiting == 0 && math.Abs(want-theory.ErlangB(5, 4)) > 1e-12 {
			t.Errorf("M/M/4/4 rejects %v, Erlang's B is %v", want, theory.ErlangB(5, 4))
		}
		got := float64(turned) / float64(calls)
		se := 3 * math.Sqrt(want*(1-want)/float64(calls)) // rejections come in clusters: thrice that of independent ones
		if math.Abs(got-want) > 4*se || se > 0.02 {
			t.Errorf("%d may wait: %.4f of %d calls are rejected, want %.4f ± %.4f", waiting, got, calls, want, 4*se)
		}
	}
}

// Of n calls in a window of which a share a of those that are made succeeds by chance, K*a*n are made if rejections do not
// count, and next to none if they do (see shed.SRE).
func TestWhetherRejectionsCount(t *testing.T) {
	for _, c := range []struct {
		count    bool
		low, top float64
	}{{false, 0.55, 0.65}, {true, 0, 0.1}} {
		out := play(t, parse(t, fmt.Sprintf(`
services: {front: {threads: 999, cpus: 999, ops: {do: {work: 1ms, errors: 70%%}}}}
calls: {visits: {front: {shed: {window: 10s, count_rejected: %v}}}}
workload: {visits: {rate: 200/s, mix: {front.do: 100%%}}}
study: {method: timeline, warmup: 1m, lasts: 4m}
`, c.count)))
		e := edgeOf(t, out, "visits.front")
		if share := float64(e.Sent) / float64(e.Calls); share < c.low || share > c.top {
			t.Errorf("count_rejected %v: %.3f of the calls are made, want %v to %v", c.count, share, c.low, c.top)
		}
	}
}

// A server gets twice the calls that it can do, from visitors who leave after a second. First come, first served works for
// those who are gone: rules of the queue, or a bound on what is taken in, serve those who are there.
func TestGoodputUnderOverload(t *testing.T) {
	goodput := func(server string) float64 {
		out := play(t, parse(t, fmt.Sprintf(`
services: {front: {threads: 1, cpus: 1%s, ops: {do: {work: exp 10ms}}}}
calls: {visits: {front: {timeout: {attempt: 1s}}}}
workload: {visits: {rate: 200/s, mix: {front.do: 100%%}}}
`, server)))
		return float64(out.Result.Calls.OK) / 60
	}
	fifo := goodput("")
	for _, server := range []string{
		", queue: {order: lifo}", ", queue: {preset: fail_at_scale}", ", queue: {preset: folly}", ", queue: {newest_above: 50}",
		", shed: {kind: gradient2, initial: 5, min: 1}", ", shed: {kind: vegas}", ", limit: {rate: 80/s, burst: 10}",
	} {
		if got := goodput(server); got < 60 || got < 5*fifo {
			t.Errorf("%s: %.1f good calls a second, and %.1f first come, first served; the server can do 100", server, got, fifo)
		}
	}
	if codel := goodput(", queue: {preset: rfc8289}"); codel < fifo {
		t.Errorf("CoDel does %.1f good calls a second, and first come, first served %.1f", codel, fifo)
	}
	if fifo > 15 {
		t.Errorf("first come, first served does %.1f good calls a second: this is no overload", fifo)
	}
}

// Under an overload the higher priority has what it needs, wherever it is looked at.
func TestPrioritiesUnderOverload(t *testing.T) {
	for name, story := range map[string][2]string{
		"queue":    {", queue: {order: priority, length: unlimited}", ""},
		"eviction": {", queue: {length: 5, evict: true}", ""},
		"server":   {", queue: {length: 5}, shed: {kind: gradient2, initial: 8, min: 8, max: 8, shares: [50%, 100%]}", ""},
		"caller":   {"", "bulkhead: {max: 1, waiting: unlimited, order: priority}"},
		"nowhere":  {", queue: {length: 5}", ""},
	} {
		out := play(t, parse(t, fmt.Sprintf(`
services:
  front: {threads: 999, cpus: 999, ops: {buy: {work: 0s, calls: [back.do]}, look: {work: 0s, calls: [back.do]}}}
  back: {threads: 1, cpus: 1%s, ops: {do: {work: exp 10ms}}}
calls: {front: {back: {timeout: {attempt: 1s}, %s}}}
workload:
  buyers: {rate: 30/s, priority: 1, mix: {front.buy: 100%%}}
  lookers: {rate: 200/s, mix: {front.look: 100%%}}
objectives: {work: {of: front.buy, target: 99%%}}
`, story[0], story[1])))
		share := map[string]float64{}
		for _, op := range out.Result.Operations {
			share[op.Operation] = float64(op.Calls.OK) / float64(op.Calls.Total())
		}
		if buy, look := share["front.buy"], share["front.look"]; (buy > 0.85) != (name != "nowhere") || look > 0.5 {
			t.Errorf("%s: %.2f of what buyers ask for is done, and %.2f of the others' (%v)", name, buy, look, share)
		}
	}
}

// Three replicas that share a limit make as many calls together as it allows; each with its own, three times as many.
func TestLimitIsSharedByReplicas(t *testing.T) {
	const story = `
services:
  front: {replicas: 3, threads: 99, ops: {do: {work: 0s, calls: [back.do]}}}
  back: {threads: 99, ops: {do: {work: 1ms}}}
calls: {front: {back: {limit: LIMIT}}}
workload: {visits: {rate: 90/s, arrivals: regular, mix: {front.do: 100%}}}
`
	for limit, want := range map[string]float64{
		"{rate: 10/s}":             3 * 615,
		"{rate: 10/s, shared: {}}": 615,
	} {
		out := play(t, parse(t, replace(story, "LIMIT", limit)))
		if got := float64(edgeOf(t, out, "front.back").Sent); math.Abs(got-want) > 0.02*want {
			t.Errorf("%s: %v calls were sent, want %v", limit, got, want)
		}
	}
}

// A limit in front of a server is for those who call it: health checks pass, and the service stays in use.
func TestHealthChecksPassALimit(t *testing.T) {
	out := play(t, parse(t, `
services: {front: {threads: 9, limit: {rate: 1 in 1m, burst: 1}, probes: {every: 1s, failures: 1}, ops: {do: {work: 1ms}}}}
calls: {visits: {front: {balance: {eject_unhealthy: true}}}}
workload: {visits: {rate: 1/s, arrivals: regular, mix: {front.do: 100%}}}
`))
	e := edgeOf(t, out, "visits.front")
	if calls := out.Result.Calls; calls.OK < 1 || calls.OK > 2 || calls.Rejected+calls.OK+calls.Open != e.Calls {
		t.Errorf("%+v of %d calls: want one or two, and all others turned away as too many", calls, e.Calls)
	}
}

// The luck of a shedder is that of a replica in one of its lives: another replica has another, and so has the next life.
func TestShedderHasLuckOfItsLife(t *testing.T) {
	for _, kind := range []string{"vegas", "gradient"} {
		sc := parse(t, `
services:
  front: {replicas: 2, shed: {kind: `+kind+`}, ops: {do: {work: 1ms, calls: [back.do]}}}
  back: {ops: {do: {work: 1ms}}}
calls: {front: {back: {shed: {kind: `+kind+`}}}}
workload: {visits: {rate: 1/s, mix: {front.do: 100%}}}
`)
		inside(t, sc, nil, func(sys *System) {
			svc := sys.services[0]
			first, second := svc.members[0], svc.members[1]
			shedders := map[string]func(m *member) patterns.Policy{
				"before the server": svc.front,
				"before its calls": func(m *member) patterns.Policy {
					return sys.policy(sys.edge("front", "back"), "shed", nil, m.Group())
				},
			}
			for where, shedder := range shedders {
				one := shedder(first)
				if !reflect.DeepEqual(one, shedder(first)) {
					t.Errorf("%s %s: built twice in one life it is not the same", kind, where)
				}
				if reflect.DeepEqual(one, shedder(second)) {
					t.Errorf("%s %s: two replicas have the same luck", kind, where)
				}
				for _, m := range svc.members { // both have lived as often as each other
					m.Crash()
					m.Start()
				}
				if reflect.DeepEqual(one, shedder(first)) {
					t.Errorf("%s %s: two lives have the same luck", kind, where)
				}
			}
		}, nil)
	}
}

// What consumers call has the priority of their queue, or else that of the call that left the message.
func TestPriorityOfMessages(t *testing.T) {
	const story = `
services:
  front: {threads: 999, cpus: 999, ops: {do: {work: 0s, calls: [{send: later}]}}}
  back: {threads: 1, queue: {order: priority, length: 2, evict: true}, ops: {do: {work: exp 10ms}, look: {work: exp 10ms}}}
queues: {later: {to: back.do, consumers: 50, receives: 1, PRIORITY}}
workload:
  visits: {rate: 30/s, priority: 1, mix: {front.do: 100%}}
  lookers: {rate: 200/s, priority: 0, mix: {back.look: 100%}}
`
	turned := func(priority string) float64 {
		out := play(t, parse(t, replace(story, "PRIORITY", priority)))
		for _, op := range out.Result.Operations {
			if op.Operation == "back.look" {
				return float64(op.Calls.Rejected) / float64(op.Calls.Total())
			}
		}
		t.Fatal("nobody looks")
		return 0
	}
	if above, below := turned("priority: none"), turned("priority: -1"); above < below+0.05 {
		t.Errorf("messages above the others turn %.3f of them away, and below them %.3f", above, below)
	}
}

// A client has one limit for a callee, whether it calls it for itself or in place of another.
func TestStandInsShareTheLimit(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {threads: 999, cpus: 999, ops: {do: {work: 1ms, calls: [{call: other.get, share: 50%}, {call: spare.get, share: 50%}]}}}
  other: {threads: 999, cpus: 999, ops: {get: {work: 1ms, errors: 100%}}}
  spare: {threads: 999, cpus: 999, ops: {get: {work: 1ms}}}
calls: {front: {other: {fallback: {call: spare.get}}, spare: {limit: {rate: 10/s, burst: 7}}}}
workload: {visits: {rate: 50/s, arrivals: regular, mix: {front.do: 100%}}}
`))
	e := edgeOf(t, out, "front.spare")
	if want := int64(605 + 7); math.Abs(float64(e.Sent-want)) > 1 || e.Calls < 2000 {
		t.Errorf("of %d calls %d were sent, want %d", e.Calls, e.Sent, want)
	}
}

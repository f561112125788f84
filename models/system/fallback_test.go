package system

import (
	"testing"

	"github.com/nines-sim/nines/sim/measure"
)

// 60 calls, one each second, that fail and are made elsewhere.
func TestCallsThatStandIn(t *testing.T) {
	for _, tt := range []struct {
		name, calls, spare string
		want               measure.Calls
		spareSent          int64
		lastSent           int64
	}{
		{name: "its answer is degraded", calls: "back: {fallback: {call: spare.a}}",
			want: measure.Calls{Degraded: 60}, spareSent: 60},
		{name: "or as good", calls: "back: {fallback: {call: spare.a, degraded: false}}",
			want: measure.Calls{OK: 60}, spareSent: 60},
		{name: "not for other failures", calls: "back: {fallback: {call: spare.a, on: [timeout]}}",
			want: measure.Calls{Error: 60}},
		{name: "one at a time", calls: "back: {fallback: {call: spare.a, concurrent: 1}}", spare: "work: 1500ms",
			want: measure.Calls{Degraded: 29, Error: 30, Open: 1}, spareSent: 30},
		{name: "two at a time are enough", calls: "back: {fallback: {call: spare.a, concurrent: 2}}", spare: "work: 1500ms",
			want: measure.Calls{Degraded: 58, Open: 2}, spareSent: 60},
		{name: "with its own policies", calls: "back: {fallback: {call: spare.a}}, spare: {retry: {attempts: 3, backoff: 1ms..1ms}}", spare: "work: 1ms, errors: 100%",
			want: measure.Calls{Error: 60}, spareSent: 180},
		{name: "in each try", calls: "back: {fallback: {call: spare.a}, retry: {attempts: 3, backoff: 1ms..1ms}, order: [retry, fallback, total, breaker, limit, shed, hedge, attempt, bulkhead]}",
			spare: "work: 1ms, errors: 100%", want: measure.Calls{Error: 60}, spareSent: 180},
		{name: "one for the other", calls: "back: {fallback: {call: spare.a}}, spare: {fallback: {call: last.a}}", spare: "work: 1ms, errors: 100%",
			want: measure.Calls{Degraded: 60}, spareSent: 60, lastSent: 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.spare == "" {
				tt.spare = "work: 1ms"
			}
			out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {cpus: 9, ops: {a: {work: 1ms, errors: 100%}}}
  spare: {cpus: 9, ops: {a: {`+tt.spare+`}}}
  last:  {cpus: 9, ops: {a: {work: 1ms}}}
calls: {front: {`+tt.calls+`}}
`))
			wantCalls(t, out, tt.want)
			for edge, want := range map[string]int64{"front.spare": tt.spareSent, "front.last": tt.lastSent} {
				if want == 0 {
					continue
				}
				got := edgeOf(t, out, edge)
				if got.Sent != want {
					t.Errorf("%s: %d calls were sent, want %d", edge, got.Sent, want)
				}
				if retried := tt.name == "with its own policies"; got.Retries > 0 != retried {
					t.Errorf("%s: %d of its calls were retries", edge, got.Retries)
				}
			}
		})
	}
}

// A call that stands in has effects of its own, which a key keeps from happening again as it does with any other.
func TestEffectsOfStandIns(t *testing.T) {
	for idempotent, want := range map[string]int64{"no": 60, "by_key": 0} {
		sc := parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {cpus: 9, ops: {a: {work: 1ms, errors: 100%}}}
  spare: {cpus: 9, ops: {a: {work: {p50: 600ms, p99: 601ms}, idempotent: `+idempotent+`}}}
calls:
  front:
    back: {fallback: {call: spare.a}, retry: {attempts: 2, backoff: 1ms..1ms}, order: [retry, fallback]}
    spare: {timeout: {attempt: 500ms}}
objectives: {work: {of: front.do, target: 99%, once: [spare.a]}}
study: {method: timeline, warmup: 0s, lasts: 62s}
workload: {visits: {rate: 1/s, arrivals: regular, mix: {front.do: 100%}}}
`)
		inside(t, sc, nil, func(sys *System) {
			if !sys.hasEffects("visits", "front.do") {
				t.Error("the recorder is not told to wait for the effects of what stands in")
			}
		}, nil)
		out := play(t, sc)
		e := out.Result.Effects[0]
		if e.Effect != "spare.a" || e.Double < want-2 || e.Double > want+1 {
			t.Errorf("idempotent: %s: %+v, want %d twice", idempotent, e, want)
		}
	}
}

// Visitors who ask for one thing share its last good answer, however popular it is.
func TestStaleAnswersAreOfTheSameThing(t *testing.T) {
	for popularity, low := range map[string]int64{"uniform": 0, "zipf 3": 50} {
		out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [mid.get]}}}
  mid:   {threads: 9, ops: {get: {work: 0s, cache: {keys: 10000, popularity: `+popularity+`, ttl: 1s, start: cold}, calls: [back.a]}}}
  back:  {cpus: 9, ops: {a: {work: 1ms, errors: 50%}}}
calls: {front: {mid: {fallback: {stale: 1h}}}}
workload: {visits: {rate: 10/s, arrivals: regular, mix: {front.do: 100%}}}
`))
		got := out.Result.Calls.Degraded
		if got < low || low == 0 && got > 20 {
			t.Errorf("%s: %d of %+v were answered from memory", popularity, got, out.Result.Calls)
		}
	}
}

package system

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
)

// layerOf returns what the policies of a slot did between a caller and a callee, without what never happened.
func layerOf(t testing.TB, out Outcome, edge, layer string) map[string]int64 {
	t.Helper()
	for _, e := range out.Result.Edges {
		for _, l := range e.Layers {
			if e.Edge == edge && l.Layer == layer {
				did := map[string]int64{}
				for _, c := range l.Counts {
					if c.N != 0 {
						did[c.Name] = c.N
					}
				}
				return did
			}
		}
	}
	t.Fatalf("there is no layer %s at %s", layer, edge)
	return nil
}

func wantLayer(t testing.TB, out Outcome, edge, layer string, want map[string]int64) {
	t.Helper()
	if diff := cmp.Diff(want, layerOf(t, out, edge, layer)); diff != "" {
		t.Errorf("%s of %s (-want +got):\n%s", layer, edge, diff)
	}
}

// Each call takes 30 ms and a hedge is sent after 10 ms: all copies take as long, so that the first one wins. The
// loser's server goes on, unless it hears that it has lost.
func TestHedges(t *testing.T) {
	for _, tt := range []struct {
		name, policies string
		sent, hedges   int64
		work           time.Duration
		did            map[string]int64
	}{
		{"losers go on", "hedge: {delay: 10ms, budget: none}", 120, 60, 3600 * ms, map[string]int64{"hedges": 60, "cancelled": 60}},
		{"losers are told", "hedge: {delay: 10ms, budget: none}, timeout: {cancel: true}", 120, 60, 60 * (30 + 20) * ms, map[string]int64{"hedges": 60, "cancelled": 60}},
		{"nothing to hedge", "hedge: {delay: 40ms, budget: none}", 60, 0, 1800 * ms, map[string]int64{}},
		{"a budget of nothing", "hedge: {delay: 10ms, budget: {kind: tokens, ratio: 0%}}", 60, 0, 1800 * ms, map[string]int64{"denied": 60}},
		{"three copies", "hedge: {delay: 10ms, attempts: 3, budget: none}, timeout: {cancel: true}", 180, 120, 60 * (30 + 20 + 10) * ms, map[string]int64{"hedges": 120, "cancelled": 120}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {replicas: 3, cpus: 2, ops: {a: {work: 30ms}}}
calls: {front: {back: {`+tt.policies+`}}}
`))
			want := measure.EdgeCounts{Calls: 60, Returned: 60, Hedges: tt.hedges, Sent: tt.sent}
			if e := edgeOf(t, out, "front.back"); e != want {
				t.Errorf("front.back: got %+v, want %+v", e, want)
			}
			if got := busy(t, out, "back", 2); got != tt.work {
				t.Errorf("back worked for %v, want %v", got, tt.work)
			}
			wantLayer(t, out, "front.back", "hedge", tt.did)
			wantLatency(t, out, 30*ms, 30*ms)
		})
	}
}

// Of two replicas, one is a hundred times as slow. A call that meets it is answered by the hedge at the other one,
// 10 ms later than usual; so the turn is at the slow one again.
func TestHedgeWins(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {replicas: 2, ops: {a: {work: 5ms}}}
calls: {front: {back: {hedge: {delay: 10ms}}}}
`), strike(fault.Slow, "back/0", 0, time.Hour, fault.Params{Factor: 100}))
	wantLayer(t, out, "front.back", "hedge", map[string]int64{"hedges": 60, "won": 60, "cancelled": 60})
	wantLatency(t, out, 15*ms, 15*ms)
}

// Retries around hedges, and hedges around retries: attempts = calls + retries + hedges.
func TestHedgesAndRetries(t *testing.T) {
	for order, want := range map[string]measure.EdgeCounts{
		// Each of two tries fails at once, and takes its hedge with it: two copies each.
		"[retry, hedge]": {Calls: 60, Returned: 60, Retries: 60, Hedges: 120, Sent: 240},
		// Each of two copies is tried twice.
		"[hedge, retry]": {Calls: 60, Returned: 60, Retries: 120, Hedges: 60, Sent: 240},
	} {
		out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {replicas: 2, cpus: 9, ops: {a: {work: 1ms, errors: 100%}}}
calls: {front: {back: {order: `+order+`, retry: {attempts: 2, backoff: 10ms..10ms, jitter: none}, hedge: {mode: fallback, on_failure: hurry, budget: none}}}}
`))
		if got := edgeOf(t, out, "front.back"); got != want {
			t.Errorf("%s: got %+v, want %+v", order, got, want)
		}
	}
}

// Retries at three tiers multiply: 3 · 3 · 3 attempts for a call when the last tier fails.
func TestRetriesAtThreeTiers(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {threads: 99, cpus: 9, ops: {do: {work: 0s, calls: [mid.a]}}}
  mid:   {threads: 99, cpus: 9, ops: {a: {work: 0s, calls: [back.a]}}}
  back:  {threads: 99, cpus: 9, ops: {a: {work: 0s, errors: 100%}}}
calls: {default: {retry: {attempts: 3, backoff: 1ms..1ms, jitter: none}}}
`))
	for edge, sent := range map[string]int64{"visits.front": 180, "front.mid": 540, "mid.back": 1620} {
		if e := edgeOf(t, out, edge); e.Sent != sent || e.Retries != sent/3*2 {
			t.Errorf("%s: %+v, want %d sent", edge, e, sent)
		}
		wantLayer(t, out, edge, "retry", map[string]int64{"retries": sent / 3 * 2, "waited_ns": sent / 3 * 2 * int64(ms)})
	}
}

// What the layers did is counted over all lives of the client, and from the warm-up on.
func TestLayers(t *testing.T) {
	story := `
services:
  front: {threads: 99, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {ops: {a: {work: 300ms}}}
calls:
  front: {back: {timeout: {attempt: 100ms}, retry: {attempts: 2, backoff: 50ms..50ms, jitter: none}, fallback: {value: default}}}
healing: {restart: {after: 0s, boot: 0s}}
`
	for warmup, calls := range map[time.Duration]int64{0: 60, 19500 * ms: 41} {
		sc := parse(t, story)
		sc.Study.Warmup = warmup
		plan := planned(strike(fault.Crash, "front/0", 30500*ms, 0))
		out := do(t, Run{Scenario: sc, Plan: plan, Until: 60500*ms - warmup})
		wantLayer(t, out, "front.back", "attempt", map[string]int64{"fired": 2 * calls})
		wantLayer(t, out, "front.back", "retry", map[string]int64{"retries": calls, "waited_ns": calls * 50 * int64(ms)})
		wantLayer(t, out, "front.back", "fallback", map[string]int64{"used": calls})
	}
}

// What travels to the server is the time that is left, or an instant that the server reads off its own clock. With a
// clock that is 10 s fast, an instant has always passed.
func TestPropagation(t *testing.T) {
	for _, tt := range []struct {
		name, propagate, expired string
		offset                   time.Duration
		work                     time.Duration // of back
		fired                    int64         // timeouts of the caller; less if the server answers before
	}{
		{"none", "none", "", 0, 12000 * ms, 60},
		{"what is left", "remaining", "", 0, 6000 * ms, 60},
		{"true is what is left", "true", "", 0, 6000 * ms, 60},
		{"less a margin", "remaining, margin: 40ms", "", 0, 3600 * ms, 0},
		{"an instant", "absolute", "", 0, 6000 * ms, 60},
		{"what is left, with another clock", "remaining", "", 10 * time.Second, 6000 * ms, 60},
		{"an instant of another clock", "absolute", "", 10 * time.Second, 0, 0},
		{"an instant of a slow clock", "absolute", "", -10 * time.Second, 12000 * ms, 60},
		{"turned away up to a share", "absolute", "expired: {share: 20%, period: 60s},", 10 * time.Second, 50 * 200 * ms, 50},
		{"only counted", "absolute", "expired: {dry: true},", 10 * time.Second, 12000 * ms, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			entries := []fault.Entry{}
			if tt.offset != 0 {
				entries = append(entries, strike(fault.Clock, "back/0", 0, time.Hour, fault.Params{Offset: tt.offset}))
			}
			out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {cpus: 2, threads: 9, `+tt.expired+` ops: {a: {work: 200ms}}}
calls: {front: {back: {timeout: {attempt: 100ms, propagate: `+tt.propagate+`}}}}
`), entries...)
			if did := layerOf(t, out, "front.back", "attempt"); did["fired"] != tt.fired {
				t.Errorf("%d timeouts, want %d", did["fired"], tt.fired)
			}
			if got := busy(t, out, "back", 2); got != tt.work {
				t.Errorf("back worked for %v, want %v", got, tt.work)
			}
		})
	}
}

// A caller that looks at the time only every 150 ms takes an answer that comes after 120 ms.
func TestCheckpoint(t *testing.T) {
	for checkpoint, want := range map[string]measure.Calls{"none": {Timeout: 60}, "150ms": {OK: 60}, "110ms": {Timeout: 60}} {
		out := play(t, parse(t, `
services:
  front: {ops: {do: {work: 120ms}}}
calls: {visits: {front: {timeout: {attempt: 100ms, checkpoint: `+checkpoint+`}}}}
`))
		wantCalls(t, out, want)
	}
}

// A breaker for each replica: what they did together is one layer.
func TestLayerOfBreakersPerReplica(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {replicas: 2, ops: {a: {work: 1ms, errors: 100%}}}
calls: {front: {back: {breaker: {per: replica, consecutive: 3, open: 1h}}}}
`))
	// Three calls open each of the two; then both are passed over, and all the rest is turned away by them or the balancer.
	did := layerOf(t, out, "front.back", "breaker")
	if did["allowed"] != 6 || did["opened"] != 2 {
		t.Errorf("the breakers did %v, want 6 allowed and 2 opened", did)
	}
}

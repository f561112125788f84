package system

import (
	"testing"

	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
)

// How many of 60 calls for one thing, one each second, reach what is behind the cache.
func TestCaches(t *testing.T) {
	for _, tt := range []struct {
		name, cache, more string
		entries           []fault.Entry
		sent              int64
		want              measure.Calls
	}{
		{name: "cold", cache: "start: cold, ttl: 1h", sent: 1, want: measure.Calls{OK: 60}},
		{name: "warm, for ever", cache: "start: warm, ttl: none", sent: 0, want: measure.Calls{OK: 60}},
		{name: "a time to live", cache: "start: cold, ttl: 10s", sent: 6, want: measure.Calls{OK: 60}},
		{name: "one in each replica", cache: "start: cold, ttl: 1h, per: replica", more: "mid.replicas=3", sent: 3, want: measure.Calls{OK: 60}},
		{name: "one for all replicas", cache: "start: cold, ttl: 1h", more: "mid.replicas=3", sent: 1, want: measure.Calls{OK: 60}},
		{name: "warm in each replica", cache: "start: warm, ttl: none, per: replica", more: "mid.replicas=3", sent: 0, want: measure.Calls{OK: 60}},
		{name: "a restart empties a replica's own", cache: "start: warm, ttl: none, per: replica",
			entries: []fault.Entry{strike(fault.Crash, "mid/0", 10500*ms, ms)}, sent: 1, want: measure.Calls{OK: 60}},
		{name: "and not the one of all", cache: "start: warm, ttl: none",
			entries: []fault.Entry{strike(fault.Crash, "mid/0", 10500*ms, ms)}, sent: 0, want: measure.Calls{OK: 60}},
		{name: "a flush", cache: "start: warm, ttl: none",
			entries: []fault.Entry{strike(fault.CacheFlush, "mid", 10500*ms, 0)}, sent: 1, want: measure.Calls{OK: 60}},
		{name: "a flush of each replica's", cache: "start: warm, ttl: none, per: replica", more: "mid.replicas=3",
			entries: []fault.Entry{strike(fault.CacheFlush, "mid", 10500*ms, 0)}, sent: 3, want: measure.Calls{OK: 60}},
		{name: "only answers in time", cache: "start: cold, ttl: 1h", more: "ops.a.work=600ms", sent: 60, want: measure.Calls{Error: 60}},
		{name: "late answers too", cache: "start: cold, ttl: 1h, fill: always", more: "ops.a.work=600ms", sent: 1, want: measure.Calls{OK: 59, Error: 1}},
		{name: "no answers but errors", cache: "start: cold, ttl: 1h, fill: always", more: "ops.a.errors=100%", sent: 60, want: measure.Calls{Error: 60}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sets []string
			if tt.more != "" {
				sets = []string{tt.more}
			}
			out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [mid.get]}}}
  mid:   {threads: 9, ops: {get: {work: 0s, cache: {keys: 1, `+tt.cache+`}, calls: [back.a]}}}
  back:  {cpus: 9, ops: {a: {work: 1ms}}}
calls: {mid: {back: {timeout: {attempt: 500ms}}}}
`, sets...), tt.entries...)
			wantCalls(t, out, tt.want)
			if got := edgeOf(t, out, "mid.back").Sent; got != tt.sent {
				t.Errorf("%d calls were sent past the cache, want %d", got, tt.sent)
			}
		})
	}
}

// Ten calls a second for one thing whose loading takes a second: one load, or ten.
func TestSingleFlight(t *testing.T) {
	for single, want := range map[string]int64{"false": 10, "true": 1} {
		out := play(t, parse(t, `
services:
  front: {threads: 99, ops: {do: {work: 0s, cache: {keys: 1, start: cold, ttl: none, single_flight: `+single+`}, calls: [back.a]}}}
  back:  {cpus: 99, ops: {a: {work: 950ms}}}
workload: {visits: {rate: 10/s, arrivals: regular, mix: {front.do: 100%}}}
`))
		wantCalls(t, out, measure.Calls{OK: 605})
		if got := edgeOf(t, out, "front.back").Sent; got != want {
			t.Errorf("single flight %s: %d loads, want %d", single, got, want)
		}
	}
}

// A late answer is kept only for an operation that is nothing but one call: of several calls, one
// answer is not the operation's.
func TestLateAnswersOfSeveralCallsAreNotKept(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, cache: {keys: 1, start: cold, ttl: none, fill: always}, calls: [back.a, back.b]}}}
  back:  {cpus: 99, ops: {a: {work: 600ms}, b: {work: 1ms}}}
calls: {front: {back: {timeout: {attempt: 500ms}}}}
`))
	wantCalls(t, out, measure.Calls{Error: 60})
}

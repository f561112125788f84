package system

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/cache"
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

// What becomes of 60 calls for one thing, one each second, when loading fails from 15.001 s to 45.001 s. It takes
// a millisecond.
func TestOldAnswersAndFailures(t *testing.T) {
	broken := strike(fault.Errors, "back", 15*time.Second+ms, 30*time.Second, fault.Params{Errors: 1})
	for _, tt := range []struct {
		name, cache string
		sent        int64
		want        measure.Calls
		use         CacheUse
	}{
		// Loads at 1, 12, each second from 23 to 44, which fail, 45 and 56.
		{"fails with what is behind it", "ttl: 10s", 26, measure.Calls{OK: 38, Error: 22},
			CacheUse{Hits: 34, Misses: 26}},
		// In the background at 7, 13, 19 to 23, which fail, 51 and 57; for a caller at 1, 24 to 44, and 45.
		{"loads in the background", "ttl: 10s, soft_ttl: 5s", 32, measure.Calls{OK: 39, Error: 21},
			CacheUse{Hits: 37, Misses: 23, Refreshed: 9}},
		// The answer of 12.001 s until 42.001 s.
		{"gives an old answer instead", "ttl: 10s, stale_if_error: 20s", 26, measure.Calls{OK: 38, Degraded: 19, Error: 3},
			CacheUse{Hits: 34, Misses: 26, Stale: 19}},
		// Loads at 1, 12, 23, 29, 35 and 41, which fail, 47 and 58.
		{"keeps a failure", "ttl: 10s, negative: {ttl: 5s}", 8, measure.Calls{OK: 36, Error: 24},
			CacheUse{Hits: 32, Misses: 8, Negative: 20}},
		{"but not of that kind", "ttl: 10s, negative: {ttl: 5s, on: [timeout]}", 26, measure.Calls{OK: 38, Error: 22},
			CacheUse{Hits: 34, Misses: 26}},
		{"and gives an old answer meanwhile", "ttl: 10s, stale_if_error: 20s, negative: {ttl: 5s}", 8, measure.Calls{OK: 36, Degraded: 20, Error: 4},
			CacheUse{Hits: 32, Misses: 8, Negative: 20, Stale: 20}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, calls: [mid.get]}}}
  mid:   {threads: 9, ops: {get: {work: 0s, cache: {keys: 1, start: cold, `+tt.cache+`}, calls: [back.a]}}}
  back:  {cpus: 9, ops: {a: {work: 1ms}}}
`), broken)
			wantCalls(t, out, tt.want)
			if got := edgeOf(t, out, "mid.back").Sent; got != tt.sent {
				t.Errorf("%d calls were sent past the cache, want %d", got, tt.sent)
			}
			tt.use.Cache = "mid.get"
			if diff := cmp.Diff([]CacheUse{tt.use}, out.Caches); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What a failure is kept by is how the operation's own call failed, not that the operation then did.
func TestTimeoutsThatAreKept(t *testing.T) {
	for on, want := range map[string]int64{"timeout": 10, "failed": 60} {
		out := play(t, parse(t, `
services:
  front: {threads: 9, ops: {do: {work: 0s, cache: {keys: 1, start: cold, negative: {ttl: 5s, on: [`+on+`]}}, calls: [back.a]}}}
  back:  {cpus: 9, ops: {a: {work: 600ms}}}
calls: {front: {back: {timeout: {attempt: 500ms}}}}
`))
		if got := edgeOf(t, out, "front.back").Sent; got != want || out.Result.Calls.OK+out.Result.Calls.Timeout > 0 {
			t.Errorf("on: [%s]: %d calls were sent, want %d; %+v", on, got, want, out.Result.Calls)
		}
	}
}

// In a warm cache the most popular things were used last: the others go first.
func TestWarmCachesForgetTheLeastPopular(t *testing.T) {
	inside(t, parse(t, `
services:
  front: {ops: {do: {work: 0s, cache: {keys: 1000, popularity: zipf 0.9, size: 50, ttl: none}, calls: [back.a]}}}
  back:  {ops: {a: {work: 0s}}}
`), nil, func(sys *System) {
		c := sys.services[0].caches[0]
		there := func(thing uint64) bool {
			_, state := c.Lookup(0, cache.Key{Op: "do", Key: thing})
			return state != cache.Absent
		}
		c.Store(0, cache.Key{Op: "do", Key: 999}, patterns.Response{}, 0)
		if c.Len() != 50 || !there(0) || !there(48) || there(49) {
			t.Errorf("%d things, the 1st: %v, the 49th: %v, the 50th: %v", c.Len(), there(0), there(48), there(49))
		}
	}, nil)
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

// Visitors ask for the same things in every variant, whatever is between them and the cache; the most popular as
// often as Zipf's law says; and a cache further down that knows these things finds the same ones.
func TestThingsThatAreAskedFor(t *testing.T) {
	const keys, visits = 50, 20_000
	uniform := things{number: keys}
	weight, total := make([]float64, keys), 0.0
	for k := range weight {
		weight[k] = math.Pow(float64(k+1), -0.9)
		total += weight[k]
	}
	inside(t, parse(t, `
services: {front: {ops: {do: {work: 0s, cache: {keys: 50, popularity: zipf 0.9}}}}}
`), nil, nil, func(sys *System) {
		zipf := &sys.services[0].ops[0].things
		found := make([]float64, keys)
		for id := range uint64(visits) {
			luck := sys.streams[0].luck.At(id)
			key := luck.Uint64()
			thing := zipf.of(key)
			found[thing]++
			if again := zipf.of(thing); again != thing || uniform.of(thing) != thing || uniform.of(key) != key%keys {
				t.Fatalf("thing %d is %d further down", thing, again)
			}
		}
		chi := 0.0
		for k, n := range found {
			want := visits * weight[k] / total
			chi += (n - want) * (n - want) / want
		}
		if chi > 49+4*math.Sqrt(98) { // chi-square with 49 degrees of freedom: mean 49, variance 98
			t.Errorf("the chi-square of the popularity is %v", chi)
		}
	})
}

// A warm cache with a popularity misses from its first second as often as arithmetic says that it does in the long
// run, and any cache does after a while. The approximation where not all have room is right to 3 %.
func TestWarmCachesAreAsInTheLongRun(t *testing.T) {
	for _, cache := range []string{
		"ttl: 30s", "ttl: 30s, size: 300", "popularity: zipf 0.9, ttl: 30s", "popularity: zipf 0.9, ttl: 30s, per: replica",
		"popularity: zipf 0.9, ttl: 30s, soft_ttl: 20s", "popularity: zipf 0.9, ttl: 30s, ttl_jitter: 40%", "popularity: zipf 1.2, ttl: none, size: 100",
		"popularity: zipf 0.7, ttl: 20s, size: 200",
	} {
		sc := parse(t, `
services:
  front: {replicas: 2, threads: 999, ops: {do: {work: 0s, cache: {keys: 1000, `+cache+`}, calls: [back.a]}}}
  back:  {threads: 999, ops: {a: {work: 0s}}}
workload: {visits: {rate: 200/s, mix: {front.do: 100%}}}
`)
		want := sc.Rates()["back.a"]
		for _, lasts := range []time.Duration{10 * time.Second, 3 * time.Minute} {
			const runs = 4
			if lasts < time.Minute && !strings.Contains(cache, "zipf") {
				continue
			}
			var loads, squares float64
			for seed := range uint64(runs) {
				out := do(t, Run{Scenario: sc, Seed: seed + 1, Until: lasts})
				rate := float64(edgeOf(t, out, "front.back").Sent) / lasts.Seconds()
				loads += rate / runs
				squares += rate * rate / runs
			}
			se := math.Sqrt(max(squares-loads*loads, 0) / (runs - 1))
			if math.Abs(loads-want) > 4*se+0.03*want || se > 0.05*want {
				t.Errorf("%s: %.2f ± %.2f loads a second in %v, want %.2f", cache, loads, se, lasts, want)
			}
		}
	}
}

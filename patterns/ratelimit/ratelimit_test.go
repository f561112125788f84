package ratelimit_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// tell plays a story: words of a time, how many permits are asked for (1 if it does not say), a mark, and
// an instant. + is allowed at once, ~ booked for the instant, x refused and possible at the instant. A
// booking must be within a minute.
func tell(t *testing.T, l *ratelimit.Limiter, story string) {
	t.Helper()
	for word := range strings.FieldsSeq(story) {
		i := strings.IndexAny(word, "+~x")
		when, many, _ := strings.Cut(word[:i], "*")
		now, n := at(t, when), 1
		if many != "" {
			n, _ = strconv.Atoi(many)
		}
		mark, wait := word[i], time.Duration(0)
		if mark == '~' {
			wait = time.Minute
		}
		r, ok := l.Reserve(now, n, wait)
		want := now
		switch instant := word[i+1:]; instant {
		case "":
		case "never":
			want = sim.Never
		default:
			want = at(t, instant)
		}
		if ok != (mark != 'x') || r.At != want {
			t.Errorf("%s: at %s: %v at %v, want %c at %v", story, word, ok, r.At, mark, want)
		}
	}
}

func at(t interface{ Fatal(...any) }, s string) sim.Time {
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return sim.Time(d)
}

// per is a limit of so many a second.
func per(a ratelimit.Algorithm, limit int) ratelimit.Config {
	return ratelimit.Config{Algorithm: a, Limit: limit, Period: time.Second}
}

func TestStories(t *testing.T) {
	burst := func(cfg ratelimit.Config, n int) ratelimit.Config { cfg.Burst = n; return cfg }
	slack := func(cfg ratelimit.Config, n int) ratelimit.Config { cfg.Slack = n; return cfg }
	counting := func(cfg ratelimit.Config) ratelimit.Config { cfg.CountRejected = true; return cfg }
	tokens := burst(per(ratelimit.TokenBucket, 10), 2)
	thirds := burst(per(ratelimit.TokenBucket, 3), 1)
	refill := burst(per(ratelimit.Refill, 2), 5)
	window := per(ratelimit.FixedWindow, 2)
	log := per(ratelimit.SlidingLog, 2)
	counter := per(ratelimit.SlidingCounter, 4)
	gcra := burst(per(ratelimit.GCRA, 10), 2)
	leaky := per(ratelimit.LeakyBucket, 10)
	smooth := per(ratelimit.Smooth, 10)
	bursty := burst(per(ratelimit.Warming, 2), 2)
	for _, c := range []struct {
		name  string
		cfg   ratelimit.Config
		start string
		story string
	}{
		{"a bucket is full at first", tokens, "0s", "0s+ 0s+ 0sx100ms"},
		{"its tokens come one by one", tokens, "0s", "0s+ 0s+ 99.999999msx100ms 100ms+ 100msx200ms"},
		{"no more than fit", tokens, "0s", "0s+ 0s+ 10s+ 10s+ 10sx10.1s"},
		{"half a token is kept", tokens, "0s", "0s+ 0s+ 150ms+ 150msx200ms 200ms+"},
		{"those to come can be booked", tokens, "0s", "0s+ 0s+ 0s~100ms 0s~200ms 100msx300ms"},
		{"a refused call books nothing", tokens, "0s", "0s+ 0s+ 0sx100ms 0sx100ms 100ms+"},
		{"several at once", tokens, "0s", "0s*2+ 0s*2x200ms 100ms*2x200ms 200ms*2+"},
		{"never more than fit", tokens, "0s", "0s*3xnever 0s+"},
		{"thirds of a second add up", thirds, "0s", "0s+ 0s~333.333334ms 0s~666.666667ms 0s~1s 0s~1.333333334s"},
		{"a clock that is set back stands still", tokens, "0s", "5s+ 5s+ 5sx5.1s 4s*1x5.1s 5.1s+"},

		{"fillings come together", refill, "0s", "0s*5+ 0sx1s 999.999999msx1s 1s*2+ 1sx2s"},
		{"no more than fit", refill, "0s", "0s*5+ 1s+ 9s*5+ 9sx10s"},
		{"fillings to come can be booked", refill, "0s", "0s*5+ 0s~1s 0s~1s 0s~2s 1s~2s 1s~3s"},
		{"even more than fit", refill, "0s", "0s*5+ 0s*6~3s 3s~4s"},
		{"fillings count from the start", refill, "300ms", "300ms*5+ 1sx1.3s 1.3s+"},
		{"booked ones are not lost in a pause", refill, "0s", "0s*5+ 0s*6~3s 9s*5+ 9sx10s"},

		{"a window of the clock", window, "0s", "0s+ 0s+ 0sx1s 999.999999msx1s 1s+ 1s+ 1sx2s"},
		{"twice as many around its end", window, "0s", "900ms+ 950ms+ 1s+ 1.05s+ 1.1sx2s"},
		{"whenever the client starts", window, "700ms", "700ms+ 800ms+ 900msx1s 1s+"},
		{"later windows can be booked", window, "0s", "0s*2+ 0s~1s 0s*2~2s 0s~2s 0s~3s"},
		{"never more than a window's", window, "0s", "0s*3xnever 0s*2+"},

		{"a log remembers each", log, "0s", "0s+ 400ms+ 500msx1s 999.999999msx1s 1s+ 1sx1.4s 1.4s+"},
		{"one at the edge has left", log, "0s", "0s*2+ 1s*2+ 1sx2s"},
		{"later instants can be booked", log, "0s", "0s+ 400ms+ 400ms~1s 400ms~1.4s 400ms~2s 1.5sx2.4s"},
		{"several at once wait for the last", log, "0s", "0s+ 400ms+ 1s*2x1.4s 1.4s*2+"},
		{"never more than the limit", log, "0s", "0s*3xnever"},
		{"rejected calls can count", counting(log), "0s", "0s+ 400ms+ 900msx1s 1sx1.4s 1.5sx1.9s 2.5s+ 2.5s+"},

		{"a counter knows its window", counter, "0s", "0s*4+ 0sx1.25s 1.249999999sx1.25s 1.25s+ 1.25sx1.5s"},
		{"the window before counts for its share", counter, "0s", "0s*4+ 1.5s+ 1.5s+ 1.5sx1.75s"},
		{"the one before that does not", counter, "0s", "0s*4+ 2s*4+"},
		{"later instants can be booked", counter, "0s", "0s*4+ 0s~1.25s 0s~1.5s 0s~1.75s 0s~2s 0s~2.333333334s 1.8sx2.666666667s"},
		{"at the end of a window that is full", counter, "0s", "0s*4+ 1s*4x2s 2s*4+"},
		{"never more than the limit", counter, "0s", "0s*5xnever"},
		{"rejected calls can count", counting(counter), "0s", "0s*4+ 500ms*4x2s 1sx1.625s 1.5sx1.75s 2s+"},

		{"a cell is early by the tolerance", gcra, "0s", "0s+ 0s+ 0sx100ms 99.999999msx100ms 100ms+"},
		{"and no more", gcra, "0s", "10s+ 10s+ 10sx10.1s"},
		{"later instants can be booked", gcra, "0s", "0s+ 0s+ 0s~100ms 0s~200ms 100msx300ms"},
		{"never more than the tolerance", gcra, "0s", "0s*3xnever 0s*2+ 0s*2x200ms"},

		{"a leak lets one through at a time", leaky, "0s", "0s+ 0sx100ms 99.999999msx100ms 100ms+"},
		{"a pause saves nothing", leaky, "0s", "0s+ 10s+ 10sx10.1s"},
		{"in order", leaky, "0s", "0s+ 0s~100ms 0s~200ms 250msx300ms"},
		{"at first there is no slack", slack(leaky, 2), "0s", "0s+ 0sx100ms"},
		{"later there is", slack(leaky, 2), "0s", "0s+ 10s+ 10s+ 10s+ 10sx10.1s"},
		{"only what was missed is made up for", slack(leaky, 2), "0s", "0s+ 250ms+ 250ms+ 250msx300ms"},
		{"several at once", slack(leaky, 2), "0s", "0s*3x200ms 0s+ 10s*4x10.1s 10s*3+ 10sx10.1s"},

		{"one in an interval", smooth, "0s", "0s+ 0sx100ms 100ms+"},
		{"wherever in the interval", smooth, "0s", "190ms+ 199msx200ms 200ms+ 201msx300ms"},
		{"intervals count from the start", smooth, "30ms", "30ms+ 129msx130ms 130ms+"},
		{"in order", smooth, "0s", "50ms+ 50ms~100ms 50ms~200ms 250msx300ms"},
		{"several at once wait for the last", smooth, "0s", "0s*3x200ms 1s*3~1.2s 1.2sx1.3s"},

		{"the next one pays", bursty, "0s", "0s*4+ 0sx2s 1.999999sx2s 2s+ 2sx2.5s"},
		{"a pause saves permits", bursty, "0s", "0s+ 2s+ 2s+ 2s+ 2sx2.5s"},
		{"no more than fit", bursty, "0s", "0s+ 99s+ 99s+ 99s+ 99sx99.5s"},
		{"what is saved adds up", bursty, "0s", "0s+ 2s+ 2.5s+ 2.5s+ 2.5s+ 2.5sx3s"},
		{"later instants can be booked", bursty, "0s", "0s+ 0s~500ms 0s~1s 1.2sx1.5s"},
	} {
		l := ratelimit.New(c.cfg, at(t, c.start))
		t.Run(fmt.Sprint(c.cfg.Algorithm, ": ", c.name), func(t *testing.T) { tell(t, l, c.story) })
	}
}

// What can never be is refused, however long one would wait.
func TestNever(t *testing.T) {
	cfg := per(ratelimit.TokenBucket, 10)
	cfg.Burst = 2
	l := ratelimit.New(cfg, 0)
	for _, wait := range []time.Duration{-1, math.MaxInt64} {
		if r, ok := l.Reserve(0, 3, wait); ok || r.At != sim.Never {
			t.Errorf("3 of 2 within %v: %v at %v", wait, ok, r.At)
		}
	}
}

// Who gives back first what it booked last leaves everything as it was; so does who gives it back at the
// instant at which it may be used.
func TestGivingBackInOrder(t *testing.T) {
	cfg := per(ratelimit.TokenBucket, 10)
	cfg.Burst = 1
	l := ratelimit.New(cfg, 0)
	one, _ := l.Reserve(0, 1, 0)
	two, _ := l.Reserve(0, 1, time.Second)
	l.Cancel(0, two)
	l.Cancel(0, one)
	tell(t, l, "0s+ 0sx100ms")
	three, _ := l.Reserve(0, 1, time.Second)
	l.Cancel(three.At+1, three) // used
	tell(t, l, "100msx200ms")
}

// configs draws a limiter whose arithmetic is small enough for slow models.
func configs(t *rapid.T, of ...ratelimit.Algorithm) ratelimit.Config {
	cfg := ratelimit.Config{
		Algorithm: rapid.SampledFrom(of).Draw(t, "algorithm"),
		Limit:     rapid.IntRange(1, 7).Draw(t, "limit"),
		Period:    time.Duration(rapid.IntRange(7, 60).Draw(t, "period")),
	}
	switch cfg.Algorithm {
	case ratelimit.TokenBucket, ratelimit.Refill, ratelimit.GCRA:
		cfg.Burst = rapid.IntRange(1, 5).Draw(t, "burst")
	case ratelimit.LeakyBucket:
		cfg.Slack = rapid.IntRange(0, 3).Draw(t, "slack")
	case ratelimit.Warming:
		cfg.Period *= time.Microsecond
		if rapid.Bool().Draw(t, "warm-up") {
			cfg.WarmUp, cfg.Cold = time.Duration(rapid.IntRange(1, 200).Draw(t, "warm-up time"))*time.Microsecond, 3
		} else {
			cfg.Burst = rapid.IntRange(0, 5).Draw(t, "burst")
		}
	}
	return cfg
}

var all = []ratelimit.Algorithm{
	ratelimit.TokenBucket, ratelimit.Refill, ratelimit.FixedWindow, ratelimit.SlidingLog, ratelimit.SlidingCounter,
	ratelimit.GCRA, ratelimit.LeakyBucket, ratelimit.Smooth, ratelimit.Warming,
}

// a request of a random story.
type request struct {
	now  sim.Time
	n    int
	wait time.Duration
}

func requests(t *rapid.T, start sim.Time, unit time.Duration) (list []request) {
	now := start
	for range rapid.IntRange(1, 40).Draw(t, "requests") {
		now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 2, 5, 10, 20, 70, 300}).Draw(t, "later")) * unit)
		wait := time.Duration(rapid.SampledFrom([]int{0, 0, 3, 20, 50, 200}).Draw(t, "wait")) * unit
		list = append(list, request{now, rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "permits"), wait})
	}
	return list
}

// What every algorithm promises: who came first is served first, nobody waits longer than agreed, who
// is refused can come back exactly when it was told, and leaves no trace.
func TestPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, all...)
		unit := time.Duration(1)
		if cfg.Algorithm == ratelimit.Warming {
			unit = time.Microsecond
		}
		start := sim.Time(rapid.IntRange(0, 100).Draw(t, "start")) * sim.Time(unit)
		story := requests(t, start, unit)
		// again plays what the first so many were allowed of.
		again := func(upTo int, allowed []bool) *ratelimit.Limiter {
			l := ratelimit.New(cfg, start)
			for i, q := range story[:upTo] {
				if allowed[i] {
					l.Reserve(q.now, q.n, q.wait)
				}
			}
			return l
		}
		l := ratelimit.New(cfg, start)
		var newest sim.Time
		allowed := make([]bool, len(story))
		var counts ratelimit.Counts
		for i, q := range story {
			r, ok := l.Reserve(q.now, q.n, q.wait)
			allowed[i] = ok
			if without, okToo := again(i, allowed).Reserve(q.now, q.n, q.wait); without.At != r.At || okToo != ok {
				t.Fatalf("request %d gets %v %v, and without those refused before it %v %v", i, r.At, ok, without.At, okToo)
			}
			if !ok {
				counts.Rejected++
				if r.At <= q.now.Add(q.wait) {
					t.Fatalf("request %d is refused, though it can be served at %v", i, r.At)
				}
				spaced := cfg.Algorithm == ratelimit.LeakyBucket || cfg.Algorithm == ratelimit.Smooth || cfg.Algorithm == ratelimit.Refill
				if r.At == sim.Never || spaced && q.n > max(1, cfg.Burst) {
					continue // so many can be booked, and are never there at once
				}
				if _, ok := again(i, allowed).Reserve(r.At-1, q.n, 0); ok {
					t.Fatalf("request %d was told to come at %v, and is served before that", i, r.At)
				}
				if _, ok := again(i, allowed).Reserve(r.At, q.n, 0); !ok {
					t.Fatalf("request %d was told to come at %v, and is refused then", i, r.At)
				}
				continue
			}
			counts.Allowed++
			if r.At > q.now {
				counts.Waited++
			}
			if r.At < q.now || r.At > q.now.Add(q.wait) || r.At < newest {
				t.Fatalf("request %d at %v is served at %v, with a wait of %v, after %v", i, q.now, r.At, q.wait, newest)
			}
			newest = r.At
		}
		if got := l.Counts(); got != counts {
			t.Fatalf("counted %+v, want %+v", got, counts)
		}
	})
}

func TestValidateNamesEveryBadField(t *testing.T) {
	for _, c := range []struct {
		cfg  ratelimit.Config
		want string
	}{
		{ratelimit.Config{Period: -1, SlowReject: true}, `ratelimit: Limit is 0, need 1 to 1,000,000,000
ratelimit: Period is -1ns, need more than 0
ratelimit: Burst is 0, need 1 or more
ratelimit: SlowReject is true, need false without a Wait that ends`},
		{
			ratelimit.Config{Algorithm: ratelimit.FixedWindow, Limit: 1, Period: 1, Burst: 1, Slack: 1, WarmUp: 1, Cold: 1, CountRejected: true, Wait: 1},
			`ratelimit: Burst is 1, need 0 for fixed_window, which has none
ratelimit: Slack is 1, need 0 for fixed_window, which has none
ratelimit: WarmUp is 1ns, need 0 for fixed_window, which has none
ratelimit: Cold is 1, need 0 for fixed_window, which has none
ratelimit: CountRejected is true, need false for fixed_window
ratelimit: CountRejected is true, need false where calls may wait`,
		},
		{ratelimit.Config{Algorithm: 99, Limit: 1, Period: 1}, "ratelimit: Algorithm is algorithm 99, need one of the package's"},
		{
			ratelimit.Config{Algorithm: ratelimit.TokenBucket, Limit: 1, Period: 24 * time.Hour, Burst: 1 << 20},
			"ratelimit: Burst is 1048576, need less, to be counted exactly in this Period",
		},
		{ratelimit.Config{Algorithm: ratelimit.Refill, Limit: 1, Period: 1}, "ratelimit: Burst is 0, need 1 to 1,000,000,000"},
		{
			ratelimit.Config{Algorithm: ratelimit.SlidingLog, Limit: 1_000_001, Period: 1},
			"ratelimit: Limit is 1000001, need at most 1,000,000, for each is remembered",
		},
		{
			ratelimit.Config{Algorithm: ratelimit.GCRA, Limit: 2, Period: 1, Burst: 0},
			"ratelimit: Limit is 2, need at most one call in a nanosecond\nratelimit: Burst is 0, need 1 or more, and less than 292 years of calls",
		},
		{
			ratelimit.Config{Algorithm: ratelimit.LeakyBucket, Limit: 1, Period: 1, Slack: -1},
			"ratelimit: Slack is -1, need 0 or more, and less than 292 years of calls",
		},
		{
			ratelimit.Config{Algorithm: ratelimit.LeakyBucket, Limit: 1, Period: 1 << 62, Slack: 3},
			"ratelimit: Slack is 3, need 0 or more, and less than 292 years of calls",
		},
		{
			ratelimit.Config{Algorithm: ratelimit.Warming, Limit: 1, Period: 1, Burst: 1, WarmUp: 1, Cold: 1},
			"ratelimit: Burst is 1, need 0 with a WarmUp, which says how much is saved\nratelimit: Cold is 1, need more than 1 and at most 1000",
		},
		{
			ratelimit.Config{Algorithm: ratelimit.Warming, Limit: 1, Period: 1, Burst: -1, Cold: 3},
			"ratelimit: Burst is -1, need 0 or more\nratelimit: Cold is 3, need 0 without a WarmUp",
		},
	} {
		if err := c.cfg.Validate(); err == nil || err.Error() != c.want {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
}

func TestPresetsAreValid(t *testing.T) {
	for i, cfg := range []ratelimit.Config{
		ratelimit.DefaultConfig(), ratelimit.XTime(), ratelimit.Resilience4j(), ratelimit.Uber(), ratelimit.Juju(),
		ratelimit.Throttled(), ratelimit.FailsafeSmooth(), ratelimit.FailsafeBursty(), ratelimit.GuavaBursty(),
		ratelimit.GuavaWarmingUp(), ratelimit.EnvoyLocal(), ratelimit.EnvoyLocalTimer(), ratelimit.Cloudflare(),
	} {
		if err := cfg.Validate(); err != nil {
			t.Errorf("preset %d: %v", i, err)
		}
		if l := ratelimit.New(cfg, 0); !l.Allow(0) || l.Config() != cfg {
			t.Errorf("preset %d: the first call is refused, or the configuration is another", i)
		}
	}
}

func ExampleLimiter() {
	cfg := ratelimit.DefaultConfig()
	cfg.Limit, cfg.Burst = 10, 2
	l := ratelimit.New(cfg, 0)
	for _, now := range []time.Duration{0, 0, 0, 50 * time.Millisecond, 100 * time.Millisecond} {
		fmt.Println(now, l.Allow(sim.Time(now)))
	}
	r, _ := l.Reserve(sim.Time(150*time.Millisecond), 2, time.Second)
	fmt.Println("two more at", r.At)
	// Output:
	// 0s true
	// 0s true
	// 0s false
	// 50ms false
	// 100ms true
	// two more at 300ms
}

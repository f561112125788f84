package shed_test

import (
	"math"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/shed"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// a step is a call that ends, and the limit after it.
type step struct {
	rtt      time.Duration
	inFlight int
	dropped  bool
	want     int
}

func walk(t *testing.T, limit shed.Limit, steps []step) {
	t.Helper()
	var now sim.Time
	for i, x := range steps {
		began := now
		now = now.Add(x.rtt)
		limit.Learn(now, shed.Sample{Began: began, RTT: x.rtt, InFlight: x.inFlight, Dropped: x.dropped})
		if got := limit.Limit(now); got != x.want {
			t.Fatalf("after step %d, %+v, the limit is %d", i, x, got)
		}
	}
}

const ok, drop = false, true

func TestAIMDStories(t *testing.T) {
	cfg := shed.AIMDConfig{Initial: 10, Min: 5, Max: 12, Backoff: 0.75, Timeout: time.Second}
	for _, c := range []struct {
		name  string
		cfg   shed.AIMDConfig
		steps []step
	}{
		{"one more for each that ends well", cfg, []step{{ms, 10, ok, 11}, {ms, 11, ok, 12}}},
		{"up to the most", cfg, []step{{ms, 10, ok, 11}, {ms, 11, ok, 12}, {ms, 12, ok, 12}}},
		{"half of it in use is enough", cfg, []step{{ms, 5, ok, 11}, {ms, 5, ok, 11}, {ms, 6, ok, 12}}},
		{"a share less for one that is dropped, cut", cfg, []step{{ms, 10, drop, 7}, {ms, 1, drop, 5}}},
		{"down to the least", cfg, []step{{ms, 10, drop, 7}, {ms, 7, drop, 5}, {ms, 5, drop, 5}}},
		{"slow is more than the time", cfg, []step{{s, 1, ok, 10}, {s + 1, 1, ok, 7}}},
		{"or never", shed.AIMDConfig{Initial: 10, Min: 5, Max: 12, Backoff: 0.75}, []step{{time.Hour, 1, ok, 10}}},
	} {
		t.Run(c.name, func(t *testing.T) { walk(t, shed.NewAIMD(c.cfg), c.steps) })
	}
}

// By hand from VegasLimit.java: queue = ceil(limit*(1-shortest/rtt)), thresholds 1, 3 and 6 times log10. With
// a limit of 16 and an rtt of 16 ms the queue is 16 less the shortest in ms, exactly.
func TestVegasGoldenVectors(t *testing.T) {
	cfg := shed.DefaultVegasConfig()
	cfg.Initial, cfg.Max, cfg.Probe = 16, 200, 0
	with := func(set func(*shed.VegasConfig)) shed.VegasConfig { c := cfg; set(&c); return c }
	for _, c := range []struct {
		name  string
		cfg   shed.VegasConfig
		steps []step
	}{
		{"no queue: by beta", cfg, []step{{16 * ms, 16, ok, 16}, {16 * ms, 16, ok, 22}, {16 * ms, 22, ok, 28}}},
		{"a queue of 1, the threshold", cfg, []step{{15 * ms, 16, ok, 16}, {16 * ms, 16, ok, 22}}},
		{"of 2, less than alpha: by 1", cfg, []step{{14 * ms, 16, ok, 16}, {16 * ms, 16, ok, 17}}},
		{"of 3, alpha: it stays", cfg, []step{{13 * ms, 16, ok, 16}, {16 * ms, 16, ok, 16}}},
		{"of 6, beta: it stays", cfg, []step{{10 * ms, 16, ok, 16}, {16 * ms, 16, ok, 16}}},
		{"of 7, more than beta: less by 1", cfg, []step{{9 * ms, 16, ok, 16}, {16 * ms, 16, ok, 15}}},
		{"a part of a call is a call", cfg, []step{{9_999 * time.Microsecond, 16, ok, 16}, {16 * ms, 16, ok, 15}}},
		{"the first, and one that is shorter, move nothing", cfg, []step{{9 * ms, 16, drop, 16}, {8 * ms, 16, drop, 16}}},
		{"dropped: less by 1, however few", cfg, []step{{9 * ms, 16, ok, 16}, {9 * ms, 1, drop, 15}}},
		{"half in use", cfg, []step{{16 * ms, 16, ok, 16}, {16 * ms, 7, ok, 16}, {16 * ms, 8, ok, 22}}},
		{"below 10 as much", with(func(c *shed.VegasConfig) { c.Initial = 8 }), []step{{16 * ms, 8, ok, 8}, {16 * ms, 8, ok, 14}}},
		{"from 100 on twice as much", with(func(c *shed.VegasConfig) { c.Initial = 128 }), []step{
			{16 * ms, 128, ok, 128}, {16 * ms, 128, ok, 140}, {16 * ms, 140, drop, 138},
		}},
		{"a queue of 2 of 128", with(func(c *shed.VegasConfig) { c.Initial = 128 }), []step{{126 * ms, 128, ok, 128}, {128 * ms, 128, ok, 140}}},
		{"the most", with(func(c *shed.VegasConfig) { c.Max = 20 }), []step{{16 * ms, 16, ok, 16}, {16 * ms, 16, ok, 20}}},
		{"the least is 1", with(func(c *shed.VegasConfig) { c.Initial = 1 }), []step{{ms, 1, ok, 1}, {ms, 1, drop, 1}}},
		{"half of the way", with(func(c *shed.VegasConfig) { c.Smoothing = 0.5 }), []step{
			{16 * ms, 16, ok, 16}, {16 * ms, 16, ok, 19}, {16 * ms, 19, ok, 22}, {16 * ms, 22, drop, 21}, // 21.5
		}},
	} {
		stream := sim.Seed(1).Stream("jitter")
		t.Run(c.name, func(t *testing.T) { walk(t, shed.NewVegas(c.cfg, &stream), c.steps) })
	}
}

// The shortest time is forgotten after (0.5+u/2)*30 calls for each of a limit of 20. Where 10 ms are
// shortest, 20 ms are a queue of 10 and the limit shrinks; the call at which it is forgotten moves nothing.
func TestVegasProbes(t *testing.T) {
	draws := sim.Seed(1).Stream("jitter")
	due := func() int { return int(math.Ceil((0.5 + draws.Float64()/2) * 30 * 20)) }
	first, second := due(), due()
	for _, c := range []struct {
		calls []int // until a call that shows whether the one before was a probe
		want  int
	}{{[]int{first - 1}, 19}, {[]int{first}, 20}, {[]int{first, second - 1}, 19}, {[]int{first, second}, 20}} {
		jitter := sim.Seed(1).Stream("jitter")
		v := shed.NewVegas(shed.DefaultVegasConfig(), &jitter)
		for round, n := range c.calls {
			v.Learn(0, shed.Sample{RTT: 10 * ms, InFlight: 1})
			for range n - 2 {
				v.Learn(0, shed.Sample{RTT: 20 * ms, InFlight: 1})
			}
			inFlight := 1
			if round == len(c.calls)-1 {
				inFlight = 20
			}
			v.Learn(0, shed.Sample{RTT: 20 * ms, InFlight: inFlight})
		}
		if got := v.Limit(0); got != c.want {
			t.Errorf("after %v calls the limit is %d, want %d", c.calls, got, c.want)
		}
	}
	// After the probe the longer time is the shortest: no queue.
	jitter := sim.Seed(1).Stream("jitter")
	v := shed.NewVegas(shed.DefaultVegasConfig(), &jitter)
	v.Learn(0, shed.Sample{RTT: 10 * ms, InFlight: 1})
	for range first {
		v.Learn(0, shed.Sample{RTT: 20 * ms, InFlight: 1})
	}
	v.Learn(0, shed.Sample{RTT: 20 * ms, InFlight: 20})
	if got := v.Limit(0); got != 26 {
		t.Errorf("after the probe the limit is %d, want 26", got)
	}
}

// By hand from Gradient2Limit.java, with a queue of 4 and half of the way where it says so:
//
//	1 ms: usual 1 ms, gradient 1: 1000 + 4
//
// The first ten are averaged: ten of 8 ms, and then, with a long window of 3, each new one counts half.
//
//	4 ms: usual 6; 6/4 is not more than 2; gradient 1
//	1 ms: usual 3.5; 3.5/1 is, and what is usual becomes 3.5*0.95 = 3.325; gradient 1
//	8 ms: usual (3.325+8)/2 = 5.6625; gradient 5.6625/8 = 0.7078125
//	100 ms: usual (5.6625+100)/2 = 52.83; gradient 0.5283
//	1000 ms: usual 526.4; gradient 0.5264
func TestGradient2GoldenVectors(t *testing.T) {
	cfg := shed.Gradient2Config{Initial: 1000, Min: 10, Max: 1_000_000, Queue: 4, Tolerance: 1, Smoothing: 1, LongWindow: 3}
	with := func(set func(*shed.Gradient2Config)) shed.Gradient2Config { c := cfg; set(&c); return c }
	still := with(func(c *shed.Gradient2Config) { c.Queue = 0 })
	const much = 1_000_000
	usual8 := []step{}
	for range 10 {
		usual8 = append(usual8, step{8 * ms, much, ok, 1000})
	}
	for _, c := range []struct {
		name  string
		cfg   shed.Gradient2Config
		steps []step
	}{
		{"as long as usual: by the queue", cfg, []step{{ms, 1000, ok, 1004}, {ms, 1004, ok, 1008}}},
		{"dropped or not", cfg, []step{{ms, 1000, drop, 1004}}},
		{"half in use", cfg, []step{{ms, 499, ok, 1000}, {ms, 500, ok, 1004}, {ms, 502, ok, 1008}}},
		{"the mean of the first", still, []step{{ms, much, ok, 1000}, {2 * ms, much, ok, 750}, {3 * ms, much, ok, 500}}}, // 1.5/2; 2/3, of 750
		{"of ten", still, append(usual8[:9:9], step{18 * ms, much, ok, 500}, step{18 * ms, much, ok, 375})},              // 9/18; (9+18)/2 = 13.5, 13.5/18
		{"then an exponential average", still, append(usual8[:10:10],
			step{4 * ms, much, ok, 1000}, step{ms, much, ok, 1000}, step{8 * ms, much, ok, 707}, step{100 * ms, much, ok, 373}, step{s, much, ok, 196})},
		{"no less than half", with(func(c *shed.Gradient2Config) { c.Queue, c.LongWindow = 0, 600 }),
			append(usual8[:10:10], step{s, much, ok, 500})},
		{"one and a half times as long is tolerable", with(func(c *shed.Gradient2Config) { c.Queue, c.Tolerance = 0, 1.5 }),
			append(usual8[:10:10], step{16 * ms, much, ok, 1000}, step{1000 * ms, much, ok, 759})}, // 1.5*12 > 16; 1.5*506/1000
		{"the least", with(func(c *shed.Gradient2Config) { c.Initial, c.Queue = 12, 0 }), []step{{ms, much, ok, 12}, {s, much, ok, 10}}},
		{"the most", with(func(c *shed.Gradient2Config) { c.Max = 1001 }), []step{{ms, much, ok, 1001}}},
		{"a fifth of the way", with(func(c *shed.Gradient2Config) { c.Queue, c.Smoothing = 10, 0.2 }), []step{{ms, 1000, ok, 1002}, {ms, 1002, ok, 1004}}},
	} {
		t.Run(c.name, func(t *testing.T) { walk(t, shed.NewGradient2(c.cfg), c.steps) })
	}
}

func TestWindowedStories(t *testing.T) {
	inner := &fixed{limit: 7}
	w := shed.NewWindowed(shed.WindowedConfig{Shortest: s, Longest: 3 * s, Calls: 2, MinRTT: ms}, inner)
	if got := w.Limit(0); got != 7 {
		t.Errorf("the limit is %d, want that of the inner one", got)
	}
	for _, c := range []struct {
		ended, rtt time.Duration
		inFlight   int
		dropped    bool
		samples    int // that the inner limit has learned after it
	}{
		{500 * ms, 100 * ms, 1, ok, 0},     // ends a window, of one call: the next ends after 0.5 s + 1 s
		{900 * ms, 100 * ms, 9, drop, 0},   //
		{1400 * ms, 999 * us, 99, ok, 0},   // too short to count
		{1450 * ms, ms, 1, ok, 0},          // just long enough
		{1500 * ms, 400 * ms, 3, ok, 0},    // not after
		{1501 * ms, 100 * ms, 2, ok, 1},    // (100+1+400+100)/4, 9 under way, dropped; the next after 1.501 s + 1 s
		{2502 * ms, 100 * ms, 1, ok, 1},    // alone: after 3.502 s
		{3502 * ms, 1200 * ms, 1, ok, 1},   //
		{3503 * ms, 2000 * ms, 1, ok, 2},   // the shortest of these took 1.2 s: after 3.503 s + 2.4 s
		{5903 * ms, 9000 * ms, 1, ok, 2},   //
		{5904 * ms, 9000 * ms, 1, ok, 3},   // 3 s is the most: after 8.904 s
		{8904 * ms, 1000 * ms, 1, ok, 3},   //
		{8904*ms + 1, 1000 * ms, 1, ok, 4}, //
	} {
		w.Learn(at(c.ended), shed.Sample{Began: at(c.ended - c.rtt), RTT: c.rtt, InFlight: c.inFlight, Dropped: c.dropped})
		if len(inner.samples) != c.samples {
			t.Fatalf("at %v the inner limit has learned %v", c.ended, inner.samples)
		}
	}
	want := []string{"1.501s:150.25ms/9-", "3.503s:1.6s/1+", "5.904s:9s/1+", "8.904000001s:1s/1+"}
	for i := range want {
		if inner.samples[i] != want[i] {
			t.Errorf("learned %s, want %s", inner.samples[i], want[i])
		}
	}
}

const us = time.Microsecond

// By hand from gradient_controller.cc and circllhist.c. Calls that take 10.0 to 10.9 ms share a bin, and the
// median of n in it is its middle: 10.5 ms. With a buffer of 25 % the limit is multiplied by 13.125 ms over
// the median of the last 100 ms, and gets its own root on top:
//
//	10 ms: 13.125/10.5 = 1.25: 3 -> 3.75 + 1.94 = 5.69
//	20 ms: 13.125/20.5 = 0.64: 5 -> 3.20 + 1.79 = 4.99
//	100 ms: 13.125/105 is less than half: 8 -> 4 + 2 = 6
//	1 ms: 13.125/1.05 is more than twice: 4 -> 8 + 2.83 = 10.83
func TestGradientGoldenVectors(t *testing.T) {
	cfg := shed.DefaultGradientConfig()
	cfg.Requests, cfg.Remeasure, cfg.Jitter = 4, 10*s, 0
	jitter := sim.Seed(1).Stream("jitter")
	g := shed.NewGradient(cfg, 0, &jitter)
	var now sim.Time
	// calls end at an instant, so many that took so long.
	calls := func(when time.Duration, n int, took time.Duration) {
		now = at(when)
		for range n {
			g.Learn(now, shed.Sample{Began: now.Add(-took), RTT: took})
		}
	}
	expect := func(when time.Duration, limit int, measuring bool) {
		t.Helper()
		if got, m := g.Limit(at(when)), g.Measuring(at(when)); got != limit || m != measuring {
			t.Fatalf("at %v the limit is %d, measuring %v, want %d, %v", when, got, m, limit, measuring)
		}
	}
	expect(0, 3, true)
	calls(10*ms, 3, 10*ms)
	expect(10*ms, 3, true)
	calls(10*ms, 1, 10*ms) // the fourth ends the measurement: updates at 110 ms, 210 ms, ...
	expect(10*ms, 3, false)
	calls(109*ms, 4, 10*ms)
	expect(110*ms-1, 3, false)
	expect(110*ms, 5, false)
	calls(150*ms, 6, 20*ms)
	expect(210*ms, 4, false)
	expect(900*ms, 4, false) // nothing to go by
	calls(950*ms, 2, ms)
	expect(1009*ms, 4, false)
	expect(1010*ms, 10, false)
	calls(1050*ms, 3, 100*ms)
	expect(1110*ms, 7, false) // 5 + 2.24

	// Measured again 10 s after the first measurement, with what began since.
	calls(10_009*ms, 5, ms)
	expect(10_010*ms-1, 7, false)
	expect(10_010*ms, 3, true) // the update of 10.01 s came first: 14 + 3.74 is what it will be
	now = at(10_020 * ms)
	for range 9 {
		g.Learn(now, shed.Sample{Began: at(10_010*ms) - 1, RTT: ms})
	}
	expect(10_020*ms, 3, true)
	calls(11*s, 4, 40*ms)
	expect(11*s, 17, false)

	// Five updates in a row that leave it at 3 say that this was not the time without load. One without calls
	// says nothing.
	for i, want := range []int{11, 7, 5, 4, 3, 3, 3, 3, 3} { // half, and the root of that
		update := 11*s + time.Duration(i+1)*100*ms
		calls(update-ms, 2, 900*ms)
		expect(update, want, false)
	}
	expect(12*s, 3, false)
	calls(12*s+50*ms, 2, 900*ms)
	expect(12*s+100*ms-1, 3, false)
	expect(12*s+100*ms, 3, true)
	calls(12*s+250*ms, 4, 100*ms)
	expect(12*s+250*ms, 3, false)
	calls(12*s+300*ms, 2, ms) // and it goes up again: 6 + 2.45
	expect(12*s+350*ms, 8, false)
	for i, want := range []int{6, 4, 3, 3, 3, 3, 3, 8, 6, 4, 3, 3, 3, 3} { // four in a row are not enough
		took := 300 * ms
		if want == 8 {
			took = ms
		}
		update := 12*s + 450*ms + time.Duration(i)*100*ms
		calls(update-ms, 2, took)
		expect(update, want, false)
	}
}

// The end of a measurement is none of the five.
func TestGradientMeasuresAgainAfterFive(t *testing.T) {
	cfg := shed.DefaultGradientConfig()
	cfg.Requests = 1
	// Calls of 50 ms hold the limit at 3. One of 1 ms lifts it to int(3.75 + √3.75) = 5, from where it
	// goes over int(2.5 + √2.5) = 4 back to 3, and the next five leave it there.
	for _, took := range [][]int{{50, 50, 50, 50, 50}, {50, 50, 50, 1, 50, 50, 50, 50, 50, 50, 50}} {
		jitter := sim.Seed(1).Stream("jitter")
		g := shed.NewGradient(cfg, 0, &jitter)
		g.Learn(0, shed.Sample{RTT: ms})
		for i, n := range took {
			update := at(100*ms) * sim.Time(i+1)
			rtt := time.Duration(n) * ms
			g.Learn(update-1, shed.Sample{Began: (update - 1).Add(-rtt), RTT: rtt})
			if got := g.Measuring(update); got != (i == len(took)-1) {
				t.Errorf("%v: after update %d it measures: %v", took, i+1, got)
			}
		}
	}
}

// What was under way before a measurement, or ended before it, is no part of it.
func TestGradientMeasuresFromTheStart(t *testing.T) {
	cfg := shed.DefaultGradientConfig()
	cfg.Requests, cfg.Remeasure, cfg.Jitter = 2, 150*ms, 0
	jitter := sim.Seed(1).Stream("jitter")
	g := shed.NewGradient(cfg, 0, &jitter)
	learn := func(began, ended time.Duration) {
		g.Learn(at(ended), shed.Sample{Began: at(began), RTT: ended - began})
	}
	learn(0, ms)
	learn(0, ms)
	learn(110*ms, 120*ms)
	learn(130*ms, 155*ms) // it measures since 151 ms
	learn(151*ms, 156*ms)
	if !g.Measuring(at(156 * ms)) {
		t.Error("of one call it knows how long two take")
	}
	learn(152*ms, 157*ms)
	if g.Measuring(at(157 * ms)) {
		t.Error("two calls are not enough")
	}
}

func TestGradientHasAMost(t *testing.T) {
	cfg := shed.DefaultGradientConfig()
	cfg.Requests, cfg.Max = 1, 4
	jitter := sim.Seed(1).Stream("jitter")
	g := shed.NewGradient(cfg, 0, &jitter)
	g.Learn(0, shed.Sample{RTT: ms})
	g.Learn(0, shed.Sample{RTT: ms})
	if got := g.Limit(at(100 * ms)); got != 4 {
		t.Errorf("the limit is %d, want 4", got)
	}
}

// The next measurement is up to 15 % of 10 s later, in whole milliseconds, each time anew.
func TestGradientJitter(t *testing.T) {
	cfg := shed.DefaultGradientConfig()
	cfg.Requests, cfg.Remeasure = 1, 10*s
	draws, jitter := sim.Seed(1).Stream("jitter"), sim.Seed(1).Stream("jitter")
	g := shed.NewGradient(cfg, at(s), &jitter)
	now := at(s)
	for round := range 3 {
		if !g.Measuring(now) {
			t.Fatalf("round %d: the measurement does not begin at %v", round, now)
		}
		g.Learn(now, shed.Sample{Began: now, RTT: ms})
		now = now.Add(10*s + time.Duration(draws.IntN(1500))*ms)
		if g.Measuring(now - 1) {
			t.Fatalf("round %d: the measurement begins before %v", round, now)
		}
	}
}

// Nothing depends on when somebody looks: a limit that is asked at every millisecond is the same as one that
// hears of calls only.
func TestGradientIsLazy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := shed.DefaultGradientConfig()
		cfg.Max, cfg.Requests = 50, rapid.IntRange(1, 5).Draw(t, "requests")
		cfg.Update = time.Duration(rapid.IntRange(1, 30).Draw(t, "update")) * ms
		cfg.Remeasure = time.Duration(rapid.IntRange(1, 200).Draw(t, "remeasure")) * ms
		one, other := sim.Seed(1).Stream("jitter"), sim.Seed(1).Stream("jitter")
		lazy, eager := shed.NewGradient(cfg, 0, &one), shed.NewGradient(cfg, 0, &other)
		var now sim.Time
		for i := range rapid.IntRange(1, 60).Draw(t, "calls") {
			for range rapid.SampledFrom([]int{0, 1, 3, 20, 150}).Draw(t, "ms") {
				now = now.Add(ms)
				eager.Limit(now)
			}
			took := time.Duration(rapid.IntRange(1, 40).Draw(t, "took")) * ms
			sample := shed.Sample{Began: now.Add(-took), RTT: took}
			lazy.Learn(now, sample)
			eager.Learn(now, sample)
			if a, b := lazy.Limit(now), eager.Limit(now); a != b || lazy.Measuring(now) != eager.Measuring(now) {
				t.Fatalf("after call %d at %v: %d, and %d if it is asked all the time", i, now, a, b)
			}
		}
	})
}

// A server with 20 threads, whose calls take 8 to 12 ms on one of them, first come, first served, and
// clients that always have another call: by Little's law l calls under way take l/20*10 ms.
//
//	Vegas: the queue is l-20, and it rests between 3 and 6 of them: 23 to 26
//	Gradient: l = 1.25*20 + root of that = 30
//	AIMD, where 25 ms are too long, which 50 calls take: it grows to 51, and falls to 45
//
// What moves with every call sees, for a round trip, nothing of what it has just done, and overshoots;
// so the first and the last of these look at windows.
func TestWhereLimitsSettle(t *testing.T) {
	jitter := sim.Seed(1).Stream("jitter")
	vegas := shed.DefaultVegasConfig()
	vegas.Probe = 0
	window := shed.DefaultWindowedConfig()
	window.Shortest, window.Longest = 100*ms, 100*ms
	for _, c := range []struct {
		name        string
		limit       shed.Limit
		least, most int
	}{
		{"vegas", shed.NewWindowed(window, shed.NewVegas(vegas, &jitter)), 23, 26},
		{"gradient", shed.NewGradient(shed.DefaultGradientConfig(), 0, &jitter), 29, 31},
		{"aimd", shed.NewWindowed(window, shed.NewAIMD(shed.AIMDConfig{Initial: 20, Min: 1, Max: 200, Backoff: 0.9, Timeout: 25 * ms})), 45, 52},
	} {
		simulate(t, func(s *sim.Simulation) {
			l := shed.NewLimiter(shed.DefaultLimiterConfig(), c.limit)
			threads := sim.NewResource(s, "threads", 20, sim.FIFO)
			work := s.Stream("work")
			call := l.Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
				if err := threads.Acquire(p, 1, 0); err != nil {
					return patterns.Response{}, err
				}
				defer threads.Release(1)
				return patterns.Response{}, p.Sleep(8*ms + time.Duration(work.IntN(int(4*ms))))
			})
			const end = sim.Time(10 * time.Second)
			for range 60 {
				s.Go("client", func(p *sim.Process) {
					for p.Now() < end {
						if _, err := call(p, patterns.Request{}); err != nil {
							p.Sleep(300 * us)
						}
					}
				})
			}
			low, high := math.MaxInt, 0
			for now := sim.Time(5 * time.Second); now < end; now += sim.Time(7 * ms) {
				s.At(now, func() { low, high = min(low, c.limit.Limit(s.Now())), max(high, c.limit.Limit(s.Now())) })
			}
			s.RunUntilIdle()
			if low < c.least || high > c.most {
				t.Errorf("%s: it moves between %d and %d, want %d to %d", c.name, low, high, c.least, c.most)
			}
		})
	}
}

func TestLimitConfigs(t *testing.T) {
	for _, cfg := range []interface{ Validate() error }{
		shed.DefaultAIMDConfig(), shed.DefaultVegasConfig(), shed.DefaultGradient2Config(), shed.DefaultWindowedConfig(), shed.DefaultGradientConfig(),
	} {
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct {
		cfg  interface{ Validate() error }
		want string
	}{
		{shed.AIMDConfig{Max: -1, Timeout: -1}, `shed: AIMDConfig.Min is 0, need 1 or more
shed: AIMDConfig.Max is -1, need Min to 1,000,000
shed: AIMDConfig.Initial is 0, need Min to Max
shed: AIMDConfig.Backoff is 0, need 0.5 to less than 1
shed: AIMDConfig.Timeout is -1ns, need 0 or more`},
		{shed.VegasConfig{Threshold: 3, Alpha: 2, Beta: 1, Probe: -1}, `shed: VegasConfig.Max is 0, need 1 to 1,000,000
shed: VegasConfig.Initial is 0, need 1 to Max
shed: VegasConfig.Threshold is 3, need 0 to Alpha
shed: VegasConfig.Alpha is 2, need 0 to Beta
shed: VegasConfig.Smoothing is 0, need more than 0 and at most 1
shed: VegasConfig.Probe is -1, need 0 or more`},
		{shed.VegasConfig{Initial: 1, Max: 1, Beta: 1001, Smoothing: 1}, "shed: VegasConfig.Beta is 1001, need at most 1000"},
		{shed.Gradient2Config{Initial: 1, Min: 1, Max: 1, Queue: -1}, `shed: Gradient2Config.Queue is -1, need 0 to 1,000,000
shed: Gradient2Config.Tolerance is 0, need 1 or more
shed: Gradient2Config.Smoothing is 0, need more than 0 and at most 1
shed: Gradient2Config.LongWindow is 0, need 1 or more`},
		{shed.WindowedConfig{Shortest: -1, Longest: -2, MinRTT: -1}, `shed: WindowedConfig.Shortest is -1ns, need 0 or more
shed: WindowedConfig.Longest is -2ns, need Shortest or more
shed: WindowedConfig.Calls is 0, need 1 or more
shed: WindowedConfig.MinRTT is -1ns, need 0 or more`},
		{shed.GradientConfig{Max: -1, Quantile: 2, Jitter: 2, Buffer: 2}, `shed: GradientConfig.Min is 0, need 1 or more
shed: GradientConfig.Max is -1, need Min to 1,000,000
shed: GradientConfig.Update is 0s, need more than 0
shed: GradientConfig.Quantile is 2, need 0 to 1
shed: GradientConfig.Remeasure is 0s, need more than 0 and at most 8760h
shed: GradientConfig.Jitter is 2, need 0 to 1
shed: GradientConfig.Requests is 0, need 1 or more
shed: GradientConfig.Buffer is 2, need 0 to 1`},
	} {
		if err := c.cfg.Validate(); err == nil || err.Error() != c.want {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
}

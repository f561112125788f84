package retry_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

const almostOne = 1 - 0x1p-53

func TestDelays(t *testing.T) {
	ms := time.Millisecond
	exponential := func(j retry.Jitter) retry.Backoff {
		return retry.Backoff{First: 50 * ms, Max: 300 * ms, Factor: 2, Jitter: j}
	}
	spread := func(j retry.Jitter, share float64) retry.Backoff {
		b := exponential(j)
		b.Spread = share
		return b
	}
	change := func(b retry.Backoff, f func(*retry.Backoff)) retry.Backoff {
		f(&b)
		return b
	}
	for _, c := range []struct {
		name    string
		backoff retry.Backoff
		u       float64
		want    []time.Duration // of one call, one after another
	}{
		{"exponential", exponential(retry.None), 0.5, []time.Duration{50 * ms, 100 * ms, 200 * ms, 300 * ms, 300 * ms}},
		{"full, unlucky", exponential(retry.Full), 0.5, []time.Duration{25 * ms, 50 * ms, 100 * ms, 150 * ms, 150 * ms}},
		{"full, lucky", exponential(retry.Full), 0, []time.Duration{0, 0, 0}},
		{"equal", exponential(retry.Equal), 0.5, []time.Duration{37500 * time.Microsecond, 75 * ms, 150 * ms, 225 * ms}},
		{"equal, lucky", exponential(retry.Equal), 0, []time.Duration{25 * ms, 50 * ms, 100 * ms, 150 * ms}},
		{"equal, of an odd number", retry.Backoff{First: 3, Factor: 1, Jitter: retry.Equal}, 0, []time.Duration{2}},
		{"decorrelated", exponential(retry.Decorrelated), 0.5, []time.Duration{100 * ms, 175 * ms, 287500 * time.Microsecond, 300 * ms}},
		{"decorrelated, lucky", exponential(retry.Decorrelated), 0, []time.Duration{50 * ms, 50 * ms, 50 * ms}},
		{"constant", retry.Constant(70 * ms), 0.9, []time.Duration{70 * ms, 70 * ms, 70 * ms}},
		{"none", retry.Backoff{Factor: 1}, 0.9, []time.Duration{0, 0}},
		{"linear", retry.Backoff{First: 100 * ms, Max: 350 * ms, Growth: retry.Linear, Step: 100 * ms}, 0, []time.Duration{100 * ms, 200 * ms, 300 * ms, 350 * ms}},
		{"fibonacci", retry.Backoff{First: 10 * ms, Max: 100 * ms, Growth: retry.Fibonacci}, 0, []time.Duration{10 * ms, 10 * ms, 20 * ms, 30 * ms, 50 * ms, 80 * ms, 100 * ms, 100 * ms}},
		{"polynomial", retry.Backoff{First: 10 * ms, Growth: retry.Polynomial, Factor: 2}, 0, []time.Duration{10 * ms, 40 * ms, 90 * ms, 160 * ms}},
		{"proportional, lucky", spread(retry.Proportional, 0.2), 0, []time.Duration{40 * ms, 80 * ms, 160 * ms, 240 * ms, 240 * ms}},
		{"proportional, beyond the cap", spread(retry.Proportional, 0.2), 0.75, []time.Duration{55 * ms, 110 * ms, 220 * ms, 330 * ms}},
		{"upward", spread(retry.Upward, 0.5), 0.5, []time.Duration{62500 * time.Microsecond, 125 * ms, 250 * ms, 375 * ms}},
		{"around", retry.Backoff{First: 50 * ms, Factor: 2, Jitter: retry.Around, Width: 60 * ms}, 0, []time.Duration{0, 40 * ms, 140 * ms}},
		{"around, unlucky", retry.Backoff{First: 50 * ms, Factor: 2, Jitter: retry.Around, Width: 60 * ms}, 0.75, []time.Duration{80 * ms, 130 * ms}},
		{"the cap last", change(spread(retry.Proportional, 0.2), func(b *retry.Backoff) { b.CapLast = true }), 0.75, []time.Duration{55 * ms, 110 * ms, 220 * ms, 300 * ms}},
		{"the cap last, lucky", change(spread(retry.Full, 0), func(b *retry.Backoff) { b.CapLast = true }), 0.25, []time.Duration{12500 * time.Microsecond, 25 * ms, 50 * ms, 100 * ms, 200 * ms, 300 * ms}},
		{"no jitter at the cap", change(spread(retry.Full, 0), func(b *retry.Backoff) { b.FlatCap = true }), 0.5, []time.Duration{25 * ms, 50 * ms, 100 * ms, 300 * ms, 300 * ms}},
		{"the first one exactly", change(spread(retry.Full, 0), func(b *retry.Backoff) { b.FirstExact = true }), 0.5, []time.Duration{50 * ms, 50 * ms, 100 * ms, 150 * ms}},
		{"decorrelated, the first one exactly", change(spread(retry.Decorrelated, 0), func(b *retry.Backoff) { b.FirstExact = true }), 0.5, []time.Duration{50 * ms, 100 * ms, 175 * ms}},
		{"cut down as it grows", retry.Backoff{First: 5 * ms, Factor: 1.5, Grain: ms}, 0, []time.Duration{5 * ms, 7 * ms, 10 * ms, 15 * ms, 22 * ms}},
		{"cut down after the jitter", retry.Backoff{First: 5 * ms, Factor: 1, Jitter: retry.Full, Grain: ms}, 0.5, []time.Duration{2 * ms}},
		// 2^n-1 is 1, 3, 7, 15, and then grows no more: 15*25ms is beyond 250ms, so a third of the waits is 250ms.
		{"envoy's", retry.Backoff{First: 25 * ms, Max: 250 * ms, Factor: 2, Jitter: retry.EnvoyJitter}, 0.5, []time.Duration{12500 * time.Microsecond, 37500 * time.Microsecond, 87500 * time.Microsecond, 187500 * time.Microsecond, 187500 * time.Microsecond}},
		{"envoy's, unlucky", retry.Backoff{First: 25 * ms, Max: 250 * ms, Factor: 2, Jitter: retry.EnvoyJitter}, 0.75, []time.Duration{18750 * time.Microsecond, 56250 * time.Microsecond, 131250 * time.Microsecond, 250 * ms}},
		{"one and a half", retry.Backoff{First: 100 * ms, Factor: 1.5}, 0, []time.Duration{100 * ms, 150 * ms, 225 * ms}},
	} {
		var waits retry.Waits
		for i, want := range c.want {
			if got := c.backoff.Next(&waits, c.u); got != want {
				t.Errorf("%s: retry %d waits %v, want %v", c.name, i+1, got, want)
			}
		}
	}
}

// Polly's waits are differences of 2^t·tanh(√(4t)) at t = n + luck, times First/1.4, in ticks of 100 ns.
// The numbers were worked out from that formula in double precision, with 2^t by the library's pow and
// tanh; for luck 0 the curve begins at 0, and (2·tanh(2) - 0)/1.4 s·2 = 2.7543645 s.
func TestPollyVectors(t *testing.T) {
	for _, c := range []struct {
		luck []float64
		want []time.Duration
	}{
		{[]float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, []time.Duration{1794809800, 2186007000, 4071495900, 8091958800, 16167263200, 32327325600}},
		{[]float64{0, 0, 0, 0, 0, 0}, []time.Duration{0, 2754364500, 2920134600, 5731699700, 11435613700, 22860544800}},
		{[]float64{0.25, 0.75, 0.1, 0.9}, []time.Duration{1293847400, 3463137400, 1330335400, 15223330600}},
	} {
		cfg := retry.PollyJittered()
		var waits retry.Waits
		for i, want := range c.want {
			if got := cfg.Backoff.Next(&waits, c.luck[i]); got != want {
				t.Errorf("luck %v: wait %d is %v, want %v", c.luck, i+1, got, want)
			}
		}
	}
}

// The medians of when Polly tries again are near First, 2·First, 4·First: that is what 1/1.4 is for.
func TestPollyMedians(t *testing.T) {
	cfg := retry.PollyJittered()
	draws := sim.Seed(1).Stream("luck")
	after := make([][]time.Duration, 4)
	for range 4001 {
		var w retry.Waits
		var sum time.Duration
		for i := range after {
			sum += cfg.Backoff.Next(&w, draws.Float64())
			after[i] = append(after[i], sum)
		}
	}
	for i, list := range after {
		slices.Sort(list)
		median, want := list[len(list)/2].Seconds(), 2*math.Exp2(float64(i))
		if median < 0.85*want || median > 1.15*want {
			t.Errorf("the median of try %d is after %.2f s, want about %v", i+1, median, want)
		}
	}
}

// Whatever the luck, a wait stays between the bounds of its jitter, and nothing overflows.
func TestDelayBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := retry.Backoff{
			First:   time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "first")),
			Growth:  retry.Growth(rapid.IntRange(0, 3).Draw(t, "growth")),
			Factor:  rapid.Float64Range(1, 10).Draw(t, "factor"),
			Step:    time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "step")),
			Jitter:  retry.Jitter(rapid.IntRange(0, 8).Draw(t, "jitter")),
			Spread:  rapid.Float64Range(0, 1).Draw(t, "spread"),
			Width:   time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "width")),
			CapLast: rapid.Bool().Draw(t, "cap last"),
			FlatCap: rapid.Bool().Draw(t, "flat cap"),
			Grain:   rapid.SampledFrom([]time.Duration{0, 100, time.Millisecond}).Draw(t, "grain"),
		}
		b.FirstExact = rapid.Bool().Draw(t, "first exact")
		if rapid.Bool().Draw(t, "capped") {
			b.Max = b.First + time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "beyond first"))
		}
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
		const forever = 1 << 61
		limit := float64(forever)
		if b.Max > 0 {
			limit = float64(b.Max)
		}
		var waits retry.Waits
		fib, before := float64(b.First), 0.0
		for n := 1; n < 120; n++ {
			u := rapid.Float64Range(0, almostOne).Draw(t, "u")
			previous := waits.Previous
			got := b.Next(&waits, u)
			e := 0.0
			switch b.Growth {
			case retry.Exponential:
				e = float64(b.First) * math.Pow(b.Factor, float64(n-1))
			case retry.Linear:
				e = float64(b.First) + float64(n-1)*float64(b.Step)
			case retry.Fibonacci:
				e = fib
				fib, before = fib+before, fib
			case retry.Polynomial:
				e = float64(b.First) * math.Pow(float64(n), b.Factor)
			}
			e = math.Min(e, forever)
			if !b.CapLast {
				e = math.Min(e, limit)
			}
			low, high := e, e
			switch b.Jitter {
			case retry.Full:
				low = 0
			case retry.Equal:
				low = e / 2
			case retry.Proportional:
				low, high = e*(1-b.Spread), e*(1+b.Spread)
			case retry.Upward:
				high = e * (1 + b.Spread)
			case retry.Around:
				low, high = math.Max(e-float64(b.Width), 0), e+float64(b.Width)
			case retry.Decorrelated:
				low, high = float64(b.First), math.Max(float64(b.First), 3*float64(previous))
				if previous == 0 {
					high = 3 * float64(b.First)
				}
				low, high = math.Min(low, limit), math.Min(high, limit)
			case retry.EnvoyJitter:
				low, high = 0, math.Min(float64(b.First)*(math.Pow(b.Factor, float64(n))-1), limit)
			case retry.PollyJitter:
				low, high = 0, math.Min(float64(b.First)*math.Exp2(float64(n+1)), forever)
			}
			// Growth that is cut to grains may never reach Max.
			if b.FlatCap && b.Grain == 0 && e >= limit && b.Jitter < retry.EnvoyJitter && b.Jitter != retry.Decorrelated {
				low, high = limit, limit
			}
			if b.FirstExact && n == 1 && b.Jitter < retry.EnvoyJitter {
				low, high = math.Min(float64(b.First), limit), math.Min(float64(b.First), limit)
			}
			if b.CapLast {
				low, high = math.Min(low, limit), math.Min(high, limit)
			}
			high = math.Min(high, forever)
			if b.Grain > 0 { // every step of the growth is cut
				low -= low * math.Min(1, float64(b.Grain)/math.Max(float64(b.First), 1)*float64(n)*2)
				low -= float64(b.Grain)
			}
			const rounding = 1e-9
			if x := float64(got); x < 0 || x < low*(1-rounding)-2 || x > high*(1+rounding)+2 {
				t.Fatalf("%+v: retry %d after %v with luck %v waits %v, want %v to %v", b, n, previous, u, got, time.Duration(low), time.Duration(high))
			}
			if b.Grain > 0 && got%b.Grain != 0 {
				t.Fatalf("%v is no multiple of %v", got, b.Grain)
			}
		}
	})
}

// mean gathers observations for a mean and its standard error.
type mean struct{ n, sum, squares float64 }

func (m *mean) add(x float64) { m.n++; m.sum += x; m.squares += x * x }

func (m *mean) mean() float64 { return m.sum / m.n }

func (m *mean) standardError() float64 {
	return math.Sqrt((m.squares/m.n - m.mean()*m.mean()) / (m.n - 1))
}

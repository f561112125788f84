package retry_test

import (
	"math"
	"math/rand/v2"
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
		{"decorrelated", exponential(retry.Decorrelated), 0.5, []time.Duration{100 * ms, 175 * ms, 287500 * time.Microsecond, 300 * ms}},
		{"decorrelated, lucky", exponential(retry.Decorrelated), 0, []time.Duration{50 * ms, 50 * ms, 50 * ms}},
		{"constant", retry.Constant(70 * ms), 0.9, []time.Duration{70 * ms, 70 * ms, 70 * ms}},
		{"none", retry.Backoff{Factor: 1}, 0.9, []time.Duration{0, 0}},
		{"one and a half", retry.Backoff{First: 100 * ms, Factor: 1.5}, 0, []time.Duration{100 * ms, 150 * ms, 225 * ms}},
	} {
		var previous time.Duration
		for i, want := range c.want {
			previous = c.backoff.Delay(i+1, previous, c.u)
			if previous != want {
				t.Errorf("%s: retry %d waits %v, want %v", c.name, i+1, previous, want)
			}
		}
	}
}

// Whatever the luck, a delay stays between the bounds of its jitter, and nothing overflows.
func TestDelayBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := retry.Backoff{
			First:  time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "first")),
			Factor: rapid.Float64Range(1, 10).Draw(t, "factor"),
			Jitter: retry.Jitter(rapid.IntRange(0, 3).Draw(t, "jitter")),
		}
		if rapid.Bool().Draw(t, "capped") {
			b.Max = b.First + time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "beyond first"))
		}
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
		var previous time.Duration
		for n := 1; n < 200; n++ {
			u := rapid.Float64Range(0, almostOne).Draw(t, "u")
			got := b.Delay(n, previous, u)
			e := math.Min(float64(b.First)*math.Pow(b.Factor, float64(n-1)), 1<<61)
			if b.Max > 0 {
				e = math.Min(e, float64(b.Max))
			}
			low, high := e, e
			switch b.Jitter {
			case retry.Full:
				low = 0
			case retry.Equal:
				low = e / 2
			case retry.Decorrelated:
				low, high = float64(b.First), math.Max(float64(b.First), 3*float64(previous))
				if previous == 0 {
					high = 3 * float64(b.First)
				}
				if b.Max > 0 {
					high = math.Min(high, float64(b.Max))
				}
			}
			const rounding = 1e-9
			if x := float64(got); x < low*(1-rounding)-2 || x > high*(1+rounding)+2 {
				t.Fatalf("%+v: retry %d after %v with luck %v waits %v, want %v to %v", b, n, previous, u, got, time.Duration(low), time.Duration(high))
			}
			previous = got
		}
	})
}

// The experiment of "Exponential Backoff and Jitter": clients compete for one row with a version.
// The numbers are means of 4,000 independent replications of the article's own program.
func TestContentionOfTheArticle(t *testing.T) {
	ms := time.Millisecond
	exponential := func(j retry.Jitter) retry.Backoff {
		return retry.Backoff{First: 10 * ms, Max: 2000 * ms, Factor: 2, Jitter: j}
	}
	for _, c := range []struct {
		name      string
		backoff   retry.Backoff
		calls, ms float64
	}{
		{"none", retry.Backoff{Factor: 1}, 689.5, 1140.1},
		{"exponential", exponential(retry.None), 624.5, 36481},
		{"equal", exponential(retry.Equal), 347.3, 4244.4},
		{"full", exponential(retry.Full), 332.6, 2903.7},
		{"decorrelated", retry.Backoff{First: 5 * ms, Max: 2000 * ms, Factor: 1, Jitter: retry.Decorrelated}, 374.6, 2211.6},
	} {
		const replications = 300
		var calls, last mean
		w := sim.NewWorker()
		defer w.Close()
		for seed := range uint64(replications) {
			n, end := contention(t, w, c.backoff, seed, 50)
			calls.add(float64(n))
			last.add(end.Seconds() * 1000)
		}
		if got, se := calls.mean(), calls.standardError(); math.Abs(got-c.calls) > 4*se || se > 0.005*c.calls {
			t.Errorf("%s: %.2f ± %.2f calls, want %v", c.name, got, se, c.calls)
		}
		if got, se := last.mean(), last.standardError(); math.Abs(got-c.ms) > 4*se || se > 0.02*c.ms {
			t.Errorf("%s: %.1f ± %.1f ms, want %v", c.name, got, se, c.ms)
		}
	}
}

// contention lets clients read a version and write it back changed, until each has succeeded
// once. It returns the writes and when the last client was done.
func contention(t *testing.T, w *sim.Worker, b retry.Backoff, seed uint64, clients int) (writes int, last sim.Time) {
	luck := rand.New(rand.NewPCG(seed, 1))
	hop := func() time.Duration {
		return time.Duration(math.Abs(10+2*luck.NormFloat64()) * float64(time.Millisecond))
	}
	_, err := w.Run(sim.Config{}, func(s *sim.Simulation) {
		version := 0
		for range clients {
			s.Go("client", func(p *sim.Process) {
				var wait time.Duration
				for n := 1; ; n++ {
					p.Sleep(hop())
					read := version
					p.Sleep(hop())
					p.Sleep(hop())
					writes++
					won := read == version
					if won {
						version++
					}
					p.Sleep(hop())
					if won {
						last = p.Now()
						return
					}
					wait = b.Delay(n, wait, luck.Float64())
					p.Sleep(wait)
				}
			})
		}
		if err := s.RunUntilIdle(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return writes, last
}

// mean gathers observations for a mean and its standard error.
type mean struct{ n, sum, squares float64 }

func (m *mean) add(x float64) { m.n++; m.sum += x; m.squares += x * x }

func (m *mean) mean() float64 { return m.sum / m.n }

func (m *mean) standardError() float64 {
	return math.Sqrt((m.squares/m.n - m.mean()*m.mean()) / (m.n - 1))
}

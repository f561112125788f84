package retry_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
)

// The experiment of "Exponential Backoff and Jitter": clients compete for one row with a version.
// The numbers are means of 4,000 independent replications of the article's own program.
func TestContentionOfTheArticle(t *testing.T) {
	ms := time.Millisecond
	exponential := func(j retry.Jitter) retry.Backoff {
		return retry.Backoff{First: 10 * ms, Max: 2000 * ms, Factor: 2, Jitter: j}
	}
	backoffs := map[string]retry.Backoff{
		"none": {Factor: 1}, "exponential": exponential(retry.None), "equal": exponential(retry.Equal), "full": exponential(retry.Full),
		"decorrelated": {First: 5 * ms, Max: 2000 * ms, Factor: 1, Jitter: retry.Decorrelated},
	}
	for _, c := range []struct {
		clients      int
		backoff      string
		calls, ms    float64
		replications uint64
	}{
		{10, "none", 50.8, 379.7, 600},
		{10, "full", 39.1, 465.4, 1000},
		{50, "none", 689.5, 1140.1, 100},
		{50, "exponential", 624.5, 36481, 300},
		{50, "equal", 347.3, 4244.4, 400},
		{50, "full", 332.6, 2903.7, 500},
		{50, "decorrelated", 374.6, 2211.6, 600},
		{100, "none", 2422.0, 2026.7, 40},
		{100, "exponential", 1855.6, 63390, 80},
		{100, "equal", 812.2, 6612.0, 150},
		{100, "full", 795.8, 4901.3, 200},
		{100, "decorrelated", 1001.6, 4587.9, 300},
		{190, "none", 8004.2, 3537.4, 10},
		{190, "equal", 1760.0, 9427.8, 80},
		{190, "full", 1771.7, 7449.0, 80},
		{190, "decorrelated", 2434.8, 7909.0, 120},
	} {
		t.Run(fmt.Sprint(c.clients, " ", c.backoff), func(t *testing.T) {
			t.Parallel()
			var calls, last mean
			w := sim.NewWorker()
			defer w.Close()
			for seed := range c.replications {
				n, end := contention(t, w, backoffs[c.backoff], seed, c.clients)
				calls.add(float64(n))
				last.add(end.Seconds() * 1000)
			}
			for _, m := range []struct {
				what string
				mean
				want, band float64
			}{{"calls", calls, c.calls, 0.01}, {"ms", last, c.ms, 0.03}} {
				got, se := m.mean.mean(), m.standardError()
				t.Logf("%.2f ± %.2f %s, want %v", got, se, m.what, m.want)
				if off := math.Abs(got - m.want); off > 4*se || off > m.band*m.want || se > m.band/2*m.want {
					t.Errorf("%.2f ± %.2f %s, want %v", got, se, m.what, m.want)
				}
			}
		})
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
				var waits retry.Waits
				for {
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
					p.Sleep(b.Next(&waits, luck.Float64()))
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

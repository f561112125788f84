package theory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/models/theory"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"gonum.org/v1/gonum/stat/distuv"
)

// hedged makes calls to a server without limits through a hedge, and returns the mean, the 99th and the
// 99.9th percentile of their times, and how many copies a call made. The first ones do not count.
func hedged(w *world, cfg hedge.Config, attempt dist.Distribution, calls, warmup int) []float64 {
	server := w.external(attempt).Call(w.via, w.here)
	copies := 0
	call := hedge.New(cfg, w.s.Now(), nil).Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if req.Key >= uint64(warmup) {
			copies++
		}
		return server(p, req)
	})
	var times []float64
	sum := 0.0
	w.calls(warmup+calls, 100, func(p *sim.Process, i int, req patterns.Request) {
		start := p.Now()
		call(p, req)
		if took := p.Now().Sub(start).Seconds(); i >= warmup {
			times = append(times, took)
			sum += took
		}
	})
	slices.Sort(times)
	quantile := func(per1000 int) float64 { return times[calls*per1000/1000] }
	return []float64{sum / float64(calls), quantile(990), quantile(999), float64(copies) / float64(calls)}
}

// A second copy after the 95th percentile: 5 % more load, and a shorter tail.
func TestSimulatedHedge(t *testing.T) {
	t.Parallel()
	exponentialLatency, lognormalLatency := distuv.Exponential{Rate: 1}, distuv.LogNormal{Sigma: 1}
	for _, c := range []struct {
		name    string
		latency theory.Latency
		attempt dist.Distribution
		at      float64
	}{
		{"exponential", exponentialLatency, exponential(1), 0.95},
		{"lognormal", lognormalLatency, dist.Must(dist.NewLognormal(0, 1)), 0.95},
		{"lognormal", lognormalLatency, dist.Must(dist.NewLognormal(0, 1)), 0.90},
		{"exponential", exponentialLatency, exponential(1), 0},
	} {
		t.Run(fmt.Sprintf("%s at %v", c.name, c.at), func(t *testing.T) {
			want := theory.Hedge{Attempt: c.latency, Delay: c.latency.Quantile(c.at)}
			cfg := hedge.Config{Attempts: 2, Mode: hedge.Fixed, Delay: dist.Seconds(want.Delay), On: patterns.Transient}
			all := replicate(t, 20, func(w *world) []float64 { return hedged(w, cfg, c.attempt, 20_000, 0) })
			agree(t, "mean", all[0], want.Mean(), 0.005)
			agree(t, "p99", all[1], want.Quantile(0.99), 0.01)
			agree(t, "p99.9", all[2], want.Quantile(0.999), 0.02)
			if c.at > 0 {
				agree(t, "copies", all[3], want.Load(), 0.002)
			}
		})
	}
}

// A percentile that is learned from what hedges leave of it is another one. Let S be the share of first
// copies that take longer than the delay d: S = exp(-d). Of those, the first copy and the hedge then both
// have an exponential time to go and are equally likely to win, after a time with twice the rate.
//
// If only copies that succeed count, one counts for each call, and it took longer than d if the first won
// late, or the hedge won and took longer than d itself: S/2 + S/2·S². At the 95th percentile that is 0.05.
// If those count too that are cancelled, for as long as they ran, S of the calls bring two, the first of
// which took longer than d: S + S·S² of 1 + S.
func TestSimulatedHedgeThatLearns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		from  hedge.Source
		share float64
	}{
		{"successes", hedge.Successes, 0.0990}, // S + S³ = 0.1
		{"outrun", hedge.Outrun, 0.0525},       // S + S³ = 0.05 (1 + S)
	} {
		cfg := hedge.DefaultConfig()
		cfg.Budget, cfg.Learn.From = nil, c.from
		cfg.Learn.Step = 100 * time.Second // 300 s, in which there are 30,000 calls
		all := replicate(t, 10, func(w *world) []float64 { return hedged(w, cfg, exponential(1), 30_000, 40_000) })
		var share []float64
		for _, copies := range all[3] {
			share = append(share, copies-1)
		}
		mean, se := meanSE(share)
		t.Logf("%s: %.4f ± %.4f of the calls are hedged", c.name, mean, se)
		if mean < 0.97*c.share || mean > 1.03*c.share {
			t.Errorf("%s: %.4f ± %.4f of the calls are hedged, want %v within 3 %%", c.name, mean, se, c.share)
		}
	}
}

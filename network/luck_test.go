package network_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// fates sends messages with the keys 1 to n, 0 for the rest, and returns when each arrived.
func fates(cfg network.Config, keys, total int, from, to string, before func(w *world)) []sim.Time {
	at := make([]sim.Time, total)
	sim.Run(sim.Config{Seed: 7}, func(s *sim.Simulation) {
		w := newWorld(s, cfg)
		if before != nil {
			before(w)
		}
		for i := range total {
			key := uint64(i + 1)
			if i >= keys {
				key = 0
			}
			w.n.Send(w.n.Host(from), w.n.Host(to), 0, key, func(any) { at[i] = s.Now() }, nil)
		}
		s.RunUntilIdle()
	})
	return at
}

var lucky = network.Path{Latency: dist.Must(dist.NewExponential(0.01)), Loss: 0.3, Reorder: 0.2, ReorderDelay: time.Second}

// The same key meets the same luck on another link, and whatever else was sent before.
func TestKeyedLuckBelongsToTheKey(t *testing.T) {
	there := fates(every(lucky), 500, 500, "a", "b", nil)
	elsewhere := fates(every(lucky), 500, 500, "c", "a", func(w *world) {
		for range 10 {
			w.n.Send(w.c, w.a, 0, 0, func(any) {}, nil)
		}
	})
	if diff := cmp.Diff(there, elsewhere); diff != "" {
		t.Errorf("-a to b +c to a:\n%s", diff)
	}
}

// More loss loses more messages, never others, and leaves the latency of the rest alone.
func TestMoreLossLosesMoreOfTheSame(t *testing.T) {
	worse := lucky
	worse.Loss = 0.6
	little, much := fates(every(lucky), 500, 500, "a", "b", nil), fates(every(worse), 500, 500, "a", "b", nil)
	lost := 0
	for i := range little {
		if much[i] != 0 && much[i] != little[i] {
			t.Errorf("message %d arrived at %v with more loss, and at %v with less", i, much[i], little[i])
		}
		if much[i] == 0 && little[i] != 0 {
			lost++
		}
	}
	if lost == 0 {
		t.Error("more loss lost no more")
	}
}

// Shares and latencies are what the configuration says, with keys and without.
func TestSharesAreTrue(t *testing.T) {
	const n = 20_000
	for name, keys := range map[string]int{"with keys": n, "without": 0} {
		path := lucky
		path.ReorderDelay = 1000 * time.Second
		late, lost, sum := 0, 0, 0.0
		for _, at := range fates(every(path), keys, n, "a", "b", nil) {
			switch {
			case at == 0:
				lost++
			case at > sim.Time(path.ReorderDelay):
				late++
			default:
				sum += at.Seconds()
			}
		}
		arrived := float64(n - lost)
		within(t, name+": lost", float64(lost)/n, 0.3, math.Sqrt(0.3*0.7/n))
		within(t, name+": reordered", float64(late)/arrived, 0.2, math.Sqrt(0.2*0.8/arrived))
		inTime := arrived - float64(late)
		within(t, name+": latency", sum/inTime, 0.01, 0.01/math.Sqrt(inTime))
	}
}

// Impairments are independent of the path's own chances and of each other: 1-(1-p)(1-q)(1-r).
func TestImpairmentsCombine(t *testing.T) {
	const n = 20_000
	lost := 0
	for _, at := range fates(every(network.Path{Latency: dist.Exactly(ms), Loss: 0.1}), n, n, "a", "b", func(w *world) {
		w.n.Impair(network.Between{}, network.Impairment{Loss: 0.2})
		w.n.Impair(network.Between{From: network.Zones("a"), To: network.Zones("b")}, network.Impairment{Loss: 0.3})
		w.n.Impair(network.Between{From: network.Zones("a"), To: network.Zones("c")}, network.Impairment{Loss: 1})
	}) {
		if at == 0 {
			lost++
		}
	}
	want := 1 - 0.9*0.8*0.7
	within(t, "lost", float64(lost)/n, want, math.Sqrt(want*(1-want)/n))
}

// An exchange without a key has luck of its own in both directions.
func TestExchangesWithoutKeyDiffer(t *testing.T) {
	const n = 10_000
	answered := 0
	path := network.Path{Latency: dist.Exactly(ms), Loss: 0.3}
	sim.Run(sim.Config{Seed: 3}, func(s *sim.Simulation) {
		w := newWorld(s, every(path))
		s.Go("caller", func(p *sim.Process) {
			for range n {
				scope := p.WithTimeout(10 * ms)
				if _, err := w.t.Call(p, w.a, w.b, w.l, 0, ""); err == nil {
					answered++
				} else if !scope.Ended(err) {
					t.Error(err)
					return
				}
				scope.Close()
			}
		})
		s.RunUntilIdle()
	})
	want := 0.7 * 0.7
	within(t, "answered", float64(answered)/n, want, math.Sqrt(want*(1-want)/n))
}

func within(t *testing.T, what string, got, want, se float64) {
	t.Helper()
	if se > 0.03*want {
		t.Errorf("%s: the standard error %.3g is too large to tell anything of %.3g", what, se, want)
	}
	if math.Abs(got-want) > 4*se {
		t.Errorf("%s: %.4g, want %.4g ± %.2g", what, got, want, 4*se)
	}
}

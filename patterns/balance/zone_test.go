package balance

import (
	"fmt"
	"math"
	"testing"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// zoned returns a balancer of a caller in zone x over so many healthy targets in the zones x, y, z, ...; the
// second number of each is that of its sick ones.
func zoned(zones Zones, panicBelow float64, healthy ...[2]int) *Balancer {
	cfg := Config{Pick: Random, SkipUnhealthy: true, Panic: panicBelow, Zones: zones}
	var targets []Target
	for z, n := range healthy {
		for i := range n[0] + n[1] {
			name := string(rune('x' + z))
			targets = append(targets, &full{named: named{name: fmt.Sprint(name, i), sick: i >= n[0]}, weight: 1, zone: name})
		}
	}
	return New(cfg, sim.Seed(1).Keyed("balance"), targets)
}

func TestZones(t *testing.T) {
	callers := func(n ...int) (list []ZoneCallers) {
		for i, c := range n {
			list = append(list, ZoneCallers{string(rune('x' + i)), c})
		}
		return list
	}
	for _, c := range []struct {
		name    string
		zones   Zones
		panic   float64
		healthy [][2]int
		want    []float64
	}{
		{"as many as callers: all stay", EnvoyZones("x", callers(1, 1)), 0, [][2]int{{3, 0}, {3, 0}}, []float64{1, 0}},
		{"more than callers: all stay", EnvoyZones("x", callers(1, 3)), 0, [][2]int{{3, 0}, {3, 0}}, []float64{1, 0}},
		// Envoy's own example: callers 40 %, 40 %, 20 %; targets 25 %, 50 %, 25 %. 62.5 % stay, and of the
		// rest two thirds go to the second zone, which has 10 % more targets than callers, the third 5 %.
		{"Envoy's own example", EnvoyZones("x", callers(2, 2, 1)), 0, [][2]int{{2, 0}, {4, 0}, {2, 0}}, []float64{0.625, 0.25, 0.125}},
		{"the sick do not count", EnvoyZones("x", callers(1, 1)), 0, [][2]int{{2, 2}, {6, 0}}, []float64{0.5, 0.5}},
		{"none in the own zone", EnvoyZones("x", callers(1, 1, 1)), 0, [][2]int{{0, 0}, {4, 0}, {4, 0}}, []float64{0, 0.5, 0.5}},
		{"five are too few", EnvoyZones("x", callers(1, 1)), 0, [][2]int{{3, 0}, {2, 0}}, []float64{0.6, 0.4}},
		{"no callers are known here", EnvoyZones("x", callers(0, 1, 1)), 0, [][2]int{{3, 0}, {3, 0}}, []float64{0.5, 0.5}},
		{"callers in one zone", EnvoyZones("x", callers(3)), 0, [][2]int{{3, 0}, {3, 0}}, []float64{0.5, 0.5}},
		{"for half of the calls", func() Zones { z := EnvoyZones("x", callers(1, 1)); z.Share = 0.5; return z }(), 0, [][2]int{{3, 0}, {3, 0}}, []float64{0.75, 0.25}},
		{"not in a panic", EnvoyZones("x", callers(1, 1)), 0.5, [][2]int{{6, 1}, {1, 8}}, []float64{7. / 16, 9. / 16}},

		{"the own zone first", EnvoyPriority("x"), 0, [][2]int{{5, 0}, {5, 0}}, []float64{1, 0}},
		{"as long as 1.4 of it are healthy", EnvoyPriority("x"), 0, [][2]int{{8, 2}, {5, 0}}, []float64{1, 0}},
		{"half of it: 70 %", EnvoyPriority("x"), 0, [][2]int{{5, 5}, {5, 0}}, []float64{0.7, 0.3}},
		{"nobody there", EnvoyPriority("x"), 0, [][2]int{{0, 5}, {5, 0}, {5, 0}}, []float64{0, 0.5, 0.5}},
		{"neither suffices: 0.28 and 0.14", EnvoyPriority("x"), 0, [][2]int{{2, 8}, {1, 9}}, []float64{2. / 3, 1. / 3}},
		{"no zone at all", Zones{}, 0, [][2]int{{1, 0}, {3, 0}}, []float64{0.25, 0.75}},
	} {
		b := zoned(c.zones, c.panic, c.healthy...)
		const n = 20_000
		got := make([]float64, len(c.want))
		for id := range uint64(n) {
			got[int(b.pick(0, &patterns.Request{ID: id + 1}).name[0]-'x')] += 1. / n
		}
		for i, want := range c.want {
			if se := math.Sqrt(want * (1 - want) / n); math.Abs(got[i]-want) > 4*se+1e-9 {
				t.Errorf("%s: shares %.3f, want %.3f", c.name, got, c.want)
				break
			}
		}
	}
	b := zoned(EnvoyPriority("x"), 0, [2]int{1, 0}, [2]int{1, 0})
	b.cfg.AvoidLast = true
	if m := b.pick(0, &patterns.Request{ID: 1, Attempt: 2, Avoid: "x0"}); m.name != "y0" {
		t.Errorf("another attempt goes to %s", m.name)
	}
}

package theory_test

import (
	"fmt"
	"testing"

	"github.com/nines-sim/nines/models/theory"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/sim"
)

// target is a replica as a balancer sees it.
type target struct {
	*nodes.Replica
	call patterns.Call
}

func (t target) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	return t.call(p, req)
}

// balanced returns what each of 20 runs says about the mean time of a call to one of n servers.
func balanced(t *testing.T, n int, load float64, cfg balance.Config, calls int) []float64 {
	t.Helper()
	warmup := calls / 5
	return replicate(t, 20, func(w *world) []float64 {
		var targets []balance.Target
		for _, r := range w.serve(servers(1, unbounded), n, exponential(1)) {
			targets = append(targets, target{r, r.Call(w.via, w.here)})
		}
		b := balance.New(cfg, w.s.Keyed("balance"), targets)
		sum := 0.0
		w.calls(warmup+calls, load*float64(n), func(p *sim.Process, i int, req patterns.Request) {
			start := p.Now()
			b.Call(p, req)
			if i >= warmup {
				sum += p.Now().Sub(start).Seconds()
			}
		})
		return []float64{sum / float64(calls)}
	})[0]
}

// Servers that each have a queue, and whose arrivals are spread by chance, are so many M/M/1.
func TestSimulatedRandomChoice(t *testing.T) {
	t.Parallel()
	cfg := balance.Config{Pick: balance.Random}
	agree(t, "time in the system", balanced(t, 10, 0.8, cfg, 20_000), theory.MM1{Lambda: 0.8, Mu: 1}.MeanTime(), 0.02)
}

// The shortest of two queues: exact, from the chain of both lengths. Of ten: as simulated elsewhere,
// to 0.1 % at a load of 0.7.
func TestSimulatedShortestQueue(t *testing.T) {
	t.Parallel()
	cfg := balance.Config{Pick: balance.LeastRequests}
	for _, c := range []struct {
		servers     int
		load, exact float64
		calls       int
	}{
		{2, 0.5, 1.4263208, 5000},
		{2, 0.7, 2.1081973, 10_000},
		{2, 0.9, 5.4749128, 30_000},
		{10, 0.7, 1.1599, 10_000},
	} {
		t.Run(fmt.Sprintf("%d at %v", c.servers, c.load), func(t *testing.T) {
			agree(t, "time in the system", balanced(t, c.servers, c.load, cfg, c.calls), c.exact, 0.03)
		})
	}
}

// The power of two choices and of three, without replacement, of 100 servers: table 1 of M.
// Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12 (10), 2001,
// which longer simulations confirm to the third digit. Infinitely many servers are a little faster.
func TestSimulatedPowerOfChoices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		choices         int
		load, published float64
		calls           int
	}{
		{2, 0.5, 1.2673, 5000},
		{2, 0.9, 2.6454, 24_000},
		{3, 0.8, 1.5940, 10_000},
	} {
		t.Run(fmt.Sprintf("%d at %v", c.choices, c.load), func(t *testing.T) {
			cfg := balance.Config{Pick: balance.Choices, Choices: c.choices}
			agree(t, "time in the system", balanced(t, 100, c.load, cfg, c.calls), c.published, 0.01)
		})
	}
}

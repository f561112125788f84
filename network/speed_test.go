package network_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// square answers at once.
type square struct{}

func (square) Serve(x *network.Exchange[int, int]) { x.Reply(x.Request*x.Request, nil) }

// rough is a path with everything on it that costs a draw, and a bandwidth.
var rough = network.Path{
	Latency: dist.Must(dist.NewExponential(0.001)), Loss: 0.01, Duplicate: 0.01,
	Reorder: 0.01, ReorderDelay: ms, Bandwidth: 100e6, Queue: 1e6,
}

// calling runs a process that makes one call after another, until the run ends. The calls share
// one function with the callers of real models: a deadline each.
func calling(s *sim.Simulation, path network.Path, calls *int) {
	cfg := every(path)
	cfg.Retransmit = 200 * ms
	n := network.New(s, cfg)
	t := network.NewTransport[int, int](n)
	t.RequestBytes, t.AnswerBytes = 200, 2000
	from := n.AddHost("client", network.Place{})
	to := n.AddHost("server", network.Place{Zone: "a"})
	l := t.Listen(to, square{})
	s.Background("caller", func(p *sim.Process) {
		for key := uint64(1); ; key++ {
			if _, err := t.Call(p, from, to, l, key, 7); err != nil {
				return
			}
			*calls++
		}
	})
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, path := range map[string]network.Path{"smooth": {Latency: dist.Exactly(ms)}, "rough": rough} {
		sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
			calls := 0
			calling(s, path, &calls)
			s.RunUntil(sim.Time(10 * time.Second))
			before := calls
			allocs := testing.AllocsPerRun(5, func() { s.RunUntil(s.Now().Add(time.Second)) })
			if calls-before < 1000 {
				t.Errorf("%s: only %d calls", name, calls-before)
			}
			if allocs > 0 {
				t.Errorf("%s: %v allocations a second with %d calls", name, allocs, (calls-before)/6)
			}
		})
	}
}

package nodes_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// BenchmarkCall is one call over the network to a replica with a cpu: request, work, answer.
func BenchmarkCall(b *testing.B) {
	b.ReportAllocs()
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		n := network.New(s, network.DefaultConfig())
		tr := network.NewTransport[patterns.Request, patterns.Response](n)
		svc := nodes.NewService(s, tr, nodes.Config{Name: "svc", CPUs: 1, Threads: 10},
			func(p *sim.Process, r *nodes.Replica, req patterns.Request) (patterns.Response, error) {
				return patterns.Response{}, r.Work(p, time.Millisecond)
			})
		m := nodes.NewMachine(s, n.AddHost("m", network.Place{Zone: "a"}), 0)
		r := svc.Add(m)
		r.Start()
		client := n.AddHost("client", network.Place{Zone: "a"})
		call := r.Call(tr, client)
		s.Go("client", func(p *sim.Process) {
			for i := range b.N {
				if _, err := call(p, patterns.Request{ID: uint64(i)}); err != nil {
					b.Error(err)
					return
				}
			}
		})
		s.RunUntilIdle()
	})
	if err != nil {
		b.Fatal(err)
	}
}

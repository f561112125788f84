package nodes_test

import (
	"fmt"
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

// Calls that wait for a thread, that are worked on and that are turned away allocate nothing.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	var allocs float64
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		w := newWorld(s, 1, nodes.Config{
			Name: "svc", CPUs: 1, Threads: 2, Queue: nodes.QueueConfig{Length: 1, Wait: 3 * ms, DropExpired: true},
		})
		call := w.r[0].Call(w.tr, w.client.Host())
		for i := range 8 {
			s.Background(fmt.Sprint("client ", i), func(p *sim.Process) {
				for n := uint64(0); ; n++ {
					call(p, patterns.Request{ID: n, Value: uint64(ms), Deadline: p.Now().Add(time.Duration(i) * ms)})
					if p.Sleep(100*time.Microsecond) != nil {
						return
					}
				}
			})
		}
		s.RunUntil(sim.Time(10 * time.Second))
		before := w.svc.Stats()
		allocs = testing.AllocsPerRun(10, func() { s.RunUntil(s.Now().Add(100 * ms)) })
		st := w.svc.Stats()
		if st.Rejected == before.Rejected || st.Expired == before.Expired || st.Done == before.Done {
			t.Errorf("the test does not test what it should: %+v", st)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if allocs > 1 { // RunUntil itself makes one
		t.Errorf("%v allocations in 100ms", allocs)
	}
}

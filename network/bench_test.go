package network_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// BenchmarkCall is a round trip: a call by a process, served at once, with a constant latency.
func BenchmarkCall(b *testing.B)      { benchmark(b, network.Path{Latency: dist.Exactly(ms)}) }
func BenchmarkCallRough(b *testing.B) { benchmark(b, rough) }

func benchmark(b *testing.B, path network.Path) {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		calls := 0
		calling(s, path, &calls)
		s.RunUntil(sim.Time(time.Second))
		calls = 0
		b.ReportAllocs()
		b.ResetTimer()
		s.RunWhile(func() bool { return calls < b.N })
	})
}

// BenchmarkSend is one message one way.
func BenchmarkSend(b *testing.B) {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		n := network.New(s, latency(ms))
		from, to := n.AddHost("a", network.Place{}), n.AddHost("b", network.Place{Zone: "b"})
		received := 0
		var deliver func(any)
		deliver = func(any) {
			received++
			n.Send(to, from, 100, 0, deliver, nil)
			from, to = to, from
		}
		deliver(nil)
		b.ReportAllocs()
		b.ResetTimer()
		s.RunWhile(func() bool { return received < b.N })
	})
}

// BenchmarkLargeNetwork is a network of so many hosts, each of which calls the same ten others: the next one of
// them every second. An operation is a run of a minute; its figures are for a host and for a link, of which
// each direction counts. Memory is what the run holds at its end.
func BenchmarkLargeNetwork(b *testing.B) {
	const degree = 10
	for _, hosts := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("%d hosts/%d links", hosts, hosts*degree), func(b *testing.B) {
			calls, memory := 0, 0.0
			for b.Loop() {
				calls = 0
				before := inUse()
				sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
					mesh(s, hosts, degree, &calls)
					s.RunUntil(sim.Time(time.Minute))
					memory = float64(inUse() - before)
				})
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(calls), "ns/call")
			b.ReportMetric(memory/float64(hosts), "B/host")
			b.ReportMetric(memory/float64(hosts*degree), "B/link")
		})
	}
}

// mesh makes hosts in ten zones, each with a server and a caller.
func mesh(s *sim.Simulation, hosts, degree int, calls *int) {
	n := network.New(s, network.DefaultConfig())
	t := network.NewTransport[int, int](n)
	listeners := make([]*network.Listener[int, int], hosts)
	for i := range hosts {
		h := n.AddHost(fmt.Sprintf("host %d", i), network.Place{Zone: fmt.Sprintf("zone %d", i%10)})
		listeners[i] = t.Listen(h, square{})
	}
	for i, l := range listeners {
		from := l.Host()
		s.Background("caller", func(p *sim.Process) {
			for call := 1; ; call++ {
				to := listeners[(i+(call%degree+1)*(call%degree+1)*7)%hosts]
				if p.Sleep(time.Second) != nil {
					return
				}
				if _, err := t.Call(p, from, to.Host(), to, uint64(i)<<32|uint64(call), 7); err != nil {
					return
				}
				*calls++
			}
		})
	}
}

// inUse returns the memory that is in use after a collection, stacks included.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

package sim_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func BenchmarkSleep(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Go("p", func(p *sim.Process) {
			for range b.N {
				p.Sleep(time.Millisecond)
			}
		})
		s.RunUntilIdle()
	})
}

func BenchmarkCallback(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		n := 0
		var f func()
		f = func() {
			if n++; n < b.N {
				s.After(time.Millisecond, f)
			}
		}
		f()
		s.RunUntilIdle()
	})
}

func BenchmarkSpawnedProcessWithDeadlineAndResource(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		g, n := s.NewGroup("g"), 0
		r := sim.NewResource(s, "cpu", 1, sim.FIFO)
		job := func(p *sim.Process, _ any) {
			sc := p.WithTimeout(time.Second)
			r.Acquire(p, 1, 0)
			p.Sleep(time.Millisecond)
			r.Release(1)
			sc.Close()
		}
		var f func()
		f = func() {
			g.Spawn("job", job, nil)
			if n++; n < b.N {
				s.After(time.Millisecond, f)
			}
		}
		f()
		s.RunUntilIdle()
	})
}

package sim_test

import (
	"math"
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

func BenchmarkSpawn(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		g, n := s.NewGroup("g"), 0
		var job func(p *sim.Process, _ any)
		job = func(p *sim.Process, _ any) {
			if n++; n < b.N {
				g.Spawn("job", job, nil)
			}
		}
		g.Spawn("job", job, nil)
		s.RunUntilIdle()
	})
}

func BenchmarkPingPong(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{MaxAtInstant: 4 * (b.N + 1)}, func(s *sim.Simulation) {
		ping, pong := sim.NewMailbox[int](s, "ping", 0), sim.NewMailbox[int](s, "pong", 0)
		s.Background("server", func(p *sim.Process) {
			for {
				v, _ := ping.Take(p)
				pong.Put(p, v)
			}
		})
		s.Go("client", func(p *sim.Process) {
			for i := range b.N {
				ping.Put(p, i)
				pong.Take(p)
			}
		})
		s.RunUntilIdle()
	})
}

// BenchmarkMM1 is a queue with one server at load 0.9, a process a customer; an operation is a
// customer.
func BenchmarkMM1(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		gaps, work := s.Stream("gaps"), s.Stream("work")
		cpu := sim.NewResource(s, "cpu", 1, sim.FIFO)
		g, n := s.NewGroup("g"), 0
		serve := func(p *sim.Process, _ any) {
			if cpu.Acquire(p, 1, 0) != nil {
				return
			}
			defer cpu.Release(1)
			p.Sleep(time.Duration(-math.Log(1-work.Float64()) * 0.9e9))
		}
		var arrive func()
		arrive = func() {
			g.Spawn("customer", serve, nil)
			if n++; n < b.N {
				s.After(time.Duration(-math.Log(1-gaps.Float64())*1e9), arrive)
			}
		}
		arrive()
		s.RunUntilIdle()
	})
}

// BenchmarkShortRun is what a study with many small runs pays for each.
func BenchmarkShortRun(b *testing.B) {
	b.ReportAllocs()
	w := sim.NewWorker()
	defer w.Close()
	for i := range b.N {
		w.Run(sim.Config{Seed: sim.Seed(i)}, func(s *sim.Simulation) {
			s.Go("p", func(p *sim.Process) { p.Sleep(time.Second) })
			s.RunUntilIdle()
		})
	}
}

package sim_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

// run is sim.Run for benchmarks: many events at one instant are no mistake, a failed run is one.
func run(b *testing.B, f func(s *sim.Simulation)) {
	b.Helper()
	b.ReportAllocs()
	if _, err := sim.Run(sim.Config{Seed: 1, MaxAtInstant: math.MaxInt}, f); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkSleep(b *testing.B) {
	run(b, func(s *sim.Simulation) {
		s.Go("p", func(p *sim.Process) {
			for range b.N {
				p.Sleep(time.Millisecond)
			}
		})
		s.RunUntilIdle()
	})
}

// BenchmarkHold keeps events pending at exponential delays; an operation is one that happens and
// schedules another.
func BenchmarkHold(b *testing.B) {
	for _, pending := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(pending), func(b *testing.B) {
			run(b, func(s *sim.Simulation) {
				rng := s.Stream("delays")
				var delays [8192]time.Duration
				for i := range delays {
					delays[i] = time.Duration(-math.Log(1-rng.Float64()) * 1e9)
				}
				n := 0
				var happen func(any)
				happen = func(any) {
					if n++; n < b.N {
						s.AtCall(s.Now().Add(delays[n&8191]), happen, nil)
					}
				}
				for i := range pending {
					s.AtCall(s.Now().Add(delays[i&8191]+time.Duration(i)), happen, nil)
				}
				b.ResetTimer()
				s.RunWhile(func() bool { return n < b.N })
				b.StopTimer()
			})
		})
	}
}

// BenchmarkTimers stops a timer that is far away and sets another, at every step.
func BenchmarkTimers(b *testing.B) {
	run(b, func(s *sim.Simulation) {
		var live [10_000]sim.Timer
		n := 0
		var step func(any)
		step = func(any) {
			timer := &live[n%len(live)]
			timer.Stop()
			*timer = s.AtCall(s.Now().Add(time.Duration(20_000+n&1023)*time.Second), step, nil)
			if n++; n < b.N {
				s.AtCall(s.Now().Add(time.Second), step, nil)
			}
		}
		step(nil)
		s.RunWhile(func() bool { return n < b.N })
	})
}

func BenchmarkCallback(b *testing.B) {
	run(b, func(s *sim.Simulation) {
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
	run(b, func(s *sim.Simulation) {
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
	run(b, func(s *sim.Simulation) {
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
	run(b, func(s *sim.Simulation) {
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
	run(b, func(s *sim.Simulation) {
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

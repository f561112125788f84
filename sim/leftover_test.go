package sim_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/sim"
)

func TestManySimulationsLeaveNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for seed := range sim.Seed(1000) {
		sim.Run(sim.Config{Seed: seed}, func(s *sim.Simulation) {
			g := s.NewGroup("g")
			for range 5 {
				g.Go("waiter", func(p *sim.Process) {
					defer func() { p.Sleep(time.Second) }()
					sim.NewSignal(s, "never").Wait(p)
				})
				g.Spawn("spawned", func(p *sim.Process, _ any) { p.Sleep(time.Hour) }, nil)
			}
			s.RunUntil(sim.Time(time.Second))
		})
	}
	noMoreGoroutines(t, before)
}

func TestGoexitInsideAProcessEndsTheCallersGoroutineAndLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	unwound := false
	done := make(chan bool)
	go func() {
		defer close(done)
		sim.Run(sim.Config{}, func(s *sim.Simulation) {
			s.Go("bystander", func(p *sim.Process) { defer func() { unwound = true }(); p.Sleep(time.Hour) })
			s.Go("fatal", func(p *sim.Process) { p.Sleep(time.Second); runtime.Goexit() })
			s.RunUntilIdle()
			t.Error("the run went on")
		})
		t.Error("Run returned")
	}()
	<-done
	if !unwound {
		t.Error("the bystander was not unwound")
	}
	noMoreGoroutines(t, before)
}

// noMoreGoroutines waits until those that have ended are gone, and fails if more are left than before.
func noMoreGoroutines(t *testing.T, before int) {
	t.Helper()
	for range 1_000_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

// onItsOwnGoroutine calls f where it may end its goroutine, and waits.
func onItsOwnGoroutine(f func()) {
	done := make(chan bool)
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func TestGoexitAtAnyMomentUnwindsTheRest(t *testing.T) {
	for name, model := range map[string]func(s *sim.Simulation){
		"in a callback": func(s *sim.Simulation) {
			s.After(time.Second, runtime.Goexit)
			s.RunUntilIdle()
		},
		"while building": func(s *sim.Simulation) {
			s.RunUntil(1)
			runtime.Goexit()
		},
		"in a deferred function during a kill": func(s *sim.Simulation) {
			p := s.Go("p", func(p *sim.Process) { defer runtime.Goexit(); p.Sleep(time.Hour) })
			s.Go("killer", func(k *sim.Process) {
				defer func() { k.Sleep(time.Second) }()
				k.Sleep(time.Second)
				p.Kill()
			})
			s.RunUntilIdle()
		},
		"in deferred functions when the run is over": func(s *sim.Simulation) {
			for range 3 {
				s.Go("p", func(p *sim.Process) { defer runtime.Goexit(); p.Sleep(time.Hour) })
			}
			s.RunUntil(1)
		},
		"in a process whose deferred functions wait": func(s *sim.Simulation) {
			s.Go("p", func(p *sim.Process) {
				defer func() { p.Sleep(time.Second) }()
				runtime.Goexit()
			})
			s.RunUntilIdle()
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			unwound := 0
			onItsOwnGoroutine(func() {
				sim.Run(sim.Config{}, func(s *sim.Simulation) {
					for range 3 {
						s.NewGroup("g").Go("bystander", func(p *sim.Process) {
							defer func() { unwound++ }()
							p.Sleep(time.Hour)
						})
					}
					model(s)
				})
			})
			if unwound != 3 {
				t.Errorf("%d of 3 bystanders were unwound", unwound)
			}
			noMoreGoroutines(t, before)
		})
	}
}

func TestRunsOfSeveralWorkersAtOnceDoNotDisturbEachOther(t *testing.T) {
	want, _ := sim.Run(sim.Config{Seed: 1}, busy)
	digests := make(chan uint64)
	for range 4 {
		go func() {
			w := sim.NewWorker()
			defer w.Close()
			for range 3 {
				result, _ := w.Run(sim.Config{Seed: 1}, busy)
				digests <- result.Digest
			}
		}()
	}
	for range 12 {
		if got := <-digests; got != want.Digest {
			t.Errorf("digest %#x, want %#x", got, want.Digest)
		}
	}
}

// rapid steers by panics: to skip, when it runs out of data, to fail. In a process they become the
// failure of the run, whose value is what rapid must meet again on its own goroutine.
func TestRapidsPanicsKeepTheirValueThroughAProcess(t *testing.T) {
	before := runtime.NumGoroutine()
	ran, skipped := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
			s.Go("bystander", func(p *sim.Process) { p.Sleep(time.Hour) })
			s.Go("p", func(p *sim.Process) {
				for range 5 {
					p.Sleep(time.Second)
					if rapid.IntRange(0, 9).Draw(t, "n") == 0 {
						skipped++
						t.Skip("not this one")
					}
				}
			})
			s.RunUntilIdle()
		})
		ran++
		if f := (*sim.Failure)(nil); errors.As(err, &f) {
			panic(f.Value)
		}
	})
	if skipped == 0 || skipped == ran {
		t.Errorf("%d of %d were skipped", skipped, ran)
	}
	overrun := false
	t.Run("overrun", func(t *testing.T) { // rapid skips it
		rapid.MakeFuzz(func(t *rapid.T) {
			_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
				s.Go("p", func(p *sim.Process) { p.Sleep(time.Second); rapid.Int().Draw(t, "n") })
				s.RunUntilIdle()
			})
			if f := (*sim.Failure)(nil); errors.As(err, &f) {
				overrun = fmt.Sprint(f.Value) == "overrun"
				panic(f.Value)
			}
		})(t, nil)
	})
	if !overrun {
		t.Error("there was no overrun")
	}
	noMoreGoroutines(t, before)
}

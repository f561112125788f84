package sim_test

import (
	"runtime"
	"testing"
	"time"

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
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
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
	for range 100 { // the goroutine that ended needs a moment to be gone
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

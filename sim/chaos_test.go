package sim_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

// chaos is processes that do anything to each other: fork, join, kill, interrupt, cancel, pause
// and restart, in their bodies and in their deferred functions.
func chaos(t *testing.T) func(s *sim.Simulation) {
	return func(s *sim.Simulation) {
		rng := s.Stream("chaos")
		cpu := sim.NewResource(s, "cpu", 2, sim.Priority)
		box := sim.NewMailbox[int](s, "box", 2)
		bell := sim.NewSignal(s, "bell")
		var groups []*sim.Group
		for range 3 {
			groups = append(groups, s.NewGroup("g"))
		}
		var processes []*sim.Process
		var scopes []sim.Scope
		var tickets []sim.Ticket
		anybody := func() *sim.Process { return processes[rng.IntN(len(processes))] }
		anyGroup := func() *sim.Group { return groups[rng.IntN(len(groups))] }
		begun, ended, forked := 0, 0, 0

		harm := func() {
			switch rng.IntN(9) {
			case 0:
				anybody().Kill()
			case 1:
				anybody().Interrupt(nil)
			case 2:
				if len(scopes) > 0 {
					scopes[rng.IntN(len(scopes))].Cancel(nil)
				}
			case 3:
				bell.Broadcast()
			case 4:
				if len(tickets) > 0 {
					tickets[rng.IntN(len(tickets))].Wake()
				}
			case 5:
				anyGroup().Pause()
			case 6:
				anyGroup().Resume()
			case 7:
				if rng.Chance(0.1) {
					anyGroup().Kill()
				}
			case 8:
				anyGroup().SetClock(time.Duration(rng.IntN(5))*time.Second, int64(rng.IntN(10))*100_000_000)
			}
		}
		var body func(p *sim.Process)
		act := func(p *sim.Process) {
			switch rng.IntN(10) {
			case 0:
				p.Sleep(time.Duration(rng.IntN(3)) * time.Second)
			case 1:
				if forked < 2000 {
					forked++
					processes = append(processes, p.Fork("child", body))
				}
			case 2:
				p.JoinAny(anybody(), anybody())
			case 3:
				n := 1 + rng.IntN(2)
				if cpu.Acquire(p, n, rng.IntN(3)) == nil {
					defer cpu.Release(n)
					p.Sleep(time.Second)
				}
			case 4:
				box.Take(p)
			case 5:
				box.Put(p, 1)
			case 6:
				bell.Wait(p)
			case 7:
				tickets = append(tickets, p.Ticket("anything"))
				if rng.Chance(0.8) {
					p.Park()
				}
			default:
				harm()
			}
		}
		body = func(p *sim.Process) {
			begun++
			defer func() { ended++ }()
			for range 5 {
				func() {
					if rng.Chance(0.5) {
						sc := p.WithTimeout(time.Duration(rng.IntN(3)) * time.Second)
						scopes = append(scopes, sc)
						defer sc.Close()
					}
					if rng.Chance(0.3) {
						defer act(p)
					}
					if rng.Chance(0.3) {
						defer harm()
					}
					act(p)
				}()
			}
		}
		for i := range 10 {
			processes = append(processes, anyGroup().Background("p", body))
			s.After(time.Duration(i)*time.Second, func() {
				for _, g := range groups {
					if !g.Alive() {
						g.Start()
					}
					g.Resume()
					processes = append(processes, g.Background("p", body))
					g.Spawn("spawned", func(p *sim.Process, _ any) { body(p) }, nil)
				}
			})
		}
		s.RunUntil(sim.Time(time.Minute))
		for _, g := range groups {
			g.Kill()
		}
		for _, p := range processes {
			if !p.Done() {
				t.Errorf("seed %d: %s #%d lives in a dead group", s.Seed(), p.Name(), p.ID())
			}
		}
		if begun != ended {
			t.Errorf("seed %d: %d bodies began, %d ended", s.Seed(), begun, ended)
		}
		if cpu.InUse() != 0 {
			t.Errorf("seed %d: the dead hold %d units", s.Seed(), cpu.InUse())
		}
	}
}

func TestChaosEndsLeavesNothingAndComesBack(t *testing.T) {
	before := runtime.NumGoroutine()
	first, second := sim.NewWorker(), sim.NewWorker()
	for seed := range sim.Seed(200) {
		cfg := sim.Config{Seed: seed, MaxSteps: 1_000_000}
		a, err := first.Run(cfg, chaos(t))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := second.Run(cfg, chaos(t))
		if a.Digest != b.Digest {
			t.Errorf("seed %d: digests %#x and %#x", seed, a.Digest, b.Digest)
		}
	}
	first.Close()
	second.Close()
	noMoreGoroutines(t, before)
}

package sim_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestResourceOrders(t *testing.T) {
	for order, want := range map[sim.Order]string{sim.FIFO: "abc", sim.LIFO: "cba", sim.Priority: "bca"} {
		served := ""
		_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
			r := sim.NewResource(s, "r", 1, order)
			r.TryAcquire(1)
			for i, name := range []string{"a", "b", "c"} {
				s.Go(name, func(p *sim.Process) {
					r.Acquire(p, 1, []int{1, 2, 2}[i])
					served += name
					r.Release(1)
				})
			}
			s.After(time.Second, func() { r.Release(1) })
			s.RunUntilIdle()
		})
		if err != nil || served != want {
			t.Errorf("%v: served %q, want %q (%v)", order, served, want, err)
		}
	}
}

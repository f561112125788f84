package sim_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestMailboxAndForkAndJoin(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		box := sim.NewMailbox[int](s, "box", 1)
		s.Go("parent", func(p *sim.Process) {
			put := p.Fork("put", func(c *sim.Process) {
				for i := range 4 {
					box.Put(c, i)
				}
				say("all put")
			})
			take := p.Fork("take", func(c *sim.Process) {
				for range 4 {
					c.Sleep(time.Second)
					v, _ := box.Take(c)
					say("took %d", v)
				}
			})
			slow := p.Fork("slow", func(c *sim.Process) { defer say("slow is killed"); c.Sleep(time.Hour) })
			i, _ := p.JoinAny(slow, put)
			say("ended first: %d", i)
			p.Join(put, take)
			say("joined, slow ended: %v", slow.Done())
		})
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s took 0", "2s took 1", "3s took 2", "3s all put", "3s ended first: 1",
		"4s took 3", "4s joined, slow ended: false", "4s slow is killed")
}

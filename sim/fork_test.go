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

func TestJoins(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(s *sim.Simulation, p *sim.Process, say func(string, ...any))
		want []string
	}{
		{"a child that is killed has ended", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			c := p.Fork("c", func(c *sim.Process) { c.Sleep(time.Hour) })
			s.After(time.Second, c.Kill)
			say("%v %v", p.Join(c), c.Done())
		}, []string{"1s <nil> true"}},
		{"a deadline cuts a join, and the children live on", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			c := p.Fork("c", func(c *sim.Process) { c.Sleep(2 * time.Second) })
			sc := p.WithTimeout(time.Second)
			i, err := p.JoinAny(c)
			say("%d %v", i, sc.Ended(err))
			sc.Close()
			say("%v", p.Join(c))
		}, []string{"1s -1 true", "2s <nil>"}},
		{"an interrupt cuts a join", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			c := p.Fork("c", func(c *sim.Process) { p.Interrupt(nil); c.Sleep(time.Second) })
			say("%v", p.Join(c))
			say("%v", p.Join(c))
		}, []string{"0s interrupted", "1s <nil>"}},
		{"several that end at one instant: the lowest index", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			a := p.Fork("a", func(c *sim.Process) { c.Sleep(time.Second); c.Sleep(0); c.Sleep(0) })
			b := p.Fork("b", func(c *sim.Process) { c.Sleep(time.Second) })
			first, _ := p.JoinAny(a, b)
			p.Sleep(0)
			second, _ := p.JoinAny(a, b)
			say("%d, then %d", first, second)
		}, []string{"1s 1, then 0"}},
		{"the race of two, the loser killed, a thousand times", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			slow := p.Fork("slow", func(c *sim.Process) { c.Sleep(time.Hour) })
			for range 1000 {
				fast := p.Fork("fast", func(c *sim.Process) { c.Sleep(time.Millisecond) })
				loser := p.Fork("loser", func(c *sim.Process) { c.Sleep(time.Minute) })
				if i, err := p.JoinAny(slow, loser, fast); i != 2 || err != nil {
					say("%d won: %v", i, err)
				}
				loser.Kill()
			}
			say("slow ended: %v", slow.Done())
		}, []string{"1s slow ended: false"}},
		{"nobody", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			say("%v", p.Join())
		}, []string{"0s <nil>"}},
		{"grandchildren end with their grandparent, the youngest first", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			p.Fork("a", func(c *sim.Process) {
				defer say("a unwound")
				c.Fork("a1", func(c *sim.Process) { defer say("a1 unwound"); c.Sleep(time.Hour) })
				c.Sleep(time.Hour)
			})
			p.Fork("b", func(c *sim.Process) { defer say("b unwound"); c.Sleep(time.Hour) })
			p.Sleep(time.Second)
			say("ends")
		}, []string{"1s ends", "1s b unwound", "1s a unwound", "1s a1 unwound"}},
		{"siblings that kill each other in their deferred functions", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			var c [3]*sim.Process
			for i := range c {
				c[i] = p.Fork(string(rune('a'+i)), func(self *sim.Process) {
					defer say("%s unwound", self.Name())
					defer func() { c[(i+1)%3].Kill(); c[(i+2)%3].Kill() }()
					self.Sleep(time.Hour)
				})
			}
			p.Sleep(time.Second)
		}, []string{"1s b unwound", "1s a unwound", "1s c unwound"}},
		{"a fork of a process that has ended is never born", func(s *sim.Simulation, p *sim.Process, say func(string, ...any)) {
			c := p.Fork("c", func(*sim.Process) {})
			p.Join(c)
			say("%v", c.Fork("orphan", func(*sim.Process) { say("lives") }).Done())
		}, []string{"0s true"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
				s.Go("p", func(p *sim.Process) { c.f(s, p, say) })
				s.RunUntilIdle()
			})
			expect(t, got, err, c.want...)
		})
	}
}

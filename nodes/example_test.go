package nodes_test

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A shop with one thread, whose machine loses its power while it serves one customer and another
// waits.
func Example() {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		net := network.New(s, network.DefaultConfig())
		transport := network.NewTransport[patterns.Request, patterns.Response](net)
		machine := nodes.NewMachine(s, net.AddHost("machine", network.Place{Zone: "a"}), 30*time.Second)
		customer := net.AddHost("customer", network.Place{Zone: "a"})

		cfg := nodes.DefaultConfig("shop")
		cfg.Threads, cfg.Queue.Length = 1, 1
		shop := nodes.NewService(s, transport, cfg, func(p *sim.Process, r *nodes.Replica, req patterns.Request) (patterns.Response, error) {
			return patterns.Response{}, r.Work(p, time.Second)
		})
		replica := shop.Add(machine)
		replica.Start()

		for id := range uint64(4) {
			s.Go("customer", func(p *sim.Process) {
				p.SleepUntil(sim.Time(id) * sim.Time(300*time.Millisecond))
				_, err := replica.Call(transport, customer)(p, patterns.Request{ID: id})
				fmt.Printf("%-8v customer %d: %v\n", p.Now(), id, err)
			})
		}
		s.After(1500*time.Millisecond, machine.PowerOff)
		s.After(10*time.Second, machine.PowerOn)
		s.RunUntilIdle()
		fmt.Printf("%+v\n", shop.Stats())
	})
	// Output:
	// 600.6ms  customer 2: shop: overloaded
	// 900.6ms  customer 3: shop: overloaded
	// 1.0006s  customer 0: <nil>
	// 40.0003s customer 1: shop: reset (may have happened)
	// {Arrived:4 Rejected:2 Expired:0 Cancelled:0 Lost:1 Done:1 Wasted:0 Inside:0 Busy:1.4997s Waiting:700ms Area:700ms}
}

package network_test

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
)

// A greeter answers at once.
type greeter struct{}

func (greeter) Serve(x *network.Exchange[string, string]) {
	x.Reply("hello "+x.Request, nil)
}

// A client calls a server in another zone while one thing after another goes wrong.
func Example() {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		cfg := network.DefaultConfig()
		cfg.Retransmit = 0
		n := network.New(s, cfg)
		client := n.AddHost("client", network.Place{Zone: "a"})
		server := n.AddHost("server", network.Place{Zone: "b"})
		transport := network.NewTransport[string, string](n)
		greeting := transport.Listen(server, greeter{})

		call := func(p *sim.Process) {
			defer p.WithTimeout(500 * time.Millisecond).Close()
			start := p.Now()
			answer, err := transport.Call(p, client, server, greeting, 0, "world")
			fmt.Printf("%-6v after %-5v %q %v\n", start, p.Now().Sub(start), answer, err)
		}
		s.Go("caller", func(p *sim.Process) {
			for i := range 4 {
				if err := p.SleepUntil(sim.Time(i) * sim.Time(time.Second)); err != nil {
					return
				}
				call(p)
			}
		})

		s.At(sim.Time(900*time.Millisecond), func() { greeting.Close(true) })
		s.At(sim.Time(1900*time.Millisecond), func() {
			greeting.Open()
			cut := n.Cut(network.Between{From: network.Zones("a"), To: network.Zones("b")}, network.BlockAtSend)
			s.After(time.Second, cut.Release)
		})
		s.RunUntilIdle()
		fmt.Println(n.Stats(network.CrossZone))
	})
	// Output:
	// 0s     after 2ms   "hello world" <nil>
	// 1s     after 2ms   "" network: connection refused
	// 2s     after 500ms "" scope ended: deadline passed
	// 3s     after 2ms   "hello world" <nil>
	// 7 sent, 0 duplicated, 6 delivered, 0 lost, 0 dropped, 1 blocked, 0 in flight
}

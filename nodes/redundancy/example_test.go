package redundancy_test

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/nodes/redundancy"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// Three machines of which two are needed, and one crew to repair them: what thirty years say.
func Example() {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		net := network.New(s, network.DefaultConfig())
		hours := func(mean float64) dist.Distribution { return dist.Must(dist.NewExponential(mean * 3600)) }
		cfg := redundancy.Config{Life: hours(1000), Repair: hours(24)}
		crew := redundancy.Upkeep{Crews: sim.NewResource(s, "crew", 1, sim.FIFO)}

		var members []redundancy.Block
		for _, zone := range []string{"a", "b", "c"} {
			machine := nodes.NewMachine(s, net.AddHost("machine-"+zone, network.Place{Zone: zone}), time.Minute)
			hardware := redundancy.NewComponent(s, "hardware-"+zone, cfg, crew)
			hardware.OnChange(func(up bool) { // the machine goes with its hardware
				if up {
					machine.PowerOn()
				} else {
					machine.PowerOff()
				}
			})
			members = append(members, hardware)
		}
		group := redundancy.NewGroup(s, "2 of 3", 2, members...)

		s.RunUntil(sim.Time(30 * 365 * 24 * time.Hour))
		st := group.Stats()
		fmt.Printf("%.3f %% available, %d outages of %v on average, the first after %v\n",
			100*st.Availability(), st.Outages, st.MeanOutage().Round(time.Minute), st.ToFirst.Round(time.Hour))
	})
	// Output:
	// 99.722 % available, 35 outages of 20h52m0s on average, the first after 14422h0m0s
}

package disk_test

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/nodes/disk"
	"github.com/nines-sim/nines/sim"
)

// A program that acknowledges an order before it has synced it, and the power cut that it had hoped
// would not come.
func Example() {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		d := disk.New[string, int](s, "disk", disk.DefaultConfig())
		s.Go("shop", func(p *sim.Process) {
			d.Write(p, "order 1", 100, 4096)
			err := d.Sync(p)
			fmt.Printf("%v order 1 is acknowledged: %v\n", p.Now(), err)
			d.Write(p, "order 2", 200, 4096)
			fmt.Printf("%v order 2 is acknowledged\n", p.Now())
		})
		s.At(sim.Time(time.Second), d.PowerOff)
		s.At(sim.Time(2*time.Second), d.PowerOn)
		s.RunUntilIdle()
		for _, order := range []string{"order 1", "order 2"} {
			amount, ok := d.Image().Get(order)
			fmt.Println(order, amount, ok)
		}
	})
	// Output:
	// 1.03125ms order 1 is acknowledged: <nil>
	// 1.03125ms order 2 is acknowledged
	// order 1 100 true
	// order 2 0 false
}

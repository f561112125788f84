package theory_test

import (
	"fmt"

	"github.com/nines-sim/nines/models/theory"
)

// Two of three servers must be up; each fails every 100 hours and takes one hour to repair.
func ExampleRepairGroup() {
	for _, crews := range []int{1, 3} {
		g := theory.RepairGroup{Units: 3, Needed: 2, Crews: crews, MTBF: 100, MTTR: 1}
		fmt.Printf("%d crews: down %.0f minutes a year, for %.0f minutes at a time\n",
			crews, g.Unavailability()*365*24*60, g.MeanOutage()*60)
	}
	// Output:
	// 1 crews: down 309 minutes a year, for 61 minutes at a time
	// 3 crews: down 154 minutes a year, for 30 minutes at a time
}

// The third zone buys more than the second.
func ExampleZones() {
	z := theory.Zones{Node: theory.Component{MTBF: 1000, MTTR: 2}, Zone: theory.Component{MTBF: 10000, MTTR: 4}}
	for _, z.Replicas = range [][]int{{3}, {2, 1}, {1, 1, 1}} {
		fmt.Printf("%v: unavailability %.2e\n", z.Replicas, z.Unavailability())
	}
	// Output:
	// [3]: unavailability 4.12e-04
	// [2 1]: unavailability 4.13e-04
	// [1 1 1]: unavailability 1.72e-05
}

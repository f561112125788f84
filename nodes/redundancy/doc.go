// Package redundancy models hardware that fails, is repaired, and stands in for each other.
//
// A [Block] is something that is up or down. A [Component] is one that fails by itself; other blocks
// are made of blocks, as in a reliability block diagram:
//
//	active-active, k of n   a [Group] that is up while k of its members are
//	in series               a Group that needs all of its members: a node and the zone it is in
//	active-passive          a [Standby] group, whose idle members take over, each in a failover time
//
// What repairs a component is its [Upkeep]: crews, which several components may share and wait
// for, and [Spares], which are put in while what has failed is repaired.
//
// Every block measures how long it is up and down ([Stats]). To let machines, disks or whole zones
// fail with a block, call their PowerOff and PowerOn from its OnChange.
//
// Components go on failing while the groups that they are in are down.
package redundancy

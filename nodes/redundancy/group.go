package redundancy

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// A Group is up while enough of its members are: k of n, of which all that are up work.
type Group struct {
	status
	needed  int
	members []Block
	working int
}

// NewGroup returns a group that is up while as many of the members as needed are. It panics if
// that is less than one, or more than there are.
func NewGroup(s *sim.Simulation, name string, needed int, members ...Block) *Group {
	if needed < 1 || needed > len(members) {
		panic(fmt.Sprintf("redundancy: the group %s needs %d of %d members", name, needed, len(members)))
	}
	g := &Group{status: newStatus(s, name), needed: needed, members: members}
	for _, m := range members {
		if m.Up() {
			g.working++
		}
		m.OnChange(func(up bool) {
			if up {
				g.working++
			} else {
				g.working--
			}
			g.set(g.working >= g.needed)
		})
	}
	g.set(g.working >= g.needed)
	return g
}

// Members returns the members of the group.
func (g *Group) Members() []Block { return g.members }

// Working returns how many members are up.
func (g *Group) Working() int { return g.working }

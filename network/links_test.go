package network

import (
	"fmt"
	"testing"

	"github.com/nines-sim/nines/sim"
)

// A host finds its link to every other host, however their numbers are spread, and makes each once.
func TestLinksAreFound(t *testing.T) {
	for _, stride := range []int{1, 3, 16, 64} {
		sim.Run(sim.Config{}, func(s *sim.Simulation) {
			n := New(s, DefaultConfig())
			for i := range 64 * stride {
				n.AddHost(fmt.Sprint(i), Place{})
			}
			from := n.hosts[0]
			for range 2 {
				for i := 0; i < len(n.hosts); i += stride {
					if l := from.link(n.hosts[i]); l.from != from || l.to != n.hosts[i] {
						t.Fatalf("the link from 0 to %d goes from %s to %s", i, l.from.name, l.to.name)
					}
				}
			}
			if got := from.links.count; got != 64 || 2*got > len(from.links.table) {
				t.Errorf("stride %d: %d links in a table of %d, want 64 in 128 or more", stride, got, len(from.links.table))
			}
		})
	}
}

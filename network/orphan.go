package network

import "github.com/nines-sim/nines/sim"

// orphans are exchanges whose callers were killed while they waited. A process that is being
// unwound can send nothing, its host's kernel can: a process of the network's own does it.
type orphans struct {
	wires   []*wire
	started bool
	ticket  sim.Ticket
}

// watch makes sure that orphans are looked after.
func (o *orphans) watch(s *sim.Simulation) {
	if o.started {
		return
	}
	o.started = true
	s.Background("network", func(p *sim.Process) {
		for {
			for len(o.wires) == 0 {
				o.ticket = p.Ticket("callers that die")
				if err := p.Park(); err != nil {
					return
				}
			}
			for _, w := range o.wires {
				w.hangUp()
				w.release()
			}
			o.wires = o.wires[:0]
		}
	})
}

func (o *orphans) add(w *wire) {
	w.refs++
	o.wires = append(o.wires, w)
	o.ticket.Wake()
}

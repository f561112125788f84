package system

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns/heal"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// hands do what a supervisor decides for a service.
type hands struct {
	svc    *service
	healer *heal.Healer
	spares int             // machines that may still be taken
	taken  int             // machines
	boot   []time.Duration // of each replica, where it is to be started next
}

// Stop ends what is left of a replica: even one that stands still.
func (h *hands) Stop(replica int) {
	if r := h.svc.sys.sc.Healing.Restart; r != nil {
		h.boot[replica] = r.Boot.Mean
	}
	m := h.svc.members[replica]
	if m.Up() {
		m.Crash()
	}
	h.svc.sys.ledger.FixVictim(m.Name(), fault.Healing, fault.Pause)
}

// Start boots and starts a replica: that is the end of whatever crashed it. If its machine is down it
// starts when the machine does, unless another is found before.
func (h *hands) Start(p *sim.Process, replica int) error {
	if err := p.Sleep(h.boot[replica]); err != nil {
		return err
	}
	m := h.svc.members[replica]
	m.Start()
	if !m.Up() {
		h.healer.Down(replica, heal.Gone)
		return errors.New("the machine is down")
	}
	return nil
}

// Replace moves a replica to a new machine, in the zone of the service that has power and the fewest
// of its replicas up. A crashed machine that nothing runs on any more is no problem any more.
func (h *hands) Replace(_ *sim.Process, replica int) error {
	sys, m := h.svc.sys, h.svc.members[replica]
	if h.spares == 0 {
		return errors.New("no machine is left")
	}
	if h.svc.data != nil && !h.svc.data.replaceable(replica) {
		return errors.New("its data is on no other machine")
	}
	var best *zone
	for _, z := range sys.spread(h.svc.sc) {
		if z.outages == 0 && (best == nil || h.upIn(z) < h.upIn(best)) {
			best = z
		}
	}
	if best == nil {
		return errors.New("no zone has power")
	}
	if h.spares != scenario.Unlimited {
		h.spares--
	}
	h.taken++
	h.boot[replica] = sys.sc.Healing.Replace.Boot.Mean
	spare := sys.addMachine(fmt.Sprintf("%s-spare-%d", h.svc.Name(), h.taken), best)
	m.Move(spare.Machine)
	if h.svc.data != nil {
		h.svc.data.lose(replica)
	}
	sys.ledger.FixVictim("machines."+machineName(h.svc.Name(), replica), fault.Healing, fault.Crash)
	return nil
}

// upIn counts the replicas of the service that are up in a zone.
func (h *hands) upIn(z *zone) (n int) {
	for _, m := range h.svc.members {
		if m.Up() && h.svc.sys.machine(m.Replica).zone == z {
			n++
		}
	}
	return n
}

package heal

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// Hands do what a [Healer] decides.
type Hands interface {
	// Stop ends what is left of a replica, at once.
	Stop(replica int)
	// Start starts a replica that has booted, and returns when it serves.
	Start(p *sim.Process, replica int) error
	// Replace finds another machine for a replica, and returns when it can boot there.
	Replace(p *sim.Process, replica int) error
}

// A Healer is a supervisor in simulated time. It runs on the kernel's clock, and is never down.
type Healer struct {
	s          *sim.Simulation
	name       string
	supervisor *Supervisor
	hands      Hands
	group      *sim.Group
	alarm      sim.Timer
	rings      sim.Time
}

// NewHealer returns a healer of the replicas of one service. It panics if cfg is not valid.
func NewHealer(s *sim.Simulation, name string, cfg Config, replicas int, hands Hands) *Healer {
	return &Healer{
		s: s, name: name, supervisor: New(cfg, replicas), hands: hands,
		group: s.NewGroup("healer of " + name), rings: sim.Never,
	}
}

// Down says that a replica is down; see [Supervisor.Down].
func (h *Healer) Down(replica int, why Cause) {
	h.supervisor.Down(h.s.Now(), replica, why)
	h.step()
}

// Up says that a replica serves by itself; see [Supervisor.Up].
func (h *Healer) Up(replica int) {
	h.supervisor.Up(h.s.Now(), replica)
	h.step()
}

// State returns where a replica stands.
func (h *Healer) State(replica int) State { return h.supervisor.State(replica) }

// step begins the repairs that are due, and sees to it that it is called when the next one is.
func (h *Healer) step() {
	for {
		r, ok := h.supervisor.Next(h.s.Now())
		if !ok {
			break
		}
		h.group.Background("repair", func(p *sim.Process) { h.repair(p, r) })
	}
	if due := h.supervisor.Due(); due < h.rings {
		h.alarm.Stop()
		h.alarm, h.rings = h.s.AtCall(due, ring, h), due
	}
}

func ring(healer any) {
	h := healer.(*Healer)
	h.rings = sim.Never
	h.step()
}

// repair does one repair, and notes its begin and end ("heal", "orders/2", what).
func (h *Healer) repair(p *sim.Process, r Repair) {
	subject := fmt.Sprintf("%s/%d", h.name, r.Replica)
	what := fmt.Sprintf("%v %d", r.Action, r.Row)
	h.s.Note("heal", subject, what)
	h.hands.Stop(r.Replica)
	err := h.bring(p, r)
	if err != nil {
		h.s.Note("heal", subject, what+" failed: "+err.Error())
	} else {
		h.s.Note("heal", subject, what+" done")
	}
	h.supervisor.Done(h.s.Now(), r.Replica, err == nil)
	h.step()
}

func (h *Healer) bring(p *sim.Process, r Repair) error {
	if r.Action == Replace {
		if err := h.hands.Replace(p, r.Replica); err != nil {
			return err
		}
	}
	if err := p.Sleep(h.supervisor.cfg.Boot); err != nil {
		return err
	}
	return h.hands.Start(p, r.Replica)
}

package system

import (
	"slices"
	"time"

	"github.com/nines-sim/nines/patterns/alert"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// buildOnCall puts somebody on call.
func (sys *System) buildOnCall() {
	if oc := sys.sc.Healing.OnCall; oc != nil {
		sys.onCall = alert.NewOnCall(sys.s, "on call", alert.OnCallConfig{
			Ack: oc.Ack.Distribution(), Fix: oc.Fix.Distribution(), Unpaged: oc.Unpaged,
		}, sys.repair)
	}
}

// began tells everybody who counts that a fault has begun. It is called before the fault acts.
func (sys *System) began(e *fault.Effect) {
	for i := range sys.sc.Faults {
		if sys.sc.Faults[i].Name == e.Cause {
			id := sys.rec.FaultBegan(i, sys.s.Now())
			e.OnEnd(func() { sys.rec.FaultEnded(id, sys.s.Now()) })
		}
	}
	if sys.onCall != nil && fixable(e) {
		problem := sys.onCall.Began(e.Cause)
		e.OnEnd(problem.Over)
	}
}

// fixable reports whether a person can end an effect: what is broken can be started again, a bad
// version rolled back, a primary replaced. A cause with a length of its own, such as a power cut or a
// slow dependency, is waited out.
func fixable(e *fault.Effect) bool { return e.Lasts == 0 }

// repair is what the person on call does in the end: ends every effect that a person can end, replaces
// primaries that are lost, and starts what is down. If there was nothing to do, nothing is wrong any
// more and calls fail all the same, the person starts anew what is stuck in work that nobody waits for.
func (sys *System) repair(p *sim.Process) {
	fixed := sys.ledger.FixWhere(fault.OnCall, fixable)
	for _, svc := range sys.services {
		if svc.data != nil && svc.data.failoverByHand() {
			fixed++
		}
		for _, m := range svc.members {
			if !m.Up() && m.Machine().Up() {
				sys.ledger.FixVictim(m.Name(), fault.OnCall, fault.Crash, fault.LostDisk)
				m.Start()
				fixed++
			}
		}
	}
	if fixed > 0 || len(sys.ledger.Active()) > 0 || !sys.failing(p) {
		return
	}
	for _, svc := range sys.services {
		for _, m := range svc.members {
			if _, _, waiting := m.InUse(); waiting > 0 {
				m.Crash()
				m.Start()
				sys.s.Note("on-call", m.Name(), "restarted: stuck")
			}
		}
	}
}

// failing watches the objectives for a minute.
func (sys *System) failing(p *sim.Process) bool {
	before := slices.Clone(sys.seen)
	if p.Sleep(time.Minute) != nil {
		return false
	}
	return !sys.goodSince(before)
}

package system

import (
	"slices"
	"strings"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns/alert"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// buildAlerts starts what watches the objectives, and puts somebody on call.
func (sys *System) buildAlerts() {
	if oc := sys.sc.Healing.OnCall; oc != nil {
		sys.onCall = alert.NewOnCall(sys.s, "on call", alert.OnCallConfig{
			Ack: oc.Ack.Distribution(), Fix: oc.Fix.Distribution(), Unpaged: oc.Unpaged,
		}, func(*sim.Process) { sys.repair() })
	}
	for i := range sys.sc.Alerts {
		sys.watch(&sys.sc.Alerts[i])
	}
}

func (sys *System) watch(sc *scenario.Alert) {
	i := slices.IndexFunc(sys.sc.Objectives, func(o scenario.Objective) bool {
		return o.Name == strings.TrimPrefix(sc.On, "objectives.")
	})
	cfg := alert.DefaultConfig()
	cfg.Target, cfg.Scrape, cfg.Rules = sys.sc.Objectives[i].Target, sc.Scrape, nil
	// Before the run began, calls came and were good: a window of an hour is never nearly empty.
	cfg.Calm = alert.Counts{Calls: uint64(sys.expected(sys.sc.Objectives[i].Of) * sc.Scrape.Seconds())}
	rules := sc.Rules
	if len(rules) == 0 {
		rules = scenario.SREWorkbook()
	}
	for _, r := range rules {
		cfg.Rules = append(cfg.Rules, alert.Rule{Name: r.Name, Severity: alert.Page, Long: r.Long, Short: r.Short, Burn: r.Burn})
	}
	monitor := alert.NewMonitor(cfg)
	pages := sys.onCall != nil && slices.Contains(sys.sc.Healing.OnCall.PagedBy, sc.Name)
	sys.s.Background("monitor "+sc.Name, func(p *sim.Process) {
		monitor.Watch(p, sc.Name, func() alert.Counts { return sys.seen[i] }, func(c alert.Change) {
			name := sc.Name + "/" + c.Rule.Name
			switch {
			case c.To == alert.Firing && c.From != alert.Firing:
				sys.rec.AlertFired(name, p.Now())
			case c.From == alert.Firing && c.To == alert.Inactive:
				sys.rec.AlertCleared(name, p.Now())
			}
			if pages {
				sys.onCall.Hear(c)
			}
		})
	})
}

// expected is how many calls of an operation come in a second from outside.
func (sys *System) expected(op string) (rate float64) {
	for _, st := range sys.sc.Workload {
		for _, part := range st.Mix {
			if part.Op == op {
				rate += st.Rate * part.Share
			}
		}
	}
	return rate
}

// fixable reports whether a person can end an effect: what is broken can be started again, a bad
// version rolled back, a primary replaced. A cause with a length of its own, such as a power cut or a
// slow dependency, is waited out.
func fixable(e *fault.Effect) bool { return e.Entry.Lasts == 0 }

// repair is what the person on call does in the end: ends every effect that a person can end, starts
// what is down, and, if the objectives are missed although nothing is wrong any more, starts anew
// what is stuck in work that nobody waits for.
func (sys *System) repair() {
	fixed := sys.ledger.FixWhere(fault.OnCall, fixable)
	for _, svc := range sys.services {
		if svc.data != nil && svc.data.failoverByHand() {
			fixed++
		}
		for _, m := range svc.members {
			if !m.Up() {
				m.Start()
				fixed++
			}
		}
	}
	if fixed > 0 || len(sys.ledger.Active()) > 0 {
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

// began tells everybody who counts that a fault has begun. It is called before the fault acts.
func (sys *System) began(e *fault.Effect) {
	i := slices.IndexFunc(sys.sc.Faults, func(f scenario.Fault) bool { return f.Name == e.Cause })
	if i >= 0 {
		id := sys.rec.FaultBegan(i, sys.s.Now())
		e.OnEnd(func() { sys.rec.FaultEnded(id, sys.s.Now()) })
	}
	if sys.onCall != nil && fixable(e) {
		problem := sys.onCall.Began(e.Cause)
		e.OnEnd(problem.Over)
	}
}

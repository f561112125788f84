package system

import (
	"slices"
	"strings"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns/alert"
	"github.com/nines-sim/nines/sim"
)

// buildAlerts starts what watches the objectives, and puts somebody on call.
func (sys *System) buildAlerts() {
	sys.buildOnCall()
	for i := range sys.sc.Alerts {
		sys.watch(&sys.sc.Alerts[i])
	}
}

func (sys *System) watch(sc *scenario.Alert) {
	i := slices.IndexFunc(sys.sc.Objectives, func(o scenario.Objective) bool {
		return o.Name == strings.TrimPrefix(sc.On, "objectives.")
	})
	monitor := alert.NewMonitor(sys.alertConfig(sc, &sys.sc.Objectives[i]))
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

// alertConfig is the scenario's alert in the words of package alert. Before the run began, calls came
// and were good: a window of an hour is never nearly empty.
func (sys *System) alertConfig(sc *scenario.Alert, o *scenario.Objective) alert.Config {
	cfg := alert.DefaultConfig()
	cfg.Target, cfg.Scrape, cfg.Rules = o.Target, sc.Scrape, nil
	cfg.Calm = alert.Counts{Calls: uint64(sys.expected(o.Of) * sc.Scrape.Seconds())}
	for _, r := range sc.Rules {
		cfg.Rules = append(cfg.Rules, alert.Rule{Name: r.Name, Severity: alert.Page, Long: r.Long, Short: r.Short, Burn: r.Burn})
	}
	return cfg
}

// expected is how many calls of an operation come in a second from outside. Of users, that is not
// known beforehand.
func (sys *System) expected(op string) (rate float64) {
	for _, st := range sys.sc.Workload {
		for _, part := range st.Mix {
			if part.Op == op {
				rate += float64(st.Rate * part.Share)
			}
		}
	}
	return rate
}

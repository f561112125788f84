package system

import (
	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns/outlier"
	"github.com/nines-sim/nines/sim"
)

// judge returns what finds the replicas that do badly, for one client.
func (svc *service) judge(c client, o *scenario.Outlier) outlier.Judge {
	now := svc.sys.s.Now()
	if o.Accrual != nil {
		return outlier.NewAccrual(o.Accrual.Of(), c.outlier, now, len(svc.members))
	}
	d := outlier.New(o.Of(), c.outlier, now, len(svc.members))
	if !o.Checks || !c.policies.Balance.SkipUnhealthy { // nobody tells the client of probes
		return d
	}
	return &checked{Detector: d, members: svc.members, since: make([]sim.Time, len(svc.members))}
}

// A checked detector takes a replica back that has passed a probe since it was ejected.
type checked struct {
	*outlier.Detector
	members []*member
	since   []sim.Time // when each was ejected last
}

func (d *checked) Ejected(now sim.Time, i int) bool {
	if d.Detector.Ejected(now, i) && d.members[i].passed > d.since[i] {
		d.Checked(now, i)
	}
	return d.Detector.Ejected(now, i)
}

func (d *checked) OnChange(f func(outlier.Change)) {
	d.Detector.OnChange(func(c outlier.Change) {
		if c.Ejected {
			d.since[c.Endpoint] = c.At
		}
		f(c)
	})
}

package system

import (
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim/fault"
)

// An external is somebody else's service.
type external struct {
	*nodes.External
	host   *network.Host
	ops    []*op
	faulty impaired
	down   bool // by a fault
}

func (sys *System) addExternal(sc *scenario.Service) {
	host := sys.net.AddHost(sc.Name, network.Place{})
	e := &external{External: nodes.NewExternal(sys.s, sc.Name, host), host: host, ops: sys.buildOps(sc)}
	failed := &patterns.Error{Kind: patterns.Failed, Layer: sc.Name}
	e.Answer = func(req patterns.Request) (time.Duration, patterns.Response, error) {
		o := e.ops[indexOf(e.ops, req.Op)]
		work := o.work(req.ID, req.Attempt)
		if o.fails(req.ID, req.Attempt) {
			return work, patterns.Response{}, failed
		}
		return work, patterns.Response{From: sc.Name}, nil
	}
	e.Effect = func(req patterns.Request) { e.ops[indexOf(e.ops, req.Op)].apply(&req, false) }
	sys.externals = append(sys.externals, e)
}

// refresh gives it what acts on it.
func (e *external) refresh(i fault.Impairment) {
	e.SetSlow(i.Factor)
	e.SetErrors(i.Errors)
	switch {
	case i.Down && !e.down:
		e.Down()
	case !i.Down && e.down:
		e.Up()
	}
	e.down = i.Down
}

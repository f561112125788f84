package system

import (
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
)

// An external is somebody else's service.
type external struct {
	*nodes.External
	ops    map[string]*op
	faulty impaired
}

func (sys *System) addExternal(sc *scenario.Service) {
	host := sys.net.AddHost(sc.Name, network.Place{})
	e := &external{External: nodes.NewExternal(sys.s, sc.Name, host), ops: sys.buildOps(sc)}
	e.Answer = func(req patterns.Request) (time.Duration, patterns.Response, error) {
		o := e.ops[req.Op]
		if o.fails(req) {
			return o.work(req), patterns.Response{}, &patterns.Error{Kind: patterns.Failed, Layer: sc.Name}
		}
		return o.work(req), patterns.Response{From: sc.Name}, nil
	}
	e.Effect = func(req patterns.Request) { e.ops[req.Op].apply(req) }
	sys.externals = append(sys.externals, e)
}

package system

import (
	"slices"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/sim"
)

// A service is a service of our own, on replicas or, if it keeps data, on copies.
type service struct {
	*nodes.Service
	sys     *System
	sc      *scenario.Service
	ops     map[string]*op
	callees []string                // services that its operations call
	clients [][]patterns.Call       // of each replica, for each callee
	cached  []map[*op]patterns.Call // the calls of each replica's operations, behind their caches
	caches  []*opCache
	data    *storage // of a service that keeps data; else nil
	faulty  impaired // what acts on all replicas
	members []*member
}

// A member is a replica and what faults do to it.
type member struct {
	*nodes.Replica
	faulty impaired
}

func (sys *System) addService(sc *scenario.Service) {
	svc := &service{sys: sys, sc: sc}
	svc.Service = nodes.NewService(sys.s, sys.plain, nodeConfig(sc), svc.handle)
	svc.ops = sys.buildOps(sc)
	for i := range sc.Instances() {
		svc.members = append(svc.members, &member{Replica: svc.Add(sys.addMachine(sc, i).Machine)})
	}
	if sc.Store != nil {
		svc.data = newStorage(svc)
	}
	sys.services = append(sys.services, svc)
}

// nodeConfig is the scenario's service in the words of package nodes.
func nodeConfig(sc *scenario.Service) nodes.Config {
	cfg := nodes.Config{Name: sc.Name, CPUs: sc.CPUs, Threads: sc.Threads}
	if sc.Threads == scenario.Unlimited {
		cfg.Threads = 0
	}
	cfg.Queue = nodes.QueueConfig{Length: sc.Queue.Length, Wait: sc.Queue.Wait, DropExpired: sc.Queue.DropExpired}
	if sc.Queue.Length == scenario.Unlimited {
		cfg.Queue.Length = -1
	}
	switch sc.Queue.Order {
	case "lifo":
		cfg.Queue.Order = sim.LIFO
	case "priority":
		cfg.Queue.Order = sim.Priority
	}
	return cfg
}

// connect resolves what the operations call, and starts the replicas. Clients are built at each
// start: policies do not survive the program that holds them.
func (svc *service) connect() {
	for _, o := range svc.ops {
		o.connect(svc.sys, svc.callee)
	}
	svc.clients = make([][]patterns.Call, len(svc.members))
	svc.cached = make([]map[*op]patterns.Call, len(svc.members))
	for i, m := range svc.members {
		svc.cached[i] = map[*op]patterns.Call{}
		m.OnStart(func() {
			client := func(callee string) patterns.Call {
				return svc.sys.client(svc.Name(), callee, m.Machine().Host(), m.Group())
			}
			svc.clients[i] = svc.calls(client)
			for _, o := range svc.ops {
				if o.Cache != nil {
					svc.cached[i][o] = svc.behindCache(o, i)
				}
			}
		})
		m.Start()
	}
}

// calls returns a client for each callee.
func (svc *service) calls(client func(callee string) patterns.Call) []patterns.Call {
	calls := make([]patterns.Call, len(svc.callees))
	for i, callee := range svc.callees {
		calls[i] = client(callee)
	}
	return calls
}

// callee returns the place of a service among those that this one calls.
func (svc *service) callee(name string) int {
	if i := slices.Index(svc.callees, name); i >= 0 {
		return i
	}
	svc.callees = append(svc.callees, name)
	return len(svc.callees) - 1
}

// handle answers a call: its own work first, then the calls of the operation one after the other.
func (svc *service) handle(p *sim.Process, r *nodes.Replica, req patterns.Request) (patterns.Response, error) {
	o := svc.ops[req.Op]
	if o == nil { // a health check: it has needed a thread
		return patterns.Response{}, nil
	}
	if req.Deadline > 0 {
		limit := p.WithDeadline(req.Deadline)
		defer limit.Close()
		resp, err := svc.do(p, r, o, req)
		if limit.Ended(err) {
			err = &patterns.Error{Kind: patterns.Timeout, Layer: svc.Name(), Maybe: true}
		}
		return resp, err
	}
	return svc.do(p, r, o, req)
}

func (svc *service) do(p *sim.Process, r *nodes.Replica, o *op, req patterns.Request) (resp patterns.Response, err error) {
	if err := r.Work(p, o.work(req)); err != nil {
		return resp, err
	}
	if r.Fails(req) || o.fails(req) {
		return resp, &patterns.Error{Kind: patterns.Failed, Layer: svc.Name()}
	}
	if svc.data != nil {
		if resp, err = svc.data.keep(p, index(r), o, req); err != nil {
			return resp, err
		}
	}
	if o.Cache != nil {
		req.Key %= uint64(o.Cache.Keys)
		resp, err = svc.cached[index(r)][o](p, req)
	} else if len(o.calls) > 0 {
		resp, err = svc.steps(p, o, req, svc.clients[index(r)])
	}
	if err == nil {
		o.apply(req)
	}
	return resp, err
}

// steps makes the calls of an operation.
func (svc *service) steps(p *sim.Process, o *op, req patterns.Request, clients []patterns.Call) (resp patterns.Response, err error) {
	resp.Degraded, err = runner{svc.Name(), clients, svc.sys.spans}.run(p, o.calls, req)
	return resp, err
}

// index returns the place of a replica among those of its service.
func index(r *nodes.Replica) int { return slices.Index(r.Service().Replicas(), r) }

// balanced returns the way from a host to the replicas of the service.
func (svc *service) balanced(via *nodes.Transport, from *network.Host, sc scenario.Balance, draws sim.Keyed) patterns.Call {
	targets := make([]balance.Target, len(svc.members))
	for i, m := range svc.members {
		targets[i] = &target{m.Replica, m.Replica.Call(via, from)}
	}
	return balance.New(balanceConfig(sc), draws, targets).Call
}

func balanceConfig(sc scenario.Balance) balance.Config {
	cfg := balance.DefaultConfig()
	cfg.SkipUnhealthy = sc.EjectUnhealthy
	switch sc.Pick {
	case "round_robin":
		cfg.Pick = balance.RoundRobin
	case "random":
		cfg.Pick = balance.Random
	case "least":
		cfg.Pick = balance.LeastRequests
	}
	return cfg
}

// A target is a replica as a balancer sees it.
type target struct {
	*nodes.Replica
	call patterns.Call
}

func (t *target) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	return t.call(p, req)
}

package system

import (
	"slices"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
)

// A service is a service of our own, on replicas or, if it keeps data, on copies.
type service struct {
	*nodes.Service
	sys     *System
	sc      *scenario.Service
	ops     []*op
	callees []string // services that its operations call
	members []*member
	caches  []*opCache
	data    *storage // of a service that keeps data; else nil
	limits  limits   // of what it takes in
	faulty  impaired // what acts on all replicas
	tells   bool     // whether answers say how loaded the replica is

	failed, expired error // that callers see; nobody changes an error
}

// A member is a replica, its clients, and what faults do to it.
type member struct {
	*nodes.Replica
	clients []patterns.Call  // of its present life, for each callee
	cached  []patterns.Call  // of each operation that has a cache: its steps behind that
	expired *timeout.Expired // of its present life; nil if it turns nobody away for a deadline
	report  report           // of its present life, if the service tells
	faulty  impaired
	speed   float64  // 1 takes as long as an operation's work says
	crashes int      // that hold it down
	passed  sim.Time // its last readiness probe that was passed
}

func (sys *System) addService(sc *scenario.Service) {
	svc := &service{
		sys: sys, sc: sc, limits: limits{s: sys.s, name: sc.Name, server: true},
		failed:  &patterns.Error{Kind: patterns.Failed, Layer: sc.Name},
		expired: &patterns.Error{Kind: patterns.Timeout, Layer: sc.Name, Maybe: true},
	}
	svc.Service = nodes.NewService(sys.s, sys.plain, nodeConfig(sc), svc.handle)
	svc.ops = sys.buildOps(sc)
	zones := sys.spread(sc)
	for i := range sc.Instances() {
		machine := sys.addMachine(machineName(sc.Name, i), zones[i%len(zones)])
		svc.members = append(svc.members, &member{Replica: svc.Add(machine.Machine), speed: inTurn(sc.Speed, i)})
	}
	if sc.Store != nil {
		svc.data = newStorage(svc)
	}
	sys.services = append(sys.services, svc)
}

// inTurn returns the i-th of values that go round, or 1 if there are none.
func inTurn(values []float64, i int) float64 {
	if len(values) == 0 {
		return 1
	}
	return values[i%len(values)]
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
		o.connect(svc.callee)
	}
	for i, m := range svc.members {
		m.cached = make([]patterns.Call, len(svc.ops))
		m.OnStart(func() {
			if front := svc.front(m); front != nil {
				m.SetFront(front)
			}
			if rules := svc.rules(); rules != nil {
				m.SetRules(rules)
			}
			m.clients = svc.calls(m)
			m.report.starts(svc.sys.s.Now(), m.Stats().Busy)
			if sc := svc.sc.Expired; sc != nil {
				m.expired = timeout.NewExpired(sc.ExpiredConfig)
			}
			for n, o := range svc.ops {
				if o.Cache != nil {
					m.cached[n] = svc.behindCache(o, i)
				}
			}
		})
		m.OnChange(func(up bool) {
			if up {
				m.started(svc.sys.ledger)
			}
		})
		m.Start()
	}
}

// calls returns a replica's client for each callee.
func (svc *service) calls(m *member) []patterns.Call {
	calls := make([]patterns.Call, len(svc.callees))
	for i, callee := range svc.callees {
		calls[i] = svc.sys.client(svc.Name(), callee, m.Machine().Host(), m.Group())
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

// handle answers a call. After the caller's deadline, where it is known, everything ends.
func (svc *service) handle(p *sim.Process, r *nodes.Replica, req patterns.Request) (patterns.Response, error) {
	n := indexOf(svc.ops, req.Op)
	if n < 0 { // a health check: it has needed a thread
		return patterns.Response{}, nil
	}
	var resp patterns.Response
	var err error
	switch late := svc.members[r.Number()].expired; {
	case late != nil && late.Rejects(p.Now(), req.Deadline):
		return resp, svc.expired
	case late != nil, req.Deadline == 0:
		resp, err = svc.do(p, r.Number(), n, &req)
	default:
		limit := p.WithDeadline(req.Deadline)
		resp, err = svc.do(p, r.Number(), n, &req)
		if err != nil && limit.Ended(err) {
			err = svc.expired
		}
		limit.Close()
	}
	if svc.tells {
		report, now := &svc.members[r.Number()].report, svc.sys.s.Now()
		if report.answered(now, err) {
			report.full(now, r.Stats().Busy, svc.sc.CPUs)
		}
		_, threads, waiting := r.InUse()
		resp.Load = float64(threads+waiting) / float64(svc.sc.CPUs)
	}
	return resp, err
}

// do is what replica i does for its n-th operation: its own work first, then what it keeps, then the
// operation's steps.
func (svc *service) do(p *sim.Process, i, n int, req *patterns.Request) (resp patterns.Response, err error) {
	m, o := svc.members[i], svc.ops[n]
	quorum := svc.data != nil && svc.data.quorum()
	luck := req.ID
	if quorum {
		luck = sim.Mix(luck, uint64(i)) // the copies of a quorum work on one request with luck of their own
	}
	work := o.work(luck, req.Attempt)
	if m.speed != 1 {
		work = time.Duration(float64(work) / m.speed)
	}
	if err := m.Work(p, work); err != nil {
		return resp, err
	}
	if m.Fails(luck, req.Attempt) || o.fails(luck, req.Attempt) {
		return resp, svc.failed
	}
	if svc.data != nil {
		if resp, err = svc.data.keep(p, i, o, req); err != nil {
			return resp, err
		}
	}
	switch {
	case o.Cache != nil:
		below := *req
		below.Key = o.things.of(below.Key)
		var cached patterns.Response
		cached, err = m.cached[n](p, below)
		resp.Degraded = cached.Degraded
	case len(o.steps) > 0:
		resp.Degraded, err = o.run(p, m.clients, req)
	}
	if err != nil {
		return resp, err
	}
	o.apply(req, quorum)
	return resp, nil
}

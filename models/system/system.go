// Package system wires a scenario up: it builds the machines, services, policies, workload, faults,
// healing and alerts that a [scenario.Scenario] describes into one simulation, and runs them.
package system

import (
	"fmt"
	"slices"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/alert"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
	"github.com/nines-sim/nines/sim/trace"
)

// A System is a scenario in one simulation.
type System struct {
	s        *sim.Simulation
	sc       *scenario.Scenario
	families []scenario.Family
	net      *network.Network
	plain    *nodes.Transport // calls whose callers just stop waiting
	cancels  *nodes.Transport // calls whose callers say so when they give up
	outside  *network.Host    // where clients are

	machines  []*machine
	services  []*service
	externals []*external
	queues    []*queued
	streams   []*stream
	edges     []*edge
	spans     *spans // nil unless the run is traced
	rec       *measure.Recorder
	recorded  recording
	ledger    *fault.Ledger
	onCall    *alert.OnCall

	// What the monitors see of each objective: calls that have ended, and those that were bad.
	seen       []alert.Counts
	seenBefore []alert.Counts // when recovery was last asked about
}

// machine is a machine and the zone that it stands in.
type machine struct {
	*nodes.Machine
	zone string
}

// machineBoot is how long a machine takes from the return of power until it runs programs.
const machineBoot = time.Minute

// Build builds the scenario in s. The scenario must be valid, as [scenario.Load] leaves it. The
// families are those that the scenario's catalog adds.
func Build(s *sim.Simulation, sc *scenario.Scenario, families []scenario.Family) *System {
	return build(s, sc, families, nil)
}

func build(s *sim.Simulation, sc *scenario.Scenario, families []scenario.Family, rec *trace.Recorder) *System {
	sys := &System{s: s, sc: sc, families: families, spans: newSpans(rec)}
	sys.net = network.New(s, networkConfig(&sc.Network))
	sys.plain = network.NewTransport[patterns.Request, patterns.Response](sys.net)
	sys.cancels = network.NewTransport[patterns.Request, patterns.Response](sys.net)
	sys.cancels.Cancels = true
	sys.outside = sys.net.AddHost("clients", network.Place{})
	sys.buildRecorder()
	for i := range sc.Services {
		sys.addCallee(&sc.Services[i])
	}
	for i := range sc.Queues {
		sys.addQueue(&sc.Queues[i])
	}
	for _, svc := range sys.services {
		svc.connect()
	}
	for _, q := range sys.queues {
		q.connect()
	}
	for i := range sc.Workload {
		sys.addStream(&sc.Workload[i])
	}
	sys.buildHealing()
	sys.buildAlerts()
	return sys
}

// addCallee builds a service of our own or somebody else's.
func (sys *System) addCallee(svc *scenario.Service) {
	if svc.External {
		sys.addExternal(svc)
	} else {
		sys.addService(svc)
	}
}

// networkConfig is the scenario's network. Constant latencies cost no draws.
func networkConfig(n *scenario.Network) network.Config {
	path := func(l scenario.Length) network.Path {
		return network.Path{Latency: l.Distribution(), Loss: n.Loss}
	}
	cfg := network.DefaultConfig()
	cfg.SameRack, cfg.SameZone = path(n.SameZone), path(n.SameZone)
	cfg.CrossZone = path(n.CrossZone)
	cfg.Clients = path(n.Clients)
	return cfg
}

// addMachine returns a new machine for the i-th instance of a service: instances go to the zones
// of its spread in turn.
func (sys *System) addMachine(svc *scenario.Service, i int) *machine {
	spread := svc.Spread
	if len(spread) == 0 {
		spread = sys.sc.Zones
	}
	zone := spread[i%len(spread)]
	host := sys.net.AddHost(fmt.Sprintf("%s-%d", svc.Name, i), network.Place{Zone: zone})
	m := &machine{nodes.NewMachine(sys.s, host, machineBoot), zone}
	sys.machines = append(sys.machines, m)
	return m
}

// callee returns the way from a host to a service, without any policy but the choice of a replica.
func (sys *System) callee(name string, via *nodes.Transport, from *network.Host, balance scenario.Balance, draws sim.Keyed) patterns.Call {
	if i := slices.IndexFunc(sys.services, func(svc *service) bool { return svc.Name() == name }); i >= 0 {
		if data := sys.services[i].data; data != nil {
			return data.call(via, from, balance, draws)
		}
		return sys.services[i].balanced(via, from, balance, draws)
	}
	if i := slices.IndexFunc(sys.externals, func(e *external) bool { return e.Name == name }); i >= 0 {
		return sys.externals[i].Call(via, from)
	}
	panic("system: there is no service " + name)
}

// op returns the built operation that "service.op" names.
func (sys *System) op(ref string) *op {
	svc, o := sys.sc.Op(ref)
	return &op{name: svc.Name + "." + o.Name, Op: o}
}

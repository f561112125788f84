// Package system wires a scenario up: it builds the machines, services, policies, workload, faults,
// healing and alerts that a [scenario.Scenario] describes into one simulation, and runs them.
//
// What fails and what does not: replicas, machines, zones, external services and the network between
// them meet faults. The platform does not: it stands outside the zones and holds the queues with their
// consumers, the health checks, the supervisors and the failover managers; only the network between
// it and a zone can be cut.
//
// Chance is keyed by what it is about, never by when it is asked for: the same visitors come with the
// same wishes in every variant, a call works as long in each, and a victim meets the same faults. So a
// difference between two variants is due to what they do about it.
package system

import (
	"slices"

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
	clients  *network.Host    // where visitors are
	platform *network.Host    // where queues, health checks and supervisors are

	zones     []*zone
	machines  []*machine
	services  []*service
	externals []*external
	queues    []*queued
	streams   []*stream
	edges     []*edge
	popular   sim.Keyed // what visitors ask about, where some things are more popular than others
	spans     *spans    // nil unless the run is traced
	ledger    *fault.Ledger
	onCall    *alert.OnCall

	rec      *measure.Recorder
	recorded recording
	seen     []alert.Counts // of each objective: calls that have ended, and those that were bad
}

// Build builds the scenario in s. The scenario must be valid, as [scenario.Load] leaves it. The
// families are those that the scenario's catalog adds.
func Build(s *sim.Simulation, sc *scenario.Scenario, families []scenario.Family) *System {
	return build(s, sc, families, nil)
}

func build(s *sim.Simulation, sc *scenario.Scenario, families []scenario.Family, rec *trace.Recorder) *System {
	sys := &System{s: s, sc: sc, families: families, spans: newSpans(rec), popular: s.Keyed("popularity")}
	sys.buildNetwork()
	sys.buildRecorder()
	for i := range sc.Services {
		if svc := &sc.Services[i]; svc.External {
			sys.addExternal(svc)
		} else {
			sys.addService(svc)
		}
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

// callee returns the way from a client to a service, without any policy but the choice of a replica.
func (sys *System) callee(name string, c client) patterns.Call {
	if i := slices.IndexFunc(sys.services, func(svc *service) bool { return svc.Name() == name }); i >= 0 {
		if data := sys.services[i].data; data != nil {
			return data.call(c)
		}
		return sys.services[i].balanced(c)
	}
	if i := slices.IndexFunc(sys.externals, func(e *external) bool { return e.Name == name }); i >= 0 {
		return sys.externals[i].Call(c.via, c.from)
	}
	panic("system: there is no service " + name)
}

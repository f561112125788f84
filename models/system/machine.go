package system

import (
	"fmt"
	"slices"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// machineBoot is how long a machine takes from the return of power until it runs programs: a round
// number for a virtual machine.
const machineBoot = time.Minute

// A machine is a machine of a zone, and what faults do to its clock.
type machine struct {
	*nodes.Machine
	zone *zone
	skew fault.Holds[skew]
}

// A zone is a place whose power can go.
type zone struct {
	name    string
	outages int // that hold it now
}

// A skew is what a fault does to a clock.
type skew struct {
	since  sim.Time
	offset time.Duration
	drift  int64 // parts per billion
}

// buildNetwork makes the network with the hosts that belong to no service. Nothing in a scenario can
// have their names, which have a space.
func (sys *System) buildNetwork() {
	n := &sys.sc.Network
	path := func(l scenario.Length) network.Path {
		return network.Path{Latency: l.Distribution(), Loss: n.Loss}
	}
	cfg := network.DefaultConfig()
	cfg.SameRack, cfg.SameZone = path(n.SameZone), path(n.SameZone)
	cfg.CrossZone = path(n.CrossZone)
	cfg.Clients = path(n.Clients)
	const platform = "the platform"
	cfg.Overrides = []network.Override{{
		Between: network.Between{From: network.Part{Hosts: []string{platform}}, To: network.Part{Clients: true}.Rest()},
		Path:    cfg.CrossZone,
	}}
	sys.net = network.New(sys.s, cfg)
	sys.clients = sys.net.AddHost("the clients", network.Place{})
	sys.platform = sys.net.AddHost(platform, network.Place{})
	sys.plain = network.NewTransport[patterns.Request, patterns.Response](sys.net)
	sys.cancels = network.NewTransport[patterns.Request, patterns.Response](sys.net)
	sys.cancels.Cancels = true
	for _, name := range sys.sc.Zones {
		sys.zones = append(sys.zones, &zone{name: name})
	}
}

// addMachine adds a machine in a zone.
func (sys *System) addMachine(name string, z *zone) *machine {
	host := sys.net.AddHost(name, network.Place{Zone: z.name})
	m := &machine{Machine: nodes.NewMachine(sys.s, host, machineBoot), zone: z}
	sys.machines = append(sys.machines, m)
	return m
}

// machineName names the machine that the i-th replica of a service begins on.
func machineName(service string, i int) string { return fmt.Sprintf("%s-%d", service, i) }

// spread returns the zones of a service, in its order.
func (sys *System) spread(svc *scenario.Service) []*zone {
	if len(svc.Spread) == 0 {
		return sys.zones
	}
	var list []*zone
	for _, name := range svc.Spread {
		list = append(list, sys.zone(name))
	}
	return list
}

func (sys *System) zone(name string) *zone {
	return sys.zones[slices.IndexFunc(sys.zones, func(z *zone) bool { return z.name == name })]
}

// machine returns the machine that a replica is on now.
func (sys *System) machine(r *nodes.Replica) *machine {
	return sys.machines[slices.IndexFunc(sys.machines, func(m *machine) bool { return m.Machine == r.Machine() })]
}

func (sys *System) inZone(z *zone) (list []*machine) {
	for _, m := range sys.machines {
		if m.zone == z {
			list = append(list, m)
		}
	}
	return list
}

// loseZone takes the power of a zone for as long as the effect lasts.
func (sys *System) loseZone(z *zone, e *fault.Effect) {
	z.outages++
	powerOff(e, sys.inZone(z)...)
	e.OnEnd(func() { z.outages-- })
}

// powerOff takes the power of machines for as long as the effect lasts.
func powerOff(e *fault.Effect, machines ...*machine) {
	for _, m := range machines {
		m.PowerOff()
	}
	e.OnEnd(func() {
		for _, m := range machines {
			m.PowerOn()
		}
	})
}

// pause makes a machine stand still for as long as the effect lasts.
func (m *machine) pause(e *fault.Effect) {
	m.Pause()
	e.OnEnd(m.Resume)
}

// setClock makes a machine's clock wrong for as long as the effect lasts. When nothing acts on it any
// more it is right again, as when it is synchronised.
func (m *machine) setClock(s *sim.Simulation, e *fault.Effect) {
	h := m.skew.Add(skew{s.Now(), e.Offset, e.DriftPPB})
	m.applySkew(s.Now())
	e.OnEnd(func() {
		m.skew.Release(h)
		m.applySkew(s.Now())
	})
}

func (m *machine) applySkew(now sim.Time) {
	var offset time.Duration
	var drift int64
	for h := range m.skew.All() {
		offset += h.offset + time.Duration(float64(now.Sub(h.since))*float64(h.drift)/1e9)
		drift += h.drift
	}
	m.SetClock(offset, drift)
}

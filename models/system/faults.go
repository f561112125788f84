package system

import (
	"slices"
	"strings"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim/fault"
)

// An applier does some kinds of fault to some victims.
type applier struct {
	sys    *System
	victim func(name string) bool // whether there is such a victim here
	kinds  []fault.Kind
	start  func(e *fault.Effect)
}

func (a applier) Applies(e fault.Entry) bool {
	return slices.Contains(a.kinds, e.Kind) && (a.victim(e.Victim) || e.Role != "" && a.victim(e.Role))
}

func (a applier) Start(e *fault.Effect) {
	a.sys.began(e)
	a.start(e)
}

// appliers returns everything in the system that faults can meet.
func (sys *System) appliers() []fault.Applier {
	var list []fault.Applier
	add := func(victim string, start func(*fault.Effect), kinds ...fault.Kind) {
		list = append(list, applier{sys, func(name string) bool { return name == victim }, kinds, start})
	}
	for _, svc := range sys.services {
		svc.faulty.change = func(fault.Impairment) { svc.refresh() }
		add(svc.Name(), svc.faulty.hold, fault.Slow, fault.Errors, fault.Deploy)
		add(svc.Name(), func(*fault.Effect) { svc.flush() }, fault.CacheFlush)
		for i, m := range svc.members {
			m.faulty.change = func(fault.Impairment) { svc.refresh() }
			add(m.Name(), m.faulty.hold, fault.Slow)
			add(m.Name(), m.pause, fault.Pause)
			add(m.Name(), func(e *fault.Effect) { sys.machine(m.Replica).setClock(sys.s, e) }, fault.Clock)
			if svc.data == nil {
				add(m.Name(), m.crash, fault.Crash)
			}
			// A replica can have moved: its machine is looked up when the fault begins.
			host := "machines." + machineName(svc.Name(), i)
			add(host, func(e *fault.Effect) { svc.loseMachine(i, e) }, fault.Outage, fault.Crash)
			add(host, func(e *fault.Effect) { sys.machine(m.Replica).pause(e) }, fault.Pause)
			add(host, func(e *fault.Effect) { sys.machine(m.Replica).setClock(sys.s, e) }, fault.Clock)
		}
		if svc.data != nil {
			list = append(list, svc.data.applier())
		}
	}
	for _, e := range sys.externals {
		e.faulty.change = e.refresh
		add(e.Name, e.faulty.hold, fault.Slow, fault.Errors, fault.Outage)
	}
	for _, st := range sys.streams {
		st.faulty.change = func(i fault.Impairment) { st.surge(i.Factor) }
		add("workload."+st.sc.Name, st.faulty.hold, fault.Surge)
	}
	for _, z := range sys.zones {
		add("zones."+z.name, func(e *fault.Effect) { sys.loseZone(z, e) }, fault.Outage)
	}
	return append(list, &networkFaults{applier{sys, sys.isPart, []fault.Kind{fault.Partition, fault.Loss, fault.Delay}, sys.cut}})
}

// impaired is everything that faults do to one victim, and what to do when that changes.
type impaired struct {
	holds  fault.Holds[fault.Impairment]
	change func(fault.Impairment)
}

func (im *impaired) hold(e *fault.Effect) {
	what, _ := e.Impairment()
	h := im.holds.Add(what)
	im.change(fault.Combine(im.holds.All()))
	e.OnEnd(func() {
		im.holds.Release(h)
		im.change(fault.Combine(im.holds.All()))
	})
}

// refresh gives every replica what acts on it and on the whole service.
func (svc *service) refresh() {
	all := fault.Combine(svc.faulty.holds.All())
	for _, m := range svc.members {
		own := fault.Combine(m.faulty.holds.All())
		m.SetSlow(float64(all.Factor * own.Factor))
		m.SetErrors(1 - float64((1-all.Errors)*(1-own.Errors)))
	}
}

func (svc *service) flush() {
	for _, c := range svc.caches {
		c.Flush()
	}
}

// crash ends a replica until every crash of it is over, or somebody starts it. What is down already
// cannot crash.
func (m *member) crash(e *fault.Effect) {
	m.crashes++
	if m.Up() {
		m.Crash()
	}
	e.OnEnd(func() {
		if m.crashes--; m.crashes == 0 {
			m.Start()
		}
	})
}

// started ends the crashes of a replica that is up again, whoever has started it.
func (m *member) started(ledger *fault.Ledger) {
	if m.crashes > 0 {
		ledger.FixVictim(m.Name(), fault.Healing, fault.Crash, fault.LostDisk)
	}
}

// pause makes a replica stand still for as long as the effect lasts.
func (m *member) pause(e *fault.Effect) {
	m.Pause()
	e.OnEnd(m.Resume)
}

// loseMachine takes the power of the machine that a replica is on now.
func (svc *service) loseMachine(i int, e *fault.Effect) {
	powerOff(e, svc.sys.machine(svc.members[i].Replica))
	if svc.data != nil && e.Loses == fault.LosesDisk {
		svc.data.lose(i)
	}
}

// networkFaults is an applier whose entries name two sides.
type networkFaults struct{ applier }

func (n *networkFaults) Applies(e fault.Entry) bool {
	return n.applier.Applies(e) && !slices.ContainsFunc(e.With, func(name string) bool { return !n.sys.isPart(name) })
}

func (sys *System) isPart(name string) bool { _, ok := sys.part(name); return ok }

// part returns the part of the network that a victim's name stands for. Visitors are all in one place.
func (sys *System) part(name string) (part network.Part, ok bool) {
	section, rest, _ := strings.Cut(name, ".")
	switch section {
	case "zones":
		return network.Zones(rest), slices.Contains(sys.sc.Zones, rest)
	case "workload":
		return network.Only(sys.clients), slices.ContainsFunc(sys.streams, func(st *stream) bool { return st.sc.Name == rest })
	}
	name = strings.TrimPrefix(name, "services.")
	var hosts []*network.Host
	for _, svc := range sys.services {
		for _, m := range svc.members {
			if name == svc.Name() || name == m.Name() {
				hosts = append(hosts, m.Machine().Host())
			}
		}
	}
	for _, e := range sys.externals {
		if name == e.Name {
			hosts = append(hosts, e.host)
		}
	}
	return network.Only(hosts...), len(hosts) > 0
}

// cut makes the network worse between the victim and the other side for as long as the effect lasts;
// if it is one way, only for messages from the victim.
func (sys *System) cut(e *fault.Effect) {
	from, _ := sys.part(e.Victim)
	to := from.Rest()
	if len(e.With) > 0 {
		to = network.Part{}
		for _, name := range e.With {
			other, _ := sys.part(name)
			to.Hosts = append(to.Hosts, other.Hosts...)
			to.Places = append(to.Places, other.Places...)
		}
	}
	between := network.Between{From: from, To: to, OneWay: e.OneWay}
	var hold *network.Hold
	if e.Kind == fault.Partition {
		hold = sys.net.Cut(between, network.BlockAtSend)
	} else {
		hold = sys.net.Impair(between, network.Impairment{Loss: e.Loss, Delay: e.Delay})
	}
	e.OnEnd(hold.Release)
}

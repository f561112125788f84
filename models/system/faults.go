package system

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// Causes returns the scenario's faults with the victims that they find in it.
func Causes(sc *scenario.Scenario) []fault.Cause {
	causes := make([]fault.Cause, len(sc.Faults))
	for i := range sc.Faults {
		causes[i] = cause(sc, &sc.Faults[i])
	}
	return causes
}

func cause(sc *scenario.Scenario, f *scenario.Fault) fault.Cause {
	c := fault.Cause{
		Name: f.Name, Kind: fault.Kind(f.Kind), Victims: victims(sc, f),
		Every: f.Every, Rate: fault.Rate{Events: f.Rate.N, In: f.Rate.In},
	}
	if f.At != nil {
		c.At = []sim.Time{sim.Time(*f.At)} // of the measured part
	}
	if !f.Lasts.UntilFixed && !f.Lasts.Length.IsZero() {
		c.Lasts = f.Lasts.Length.Distribution()
	}
	switch c.Kind {
	case fault.Slow, fault.Surge:
		c.Factor, c.Errors = f.By, f.Errors
	case fault.Deploy:
		c.Errors = f.Errors
		if f.By != 1 {
			c.Factor = f.By
		}
	case fault.Errors:
		c.Errors = f.Errors
	case fault.Loss:
		c.Loss = f.Loss
	case fault.Delay:
		c.Delay = f.Delay
	case fault.Clock:
		c.Offset, c.DriftPPB = time.Duration(f.Offset), int64(f.Drift*1e9)
	case fault.Crash:
		c.Loses = f.Loses
	}
	if f.From != "" {
		c.With = targets(sc, f.From)
	}
	c.OneWay = f.OneWay && (c.Kind == fault.Partition || c.Kind == fault.Loss || c.Kind == fault.Delay)
	return c
}

// victims returns the names that a fault can meet, one at a time.
func victims(sc *scenario.Scenario, f *scenario.Fault) []string {
	var list []string
	for _, name := range targets(sc, f.On) {
		kind, rest, _ := strings.Cut(name, ".")
		svc := sc.Service(rest)
		each := f.Each
		if each == "" {
			each = eachByKind(f.Kind)
		}
		switch {
		case kind == "zones" || kind == "workload":
			list = append(list, name)
		case svc.External || each == "service":
			list = append(list, rest)
		case each == "primary":
			list = append(list, "primary:"+rest)
		default:
			for i := range svc.Instances() {
				instance := rest + "/" + strconv.Itoa(i)
				if each == "machine" {
					instance = "machines." + rest + "-" + strconv.Itoa(i)
				}
				list = append(list, instance)
			}
		}
	}
	return list
}

// eachByKind is what a kind of fault meets one of when the scenario does not say.
func eachByKind(kind string) string {
	switch fault.Kind(kind) {
	case fault.Deploy, fault.CacheFlush, fault.Errors:
		return "service"
	}
	return "replica"
}

// targets resolves "services.*", "zones.a", "workload.visits" to names that exist.
func targets(sc *scenario.Scenario, on string) []string {
	kind, name, _ := strings.Cut(on, ".")
	var list []string
	add := func(n string, fits bool) {
		if fits && (name == "*" || name == n) {
			list = append(list, kind+"."+n)
		}
	}
	switch kind {
	case "services":
		for _, svc := range sc.Services {
			add(svc.Name, name != "*" || !svc.External)
		}
	case "zones":
		for _, z := range sc.Zones {
			add(z, true)
		}
	case "workload":
		for _, st := range sc.Workload {
			add(st.Name, true)
		}
	}
	return list
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

// An applier does one kind of victim's faults.
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
	add := func(victim func(string) bool, start func(*fault.Effect), kinds ...fault.Kind) {
		list = append(list, applier{sys, victim, kinds, start})
	}
	named := func(name string) func(string) bool { return func(v string) bool { return v == name } }
	for _, svc := range sys.services {
		svc.faulty.change = func(fault.Impairment) { svc.refresh() }
		add(named(svc.Name()), svc.faulty.hold, fault.Slow, fault.Errors, fault.Deploy)
		add(named(svc.Name()), svc.flush, fault.CacheFlush)
		for _, m := range svc.members {
			m.faulty.change = func(fault.Impairment) { svc.refresh() }
			if svc.data == nil {
				add(named(m.Name()), func(e *fault.Effect) { crash(m.Replica, e) }, fault.Crash)
			}
			sys.addReplicaFaults(add, m.Replica, &m.faulty)
		}
		if svc.data != nil {
			list = append(list, svc.data.appliers()...)
		}
	}
	for _, e := range sys.externals {
		down := false
		e.faulty.change = func(i fault.Impairment) {
			e.SetSlow(i.Factor)
			e.SetErrors(i.Errors)
			if i.Down != down {
				if down = i.Down; down {
					e.Down()
				} else {
					e.Up()
				}
			}
		}
		add(named(e.Name), e.faulty.hold, fault.Slow, fault.Errors, fault.Outage)
	}
	for _, st := range sys.streams {
		st.faulty.change = func(i fault.Impairment) { st.setRate(float64(st.sc.Rate * i.Factor)) }
		add(named("workload."+st.sc.Name), st.faulty.hold, fault.Surge)
	}
	for _, zone := range sys.sc.Zones {
		add(named("zones."+zone), func(e *fault.Effect) { sys.powerOff(e, sys.inZone(zone)) }, fault.Outage)
	}
	for _, m := range sys.machines {
		add(named("machines."+m.Name()), func(e *fault.Effect) { sys.powerOff(e, []*machine{m}) }, fault.Outage, fault.Crash)
		add(named("machines."+m.Name()), pauseMachine(m.Machine), fault.Pause)
		add(named("machines."+m.Name()), setClock(sys.s, m.Machine), fault.Clock)
	}
	add(func(v string) bool { return sys.part(v) != nil }, sys.cut, fault.Partition, fault.Loss, fault.Delay)
	return list
}

// addReplicaFaults adds what can happen to a single replica.
func (sys *System) addReplicaFaults(add func(func(string) bool, func(*fault.Effect), ...fault.Kind), r *nodes.Replica, faulty *impaired) {
	named := func(v string) bool { return v == r.Name() }
	add(named, faulty.hold, fault.Slow)
	add(named, func(e *fault.Effect) {
		r.Pause()
		e.OnEnd(r.Resume)
	}, fault.Pause)
	add(named, setClock(sys.s, r.Machine()), fault.Clock)
}

// crash ends a replica until the effect is over: whoever ends it starts the replica again.
func crash(r *nodes.Replica, e *fault.Effect) {
	r.Crash()
	e.OnEnd(r.Start)
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

func (svc *service) flush(*fault.Effect) {
	for _, c := range svc.caches {
		c.Flush()
	}
}

func (sys *System) inZone(zone string) (list []*machine) {
	for _, m := range sys.machines {
		if m.zone == zone {
			list = append(list, m)
		}
	}
	return list
}

// powerOff takes the power of machines for as long as the effect lasts.
func (sys *System) powerOff(e *fault.Effect, machines []*machine) {
	for _, m := range machines {
		m.PowerOff()
	}
	e.OnEnd(func() {
		for _, m := range machines {
			m.PowerOn()
		}
	})
}

func pauseMachine(m *nodes.Machine) func(*fault.Effect) {
	return func(e *fault.Effect) {
		m.Pause()
		e.OnEnd(m.Resume)
	}
}

func setClock(s *sim.Simulation, m *nodes.Machine) func(*fault.Effect) {
	return func(e *fault.Effect) {
		m.SetClock(e.Offset, e.DriftPPB)
		e.OnEnd(func() { m.SetClock(0, 0) }) // as when it is synchronised again
	}
}

// part is the part of the network that a victim's name stands for; nil if it stands for none.
func (sys *System) part(name string) *network.Part {
	if zone, ok := strings.CutPrefix(name, "zones."); ok && slices.Contains(sys.sc.Zones, zone) {
		part := network.Zones(zone)
		return &part
	}
	name = strings.TrimPrefix(name, "services.")
	var hosts []*network.Host
	for i, svc := range sys.sc.Services {
		for n := range sys.sc.Services[i].Instances() {
			if name == svc.Name || name == fmt.Sprintf("%s/%d", svc.Name, n) {
				hosts = append(hosts, sys.net.Host(fmt.Sprintf("%s-%d", svc.Name, n)))
			}
		}
		if svc.External && name == svc.Name {
			hosts = append(hosts, sys.net.Host(svc.Name))
		}
	}
	if len(hosts) == 0 {
		return nil
	}
	part := network.Only(hosts...)
	return &part
}

// cut makes the network worse for as long as the effect lasts.
func (sys *System) cut(e *fault.Effect) {
	from := *sys.part(e.Victim)
	to := from.Rest()
	if len(e.With) > 0 {
		to = network.Part{}
		for _, name := range e.With {
			other := sys.part(name)
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

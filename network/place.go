package network

import (
	"slices"
	"strings"
)

// A Place says where a host is. Hosts with no zone are clients.
type Place struct{ Region, Zone, Rack string }

func (p Place) String() string {
	var parts []string
	for _, s := range []string{p.Region, p.Zone, p.Rack} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if parts == nil {
		return "anywhere"
	}
	return strings.Join(parts, "/")
}

// contains reports whether q is in p; an empty field of p contains everything.
func (p Place) contains(q Place) bool {
	return (p.Region == "" || p.Region == q.Region) &&
		(p.Zone == "" || p.Zone == q.Zone) &&
		(p.Rack == "" || p.Rack == q.Rack)
}

// classOf returns how far apart two hosts are.
func classOf(a, b *Host) Class {
	p, q := a.place, b.place
	switch {
	case a == b:
		return SameHost
	case p.Zone == "" || q.Zone == "":
		return Clients
	case p.Region != q.Region:
		return CrossRegion
	case p.Zone != q.Zone:
		return CrossZone
	case p.Rack != "" && p.Rack == q.Rack:
		return SameRack
	}
	return SameZone
}

// A Part is a set of hosts, as data: those that are named, those in one of the places, and the
// clients if asked for; or all but these. The zero Part is every host. Hosts that are added later
// belong to it too if it describes them.
type Part struct {
	Hosts   []string
	Places  []Place // an empty field of a place stands for any
	Clients bool
	Outside bool // all hosts but these
}

// Only is the part of the given hosts.
func Only(hosts ...*Host) (p Part) {
	for _, h := range hosts {
		p.Hosts = append(p.Hosts, h.name)
	}
	return p
}

// In is the part of all hosts in the given places: In(Place{Zone: "a"}).
func In(places ...Place) Part { return Part{Places: places} }

// Zones is the part of all hosts in the named zones, of whatever region.
func Zones(names ...string) (p Part) {
	for _, name := range names {
		p.Places = append(p.Places, Place{Zone: name})
	}
	return p
}

// Rest is the part of all hosts that p leaves out.
func (p Part) Rest() Part {
	p.Outside = !p.Outside
	return p
}

func (p *Part) has(h *Host) bool {
	in := p.everything() || p.Clients && h.place.Zone == "" || slices.Contains(p.Hosts, h.name) ||
		slices.ContainsFunc(p.Places, func(place Place) bool { return place.contains(h.place) })
	return in != p.Outside
}

func (p *Part) everything() bool { return len(p.Hosts) == 0 && len(p.Places) == 0 && !p.Clients }

func (p Part) String() string {
	parts := slices.Clone(p.Hosts)
	for _, place := range p.Places {
		parts = append(parts, place.String())
	}
	if p.Clients {
		parts = append(parts, "clients")
	}
	s := strings.Join(parts, "+")
	if p.everything() {
		s = "everything"
	}
	if p.Outside {
		s = "all but " + s
	}
	return s
}

// Between describes pairs of hosts: one in From and another in To, in both directions, or only
// messages from From to To. The zero Between is every pair. A host and itself are never a pair.
type Between struct {
	From, To Part
	OneWay   bool
}

func (b *Between) matches(from, to *Host) bool {
	if from == to {
		return false
	}
	return b.From.has(from) && b.To.has(to) || !b.OneWay && b.From.has(to) && b.To.has(from)
}

func (b Between) String() string {
	if b.OneWay {
		return b.From.String() + " → " + b.To.String()
	}
	return b.From.String() + " ↔ " + b.To.String()
}

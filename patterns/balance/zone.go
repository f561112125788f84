package balance

import (
	"fmt"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// A Zoned target says in which zone it is. That is read when the targets are set.
type Zoned interface{ Zone() string }

// Zones keep calls in the zone of the caller, as far as that has room. That saves the latency and the price
// of the way between zones. It pays when callers are spread over the zones in another way than targets:
// then the zone with too few targets is overloaded, unless calls overflow. In a panic, zones do not matter.
type Zones struct {
	Mode ZoneMode `nines:"mode"` // how zones matter
	Own  string   `nines:"-"`    // the zone of the caller

	Callers    []ZoneCallers `nines:"-"`                       // Aware: how many callers there are in each zone
	MinTargets int           `nines:"min_targets,min=0"`       // aware: healthy replicas below which zones do not matter
	Share      float64       `nines:"share,ratio,min=0,max=1"` // aware: share of the calls for which zones matter

	Overprovision float64 `nines:"overprovision,factor,min=1,max=1000"` // prefer: the own zone takes all calls as long as so many times its healthy share is 1
}

// ZoneCallers says how many callers there are in a zone.
type ZoneCallers struct {
	Zone    string
	Callers int
}

// A ZoneMode says how zones matter.
type ZoneMode uint8

// The modes.
const (
	Ignore ZoneMode = iota // not at all
	Aware                  // the own zone takes what its share of the replicas and of the callers allow, the rest goes where there is room: Envoy's zone aware routing
	Prefer                 // the own zone takes all, the others what it cannot: Envoy's priority levels
	zoneModes
)

// EnvoyZones returns Envoy's zone aware routing with its defaults (common.proto at 84e84367, 2026):
// routing_enabled 100 %, min_cluster_size 6.
func EnvoyZones(own string, callers []ZoneCallers) Zones {
	return Zones{Mode: Aware, Own: own, Callers: callers, MinTargets: 6, Share: 1}
}

// EnvoyPriority returns Envoy's priority levels, the own zone being level 0 and all others level 1, with
// their default overprovisioning_factor of 140.
func EnvoyPriority(own string) Zones { return Zones{Mode: Prefer, Own: own, Overprovision: 1.4} }

func (z Zones) check(f *check.Fields) {
	f.Need(z.Mode < zoneModes, "Zones.Mode", uint8(z.Mode), "ignore, aware or prefer")
	f.Need(z.MinTargets >= 0, "Zones.MinTargets", z.MinTargets, "0 or more")
	f.Need(z.Share >= 0 && z.Share <= 1, "Zones.Share", z.Share, "0 to 1")
	for i, c := range z.Callers {
		f.Need(c.Callers >= 0, fmt.Sprintf("Zones.Callers[%d].Callers", i), c.Callers, "0 or more")
	}
	f.Need(z.Mode != Prefer || z.Overprovision >= 1 && z.Overprovision <= 1000, "Zones.Overprovision", z.Overprovision, "1 to 1000")
}

// A zone is what a balancer knows of one.
type zone struct {
	name    string
	callers int
	targets int
	healthy int
}

// anywhere is the zone of a pick for which zones do not matter.
const anywhere = -1

// findZones numbers the zones: the own one is 0, the others follow as targets name them.
func (b *Balancer) findZones() {
	b.zones = b.zones[:0]
	b.in = anywhere
	if b.cfg.Zones.Mode == Ignore {
		return
	}
	number := func(name string) int {
		for i := range b.zones {
			if b.zones[i].name == name {
				return i
			}
		}
		z := zone{name: name}
		for _, c := range b.cfg.Zones.Callers {
			if c.Zone == name {
				z.callers = c.Callers
			}
		}
		b.zones = append(b.zones, z)
		return len(b.zones) - 1
	}
	b.callers = 0
	for _, c := range b.cfg.Zones.Callers {
		b.callers += c.Callers
	}
	number(b.cfg.Zones.Own)
	for _, m := range b.members {
		name := ""
		if t, ok := find[Zoned](m.Target); ok {
			name = t.Zone()
		}
		m.zone = number(name)
		b.zones[m.zone].targets++
	}
}

// chooseZone says in which zone the present pick is to look: b.in, or everywhere but there if b.out.
func (b *Balancer) chooseZone(draws *sim.Stream) {
	b.in, b.out = anywhere, false
	if b.cfg.Zones.Mode == Ignore || b.cfg.SkipUnhealthy && !b.believe { // a panic
		return
	}
	healthy := 0
	for i := range b.zones {
		b.zones[i].healthy = 0
	}
	for _, m := range b.members {
		if !b.believe || m.Healthy() {
			b.zones[m.zone].healthy++
			healthy++
		}
	}
	if b.cfg.Zones.Mode == Prefer {
		b.prefer(draws)
	} else {
		b.aware(draws, healthy)
	}
}

// prefer chooses between the own zone and the others by their health, as Envoy spreads calls over
// priority levels: each takes as much as Overprovision times its healthy share, in order; if all together
// cannot take everything, each takes as much more.
func (b *Balancer) prefer(draws *sim.Stream) {
	own, others := b.zones[0], zone{}
	for _, z := range b.zones[1:] {
		others.targets += z.targets
		others.healthy += z.healthy
	}
	capacity := func(z zone) float64 {
		if z.targets == 0 {
			return 0
		}
		return min(1, b.cfg.Zones.Overprovision*float64(z.healthy)/float64(z.targets))
	}
	first, second := capacity(own), capacity(others)
	if all := min(1, first+second); all > 0 {
		b.in, b.out = 0, draws.Float64()*all >= first
	}
}

const tenThousand = 10_000 // Envoy reckons in hundredths of a percent, and cuts them to integers

// aware is Envoy's zone aware routing (load_balancer_impl.cc at e01a970a, 2026, as it is with
// enable_zone_routing_different_zone_counts). A zone's percentages are its share of the callers and of the
// healthy targets. If the own zone has at least as large a share of the targets as of the callers, it takes
// all calls; if not, it takes that fraction of them, and the rest goes to the zones that have more targets
// than callers, in proportion to how much more.
func (b *Balancer) aware(draws *sim.Stream, healthy int) {
	if b.zones[0].callers == 0 || healthy == 0 || healthy < b.cfg.Zones.MinTargets || b.cfg.Zones.Share < 1 && !draws.Chance(b.cfg.Zones.Share) {
		return
	}
	callers := func(z zone) int { return tenThousand * z.callers / b.callers }
	targets := func(z zone) int { return tenThousand * z.healthy / healthy }
	own := b.zones[0]
	if draws.IntN(tenThousand) < targets(own)*tenThousand/callers(own) {
		b.in = 0
		return
	}
	all := 0
	for _, z := range b.zones[1:] {
		all += max(0, targets(z)-callers(z))
	}
	if all == 0 { // since shares are cut to integers, nobody has room
		b.in = draws.IntN(len(b.zones))
		return
	}
	luck := draws.IntN(all)
	for i, z := range b.zones[1:] {
		if luck -= max(0, targets(z)-callers(z)); luck < 0 {
			b.in = i + 1
			return
		}
	}
}

// inZone reports whether m is where the present pick looks.
func (b *Balancer) inZone(m *member) bool { return b.in == anywhere || (m.zone == b.in) != b.out }

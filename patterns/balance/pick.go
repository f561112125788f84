package balance

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// pick chooses a target, or nil if there is none to choose.
func (b *Balancer) pick(now sim.Time, req *patterns.Request) *member {
	b.calls++
	b.now = now
	b.look(now)
	b.believe = b.cfg.SkipUnhealthy && !b.panics()
	id := req.ID
	if id == 0 { // nameless requests must not all draw the same target
		id = sim.Mix(b.calls, 0)
	}
	draws := b.draws.At(sim.Mix(id, uint64(req.Attempt)))
	b.chooseZone(&draws)
	last := b.leaveOut(req.Avoid)
	for _, name := range req.Copies.Names() {
		if m := b.leaveOut(name); m != nil {
			last = m
		}
	}
	m := b.choose(&draws, req.Key)
	if m == nil && b.in != anywhere { // nobody in that zone
		b.in = anywhere
		m = b.choose(&draws, req.Key)
	}
	if m == nil && last != nil && (last.Healthy() || !b.believe) {
		return last
	}
	return m
}

// choose chooses among the targets that are not left out.
func (b *Balancer) choose(draws *sim.Stream, key uint64) *member {
	switch b.cfg.Pick {
	case RoundRobin:
		return b.turn(draws)
	case LeastRequests:
		return b.leastLoaded(draws)
	case Choices:
		return b.leastOfFew(draws)
	case SmoothWeighted:
		return b.smooth()
	case StaticStride:
		return b.strided(draws)
	case RingHash, Maglev:
		return b.keyed(key)
	}
	if b.weighs {
		return b.weighted(draws)
	}
	return b.random(draws)
}

func (b *Balancer) turn(draws *sim.Stream) *member {
	if b.calls == 1 && len(b.members) > 0 { // clients that start together do not march together
		b.next = draws.IntN(len(b.members))
	}
	for range b.members {
		m := b.members[b.next]
		b.next = (b.next + 1) % len(b.members)
		if b.usable(m) {
			return m
		}
	}
	return nil
}

func (b *Balancer) leastLoaded(draws *sim.Stream) (best *member) {
	ties, least := 0, 0.0
	for _, m := range b.members {
		if !b.usable(m) {
			continue
		}
		switch cost := b.cost(m); {
		case best == nil || cost < least:
			best, ties, least = m, 1, cost
		case cost == least:
			ties++
		}
	}
	if ties <= 1 {
		return best
	}
	skip := draws.IntN(ties)
	for _, m := range b.members {
		if b.usable(m) && b.cost(m) == least {
			if skip--; skip < 0 {
				return m
			}
		}
	}
	return best
}

// leastOfFew draws a few targets, different ones unless they may be drawn again.
func (b *Balancer) leastOfFew(draws *sim.Stream) (best *member) {
	least := 0.0
	for range b.cfg.Choices {
		m := b.random(draws)
		if m == nil {
			break
		}
		if !b.cfg.Replace {
			m.left = b.calls
		}
		if cost := b.cost(m); best == nil || cost < least { // the order is random, so ties are too
			best, least = m, cost
		}
	}
	return best
}

// random returns a target that is not left out, each equally likely.
func (b *Balancer) random(draws *sim.Stream) *member {
	const quick = 4 // usually enough, and then the number of targets does not matter
	if len(b.members) == 0 {
		return nil
	}
	for range quick {
		if m := b.members[draws.IntN(len(b.members))]; b.usable(m) {
			return m
		}
	}
	var chosen *member
	seen := 0
	for _, m := range b.members {
		if b.usable(m) {
			if seen++; draws.IntN(seen) == 0 { // the k-th takes the place of those before it with probability 1/k
				chosen = m
			}
		}
	}
	return chosen
}

// usable reports whether the present pick may choose m.
func (b *Balancer) usable(m *member) bool {
	return m.left != b.calls && b.inZone(m) && (!b.believe || m.Healthy())
}

// leaveOut leaves the target of that name out of the present pick, and returns it.
func (b *Balancer) leaveOut(name string) *member {
	if name == "" || !b.cfg.AvoidLast {
		return nil
	}
	for _, m := range b.members {
		if m.name == name {
			m.left = b.calls
			return m
		}
	}
	return nil
}

// panics reports whether so few targets are healthy that it is likelier that health is wrong.
func (b *Balancer) panics() bool {
	if b.cfg.Panic == 0 {
		return false
	}
	healthy := 0
	for _, m := range b.members {
		if m.Healthy() {
			healthy++
		}
	}
	return float64(healthy) < b.cfg.Panic*float64(len(b.members))
}

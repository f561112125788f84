package balance

import (
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A Weighted target is to get so many times the calls of one with a weight of 1, which targets have that
// do not say. Weights are read when the targets are set. They count for every pick but RoundRobin, and
// StaticStride with [Reports]; for LeastRequests and Choices, a load is divided by the weight.
type Weighted interface{ Weight() float64 }

// SlowStart gives targets that are new, or healthy again, a smaller weight that grows to its full size:
//
//	weight · max(MinWeight, (age/Window)^(1/Aggression))
//
// as in Envoy (SlowStartConfig of cluster.proto and load_balancer_impl.cc at e01a970a, 2026), for the
// picks random, least, p2c and smooth_weighted. Targets are not new when a balancer is. Health
// is noticed when a target is looked at.
type SlowStart struct {
	Window     time.Duration `nines:"window,none"`                  // until the full weight; 0: no slow start
	Aggression float64       `nines:"aggression,min=0,max=1000"`    // 1: it grows evenly; more: faster at first
	MinWeight  float64       `nines:"min_weight,ratio,min=0,max=1"` // share of the weight to begin with
}

// EnvoySlowStart returns Envoy's defaults for a window: aggression 1, min_weight_percent 10.
func EnvoySlowStart(window time.Duration) SlowStart {
	return SlowStart{Window: window, Aggression: 1, MinWeight: 0.1}
}

func (s SlowStart) check(f *check.Fields, pick Pick) {
	f.Need(s.Window >= 0, "SlowStart.Window", s.Window, "0 or more")
	if s.Window <= 0 {
		return
	}
	f.Need(pick != RoundRobin && pick != StaticStride && !pick.hashes(), "SlowStart.Window", s.Window, "0 with the pick "+pick.String())
	f.Need(s.Aggression > 0 && s.Aggression <= 1000, "SlowStart.Aggression", s.Aggression, "more than 0 and at most 1000")
	f.Need(s.MinWeight > 0 && s.MinWeight <= 1, "SlowStart.MinWeight", s.MinWeight, "more than 0 and at most 1")
}

// factor returns the share of its weight that a target has at an age.
func (s SlowStart) factor(age time.Duration) float64 {
	if age >= s.Window {
		return 1
	}
	age = max(age.Truncate(time.Millisecond), time.Millisecond) // as Envoy counts
	return min(1, max(s.MinWeight, dist.Pow(float64(age)/float64(s.Window), 1/s.Aggression)))
}

// weight returns the weight of m in the present pick.
func (b *Balancer) weight(m *member) float64 {
	if b.cfg.SlowStart.Window == 0 {
		return m.weight
	}
	if healthy := m.Healthy(); healthy && !m.wasHealthy {
		m.since, m.wasHealthy = b.now, true
	} else if !healthy {
		m.wasHealthy = false
	}
	if m.since == sim.Never { // never anything but there
		return m.weight
	}
	return m.weight * b.cfg.SlowStart.factor(b.now.Sub(m.since))
}

// smooth is nginx's smooth weighted round robin (ngx_http_upstream_round_robin.c, since 1.3.1): at each
// pick everybody gains its weight, and whoever has most gives up the weight of all.
func (b *Balancer) smooth() (best *member) {
	all := 0.0
	for _, m := range b.members {
		if !b.usable(m) {
			continue
		}
		w := b.weight(m)
		m.gained += w
		all += w
		if best == nil || m.gained > best.gained {
			best = m
		}
	}
	if best != nil {
		best.gained -= all
	}
	return best
}

// weighted returns a target that is not left out, each as likely as its weight.
func (b *Balancer) weighted(draws *sim.Stream) (chosen *member) {
	all := 0.0
	for _, m := range b.members {
		if !b.usable(m) {
			continue
		}
		w := b.weight(m)
		all += w
		if float64(draws.Float64()*all) < w { // takes the place of those before it with probability w/all
			chosen = m
		}
	}
	return chosen
}

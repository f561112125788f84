package redundancy

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// A Block is something that is up or down: a [Component], a [Group] or a [Standby]. It begins up.
type Block interface {
	Name() string
	Up() bool
	// OnChange calls f whenever the block has gone up or down.
	OnChange(f func(up bool))
	// Stats returns what the block has measured so far.
	Stats() Stats
}

// Stats says how long a block was up and down.
type Stats struct {
	Up, Down time.Duration
	Outages  int           // times it went down
	ToFirst  time.Duration // from the start to the first outage; 0 if there was none
}

// Unavailability returns the share of time down.
func (st Stats) Unavailability() float64 { return float64(st.Down) / float64(st.Up+st.Down) }

// Availability returns the share of time up.
func (st Stats) Availability() float64 { return float64(st.Up) / float64(st.Up+st.Down) }

// MeanOutage returns the mean time down of an outage, or 0 if there was none. One that is not over
// counts with what has passed of it.
func (st Stats) MeanOutage() time.Duration {
	if st.Outages == 0 {
		return 0
	}
	return st.Down / time.Duration(st.Outages)
}

// status is what every block has.
type status struct {
	s        *sim.Simulation
	name     string
	up       bool
	since    sim.Time // when it went up or down
	stats    Stats    // up to then
	watchers []func(up bool)
}

func newStatus(s *sim.Simulation, name string) status {
	return status{s: s, name: name, up: true, since: s.Now()}
}

// Name returns the name of the block.
func (b *status) Name() string { return b.name }

// Up reports whether the block is up.
func (b *status) Up() bool { return b.up }

// OnChange calls f whenever the block has gone up or down.
func (b *status) OnChange(f func(up bool)) { b.watchers = append(b.watchers, f) }

// Stats returns what the block has measured so far.
func (b *status) Stats() Stats {
	st := b.stats
	if now := b.s.Now(); b.up {
		st.Up += now.Sub(b.since)
	} else {
		st.Down += now.Sub(b.since)
	}
	return st
}

// set says that the block is up or down from now on.
func (b *status) set(up bool) {
	if up == b.up {
		return
	}
	b.stats = b.Stats()
	b.up, b.since = up, b.s.Now()
	if !up {
		if b.stats.Outages == 0 {
			b.stats.ToFirst = b.stats.Up
		}
		b.stats.Outages++
	}
	for _, f := range b.watchers {
		f(up)
	}
}

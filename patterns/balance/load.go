package balance

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A Measure is what counts as the load of a target.
type Measure uint8

// The measures.
const (
	InFlight Measure = iota // calls of this client under way
	PeakEWMA                // how long calls take, by an average that jumps to peaks, times calls under way and one more: Finagle, Linkerd
	Told                    // what it said of itself in its last answer; of one that says nothing, calls under way
	measures
)

func (m Measure) String() string {
	switch m {
	case InFlight:
		return "in flight"
	case PeakEWMA:
		return "peak EWMA"
	case Told:
		return "told"
	}
	return "unknown measure"
}

// A Loader is a target that knows how loaded it is, whoever sent the calls.
type Loader interface{ Load() float64 }

// EWMA says how latencies are averaged where they are the load. A call that takes longer than the average
// becomes the average; a shorter one, or time that passes while somebody looks, moves it down, with weights
// of exp(-age/Decay).
type EWMA struct {
	Decay        time.Duration `nines:"decay,positive"`     // the mean lifetime of an observation
	Initial      time.Duration `nines:"initial,none"`       // of a replica that was not called yet; 0: it is called once, and not again before it answered
	ErrorPenalty time.Duration `nines:"error_penalty,none"` // a call that fails counts as having taken this long at least; 0: as long as it took, so that failing fast attracts calls
}

func (e EWMA) check(f *check.Fields, used bool) {
	f.Need(e.Decay > 0 || e.Decay == 0 && !used, "EWMA.Decay", e.Decay, "more than 0")
	f.Need(e.Initial >= 0, "EWMA.Initial", e.Initial, "0 or more")
	f.Need(e.ErrorPenalty >= 0, "EWMA.ErrorPenalty", e.ErrorPenalty, "0 or more")
}

// An average of latencies in nanoseconds.
type average struct {
	cost float64
	at   sim.Time // when it was brought up to date
}

// observe is Finagle's PeakEwma.observe.
func (a *average) observe(now sim.Time, decay time.Duration, rtt float64) {
	if rtt > a.cost {
		a.cost = rtt
	} else if passed := now.Sub(a.at); passed > 0 {
		w := dist.Exp(-float64(passed) / float64(decay))
		a.cost = float64(a.cost*w) + float64(rtt*(1-w))
	}
	a.at = now
}

// unknown is what a target costs that has not answered its first call yet, so that no other follows.
const unknown = float64(1<<63-1) / (1 << 16)

// load returns what a call to m would cost now.
func (b *Balancer) load(m *member, now sim.Time) float64 {
	calls := float64(m.inFlight + 1)
	switch b.cfg.Load {
	case PeakEWMA:
		m.average.observe(now, b.cfg.EWMA.Decay, 0)
		if m.average.cost == 0 && m.inFlight > 0 {
			return unknown + calls - 1
		}
		return m.average.cost * calls
	case Told:
		if m.loader != nil {
			return m.loader.Load() + 1
		}
	}
	return calls
}

// cost returns the load of m as far as it is known, for its weight.
func (b *Balancer) cost(m *member) float64 {
	if b.plain {
		return float64(m.inFlight)
	}
	return b.reckon(m)
}

func (b *Balancer) reckon(m *member) float64 {
	load := m.known
	if b.cfg.Stale == 0 {
		load = b.load(m, b.now)
	}
	if b.weighs {
		load /= b.weight(m)
	}
	return load
}

// look reads all loads if it is time to. They are read at multiples of Stale since time zero: by
// the first who comes then, before anything changes what this balancer counts.
func (b *Balancer) look(now sim.Time) {
	if b.cfg.Stale == 0 || now < b.nextLook {
		return
	}
	b.nextLook = (now/sim.Time(b.cfg.Stale) + 1) * sim.Time(b.cfg.Stale)
	for _, m := range b.members {
		m.known = b.load(m, now)
	}
}

// ended counts a call that is over. A caller that was killed or cancelled it teaches nothing but that it
// took so long.
func (b *Balancer) ended(now sim.Time, m *member, start sim.Time, end ending) {
	b.look(now)
	m.inFlight--
	if m.reporter != nil && end != unwound && b.cfg.Reports.Update > 0 {
		b.weighAgain(now)
		m.reported.hear(now, m.reporter.LastReport(), &b.cfg.Reports)
	}
	if b.cfg.Load != PeakEWMA || end == unwound {
		return
	}
	rtt := now.Sub(start)
	if end == failed {
		rtt = max(rtt, b.cfg.EWMA.ErrorPenalty)
	}
	m.average.observe(now, b.cfg.EWMA.Decay, float64(rtt))
}

// An ending is how a call ended.
type ending uint8

const (
	unwound  ending = iota // its caller was killed
	answered               // or given up for no fault of the target's
	failed
)

// endingOf returns how a call that came back with err ended.
func endingOf(err error) ending {
	if err == nil {
		return answered
	}
	switch e := err.(type) {
	case *patterns.Error:
		if patterns.Transient.Has(e.Kind) {
			return failed
		}
	case *sim.Ended:
		if e.Cause == sim.ErrDeadline {
			return failed
		}
	}
	return answered
}

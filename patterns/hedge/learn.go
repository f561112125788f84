package hedge

import (
	"time"

	"github.com/nines-sim/nines/patterns/internal/quantile"
	"github.com/nines-sim/nines/sim"
)

// delays learns how long a hedge waits.
type delays struct {
	cfg Learning

	quantile *quantile.Window // nil in the mode Average
	last     []time.Duration  // a ring
	next     int
	sum      time.Duration
	known    int64

	delay   time.Duration // as of the last refresh; less than 0: no hedge
	refresh sim.Time      // when it is brought up to date
}

func newDelays(cfg Config, now sim.Time) *delays {
	d := &delays{cfg: cfg.Learn, delay: never, refresh: now.Add(cfg.Learn.Refresh)}
	switch cfg.Mode {
	case Quantile:
		d.quantile = quantile.New(cfg.Learn.Quantile, quantile.Shape{Steps: cfg.Learn.Steps, Step: cfg.Learn.Step, Settled: cfg.Learn.Settled}, now)
	case Average:
		d.last = make([]time.Duration, cfg.Learn.Last)
	default:
		return nil
	}
	return d
}

// never is the delay of a hedge that is not sent by time.
const never = time.Duration(-1)

// learn counts a latency.
func (d *delays) learn(now sim.Time, took time.Duration) {
	d.at(now) // which may be due without it
	if d.cfg.Max > 0 {
		took = min(took, d.cfg.Max)
	}
	if d.quantile != nil {
		d.quantile.Add(now, took)
		return
	}
	d.sum += took - d.last[d.next]
	d.last[d.next] = took
	d.next = (d.next + 1) % len(d.last)
	d.known = min(d.known+1, int64(len(d.last)))
}

// at returns the delay at now, or never.
func (d *delays) at(now sim.Time) time.Duration {
	if d.cfg.Refresh == 0 {
		return d.look(now)
	}
	if now >= d.refresh { // as of the last instant at which it was due: nothing was learned since
		due := d.refresh.Add(now.Sub(d.refresh) / d.cfg.Refresh * d.cfg.Refresh)
		d.delay, d.refresh = d.look(due), due.Add(d.cfg.Refresh)
	}
	return d.delay
}

func (d *delays) look(now sim.Time) time.Duration {
	var delay time.Duration
	known := d.known
	if d.quantile != nil {
		delay, known = d.quantile.Quantile(now)
	} else {
		delay = time.Duration(float64(d.sum/time.Duration(max(known, 1)))*d.cfg.Factor) + d.cfg.Plus
	}
	delay = max(delay, d.cfg.Min)
	if known < int64(d.cfg.MinCalls) || d.cfg.Max > 0 && delay >= d.cfg.Max {
		return never
	}
	return delay
}

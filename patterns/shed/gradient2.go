package shed

import (
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// Gradient2Config says how a [Gradient2] limit moves.
type Gradient2Config struct {
	Initial, Min, Max int     // the limit at first, and the least and the most that it can be
	Queue             int     // by how many calls the limit grows while they take no longer than usual
	Tolerance         float64 // how many times as long as usual a call may take before the limit shrinks
	Smoothing         float64 // how far the limit goes of the way to where it should be: 1 is all of it
	LongWindow        int     // calls over which it learns what is usual
}

// DefaultGradient2Config returns the defaults of Netflix's concurrency-limits@78a74b98
// (Gradient2Limit.java): 20 at first and at least, at most 200, a queue of 4, tolerance 1.5, smoothing 0.2,
// long window 600. Earlier versions, and the Go port, have no tolerance: 1.
func DefaultGradient2Config() Gradient2Config {
	return Gradient2Config{Initial: 20, Min: 20, Max: 200, Queue: 4, Tolerance: 1.5, Smoothing: 0.2, LongWindow: 600}
}

// Validate names every field that makes no sense.
func (c Gradient2Config) Validate() error {
	f := check.Of("shed")
	checkRange(f, "Gradient2Config", c.Initial, c.Min, c.Max)
	f.Need(c.Queue >= 0 && c.Queue <= maxCalls, "Gradient2Config.Queue", c.Queue, "0 to 1,000,000")
	f.Need(c.Tolerance >= 1, "Gradient2Config.Tolerance", c.Tolerance, "1 or more")
	f.Need(c.Smoothing > 0 && c.Smoothing <= 1, "Gradient2Config.Smoothing", c.Smoothing, "more than 0 and at most 1")
	f.Need(c.LongWindow >= 1, "Gradient2Config.LongWindow", c.LongWindow, "1 or more")
	return f.Err()
}

// A Gradient2 limit is Netflix's: it compares how long a call took to an exponential average over many
// calls, and multiplies the limit by the quotient, from ½ to 1, plus a small queue.
//
// An average is not fooled by one call that was lucky. But it learns: under an overload that lasts, long
// becomes usual, and the limit grows again. That calls are dropped does not move it.
type Gradient2 struct {
	cfg   Gradient2Config
	limit float64
	usual average
}

// NewGradient2 returns a limit. It panics if the configuration is not valid.
func NewGradient2(cfg Gradient2Config) *Gradient2 {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Gradient2{cfg: cfg, limit: float64(cfg.Initial), usual: average{weight: 2 / float64(cfg.LongWindow+1)}}
}

// Limit returns how many calls may be under way.
func (g *Gradient2) Limit(sim.Time) int { return int(g.limit) }

// Learn learns from a call that has ended.
func (g *Gradient2) Learn(_ sim.Time, s Sample) {
	rtt := float64(max(s.RTT, 1))
	usual := g.usual.add(rtt)
	if usual/rtt > 2 { // an overload is over: do not wait until that is forgotten
		g.usual.value = float64(g.usual.value * 0.95)
	}
	if float64(s.InFlight) < g.limit/2 { // it is not the limit that holds calls back
		return
	}
	gradient := max(0.5, min(1, float64(g.cfg.Tolerance*usual)/rtt))
	to := float64(g.limit*gradient) + float64(g.cfg.Queue)
	to = float64(g.limit*(1-g.cfg.Smoothing)) + float64(to*g.cfg.Smoothing)
	g.limit = max(float64(g.cfg.Min), min(float64(g.cfg.Max), to))
}

// An average is exponential, after the first few values, of which it is the mean.
type average struct {
	weight     float64 // of a new value
	value, sum float64
	first      int // values so far, up to warmUp
}

const warmUp = 10 // ExpAvgMeasurement.java

func (a *average) add(x float64) float64 {
	if a.first < warmUp {
		a.first++
		a.sum += x
		a.value = a.sum / float64(a.first)
	} else {
		a.value = float64(a.value*(1-a.weight)) + float64(x*a.weight)
	}
	return a.value
}

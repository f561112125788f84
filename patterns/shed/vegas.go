package shed

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// VegasConfig says how a [Vegas] limit moves. Alpha, Beta and Threshold are numbers of calls that queue at
// the server, each multiplied by the logarithm of the limit to base 10: by 1 below 100, by 2 below 1000.
type VegasConfig struct {
	Initial, Max int     // the limit at first, and the most that it can be
	Threshold    int     // up to so many in the queue the limit grows by Beta
	Alpha        int     // with fewer than so many it grows
	Beta         int     // with more than so many it shrinks
	Smoothing    float64 // how far the limit goes of the way to where it should be: 1 is all of it
	Probe        int     // after up to so many calls for each of the limit, the shortest time is measured anew; 0: never
}

// DefaultVegasConfig returns the defaults of Netflix's concurrency-limits@78a74b98 (VegasLimit.java): 20 at
// first and at most 1000; threshold 1, alpha 3 and beta 6 times the logarithm; no smoothing; a probe after
// 15 to 30 calls for each of the limit.
func DefaultVegasConfig() VegasConfig {
	return VegasConfig{Initial: 20, Max: 1000, Threshold: 1, Alpha: 3, Beta: 6, Smoothing: 1, Probe: 30}
}

// Validate names every field that makes no sense.
func (c VegasConfig) Validate() error {
	f := check.Of("shed")
	f.Need(c.Max >= 1 && c.Max <= maxCalls, "VegasConfig.Max", c.Max, "1 to 1,000,000")
	f.Need(c.Initial >= 1 && c.Initial <= c.Max, "VegasConfig.Initial", c.Initial, "1 to Max")
	f.Need(c.Threshold >= 0 && c.Threshold <= c.Alpha, "VegasConfig.Threshold", c.Threshold, "0 to Alpha")
	f.Need(c.Alpha >= 0 && c.Alpha <= c.Beta, "VegasConfig.Alpha", c.Alpha, "0 to Beta")
	f.Need(c.Beta <= 1000, "VegasConfig.Beta", c.Beta, "at most 1000")
	f.Need(c.Smoothing > 0 && c.Smoothing <= 1, "VegasConfig.Smoothing", c.Smoothing, "more than 0 and at most 1")
	f.Need(c.Probe >= 0, "VegasConfig.Probe", c.Probe, "0 or more")
	return f.Err()
}

// A Vegas limit is TCP Vegas's (Brakmo, Peterson, 1995), by Netflix: it compares how long a call took to
// the shortest time seen, and takes the difference for a queue of limit*(1-shortest/rtt) calls. It lets
// that queue have some calls, so that the server is never idle, and no more.
//
// It shrinks before anything fails. But a shortest time that was measured while there was a queue makes
// that queue normal, and when work becomes longer for good the limit shrinks until it measures anew.
type Vegas struct {
	cfg      VegasConfig
	jitter   *sim.Stream
	limit    float64
	shortest time.Duration // 0: not known
	calls    int           // since the last probe
	probe    float64       // the next one comes after so many calls for each of the limit
}

// NewVegas returns a limit. The jitter says when it probes. It panics if the configuration is not valid.
func NewVegas(cfg VegasConfig, jitter *sim.Stream) *Vegas {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	v := &Vegas{cfg: cfg, jitter: jitter, limit: float64(cfg.Initial)}
	v.plan()
	return v
}

// plan decides when to probe next: after half of Probe to all of it.
func (v *Vegas) plan() {
	v.calls = 0
	v.probe = float64((0.5 + float64(v.jitter.Float64()/2)) * float64(v.cfg.Probe))
}

// Limit returns how many calls may be under way.
func (v *Vegas) Limit(sim.Time) int { return int(v.limit) }

// Learn learns from a call that has ended.
func (v *Vegas) Learn(_ sim.Time, s Sample) {
	rtt := max(s.RTT, 1)
	v.calls++
	switch {
	case v.cfg.Probe > 0 && float64(v.probe*v.limit) <= float64(v.calls):
		v.plan()
		v.shortest = rtt
	case v.shortest == 0 || rtt < v.shortest:
		v.shortest = rtt
	default:
		v.move(rtt, s)
	}
}

func (v *Vegas) move(rtt time.Duration, s Sample) {
	queue := int(math.Ceil(float64(v.limit * (1 - float64(v.shortest)/float64(rtt)))))
	log := log10(int(v.limit))
	to := v.limit
	switch {
	case s.Dropped:
		to -= float64(log)
	case float64(s.InFlight*2) < v.limit: // it is not the limit that holds calls back
		return
	case queue <= v.cfg.Threshold*log:
		to += float64(v.cfg.Beta * log)
	case queue < v.cfg.Alpha*log:
		to += float64(log)
	case queue > v.cfg.Beta*log:
		to -= float64(log)
	default:
		return
	}
	to = max(1, min(float64(v.cfg.Max), to))
	v.limit = float64((1-v.cfg.Smoothing)*v.limit) + float64(v.cfg.Smoothing*to)
}

// log10 is the logarithm to base 10, rounded down, and at least 1.
func log10(n int) int {
	log := 0
	for n >= 10 {
		n /= 10
		log++
	}
	return max(log, 1)
}

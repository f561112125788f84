package shed

import (
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// AIMDConfig says how an [AIMD] limit moves.
type AIMDConfig struct {
	Initial, Min, Max int           // the limit at first, and the least and the most that it can be
	Backoff           float64       // what remains of the limit after a sign of load
	Timeout           time.Duration // a call that takes longer is a sign of load; 0: however long it takes
}

// DefaultAIMDConfig returns the defaults of Netflix's concurrency-limits@78a74b98 (AIMDLimit.java): 20 at
// first and at least, at most 200, 90 % remain, and calls of more than 5 s are a sign of load.
func DefaultAIMDConfig() AIMDConfig {
	return AIMDConfig{Initial: 20, Min: 20, Max: 200, Backoff: 0.9, Timeout: 5 * time.Second}
}

// Validate names every field that makes no sense.
func (c AIMDConfig) Validate() error {
	f := check.Of("shed")
	checkRange(f, "AIMDConfig", c.Initial, c.Min, c.Max)
	f.Need(c.Backoff >= 0.5 && c.Backoff < 1, "AIMDConfig.Backoff", c.Backoff, "0.5 to less than 1")
	f.Need(c.Timeout >= 0, "AIMDConfig.Timeout", c.Timeout, "0 or more")
	return f.Err()
}

// checkRange checks a limit at first, its least and its most.
func checkRange(f *check.Fields, config string, initial, least, most int) {
	f.Need(least >= 1, config+".Min", least, "1 or more")
	f.Need(most >= least && most <= maxCalls, config+".Max", most, "Min to 1,000,000")
	f.Need(initial >= least && initial <= most, config+".Initial", initial, "Min to Max")
}

const maxCalls = 1_000_000

// An AIMD limit grows by one with each call that ends well, and shrinks by a share with each sign of
// load: additive increase, multiplicative decrease, as TCP's (Chiu, Jain, 1989). It grows only while at
// least half of it is used. It needs the server to turn calls away or time out, for it learns nothing from
// calls that are merely slower than they were.
type AIMD struct {
	cfg   AIMDConfig
	limit int
}

// NewAIMD returns a limit. It panics if the configuration is not valid.
func NewAIMD(cfg AIMDConfig) *AIMD {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &AIMD{cfg, cfg.Initial}
}

// Limit returns how many calls may be under way.
func (a *AIMD) Limit(sim.Time) int { return a.limit }

// Learn learns from a call that has ended.
func (a *AIMD) Learn(_ sim.Time, s Sample) {
	switch {
	case s.Dropped, a.cfg.Timeout > 0 && s.RTT > a.cfg.Timeout:
		a.limit = int(float64(a.limit) * a.cfg.Backoff)
	case s.InFlight*2 >= a.limit:
		a.limit++
	}
	a.limit = min(max(a.limit, a.cfg.Min), a.cfg.Max)
}

package shed

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// WindowedConfig says how a [Windowed] limit gathers calls.
type WindowedConfig struct {
	Shortest time.Duration `nines:"shortest"`    // the least that a window is long; else it is twice the shortest call of the one before
	Longest  time.Duration `nines:"longest"`     // the most that a window is long
	Calls    int           `nines:"calls,min=1"` // a window with fewer says nothing
	MinRTT   time.Duration `nines:"min_rtt"`     // a call that takes less says nothing
}

// DefaultWindowedConfig returns the defaults of Netflix's concurrency-limits@78a74b98 (WindowedLimit.java):
// windows of 1 s, of at least 10 calls, each of at least 100 µs.
func DefaultWindowedConfig() WindowedConfig {
	return WindowedConfig{Shortest: time.Second, Longest: time.Second, Calls: 10, MinRTT: 100 * time.Microsecond}
}

// Validate names every field that makes no sense.
func (c WindowedConfig) Validate() error {
	f := check.Of("shed")
	f.Need(c.Shortest >= 0, "WindowedConfig.Shortest", c.Shortest, "0 or more")
	f.Need(c.Longest >= c.Shortest, "WindowedConfig.Longest", c.Longest, "Shortest or more")
	f.Need(c.Calls >= 1, "WindowedConfig.Calls", c.Calls, "1 or more")
	f.Need(c.MinRTT >= 0, "WindowedConfig.MinRTT", c.MinRTT, "0 or more")
	return f.Err()
}

// A Windowed limit hands the mean of many calls to another limit, so that it is moved by what is common
// and not by every call: their mean time, the most that were under way, and whether any was dropped.
type Windowed struct {
	cfg   WindowedConfig
	limit Limit
	until sim.Time // the window ends with the first call that ends after that

	calls    int
	sum, min time.Duration
	inFlight int
	dropped  bool
}

// NewWindowed returns a limit that moves as the given one does. It panics if the configuration is not
// valid.
func NewWindowed(cfg WindowedConfig, limit Limit) *Windowed {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	w := &Windowed{cfg: cfg, limit: limit}
	w.clear()
	return w
}

// Limit returns how many calls may be under way.
func (w *Windowed) Limit(now sim.Time) int { return w.limit.Limit(now) }

// Learn learns from a call that has ended.
func (w *Windowed) Learn(now sim.Time, s Sample) {
	if s.RTT < w.cfg.MinRTT {
		return
	}
	w.calls++
	w.sum += s.RTT
	w.min = min(w.min, s.RTT)
	w.inFlight = max(w.inFlight, s.InFlight)
	w.dropped = w.dropped || s.Dropped
	ended := s.Began.Add(s.RTT)
	if ended <= w.until {
		return
	}
	w.until = ended.Add(min(max(2*w.min, w.cfg.Shortest), w.cfg.Longest))
	if w.calls >= w.cfg.Calls {
		w.limit.Learn(now, Sample{s.Began, w.sum / time.Duration(w.calls), w.inFlight, w.dropped})
	}
	w.clear()
}

func (w *Windowed) clear() {
	w.calls, w.sum, w.min, w.inFlight, w.dropped = 0, 0, math.MaxInt64/2, 0, false
}

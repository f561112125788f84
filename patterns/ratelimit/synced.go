package ratelimit

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// A Tell reaches the counter that clients share: it adds n calls to those of a window and returns how
// many calls all clients have told it of in that window. Windows are numbered from time zero. The error
// says that no answer came.
type Tell func(p *sim.Process, window, n int64) (total int64, err error)

// SyncedConfig says what limit clients keep together, and how well they know each other's calls.
type SyncedConfig struct {
	Algorithm  Algorithm     // FixedWindow or SlidingCounter
	Limit      int           // calls allowed, of all clients together
	Period     time.Duration // in this time
	Every      time.Duration // how often a client tells of its calls, and hears of the others'; 0: with every call
	RetryAfter bool          // rejections say when it is worth trying again
	Server     bool          // it stands before a server: a rejection is [patterns.Overloaded], not [patterns.Rejected]
}

// DefaultSyncedConfig returns 50 calls a minute, estimated by a sliding counter as Cloudflare does it,
// and a tenth of a second between two synchronisations.
func DefaultSyncedConfig() SyncedConfig {
	return SyncedConfig{Algorithm: SlidingCounter, Limit: 50, Period: time.Minute, Every: 100 * time.Millisecond, RetryAfter: true}
}

// Validate names every field that makes no sense.
func (c SyncedConfig) Validate() error {
	f := check.Of("ratelimit")
	f.Need(c.Algorithm == FixedWindow || c.Algorithm == SlidingCounter, "SyncedConfig.Algorithm", c.Algorithm, "fixed_window or sliding_counter, whose counts can be added up")
	f.Need(c.Limit >= 1 && c.Limit <= maxLimit, "SyncedConfig.Limit", c.Limit, "1 to 1,000,000,000")
	f.Need(c.Period > 0, "SyncedConfig.Period", c.Period, "more than 0")
	f.Need(c.Every >= 0, "SyncedConfig.Every", c.Every, "0 or more")
	return f.Err()
}

// A Synced limits the calls of many clients together, without waiting for anybody: it decides by the
// calls it has let through itself and by what it last heard of the others, and tells the counter that
// they share now and then, in the background.
//
// It costs a call no time, and goes on when the counter cannot be reached. It pays with calls above the
// limit: between two synchronisations each client believes that what is left is its own, so n clients
// may together let through up to n times what is left.
//
// Synchronisation is begun by calls: a client without calls tells and hears nothing.
type Synced struct {
	cfg           SyncedConfig
	tell          Tell
	now           sim.Time
	before, count tally    // of the window before the present one, and of that
	due           sim.Time // the next synchronisation
	busy          bool     // one is under way
	rejected      *patterns.Error
	counts        Counts
}

// A tally is what one client knows of the calls in a window.
type tally struct {
	window int64
	mine   int64 // calls let through here
	told   int64 // of which the shared counter knows
	known  int64 // calls of all clients, as of the last synchronisation
}

func (t *tally) total() int64 { return t.known + t.mine - t.told }

// NewSynced returns a limiter that has heard of nobody, and tells and hears by tell. It panics if the
// configuration is not valid.
func NewSynced(cfg SyncedConfig, tell Tell) *Synced {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Synced{
		cfg: cfg, tell: tell, before: tally{window: -1},
		rejected: &patterns.Error{Kind: kind(cfg.Server), Layer: "ratelimit", Cause: ErrExceeded},
	}
}

// Counts returns what happened so far.
func (y *Synced) Counts() Counts { return y.counts }

// Wrap returns next behind this limiter; several calls of one client may share it.
func (y *Synced) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		now := p.Sim().Now()
		at, ok := y.allow(now)
		if !y.busy && y.now >= y.due {
			y.busy, y.due = true, y.now.Add(y.cfg.Every)
			p.Group().Spawn("rate limit synchronisation", synchronise, y)
		}
		if !ok {
			return patterns.Response{}, rejection(y.rejected, y.cfg.RetryAfter, now, at)
		}
		return next(p, req)
	}
}

// allow asks at now for a permit to be used at once. If it is refused, at is the first instant at which
// it could be given, as far as this client knows.
func (y *Synced) allow(now sim.Time) (at sim.Time, ok bool) {
	y.slide(now)
	if at = y.free(); at > y.now {
		y.counts.Rejected++
		return at, false
	}
	y.counts.Allowed++
	y.count.mine++
	return at, true
}

// free returns the first instant from now on at which there is room for a call.
func (y *Synced) free() sim.Time {
	limit, window := int64(y.cfg.Limit), y.count.window
	if y.cfg.Algorithm == SlidingCounter {
		return earliest(y.now, y.cfg.Period, limit-1, window, y.before.total(), y.count.total())
	}
	if y.count.total() < limit {
		return y.now
	}
	return sim.Time((window + 1) * int64(y.cfg.Period))
}

func (y *Synced) slide(now sim.Time) {
	y.now = max(y.now, now)
	window := int64(y.now) / int64(y.cfg.Period)
	if window == y.count.window {
		return
	}
	y.before = tally{window: window - 1}
	if y.count.window == window-1 {
		y.before = y.count
	}
	y.count = tally{window: window}
}

// synchronise tells of the newest two windows. What cannot be told is told the next time.
func synchronise(p *sim.Process, arg any) {
	y := arg.(*Synced)
	defer func() { y.busy = false }()
	now := y.count.window
	for window := max(now-1, 0); window <= now; window++ {
		n := y.untold(window)
		if n == 0 && window < now && y.cfg.Algorithm == FixedWindow {
			continue // nobody asks for it any more
		}
		if total, err := y.tell(p, window, n); err == nil {
			y.heard(window, n, total)
		}
	}
}

// untold returns how many calls of a window the shared counter has not been told of.
func (y *Synced) untold(window int64) int64 {
	if t := y.tally(window); t != nil {
		return t.mine - t.told
	}
	return 0
}

// heard notes that the shared counter was told of n calls of a window, and then knew of so many in all.
func (y *Synced) heard(window, n, total int64) {
	if t := y.tally(window); t != nil {
		t.told += n
		t.known = total
	}
}

func (y *Synced) tally(window int64) *tally {
	switch window {
	case y.count.window:
		return &y.count
	case y.before.window:
		return &y.before
	}
	return nil
}

// Counters hold the calls of many clients in the newest two windows.
type Counters struct {
	window        int64
	before, count int64
}

// Add adds n calls to those of a window, and returns how many they are. Calls of a window that is older
// than the newest two are forgotten.
func (c *Counters) Add(window, n int64) (total int64) {
	if window > c.window {
		if window == c.window+1 {
			c.before = c.count
		} else {
			c.before = 0
		}
		c.window, c.count = window, 0
	}
	switch window {
	case c.window:
		c.count += n
		return c.count
	case c.window - 1:
		c.before += n
		return c.before
	}
	return 0
}

// Elsewhere returns the way to these counters for somebody who is so far away, there and back. Each way
// takes half of it.
func (c *Counters) Elsewhere(roundTrip time.Duration) Tell {
	there := roundTrip / 2
	back := roundTrip - there
	return func(p *sim.Process, window, n int64) (int64, error) {
		if err := p.Sleep(there); err != nil {
			return 0, err
		}
		total := c.Add(window, n)
		return total, p.Sleep(back)
	}
}

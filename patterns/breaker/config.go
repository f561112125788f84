package breaker

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/window"
)

// Config says what opens a breaker and what closes it again. Its zero values are what most libraries
// do; the presets ([Resilience4j], [Hystrix], ...) say where one of them does otherwise.
type Config struct {
	Name   string         `nines:"-"`  // whom it protects, in notes: "orders.payment"
	On     patterns.Kinds `nines:"on"` // failures that count; others say nothing about whom it protects
	Forced State          `nines:"-"`  // ForcedOpen or ForcedClosed: held so from the start; Closed: not held

	// Each of these opens it by itself; at least one must be set.
	Failures int           `nines:"consecutive,min=1,none"`           // failures in a row; 0: no number does
	Count    int           `nines:"count,min=1,none"`                 // failures in the window; 0: no number does
	Rate     float64       `nines:"rate,ratio,min=0,max=1,none"`      // share of failures in the window; 0: no share does
	SlowRate float64       `nines:"slow_rate,ratio,min=0,max=1,none"` // share of slow calls in the window; 0: no share does
	Slow     time.Duration `nines:"slow,none"`                        // a call that takes longer is slow
	MinCalls int           `nines:"min_calls,min=0"`                  // calls in the window below which Count, Rate and SlowRate say nothing

	// The window is some time, in steps, or a number of calls.
	Window  time.Duration `nines:"window,none"`                   // how far back the window reaches
	Steps   int           `nines:"steps,min=1,max=10000,auto=10"` // in how many steps the window slides; 1: it does not slide, but begins anew; 0: 10
	Align   Align         `nines:"align"`                         // when the steps of the window begin
	AtStart bool          `nines:"at_start"`                      // a call counts when it begins, and its result belongs to the step in which it began; one that takes longer than the window never counts
	Last    int           `nines:"last,min=1,none"`               // the window is so many calls, in place of a time; 0: a time

	// When the results are looked at, and how.
	Every        time.Duration `nines:"every,none"`    // results are looked at only so often, at what the whole steps before came to; 0: at each result
	OnFailure    bool          `nines:"on_failure"`    // results are looked at only at failures and slow calls: a success that makes up MinCalls opens nothing
	RateAbove    bool          `nines:"rate_above"`    // Rate and SlowRate must be exceeded; false: reached
	WholePercent bool          `nines:"whole_percent"` // shares are rounded to whole percents first
	RowInWindow  bool          `nines:"row_in_window"` // what has left the window is forgotten by Failures too
	Gap          time.Duration `nines:"gap,none"`      // failures are in a row unless so much time is between two, whatever succeeds meanwhile; 0: unless something succeeds

	// How long it stays open before it lets probes through.
	Open       time.Duration `nines:"open,positive"`                 // how long it stays open before it lets probes through, the first time
	OpenFactor float64       `nines:"open_factor,factor,min=1,none"` // by which that grows each time that it opens again without having closed; 0: it does not
	OpenMax    time.Duration `nines:"open_max,none"`                 // the longest that it stays open; 0: no limit
	OpenJitter float64       `nines:"open_jitter,ratio,min=0"`       // share of the time it stays open that is added at random, up to OpenMax
	Strictly   bool          `nines:"strictly"`                      // it is still open, and a Window of one Whole step still lasts, at the very instant at which that time has passed
	Auto       bool          `nines:"auto"`                          // it half-opens by itself when that time has passed; false: when the next call comes

	// Half-open, until the verdict.
	Probes      int           `nines:"half_open,min=1,unlimited"` // calls let through to see whether it works again; others are rejected; Unlimited: all
	Permits     Permits       `nines:"permits"`                   // how the calls that it lets through while half-open are counted
	Successes   int           `nines:"successes,min=1,word=all"`  // probes that must succeed to close it; 0: all
	Verdict     Verdict       `nines:"verdict"`                   // what opens a half-open breaker again
	Unlearned   Unlearned     `nines:"unlearned"`                 // what a probe is worth that teaches nothing
	Trial       time.Duration `nines:"trial,none"`                // longest time half-open without a verdict; 0: no limit
	TrialCloses bool          `nines:"trial_closes"`              // after Trial it closes; false: it opens again
	Ramp        time.Duration `nines:"ramp,none"`                 // half-opens gradually, in place of Probes: it lets through a share of the calls that grows from none to all over this time, and then closes; 0: not

	Stale Stale `nines:"stale"` // what a result is worth whose call was let through in an earlier state
}

// Unlimited probes: everything is let through while half-open.
const Unlimited = math.MaxInt

// An Align says when the steps of a window begin.
type Align = window.Align

// The alignments of steps.
const (
	Epoch  = window.Epoch  // at multiples of a step since time zero
	Origin = window.Origin // at multiples of a step since it closed last
	Age    = window.Age    // with the first event after a step; gone when that event is as old as the window
	Whole  = window.Whole  // with the first event after a step; gone after as many whole steps as there are
)

// Permits say how the probes of a half-open breaker are counted.
type Permits uint8

// The ways to count probes.
const (
	InAll  Permits = iota // so many calls each time that it half-opens
	AtOnce                // so many calls under way
)

// A Verdict says what opens a half-open breaker again.
type Verdict uint8

// The verdicts. A slow call is a failure where slow calls matter.
const (
	OneFailure Verdict = iota // one failure; Successes close it
	Spare                     // so many failures that Successes are out of reach; Successes close it
	ByRate                    // Rate and SlowRate, once MinCalls or all probes have ended; else it closes then
)

// Unlearned says what a half-open breaker makes of a probe whose end says nothing: the caller went
// away, or the failure was none that counts.
type Unlearned uint8

// What a probe without a result is worth.
const (
	Returned Unlearned = iota // its permit is given to another call
	Kept                      // nobody gets its permit: without a Trial, the breaker may stay half-open for ever
	Failed                    // it is a failure
)

// Stale says what results count whose call was let through before the last change of state.
type Stale uint8

// The uses of stale results.
const (
	StaleIgnored  Stale = iota // none counts
	StaleCounted               // all count; they also give permits back that they never had
	StaleFailures              // failures count
)

// DefaultConfig returns what Hystrix made common: at least half of at least 20 calls in 10 s
// failed, 5 s open, 1 probe. What counts as a failure is every sign of a server in trouble.
func DefaultConfig() Config {
	return Config{
		Rate: 0.5, Window: 10 * time.Second, Steps: 10, MinCalls: 20,
		Open: 5 * time.Second, Probes: 1,
		On: patterns.Transient,
	}
}

// Consecutive returns the configuration of a breaker that opens after a number of failures in a
// row, for the given time, and closes after one probe that succeeds.
func Consecutive(failures int, open time.Duration) Config {
	cfg := DefaultConfig()
	cfg.Failures, cfg.Rate, cfg.Open = failures, 0, open
	return cfg
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("breaker")
	f.Need(c.Forced == Closed || c.Forced == ForcedOpen || c.Forced == ForcedClosed, "Forced", c.Forced, "forced open, forced closed or closed")
	c.checkTrip(f)
	c.checkOpen(f)
	c.checkTrial(f)
	return f.Err()
}

func (c *Config) checkTrip(f *check.Fields) {
	f.Need(c.Failures >= 0, "Failures", c.Failures, "0 or more")
	f.Need(c.Count >= 0, "Count", c.Count, "0 or more")
	f.Need(c.Rate >= 0 && c.Rate <= 1, "Rate", c.Rate, "0 to 1")
	f.Need(c.SlowRate >= 0 && c.SlowRate <= 1, "SlowRate", c.SlowRate, "0 to 1")
	f.Need(c.Failures != 0 || c.Count != 0 || c.Rate != 0 || c.SlowRate != 0, "Failures, Count, Rate and SlowRate", "0 each", "one that is not")
	f.Need(c.Slow > 0 || c.SlowRate == 0, "Slow", c.Slow, "more than 0 for a SlowRate")
	f.Need(c.MinCalls >= 0, "MinCalls", c.MinCalls, "0 or more")
	f.Need(c.Window > 0 || c.Last > 0 || !c.windowed(), "Window", c.Window, "more than 0")
	f.Need(c.Steps >= 0 && c.Steps <= 10_000, "Steps", c.Steps, "0 to 10,000")
	f.Need(c.Align.Valid(), "Align", uint8(c.Align), "an alignment")
	f.Need(!c.AtStart || c.Last == 0 && (c.Align <= Origin || c.Steps == 1), "AtStart", c.AtStart, "a Window whose steps begin at the Epoch or an Origin, or that is one step")
	f.Need(c.Last >= 0, "Last", c.Last, "0 or more")
	f.Need(c.Last == 0 || c.Count <= c.Last, "Count", c.Count, "at most Last")
	f.Need(c.Every >= 0, "Every", c.Every, "0 or more")
	f.Need(c.Every == 0 || c.Last == 0, "Every", c.Every, "0 for a number of calls")
	f.Need(c.Gap >= 0, "Gap", c.Gap, "0 or more")
}

func (c *Config) checkOpen(f *check.Fields) {
	f.Need(c.Open > 0, "Open", c.Open, "more than 0")
	f.Need(c.OpenFactor == 0 || c.OpenFactor >= 1 && c.OpenFactor <= math.MaxFloat64, "OpenFactor", c.OpenFactor, "0, or 1 or more")
	f.Need(c.OpenMax == 0 || c.OpenMax >= c.Open, "OpenMax", c.OpenMax, "0, or at least Open")
	f.Need(c.OpenJitter >= 0 && c.OpenJitter <= 100, "OpenJitter", c.OpenJitter, "0 to 100")
}

func (c *Config) checkTrial(f *check.Fields) {
	f.Need(c.Ramp >= 0, "Ramp", c.Ramp, "0 or more")
	f.Need(c.Ramp > 0 || c.Probes >= 1, "Probes", c.Probes, "1 or more")
	f.Need(c.Permits <= AtOnce, "Permits", uint8(c.Permits), "in all or at once")
	f.Need(c.Verdict <= ByRate, "Verdict", uint8(c.Verdict), "one failure, spare or by rate")
	f.Need(c.Verdict != ByRate || c.Rate > 0 || c.SlowRate > 0, "Verdict", "by rate", "a Rate or SlowRate")
	f.Need(c.Verdict != ByRate || c.Probes < Unlimited || c.MinCalls > 0, "Verdict", "by rate", "a number of Probes or MinCalls")
	f.Need(c.Verdict != Spare || c.Ramp == 0, "Verdict", "spare", "Probes, not a Ramp")
	f.Need(c.Verdict == ByRate || c.Ramp > 0 || c.Successes >= 0 && c.Successes <= c.Probes && c.successes() < Unlimited, "Successes", c.Successes, "1 to Probes, or 0 for all")
	f.Need(c.Unlearned <= Failed, "Unlearned", uint8(c.Unlearned), "returned, kept or failed")
	f.Need(c.Trial >= 0 && (c.Trial == 0 || c.Ramp == 0), "Trial", c.Trial, "0 or more, and no Ramp")
	f.Need(c.Stale <= StaleFailures, "Stale", uint8(c.Stale), "ignored, counted or failures")
}

// successes is how many probes must succeed.
func (c *Config) successes() int {
	if c.Successes == 0 {
		return c.Probes
	}
	return c.Successes
}

// windowed reports whether anything looks at the window.
func (c *Config) windowed() bool {
	return c.Count > 0 || c.Rate > 0 || c.SlowRate > 0 || c.RowInWindow || c.AtStart
}

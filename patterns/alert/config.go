// Package alert notices that an objective is being missed, and gets somebody to do something about it.
//
// A [Monitor] scrapes counters and judges them by burn-rate rules; it has no clock. [Monitor.Watch]
// runs it in simulated time. An [OnCall] is the person who is paged, acknowledges and fixes. [Score]
// says afterwards how good the alerts were.
package alert

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// A Severity says what an alert asks for.
type Severity uint8

// The severities.
const (
	Page   Severity = iota // somebody acts now
	Ticket                 // somebody looks at it some day
)

func (s Severity) String() string {
	if s == Page {
		return "page"
	}
	return "ticket"
}

// A Rule fires while the error budget burns too fast in a long window, and still does in a short
// one. The long window keeps it from firing on a blip; the short one ends it soon after recovery.
//
// The burn rate is the share of bad calls over the share that the objective allows: at 1 the
// budget lasts exactly its period. A burn of B(1-target) ≥ 1 can never be reached: below a target
// of 93.06 %, 14.4 times the budget is more than all calls.
type Rule struct {
	Name     string
	Severity Severity
	Long     time.Duration
	Short    time.Duration // zero: the long window alone
	Burn     float64       // it must be exceeded
	For      time.Duration // it must have been exceeded for so long. Zero: fires at once
	Keep     time.Duration // goes on firing for so long after. Zero: ends at once
}

// SREWorkbook returns the three rules that The Site Reliability Workbook recommends for a budget
// of 30 days (chapter 5, table 5-8): pages at 2 % of the budget in an hour and 5 % in 6 hours, a
// ticket at 10 % in 3 days. A short window is a twelfth of its long one.
func SREWorkbook() []Rule {
	return []Rule{
		{Name: "burn 14.4x over 1h", Severity: Page, Long: time.Hour, Short: 5 * time.Minute, Burn: 14.4},
		{Name: "burn 6x over 6h", Severity: Page, Long: 6 * time.Hour, Short: 30 * time.Minute, Burn: 6},
		{Name: "burn 1x over 3d", Severity: Ticket, Long: 72 * time.Hour, Short: 6 * time.Hour, Burn: 1},
	}
}

// Detects returns how long after the start of a constant share of bad calls, from 0 to 1, the rule
// fires, if calls come evenly and all went well before: Long·Burn·(1-target)/share, and For. It
// reports false if the rule never fires at that share. A scrape interval adds up to one more.
func (r Rule) Detects(target, share float64) (time.Duration, bool) {
	limit := r.limit(target)
	if share <= limit {
		return 0, false
	}
	return time.Duration(float64(r.Long)*limit/share) + r.For, true
}

// Resets returns how long the rule goes on firing after a constant share of bad calls has ended
// that lasted for longer than its short window: Short·(1 - Burn·(1-target)/share), and Keep.
func (r Rule) Resets(target, share float64) time.Duration {
	window := r.Short
	if window == 0 {
		window = r.Long
	}
	return time.Duration(float64(window)*(1-r.limit(target)/share)) + r.Keep
}

// limit returns the share of bad calls that must be exceeded. A target is a decimal that a person
// wrote: 1-0.999 is meant to be 0.001, not the float next to it.
func (r Rule) limit(target float64) float64 {
	return r.Burn * (math.Round((1-target)*1e12) / 1e12)
}

// Config says what is watched, and by which rules.
type Config struct {
	Target   float64       // share of good calls that the objective promises, such as 0.999
	Scrape   time.Duration // interval at which counters are read and rules judged
	MinCalls uint64        // a rule with fewer calls in its long window does not fire
	Calm     Counts        // calls per scrape before the first, where a run begins in mid-life. Zero: nothing was before
	Repeat   time.Duration // an alert that goes on firing is announced again. Zero: only once
	Rules    []Rule
}

// DefaultConfig watches an objective of 99.9 % by the rules of the SRE workbook, every 15 s, and
// repeats after 4 h as Prometheus Alertmanager does (repeat_interval).
func DefaultConfig() Config {
	return Config{Target: 0.999, Scrape: 15 * time.Second, Repeat: 4 * time.Hour, Rules: SREWorkbook()}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("alert: "+format, args...))
		}
	}
	check(c.Target > 0 && c.Target < 1, "target is %v, need more than 0 and less than 1", c.Target)
	check(c.Scrape > 0, "scrape is %v, need more than 0", c.Scrape)
	check(c.Calm.Bad <= c.Calm.Calls, "calm has %d bad of %d calls", c.Calm.Bad, c.Calm.Calls)
	check(c.Repeat >= 0, "repeat is %v, need 0 or more", c.Repeat)
	for i, r := range c.Rules {
		name := r.Name
		if name == "" {
			name = fmt.Sprint(i + 1)
		}
		check(r.Long >= c.Scrape && r.Long > 0, "rule %s: long is %v, need at least the scrape interval of %v", name, r.Long, c.Scrape)
		check(r.Short == 0 || r.Short >= c.Scrape && r.Short <= r.Long, "rule %s: short is %v, need 0, or from the scrape interval of %v to the long window of %v", name, r.Short, c.Scrape, r.Long)
		check(r.Burn > 0 && !math.IsInf(r.Burn, 1), "rule %s: burn is %v, need more than 0", name, r.Burn)
		check(r.For >= 0, "rule %s: for is %v, need 0 or more", name, r.For)
		check(r.Keep >= 0, "rule %s: keep is %v, need 0 or more", name, r.Keep)
	}
	return errors.Join(errs...)
}

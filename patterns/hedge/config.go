package hedge

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/retry"
)

// MaxAttempts is how many copies of a request there can be: Polly's limit of ten hedges, and the first.
const MaxAttempts = 11

// Config says when a request is sent once more although the first copy may yet be answered.
type Config struct {
	Attempts int `nines:"attempts,min=1,max=11"` // copies in all, the first included; 1: never a hedge

	Mode   Mode            `nines:"mode"`    // what time a hedge waits for
	Delay  time.Duration   `nines:"delay"`   // from one copy to the next; 0: all at once
	Delays []time.Duration `nines:"delays"`  // before the second copy, the third, ...; the last one repeats; less than 0: not by time
	Learn  Learning        `nines:",inline"` // of the modes quantile and average

	On        patterns.Kinds `nines:"on"`         // failures that do not end the call if another copy may succeed; none: the first result of any kind counts
	OnFailure Then           `nines:"on_failure"` // what comes of such a failure
	Pushback  bool           `nines:"pushback"`   // a server's wish not to be called again before some time, or at all (less than 0), delays the next copy or stops all

	KeepFirst   bool `nines:"keep_first"`   // if all copies fail, the call fails as the first copy did; false: as the last one to end
	OnlySafe    bool `nines:"only_safe"`    // requests that are not idempotent are not hedged
	SameReplica bool `nines:"same_replica"` // a hedge may go where an earlier copy went; false: it asks for somebody else

	Budget retry.BudgetConfig `nines:"-,in=budget"` // limits the hedges of all calls together; nil: nothing does
}

// A Mode says what time a hedge waits for.
type Mode uint8

// The modes.
const (
	Fixed    Mode = iota // Delay (Polly's latency mode, and with 0 its parallel mode)
	Quantile             // a Quantile of recent latencies
	Average              // Factor times the average of recent latencies, and Plus
	Fallback             // no time: a hedge is sent only because another copy failed (Polly's fallback mode)
	Dynamic              // one of Delays after another
	modes
)

var modeNames = [modes]string{"fixed", "quantile", "average", "fallback", "dynamic"}

func (m Mode) String() string {
	if m < modes {
		return modeNames[m]
	}
	return fmt.Sprintf("mode %d", uint8(m))
}

// Then says what comes of a failure that does not end the call.
type Then uint8

// What comes of a failure.
const (
	Wait   Then = iota // the copies under way decide; if there is none, the call has failed: Finagle, Envoy
	Hurry              // the next copy is sent at once: gRPC, Polly
	InTurn             // the next copy is sent when it is its time: failsafe-go
	thens
)

// Learning says from what the delay is learned, and how.
type Learning struct {
	From     Source  `nines:"learn_from"`                 // which copies' latencies count
	Quantile float64 `nines:"quantile,ratio,min=0,max=1"` // of the latencies

	Step    time.Duration `nines:"step"`    // a quantile looks back over so many Steps of this length
	Steps   int           `nines:"steps"`   // a quantile looks back over so many of them
	Settled bool          `nines:"settled"` // a step counts only when it is over

	Last   int           `nines:"last"`                // an average is of so many latencies
	Factor float64       `nines:"factor,factor,min=0"` // the delay is so many times their average
	Plus   time.Duration `nines:"plus,none"`           // and so much more

	Refresh  time.Duration `nines:"refresh,none"`    // how often the delay is brought up to date; 0: always
	MinCalls int           `nines:"min_calls,min=0"` // no hedge before so many latencies are known
	Min      time.Duration `nines:"min,none"`        // the delay is no shorter
	Max      time.Duration `nines:"max,none"`        // no hedge if the delay would be this long or longer; longer latencies count as this long; 0: no limit
}

// A Source says which latencies are learned from. Each copy counts for itself, from when it was sent.
type Source uint8

// The sources.
const (
	Successes Source = iota // copies that succeeded
	Results                 // copies that ended by themselves, whatever came of them: tower
	Firsts                  // the same of first copies alone: resilience4j
	Outrun                  // copies that succeeded, timed out, or were cancelled because another was faster: Finagle
	sources
)

// DefaultConfig returns one hedge at the 95th percentile of the last 30 s, as J. Dean and L. A. Barroso,
// "The Tail at Scale", CACM 56 (2), 2013, suggest, for all transient failures, and a budget of a tenth of
// the calls, or one hedge a second. Copies that are cancelled count: without them, the percentile is that
// of a service with hedges, and a 95th of it hedges nearly every tenth call.
func DefaultConfig() Config {
	return Config{
		Attempts: 2, Mode: Quantile,
		Learn: Learning{From: Outrun, Quantile: 0.95, Step: 10 * time.Second, Steps: 3, MinCalls: 20},
		On:    patterns.Transient, OnFailure: Wait,
		Budget: retry.RatioConfig{Ratio: 0.1, PerSecond: 1, Window: 10 * time.Second},
	}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("hedge")
	f.Need(c.Attempts >= 1 && c.Attempts <= MaxAttempts, "Attempts", c.Attempts, fmt.Sprintf("1 to %d", MaxAttempts))
	f.Need(c.Mode < modes, "Mode", uint8(c.Mode), "fixed, quantile, average, fallback or dynamic")
	f.Need(c.Delay >= 0, "Delay", c.Delay, "0 or more")
	f.Need(c.Mode != Dynamic || len(c.Delays) > 0, "Delays", c.Delays, "one at least")
	f.Need(c.Mode != Fallback || c.OnFailure == Hurry, "OnFailure", uint8(c.OnFailure), "hurry in the mode fallback")
	f.Need(c.OnFailure < thens, "OnFailure", uint8(c.OnFailure), "wait, hurry or in turn")
	c.Learn.check(f, c.Mode)
	if c.Budget == nil {
		return f.Err()
	}
	_, paces := c.Budget.(retry.AdaptiveConfig)
	f.Need(!paces, "Budget", "adaptive", "one that does not make calls wait")
	return errors.Join(f.Err(), c.Budget.Validate())
}

func (l Learning) check(f *check.Fields, mode Mode) {
	f.Need(l.From < sources, "Learn.From", uint8(l.From), "successes, results, firsts or outrun")
	f.Need(l.Quantile >= 0 && l.Quantile <= 1, "Learn.Quantile", l.Quantile, "0 to 1")
	f.Need(l.Step > 0 || mode != Quantile, "Learn.Step", l.Step, "more than 0")
	f.Need(l.Steps >= 1 && l.Steps <= 1000 || mode != Quantile, "Learn.Steps", l.Steps, "1 to 1000")
	f.Need(l.Last >= 1 && l.Last <= 1e6 || mode != Average, "Learn.Last", l.Last, "1 to 1,000,000")
	f.Need(l.Factor >= 0 && l.Factor <= 1e6, "Learn.Factor", l.Factor, "0 to 1,000,000")
	f.Need(l.Plus >= 0, "Learn.Plus", l.Plus, "0 or more")
	f.Need(l.Refresh >= 0, "Learn.Refresh", l.Refresh, "0 or more")
	f.Need(l.MinCalls >= 0, "Learn.MinCalls", l.MinCalls, "0 or more")
	f.Need(l.Min >= 0, "Learn.Min", l.Min, "0 or more")
	f.Need(l.Max >= 0, "Learn.Max", l.Max, "0 or more")
}

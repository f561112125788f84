// Package measure counts what one run did: how each call ended, how many were good, how long they
// took, in which windows an objective was missed, and to which cause every bad call is due.
//
// A model builds a [Recorder], tells it what happens while it happens, and calls [Recorder.Finish] at
// the end. [Recorder.Check] then says whether what was told is consistent: one outcome for each arrival,
// Little's law for each queue, and more. Telling it about a call allocates nothing.
//
// Four rules hold everywhere:
//
//   - A call belongs to the instant at which its caller wanted to send it, its intended start. Latency
//     counts from there, so that a caller who is held up hides nothing (no "coordinated omission").
//   - Calls intended before the warm-up ends do not count.
//   - A call that is still open at the end counts as bad if it is older than its objective allows, and is
//     left out otherwise, of the good calls and of the valid ones. The same holds for promised effects.
//   - A call that was good may still turn bad, when an effect that it promised comes too late, comes
//     twice, or is lost.
package measure

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Outcome says how a call ended.
type Outcome uint8

// The outcomes.
const (
	OK       Outcome = iota // answered as asked
	Degraded                // answered with less: stale, a default, a promise for later
	Rejected                // turned away: a full queue, a limit, an open breaker
	Timeout                 // no answer in time
	Error                   // answered with an error, or nobody was there to answer
	Unknown                 // no answer, and it may have happened
	outcomes
)

var outcomeNames = [outcomes]string{"ok", "degraded", "rejected", "timeout", "error", "unknown"}

func (o Outcome) String() string {
	if o < outcomes {
		return outcomeNames[o]
	}
	return "unknown outcome"
}

// An Operation is something that callers ask for.
type Operation struct {
	Name string

	// Effects says that calls of this operation have effects of which the recorder hears
	// ([Recorder.Promised], [Recorder.Applied]). It keeps such calls in mind after they have ended, for
	// as long as an effect can still change what is thought of them: some 50 bytes each.
	Effects bool
}

// An Objective says which calls are good.
type Objective struct {
	Name         string
	Of           string        // the operation it judges
	Within       time.Duration // a good call has an answer this long after its intended start; 0: at any time
	Target       float64       // share of good calls wanted, 0 to 1; a window below it is an outage. 0: none wanted
	DegradedGood bool          // a degraded answer is good enough
	Settled      time.Duration // promised effects are done this long after the intended start; 0: at any time
	Once         []string      // effects that make a call bad if they happen twice
}

// Config is what a recorder needs to know before the run.
type Config struct {
	Operations []Operation
	Objectives []Objective
	Causes     []string // of faults; at most 64
	Effects    []string // at most 32
	Warmup     time.Duration
	Window     time.Duration // objectives are judged over windows of this length
	Digits     int           // significant digits of latencies, 2 or 3: a relative error of at most 1 % or 0.1 %
}

// DefaultConfig returns windows of a minute, 3 digits and no warm-up.
func DefaultConfig() Config { return Config{Window: time.Minute, Digits: 3} }

// Validate reports every field that cannot be used.
func (c Config) Validate() error {
	var bad []string
	say := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if c.Warmup < 0 {
		say("Warmup is %v, need 0 or more", c.Warmup)
	}
	if c.Window <= 0 {
		say("Window is %v, need more than 0", c.Window)
	}
	if c.Digits < 2 || c.Digits > 3 {
		say("Digits is %d, need 2 or 3", c.Digits)
	}
	if len(c.Causes) > 64 {
		say("%d causes, need at most 64", len(c.Causes))
	}
	if len(c.Effects) > 32 {
		say("%d effects, need at most 32", len(c.Effects))
	}
	if len(c.Objectives) > 32 {
		say("%d objectives, need at most 32", len(c.Objectives))
	}
	for _, o := range c.Objectives {
		if c.operation(o.Of) < 0 {
			say("objective %s is of %q, which is no operation", o.Name, o.Of)
		}
		if o.Within < 0 || o.Settled < 0 {
			say("objective %s has a negative length", o.Name)
		}
		if !(o.Target >= 0 && o.Target <= 1) {
			say("objective %s has the target %v, need 0 to 1", o.Name, o.Target)
		}
		for _, e := range o.Once {
			if !slices.Contains(c.Effects, e) {
				say("objective %s wants %q once, which is no effect", o.Name, e)
			}
		}
	}
	if bad != nil {
		return fmt.Errorf("measure: %s", strings.Join(bad, "; "))
	}
	return nil
}

func (c Config) operation(name string) int {
	return slices.IndexFunc(c.Operations, func(o Operation) bool { return o.Name == name })
}

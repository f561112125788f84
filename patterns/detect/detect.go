// Package detect finds out who is up by asking: health checks with thresholds.
//
// A [Detector] is the state machine and has no clock. A [Prober] runs it in simulated time: it
// calls a probe every period, and a probe that does not answer in time has failed.
package detect

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/sim"
)

// Config says how often to ask and how many answers in a row it takes to believe them.
type Config struct {
	Period       time.Duration // from the start of one probe to the start of the next
	Timeout      time.Duration // a probe that has not answered by then has failed
	Failures     int           // in a row, until up becomes down
	Successes    int           // in a row, until down becomes up
	InitialDelay time.Duration // after a start, before the first probe may run; zero: none
	StartsDown   bool          // down until the thresholds say otherwise: readiness; else up: liveness
	FirstCounts  bool          // the first result after a start decides at once, as in Envoy
}

// DefaultConfig is a Kubernetes liveness probe: every 10 s, 1 s to answer, 3 failures in a row
// (kubernetes/pkg/apis/core/v1/defaults.go). At worst it notices after 3 periods and a timeout.
func DefaultConfig() Config {
	return Config{Period: 10 * time.Second, Timeout: time.Second, Failures: 3, Successes: 1}
}

// Readiness is a Kubernetes readiness probe: as [DefaultConfig], but down until a probe succeeds.
func Readiness() Config {
	cfg := DefaultConfig()
	cfg.StartsDown = true
	return cfg
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("detect: "+format, args...))
		}
	}
	check(c.Period > 0, "period is %v, need more than 0", c.Period)
	check(c.Timeout > 0, "timeout is %v, need more than 0", c.Timeout)
	check(c.Failures >= 1, "failures is %d, need at least 1", c.Failures)
	check(c.Successes >= 1, "successes is %d, need at least 1", c.Successes)
	check(c.InitialDelay >= 0, "initial delay is %v, need 0 or more", c.InitialDelay)
	return errors.Join(errs...)
}

// A State is what a Detector believes.
type State uint8

// The states of a [Detector].
const (
	Up State = iota
	Down
)

func (s State) String() string {
	if s == Up {
		return "up"
	}
	return "down"
}

// A Detector turns the results of probes into a belief.
//
//	  ┌──Failures in a row──▶┐
//	up                      down
//	  └◀──Successes in a row─┘
//
// The thresholds protect from acting on one lost probe, and cost time: a dead instance is believed
// up for nearly Failures periods. One result that agrees with the belief starts the count anew.
type Detector struct {
	cfg     Config
	state   State
	since   sim.Time
	against int  // results in a row that contradict the state
	fresh   bool // no result since the start
}

// New returns a detector of an instance that starts at now. It panics if cfg is not valid.
func New(cfg Config, now sim.Time) *Detector {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	d := &Detector{cfg: cfg}
	d.Reset(now)
	return d
}

// Reset forgets all results: the instance has been started anew. Without it, an instance that is
// restarted and still fails is no news, and nobody hears of it again.
func (d *Detector) Reset(now sim.Time) {
	d.fresh = true
	if d.cfg.StartsDown {
		d.enter(Down, now)
	} else {
		d.enter(Up, now)
	}
}

// Result takes the result of one probe and reports whether the belief changed.
func (d *Detector) Result(now sim.Time, ok bool) bool {
	said := Down
	if ok {
		said = Up
	}
	first := d.fresh
	d.fresh = false
	if said == d.state {
		d.against = 0
		return false
	}
	d.against++
	if d.against < d.threshold(said) && !(first && d.cfg.FirstCounts) {
		return false
	}
	d.enter(said, now)
	return true
}

// State returns the present belief.
func (d *Detector) State() State { return d.state }

// Since returns when the present belief began.
func (d *Detector) Since() sim.Time { return d.since }

func (d *Detector) threshold(s State) int {
	if s == Up {
		return d.cfg.Successes
	}
	return d.cfg.Failures
}

// enter is the only place that changes state.
func (d *Detector) enter(s State, now sim.Time) {
	d.state, d.since, d.against = s, now, 0
}

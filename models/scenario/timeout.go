package scenario

import (
	"time"

	"github.com/nines-sim/nines/patterns/timeout"
)

// A Timeout bounds how long a caller waits. What was asked for goes on, unless the caller cancels it.
type Timeout struct {
	Preset     string        `nines:"preset,preset"`                                       // what a library does; the other keys change it
	Attempt    time.Duration `nines:"attempt,none"`                                        // for each try
	Total      time.Duration `nines:"total,none"`                                          // for all tries with the waits between them
	Propagate  string        `nines:"propagate,one=none|absolute|remaining,yes=remaining"` // whether the callee learns the deadline, and works and calls nobody after it; true is short for remaining. none: it does not; absolute: as an instant, which it reads off a clock of its own; remaining: as the time that is left, as in gRPC
	Margin     time.Duration `nines:"margin,none"`                                         // the deadline that the callee learns is so much earlier, to leave time for the way back
	Cancel     bool          `nines:"cancel"`                                              // the callee is told when the caller gives up, and stops
	Checkpoint time.Duration `nines:"checkpoint,none"`                                     // the caller looks at the time only so often, and goes on until then; an answer that comes before counts. none: it gives up on time
}

func (t *Timeout) defaults() { t.Propagate = "none" }

func (t *Timeout) presets() []Preset {
	all := presets(timeout.Presets(), func(c timeout.Config) {
		if c.Layer == "total" {
			t.Total = c.After
		} else {
			t.Attempt = c.After
		}
		if c.Propagate {
			t.Propagate = "remaining"
		}
		t.Margin, t.Checkpoint, t.Cancel = c.Margin, c.Checkpoint, false
	})
	for i, p := range all {
		if p.Name == "envoy" || p.Name == "grpc" { // a transport's affair, which a timeout.Config does not know
			all[i].use = func() {
				p.use()
				t.Cancel = true
			}
		}
	}
	return all
}

// Of returns the configurations of the timeouts of a try and of the whole call; one whose After is 0 is none.
func (t *Timeout) Of() (attempt, total timeout.Config) {
	c := timeout.Config{Propagate: t.Propagates(), Margin: meant(t).Margin, Checkpoint: t.Checkpoint}
	attempt, total = c, c
	attempt.Layer, attempt.After = "timeout", t.Attempt
	total.Layer, total.After = "total", t.Total
	if attempt.After > 0 {
		total.Margin = 0 // it is left once
	}
	return attempt, total
}

// Propagates reports whether the callee learns the deadline.
func (t *Timeout) Propagates() bool { return t != nil && t.Propagate != "none" }

func (t *Timeout) excludes(key string) string {
	if key == "margin" && t.Propagate == "none" {
		return "has a meaning only with propagate: absolute or remaining"
	}
	return ""
}

// Expired lets a service turn calls away whose deadline has passed, but no more than a share of them: if clocks or
// deadlines are wrong, it goes on working. What it takes in it works on, whatever the deadline, which those that it
// calls for it still learn.
type Expired struct {
	timeout.ExpiredConfig `nines:",inline"`
}

// Finagle's DeadlineFilter: maxRejectFraction 0.2, rejectPeriod 10 s; only counting, as it does there unless asked
// otherwise, is dry.
func (e *Expired) defaults() { e.ExpiredConfig = timeout.DefaultExpiredConfig() }

func (e *Expired) check(fail func(key, problem string)) { checkConfig[Expired](e.Validate(), fail) }

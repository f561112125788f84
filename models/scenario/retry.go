package scenario

import (
	"time"

	"github.com/nines-sim/nines/patterns/retry"
)

// A Retry tries again, usually waiting longer each time. Every retry is extra load.
type Retry struct {
	Preset       string  `nines:"preset,preset"`     // what a library does; the other keys change it
	Waits        Span    `nines:"backoff,unlimited"` // the first wait, and the longest
	Budget       *Budget `nines:"budget"`            // limits the retries of all calls of a client together; a ratio alone: retries for each success, with ten in hand at its start
	retry.Config `nines:",inline"`
}

// Three attempts as in the AWS SDKs and resilience4j; full jitter after the AWS architecture blog,
// "Exponential Backoff And Jitter"; a first wait of 50 ms as in the AWS SDKs of 2026. The longest wait
// is our choice.
func (r *Retry) defaults() { r.use(retry.DefaultConfig()) }

func (r *Retry) presets() []Preset { return presets(retry.Presets(), r.use) }

// use takes a configuration over.
func (r *Retry) use(c retry.Config) {
	r.Waits, r.Budget = Span{c.Backoff.First, c.Backoff.Max}, budgetOf(c.Budget)
	if c.Backoff.Max == 0 {
		r.Waits.To = Unlimited
	}
	c.Backoff.First, c.Backoff.Max, c.Budget = 0, 0, nil
	r.Config = c
}

// Of returns the configuration.
func (r *Retry) Of() retry.Config {
	c := meant(r).Config
	c.Backoff.First = r.Waits.From
	if r.Waits.To != Unlimited {
		c.Backoff.Max = r.Waits.To
	}
	if r.Budget != nil {
		c.Budget = r.Budget.Of()
	}
	return c
}

func (r *Retry) excludes(key string) string {
	grown, factor := true, r.Backoff.Growth == retry.Exponential || r.Backoff.Growth == retry.Polynomial
	switch r.Backoff.Jitter {
	case retry.Decorrelated, retry.PollyJitter:
		grown, factor = false, false
	case retry.EnvoyJitter: // exponential, whatever the growth
		grown, factor = false, true
	}
	switch key {
	case "growth":
		if !grown {
			return "has no meaning with this jitter, which has a growth of its own"
		}
	case "factor":
		if !factor {
			return "has a meaning only with growth exponential or polynomial, and a jitter that does not grow by itself"
		}
	case "step":
		if !grown || r.Backoff.Growth != retry.Linear {
			return "has a meaning only with growth: linear, and a jitter that does not grow by itself"
		}
	case "spread":
		if r.Backoff.Jitter != retry.Proportional && r.Backoff.Jitter != retry.Upward {
			return "has a meaning only with jitter: proportional or upward"
		}
	case "width":
		if r.Backoff.Jitter != retry.Around {
			return "has a meaning only with jitter: around"
		}
	case "pushback_max":
		if r.Pushback == retry.Ignored {
			return "has no meaning with pushback: ignored"
		}
	case "pushback_slack":
		if r.Pushback != retry.Between {
			return "has a meaning only with pushback: between"
		}
	case "clip":
		if r.Elapsed == 0 {
			return "has a meaning only with elapsed"
		}
	case "pay_late":
		if r.Budget == nil {
			return "has a meaning only with a budget"
		}
	}
	return ""
}

func (r *Retry) check(fail func(key, problem string)) {
	c := r.Of()
	if r.Waits.To == 0 && c.Backoff.Growth == retry.Linear && c.Backoff.Step > 0 {
		fail("backoff", "is "+r.Waits.String()+": waits that grow by step need a longest one above 0s, or unlimited")
	}
	c.Budget = nil // it is checked where it is written
	checkConfig[retry.Config](c.Validate(), fail)
}

// most is the number of attempts of a call that fails each time, if no budget limits them: as many as may
// begin within a time; 0: there is no such limit. Waits are as long as with a luck in the middle. It is
// Unlimited if nothing limits them.
func (r *Retry) most(within time.Duration) int {
	if r.Elapsed > 0 && (within == 0 || r.Elapsed < within) {
		within = r.Elapsed
	}
	if within == 0 {
		return r.Attempts
	}
	var w retry.Waits
	b := r.Of().Backoff
	for n, at := 1, time.Duration(0); n < min(r.Attempts, 1000); n++ {
		if at += b.Next(&w, 0.5); at > within {
			return n
		}
	}
	return r.Attempts
}

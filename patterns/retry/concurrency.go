package retry

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// ConcurrencyConfig says how many retries at once a [Concurrency] allows.
type ConcurrencyConfig struct {
	Share   float64 `nines:"share,ratio,min=0,max=1"` // retries at once, as a share of the attempts under way; 0: none but Min
	Min     int     `nines:"min_concurrency,min=0"`   // retries allowed at once, however few attempts are under way
	PerCall bool    `nines:"of_calls"`                // the share is of calls and retries under way, the waits of calls included, and may be exceeded by the last one: failsafe-go
}

// Validate names every field that makes no sense.
func (c ConcurrencyConfig) Validate() error {
	f := check.Of("retry")
	f.Need(c.Share >= 0 && c.Share <= 1, "ConcurrencyConfig.Share", c.Share, "0 to 1")
	f.Need(c.Min >= 0, "ConcurrencyConfig.Min", c.Min, "0 or more")
	return f.Err()
}

// New returns a budget of this kind. It panics if the configuration is not valid.
func (c ConcurrencyConfig) New() Budget { return NewConcurrency(c) }

// A Concurrency allows a number of retries at once: a share of the attempts that are under way, or a
// few. It is Envoy's retry_budget, and with a Share of 0 its max_retries. A retry counts from when it is
// decided on, its wait included; the attempt that it follows no longer counts.
//
// It protects a server that has become slow: then retries pile up and the rest of them fail at once. It
// does little against one that fails fast, whose retries are over before others begin.
type Concurrency struct {
	cfg      ConcurrencyConfig
	underWay int // attempts; PerCall: calls, and retries
	retries  int // under way, or waiting for their time
}

// NewConcurrency returns a budget under which nothing is under way. It panics if the configuration is
// not valid.
func NewConcurrency(cfg ConcurrencyConfig) *Concurrency {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Concurrency{cfg: cfg}
}

// UnderWay returns what counts: attempts, or calls and retries; and how many of them are retries.
func (c *Concurrency) UnderWay() (all, retries int) { return c.underWay, c.retries }

// Sent counts an attempt.
func (c *Concurrency) Sent(_ sim.Time, attempt int, m Memo) Memo {
	if attempt == 1 || !c.cfg.PerCall {
		c.underWay++
	}
	return m
}

// Ended counts an attempt down.
func (c *Concurrency) Ended(_ sim.Time, attempt int, _ Memo, _ Ending) {
	if attempt > 1 {
		c.retries--
	}
	if attempt > 1 || !c.cfg.PerCall {
		c.underWay--
	}
}

// Spend counts a retry, or refuses.
func (c *Concurrency) Spend(_ sim.Time, m Memo, _ patterns.Kind) (Memo, bool) {
	if !c.allows() {
		return m, false
	}
	c.retries++
	if c.cfg.PerCall {
		c.underWay++
	}
	return m, true
}

func (c *Concurrency) allows() bool {
	if c.retries < c.cfg.Min {
		return true
	}
	if c.cfg.PerCall {
		return c.underWay == 0 || float64(c.retries)/float64(c.underWay) <= c.cfg.Share
	}
	return c.retries < int(c.cfg.Share*float64(c.underWay))
}

// Over counts a call down, and a retry that was not made.
func (c *Concurrency) Over(_ sim.Time, _ Memo, unmade bool) {
	if unmade {
		c.retries--
	}
	if c.cfg.PerCall {
		c.underWay--
		if unmade {
			c.underWay--
		}
	}
}

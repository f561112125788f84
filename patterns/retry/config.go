package retry

import (
	"errors"
	"math"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
)

// UnlimitedAttempts are as many as time and the budget allow.
const UnlimitedAttempts = math.MaxInt

// Config says what is retried, how often and when.
type Config struct {
	Attempts    int            `nines:"attempts,min=1,unlimited"` // tries in all, the first included; 1: no retry
	On          patterns.Kinds `nines:"on"`                       // kinds of failure that are worth another try
	OnlySafe    bool           `nines:"only_safe"`                // leave alone what may have happened, unless the request is idempotent
	SameReplica bool           `nines:"same_replica"`             // a retry may go to the replica that failed; false: it asks for another one

	Backoff       Backoff       `nines:",inline"`             // the waits between attempts
	Throttled     time.Duration `nines:"throttled,none"`      // the first wait after the server was overloaded; 0: the same as after other failures
	Pushback      Pushback      `nines:"pushback"`            // what comes of a server's wish not to be called before some time
	PushbackMax   time.Duration `nines:"pushback_max,none"`   // longer wishes are ignored; 0: none is too long
	PushbackSlack time.Duration `nines:"pushback_slack,none"` // how much longer than the wait the wish may make it, with Pushback between

	Elapsed      time.Duration `nines:"elapsed,none"`  // no retry begins later than this after the call did; 0: no limit
	Clip         bool          `nines:"clip"`          // a wait is cut short to end at Elapsed (failsafe-go); false: there is none that would end later
	PastDeadline bool          `nines:"past_deadline"` // a retry is waited for even if it cannot begin before the deadline, as most libraries do, who do not look; false: the call fails at once

	Budget  BudgetConfig `nines:"-,in=budget"` // limits the retries of all calls together; nil: nothing does
	PayLate bool         `nines:"pay_late"`    // the budget is asked after the wait (failsafe-go); false: before
}

// DefaultConfig returns three attempts, as the AWS SDKs, resilience4j and failsafe-go make them,
// with [DefaultBackoff], for every transient failure, safe to repeat or not.
func DefaultConfig() Config {
	return Config{Attempts: 3, Backoff: DefaultBackoff(), On: patterns.Transient}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("retry")
	f.Need(c.Attempts >= 1, "Attempts", c.Attempts, "1 or more")
	c.Backoff.check(f)
	f.Need(c.Throttled >= 0 && (c.Throttled == 0 || c.Backoff.Max == 0 || c.Throttled <= c.Backoff.Max), "Throttled", c.Throttled, "0 to Backoff.Max")
	f.Need(c.Pushback < pushbacks, "Pushback", c.Pushback, "at least, ignored, instead, between or jittered")
	f.Need(c.PushbackMax >= 0, "PushbackMax", c.PushbackMax, "0 or more")
	f.Need(c.PushbackSlack >= 0, "PushbackSlack", c.PushbackSlack, "0 or more")
	f.Need(c.Elapsed >= 0, "Elapsed", c.Elapsed, "0 or more")
	if c.Budget == nil {
		return f.Err()
	}
	return errors.Join(f.Err(), c.Budget.Validate())
}

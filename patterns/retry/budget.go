package retry

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A Budget limits retries by what calls do, so that retries cannot become most of the load. One
// budget belongs to one client, or to one client's calls to one server: all of them share it.
//
// Of each call it hears, in this order: an attempt is Sent, has Ended, it is asked to Spend for a
// retry, that is Sent, ..., and in the end the call is Over, whatever has become of it.
type Budget interface {
	// Sent says that an attempt begins: the first of a call (1), or a retry.
	Sent(now sim.Time, attempt int, m Memo) Memo
	// Ended says how that attempt has ended.
	Ended(now sim.Time, attempt int, m Memo, e Ending)
	// Spend asks for one retry after a failure of a kind, and pays for it.
	Spend(now sim.Time, m Memo, after patterns.Kind) (Memo, bool)
	// Over says that a call is over. A retry that was paid for may not have been made.
	Over(now sim.Time, m Memo, unmade bool)
}

// A Memo is what a budget remembers about one call; 0 at first.
type Memo int64

// An Ending is how an attempt ended.
type Ending struct {
	Result Result
	Kind   patterns.Kind // of a failure
}

// A Result of an attempt, as budgets see it.
type Result uint8

// The results of an attempt.
const (
	Abandoned Result = iota // nobody learned it: the caller was killed or gave up
	Succeeded               // it succeeded
	Retryable               // it failed in a way that is worth another try, whether there is one or not
	Final                   // it failed in another way
)

// A BudgetConfig is the configuration of a budget: [RatioConfig], [TokensConfig], [ThrottleConfig],
// [QuotaConfig], [AdaptiveConfig] or [ConcurrencyConfig].
type BudgetConfig interface {
	New() Budget // a budget of its own
	Validate() error
}

// A Pacer is a budget that lets attempts begin only so often, the first ones of calls too.
type Pacer interface {
	// Wait asks to begin an attempt at now. It returns 0 if it may, or how long to wait before asking
	// again.
	Wait(now sim.Time) time.Duration
}

// Unlimited is no budget: every retry is allowed.
type Unlimited struct{}

func (Unlimited) Sent(sim.Time, int, Memo) Memo                    { return 0 }
func (Unlimited) Ended(sim.Time, int, Memo, Ending)                {}
func (Unlimited) Spend(sim.Time, Memo, patterns.Kind) (Memo, bool) { return 0, true }
func (Unlimited) Over(sim.Time, Memo, bool)                        {}

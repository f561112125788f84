package retry

import (
	"math"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// TokensConfig says how many retries [Tokens] allow.
type TokensConfig struct {
	Deposit  float64 `nines:"-,in=ratio"`     // tokens that a success brings; a retry costs 1
	Capacity float64 `nines:"capacity,min=0"` // tokens that fit, and that there are at the start; 0: never a retry
}

// DefaultTokensConfig returns a tenth of a token for a success and room for 10.
func DefaultTokensConfig() TokensConfig { return TokensConfig{Deposit: 0.1, Capacity: 10} }

// Validate names every field that makes no sense.
func (c TokensConfig) Validate() error {
	f := check.Of("retry")
	f.Need(c.Deposit >= 0 && c.Deposit <= 1000, "TokensConfig.Deposit", c.Deposit, "0 to 1000")
	f.Need(c.Capacity >= 0 && c.Capacity <= 1e6, "TokensConfig.Capacity", c.Capacity, "0 to 1,000,000")
	return f.Err()
}

// New returns a budget of this kind. It panics if the configuration is not valid.
func (c TokensConfig) New() Budget { return NewTokens(c) }

// Tokens allow retries as long as calls succeed: a success deposits a fraction of a token, a
// retry costs one. It is the "adaptive" retry of Marc Brooker, "Fixing retries with token buckets
// and circuit breakers", 2022.
//
// It protects a server that is down better than a [Ratio] does, for without successes there are
// soon no retries at all; and for the same reason it pays more when many calls fail at random.
// Time brings no tokens: a client that has none left gets them back only by calls that succeed
// at once.
type Tokens struct {
	deposit, capacity, tokens int64 // in millionths of a token
}

// NewTokens returns a full bucket. It panics if the configuration is not valid.
func NewTokens(cfg TokensConfig) *Tokens {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	capacity := int64(math.Round(cfg.Capacity * million))
	return &Tokens{deposit: int64(math.Round(cfg.Deposit * million)), capacity: capacity, tokens: capacity}
}

// Sent does nothing: only success deposits.
func (t *Tokens) Sent(_ sim.Time, _ int, m Memo) Memo { return m }

// Ended deposits for a success.
func (t *Tokens) Ended(_ sim.Time, _ int, _ Memo, e Ending) {
	if e.Result == Succeeded {
		t.tokens = min(t.tokens+t.deposit, t.capacity)
	}
}

// Spend takes a token for one retry, or refuses.
func (t *Tokens) Spend(_ sim.Time, m Memo, _ patterns.Kind) (Memo, bool) {
	if t.tokens < million {
		return m, false
	}
	t.tokens -= million
	return m, true
}

// Over does nothing: a token that was spent stays spent.
func (t *Tokens) Over(sim.Time, Memo, bool) {}

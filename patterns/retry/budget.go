package retry

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
)

// A Budget limits retries by what calls do, so that retries cannot become most of the load. One
// budget belongs to one client, or to one client's calls to one server: all of them share it.
type Budget interface {
	Began(now sim.Time)      // a call begins with its first attempt
	Succeeded(now sim.Time)  // an attempt succeeded
	Spend(now sim.Time) bool // asks for one retry, and pays for it
}

// Unlimited is no budget: every retry is allowed.
type Unlimited struct{}

func (Unlimited) Began(sim.Time)      {}
func (Unlimited) Succeeded(sim.Time)  {}
func (Unlimited) Spend(sim.Time) bool { return true }

// RatioConfig says how many retries a [Ratio] allows.
type RatioConfig struct {
	Ratio     float64       // retries allowed per call; 0: none but the reserve
	PerSecond float64       // reserve: retries allowed per second whatever the calls, so that rare calls can retry
	Window    time.Duration // how long calls and retries count
}

// DefaultRatioConfig returns Finagle's defaults: 20 % of the calls plus 10 a second, over 10 s.
func DefaultRatioConfig() RatioConfig {
	return RatioConfig{Ratio: 0.2, PerSecond: 10, Window: 10 * time.Second}
}

// Validate names every field that makes no sense.
func (c RatioConfig) Validate() error {
	f := check.Of("retry")
	f.Need(c.Ratio >= 0 && c.Ratio <= 1000, "RatioConfig.Ratio", c.Ratio, "0 to 1000")
	f.Need(c.PerSecond >= 0 && c.PerSecond <= 1e6, "RatioConfig.PerSecond", c.PerSecond, "0 to 1,000,000")
	f.Need(c.Window > 0 && c.Window <= time.Hour, "RatioConfig.Window", c.Window, "more than 0 and at most 1h")
	return f.Err()
}

// A Ratio allows retries up to a share of the calls begun lately, plus a small reserve. It is
// Finagle's RetryBudget: a call deposits Ratio, a retry withdraws 1, both are forgotten after
// Window, and the balance may fall to minus the reserve. Retries that wait for their turn have
// paid already.
//
// It protects the server: when every call fails, the load grows by Ratio and not by the number
// of attempts. It pays with calls that one more retry would have saved.
type Ratio struct {
	deposit int64 // of one call, in millionths of a retry
	reserve int64 // in millionths of a retry
	balance window.Sum
}

const million = 1_000_000

// NewRatio returns a budget in which nothing has been deposited yet. It panics if the
// configuration is not valid.
func NewRatio(cfg RatioConfig) *Ratio {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Ratio{
		deposit: int64(math.Round(cfg.Ratio * million)),
		reserve: int64(math.Round(cfg.PerSecond * cfg.Window.Seconds() * million)),
		balance: window.New(cfg.Window),
	}
}

// Began deposits for a call.
func (b *Ratio) Began(now sim.Time) {
	if b.deposit > 0 {
		b.balance.Add(now, b.deposit)
	}
}

// Succeeded does nothing: calls deposit when they begin.
func (b *Ratio) Succeeded(sim.Time) {}

// Spend withdraws for one retry, or refuses.
func (b *Ratio) Spend(now sim.Time) bool {
	if b.balance.Total(now)+b.reserve < million {
		return false
	}
	b.balance.Add(now, -million)
	return true
}

// TokensConfig says how many retries [Tokens] allow.
type TokensConfig struct {
	Deposit  float64 // tokens that a success brings; a retry costs 1
	Capacity float64 // tokens that fit, and that there are at the start; 0: never a retry
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

// Tokens allow retries as long as calls succeed: a success deposits a fraction of a token, a
// retry costs one. It is the "adaptive" retry of Marc Brooker, "Fixing retries with token buckets
// and circuit breakers", 2022, and the AWS SDKs' retry quota.
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

// Began does nothing: only success deposits.
func (t *Tokens) Began(sim.Time) {}

// Succeeded deposits.
func (t *Tokens) Succeeded(sim.Time) { t.tokens = min(t.tokens+t.deposit, t.capacity) }

// Spend takes a token for one retry, or refuses.
func (t *Tokens) Spend(sim.Time) bool {
	if t.tokens < million {
		return false
	}
	t.tokens -= million
	return true
}

package retry

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
)

// RatioConfig says how many retries a [Ratio] allows.
type RatioConfig struct {
	Ratio     float64       `nines:"-,in=ratio"`           // retries allowed per call; 0: none but the reserve
	PerSecond float64       `nines:"min_per_second,min=0"` // reserve: retries allowed per second whatever the calls, so that rare calls can retry
	Window    time.Duration `nines:"window"`               // how long calls and retries count
	Deposit   Deposit       `nines:"deposit"`              // what brings the ratio
	PerCall   float64       `nines:"per_call,ratio,none"`  // retries allowed to one call, as a share of what all may make when it begins, rounded up; 0: no limit of its own
	As        Books         `nines:"books"`                // whose arithmetic
}

// A Deposit says what brings retries.
type Deposit uint8

// What deposits.
const (
	OnStart        Deposit = iota // a call that begins: Finagle
	OnSuccess                     // an attempt that succeeds
	OnNotRetryable                // an attempt that ends by anything but a failure worth another try: Linkerd
)

// Books are how a library keeps the account.
type Books uint8

// The books.
const (
	Exactly   Books = iota // in millionths; the window slides by tenths since time zero
	AsFinagle              // a call brings 1000 and a retry costs 1000/Ratio, cut to an integer; the window slides by tenths that begin with an event
	AsTower                // a call brings 1 and a retry costs 1/Ratio, cut to an integer (of 30 % it makes 33 %), or as Finagle if Ratio is more than 1; the window is eleven slots, and one that has begun when it slides counts as whole
)

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
	f.Need(c.Deposit <= OnNotRetryable, "RatioConfig.Deposit", uint8(c.Deposit), "on start, on success or on not retryable")
	f.Need(c.PerCall >= 0 && c.PerCall <= 1, "RatioConfig.PerCall", c.PerCall, "0 to 1")
	f.Need(c.As <= AsTower, "RatioConfig.As", uint8(c.As), "exactly, as Finagle or as tower")
	return f.Err()
}

// New returns a budget of this kind. It panics if the configuration is not valid.
func (c RatioConfig) New() Budget { return NewRatio(c) }

// A Ratio allows retries up to a share of the calls begun lately, plus a small reserve. It is
// Finagle's RetryBudget: a call deposits Ratio, a retry withdraws 1, both are forgotten after
// Window, and the balance may fall to minus the reserve. Retries that wait for their turn have
// paid already.
//
// It protects the server: when every call fails, the load grows by Ratio and not by the number
// of attempts. It pays with calls that one more retry would have saved.
type Ratio struct {
	cfg     RatioConfig
	deposit int64 // that a call brings
	cost    int64 // of a retry
	reserve int64
	balance window.Sum
}

const million = 1_000_000

// NewRatio returns a budget in which nothing has been deposited yet. It panics if the
// configuration is not valid.
func NewRatio(cfg RatioConfig) *Ratio {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	b := &Ratio{cfg: cfg}
	tenths := window.Shape{Steps: 10, Step: max(cfg.Window/10, 1)}
	switch scale := 1000.0; cfg.As {
	case Exactly:
		b.deposit, b.cost = int64(math.Round(cfg.Ratio*million)), million
		b.reserve = int64(math.Round(cfg.PerSecond * cfg.Window.Seconds() * million))
	case AsTower:
		tenths.Steps, tenths.Align = 11, window.Begun
		if cfg.Ratio <= 1 {
			scale = 1
		}
		b.keepBooks(scale)
	case AsFinagle:
		tenths.Align = window.Whole
		b.keepBooks(scale)
	}
	b.balance = window.Of(tenths)
	return b
}

// keepBooks sets what calls bring and retries cost, in integers.
func (b *Ratio) keepBooks(scale float64) {
	b.deposit, b.cost = int64(scale), 1
	if b.cfg.Ratio > 0 {
		b.cost = int64(scale / b.cfg.Ratio)
	} else {
		b.deposit = 0
	}
	b.reserve = int64(b.cfg.PerSecond) * int64(b.cfg.Window/time.Second) * b.cost
}

// Balance returns how many retries could be made at now.
func (b *Ratio) Balance(now sim.Time) int64 {
	return max(b.balance.Total(now)+b.reserve, 0) / max(b.cost, 1)
}

// Sent deposits for a call that begins. The memo is how many retries are left to it.
func (b *Ratio) Sent(now sim.Time, attempt int, m Memo) Memo {
	if attempt > 1 {
		return m
	}
	if b.deposit > 0 && b.cfg.Deposit == OnStart {
		b.balance.Add(now, b.deposit)
	}
	if b.cfg.PerCall > 0 {
		m = Memo(math.Ceil(b.cfg.PerCall * float64(b.Balance(now))))
	}
	return m
}

// Ended deposits, if that is when a call does.
func (b *Ratio) Ended(now sim.Time, _ int, _ Memo, e Ending) {
	if b.deposit > 0 && (b.cfg.Deposit == OnSuccess && e.Result == Succeeded ||
		b.cfg.Deposit == OnNotRetryable && (e.Result == Succeeded || e.Result == Final)) {
		b.balance.Add(now, b.deposit)
	}
}

// Spend withdraws for one retry, or refuses.
func (b *Ratio) Spend(now sim.Time, m Memo, _ patterns.Kind) (Memo, bool) {
	if b.cfg.PerCall > 0 && m == 0 || b.balance.Total(now)+b.reserve < b.cost {
		return m, false
	}
	b.balance.Add(now, -b.cost)
	return m - 1, true
}

// Over does nothing: a retry that was paid for stays paid.
func (b *Ratio) Over(sim.Time, Memo, bool) {}

package retry

import (
	"math"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// ThrottleConfig says when a [Throttle] allows retries.
type ThrottleConfig struct {
	MaxTokens  float64 `nines:"max_tokens"`  // tokens that fit, and that there are at the start
	TokenRatio float64 `nines:"token_ratio"` // tokens that a success brings; a failure takes 1
}

// Validate names every field that makes no sense.
func (c ThrottleConfig) Validate() error {
	f := check.Of("retry")
	f.Need(c.MaxTokens > 0 && c.MaxTokens <= 1000, "ThrottleConfig.MaxTokens", c.MaxTokens, "more than 0 and at most 1000")
	f.Need(c.TokenRatio > 0 && c.TokenRatio <= 1000, "ThrottleConfig.TokenRatio", c.TokenRatio, "more than 0 and at most 1000")
	return f.Err()
}

// New returns a budget of this kind. It panics if the configuration is not valid.
func (c ThrottleConfig) New() Budget { return NewThrottle(c) }

// A Throttle is gRPC's retryThrottling (proposal A6): each failure worth another try takes a token,
// whether it is retried or not, each success brings a part of one, and there are retries while more than
// half of the tokens are there. A retry itself costs nothing.
//
// It protects a server of which a share of TokenRatio/(1+TokenRatio) of the calls fails for long. It pays
// more than [Tokens]: once there are no more retries, failures go on taking tokens.
type Throttle struct {
	ratio, capacity, tokens int64 // in millionths of a token
}

// NewThrottle returns a full bucket. It panics if the configuration is not valid.
func NewThrottle(cfg ThrottleConfig) *Throttle {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	capacity := int64(math.Round(cfg.MaxTokens * million))
	return &Throttle{ratio: int64(math.Round(cfg.TokenRatio * million)), capacity: capacity, tokens: capacity}
}

// Sent does nothing.
func (t *Throttle) Sent(_ sim.Time, _ int, m Memo) Memo { return m }

// Ended brings or takes tokens.
func (t *Throttle) Ended(_ sim.Time, _ int, _ Memo, e Ending) {
	switch e.Result {
	case Succeeded:
		t.tokens = min(t.tokens+t.ratio, t.capacity)
	case Retryable:
		t.tokens = max(t.tokens-million, 0)
	}
}

// Spend reports whether more than half of the tokens are there.
func (t *Throttle) Spend(_ sim.Time, m Memo, _ patterns.Kind) (Memo, bool) {
	return m, 2*t.tokens > t.capacity
}

// Over does nothing.
func (t *Throttle) Over(sim.Time, Memo, bool) {}

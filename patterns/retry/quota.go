package retry

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// QuotaConfig says how many retries a [Quota] allows.
type QuotaConfig struct {
	Tokens        int  `nines:"tokens"`         // tokens that fit, and that there are at the start
	Cost          int  `nines:"cost"`           // tokens that a retry takes
	TimeoutCost   int  `nines:"timeout_cost"`   // after a timeout, in place of Cost
	ThrottleCost  int  `nines:"throttle_cost"`  // after the server was overloaded, in place of Cost
	Credit        int  `nines:"credit"`         // tokens that a success brings
	CreditRetried bool `nines:"credit_retried"` // a success brings them after a retry too; false: only if the first attempt succeeds
}

// DefaultQuotaConfig returns the AWS SDKs' standard mode until 2026: 500 tokens, 5 for a retry, 10 after
// a timeout, 1 back for a call that succeeds at once (botocore/retries/quota.py and standard.py, August
// 2026).
func DefaultQuotaConfig() QuotaConfig {
	return QuotaConfig{Tokens: 500, Cost: 5, TimeoutCost: 10, ThrottleCost: 5, Credit: 1}
}

// Validate names every field that makes no sense.
func (c QuotaConfig) Validate() error {
	f := check.Of("retry")
	c.check(f)
	return f.Err()
}

func (c QuotaConfig) check(f *check.Fields) {
	for _, field := range []struct {
		name  string
		value int
	}{{"Tokens", c.Tokens}, {"Cost", c.Cost}, {"TimeoutCost", c.TimeoutCost}, {"ThrottleCost", c.ThrottleCost}, {"Credit", c.Credit}} {
		f.Need(field.value >= 0 && field.value <= 1e9, "QuotaConfig."+field.name, field.value, "0 to 1,000,000,000")
	}
}

// New returns a budget of this kind. It panics if the configuration is not valid.
func (c QuotaConfig) New() Budget { return NewQuota(c) }

// A Quota is the AWS SDKs' retry quota: a retry takes tokens, and gives them back if its attempt
// succeeds; only those of the call's last retry, if it needed several.
//
// It protects a server that is down: after a hundred failed retries there are no more. It pays in
// a long partial failure: time brings no tokens, and each lost retry has to be earned by successes.
type Quota struct {
	cfg    QuotaConfig
	tokens int
}

// NewQuota returns a full quota. It panics if the configuration is not valid.
func NewQuota(cfg QuotaConfig) *Quota {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Quota{cfg: cfg, tokens: cfg.Tokens}
}

// Tokens returns how many tokens there are.
func (q *Quota) Tokens() int { return q.tokens }

// Sent does nothing. The memo is what the call's last retry has cost.
func (q *Quota) Sent(_ sim.Time, _ int, m Memo) Memo { return m }

// Ended gives tokens back, and brings new ones, if the attempt succeeded.
func (q *Quota) Ended(_ sim.Time, attempt int, m Memo, e Ending) {
	if e.Result != Succeeded {
		return
	}
	q.tokens += int(m)
	if attempt == 1 || q.cfg.CreditRetried {
		q.tokens += q.cfg.Credit
	}
	q.tokens = min(q.tokens, q.cfg.Tokens)
}

// Spend takes the tokens of one retry, or refuses.
func (q *Quota) Spend(_ sim.Time, m Memo, after patterns.Kind) (Memo, bool) {
	cost := q.cfg.Cost
	switch after {
	case patterns.Timeout:
		cost = q.cfg.TimeoutCost
	case patterns.Overloaded:
		cost = q.cfg.ThrottleCost
	}
	if q.tokens < cost {
		return m, false
	}
	q.tokens -= cost
	return Memo(cost), true
}

// Over does nothing: the tokens of a retry that was not made are lost.
func (q *Quota) Over(sim.Time, Memo, bool) {}

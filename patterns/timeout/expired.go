package timeout

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
)

// ExpiredConfig says how many requests a server turns away whose deadline has passed.
type ExpiredConfig struct {
	Layer  string        `nines:"-"`                       // what it is called in errors: "expired"
	Share  float64       `nines:"share,ratio,min=0,max=1"` // requests turned away for one that was served; 0: none
	Period time.Duration `nines:"period"`                  // how long those that were served count
	Dry    bool          `nines:"dry"`                     // they are only counted, not turned away
}

// DefaultExpiredConfig returns Finagle's: a fifth over 10s (DeadlineFilter.scala at 4feb34cb, 2024; it is
// Dry there unless asked otherwise).
func DefaultExpiredConfig() ExpiredConfig {
	return ExpiredConfig{Layer: "expired", Share: 0.2, Period: 10 * time.Second}
}

// Validate names every field that makes no sense.
func (c ExpiredConfig) Validate() error {
	f := check.Of("timeout")
	f.Need(c.Layer != "", "Layer", `""`, "a name")
	f.Need(c.Share >= 0 && c.Share <= 1, "Share", c.Share, "0 to 1")
	f.Need(c.Period >= time.Second && c.Period <= time.Minute, "Period", c.Period, "1s to 1m")
	return f.Err()
}

// ExpiredCounts says what an [Expired] did so far.
type ExpiredCounts struct {
	Expired  uint64 // requests whose deadline had passed
	Rejected uint64 // of which so many were turned away
}

// An Expired turns requests away at the server whose deadline has passed, but not too large a share of
// them: Finagle's DeadlineFilter. Each request that is served brings 1000 tokens, and one that is turned
// away costs 1000/Share; tokens are forgotten after Period.
//
// It protects a server from work that nobody waits for. The limit protects everybody from deadlines that
// are wrong: with a clock that is fast, every request has expired. It pays with work done in vain when
// more than that share has expired indeed.
type Expired struct {
	cfg    ExpiredConfig
	cost   int64
	tokens window.Sum
	late   error
	counts ExpiredCounts
}

const perServed = 1000

// NewExpired returns a filter that has served nothing yet. It panics if the configuration is not valid.
func NewExpired(cfg ExpiredConfig) *Expired {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	e := &Expired{
		cfg:    cfg,
		tokens: window.Of(window.Shape{Steps: 10, Step: cfg.Period / 10, Align: window.Whole}),
		late:   &patterns.Error{Kind: patterns.Timeout, Layer: cfg.Layer, Cause: ErrPast},
	}
	if cfg.Share > 0 {
		e.cost = int64(perServed / cfg.Share)
	}
	return e
}

// Counts returns what happened so far.
func (e *Expired) Counts() ExpiredCounts { return e.counts }

// Rejects reports whether a request is turned away that would be served from now on, given its deadline;
// 0: it has none.
func (e *Expired) Rejects(now, deadline sim.Time) bool {
	if deadline == 0 || now <= deadline {
		e.tokens.Add(now, perServed)
		return false
	}
	e.counts.Expired++
	if e.cost == 0 || e.tokens.Total(now) < e.cost {
		e.tokens.Add(now, perServed)
		return false
	}
	e.tokens.Add(now, -e.cost)
	e.counts.Rejected++
	return !e.cfg.Dry
}

// Wrap returns next, the work of a server, behind this filter. A request that is turned away ends by
// [patterns.Timeout], and has certainly not been done.
func (e *Expired) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if e.Rejects(p.Now(), req.Deadline) {
			return patterns.Response{}, e.late
		}
		return next(p, req)
	}
}

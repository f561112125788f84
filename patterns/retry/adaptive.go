package retry

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// AdaptiveConfig says how an [Adaptive] budget limits the rate of attempts.
type AdaptiveConfig struct {
	Quota   QuotaConfig   `nines:"-"`             // of retries, besides
	Beta    float64       `nines:"beta,ratio"`    // share of the rate that is left after the server was overloaded
	Scale   float64       `nines:"scale"`         // how fast the rate grows: its third derivative is 6·Scale, in attempts/s⁴
	Smooth  float64       `nines:"smooth,ratio"`  // weight of the last measurement of the rate
	Measure time.Duration `nines:"measure"`       // how often the rate is measured
	MinRate float64       `nines:"min_rate,rate"` // attempts a second that are always allowed
}

// DefaultAdaptiveConfig returns the AWS SDKs' adaptive mode (botocore/retries/adaptive.py, throttling.py
// and bucket.py, August 2026): beta 0.7, scale 0.4, smooth 0.8, half a second, half an attempt a second.
func DefaultAdaptiveConfig() AdaptiveConfig {
	return AdaptiveConfig{
		Quota: DefaultQuotaConfig(), Beta: 0.7, Scale: 0.4, Smooth: 0.8, Measure: 500 * time.Millisecond, MinRate: 0.5,
	}
}

// Validate names every field that makes no sense.
func (c AdaptiveConfig) Validate() error {
	f := check.Of("retry")
	c.Quota.check(f)
	f.Need(c.Beta >= 0 && c.Beta <= 1, "AdaptiveConfig.Beta", c.Beta, "0 to 1")
	f.Need(c.Scale > 0 && c.Scale <= 1e6, "AdaptiveConfig.Scale", c.Scale, "more than 0 and at most 1,000,000")
	f.Need(c.Smooth >= 0 && c.Smooth <= 1, "AdaptiveConfig.Smooth", c.Smooth, "0 to 1")
	f.Need(c.Measure >= time.Millisecond && c.Measure <= time.Minute, "AdaptiveConfig.Measure", c.Measure, "1ms to 1m")
	f.Need(c.MinRate >= 0.001 && c.MinRate <= 1e6, "AdaptiveConfig.MinRate", c.MinRate, "0.001 to 1,000,000")
	return f.Err()
}

// New returns a budget of this kind. It panics if the configuration is not valid.
func (c AdaptiveConfig) New() Budget { return NewAdaptive(c) }

// An Adaptive budget is the AWS SDKs' adaptive mode: a [Quota], and once the server has said that it is
// overloaded, a limit on the rate of all attempts that follows CUBIC (Ha, Rhee, Xu, 2008). It falls to
// Beta of the rate at which that happened, comes back slowly to near that rate and then grows ever
// faster, to at most twice of what was measured. Attempts wait for their turn.
//
// It protects a server that says no, from the first attempts of calls too. It pays with calls that wait
// before they are sent, all of a client's to that server together, whichever of them were refused.
type Adaptive struct {
	*Quota
	cfg     AdaptiveConfig
	limited bool // the server was overloaded once

	tokens, capacity float64 // of the bucket that attempts take from
	fill             float64 // tokens a second
	filled           sim.Time
	started          bool // filled is set

	measured float64 // attempts a second
	ended    int     // attempts since the last measurement
	span     int64   // in which that was, of those of length Measure since time zero
	first    bool    // span is set

	most      float64  // the rate when the server was last overloaded
	throttled sim.Time // when that was
}

// NewAdaptive returns a budget that does not limit the rate yet. It panics if the configuration is not
// valid.
func NewAdaptive(cfg AdaptiveConfig) *Adaptive {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Adaptive{Quota: NewQuota(cfg.Quota), cfg: cfg}
}

// Rate returns the limit on attempts a second; 0: there is none.
func (a *Adaptive) Rate() float64 {
	if !a.limited {
		return 0
	}
	return a.fill
}

// Wait takes a token for an attempt, or says how long to wait for one.
func (a *Adaptive) Wait(now sim.Time) time.Duration {
	if !a.limited {
		return 0
	}
	a.refill(now)
	if a.tokens < 1 {
		return max(dist.Seconds((1-a.tokens)/a.fill), 1)
	}
	a.tokens--
	return 0
}

// Sent begins to measure with the first attempt.
func (a *Adaptive) Sent(now sim.Time, attempt int, m Memo) Memo {
	if !a.first {
		a.first = true
		a.span = int64(now/sim.Time(time.Second)) * int64(time.Second) / int64(a.cfg.Measure)
		a.throttled = now
	}
	return a.Quota.Sent(now, attempt, m)
}

// Ended moves the limit.
func (a *Adaptive) Ended(now sim.Time, attempt int, m Memo, e Ending) {
	a.Quota.Ended(now, attempt, m, e)
	if e.Result == Abandoned {
		return
	}
	a.measure(now)
	var rate float64
	if e.Result != Succeeded && e.Kind == patterns.Overloaded {
		a.most = a.measured
		if a.limited {
			a.most = min(a.measured, a.fill)
		}
		a.throttled, a.limited = now, true
		rate = float64(a.most * a.cfg.Beta)
	} else {
		rate = a.cubic(now)
	}
	rate = min(rate, 2*a.measured)
	a.refill(now)
	a.fill = max(rate, a.cfg.MinRate)
	a.capacity = max(rate, 1)
}

// cubic returns most + Scale·(t-k)³, t seconds after the server was last overloaded; k is when that
// comes back to most: the cube root of most·(1-Beta)/Scale.
func (a *Adaptive) cubic(now sim.Time) float64 {
	k := dist.Pow(float64(a.most*(1-a.cfg.Beta))/a.cfg.Scale, 1.0/3)
	x := now.Sub(a.throttled).Seconds() - k
	return float64(a.cfg.Scale*float64(float64(x*x)*x)) + a.most
}

// measure counts an attempt that has ended, and takes the rate if a span of time is over.
func (a *Adaptive) measure(now sim.Time) {
	a.ended++
	span := int64(now) / int64(a.cfg.Measure)
	if span <= a.span {
		return
	}
	rate := float64(a.ended) / (float64(span-a.span) * a.cfg.Measure.Seconds())
	a.measured = float64(rate*a.cfg.Smooth) + float64(a.measured*(1-a.cfg.Smooth))
	a.ended, a.span = 0, span
}

func (a *Adaptive) refill(now sim.Time) {
	if a.started {
		a.tokens = min(a.tokens+float64(now.Sub(a.filled).Seconds()*a.fill), a.capacity)
	}
	a.started, a.filled = true, max(now, a.filled)
}

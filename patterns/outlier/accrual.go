package outlier

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// AccrualConfig says when an endpoint is ejected by its own failures, and for how long. Failures and Rate
// eject by themselves; at least one must be set.
type AccrualConfig struct {
	Failures int `nines:"consecutive,min=1,none"` // failures in a row that eject; 0: no number does

	Rate     float64       `nines:"rate,ratio,min=0,max=1,none"` // success rate below which a failure ejects; 0: none does
	Window   time.Duration `nines:"window,none"`                 // how long an outcome counts in the rate, on average; no rate is known before
	MinCalls int           `nines:"min_calls,min=0"`             // calls in the last Window below which the rate says nothing

	First time.Duration `nines:"first,positive"` // the first ejection of an endpoint that was well
	Max   time.Duration `nines:"max,positive"`   // the longest, if probes fail again and again
}

// AccrualPresets returns what libraries do that look at each endpoint alone, if nothing else is configured.
func AccrualPresets() []patterns.Preset[AccrualConfig] {
	return []patterns.Preset[AccrualConfig]{{Name: "finagle", Version: "4feb34cb", Config: Finagle()}}
}

// Finagle returns the defaults of Finagle's failure accrual (FailureAccrualPolicy.scala and
// FailureAccrualFactory.scala at 4feb34cb, October 2024): a success rate below 0.8 over 30s and at least
// 5 requests, or else 5 consecutive failures; dead for equalJittered(5s, 300s).
func Finagle() AccrualConfig {
	return AccrualConfig{
		Failures: 5,
		Rate:     0.8, Window: 30 * time.Second, MinCalls: 5,
		First: 5 * time.Second, Max: 300 * time.Second,
	}
}

// DefaultAccrualConfig returns [Finagle].
func DefaultAccrualConfig() AccrualConfig { return Finagle() }

// Validate names every field that makes no sense.
func (c AccrualConfig) Validate() error {
	f := check.Of("outlier")
	f.Need(c.Failures >= 0, "Failures", c.Failures, "0 or more")
	share(f, "Rate", c.Rate)
	f.Need(c.Failures != 0 || c.Rate != 0, "Failures and Rate", "0 each", "one that is not")
	f.Need(c.Window >= time.Millisecond || c.Rate == 0, "Window", c.Window, "1ms or more for a Rate")
	f.Need(c.MinCalls >= 0, "MinCalls", c.MinCalls, "0 or more")
	f.Need(c.First > 0, "First", c.First, "more than 0")
	f.Need(c.Max >= c.First, "Max", c.Max, "First or more")
	return f.Err()
}

// An Accrual ejects each endpoint by its own failures, and asks it by one call whether it works again.
//
//	alive ──Failures, or Rate────▶ dead ──First, growing to Max──▶ to be probed ──a call──▶ probed
//	  ▲                            ▲                                    ▲                      │
//	  │                            └────────it fails, as before─────────│──────────────────────┤
//	  │                                                                 └─it fails, but not so─┤
//	  └──────────────────────────────────────it succeeds───────────────────────────────────────┘
//
// It protects callers from a replica that is down, and lets one call at a time find out when it is back,
// which a [Detector] does not. It pays by judging each endpoint as if it were alone: when the service
// as a whole fails, every replica is ejected, and a balancer must do something about that.
//
// The n-th ejection since the endpoint was well lasts First for n = 1, and then between First·2ⁿ⁻² and
// twice that, up to Max; each of the two rules counts its own, and the longer counts.
//
// As in Finagle, any call that ends while a probe is out decides it, also one from before the ejection. A
// success that comes late, while the endpoint is dead, ends its failures in a row; then a probe that
// fails is one failure, and the endpoint is probed again at once.
type Accrual struct {
	cfg       AccrualConfig
	draws     sim.Keyed
	endpoints []accrued
	onChange  func(Change)
	counts    Counts
}

type health uint8

const (
	alive health = iota
	dead
	toProbe // the next call is a probe
	probed  // and no other, until it has ended
)

// accrued is what is known of one endpoint.
type accrued struct {
	health  health
	until   sim.Time // while dead
	ejected uint64   // counts ejections, for their luck

	failures, byFailures int // in a row; ejections for them since the endpoint was well

	since    sim.Time // when it was well again, or new
	rate     float64  // success rate, each outcome weighted by exp(-age/Window)
	ratedAt  int64    // when the rate was brought up to date, in milliseconds after since; -1: never
	calls    window.Sum
	byRating int
}

// finagleSlices is of how many steps Finagle makes the window in which it counts requests.
const finagleSlices = 5

// NewAccrual returns an accrual for so many endpoints, which are all alive. Luck depends on the endpoint
// and on how often it was ejected. NewAccrual panics if the configuration is not valid.
func NewAccrual(cfg AccrualConfig, draws sim.Keyed, now sim.Time, endpoints int) *Accrual {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	a := &Accrual{cfg: cfg, draws: draws}
	a.SetEndpoints(now, endpoints)
	return a
}

// SetEndpoints changes how many endpoints there are: the last ones go, or new ones come after them.
func (a *Accrual) SetEndpoints(now sim.Time, n int) {
	a.endpoints = a.endpoints[:min(n, len(a.endpoints))]
	for len(a.endpoints) < n {
		e := accrued{since: now, ratedAt: -1}
		if a.cfg.Rate > 0 {
			e.calls = window.Of(window.Shape{Steps: finagleSlices, Step: max(a.cfg.Window/finagleSlices, 1), Align: window.Whole})
			e.calls.Reset(now)
		}
		a.endpoints = append(a.endpoints, e)
	}
}

// OnChange calls f at every ejection of an endpoint that was alive, and when it is alive again.
func (a *Accrual) OnChange(f func(Change)) { a.onChange = f }

// Counts returns what was done so far. A probe that fails is an ejection of its own.
func (a *Accrual) Counts() Counts { return a.counts }

// Ejected reports whether no call may be sent to endpoint i at now: it is dead, or being probed.
func (a *Accrual) Ejected(now sim.Time, i int) bool {
	h := a.endpoints[i].at(now)
	return h == dead || h == probed
}

// at returns the health at now. What is dead long enough is to be probed.
func (e *accrued) at(now sim.Time) health {
	if e.health == dead && now >= e.until {
		return toProbe
	}
	return e.health
}

// Begin reports that a call is sent to endpoint i at now.
func (a *Accrual) Begin(now sim.Time, i int) {
	if e := &a.endpoints[i]; e.at(now) == toProbe {
		e.health = probed
	}
}

// Done reports how a call to endpoint i ended at now.
func (a *Accrual) Done(now sim.Time, i int, outcome Outcome) {
	e := &a.endpoints[i]
	e.health = e.at(now)
	switch outcome {
	case Ignored:
		if e.health == probed {
			e.health = toProbe
		}
	case Success:
		if e.health == probed {
			a.revive(now, i)
		}
		e.failures = 0
		if a.cfg.Rate > 0 {
			e.calls.Add(now, 1)
			e.observe(now, 1, a.cfg.Window)
		}
	default:
		if e.health == alive || e.health == probed {
			a.fail(now, i)
		}
	}
}

// revive makes an endpoint whose probe succeeded as good as new.
func (a *Accrual) revive(now sim.Time, i int) {
	e := &a.endpoints[i]
	e.health = alive
	e.byFailures, e.byRating = 0, 0
	e.since, e.ratedAt = now, -1
	e.calls.Reset(now)
	a.counts.Returned++
	if a.onChange != nil {
		a.onChange(Change{now, i, false, PassedProbe})
	}
}

// fail counts a failure, and ejects the endpoint if it must. Both rules are asked, and each that agrees
// goes on to its next, longer wait.
func (a *Accrual) fail(now sim.Time, i int) {
	e := &a.endpoints[i]
	draws := a.draws.At(sim.Mix(uint64(i), e.ejected))
	var lasts time.Duration
	if a.cfg.Failures > 0 {
		if e.failures++; e.failures >= a.cfg.Failures {
			e.byFailures++
			lasts = a.cfg.deadFor(e.byFailures, draws.Float64())
		}
	}
	if a.cfg.Rate > 0 {
		e.calls.Add(now, 1)
		e.observe(now, 0, a.cfg.Window)
		if e.ratedAt >= a.cfg.Window.Milliseconds() && e.rate < a.cfg.Rate && e.calls.Total(now) >= int64(a.cfg.MinCalls) {
			e.byRating++
			lasts = max(lasts, a.cfg.deadFor(e.byRating, draws.Float64()))
		}
	}
	if lasts == 0 {
		if e.health == probed {
			e.health = toProbe
		}
		return
	}
	was := e.health
	e.health, e.until = dead, now.Add(lasts)
	e.ejected++
	a.counts.Detected++
	a.counts.Ejected++
	if was == alive && a.onChange != nil {
		a.onChange(Change{now, i, true, Accrued})
	}
}

// observe brings the rate up to date with one outcome, as Finagle's Ema does on its clock of
// milliseconds.
func (e *accrued) observe(now sim.Time, outcome float64, mean time.Duration) {
	const ms = sim.Time(time.Millisecond)
	at := int64(now/ms - e.since/ms)
	if e.ratedAt < 0 {
		e.rate = outcome
	} else {
		w := dist.Exp(-float64(at-e.ratedAt) / float64(mean.Milliseconds()))
		e.rate = float64(outcome*(1-w)) + float64(e.rate*w)
	}
	e.ratedAt = at
}

// deadFor returns how long the n-th ejection of a row lasts. u is its luck, from [0, 1).
func (c AccrualConfig) deadFor(n int, u float64) time.Duration {
	if n == 1 {
		return c.First
	}
	half := math.Ldexp(float64(c.First), min(n-2, 62))
	if half >= float64(c.Max) {
		return c.Max
	}
	return min(c.Max, time.Duration(half)+time.Duration(half*u))
}

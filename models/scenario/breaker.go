package scenario

import (
	"github.com/nines-sim/nines/patterns/breaker"
)

// A Breaker stops calling for a while when too many calls fail: a share of the calls of a window, so many
// in a row, or too many slow ones.
type Breaker struct {
	Preset         string `nines:"preset,preset"`               // what a library does; the other keys change it
	Per            string `nines:"per,one=client|replica"`      // how many there are. client: one for all that a client calls there; replica: one for each replica, which a balancer then passes over while it is open
	Forced         string `nines:"forced,one=open|closed,none"` // held so, whatever happens. open: every call is rejected; closed: none is
	breaker.Config `nines:",inline"`
}

// Hystrix: rollingStats 10 s, errorThresholdPercentage 50, requestVolumeThreshold 20,
// sleepWindow 5 s, one probe.
func (b *Breaker) defaults() { b.Per, b.Config = "client", breaker.DefaultConfig() }

func (b *Breaker) presets() []Preset { return presets(breaker.Presets(), b.use) }

func (b *Breaker) use(c breaker.Config) {
	b.Forced = ""
	switch c.Forced {
	case breaker.ForcedOpen:
		b.Forced = "open"
	case breaker.ForcedClosed:
		b.Forced = "closed"
	}
	c.Name, c.Forced = "", breaker.Closed
	b.Config = c
}

// settle leaves the rate out where another rule is written, and no preset has one.
func (b *Breaker) settle(written func(key string) bool) {
	if !written("rate") && !written("preset") && (written("consecutive") && b.Failures > 0 || written("count") && b.Count > 0 || written("slow_rate") && b.SlowRate > 0) {
		b.Rate = 0
	}
}

func (b *Breaker) excludes(key string) string {
	windowed := b.Count > 0 || b.Rate > 0 || b.SlowRate > 0 || b.RowInWindow
	switch key {
	case "min_calls":
		if !windowed && b.Verdict != breaker.ByRate {
			return "has a meaning only with rate, count or slow_rate, or verdict: by_rate"
		}
	case "window", "last", "steps", "align", "at_start", "every", "on_failure", "rate_above", "whole_percent":
		if !windowed {
			return "has a meaning only with rate, count or slow_rate"
		}
	case "slow":
		if b.SlowRate == 0 {
			return "has a meaning only with slow_rate"
		}
	case "row_in_window", "gap":
		if b.Failures == 0 {
			return "has a meaning only with consecutive"
		}
	case "successes":
		if b.Verdict == breaker.ByRate {
			return "has no meaning with verdict: by_rate"
		}
	case "trial_closes":
		if b.Trial == 0 {
			return "has a meaning only with trial"
		}
	}
	switch key {
	case "window", "steps", "align", "at_start":
		if b.Last > 0 {
			return "has no meaning with last, which counts calls"
		}
	}
	return ""
}

func (b *Breaker) check(fail func(key, problem string)) {
	if !(b.Rate > 0 || b.Failures > 0 || b.Count > 0 || b.SlowRate > 0) {
		fail("rate", "is none: needs a share above that, or consecutive, count or slow_rate")
		return
	}
	checkConfig[Breaker](b.Of("").Validate(), fail)
}

// Of returns the configuration of the breaker that protects whom is named.
func (b *Breaker) Of(name string) breaker.Config {
	cfg := meant(b).Config
	cfg.Name = name
	switch b.Forced {
	case "open":
		cfg.Forced = breaker.ForcedOpen
	case "closed":
		cfg.Forced = breaker.ForcedClosed
	}
	return cfg
}

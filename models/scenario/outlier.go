package scenario

import (
	"fmt"
	"strings"

	"github.com/nines-sim/nines/patterns/outlier"
)

// An Outlier leaves out for a while the replicas to which calls end badly: passive health checking. Each
// instance of a caller judges by its own calls. It compares replicas in sweeps, as Envoy and gRPC do; with
// accrual, it looks at each alone, as Finagle does. What happens when too many are left out is the
// balancer's affair (balance.panic).
type Outlier struct {
	Preset         string   `nines:"preset,preset"` // what a library does; the other keys change it
	Accrual        *Accrual `nines:"accrual"`       // look at each replica alone, and let one call find out when it is well again
	outlier.Config `nines:",inline"`
}

// Envoy, with half of the replicas in place of max_ejection_percent 10, which ejects nothing from fewer
// than ten, and always_eject_one_host.
func (o *Outlier) defaults() { o.Config = outlier.DefaultConfig() }

func (o *Outlier) presets() []Preset {
	return append(
		presets(outlier.Presets(), o.use),
		presets(outlier.AccrualPresets(), func(c outlier.AccrualConfig) { o.Accrual = &Accrual{c} })...,
	)
}

func (o *Outlier) use(c outlier.Config) { o.Config, o.Accrual = c, nil }

func (o *Outlier) excludes(key string) string {
	switch {
	case key == "preset" || key == "accrual":
	case o.Accrual != nil:
		return "has no meaning with accrual, which looks at each replica alone"
	case key == "consecutive_local" && !o.Split:
		return "has a meaning only with split: true"
	}
	return ""
}

func (o *Outlier) check(fail func(key, problem string)) {
	var preset Outlier
	for _, p := range preset.presets() {
		if p.String() != o.Preset {
			continue
		}
		switch p.use(); {
		case preset.Accrual == nil && o.Accrual != nil:
			fail("accrual", "is set, need none with the preset "+p.Name+", which compares replicas: its settings would have no meaning")
			return
		case preset.Accrual != nil && o.Accrual == nil:
			fail("accrual", "is none, need one with the preset "+p.Name+", which is nothing else")
			return
		}
	}
	if o.Accrual != nil {
		return
	}
	if o.Failures.Failures == 0 && o.Gateway.Failures == 0 && !(o.Split && o.Local.Failures > 0) && o.Rate.Factor == 0 && o.Share.Threshold == 0 {
		fail("", "needs consecutive, consecutive_gateway, success_rate or failure_share: nothing is ejected")
		return
	}
	checkConfig[Outlier](o.Of().Validate(), fail)
}

// Of returns the configuration of what compares replicas, if there is no accrual.
func (o *Outlier) Of() outlier.Config { return meant(o).Config }

// never returns why nothing is ever ejected from so many replicas, or "".
func (o *Outlier) never(replicas int) string {
	if o.Accrual != nil {
		return ""
	}
	most := 100 * o.MaxEjected
	if o.Rules == outlier.EnvoyRules && !o.AlwaysOne && float64(100) > float64(most*float64(replicas)) {
		return "max_ejected of " + formatRatio(o.MaxEjected) + " is less than one"
	}
	if o.Rules == outlier.GRPCRules && o.MaxEjected == 0 {
		return "max_ejected is none at all"
	}
	var why []string
	inARow := func(key string, r outlier.InARow) bool {
		if r.Failures > 0 && r.Enforce == 0 {
			why = append(why, key+".enforce is 0%")
		}
		return r.Failures > 0 && r.Enforce > 0
	}
	if inARow("consecutive", o.Failures) || inARow("consecutive_gateway", o.Gateway) || o.Split && inARow("consecutive_local", o.Local) {
		return ""
	}
	for _, rule := range []struct {
		key            string
		on             bool
		enforce, local float64
		least          int
		tooFar         bool // one bad replica is never
	}{
		{"failure_share", o.Share.Threshold > 0, o.Share.Enforce, o.Share.EnforceLocal, o.Share.MinEndpoints, false},
		{"success_rate", o.Rate.Factor > 0, o.Rate.Enforce, o.Rate.EnforceLocal, o.Rate.MinEndpoints, float64(o.Rate.Factor*o.Rate.Factor) >= float64(replicas-1)},
	} {
		switch {
		case !rule.on:
		case rule.enforce == 0 && !(o.Split && rule.local > 0):
			why = append(why, rule.key+".enforce is 0%")
		case replicas < rule.least:
			why = append(why, fmt.Sprintf("%s.min_endpoints is %d", rule.key, rule.least))
		case rule.tooFar:
			why = append(why, "one bad replica is no further than the square root of all others below the mean, which success_rate.factor exceeds")
		default:
			return ""
		}
	}
	return strings.Join(why, "; ")
}

// An Accrual ejects a replica by its own failures, and lets one call find out whether it works again.
type Accrual struct {
	outlier.AccrualConfig `nines:",inline"`
}

// Finagle: successRateWithinDuration of 0.8 in 30 s and at least 5 requests, or 5 consecutive failures; dead
// for 5 s to 300 s.
func (a *Accrual) defaults() { a.AccrualConfig = outlier.DefaultAccrualConfig() }

func (a *Accrual) excludes(key string) string {
	if (key == "window" || key == "min_calls") && a.Rate == 0 {
		return "has a meaning only with rate"
	}
	return ""
}

func (a *Accrual) check(fail func(key, problem string)) {
	checkConfig[Accrual](a.Of().Validate(), fail)
}

// Of returns the configuration.
func (a *Accrual) Of() outlier.AccrualConfig { return meant(a).AccrualConfig }

package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// This file holds what the keys of one value must be together. What names refer to is checked in
// check.go, where the whole scenario is known.

func (s *Scenario) check(fail func(key, problem string)) {
	if s.Format != Version {
		fail("nines", fmt.Sprintf("is %d, but this program reads version %d of the format", s.Format, Version))
	}
	if len(s.Zones) == 0 {
		fail("zones", "is empty: there is at least one zone")
	}
	for _, zone := range s.Zones {
		if !isName(zone) {
			fail("zones", fmt.Sprintf("has %q: a name has only a-z, 0-9 and _", zone))
		}
	}
}

func (s *Service) excludes(key string) string {
	switch key {
	case "replicas", "cpus", "threads", "queue", "limit", "shed", "expired", "spread", "speed", "weights", "probes", "store":
		if s.External {
			return "an external service is somebody else's: it has no " + key + " of ours"
		}
		if key == "replicas" && s.Store != nil {
			return "the copies of a store are its replicas: set store.copies"
		}
	}
	return ""
}

func (s *Store) excludes(key string) string {
	switch {
	case (key == "w" || key == "r") && s.Ack != "quorum":
		return fmt.Sprintf("has a meaning only with ack: quorum, and ack is %s", s.Ack)
	case key == "reads" && s.Ack == "quorum":
		return "has no meaning with ack: quorum: reads ask r copies"
	case key == "lag" && s.Ack != "local":
		return fmt.Sprintf("has a meaning only with ack: local, and ack is %s", s.Ack)
	}
	return ""
}

func (s *Store) check(fail func(key, problem string)) {
	if s.Ack != "quorum" {
		return
	}
	for _, q := range []struct {
		key string
		n   int
	}{{"w", s.W}, {"r", s.R}} {
		if q.n > s.Copies {
			fail(q.key, fmt.Sprintf("is a quorum of %d, but there are only %d copies", q.n, s.Copies))
		}
	}
}

func (s *Stream) excludes(key string) string {
	switch {
	case (key == "rate" || key == "arrivals") && s.Users > 0 && s.Rate == 0:
		return "has no meaning for users, who call again when they have their answer and have thought"
	case (key == "users" || key == "think") && s.Users == 0 && s.Rate > 0:
		return "has no meaning for calls at a rate"
	}
	return ""
}

func (s *Stream) check(fail func(key, problem string)) {
	switch {
	case s.Rate == 0 && s.Users == 0:
		fail("", "needs a rate above 0/s, or users")
	case s.Rate > 0 && s.Users > 0:
		fail("users", "a stream has either a rate or users")
	}
	sum := 0.0
	for _, share := range s.Mix {
		sum += share.Share
	}
	if sum < 1-1e-9 || sum > 1+1e-9 {
		fail("mix", fmt.Sprintf("the shares sum to %s, expected 100%%", formatRatio(roundShare(sum))))
	}
}

// roundShare drops the last digits of a sum of decimal shares, which are not what was written.
func roundShare(sum float64) float64 { return float64(int64(float64(sum*1e8)+0.5)) / 1e8 }

func (r *Restart) check(fail func(key, problem string)) { checkBoot(r.Boot, fail) }

func (r *Replace) check(fail func(key, problem string)) { checkBoot(r.Boot, fail) }

func checkBoot(boot Length, fail func(key, problem string)) {
	if boot.Form != Fixed {
		fail("boot", fmt.Sprintf("is %v, expected one length of time, such as 20s: a boot does not vary", boot))
	}
}

func (a *Alert) check(fail func(key, problem string)) {
	if a.Preset == "" && len(a.Rules) == 0 {
		fail("", "needs a preset or rules")
	}
}

func (r *Rule) check(fail func(key, problem string)) {
	if r.Burn == 0 {
		fail("burn", "is 0x, needs a factor above that")
	}
	if r.Short > r.Long {
		fail("short", fmt.Sprintf("is %s, needs at most the long window of %s", formatDuration(r.Short), formatDuration(r.Long)))
	}
}

// faultKeys lists the keys that only some kinds of fault have.
var faultKeys = map[string][]string{
	"by":      {"slow", "deploy", "surge"},
	"errors":  {"errors", "slow", "deploy"},
	"loss":    {"loss"},
	"delay":   {"delay"},
	"offset":  {"clock"},
	"drift":   {"clock"},
	"from":    {"partition", "loss", "delay"},
	"one_way": {"partition", "loss", "delay"},
	"loses":   {"crash"},
	"lasts":   {"crash", "pause", "slow", "errors", "outage", "partition", "loss", "delay", "clock", "surge", "deploy", "lost_disk"},
}

func (f *Fault) excludes(key string) string {
	if kinds, some := faultKeys[key]; some && f.Kind != "" && !slices.Contains(kinds, f.Kind) {
		return fmt.Sprintf("has no meaning for the kind %s, only for %s", f.Kind, strings.Join(kinds, ", "))
	}
	return ""
}

func (f *Fault) check(fail func(key, problem string)) {
	set := 0
	for _, is := range []bool{f.At != nil, f.Every > 0, f.Rate.In > 0} {
		if is {
			set++
		}
	}
	if set != 1 {
		fail("", "needs exactly one of at (once), every (known) and rate (seen so often)")
	}
	if f.By == 0 {
		fail("by", "is 0x, needs a factor above that")
	}
	if f.Drift <= -1 {
		fail("drift", fmt.Sprintf("is %s: needs a clock that goes forward", formatRatio(f.Drift)))
	}
	switch f.Kind {
	case "", "crash", "lost_disk", "cache_flush": // healing ends their effect
	default:
		if !f.Lasts.UntilFixed && f.Lasts.Length.IsZero() {
			fail("", "needs lasts: how long the cause lasts, or until_fixed")
		}
	}
}

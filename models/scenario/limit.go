package scenario

import (
	"slices"
	"time"

	"github.com/nines-sim/nines/patterns/ratelimit"
)

// A Limit bounds how many calls are made in a time: of a caller, by each of its replicas for itself, or before a
// server, by each of the server's.
type Limit struct {
	Preset           string  `nines:"preset,preset"` // what a library does; the other keys change it
	Limit            Count   `nines:"rate"`          // so many calls in a time: 100/s, or 50 in 500ms
	Shared           *Shared `nines:"shared"`        // one limit for all replicas together; none: each has its own
	ratelimit.Config `nines:",inline"`
}

// A Shared limit is counted elsewhere, at a place that does not fail, for all replicas together.
type Shared struct {
	RoundTrip time.Duration `nines:"round_trip"`   // from a replica to the counter and back
	Sync      time.Duration `nines:"sync,none"`    // how often a replica tells of its calls and hears of the others'; it decides by what it knows, and together they may exceed the limit; none: it asks before every call, and waits for the answer
	Timeout   time.Duration `nines:"timeout,none"` // how long it waits for an answer
	FailOpen  bool          `nines:"fail_open"`    // a call goes ahead if no answer comes; false: it is rejected
}

// Envoy's ratelimit filter: timeout 20 ms, failure_mode_deny false. The round trip is our choice: a store in
// memory in the same zone.
func (s *Shared) defaults() {
	d := ratelimit.DefaultRemoteConfig()
	s.RoundTrip, s.Timeout, s.FailOpen = time.Millisecond, d.Timeout, d.FailOpen
}

func (s *Shared) excludes(key string) string {
	if s.Sync > 0 && (key == "timeout" || key == "fail_open") {
		return "has no meaning with sync, which waits for no answer"
	}
	return ""
}

// A token bucket for 100 calls a second that rejects at once is our choice: libraries leave the rate to their users.
func (l *Limit) defaults() { l.use(ratelimit.DefaultConfig()) }

func (l *Limit) presets() []Preset { return presets(ratelimit.Presets(), l.use) }

func (l *Limit) use(c ratelimit.Config) {
	if c.Wait < 0 {
		c.Wait = Unlimited
	}
	l.Config, l.Limit = c, Count{c.Limit, c.Period}
}

// settle gives what belongs to an algorithm to no other, and as much burst as the rate has.
func (l *Limit) settle(written func(key string) bool) {
	if !written("warm_up") && l.Algorithm != ratelimit.Warming {
		l.WarmUp = 0
	}
	switch {
	case written("burst"):
	case l.excludes("burst") != "":
		l.Burst = 0
	case l.Burst == 0, l.Burst == l.Config.Limit:
		l.Burst = l.Limit.N
	}
	switch {
	case written("cold"):
	case l.WarmUp == 0:
		l.Cold = 0
	case l.Cold == 0:
		l.Cold = ratelimit.GuavaWarmingUp().Cold
	}
	if !written("slack") && l.Algorithm != ratelimit.LeakyBucket {
		l.Slack = 0
	}
	if !written("count_rejected") && l.excludes("count_rejected") != "" {
		l.CountRejected = false
	}
	if !written("slow_reject") && l.Wait == 0 {
		l.SlowReject = false
	}
	l.Config.Limit, l.Period = l.Limit.N, l.Limit.In
}

func (l *Limit) excludes(key string) string {
	only := func(of ...ratelimit.Algorithm) string {
		if slices.Contains(of, l.Algorithm) {
			return ""
		}
		return "has no meaning with algorithm: " + l.Algorithm.String()
	}
	switch key {
	case "burst":
		if l.Algorithm == ratelimit.Warming && l.WarmUp > 0 {
			return "has no meaning with warm_up, which says how much is saved"
		}
		return only(ratelimit.TokenBucket, ratelimit.Refill, ratelimit.GCRA, ratelimit.Warming)
	case "slack":
		return only(ratelimit.LeakyBucket)
	case "warm_up":
		return only(ratelimit.Warming)
	case "cold":
		if l.Algorithm != ratelimit.Warming || l.WarmUp == 0 {
			return "has a meaning only with warm_up"
		}
	case "count_rejected":
		return only(ratelimit.SlidingLog, ratelimit.SlidingCounter)
	case "by_deadline", "slow_reject":
		if l.Shared != nil {
			return "has no meaning with shared"
		}
		if key == "slow_reject" && l.Wait == 0 {
			return "has a meaning only with wait"
		}
	}
	if (key == "wait" || key == "count_rejected") && l.Shared != nil && l.Shared.Sync > 0 {
		return "has no meaning with shared.sync"
	}
	return ""
}

func (l *Limit) check(fail func(key, problem string)) {
	if l.Limit.N == 0 {
		fail("rate", "is none: needs a call or more in a time")
		return
	}
	err := l.Of(false).Validate()
	if err == nil && l.Shared != nil && l.Shared.Sync > 0 {
		err = l.Synced(false).Validate()
	}
	checkConfig[Limit](err, fail)
}

// Of returns the configuration of a limit before a caller's calls, or before a server.
func (l *Limit) Of(server bool) ratelimit.Config {
	cfg := meant(l).Config
	cfg.Limit, cfg.Period, cfg.Server = l.Limit.N, l.Limit.In, server
	if cfg.Wait == Unlimited {
		cfg.Wait = -1
	}
	return cfg
}

// Synced returns the configuration of a shared limit that replicas synchronise.
func (l *Limit) Synced(server bool) ratelimit.SyncedConfig {
	return ratelimit.SyncedConfig{
		Algorithm: l.Algorithm, Limit: l.Limit.N, Period: l.Limit.In, Every: l.Shared.Sync,
		RetryAfter: l.RetryAfter, Server: server,
	}
}

// Remote returns the configuration of a shared limit that replicas ask.
func (l *Limit) Remote(server bool) ratelimit.RemoteConfig {
	shared := meant(l.Shared)
	return ratelimit.RemoteConfig{Timeout: shared.Timeout, FailOpen: shared.FailOpen, RetryAfter: l.RetryAfter, Server: server}
}

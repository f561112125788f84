package scenario

import (
	"fmt"
	"strings"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/cache"
	"github.com/nines-sim/nines/sim"
)

// A Cache keeps answers of an operation. A hit answers without the operation's calls.
type Cache struct {
	Keys         int           `nines:"keys,min=1,required"`          // different things asked for
	Popularity   Popularity    `nines:"popularity"`                   // how often each is asked for: all alike, or the k-th most popular as often as 1/k to the power of the exponent says
	TTL          time.Duration `nines:"ttl,none"`                     // how long an answer is kept, from when it was filled
	SoftTTL      time.Duration `nines:"soft_ttl,none"`                // from that age on, a call that gets the answer has it loaded anew in the background, once at a time
	TTLJitter    float64       `nines:"ttl_jitter,ratio,min=0,max=1"` // share of ttl and soft_ttl by which an answer's own are shorter, at random: from 0 to so much
	Early        float64       `nines:"early,factor,none,min=0"`      // a call loads an answer anew ahead of its end with a chance that grows towards it: on average so many times the length of a load ahead
	StaleIfError time.Duration `nines:"stale_if_error,none"`          // how long after ttl an answer is still given, as a degraded one, if the calls fail
	Negative     *Negative     `nines:"negative"`                     // failures kept too
	Size         int           `nines:"size,min=1,unlimited"`         // answers kept; the least recently used goes first
	Fill         string        `nines:"fill,one=in_time|always"`      // whether an answer that came after the caller gave up is kept too. in_time: it is not; always: it is
	SingleFlight bool          `nines:"single_flight"`                // one call for a key at a time from each replica; the others wait for it
	MaxLoad      time.Duration `nines:"max_load,none"`                // when a load that nobody need wait for is given up: with soft_ttl, single_flight or fill: always
	Per          string        `nines:"per,one=service|replica"`      // how many there are. service: one cache for all replicas; replica: one in each, which is empty after a restart
	Start        string        `nines:"start,one=warm|cold"`          // what it holds when the run begins. warm: answers of random ages, to all keys, or with a popularity as many as a long run leaves there, the most popular first; cold: nothing
}

// Five minutes, without a bound, is our choice. Nothing else is done unless it is written; early: 1x is what
// the authors of XFetch set (Vattani, Chierichetti, Lowenstein, VLDB 2015).
func (c *Cache) defaults() {
	c.TTL, c.Size, c.Fill, c.Per, c.Start = 5*time.Minute, Unlimited, "in_time", "service", "warm"
	c.MaxLoad = time.Minute
}

func (c *Cache) excludes(key string) string {
	switch key {
	case "ttl_jitter", "early", "stale_if_error":
		if c.TTL == 0 {
			return "has no meaning with ttl: none, where no answer ever ends"
		}
	}
	return ""
}

func (c *Cache) check(fail func(key, problem string)) {
	if c.TTL > 0 && c.SoftTTL > c.TTL {
		fail("soft_ttl", fmt.Sprintf("is %s, needs at most the ttl of %s", formatDuration(c.SoftTTL), formatDuration(c.TTL)))
	}
	if c.Early > 0 && c.SoftTTL > 0 {
		fail("early", "needs a cache without soft_ttl, which loads ahead of time too")
	}
}

// Of returns the configuration of the cache of that name.
func (c *Cache) Of(name string) cache.Config {
	sc, cfg := meant(c), cache.DefaultConfig()
	cfg.Name, cfg.Keys, cfg.TTL, cfg.SingleFlight = name, sc.Size, sc.TTL, sc.SingleFlight
	cfg.SoftTTL, cfg.Jitter, cfg.Early, cfg.StaleIfError, cfg.MaxLoad = sc.SoftTTL, sc.TTLJitter, sc.Early, sc.StaleIfError, sc.MaxLoad
	if cfg.Keys == Unlimited {
		cfg.Keys = sc.Keys
	}
	if cfg.TTL == 0 {
		cfg.TTL = time.Duration(sim.Never) / 2
	}
	if sc.Negative != nil {
		cfg.Negative, cfg.NegativeOn = sc.Negative.TTL, sc.Negative.On
	}
	if sc.Fill == "always" {
		cfg.Fill = cache.Late // for callers of the operation who give up; its own calls that come late fill it too
	}
	return cfg
}

// Negative keeps failures: until one has its time, nobody asks again for that key. A stale answer that is there
// (stale_if_error) is given meanwhile, and the failure otherwise.
type Negative struct {
	TTL time.Duration  `nines:"ttl,positive"` // how long a failure is kept
	On  patterns.Kinds `nines:"on"`           // kinds of failure that are, as the operation's own calls met them
}

// Ten seconds as the error caching of Amazon CloudFront and the negative cache of Java's name lookups; of what
// the callee itself answered with.
func (n *Negative) defaults() { n.TTL, n.On = 10*time.Second, patterns.KindsOf(patterns.Failed) }

func (n *Negative) check(fail func(key, problem string)) {
	if n.On == 0 {
		fail("on", "is empty: needs a kind of failure that is kept")
	}
}

// A Popularity is the exponent of Zipf's law; 0 makes all alike. Traces of web caches have 0.6 to 0.9 (L. Breslau
// and others, "Web Caching and Zipf-like Distributions", 1999), key-value stores are near 1.
type Popularity float64

func (p Popularity) String() string {
	if p == 0 {
		return "uniform"
	}
	return "zipf " + formatNumber(float64(p), 0)
}

const wantPopularity = "uniform, or zipf with its exponent, such as zipf 0.9"

// popularity reads a Popularity. It returns what is wrong with it, or "".
func popularity(n *node, into *Popularity) (problem string) {
	if n.kind == scalar && n.text == "uniform" {
		*into = 0
		return ""
	}
	word, exponent, _ := strings.Cut(n.text, " ")
	x, ok := parseNumber(strings.TrimSpace(exponent), 0)
	switch {
	case n.kind != scalar || word != "zipf" || !ok:
		return is(n, wantPopularity)
	case x <= 0 || x > 10:
		return fmt.Sprintf("is %s, need an exponent above 0, and at most 10", n.text)
	}
	*into = Popularity(x)
	return ""
}

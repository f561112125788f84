// Package cache answers from memory what was answered before.
package cache

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/lru"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// Fill says which answers fill a cache. It decides whether an overloaded store behind a cache
// recovers by itself, so it is never assumed.
type Fill uint8

// The ways to fill a cache.
const (
	InTime Fill = iota // answers that somebody still waits for: a load is given up with its last caller
	Late               // all answers: a load goes on when its caller has given up
	fills
)

var fillNames = [fills]string{"in_time", "late"}

func (f Fill) String() string {
	if f < fills {
		return fillNames[f]
	}
	return fmt.Sprintf("fill %d", uint8(f))
}

// Config says what a cache keeps and how it loads.
type Config struct {
	Name         string        // who answers: "profiles cache"
	Keys         int           // how many answers it keeps; the one used longest ago goes first; 0: none
	TTL          time.Duration // how long an answer is fresh; 0: never
	SoftTTL      time.Duration // from that age on, who gets it also has it loaded anew in the background; 0: not
	Jitter       float64       // share of both by which an answer's own are shorter, at random: from 0 to so much
	Early        float64       // how far ahead of its end an answer is loaded anew, in times that a load takes; 0: not
	StaleIfError time.Duration // how long after TTL it is still given if loading fails; 0: not
	Negative     time.Duration // how long after a failed load nobody loads again; 0: not at all
	NegativeOn   patterns.Kinds
	Fill         Fill
	SingleFlight bool          // callers in one client that miss the same key share one load
	MaxLoad      time.Duration // when a load that has left its caller is given up (Late, SingleFlight, SoftTTL); 0: never
}

// DefaultConfig returns 10,000 keys for five minutes, filled in time, each miss with a load of its
// own: what a map with expiry and a plain call on a miss do. Of failures, those that the server itself
// answered with are worth keeping, once Negative says for how long.
func DefaultConfig() Config {
	return Config{
		Name: "cache", Keys: 10_000, TTL: 5 * time.Minute, MaxLoad: time.Minute,
		NegativeOn: patterns.KindsOf(patterns.Failed),
	}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("cache")
	f.Need(c.Keys >= 0, "Keys", c.Keys, "0 or more")
	f.Need(c.TTL >= 0, "TTL", c.TTL, "0 or more")
	f.Need(c.SoftTTL >= 0 && c.SoftTTL <= max(c.TTL, 0), "SoftTTL", c.SoftTTL, "0 to TTL")
	f.Need(c.Jitter >= 0 && c.Jitter <= 1, "Jitter", c.Jitter, "0 to 1")
	f.Need(c.Early >= 0, "Early", c.Early, "0 or more")
	f.Need(c.Early == 0 || c.SoftTTL == 0, "Early", c.Early, "0 beside a SoftTTL, which asks ahead of time too")
	f.Need(c.StaleIfError >= 0, "StaleIfError", c.StaleIfError, "0 or more")
	f.Need(c.Negative >= 0, "Negative", c.Negative, "0 or more")
	f.Need(c.Negative <= 0 || c.NegativeOn != 0, "NegativeOn", "no kind", "at least one beside Negative")
	f.Need(c.Fill < fills, "Fill", c.Fill, "in_time or late")
	f.Need(c.MaxLoad >= 0, "MaxLoad", c.MaxLoad, "0 or more")
	return f.Err()
}

// Counts says what a [Cache] did so far. Every call is a hit, or is answered by a failure that is
// kept, or starts a load, or joins one.
type Counts struct {
	Hits      uint64 // calls answered by a fresh answer
	Negative  uint64 // calls that did not load because a load had failed a short time ago
	Loads     uint64 // loads started for a caller
	Joined    uint64 // calls that waited for a load that another had started
	Early     uint64 // calls that loaded, or joined a load, ahead of the end of a fresh answer
	Refreshed uint64 // loads started in the background, for no caller
	Rescued   uint64 // calls whose load failed, or had failed, and that were answered from memory all the same
	Late      uint64 // answers that came when nobody waited any more, and were kept
	Evicted   uint64 // answers forgotten to make room
}

// Plus returns what two caches did together.
func (n Counts) Plus(m Counts) Counts {
	return Counts{
		n.Hits + m.Hits, n.Negative + m.Negative, n.Loads + m.Loads, n.Joined + m.Joined, n.Early + m.Early,
		n.Refreshed + m.Refreshed, n.Rescued + m.Rescued, n.Late + m.Late, n.Evicted + m.Evicted,
	}
}

// A Key is what answers are kept by.
type Key struct {
	Op  string
	Key uint64
}

// KeyOf returns the key of a request.
func KeyOf(req patterns.Request) Key { return Key{req.Op, req.Key} }

// A State says how good the answer is that a cache has.
type State uint8

// The states of an answer. It goes through them in this order.
const (
	Fresh  State = iota // as good as a new one
	Aging               // as good, but time to ask for a new one: older than SoftTTL
	Stale               // only if there is no other
	Absent              // there is none
)

// A Cache answers from memory what was answered before.
//
//	fresh ──SoftTTL──▶ aging ──TTL──▶ stale ──StaleIfError───▶ absent
//	  ▲                  │              │                        │
//	  └─loaded in the background        └───loaded by a caller───┘
//
// It protects callers from latency, and the store behind it from load that the store, in time,
// can no longer bear without it: a cache that is lost or cold sends it all of that load at once.
// It pays with answers that may be TTL old.
//
// An answer that many ask for expires for all of them at once, and all load it. Four settings spread or
// spare these loads: SingleFlight loads once; SoftTTL loads once and lets nobody wait; Jitter lets answers
// that were filled together expire apart; Early lets one caller or another load a little too soon,
// so that the others never miss (see [Cache.Early]). None helps against loads of many different keys.
//
// A failure can be kept too (Negative): until then nobody asks for that key again, which spares a store
// that is in trouble, and keeps callers from an answer that it may have by now. A stale answer that is
// there is given meanwhile.
//
// Clients that share a cache do not share loads: each sees to its own, in the background too.
//
// If a load never ends, its callers wait as long as they would without a cache. A load that is
// shared, or goes on when its caller has given up, runs in a process of the caller's group
// that no caller's deadline binds; MaxLoad ends it. Timeouts and retries inside the cache bind
// loads, those around it bind callers: a late answer fills the cache only if no timeout inside has
// stopped waiting for it.
type Cache struct {
	cfg      Config
	luck     sim.Keyed // of Jitter and Early
	what     string    // the name of its loads' processes
	answers  *lru.Map[Key, answer]
	failures *lru.Map[Key, failure] // nil unless they are kept
	loads    map[flight]*load       // under way, to be joined
	counts   Counts
}

// An answer is fresh until soft, aging until hard, stale until stale.
type answer struct {
	resp              patterns.Response
	soft, hard, stale sim.Time
	took              time.Duration // to load it
}

type failure struct {
	err   *patterns.Error
	until sim.Time
}

// New returns an empty cache with luck of its own. It panics if the configuration is not valid.
func New(cfg Config, luck sim.Keyed) *Cache {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	c := &Cache{
		cfg: cfg, luck: luck, what: "load of " + cfg.Name,
		answers: lru.New[Key, answer](cfg.Keys),
		loads:   make(map[flight]*load),
	}
	if cfg.Negative > 0 {
		c.failures = lru.New[Key, failure](cfg.Keys)
	}
	return c
}

// Lookup returns the answer that the cache has for key at now.
func (c *Cache) Lookup(now sim.Time, key Key) (patterns.Response, State) {
	kept, ok := c.answers.Get(key)
	switch {
	case !ok || now >= kept.stale:
		return patterns.Response{}, Absent
	case now >= kept.hard:
		return kept.resp, Stale
	case now >= kept.soft:
		return kept.resp, Aging
	default:
		return kept.resp, Fresh
	}
}

// Early reports whether a call at now, with luck of its own, is to load anew an answer that is fresh:
// if now - took × Early × log(luck) is not before its end, where took is how long the answer took to
// load. So a load begins took × Early ahead on average, and the more callers there are, the more surely
// it is one of them alone (XFetch: A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic
// Cache Stampede Prevention", VLDB 2015, figure 3; Early is its beta, which they set to 1).
func (c *Cache) Early(now sim.Time, key Key, luck *sim.Stream) bool {
	if c.cfg.Early == 0 {
		return false
	}
	kept, ok := c.answers.Get(key)
	ahead := float64(float64(kept.took)*c.cfg.Early) * -dist.Log(1-luck.Float64())
	return ok && now.Add(time.Duration(min(ahead, 1<<62))) >= kept.hard
}

// Failure returns the failure that the cache has kept for key, or nil.
func (c *Cache) Failure(now sim.Time, key Key) *patterns.Error {
	if c.failures == nil {
		return nil
	}
	if kept, ok := c.failures.Get(key); ok && now < kept.until {
		return kept.err
	}
	return nil
}

// Store keeps an answer that came at now and took so long to load, in place of an older one and of
// failures. A degraded one is not kept.
func (c *Cache) Store(now sim.Time, key Key, resp patterns.Response, took time.Duration) {
	if resp.Degraded {
		return
	}
	kept := answer{resp: resp, hard: now.Add(c.cfg.TTL), took: took}
	soft := c.cfg.SoftTTL
	if soft == 0 {
		soft = c.cfg.TTL
	}
	kept.soft = now.Add(soft)
	if c.cfg.Jitter > 0 {
		luck := c.luck.At(sim.Mix(key.Key, uint64(now)))
		less := float64(c.cfg.Jitter * luck.Float64())
		kept.soft = kept.soft.Add(-time.Duration(float64(less * float64(soft))))
		kept.hard = kept.hard.Add(-time.Duration(float64(less * float64(c.cfg.TTL))))
	}
	kept.stale = kept.hard.Add(c.cfg.StaleIfError)
	if c.failures != nil {
		c.failures.Delete(key)
	}
	if c.answers.Put(key, kept) {
		c.counts.Evicted++
	}
}

// StoreLate keeps an answer as Store does that came when nobody waited for it any more.
func (c *Cache) StoreLate(now sim.Time, key Key, resp patterns.Response, took time.Duration) {
	if !resp.Degraded {
		c.counts.Late++
	}
	c.Store(now, key, resp, took)
}

// Fail keeps a failure that came at now, if it is of a kind that is kept.
func (c *Cache) Fail(now sim.Time, key Key, err error) {
	if c.failures == nil || !c.cfg.NegativeOn.Match(err) {
		return
	}
	e := err.(*patterns.Error)
	again := &patterns.Error{Kind: e.Kind, Layer: "cache", RetryAfter: e.RetryAfter, Cause: e}
	c.failures.Put(key, failure{again, now.Add(c.cfg.Negative)})
}

// Flush forgets all answers and failures. Loads that are under way go on.
func (c *Cache) Flush() {
	c.answers.Clear()
	if c.failures != nil {
		c.failures.Clear()
	}
}

// Len returns how many answers are kept, fresh or not.
func (c *Cache) Len() int { return c.answers.Len() }

// Counts returns what happened so far.
func (c *Cache) Counts() Counts { return c.counts }

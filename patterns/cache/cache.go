// Package cache answers from memory what was answered before.
package cache

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/lru"
	"github.com/nines-sim/nines/sim"
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
	StaleIfError time.Duration // how long after that it is still given if loading fails; 0: not
	Fill         Fill
	SingleFlight bool          // callers that miss the same key share one load
	MaxLoad      time.Duration // when a load that has left its caller is given up (Late or SingleFlight); 0: never
}

// DefaultConfig returns 10,000 keys for five minutes, filled in time, each miss with a load of its
// own: what a map with expiry and a plain call on a miss do.
func DefaultConfig() Config {
	return Config{Name: "cache", Keys: 10_000, TTL: 5 * time.Minute, MaxLoad: time.Minute}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("cache")
	f.Need(c.Keys >= 0, "Keys", c.Keys, "0 or more")
	f.Need(c.TTL >= 0, "TTL", c.TTL, "0 or more")
	f.Need(c.StaleIfError >= 0, "StaleIfError", c.StaleIfError, "0 or more")
	f.Need(c.Fill < fills, "Fill", c.Fill, "in_time or late")
	f.Need(c.MaxLoad >= 0, "MaxLoad", c.MaxLoad, "0 or more")
	return f.Err()
}

// Counts says what a [Cache] did so far. Every call is a hit, or it starts a load, or joins one.
type Counts struct {
	Hits    uint64 // calls answered by a fresh answer
	Loads   uint64 // loads started
	Joined  uint64 // calls that waited for a load that another had started
	Rescued uint64 // calls whose load failed and that were answered from memory all the same
	Late    uint64 // answers that came when nobody waited any more, and were kept
	Evicted uint64 // answers forgotten to make room
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

// The states of an answer.
const (
	Absent State = iota // there is none
	Fresh               // as good as a new one
	Stale               // only if there is no other
)

// A Cache answers from memory what was answered before.
//
// It protects callers from latency, and the store behind it from load that the store, in time,
// can no longer bear without it: a cache that is lost or cold sends it all of that load at once.
// It pays with answers that may be TTL old.
//
// If a load never ends, its callers wait as long as they would without a cache. A load that is
// shared, or goes on when its caller has given up, runs in a process of the caller's group
// that no caller's deadline binds; MaxLoad ends it. Timeouts and retries inside the cache bind
// loads, those around it bind callers: a late answer fills the cache only if no timeout inside has
// stopped waiting for it.
type Cache struct {
	cfg     Config
	what    string // the name of its loads' processes
	answers *lru.Map[Key, answer]
	loads   map[Key]*load // under way, shared by single flight
	counts  Counts
}

type answer struct {
	resp patterns.Response
	at   sim.Time
}

// New returns an empty cache. It panics if the configuration is not valid.
func New(cfg Config) *Cache {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Cache{
		cfg: cfg, what: "load of " + cfg.Name,
		answers: lru.New[Key, answer](cfg.Keys),
		loads:   make(map[Key]*load),
	}
}

// Lookup returns the answer that the cache has for key at now.
func (c *Cache) Lookup(now sim.Time, key Key) (patterns.Response, State) {
	kept, ok := c.answers.Get(key)
	age := now.Sub(kept.at)
	switch {
	case !ok || age >= c.cfg.TTL+c.cfg.StaleIfError:
		return patterns.Response{}, Absent
	case age >= c.cfg.TTL:
		return kept.resp, Stale
	default:
		return kept.resp, Fresh
	}
}

// Store keeps an answer that came at now. A degraded one is not kept.
func (c *Cache) Store(now sim.Time, key Key, resp patterns.Response) {
	if resp.Degraded {
		return
	}
	if c.answers.Put(key, answer{resp, now}) {
		c.counts.Evicted++
	}
}

// Flush forgets all answers. Loads that are under way go on.
func (c *Cache) Flush() { c.answers.Clear() }

// Len returns how many answers are kept, fresh or not.
func (c *Cache) Len() int { return c.answers.Len() }

// Counts returns what happened so far.
func (c *Cache) Counts() Counts { return c.counts }

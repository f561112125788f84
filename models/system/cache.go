package system

import (
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/cache"
	"github.com/nines-sim/nines/sim"
)

// An opCache is a cache of an operation: one for all replicas, or one in each.
type opCache struct {
	op      *op
	replica int // whose it is; -1: everybody's
	*cache.Cache
}

// cacheFor returns the cache that a replica uses for an operation. One of the replica's own is new
// at each start, and empty after the first.
func (svc *service) cacheFor(o *op, replica int) *cache.Cache {
	if o.Cache.Per == "service" {
		replica = -1
	}
	for _, c := range svc.caches {
		if c.op == o && c.replica == replica {
			if replica >= 0 {
				c.Cache = newCache(o)
			}
			return c.Cache
		}
	}
	c := &opCache{o, replica, newCache(o)}
	if o.Cache.Start == "warm" {
		c.warm(svc.sys.s)
	}
	svc.caches = append(svc.caches, c)
	return c.Cache
}

func newCache(o *op) *cache.Cache {
	cfg := cache.DefaultConfig()
	cfg.Name, cfg.Keys, cfg.TTL, cfg.SingleFlight = o.name+" cache", o.Cache.Size, o.Cache.TTL, o.Cache.SingleFlight
	if cfg.Keys == scenario.Unlimited {
		cfg.Keys = o.Cache.Keys
	}
	if cfg.TTL == 0 {
		cfg.TTL = time.Duration(sim.Never) / 2
	}
	if o.Cache.Fill == "always" {
		cfg.Fill = cache.Late
	}
	return cache.New(cfg)
}

// warm fills the cache as if it had been in use for long: all keys, at ages spread over the time to
// live.
func (c *opCache) warm(s *sim.Simulation) {
	ages := s.Keyed("warm/" + c.op.name + "/" + string(rune('0'+c.replica+1)))
	for key := range uint64(c.op.Cache.Keys) {
		luck := ages.At(key)
		age := sim.Time(float64(luck.Float64() * float64(c.op.Cache.TTL)))
		c.Store(-age, cache.KeyOf(patterns.Request{Op: c.op.Name, Key: key}), patterns.Response{From: c.op.name})
	}
}

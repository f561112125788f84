package system

import (
	"slices"
	"strconv"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
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

// behindCache returns the steps of an operation of one replica, behind its cache.
func (svc *service) behindCache(o *op, replica int) patterns.Call {
	m, c := svc.members[replica], svc.cacheFor(o, replica)
	clients := m.clients
	if callee, ok := o.onlyCallee(); ok && o.Cache.Fill == "always" {
		clients = slices.Clone(clients)
		via := keepLate(svc.sys, m, o, c)
		clients[callee] = svc.sys.clientVia(via, svc.Name(), svc.callees[callee], m.Machine().Host(), m.Group())
	}
	return c.Wrap(func(p *sim.Process, req patterns.Request) (resp patterns.Response, err error) {
		resp.Degraded, err = o.run(p, clients, &req)
		return resp, err
	})
}

// onlyCallee returns whom an operation calls, if that is all it does: then the callee's answer is
// the operation's own.
func (o *op) onlyCallee() (callee int, ok bool) {
	if len(o.steps) != 1 || o.steps[0].callee < 0 || o.steps[0].times != 1 || o.steps[0].share < 1 {
		return -1, false
	}
	return o.steps[0].callee, true
}

// keepLate is a way for the calls of one life of a replica whose late answers are kept: those that come
// when the attempt that asked for them has been given up. Nobody is told of that, whatever timeouts say.
func keepLate(sys *System, m *member, o *op, c *cache.Cache) *nodes.Transport {
	via := network.NewTransport[patterns.Request, patterns.Response](sys.net)
	life := m.Group().Incarnation()
	via.OnLate = func(q patterns.Request, a patterns.Response) {
		if m.Up() && m.Group().Incarnation() == life {
			now := sys.s.Now()
			c.Store(now, cache.KeyOf(patterns.Request{Op: o.Op.Name, Key: q.Key}), a, now.Sub(q.Intended))
		}
	}
	return via
}

func newCache(o *op) *cache.Cache {
	cfg := cache.DefaultConfig()
	cfg.Name, cfg.Keys, cfg.TTL, cfg.SingleFlight = o.name()+" cache", o.Cache.Size, o.Cache.TTL, o.Cache.SingleFlight
	if cfg.Keys == scenario.Unlimited {
		cfg.Keys = o.Cache.Keys
	}
	if cfg.TTL == 0 {
		cfg.TTL = time.Duration(sim.Never) / 2
	}
	if o.Cache.Fill == "always" {
		cfg.Fill = cache.Late // for callers of the operation who give up; see keepLate for its own calls
	}
	return cache.New(cfg, o.cached)
}

// warm fills the cache as if it had been in use for long: all keys, at ages spread over the time to
// live.
func (c *opCache) warm(s *sim.Simulation) {
	ages := s.Keyed("warm/" + c.op.name() + "/" + strconv.Itoa(c.replica+1))
	for key := range uint64(c.op.Cache.Keys) {
		luck := ages.At(key)
		age := sim.Time(float64(luck.Float64() * float64(c.op.Cache.TTL)))
		c.Store(-age, cache.KeyOf(patterns.Request{Op: c.op.Op.Name, Key: key}), patterns.Response{From: c.op.name()}, 0)
	}
}

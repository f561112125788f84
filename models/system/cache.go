package system

import (
	"slices"
	"strconv"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/cache"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// An opCache is a cache of an operation: one for all replicas, or one in each.
type opCache struct {
	op      *op
	replica int // whose it is; -1: everybody's
	*cache.Cache
	past cache.Counts // of former lives
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
				c.past = c.past.Plus(c.Counts())
				c.Cache = newCache(o)
			}
			return c.Cache
		}
	}
	c := &opCache{op: o, replica: replica, Cache: newCache(o)}
	if o.Cache.Start == "warm" {
		c.warm(svc)
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
	steps := func(p *sim.Process, req patterns.Request) (resp patterns.Response, err error) {
		resp.Degraded, err = o.run(p, clients, &req)
		return resp, err
	}
	if o.Cache.Negative == nil {
		return c.Wrap(steps)
	}
	return o.asOne(c.Wrap(o.asMet(steps)))
}

// asMet returns the steps with the kind of failure that they met, which says what can be kept: that of an
// operation whose step failed is always that it failed. asOne is the way back.
func (o *op) asMet(steps patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		resp, err := steps(p, req)
		if e, failed := err.(*patterns.Error); failed {
			if met, ok := e.Cause.(*patterns.Error); ok {
				err = &patterns.Error{Kind: met.Kind, Layer: e.Layer, Maybe: e.Maybe, Cause: met}
			}
		}
		return resp, err
	}
}

func (o *op) asOne(cached patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		resp, err := cached(p, req)
		if e, failed := err.(*patterns.Error); failed {
			err = &patterns.Error{Kind: patterns.Failed, Layer: o.service, Maybe: e.Maybe, Cause: e}
		}
		return resp, err
	}
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
			c.StoreLate(now, cache.KeyOf(patterns.Request{Op: o.Op.Name, Key: q.Key}), a, max(0, now.Sub(q.Intended)))
		}
	}
	return via
}

func newCache(o *op) *cache.Cache {
	return cache.New(o.Cache.Of(o.name()+" cache"), o.cached)
}

// warm fills the cache as if it had been in use for long, at ages spread over an answer's life: with all
// things that have room if all are as popular, else with those that a long run leaves there, the most popular
// first.
func (c *opCache) warm(svc *service) {
	sc := c.op.Cache
	room := min(sc.Size, sc.Keys)
	first, last := sc.Keys-room, sc.Keys
	var there func(thing int) bool
	if sc.Popularity > 0 {
		first, there = 0, c.inUse(svc)
	}
	life := sc.TTL
	if sc.SoftTTL > 0 {
		life = sc.SoftTTL
	}
	ages := svc.sys.s.Keyed("warm/" + c.op.name() + "/" + strconv.Itoa(c.replica+1))
	var things []uint64
	for thing := first; thing < last && len(things) < room; thing++ {
		if there == nil || there(thing) {
			things = append(things, uint64(thing))
		}
	}
	if there != nil {
		slices.Reverse(things) // the most popular was used last
	}
	for _, thing := range things {
		luck, key, state := ages.At(thing), cache.KeyOf(patterns.Request{Op: c.op.Op.Name, Key: thing}), cache.Absent
		for state != cache.Fresh { // at once, but for a life that luck has made shorter than the age
			age := sim.Time(float64(luck.Float64() * float64(life)))
			c.Store(-age, key, patterns.Response{From: c.op.name()}, 0)
			_, state = c.Lookup(0, key)
		}
	}
}

// inUse draws which things a long run leaves in the cache. One that is asked for at a rate is there for a life, and
// then away until the next call: a share life / (life + 1 / rate) of the time.
func (c *opCache) inUse(svc *service) func(thing int) bool {
	sc := c.op.Cache
	rate, life := svc.sys.sc.Rates()[c.op.name()], sc.Life().Seconds()
	if sc.Per == "replica" {
		rate /= float64(len(svc.members))
	}
	weight := func(thing int) float64 { return dist.Pow(float64(thing+1), -float64(sc.Popularity)) }
	total := 0.0
	for thing := range sc.Keys {
		total += weight(thing)
	}
	luck := svc.sys.s.Keyed("in use/" + c.op.name() + "/" + strconv.Itoa(c.replica+1))
	return func(thing int) bool {
		lives := float64(rate*life) * (weight(thing) / total) // calls in a life
		draw := luck.At(uint64(thing))
		return life == 0 || draw.Chance(1-1/(1+lives))
	}
}

// A CacheUse is what the caches of an operation did over a run, warm-up included.
type CacheUse struct {
	Cache     string `json:"cache"`     // of which operation
	Hits      uint64 `json:"hits"`      // calls answered at once
	Misses    uint64 `json:"misses"`    // calls that waited for a load
	Joined    uint64 `json:"joined"`    // misses that waited for the load of another
	Early     uint64 `json:"early"`     // misses ahead of the end of an answer that was there
	Stale     uint64 `json:"stale"`     // calls answered from memory since loading had failed
	Negative  uint64 `json:"negative"`  // calls that did not load since loading had failed before
	Refreshed uint64 `json:"refreshed"` // loads in the background
	Late      uint64 `json:"late"`      // answers kept that nobody waited for any more
	Evicted   uint64 `json:"evicted"`   // answers forgotten to make room
}

func (sys *System) cacheUse() (list []CacheUse) {
	for _, svc := range sys.services {
		for _, o := range svc.ops {
			if o.Cache == nil {
				continue
			}
			var n cache.Counts
			for _, c := range svc.caches {
				if c.op == o {
					n = n.Plus(c.past).Plus(c.Counts())
				}
			}
			list = append(list, CacheUse{
				o.name(), n.Hits, n.Loads + n.Joined, n.Joined, n.Early, n.Rescued, n.Negative, n.Refreshed, n.Late, n.Evicted,
			})
		}
	}
	return list
}

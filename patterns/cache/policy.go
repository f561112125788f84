package cache

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Wrap returns next behind this cache. A hit takes no time. Ages are counted on the kernel's
// clock, as if on a monotonic one.
func (c *Cache) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		key, now := KeyOf(req), p.Sim().Now()
		resp, state := c.Lookup(now, key)
		wanted := state != Fresh || c.early(now, &req) // a new answer
		var failure *patterns.Error
		if wanted {
			failure = c.Failure(now, key)
		}
		switch {
		case state == Aging, state == Fresh && (!wanted || failure != nil):
			c.counts.Hits++
			if wanted && failure == nil {
				c.refresh(p, req, next)
			}
			resp.From = c.cfg.Name
			return resp, nil
		case failure == nil && state == Fresh:
			c.counts.Early++
		}
		var err error
		if failure != nil {
			c.counts.Negative++
			err = failure
		} else {
			resp, err = c.load(p, req, next)
		}
		if _, failed := err.(*patterns.Error); failed {
			if kept, state := c.Lookup(p.Sim().Now(), key); state != Absent { // fresh if another load has filled it meanwhile
				c.counts.Rescued++
				kept.From, kept.Degraded = c.cfg.Name, state == Stale
				return kept, nil
			}
		}
		return resp, err
	}
}

// early lets a call draw whether it loads ahead of time.
func (c *Cache) early(now sim.Time, req *patterns.Request) bool {
	if c.cfg.Early == 0 {
		return false
	}
	luck := c.luck.At(sim.Mix(req.ID, uint64(req.Attempt)))
	return c.Early(now, KeyOf(*req), &luck)
}

// load gets an answer for a request that is to have a new one.
func (c *Cache) load(p *sim.Process, req patterns.Request, next patterns.Call) (patterns.Response, error) {
	if c.cfg.SingleFlight {
		if l := c.loads[flightOf(p, req)]; l != nil {
			c.counts.Joined++
			return l.wait(p)
		}
	}
	c.counts.Loads++
	if c.cfg.SingleFlight || c.cfg.Fill == Late {
		return c.detach(p, req, next, c.cfg.SingleFlight).wait(p)
	}
	began := p.Sim().Now()
	resp, err := next(p, req)
	if now := p.Sim().Now(); err == nil {
		c.Store(now, KeyOf(req), resp, now.Sub(began))
	} else {
		c.Fail(now, KeyOf(req), err)
	}
	return resp, err
}

// refresh loads an answer for nobody in particular, unless that is being done.
func (c *Cache) refresh(p *sim.Process, req patterns.Request, next patterns.Call) {
	if c.loads[flightOf(p, req)] == nil {
		c.counts.Refreshed++
		c.detach(p, req, next, true).refreshes = true
	}
}

// A flight is what a load can be joined by: the key, and one life of a client.
type flight struct {
	Key
	client *sim.Group
	life   uint64
}

func flightOf(p *sim.Process, req patterns.Request) flight {
	return flight{KeyOf(req), p.Group(), p.Group().Incarnation()}
}

// A load is a call in a process of its own, so that it can outlive the caller who started it.
type load struct {
	c     *Cache
	req   patterns.Request
	next  patterns.Call
	as    flight
	began sim.Time
	scope sim.Scope   // around the call, once it has begun
	ended *sim.Signal // callers wait for it

	refreshes bool // it is made for nobody, and kept all the same
	abandoned bool // the last caller left, and the answer would not be kept
	done      bool
	resp      patterns.Response
	err       error
}

var (
	errStopped = &patterns.Error{Kind: patterns.Reset, Layer: "cache", Maybe: true}
	errTooLong = &patterns.Error{Kind: patterns.Timeout, Layer: "cache", Maybe: true}
)

// detach starts a load in the group of p. The deadline of the request stays behind: it is the
// caller's, not the load's.
func (c *Cache) detach(p *sim.Process, req patterns.Request, next patterns.Call, joinable bool) *load {
	req.Deadline = 0
	l := &load{c: c, req: req, next: next, as: flightOf(p, req), began: p.Sim().Now(), ended: sim.NewSignal(p.Sim(), c.what)}
	if joinable {
		c.loads[l.as] = l
	}
	p.Group().Spawn(c.what, runLoad, l)
	return l
}

func runLoad(p *sim.Process, arg any) { arg.(*load).run(p) }

// run makes the call.
func (l *load) run(p *sim.Process) {
	if l.abandoned {
		return
	}
	l.err = errStopped // unless the call comes back: a killed process is unwound
	defer l.end(p)
	if limit := l.c.cfg.MaxLoad; limit > 0 {
		l.scope = p.WithTimeout(limit)
	} else {
		l.scope = p.WithCancel()
	}
	resp, err := l.next(p, l.req)
	if err != nil && l.scope.Ended(err) {
		err = errTooLong
	}
	l.resp, l.err = resp, err
	l.scope.Close()
}

// end keeps what came of it and wakes those who wait for it.
func (l *load) end(p *sim.Process) {
	l.done = true
	l.leaveTable()
	if late := l.ended.Waiting() == 0 && !l.refreshes; !late || l.c.cfg.Fill == Late {
		l.keep(p.Sim().Now(), late)
	}
	l.ended.Broadcast()
}

// keep keeps what came of the load.
func (l *load) keep(now sim.Time, late bool) {
	switch {
	case l.err == nil && late:
		l.c.StoreLate(now, l.as.Key, l.resp, now.Sub(l.began))
	case l.err == nil:
		l.c.Store(now, l.as.Key, l.resp, now.Sub(l.began))
	case l.err != errStopped: // which says nothing about the store
		l.c.Fail(now, l.as.Key, l.err)
	}
}

// wait waits for the load as long as p's own scopes allow.
func (l *load) wait(p *sim.Process) (patterns.Response, error) {
	defer func() { // a killed caller is unwound
		if !l.done && l.ended.Waiting() == 0 && !l.refreshes && l.c.cfg.Fill == InTime {
			l.abandon()
		}
	}()
	for !l.done {
		if err := l.ended.Wait(p); err != nil {
			return patterns.Response{}, err
		}
	}
	return l.resp, l.err
}

// abandon gives the load up: whoever asks next starts another.
func (l *load) abandon() {
	l.abandoned = true
	l.leaveTable()
	l.scope.Cancel(nil)
}

func (l *load) leaveTable() {
	if l.c.loads[l.as] == l {
		delete(l.c.loads, l.as)
	}
}

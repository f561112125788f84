package cache

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Wrap returns next behind this cache. A hit takes no time. Ages are counted on the kernel's
// clock, as if on a monotonic one.
func (c *Cache) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		key := KeyOf(req)
		if resp, state := c.Lookup(p.Sim().Now(), key); state == Fresh {
			c.counts.Hits++
			resp.From = c.cfg.Name
			return resp, nil
		}
		resp, err := c.load(p, req, next)
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

// load gets an answer for a request that missed.
func (c *Cache) load(p *sim.Process, req patterns.Request, next patterns.Call) (patterns.Response, error) {
	if c.cfg.SingleFlight {
		if l := c.loads[KeyOf(req)]; l != nil {
			c.counts.Joined++
			return l.wait(p)
		}
	}
	c.counts.Loads++
	if c.cfg.SingleFlight || c.cfg.Fill == Late {
		return c.detach(p, req, next).wait(p)
	}
	resp, err := next(p, req)
	if err == nil {
		c.Store(p.Sim().Now(), KeyOf(req), resp)
	}
	return resp, err
}

// A load is a call in a process of its own, so that it can outlive the caller who started it.
type load struct {
	c     *Cache
	req   patterns.Request
	next  patterns.Call
	scope sim.Scope   // around the call, once it has begun
	ended *sim.Signal // callers wait for it

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
func (c *Cache) detach(p *sim.Process, req patterns.Request, next patterns.Call) *load {
	req.Deadline = 0
	l := &load{c: c, req: req, next: next, ended: sim.NewSignal(p.Sim(), c.what)}
	if c.cfg.SingleFlight {
		c.loads[KeyOf(req)] = l
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

// end keeps the answer and wakes those who wait for it.
func (l *load) end(p *sim.Process) {
	l.done = true
	l.leaveTable()
	if late := l.ended.Waiting() == 0; l.err == nil && (!late || l.c.cfg.Fill == Late) {
		if late {
			l.c.counts.Late++
		}
		l.c.Store(p.Sim().Now(), KeyOf(l.req), l.resp)
	}
	l.ended.Broadcast()
}

// wait waits for the load as long as p's own scopes allow.
func (l *load) wait(p *sim.Process) (patterns.Response, error) {
	defer func() { // a killed caller is unwound
		if !l.done && l.ended.Waiting() == 0 && l.c.cfg.Fill == InTime {
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
	if key := KeyOf(l.req); l.c.loads[key] == l {
		delete(l.c.loads, key)
	}
}

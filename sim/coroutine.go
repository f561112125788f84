package sim

import "iter"

// A coroutine runs the bodies of processes, one after another. Control goes from any one to any
// other by [Simulation.transfer]; the driver is the one that runs the user's function and every callback.
type coroutine struct {
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	p       *Process   // whose body it runs; nil if idle
	home    *coroutine // who waits for the end of p, having killed it; nil: nobody
	resumed bool       // it runs, or has resumed one that does
}

// transfer gives control from one coroutine to another, and returns when from has it back.
//
// Go's coroutines have a caller each, to which they yield. So a transfer resumes its target; or, if the
// target is among the callers, control goes back down to it, step by step. Every resumption is
// gone back once, so a transfer costs two switches at most, and mostly one.
func (s *Simulation) transfer(from, to *coroutine) {
	for to != from {
		if to.resumed {
			s.yield(from, to)
			break
		}
		to.resumed = true
		to.next()
		to = s.target
	}
	s.on = from
}

// yield gives control to the caller of a coroutine, which passes it on to another.
func (s *Simulation) yield(from, to *coroutine) (more bool) {
	s.target, from.resumed = to, false
	return from.yield(struct{}{})
}

// coroutine returns an idle coroutine.
func (w *Worker) coroutine() *coroutine {
	if n := len(w.coroutines); n > 0 {
		c := w.coroutines[n-1]
		w.coroutines = w.coroutines[:n-1]
		return c
	}
	c := new(coroutine)
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for c.live() {
		}
	})
	return c
}

// live runs the process that the coroutine was given, and gives control on. It reports false when
// the worker closes.
func (c *coroutine) live() (more bool) {
	p, s := c.p, c.p.s
	s.on = c
	p.run(c)
	c.p = nil
	to := c.home
	if c.home = nil; to == nil {
		next := s.successor()
		if next != nil && next.co == nil {
			next.start(c)
			return true
		}
		to = s.goOn(next)
	}
	s.worker.coroutines = append(s.worker.coroutines, c)
	return s.yield(c, to)
}

// exit gives control on, for good, from a coroutine whose process has ended its goroutine, as t.FailNow
// does: the one that gets control ends that way too.
func (c *coroutine) exit(s *Simulation) {
	to := c.home
	if to == nil {
		to = &s.driver
	}
	s.exiting = c
	s.yield(c, to)
}

// exitToo ends the goroutine, if the coroutine that gave control back has ended its own.
func (s *Simulation) exitToo() {
	if c := s.exiting; c != nil {
		s.exiting = nil
		c.next()
	}
}

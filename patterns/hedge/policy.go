package hedge

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Wrap returns next with hedges. The first copy runs in the caller's own process, so that a call that
// needs no hedge costs a timer and no process; a hedge that time sends runs in one of its own, and one
// that follows a failure at once runs where that failure was met. A copy that is cancelled finds its scope
// ended with [sim.ErrCancelled].
func (h *Hedge) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		c := h.begin(p, next, req)
		defer c.leave() // even if the caller is killed
		h.Send(&c.state, p.Now())
		c.arm()
		if resp, end := c.run(p, &c.caller, 1); end != nil {
			return resp, end
		}
		if !c.decided {
			c.waiting = p.Ticket("a hedge to end")
			if end := p.Park(); end != nil {
				return c.last.resp, end
			}
		}
		return c.result.resp, c.result.err
	}
}

// A call is one call and the processes that run its copies. It is used again when all of them, and the
// caller, have left it.
type call struct {
	h        *Hedge
	next     patterns.Call
	req      patterns.Request
	group    *sim.Group
	deadline sim.Time // of the scopes around the call
	copies   patterns.Copies

	state   State
	timer   sim.Timer
	due     sim.Time // when it goes off; Never if it is not set
	caller  runner
	hedges  []*runner
	running int // so many of them are in use
	holders int // the caller, and hedges that run

	first, last failure    // of the first copy, and of the last that failed
	waiting     sim.Ticket // of the caller, when all that is left is to wait
	decided     bool       // with this result
	result      failure
}

// A failure is how a copy ended.
type failure struct {
	resp patterns.Response
	err  error
}

// A runner is a process that runs copies, one after another.
type runner struct {
	c     *call
	n     int       // the copy that it begins with
	scope sim.Scope // of the copy that is under way; the zero Scope if none is
}

func (h *Hedge) begin(p *sim.Process, next patterns.Call, req patterns.Request) *call {
	var c *call
	if n := len(h.idle); n > 0 {
		c = h.idle[n-1]
		h.idle = h.idle[:n-1]
	} else {
		c = &call{h: h}
	}
	c.deadline, _ = p.Deadline() // Never if there is none
	c.next, c.req, c.group = next, req, p.Group()
	c.state, c.due = h.Begin(req), sim.Never
	c.holders = 1
	return c
}

// leave is the last thing that the caller does, wherever it was.
func (c *call) leave() {
	c.caller.scope = sim.Scope{}
	if !c.decided {
		c.h.Over(&c.state, c.group.Now(), false)
		c.cancel()
	}
	c.drop()
}

// drop lets go of the call. The last to do so puts it by for the next one.
func (c *call) drop() {
	if c.holders--; c.holders > 0 {
		return
	}
	c.copies.Reset()
	c.running, c.decided, c.waiting, c.first.err = 0, false, sim.Ticket{}, nil
	c.h.idle = append(c.h.idle, c)
}

// run runs copy n in process p, and further ones as long as one follows at once. The error is the end of
// a scope that is not the copy's own.
func (c *call) run(p *sim.Process, r *runner, n int) (patterns.Response, error) {
	for ok := true; ok && !c.state.over; { // or another copy was faster than this process
		resp, err, foreign := c.send(p, r, n)
		if foreign {
			return resp, err
		}
		if c.state.over { // another copy was faster, or the caller has gone
			break
		}
		if _, failed := err.(*patterns.Error); failed {
			c.last = failure{resp, err}
			if n == 1 {
				c.first = c.last
			}
		}
		if c.h.Ended(&c.state, p.Now(), n, err) {
			c.decide(p.Now(), failure{resp, err})
			break
		}
		if c.state.Due() > p.Now() {
			c.arm()
			break
		}
		n, ok = c.again(p.Now())
	}
	return patterns.Response{}, nil
}

// send sends copy n and waits for what comes of it. A foreign end is one of a scope further out.
func (c *call) send(p *sim.Process, r *runner, n int) (resp patterns.Response, err error, foreign bool) {
	req := c.req
	if n > 1 {
		req.Attempt = max(req.Attempt, 1) + (n-1)*Stride
	}
	if !c.h.cfg.SameReplica {
		req.Copies = &c.copies
	}
	if r == &c.caller {
		r.scope = p.WithCancel()
	} else {
		r.scope = p.WithDeadline(c.deadline)
	}
	resp, err = c.next(p, req)
	if _, ok := err.(*patterns.Error); err != nil && !ok {
		foreign = !r.scope.Ended(err)
	}
	r.scope.Close()
	r.scope = sim.Scope{}
	return resp, err, foreign
}

// again sends another copy, if the budget lets it. If not, and nothing is under way, the call has failed.
func (c *call) again(now sim.Time) (n int, ok bool) {
	n, ok = c.h.Send(&c.state, now)
	c.arm()
	if !ok && c.state.out == 0 {
		c.decide(now, c.last)
	}
	return n, ok
}

// arm sets the timer for the next copy.
func (c *call) arm() {
	if c.due == c.state.Due() {
		return
	}
	c.timer.Stop()
	if c.due = c.state.Due(); c.due < sim.Never {
		c.timer = c.group.AtCall(c.due, timeIsUp, c)
	}
}

// timeIsUp sends a copy from a process of its own.
func timeIsUp(arg any) {
	c := arg.(*call)
	c.due = sim.Never
	n, ok := c.again(c.group.Now())
	if !ok {
		return
	}
	if c.running == len(c.hedges) {
		c.hedges = append(c.hedges, new(runner))
	}
	r := c.hedges[c.running]
	c.running++
	r.c, r.n = c, n
	c.holders++
	c.group.Spawn("hedge", runHedge, r)
}

func runHedge(p *sim.Process, arg any) {
	r := arg.(*runner)
	defer r.leave() // even if it is killed
	r.c.run(p, r, r.n)
}

func (r *runner) leave() {
	r.scope = sim.Scope{}
	r.c.drop()
}

// decide ends the call as one of its copies has ended.
func (c *call) decide(now sim.Time, end failure) {
	if c.h.cfg.KeepFirst && c.h.cfg.On.Match(end.err) && c.first.err != nil {
		end = c.first // all have failed
	}
	end.err = c.state.blame(end.err)
	c.decided, c.result = true, end
	c.h.Over(&c.state, now, true)
	c.cancel()
	c.waiting.Wake()
}

// cancel stops the timer and ends the copies that are under way.
func (c *call) cancel() {
	c.arm() // nothing is due any more
	c.caller.scope.Cancel(nil)
	for _, r := range c.hedges[:c.running] {
		r.scope.Cancel(nil)
	}
}

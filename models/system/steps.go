package system

import (
	"fmt"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A step is one thing that an operation does after its own work: it calls somebody, leaves a message,
// or does several steps at once.
type step struct {
	callee   int // among the caller's clients, or -1
	op       string
	queue    *queued
	parallel []step
	share    float64
	luck     sim.Keyed // whether the step is done
	times    int
	number   uint64          // of all steps of the operation: makes the identity of what it asks for
	failed   *patterns.Error // of the call that failed last
}

// connect resolves what the operation calls. The place of a callee among the caller's clients is
// given by callee.
func (o *op) connect(callee func(name string) int) {
	number := uint64(0)
	var build func(owner string, list []scenario.Step) []step
	build = func(owner string, list []scenario.Step) (steps []step) {
		for i, sc := range list {
			number++
			name := fmt.Sprintf("%s/%d", owner, i)
			st := step{callee: -1, share: sc.Share, times: sc.Times, number: number}
			switch {
			case sc.Call != "":
				svc, op := o.sys.sc.Op(sc.Call)
				st.callee, st.op = callee(svc.Name), op.Name
			case sc.Send != "":
				st.queue = o.sys.queue(sc.Send)
			default:
				st.parallel = build(name, sc.Parallel)
			}
			if st.share < 1 {
				st.luck = o.sys.s.Keyed("share/" + name)
			}
			steps = append(steps, st)
		}
		return steps
	}
	o.steps = build(o.name(), o.Calls)
}

// run does the operation's steps one after the other, up to the first that fails, with a caller's
// clients.
func (o *op) run(p *sim.Process, clients []patterns.Call, req *patterns.Request) (degraded bool, err error) {
	return runner{o.service, clients, o.sys.spans}.run(p, o.steps, req)
}

// A runner makes the calls of steps for one caller.
type runner struct {
	name    string
	clients []patterns.Call
	spans   *spans
}

func (r runner) run(p *sim.Process, steps []step, req *patterns.Request) (degraded bool, err error) {
	for i := range steps {
		st := &steps[i]
		if st.share < 1 {
			if luck := st.luck.At(req.ID); !luck.Chance(st.share) {
				continue
			}
		}
		for n := range st.times {
			d, err := r.step(p, st, req, uint64(n))
			degraded = degraded || d
			if err != nil {
				return degraded, err
			}
		}
	}
	return degraded, nil
}

// step does a step for the n-th time.
func (r runner) step(p *sim.Process, st *step, req *patterns.Request, n uint64) (degraded bool, err error) {
	if st.parallel != nil {
		return r.parallel(p, st.parallel, *req, n)
	}
	which := st.number<<32 | n
	child := patterns.Request{
		ID:          sim.Mix(sim.Mix(req.ID, uint64(req.Attempt)), which),
		Key:         req.Key,
		Op:          st.op,
		Origin:      req.Origin,
		Idempotency: sim.Mix(req.Idempotency, which), // the same when the caller tries again
		Priority:    req.Priority,
		Attempt:     1,
		Deadline:    req.Deadline,
		Intended:    p.Now(),
	}
	if r.spans != nil {
		r.spans.asks(req, &child)
	}
	var resp patterns.Response
	if st.queue != nil {
		resp, err = st.queue.send(p, child)
		resp.Degraded = false // leaving a message is what the operation was asked to do
	} else {
		resp, err = r.clients[st.callee](p, child)
	}
	if e, failed := err.(*patterns.Error); failed {
		err = st.failure(r.name, e)
	}
	return resp.Degraded, err
}

// failure returns what the operation answers when a call of the step has failed. In an outage it is the same
// again and again, and made once.
func (st *step) failure(layer string, cause *patterns.Error) error {
	if st.failed == nil || st.failed.Cause != error(cause) {
		st.failed = &patterns.Error{Kind: patterns.Failed, Layer: layer, Maybe: cause.Maybe, Cause: cause}
	}
	return st.failed
}

// parallel does all steps at once, for the n-th time, and waits for all. The error is that of the first
// in order.
func (r runner) parallel(p *sim.Process, steps []step, req patterns.Request, n uint64) (degraded bool, err error) {
	if n > 0 {
		req.ID, req.Idempotency = sim.Mix(req.ID, n), sim.Mix(req.Idempotency, n)
	}
	type result struct {
		degraded bool
		err      error
	}
	results := make([]result, len(steps))
	children := make([]*sim.Process, len(steps))
	for i := range steps {
		children[i] = p.Fork(r.name, func(c *sim.Process) {
			results[i].degraded, results[i].err = r.run(c, steps[i:i+1], &req)
		})
	}
	if err := p.Join(children...); err != nil {
		for _, c := range children {
			c.Kill()
		}
		return false, err
	}
	for _, res := range results {
		degraded = degraded || res.degraded
		if err == nil {
			err = res.err
		}
	}
	return degraded, err
}

package system

import (
	"fmt"
	"strings"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// An op is an operation of a service.
type op struct {
	*scenario.Op
	name   string // "service.op"
	sys    *System
	length dist.Distribution
	luck   sim.Keyed // with work
	repeat sim.Keyed // whether a retry meets the same luck
	errors sim.Keyed
	calls  []step
	effect int             // its number among the recorder's effects, or -1
	done   map[uint64]bool // idempotency keys whose effect has been recorded, where it counts once
}

func (sys *System) buildOps(sc *scenario.Service) map[string]*op {
	ops := map[string]*op{}
	for i := range sc.Ops {
		o := &sc.Ops[i]
		name := sc.Name + "." + o.Name
		ops[o.Name] = &op{
			Op: o, name: name, sys: sys, length: o.Work.Distribution(),
			luck: sys.s.Keyed("work/" + name), repeat: sys.s.Keyed("repeat/" + name), errors: sys.s.Keyed("errors/" + name),
			effect: sys.recorded.effect(name), done: map[uint64]bool{},
		}
	}
	return ops
}

// work draws how long a call works. It belongs to the request: every variant meets the same. A
// retry meets a share of it again.
func (o *op) work(req patterns.Request) time.Duration {
	key := req.ID
	if req.Attempt > 1 {
		again := sim.Mix(req.ID, uint64(req.Attempt))
		if o.Repeat == 0 {
			key = again
		} else if luck := o.repeat.At(again); !luck.Chance(o.Repeat) {
			key = again
		}
	}
	luck := o.luck.At(key)
	return dist.Duration(o.length, &luck)
}

// fails reports whether a call is one of the share that fails without any fault.
func (o *op) fails(req patterns.Request) bool {
	if o.Errors == 0 {
		return false
	}
	luck := o.errors.At(sim.Mix(req.ID, uint64(req.Attempt)))
	return luck.Chance(o.Errors)
}

// apply records the operation's effect, if anybody counts it.
func (o *op) apply(req patterns.Request) {
	if o.effect < 0 {
		return
	}
	if o.Idempotent != "no" {
		key := req.Idempotency
		if o.done[key] {
			return
		}
		o.done[key] = true
	}
	o.sys.applied(req, o.effect)
}

// A step is one thing that an operation does after its own work.
type step struct {
	callee   int // among the caller's clients, or -1
	op       string
	queue    *queued
	parallel []step
	share    float64
	luck     sim.Keyed // whether the step is done
	times    int
	salt     uint64 // makes the identity of what it asks for
}

// connect resolves what the operation calls. The place of a callee among the caller's clients is
// given by callee.
func (o *op) connect(sys *System, callee func(name string) int) {
	o.calls = sys.buildSteps(o.name, o.Calls, callee)
}

func (sys *System) buildSteps(owner string, list []scenario.Step, callee func(name string) int) []step {
	var steps []step
	for i, sc := range list {
		name := fmt.Sprintf("%s/%d", owner, i)
		st := step{callee: -1, share: sc.Share, times: sc.Times, salt: uint64(i + 1)}
		switch {
		case sc.Call != "":
			service, op, _ := strings.Cut(sc.Call, ".")
			st.callee, st.op = callee(service), op
		case sc.Send != "":
			st.queue = sys.queue(sc.Send)
		default:
			st.parallel = sys.buildSteps(name, sc.Parallel, callee)
		}
		if st.share < 1 {
			st.luck = sys.s.Keyed("share/" + name)
		}
		steps = append(steps, st)
	}
	return steps
}

// A runner makes the calls of an operation for one caller.
type runner struct {
	name    string
	clients []patterns.Call
	spans   *spans
}

// run does the steps one after the other, up to the first that fails.
func (r runner) run(p *sim.Process, steps []step, req patterns.Request) (degraded bool, err error) {
	for i := range steps {
		st := &steps[i]
		if st.share < 1 {
			if luck := st.luck.At(req.ID); !luck.Chance(st.share) {
				continue
			}
		}
		for n := range st.times {
			d, err := r.step(p, st, req, n)
			degraded = degraded || d
			if err != nil {
				return degraded, err
			}
		}
	}
	return degraded, nil
}

func (r runner) step(p *sim.Process, st *step, req patterns.Request, n int) (degraded bool, err error) {
	if st.parallel != nil {
		return r.parallel(p, st.parallel, req)
	}
	salt := st.salt<<16 | uint64(n)
	child := patterns.Request{
		ID:          sim.Mix(sim.Mix(req.ID, uint64(req.Attempt)), salt),
		Key:         req.Key,
		Op:          st.op,
		Origin:      req.Origin,
		Idempotency: sim.Mix(req.Idempotency, salt),
		Priority:    req.Priority,
		Attempt:     1,
		Deadline:    req.Deadline,
		Intended:    p.Now(),
	}
	r.spans.asks(req, child)
	var resp patterns.Response
	if st.queue != nil {
		resp, err = st.queue.send(p, child)
		resp.Degraded = false // leaving a message is what the operation was asked to do
	} else {
		resp, err = r.clients[st.callee](p, child)
	}
	if e, failed := err.(*patterns.Error); failed {
		err = &patterns.Error{Kind: patterns.Failed, Layer: r.name, Maybe: e.Maybe, Cause: e}
	}
	return resp.Degraded, err
}

// parallel does all steps at once and waits for all. The error is that of the first in order.
func (r runner) parallel(p *sim.Process, steps []step, req patterns.Request) (degraded bool, err error) {
	type result struct {
		degraded bool
		err      error
	}
	results := make([]result, len(steps))
	children := make([]*sim.Process, len(steps))
	for i := range steps {
		children[i] = p.Fork(r.name, func(c *sim.Process) {
			results[i].degraded, results[i].err = r.run(c, steps[i:i+1], req)
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

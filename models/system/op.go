package system

import (
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/queue"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// An op is an operation of a service.
type op struct {
	*scenario.Op
	sys     *System
	service string
	length  dist.Distribution
	steps   []step
	effect  int          // its number among the effects that the recorder counts, or -1
	done    *queue.Inbox // effects that have been recorded, where they count once

	luck   sim.Keyed  // with work
	draw   sim.Stream // the draw at hand: what a Distribution samples from must live somewhere
	repeat sim.Keyed  // whether a retry meets the same luck
	errors sim.Keyed
	cached sim.Keyed // what its caches do by chance
	things things    // what it can be asked about, as its cache tells it
}

func (sys *System) buildOps(sc *scenario.Service) []*op {
	ops := make([]*op, len(sc.Ops))
	for i := range sc.Ops {
		o := &sc.Ops[i]
		name := sc.Name + "." + o.Name
		ops[i] = &op{
			Op: o, sys: sys, service: sc.Name, length: o.Work.Distribution(),
			effect: sys.recorded.effect(name), done: queue.NewInbox(queue.DefaultInboxConfig()),
			luck: sys.s.Keyed("work/" + name), repeat: sys.s.Keyed("repeat/" + name), errors: sys.s.Keyed("errors/" + name),
			cached: sys.s.Keyed("cache/" + name),
		}
		if o.Cache != nil {
			ops[i].things = sys.thingsOf(o.Cache)
		}
	}
	return ops
}

// indexOf returns the place of an operation, or -1.
func indexOf(ops []*op, name string) int {
	for i, o := range ops {
		if o.Op.Name == name {
			return i
		}
	}
	return -1
}

// name returns "service.op".
func (o *op) name() string { return o.service + "." + o.Op.Name }

// work draws how long an attempt of a request works. It belongs to the request: every variant meets
// the same. A retry meets a share of it again.
func (o *op) work(id uint64, attempt int) time.Duration {
	key := id
	if attempt > 1 {
		again := sim.Mix(id, uint64(attempt))
		if o.Repeat == 0 {
			key = again
		} else if luck := o.repeat.At(again); !luck.Chance(o.Repeat) {
			key = again
		}
	}
	o.draw = o.luck.At(key)
	return dist.Duration(o.length, &o.draw)
}

// fails reports whether an attempt is one of the share that fails without any fault.
func (o *op) fails(id uint64, attempt int) bool {
	if o.Errors == 0 {
		return false
	}
	luck := o.errors.At(sim.Mix(id, uint64(attempt)))
	return luck.Chance(o.Errors)
}

// apply records the operation's effect, if anybody counts it. A key that was seen in the last day has
// no effect again. What all copies of a quorum do for one request is one effect.
func (o *op) apply(req *patterns.Request, quorum bool) {
	switch {
	case o.effect < 0:
	case o.Idempotent != "no":
		o.once(req, req.Idempotency)
	case quorum:
		o.once(req, sim.Mix(req.Idempotency, uint64(req.Attempt)))
	default:
		o.sys.applied(req, o.effect)
	}
}

func (o *op) once(req *patterns.Request, key uint64) {
	now := o.sys.s.Now()
	if verdict, _ := o.done.Begin(now, key); verdict == queue.First {
		o.done.Finish(now, key, patterns.Response{})
		o.sys.applied(req, o.effect)
	}
}

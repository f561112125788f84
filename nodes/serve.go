package nodes

import (
	"math"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A job is a call inside a replica.
//
//	unread, if it is paused ──▶ waiting, if no thread is free ──▶ on a thread ──▶ answered
//
// If a policy stands in front of the replica, all that comes after a pause happens inside it: see front.go.
type job struct {
	r         *Replica
	x         *exchange
	waiting   bool            // in the queue
	queued    sim.Time        // since when
	timer     sim.Timer       // ends its wait in the queue
	scope     sim.Scope       // ends the waits of its handler, on a transport that cancels
	abandoned func(*exchange) // made once, and used again with the job
	fronted   fronted
	behind    patterns.Call // what the policy in front makes of the call: made once for a front, and used again with the job
	madeFor   frontOf

	prev, next *job // in the queue
}

// Serve takes a call that has arrived. It is called by the network.
func (r *Replica) Serve(x *exchange) {
	r.stats.Arrived++
	j := r.job(x)
	if r.group.Paused() {
		r.unread++
		r.group.AtCall(r.group.Now(), read, j) // happens at Resume
		return
	}
	r.admit(j)
}

// read takes a call that has arrived during a pause.
func read(arg any) {
	j := arg.(*job)
	j.r.unread--
	j.r.admit(j)
}

// admit takes a call in, unless nobody waits for it any more.
func (r *Replica) admit(j *job) {
	receive(&j.x.Request, r.group.Now())
	j.x.OnAbandon = j.abandoned
	switch {
	case j.x.Abandoned():
		r.drop(j)
	case r.expired(j):
		r.expire(j)
	case r.front != nil:
		r.before++
		r.group.Spawn(r.svc.cfg.Name, front, j)
	default:
		r.enter(j)
	}
}

// enter gives a call a thread, or a place in the queue, or turns it away.
func (r *Replica) enter(j *job) {
	cfg := &r.svc.cfg
	switch {
	case cfg.Threads == 0 || r.busy < cfg.Threads:
		if now := r.svc.s.Now(); r.rules != nil && r.rules.Drop(now, now, 0) {
			r.reject(j)
			return
		}
		r.take(j)
	case cfg.Queue.Length < 0 || r.queue.length < cfg.Queue.Length || r.rules != nil && r.evict(j):
		r.enqueue(j)
	default:
		r.reject(j)
	}
}

// evict makes room in a full queue for a call with a higher priority, and reports whether it has.
func (r *Replica) evict(j *job) bool {
	priority := j.x.Request.Priority
	if r.queue.length == 0 || !r.rules.Evict(priority, math.MinInt) { // nobody is ever evicted
		return false
	}
	lowest := r.queue.last
	for other := lowest.prev; other != nil; other = other.prev {
		if other.x.Request.Priority < lowest.x.Request.Priority {
			lowest = other
		}
	}
	if !r.rules.Evict(priority, lowest.x.Request.Priority) {
		return false
	}
	r.dequeue(lowest)
	r.reject(lowest)
	return true
}

// take gives a call a thread.
func (r *Replica) take(j *job) {
	r.busy++
	if j.fronted.yes {
		j.goOn(onThread, nil)
		return
	}
	r.group.Spawn(r.svc.cfg.Name, serve, j)
}

// serve is the life of a call that has a thread. If the replica dies, nothing after the wait in
// which it dies happens, and the thread goes with the replica.
func serve(p *sim.Process, arg any) {
	j := arg.(*job)
	r, x := j.r, j.x
	if x.Cancels() {
		j.scope = p.WithCancel()
		if x.Abandoned() {
			j.scope.Cancel(nil) // during a pause: it has a thread, and was not begun
		}
	}
	resp, err := r.svc.handle(p, r, x.Request)
	j.scope.Close() // if there is one
	r.done(j, resp, err)
	r.busy--
	r.next()
}

// done answers a call that has had a thread.
func (r *Replica) done(j *job, resp patterns.Response, err error) {
	if resp.From == "" {
		resp.From = r.name
	}
	r.stats.Done++
	if j.x.Abandoned() {
		r.stats.Wasted++
	}
	j.x.Reply(resp, err)
	r.idle = append(r.idle, j)
}

// next gives the thread that has come free to a call that waits.
func (r *Replica) next() {
	for j := r.queue.first; j != nil; j = r.queue.first {
		now := r.svc.s.Now()
		if r.rules != nil && r.rules.Newest(now, r.queue.length) {
			j = r.queue.last
		}
		r.dequeue(j)
		switch {
		case r.expired(j):
			r.expire(j)
		case r.rules != nil && r.rules.Drop(now, j.queued, r.queue.length):
			r.reject(j)
		default:
			r.take(j)
			return
		}
	}
}

// enqueue lets a call wait for a thread.
func (r *Replica) enqueue(j *job) {
	r.measureQueue()
	j.waiting, j.queued = true, r.svc.s.Now()
	cfg := &r.svc.cfg.Queue
	wait := cfg.Wait
	if r.rules != nil {
		if most := r.rules.Arrive(j.queued, r.queue.length); most > 0 && (wait == 0 || most < wait) {
			wait = most
		}
	}
	switch cfg.Order {
	case sim.LIFO:
		r.queue.insertAfter(j, nil)
	case sim.Priority:
		before := r.queue.last
		for before != nil && before.x.Request.Priority < j.x.Request.Priority {
			before = before.prev
		}
		r.queue.insertAfter(j, before)
	default:
		r.queue.insertAfter(j, r.queue.last)
	}
	if wait > 0 {
		j.timer = r.group.AtCall(r.group.Now().Add(wait), waitedTooLong, j)
	}
}

func waitedTooLong(arg any) {
	j := arg.(*job)
	j.r.dequeue(j)
	j.r.reject(j)
}

func (r *Replica) dequeue(j *job) {
	r.measureQueue()
	r.queue.remove(j)
	r.stats.Waiting += r.svc.s.Now().Sub(j.queued)
	j.waiting = false
	j.timer.Stop()
}

// cancel hears that the caller has given up.
func (j *job) cancel() {
	if j.waiting {
		j.r.dequeue(j)
		j.r.drop(j)
		if !j.fronted.yes {
			return
		}
	}
	j.scope.Cancel(nil)
}

// expired reports whether the deadline of a call has passed, for a service to which that matters.
func (r *Replica) expired(j *job) bool {
	deadline := j.x.Request.Deadline
	return r.svc.cfg.Queue.DropExpired && deadline != 0 && r.group.Now() > deadline
}

// A call that never has a thread is rejected, expires, or is dropped since nobody waits.

func (r *Replica) reject(j *job) { r.turnAway(j, wasRejected, r.svc.errors.overloaded) }

func (r *Replica) expire(j *job) { r.turnAway(j, hasExpired, r.svc.errors.expired) }

func (r *Replica) drop(j *job) { r.turnAway(j, wasCancelled, nil) }

func (r *Replica) turnAway(j *job, fate fate, err error) {
	if j.fronted.yes {
		j.goOn(fate, err)
		return
	}
	r.count(fate)
	r.answer(j, err)
}

// count counts a call that never had a thread.
func (r *Replica) count(fate fate) {
	switch fate {
	case wasRejected:
		r.stats.Rejected++
	case hasExpired:
		r.stats.Expired++
	case wasCancelled:
		r.stats.Cancelled++
	}
}

func (r *Replica) answer(j *job, err error) {
	j.x.Reply(patterns.Response{From: r.name}, err)
	r.idle = append(r.idle, j)
}

// job returns a job for a call that has arrived.
func (r *Replica) job(x *exchange) *job {
	var j *job
	if n := len(r.idle); n > 0 {
		j = r.idle[n-1]
		r.idle = r.idle[:n-1]
	} else {
		j = new(job)
		j.abandoned = func(*exchange) { j.cancel() }
	}
	j.r, j.x = r, x
	return j
}

package nodes

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A job is a call inside a replica.
//
//	unread, if it is paused ──▶ waiting, if no thread is free ──▶ on a thread ──▶ answered
type job struct {
	r         *Replica
	x         *exchange
	waiting   bool            // in the queue
	queued    sim.Time        // since when
	timer     sim.Timer       // ends its wait in the queue
	scope     sim.Scope       // ends the waits of its handler, on a transport that cancels
	abandoned func(*exchange) // made once, and used again with the job

	prev, next *job // in the queue
}

// Serve takes a call that has arrived. It is called by the network.
func (r *Replica) Serve(x *exchange) {
	r.stats.Arrived++
	j := r.svc.job(r, x)
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

// admit gives a call a thread, or a place in the queue, or turns it away.
func (r *Replica) admit(j *job) {
	receive(&j.x.Request, r.group.Now())
	j.x.OnAbandon = j.abandoned
	cfg := &r.svc.cfg
	switch {
	case j.x.Abandoned():
		r.drop(j)
	case r.expired(j):
		r.expire(j)
	case cfg.Threads == 0 || r.busy < cfg.Threads:
		r.take(j)
	case cfg.Queue.Length < 0 || r.queue.length < cfg.Queue.Length:
		r.enqueue(j)
	default:
		r.reject(j)
	}
}

// take gives a call a thread.
func (r *Replica) take(j *job) {
	r.busy++
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
	if resp.From == "" {
		resp.From = r.name
	}
	r.stats.Done++
	if x.Abandoned() {
		r.stats.Wasted++
	}
	x.Reply(resp, err)
	r.svc.idle = append(r.svc.idle, j)
	r.busy--
	r.next()
}

// next gives the thread that has come free to a call that waits.
func (r *Replica) next() {
	for j := r.queue.first; j != nil; j = r.queue.first {
		r.dequeue(j)
		if !r.expired(j) {
			r.take(j)
			return
		}
		r.expire(j)
	}
}

// enqueue lets a call wait for a thread.
func (r *Replica) enqueue(j *job) {
	r.measureQueue()
	j.waiting, j.queued = true, r.svc.s.Now()
	cfg := &r.svc.cfg.Queue
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
	if cfg.Wait > 0 {
		j.timer = r.group.AtCall(r.group.Now().Add(cfg.Wait), waitedTooLong, j)
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
		return
	}
	j.scope.Cancel(nil)
}

// expired reports whether the deadline of a call has passed, for a service to which that matters.
func (r *Replica) expired(j *job) bool {
	deadline := j.x.Request.Deadline
	return r.svc.cfg.Queue.DropExpired && deadline != 0 && r.group.Now() > deadline
}

// A call that never has a thread is rejected, expires, or is dropped since nobody waits.

func (r *Replica) reject(j *job) {
	r.stats.Rejected++
	r.answer(j, r.svc.errors.overloaded)
}

func (r *Replica) expire(j *job) {
	r.stats.Expired++
	r.answer(j, r.svc.errors.expired)
}

func (r *Replica) drop(j *job) {
	r.stats.Cancelled++
	r.answer(j, nil)
}

func (r *Replica) answer(j *job, err error) {
	j.x.Reply(patterns.Response{From: r.name}, err)
	r.svc.idle = append(r.svc.idle, j)
}

// job returns a job for a call that has arrived.
func (svc *Service) job(r *Replica, x *exchange) *job {
	var j *job
	if n := len(svc.idle); n > 0 {
		j = svc.idle[n-1]
		svc.idle = svc.idle[:n-1]
	} else {
		j = new(job)
		j.abandoned = func(*exchange) { j.cancel() }
	}
	j.r, j.x = r, x
	return j
}

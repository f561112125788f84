package nodes

import (
	"errors"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A job is a call inside a replica: waiting for a thread, or holding one.
type job struct {
	r          *Replica
	x          *exchange
	p          *sim.Process // that works on it
	arrived    sim.Time
	expiry     sim.Timer
	abandoned  func(*exchange) // made once and used again with the job
	prev, next *job
}

type exchange = network.Exchange[patterns.Request, patterns.Response]

// Serve takes a call that has arrived. It is called by the network.
func (r *Replica) Serve(x *exchange) {
	r.stats.Arrived++
	j := r.svc.job(r, x)
	switch limit := r.svc.cfg.Threads; {
	case limit == 0 || r.busy < limit:
		r.take(j)
	case r.svc.cfg.Queue.Length < 0 || r.queue.length < r.svc.cfg.Queue.Length:
		r.enqueue(j)
	default:
		r.reject(j)
	}
}

// take gives a call a thread.
func (r *Replica) take(j *job) {
	r.busy++
	j.x.OnAbandon = j.abandoned
	r.group.Spawn(r.svc.cfg.Name, serve, j)
}

// serve is the life of a call that has a thread.
func serve(p *sim.Process, arg any) {
	j := arg.(*job)
	r, x := j.r, j.x
	j.p = p
	life := r.group.Incarnation()
	defer func() {
		if r.group.Incarnation() != life {
			return // the replica died: the thread went with it
		}
		r.stats.Done++
		r.busy--
		r.svc.idle = append(r.svc.idle, j)
		r.next()
	}()
	resp, err := r.svc.handle(p, r, x.Request)
	j.p = nil
	if resp.From == "" {
		resp.From = r.name
	}
	if x.Abandoned() {
		r.stats.Wasted++
	}
	x.Reply(resp, err)
}

// next gives the free thread to a call that waits.
func (r *Replica) next() {
	for r.queue.first != nil {
		j := r.queue.first
		r.dequeue(j)
		if deadline := j.x.Request.Deadline; r.svc.cfg.Queue.DropExpired && deadline > 0 && r.svc.s.Now() > deadline {
			r.stats.Expired++
			r.answer(j, patterns.Timeout)
			continue
		}
		r.take(j)
		return
	}
}

// enqueue lets a call wait for a thread.
func (r *Replica) enqueue(j *job) {
	r.measureQueue()
	cfg := r.svc.cfg.Queue
	j.arrived = r.svc.s.Now()
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
		j.expiry = r.group.AtCall(r.group.Now().Add(cfg.Wait), waitedTooLong, j)
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
	r.stats.Waiting += r.svc.s.Now().Sub(j.arrived)
	j.expiry.Stop()
}

func (r *Replica) reject(j *job) {
	r.stats.Rejected++
	r.answer(j, patterns.Overloaded)
}

// answer turns a call away.
func (r *Replica) answer(j *job, kind patterns.Kind) {
	j.x.Reply(patterns.Response{From: r.name}, &patterns.Error{Kind: kind, Layer: r.svc.cfg.Name})
	r.svc.idle = append(r.svc.idle, j)
}

// measureQueue brings the integral of the queue's length up to date.
func (r *Replica) measureQueue() {
	now := r.svc.s.Now()
	r.stats.Area += now.Sub(r.areaAt) * time.Duration(r.queue.length)
	r.areaAt = now
}

func (svc *Service) job(r *Replica, x *exchange) *job {
	var j *job
	if n := len(svc.idle); n > 0 {
		j = svc.idle[n-1]
		svc.idle = svc.idle[:n-1]
	} else {
		j = new(job)
		j.abandoned = func(*exchange) { j.cancel() }
	}
	j.r, j.x, j.p = r, x, nil
	return j
}

// cancel ends a call whose caller has said that it gave up.
func (j *job) cancel() {
	if j.p != nil {
		j.p.Interrupt(errCancelled)
	}
}

var errCancelled = errors.New("the caller gave up")

// line is a waiting line of calls.
type line struct {
	first, last *job
	length      int
}

// insertAfter puts j behind before, or first if that is nil.
func (l *line) insertAfter(j, before *job) {
	j.prev = before
	if before != nil {
		j.next = before.next
		before.next = j
	} else {
		j.next = l.first
		l.first = j
	}
	if j.next != nil {
		j.next.prev = j
	} else {
		l.last = j
	}
	l.length++
}

func (l *line) remove(j *job) {
	if j.prev != nil {
		j.prev.next = j.next
	} else {
		l.first = j.next
	}
	if j.next != nil {
		j.next.prev = j.prev
	} else {
		l.last = j.prev
	}
	j.prev, j.next = nil, nil
	l.length--
}

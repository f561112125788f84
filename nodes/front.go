package nodes

import (
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A fronted job is a call that a policy in front of the replica looks at. It has a process from its arrival to its
// answer, which waits for a thread and then works on it.
type fronted struct {
	yes    bool
	fate   fate
	err    error      // of a call that is turned away
	ticket sim.Ticket // its wait for a thread
}

// A fate is what has become of a call.
type fate uint8

const (
	undecided    fate = iota
	onThread          // it has a thread
	hasDone           // it has had one
	wasRejected       // it never has one: the queue, or the policy in front, turned it away
	hasExpired        // ... its deadline has passed
	wasCancelled      // ... nobody waits for it
)

// front is the life of a call before which a policy stands. The policy is asked once and calls what is behind it at
// most once.
func front(p *sim.Process, arg any) {
	j := arg.(*job)
	r, x := j.r, j.x
	j.fronted = fronted{yes: true}
	if x.Cancels() {
		j.scope = p.WithCancel()
		if x.Abandoned() {
			j.scope.Cancel(nil) // during a pause
		}
	}
	if of := (frontOf{r, r.fronts}); j.madeFor != of {
		j.behind, j.madeFor = r.front.Wrap(j.work), of
	}
	resp, err := j.behind(p, x.Request)
	ended := j.scope.Ended(err)
	j.scope.Close() // if there is one
	r.before--
	fate := j.fronted.fate
	j.fronted = fronted{}
	switch {
	case fate == hasDone:
		r.done(j, resp, err)
		return
	case fate == undecided && ended:
		fate = wasCancelled
	case fate == undecided:
		fate = wasRejected
	}
	r.count(fate)
	r.answer(j, err)
}

// A frontOf names a policy in front of a replica: its n-th.
type frontOf struct {
	r *Replica
	n int
}

// work is what the policy in front calls: it waits for a thread and works.
func (j *job) work(p *sim.Process, req patterns.Request) (resp patterns.Response, err error) {
	r := j.r
	r.before--
	r.enter(j)
	if j.fronted.fate == undecided {
		j.fronted.ticket = p.Ticket(r.name)
		if err = p.Park(); j.fronted.fate == undecided { // a scope of the policy has ended
			r.dequeue(j)
			j.fronted.fate = wasCancelled
		}
	}
	switch j.fronted.fate {
	case onThread:
		resp, err = r.svc.handle(p, r, req)
		j.fronted.fate = hasDone
		r.busy--
		r.before++
		r.next()
		return resp, err
	case wasCancelled:
		if err == nil {
			err = p.Err()
		}
	default:
		err = j.fronted.err
	}
	r.before++
	return resp, err
}

// goOn decides what becomes of a call that waits for a thread, or has just asked for one.
func (j *job) goOn(fate fate, err error) {
	j.fronted.fate, j.fronted.err = fate, err
	j.fronted.ticket.Wake()
}

package nodes

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// An External is somebody else's service: it has no capacity of ours, only a time to answer, a
// share of errors and outages. It does what it is asked whether or not the caller still waits. Its
// clock is right.
type External struct {
	Name   string
	Answer func(req patterns.Request) (time.Duration, patterns.Response, error) // how long it takes, and what it says; decided when the call arrives
	Effect func(req patterns.Request)                                           // called when a call without error is done; may be nil

	s      *sim.Simulation
	host   *network.Host
	downs  int
	slow   float64
	share  float64 // of the calls that fail
	luck   sim.Keyed
	errors callErrors
	idle   []*answer
}

// An answer is a call that is being answered.
type answer struct {
	e    *External
	x    *exchange
	req  patterns.Request
	resp patterns.Response
	err  error
}

// NewExternal returns a service on a host of its own. Its Answer must be set before it is called.
func NewExternal(s *sim.Simulation, name string, host *network.Host) *External {
	return &External{
		Name: name, s: s, host: host, slow: 1,
		luck: s.Keyed("external/" + name + "/errors"), errors: newCallErrors(name),
	}
}

// Down makes it do nothing until Up takes that back: calls that arrive, and answers that fall due,
// are gone, and callers hear nothing. Downs add up.
func (e *External) Down() { e.downs++ }

// Up takes back one Down.
func (e *External) Up() {
	if e.downs == 0 {
		panic("nodes: Up of " + e.Name + ", which is not down")
	}
	e.downs--
}

// SetSlow makes answers take so many times as long, from the next call on.
func (e *External) SetSlow(factor float64) {
	if !(factor > 0) {
		panic(fmt.Sprintf("nodes: SetSlow of %s to %v, need more than 0", e.Name, factor))
	}
	e.slow = factor
}

// SetErrors makes a share of the calls fail, from the next call on.
func (e *External) SetErrors(share float64) {
	if !(share >= 0 && share <= 1) {
		panic(fmt.Sprintf("nodes: SetErrors of %s to %v, need 0 to 1", e.Name, share))
	}
	e.share = share
}

// Call returns the way from a host to the service.
func (e *External) Call(via *Transport, from *network.Host) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		send(&req, p.Now())
		resp, err := via.Call(p, from, e.host, e, sim.Mix(req.ID, uint64(req.Attempt)), req)
		if err != nil {
			err = e.errors.seen(err)
		}
		return resp, err
	}
}

// Serve takes a call that has arrived. It is called by the network.
func (e *External) Serve(x *exchange) {
	if e.downs > 0 {
		x.Forget()
		return
	}
	var a *answer
	if n := len(e.idle); n > 0 {
		a = e.idle[n-1]
		e.idle = e.idle[:n-1]
	} else {
		a = new(answer)
	}
	receive(&x.Request, e.s.Now())
	*a = answer{e: e, x: x, req: x.Request}
	var d time.Duration
	d, a.resp, a.err = e.Answer(a.req)
	if e.slow != 1 {
		d = time.Duration(float64(d) * e.slow)
	}
	if a.err == nil && e.share > 0 {
		if luck := e.luck.At(sim.Mix(a.req.ID, uint64(a.req.Attempt))); luck.Chance(e.share) {
			a.err = e.errors.failed
		}
	}
	e.s.AtCall(e.s.Now().Add(d), answered, a)
}

func answered(arg any) {
	a := arg.(*answer)
	e := a.e
	if e.downs > 0 {
		a.x.Forget()
	} else {
		if a.err == nil && e.Effect != nil {
			e.Effect(a.req)
		}
		a.x.Reply(a.resp, a.err)
	}
	e.idle = append(e.idle, a)
}

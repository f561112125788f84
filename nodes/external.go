package nodes

import (
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// An External is somebody else's service: it has no capacity of ours, only a time to answer, a
// share of errors and outages. It does what it is asked whether or not the caller still waits.
type External struct {
	Name   string
	Answer func(req patterns.Request) (time.Duration, patterns.Response, error) // decided when the call arrives
	Effect func(req patterns.Request)                                           // called when a call without error is done; may be nil

	s      *sim.Simulation
	host   *network.Host
	down   int
	slow   float64
	errors float64
	luck   sim.Keyed
	idle   []*answer
}

type answer struct {
	e    *External
	x    *exchange
	req  patterns.Request
	resp patterns.Response
	err  error
}

// NewExternal returns a service on a host of its own. Its Answer must be set before it is called.
func NewExternal(s *sim.Simulation, name string, host *network.Host) *External {
	return &External{Name: name, s: s, host: host, slow: 1, luck: s.Keyed("external/" + name + "/errors")}
}

// Down makes every call go unanswered, until Up takes it back. Downs add up.
func (e *External) Down() { e.down++ }

// Up takes back one Down.
func (e *External) Up() { e.down-- }

// SetSlow makes answers take so many times as long, SetErrors makes a share of the calls fail.
func (e *External) SetSlow(factor float64)  { e.slow = factor }
func (e *External) SetErrors(share float64) { e.errors = share }

// Call returns the way from a host to the service.
func (e *External) Call(via *Transport, from *network.Host) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		resp, err := via.Call(p, from, e.host, e, sim.Mix(req.ID, uint64(req.Attempt)), req)
		return resp, callerSees(e.Name, err)
	}
}

// Serve takes a call that has arrived. It is called by the network.
func (e *External) Serve(x *exchange) {
	if e.down > 0 {
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
	*a = answer{e: e, x: x, req: x.Request}
	var d time.Duration
	d, a.resp, a.err = e.Answer(a.req)
	if e.slow != 1 {
		d = time.Duration(float64(d) * e.slow)
	}
	if a.err == nil && e.errors > 0 {
		if luck := e.luck.At(sim.Mix(a.req.ID, uint64(a.req.Attempt))); luck.Chance(e.errors) {
			a.err = &patterns.Error{Kind: patterns.Failed, Layer: e.Name}
		}
	}
	e.s.AtCall(e.s.Now().Add(d), answered, a)
}

func answered(arg any) {
	a := arg.(*answer)
	if a.err == nil && a.e.Effect != nil {
		a.e.Effect(a.req)
	}
	a.x.Reply(a.resp, a.err)
	a.e.idle = append(a.e.idle, a)
}

package scenario

import "time"

// A Stream is one kind of visitor: calls from outside, at a rate (open) or from so many users who
// wait for each answer (closed).
type Stream struct {
	Name     string        `nines:",name"`
	Rate     float64       `nines:"rate,rate,min=0,none"`         // calls a second; exactly one of rate and users
	Users    int           `nines:"users,min=1,none"`             // people who call, wait for the answer, think, and call again
	Think    Length        `nines:"think"`                        // between an answer and the next call of a user
	Arrivals string        `nines:"arrivals,one=poisson|regular"` // how calls at a rate are spread. poisson: at random, each whenever the others are; regular: evenly
	Mix      []Share       `nines:"mix,required"`                 // what they ask for; the shares sum to 100 %
	Priority int           `nines:"priority"`                     // of their calls, and of all that is called for them: higher goes first where queues, limits or shedders look at it
	Patience time.Duration `nines:"patience,none"`                // they leave after so long; the call is then a timeout
}

func (s *Stream) defaults() { s.Arrivals = "poisson" }

// A Share is one operation's part of a mix.
type Share struct {
	Op    string  `nines:",name,ref=op"`             // "service.op"
	Share float64 `nines:",value,ratio,min=0,max=1"` // of all calls of the stream
}

// An Objective says which calls are good and what share of them is promised. Rejected is bad.
type Objective struct {
	Name     string        `nines:",name"`
	Of       string        `nines:"of,ref=op,required"`                // the operation, as the workload calls it
	Within   time.Duration `nines:"within,none"`                       // a later answer is bad
	Target   float64       `nines:"target,ratio,min=0,max=1,required"` // share of good calls that is promised
	Degraded string        `nines:"degraded,one=good|bad"`             // what a degraded answer (stale, default, promised for later) counts as. good: an answer; bad: a failure
	Settled  time.Duration `nines:"settled,none"`                      // all effects that the call promised must be done by then
	Once     []string      `nines:"once,ref=op"`                       // effects that must happen exactly once for each call
}

func (o *Objective) defaults() { o.Degraded = "bad" }

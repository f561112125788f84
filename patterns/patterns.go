// Package patterns is the contract between those who call, those who answer and the policies
// between them. Each family of policies has a folder of its own below this one.
//
// A [Call] is a function that a process runs. A [Policy] wraps a Call into another Call. Policies
// know time and calls, but neither nodes nor networks: what they need to reach is handed to them.
package patterns

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// A Call asks for something and waits for the answer. The error is nil, an [*Error], or the end
// of a scope of p that the caller opened (see [sim.Process.WithDeadline]); policies pass the end
// of a scope that is not theirs on unchanged. A Response that comes with an error still says whom
// the request was sent to, where that is known. Request and Response are values: whoever gives up
// leaves an abandoned server with its own copy.
type Call func(p *sim.Process, req Request) (Response, error)

// A Policy wraps a call. A policy with state (a breaker, a budget) belongs to one client and is
// built anew when that client restarts.
type Policy interface{ Wrap(next Call) Call }

// Chain makes one policy of many, the outermost first.
func Chain(policies ...Policy) Policy { return chain(policies) }

type chain []Policy

func (c chain) Wrap(next Call) Call {
	for i := len(c) - 1; i >= 0; i-- {
		next = c[i].Wrap(next)
	}
	return next
}

// A Request is what is asked for.
type Request struct {
	ID          uint64   // identity of this request; the key of its draws. Retries keep it, child calls derive theirs
	Key         uint64   // what it is about: a product, a user, an order
	Op          string   // the operation asked for: "charge"
	Origin      uint64   // the call from outside that all this is done for; handed down to every call made on its behalf
	Idempotency uint64   // same number, same effect: zero if repeating it does it again
	Value       uint64   // what is to be written, where it matters
	Priority    int      // higher goes first where a queue orders by priority
	Attempt     int      // 1 for the first try; set by retries and hedges
	Avoid       string   // whom the previous attempt was sent to: better somebody else; set by retries
	Copies      *Copies  // whom the copies of this request were sent to: better somebody else; set by hedges, filled in by balancers
	Deadline    sim.Time // the caller stops caring then, on the clock of whoever holds the request; zero means no deadline
	Absolute    bool     // Deadline travels as the instant that it is, and the callee reads it off its own clock; false: as the time that is left
	Intended    sim.Time // when the caller wanted to send it; latency counts from here
}

// Copies are the names of those whom the copies of one request were sent to, at the same time or one
// after another. Who passes a request on to one of many adds whom it chose, and sends it without Copies.
// A nil *Copies is that of a request that is not copied: nobody is in it, and adding does nothing.
type Copies struct{ to []string }

// Add notes that a copy was sent to name.
func (c *Copies) Add(name string) {
	if c != nil {
		c.to = append(c.to, name)
	}
}

// Names returns whom copies were sent to, in that order.
func (c *Copies) Names() []string {
	if c == nil {
		return nil
	}
	return c.to
}

// Reset makes it empty.
func (c *Copies) Reset() { c.to = c.to[:0] }

// A Response is an answer.
type Response struct {
	Degraded   bool          // an answer of lower quality: stale, default, or promised for later
	From       string        // who answered, or was asked and did not
	Value      uint64        // what was read, where it matters
	Version    uint64        // the version of what was read or written, where it matters
	RetryAfter time.Duration // the server asks not to be called again before
	Load       float64       // the server's own estimate of its load: 1 is full
}

// A Kind says how a call failed.
type Kind uint8

// The kinds of failure. A policy's configuration names the kinds that it acts on.
const (
	Failed      Kind = iota // the server answered with an error
	Timeout                 // no answer in time
	Refused                 // nobody listens there: certainly not done
	Reset                   // the connection broke while waiting
	Overloaded              // the server turned it away: its queue was full
	Rejected                // a policy of the caller turned it away; it was never sent
	Unavailable             // no replica to send it to
	Conflict                // the answer contradicts what is known: a stale epoch, a lost race
	kinds
)

var kindNames = [kinds]string{"failed", "timeout", "refused", "reset", "overloaded", "rejected", "unavailable", "conflict"}

func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return "unknown kind"
}

// An Error says how a call failed, which layer found it, and whether the effect may have
// happened all the same. Errors may be shared between calls: nobody changes one.
type Error struct {
	Kind       Kind
	Layer      string        // "timeout", "breaker", "orders": who made this error
	Maybe      bool          // the effect may have happened
	RetryAfter time.Duration // not before; zero if nobody said
	Cause      error         // what was underneath, or nil
}

func (e *Error) Error() string {
	s := e.Layer + ": " + e.Kind.String()
	if e.Maybe {
		s += " (may have happened)"
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Cause }

// Kinds is a set of kinds.
type Kinds uint32

// KindsOf returns the set of the given kinds.
func KindsOf(list ...Kind) Kinds {
	var set Kinds
	for _, k := range list {
		set |= 1 << k
	}
	return set
}

// Has reports whether k is in the set.
func (set Kinds) Has(k Kind) bool { return set>>k&1 != 0 }

// Match reports whether err is an [*Error] whose kind is in the set. The end of a scope is not:
// it belongs to whoever opened the scope.
func (set Kinds) Match(err error) bool {
	e, ok := err.(*Error)
	return ok && set.Has(e.Kind)
}

// Transient is what is usually worth another try: everything but a caller's own rejection and a conflict.
var Transient = KindsOf(Failed, Timeout, Refused, Reset, Overloaded, Unavailable)

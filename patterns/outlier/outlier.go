// Package outlier finds the replicas that do worse than others by how calls to them end, and keeps
// calls away from them for a while: passive health checking.
//
// A [Detector] compares the endpoints of one service, as Envoy and gRPC do. An [Accrual] looks at each
// endpoint alone and lets one call probe it before it comes back, as Finagle does. Both know endpoints
// by their index, take the present instant and have no clock. [Guard] puts either between a balancer
// and its targets.
package outlier

import (
	"errors"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// An Outcome is how a call ended, as far as it says something about the endpoint.
type Outcome uint8

// The outcomes of a call.
const (
	Ignored Outcome = iota // nothing was learned: the caller was killed, or cancelled it
	Success
	Failure // the endpoint answered with an error: HTTP 500
	Gateway // it was overloaded, or could not reach another: HTTP 502, 503, 504
	Local   // no answer came: not connected, reset, timed out; Envoy's local origin
)

var outcomeNames = [...]string{"ignored", "success", "failure", "gateway", "local"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return "unknown outcome"
}

// OutcomeOf returns the outcome of a call that ended with err. A deadline that passed while an endpoint had
// the call counts against the endpoint, whoever set it. A call that was cancelled, such as a hedge
// that lost, or that was never sent, counts neither way; a conflict is an answer like any other.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Success
	}
	if e, ok := err.(*patterns.Error); ok {
		switch e.Kind {
		case patterns.Failed:
			return Failure
		case patterns.Overloaded, patterns.Unavailable:
			return Gateway
		case patterns.Timeout, patterns.Refused, patterns.Reset:
			return Local
		case patterns.Conflict:
			return Success
		}
		return Ignored
	}
	if ended, ok := errors.AsType[*sim.Ended](err); ok && ended.Cause == sim.ErrDeadline {
		return Local
	}
	return Ignored
}

// A Reason is why an endpoint was ejected, or came back.
type Reason uint8

// The reasons.
const (
	FailuresInARow Reason = iota // ejected
	GatewayInARow
	LocalInARow
	LowSuccessRate
	LowLocalSuccessRate
	HighFailureShare
	HighLocalFailureShare
	Accrued

	TimeIsUp // back
	PassedHealthCheck
	PassedProbe
	reasons
)

var reasonNames = [reasons]string{
	"failures in a row", "gateway errors in a row", "no answers in a row",
	"low success rate", "low rate of answers", "high share of failures", "high share without an answer",
	"accrued failures", "time is up", "passed a health check", "passed a probe",
}

func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return "unknown reason"
}

// A Change is the ejection of an endpoint, or its end.
type Change struct {
	At       sim.Time
	Endpoint int
	Ejected  bool
	Why      Reason
}

// Counts says what was done so far.
type Counts struct {
	Detected uint64 // outliers found
	Ejected  uint64 // of which so many were ejected
	Overflow uint64 // or not, since too many were already
	Spared   uint64 // or not, by the luck of a rule that is not always enforced
	Returned uint64 // ejections that have ended
}

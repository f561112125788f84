package ratelimit

import (
	"errors"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// ErrUnanswered is the cause of a rejection: the limiter that is kept elsewhere did not answer.
var ErrUnanswered = errors.New("rate limiter did not answer")

// An Ask reaches a limiter that is kept elsewhere, and asks it for one permit. It returns how long to
// wait until the permit may be used or, if it is refused, how long until it could have been; negative
// if that is not known. The error says that no answer came: an [*patterns.Error], or the end of a scope.
type Ask func(p *sim.Process) (wait time.Duration, ok bool, err error)

// Elsewhere returns the way to this limiter for somebody who is so far away, there and back. Each way
// takes half of it. A question that is on its way when its asker gives up still arrives.
func (l *Limiter) Elsewhere(roundTrip time.Duration) Ask {
	there := roundTrip / 2
	back := roundTrip - there
	return func(p *sim.Process) (time.Duration, bool, error) {
		s := p.Sim()
		arrives := s.Now().Add(there)
		if err := p.Sleep(there); err != nil {
			s.At(max(arrives, s.Now()), func() { l.Reserve(s.Now(), 1, l.cfg.Wait) })
			return 0, false, err
		}
		r, ok := l.Reserve(s.Now(), 1, l.cfg.Wait)
		if err := p.Sleep(back); err != nil {
			return 0, false, err
		}
		if r.At == sim.Never {
			return -1, ok, nil
		}
		return max(r.At.Sub(s.Now()), 0), ok, nil
	}
}

// RemoteConfig says how a [Remote] deals with the limiter that it asks.
type RemoteConfig struct {
	Timeout    time.Duration // how long to wait for an answer; 0: as long as the caller waits
	FailOpen   bool          // a call goes ahead if no answer comes; else it is rejected
	RetryAfter bool          // rejections say when it is worth trying again
	Server     bool          // it stands before a server: a rejection is [patterns.Overloaded], not [patterns.Rejected]
}

// DefaultRemoteConfig returns what Envoy's ratelimit filter does with its rate limit service: timeout
// 20 ms, failure_mode_deny false (envoy.extensions.filters.http.ratelimit.v3).
func DefaultRemoteConfig() RemoteConfig {
	return RemoteConfig{Timeout: 20 * time.Millisecond, FailOpen: true, Server: true}
}

// Validate names every field that makes no sense.
func (c RemoteConfig) Validate() error {
	f := check.Of("ratelimit")
	f.Need(c.Timeout >= 0, "RemoteConfig.Timeout", c.Timeout, "0 or more")
	return f.Err()
}

// A Remote is a policy that asks a limiter which is kept elsewhere before every call.
//
// Many clients keep one limit together, exactly, however the calls fall to them. Every call pays for
// that with a round trip, and all of them with a thing that can be slow or down: then either no call is
// made, or the limit is none.
type Remote struct {
	cfg                  RemoteConfig
	ask                  Ask
	rejected, unanswered *patterns.Error
	counts               RemoteCounts
}

// RemoteCounts says what a [Remote] did so far.
type RemoteCounts struct {
	Allowed    uint64 // calls let through, at once or after a wait, because the limiter said so
	Rejected   uint64 // calls rejected because the limiter said so
	Unanswered uint64 // calls for which no answer came
}

// NewRemote returns a policy that asks. It panics if the configuration is not valid.
func NewRemote(cfg RemoteConfig, ask Ask) *Remote {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Remote{
		cfg: cfg, ask: ask,
		rejected:   &patterns.Error{Kind: kind(cfg.Server), Layer: "ratelimit", Cause: ErrExceeded},
		unanswered: &patterns.Error{Kind: kind(cfg.Server), Layer: "ratelimit", Cause: ErrUnanswered},
	}
}

// Counts returns what happened so far.
func (r *Remote) Counts() RemoteCounts { return r.counts }

// Wrap returns next behind the limiter.
func (r *Remote) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		wait, ok, answered, err := r.question(p)
		switch {
		case err != nil:
			return patterns.Response{}, err
		case !answered:
			r.counts.Unanswered++
			if !r.cfg.FailOpen {
				return patterns.Response{}, r.unanswered
			}
		case !ok:
			r.counts.Rejected++
			now := p.Sim().Now()
			return patterns.Response{}, rejection(r.rejected, r.cfg.RetryAfter, now, now.Add(wait))
		default:
			r.counts.Allowed++
			if wait > 0 {
				if err := p.Sleep(wait); err != nil {
					return patterns.Response{}, err
				}
			}
		}
		return next(p, req)
	}
}

// question asks the limiter. The error is the end of a scope that is not this policy's.
func (r *Remote) question(p *sim.Process) (wait time.Duration, ok, answered bool, err error) {
	var scope sim.Scope
	if r.cfg.Timeout > 0 {
		scope = p.WithTimeout(r.cfg.Timeout)
		defer scope.Close()
	}
	wait, ok, err = r.ask(p)
	if _, failed := err.(*patterns.Error); failed || r.cfg.Timeout > 0 && scope.Ended(err) {
		return 0, false, false, nil
	}
	return wait, ok, true, err
}

// Package retry repeats calls that failed.
package retry

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Counts says what a [Retry] did so far.
type Counts struct {
	Calls   uint64        // calls begun
	Retries uint64        // retries made: attempts are Calls + Retries, unless a call ended before its first
	Denied  uint64        // retries that the budget refused
	TooLate uint64        // retries that could not have begun before the deadline, or within Elapsed
	Waited  time.Duration // between attempts, as planned
	Paced   time.Duration // before attempts, for a budget that limits their rate
}

// A Retry repeats a failed call, usually waiting longer each time.
//
//	begin ──▶ sent ──success, or no retry──▶ over
//	           ▲ │
//	           │ ▼ failure worth another try
//	          waiting
//
// It protects the caller from failures that pass, and pays with load on a server that may be
// failing because of load: without a [Budget], clients can keep it overloaded after the fault is
// gone, and retries at several layers multiply. What failed may have happened, so repeating it may
// do it twice. An answer that never comes is never retried: each attempt needs a timeout inside
// the Retry; another one around it limits attempts and waits together.
//
// The last attempt's error is returned as it is, except that it says that the effect may have
// happened if that is so of an earlier attempt.
type Retry struct {
	cfg       Config
	throttled Backoff // after the server was overloaded
	draws     sim.Keyed
	budget    Budget
	pacer     Pacer // the budget, if it is one
	counts    Counts
}

// New returns a retry that draws its jitter from draws, by the request's ID and attempt. The
// budget may be shared by all that call the same server; nil: one of its own, as configured. New
// panics if the configuration is not valid.
func New(cfg Config, draws sim.Keyed, budget Budget) *Retry {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	switch {
	case budget != nil:
	case cfg.Budget != nil:
		budget = cfg.Budget.New()
	default:
		budget = Unlimited{}
	}
	r := &Retry{cfg: cfg, throttled: cfg.Backoff, draws: draws, budget: budget}
	if cfg.Throttled > 0 {
		r.throttled.First = cfg.Throttled
	}
	r.pacer, _ = budget.(Pacer)
	return r
}

// Counts returns what happened so far.
func (r *Retry) Counts() Counts { return r.counts }

// Wrap returns next with retries.
func (r *Retry) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (resp patterns.Response, err error) {
		first := max(req.Attempt, 1) // more for a hedge: its attempts have numbers, and luck, of their own
		call := r.Begin(p.Now(), req)
		defer func() { r.Over(&call, p.Now()) }() // even if the caller is killed
		for {
			if err := r.pace(p); err != nil {
				return resp, err
			}
			if !r.Send(&call, p.Now()) {
				return resp, call.blame(err)
			}
			req.Attempt = first + call.Attempt - 1
			if resp, err = next(p, req); err == nil {
				r.Succeeded(&call, p.Now())
				return resp, nil
			}
			delay, again := r.Next(&call, p.Now(), deadline(p, req), err)
			if !again {
				return resp, call.blame(err)
			}
			if delay > 0 {
				if err := p.Sleep(delay); err != nil {
					return resp, err
				}
			}
			if !r.cfg.SameReplica {
				req.Avoid = resp.From
			}
		}
	}
}

// pace waits until the budget lets an attempt begin.
func (r *Retry) pace(p *sim.Process) error {
	if r.pacer == nil {
		return nil
	}
	for {
		wait := r.pacer.Wait(p.Now())
		if wait == 0 {
			return nil
		}
		r.counts.Paced += wait
		if err := p.Sleep(wait); err != nil {
			return err
		}
	}
}

// A State is one call on its way through its attempts.
type State struct {
	Attempt    int // the number of the attempt that is being made, or is to be made next: 1 at first
	phase      phase
	memo       Memo
	began      sim.Time
	key        uint64
	idempotent bool
	maybe      bool // an earlier attempt may have had its effect
	waits      Waits
	failed     patterns.Kind // how the last attempt failed
}

type phase uint8

const (
	begun   phase = iota // nothing is under way, and nothing is paid for
	sent                 // an attempt is under way
	waiting              // a retry is to be made
	over
)

// Begin starts a call at now. [Retry.Send] is to follow.
func (r *Retry) Begin(now sim.Time, req patterns.Request) State {
	r.counts.Calls++
	key := req.ID
	if key == 0 { // nameless requests must not all draw the same jitter
		key = sim.Mix(r.counts.Calls, 0)
	}
	if req.Attempt > 1 { // nor all copies of one request
		key = sim.Mix(key, uint64(req.Attempt))
	}
	return State{Attempt: 1, began: now, key: key, idempotent: req.Idempotency != 0}
}

// Send reports whether the attempt may be made at now for which it is time: the first, or the retry
// that [Retry.Next] has announced. It always may, unless it is to be paid for only now.
func (r *Retry) Send(call *State, now sim.Time) bool {
	if call.phase == waiting {
		if r.cfg.PayLate && !r.pays(call, now, call.failed) {
			call.phase = begun
			return false
		}
		r.counts.Retries++
	}
	call.phase = sent
	call.memo = r.budget.Sent(now, call.Attempt, call.memo)
	return true
}

// Succeeded says that the attempt has ended well at now.
func (r *Retry) Succeeded(call *State, now sim.Time) {
	r.ended(call, now, Ending{Result: Succeeded})
}

// Next says that the attempt has failed with err at now, and returns how long to wait before the next
// one, or that there is none. Nobody waits for the call any more after the deadline.
func (r *Retry) Next(call *State, now, deadline sim.Time, err error) (delay time.Duration, again bool) {
	failure, ok := err.(*patterns.Error)
	if !ok { // the end of a scope around it
		r.ended(call, now, Ending{})
		return 0, false
	}
	worth := r.cfg.On.Has(failure.Kind)
	end := Ending{Result: Final, Kind: failure.Kind}
	if worth || r.never(failure) {
		end.Result = Retryable
	}
	r.ended(call, now, end)
	if !worth || r.never(failure) || call.Attempt >= r.cfg.Attempts {
		return 0, false
	}
	call.maybe = call.maybe || failure.Maybe
	if r.cfg.OnlySafe && failure.Maybe && !call.idempotent {
		return 0, false
	}
	draws := r.draws.At(sim.Mix(call.key, uint64(call.Attempt)))
	delay = r.wait(call, failure, draws.Float64())
	delay, inTime := r.clip(call, now, delay)
	if !inTime || now.Add(delay) >= deadline && !r.cfg.PastDeadline {
		r.counts.TooLate++
		return 0, false
	}
	if !r.cfg.PayLate && !r.pays(call, now, failure.Kind) {
		return 0, false
	}
	r.counts.Waited += delay
	call.Attempt++
	call.phase, call.failed = waiting, failure.Kind
	return delay, true
}

// clip returns a wait that begins at now, given how long the call may take until its last retry.
func (r *Retry) clip(call *State, now sim.Time, delay time.Duration) (time.Duration, bool) {
	if r.cfg.Elapsed == 0 {
		return delay, true
	}
	left := r.cfg.Elapsed - now.Sub(call.began)
	if r.cfg.Clip {
		return min(delay, max(left, 0)), left >= 0
	}
	return delay, delay <= left
}

// pays asks the budget for a retry.
func (r *Retry) pays(call *State, now sim.Time, after patterns.Kind) (ok bool) {
	if call.memo, ok = r.budget.Spend(now, call.memo, after); !ok {
		r.counts.Denied++
	}
	return ok
}

func (r *Retry) ended(call *State, now sim.Time, e Ending) {
	if call.phase == sent {
		call.phase = begun
		r.budget.Ended(now, call.Attempt, call.memo, e)
	}
}

// Over says that the call is over at now, whatever has become of its attempt or its wait. It must be
// said of each call.
func (r *Retry) Over(call *State, now sim.Time) {
	if call.phase == over {
		return
	}
	r.ended(call, now, Ending{})
	r.budget.Over(now, call.memo, call.phase == waiting && !r.cfg.PayLate)
	call.phase = over
}

// blame returns the call's error, given that of its last attempt.
func (call *State) blame(err error) error {
	last, ok := err.(*patterns.Error)
	if !ok || last.Maybe || !call.maybe {
		return err
	}
	worse := *last
	worse.Maybe = true
	return &worse
}

// deadline returns when nobody waits for the call any more.
func deadline(p *sim.Process, req patterns.Request) sim.Time {
	at, _ := p.Deadline() // Never if there is none
	if req.Deadline != 0 {
		at = min(at, req.Deadline)
	}
	return at
}

// Package hedge sends a request once more although the first copy may yet be answered, and takes the
// answer that comes first.
package hedge

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
)

// Stride lies between the numbers of the copies of one attempt: the hedges of attempt 2 are attempts 1000002,
// 2000002, ... So every copy has a number of its own, and luck of its own, with retries around hedges, or in
// them, too.
const Stride = 1_000_000

// Counts says what a [Hedge] did so far.
type Counts struct {
	Calls     uint64 // calls begun
	Hedges    uint64 // copies sent beside the first: copies are Calls + Hedges
	Denied    uint64 // hedges that the budget refused
	Won       uint64 // calls that a hedge answered, not the first copy
	Cancelled uint64 // copies given up because another had decided the call, or because its caller had gone
}

// A Hedge sends further copies of a request that is not answered soon, usually to other replicas.
//
//	copy 1 ──Delay──▶ copy 2 ──Delay──▶ ... copy Attempts
//	   │                 │
//	   └── who succeeds first decides the call; the others are cancelled
//
// It protects callers from the slow tail of a service whose replicas are slow one at a time: who waits
// for the 95th percentile pays with 5 % more load. It makes things worse when all are slow at once, since
// slowness then makes load: without a [retry.Budget] on the hedges, up to Attempts times as much. What
// is copied may be done several times. A copy that is cancelled goes on occupying its server, unless
// the callee hears of it and honours it.
//
// A call whose answers never come ends only by a timeout around the Hedge, or around each copy.
type Hedge struct {
	cfg    Config
	budget retry.Budget
	delays *delays // nil unless they are learned
	idle   []*call // whose memory is used again
	counts Counts
}

// New returns a hedge that has learned nothing yet. The budget, which may be shared by all that call the
// same server, takes the place of the configured one unless it is nil. New panics if the configuration is
// not valid.
func New(cfg Config, now sim.Time, budget retry.Budget) *Hedge {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	if budget == nil && cfg.Budget != nil {
		budget = cfg.Budget.New()
	}
	if budget == nil {
		budget = retry.Unlimited{}
	}
	return &Hedge{cfg: cfg, budget: budget, delays: newDelays(cfg, now)}
}

// Counts returns what happened so far.
func (h *Hedge) Counts() Counts { return h.counts }

// A State is one call on its way through its copies.
type State struct {
	sent   int                   // copies
	out    int                   // of which so many are under way
	isOut  [MaxAttempts]bool     // which
	since  [MaxAttempts]sim.Time // when they were sent
	next   sim.Time              // when the next copy is due; Never: not by time
	closed bool                  // no more copies are sent
	over   bool
	maybe  bool // a copy that failed may have had its effect
	memo   retry.Memo
}

// Begin starts a call. [Hedge.Send] is to follow.
func (h *Hedge) Begin(req patterns.Request) State {
	h.counts.Calls++
	closed := h.cfg.Attempts == 1 || h.cfg.OnlySafe && req.Idempotency == 0
	return State{next: sim.Never, closed: closed}
}

// Send sends, at now, the copy that it is time for: the first, or one that is due (see [State.Due]). It
// returns the copy's number, counted from 1. A hedge may be refused; then there will be no other.
func (h *Hedge) Send(call *State, now sim.Time) (n int, ok bool) {
	if call.sent > 0 {
		var paid bool
		if call.memo, paid = h.budget.Spend(now, call.memo, patterns.Timeout); !paid {
			h.counts.Denied++
			call.close()
			return 0, false
		}
		h.counts.Hedges++
	}
	n = call.sent + 1
	call.memo = h.budget.Sent(now, n, call.memo)
	call.isOut[call.sent], call.since[call.sent] = true, now
	call.sent, call.out = n, call.out+1
	call.next = sim.Never
	if n == h.cfg.Attempts {
		call.closed = true
	} else if delay := h.delay(n, now); !call.closed && delay >= 0 {
		call.next = now.Add(delay)
	}
	return n, true
}

// delay returns how long the next copy waits when n were sent, or never.
func (h *Hedge) delay(n int, now sim.Time) time.Duration {
	switch h.cfg.Mode {
	case Fixed:
		return h.cfg.Delay
	case Dynamic:
		return h.cfg.Delays[min(n, len(h.cfg.Delays))-1]
	case Fallback:
		return never
	}
	return h.delays.at(now)
}

// Due returns when the next copy is to be sent, if nothing happens before: [sim.Never] if that depends on
// what happens.
func (call *State) Due() sim.Time { return call.next }

// close lets no more copies be sent.
func (call *State) close() { call.closed, call.next = true, sim.Never }

// Ended reports that copy n ended at now, with err, and returns whether that decides the call: it is
// over, with this copy's result. An error that is no [*patterns.Error] is the end of a scope around the
// copy: nothing was learned.
func (h *Hedge) Ended(call *State, now sim.Time, n int, err error) (decides bool) {
	i := n - 1
	call.isOut[i] = false
	call.out--
	failure, failed := err.(*patterns.Error)
	switch {
	case err == nil:
		h.budget.Ended(now, n, call.memo, retry.Ending{Result: retry.Succeeded})
	case !failed:
		h.budget.Ended(now, n, call.memo, retry.Ending{})
		return false
	default:
		result := retry.Final
		if h.cfg.On.Has(failure.Kind) {
			result = retry.Retryable
		}
		h.budget.Ended(now, n, call.memo, retry.Ending{Result: result, Kind: failure.Kind})
		call.maybe = call.maybe || failure.Maybe
	}
	h.learn(now, n, now.Sub(call.since[i]), err, failure)
	if err == nil || !h.cfg.On.Has(failure.Kind) {
		if err == nil && n > 1 {
			h.counts.Won++
		}
		return true
	}
	switch {
	case call.closed:
	case h.cfg.Pushback && failure.RetryAfter < 0:
		call.close()
	case h.cfg.Pushback && failure.RetryAfter > 0:
		call.next = now.Add(failure.RetryAfter)
	case h.cfg.OnFailure == Hurry:
		call.next = now
	case h.cfg.OnFailure == Wait && call.out == 0:
		call.close()
	}
	return call.out == 0 && call.next == sim.Never
}

// learn learns from a copy that ended by itself.
func (h *Hedge) learn(now sim.Time, n int, took time.Duration, err error, failure *patterns.Error) {
	if h.delays == nil {
		return
	}
	counts := err == nil
	switch h.cfg.Learn.From {
	case Results:
		counts = true
	case Firsts:
		counts = n == 1
	case Outrun:
		counts = counts || failure.Kind == patterns.Timeout
	}
	if counts {
		h.delays.learn(now, took)
	}
}

// Over says that the call is over at now. Copies that are still under way are given up; decided says
// whether because another had decided the call, and not because its caller had gone. It must be said of
// each call, once, and nothing after it.
func (h *Hedge) Over(call *State, now sim.Time, decided bool) {
	call.over = true
	call.close()
	for i := range call.sent {
		if !call.isOut[i] {
			continue
		}
		h.counts.Cancelled++
		h.budget.Ended(now, i+1, call.memo, retry.Ending{})
		if decided && h.delays != nil && h.cfg.Learn.From == Outrun {
			h.delays.learn(now, now.Sub(call.since[i]))
		}
	}
	h.budget.Over(now, call.memo, false)
}

// blame returns the error with which a call fails: err, except that it says that the effect may have
// happened if that is so of another copy, which every copy under way may bring about.
func (call *State) blame(err error) error {
	last, ok := err.(*patterns.Error)
	if !ok || last.Maybe || !call.maybe && call.out == 0 {
		return err
	}
	worse := *last
	worse.Maybe = true
	return &worse
}

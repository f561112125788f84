package queue

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// InboxConfig says how long an [Inbox] remembers.
type InboxConfig struct {
	TTL  time.Duration // a finished request is remembered for so long
	Lock time.Duration // an unfinished one blocks its repetition for so long
}

// DefaultInboxConfig remembers for 24 hours, as Stripe's idempotency keys do, and blocks for a minute.
func DefaultInboxConfig() InboxConfig { return InboxConfig{TTL: 24 * time.Hour, Lock: time.Minute} }

// Validate names every field that makes no sense.
func (c InboxConfig) Validate() error {
	var errs []error
	if c.TTL <= 0 {
		errs = append(errs, fmt.Errorf("queue: inbox ttl is %v, need more than 0", c.TTL))
	}
	if c.Lock <= 0 {
		errs = append(errs, fmt.Errorf("queue: inbox lock is %v, need more than 0", c.Lock))
	}
	return errors.Join(errs...)
}

// A Verdict is what an Inbox knows of a key.
type Verdict uint8

// The verdicts of [Inbox.Begin].
const (
	First Verdict = iota // not seen: do it
	Busy                 // somebody is doing it
	Again                // done: here is the answer
)

func (v Verdict) String() string { return [...]string{"first", "busy", "again"}[v] }

// An Inbox remembers by idempotency key what has been done, so that a repetition is answered
// instead of done again.
//
//	absent ──Begin──▶ in progress ──Finish──▶ done
//	  ▲                    │                    │
//	  ├──Abandon, or Lock──┘                    │
//	  └──────────────────TTL────────────────────┘
//
// It makes "at least once" look like once, as far as its memory reaches: a repetition after TTL,
// after a failure that was none, or after Lock while the first still works, is done again. A key
// that is begun and never finished blocks its repetitions until Lock has passed.
type Inbox struct {
	cfg     InboxConfig
	entries map[uint64]entry // looked up, never ranged over
	done    []finished       // in order of time
	head    int
}

type entry struct {
	since  sim.Time
	done   bool
	answer patterns.Response
}

type finished struct {
	at  sim.Time
	key uint64
}

// NewInbox returns an empty inbox. It panics if cfg is not valid.
func NewInbox(cfg InboxConfig) *Inbox {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Inbox{cfg: cfg, entries: map[uint64]entry{}}
}

// Begin asks to do what the key stands for. After First, Finish or Abandon should follow.
func (x *Inbox) Begin(now sim.Time, key uint64) (Verdict, patterns.Response) {
	x.forget(now)
	switch e, seen := x.entries[key]; {
	case seen && e.done:
		return Again, e.answer
	case seen && now < e.since.Add(x.cfg.Lock):
		return Busy, patterns.Response{}
	}
	x.entries[key] = entry{since: now}
	return First, patterns.Response{}
}

// Finish says that it was done, with this answer. The first answer stays.
func (x *Inbox) Finish(now sim.Time, key uint64, answer patterns.Response) {
	x.forget(now)
	if x.entries[key].done {
		return
	}
	x.entries[key] = entry{since: now, done: true, answer: answer}
	x.done = append(x.done, finished{now, key})
}

// Abandon says that what was begun then has failed: a repetition may try again at once. If
// somebody else has begun after Lock, that is theirs to end.
func (x *Inbox) Abandon(key uint64, begun sim.Time) {
	if e := x.entries[key]; !e.done && e.since == begun {
		delete(x.entries, key)
	}
}

// Len returns how many keys are remembered.
func (x *Inbox) Len() int { return len(x.entries) }

// forget drops what was finished TTL ago.
func (x *Inbox) forget(now sim.Time) {
	for x.head < len(x.done) && x.done[x.head].at.Add(x.cfg.TTL) <= now {
		delete(x.entries, x.done[x.head].key)
		x.head++
	}
	if x.head > 64 && 2*x.head > len(x.done) {
		x.done = append(x.done[:0], x.done[x.head:]...)
		x.head = 0
	}
}

// Wrap returns the call as an idempotent receiver makes it: a request whose key was done is
// answered from memory, one whose key is in progress gets a Conflict. A request without a key
// passes. Work that is killed, or whose caller gives up, leaves its key in progress. All receivers
// that share an inbox share one store, on the kernel's clock; that store itself does not fail.
func (x *Inbox) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if req.Idempotency == 0 {
			return next(p, req)
		}
		begun := p.Sim().Now()
		switch verdict, answer := x.Begin(begun, req.Idempotency); verdict {
		case Again:
			return answer, nil
		case Busy:
			return patterns.Response{}, &patterns.Error{Kind: patterns.Conflict, Layer: "inbox", Maybe: true}
		}
		resp, err := next(p, req)
		if err == nil {
			x.Finish(p.Sim().Now(), req.Idempotency, resp)
		} else if _, failed := err.(*patterns.Error); failed {
			x.Abandon(req.Idempotency, begun)
		}
		return resp, err
	}
}

// Package queue decouples who asks from who does the work: an asynchronous queue that delivers
// at least once.
//
// A [Queue] is the state machine and has no clock. A [Broker] runs it in simulated time, with
// consumers that work off messages by a [patterns.Call]. What is done twice because a message was
// delivered twice is seen by whoever does the work; [Idempotent] keeps it from happening again.
package queue

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Config says how a queue keeps its messages. Its words and rules are those of Amazon SQS.
type Config struct {
	Capacity    int           // messages that may wait; more are refused. Zero: no limit
	Visibility  time.Duration // a message that was received and neither acked nor nacked by then is given out again
	Receives    int           // times a message is given out before it counts as dead. Zero: no limit
	DeadLetters bool          // dead messages are kept for [Queue.Redrive]; else dropped
	Retention   time.Duration // a message older than this is deleted, wherever it is. Zero: never
	Delay       time.Duration // from Send until the message can be received
	Backoff     time.Duration // a nacked message waits this long, twice as long each time. Zero: not at all
	MaxBackoff  time.Duration // where the doubling stops. Zero: nowhere
	AckFirst    bool          // consumers ack before the work: at most once instead of at least once
}

// DefaultConfig is an SQS queue with a dead-letter queue: visibility 30 s, retention 4 days,
// dead after 10 receives (SQS API reference; AWS console for the redrive policy).
func DefaultConfig() Config {
	return Config{Visibility: 30 * time.Second, Receives: 10, DeadLetters: true, Retention: 4 * 24 * time.Hour}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("queue: "+format, args...))
		}
	}
	check(c.Capacity >= 0, "capacity is %d, need 0 or more", c.Capacity)
	check(c.Visibility > 0, "visibility is %v, need more than 0", c.Visibility)
	check(c.Receives >= 0, "receives is %d, need 0 or more", c.Receives)
	check(c.Retention >= 0, "retention is %v, need 0 or more", c.Retention)
	check(c.Delay >= 0, "delay is %v, need 0 or more", c.Delay)
	check(c.Backoff >= 0, "backoff is %v, need 0 or more", c.Backoff)
	check(c.MaxBackoff == 0 || c.MaxBackoff >= c.Backoff, "max backoff is %v, need 0 or at least the backoff of %v", c.MaxBackoff, c.Backoff)
	return errors.Join(errs...)
}

// A Message is work that was sent, as a consumer gets it. It is also the receipt by which the
// consumer reports: only that of the latest receive counts.
type Message struct {
	ID       uint64           // messages of a queue are counted from 1; a redriven one is counted anew
	Request  patterns.Request // what is to be done
	Sent     sim.Time
	Receives int // how often the message has been given out, this time included

	slot uint32
}

// Counts says what has become of the messages of a queue.
type Counts struct {
	Sent     uint64 // accepted
	Acked    uint64 // done
	Queued   uint64 // waiting, delayed ones included
	InFlight uint64 // with a consumer
	Dead     uint64 // given out too often without success
	Expired  uint64 // older than the retention

	Refused  uint64 // not accepted: the queue was full
	Received uint64 // times that a message was given out
	Stale    uint64 // reports that came too late to count
}

// A Queue gives every message out until a consumer says that it is done.
//
//	Send ──Delay──▶ queued ──Receive──▶ in flight ──Ack──▶ done
//	                  ▲  │                  │
//	                  │  └─Receives used──▶ dead
//	                  └──Nack, Visibility───┘             anywhere ──Retention──▶ expired
//
// It protects callers from slow and absent workers, and pays with time: "accepted" is not "done",
// and whoever looks must be told so. A consumer that dies leaves its message to come back after
// Visibility; one that is merely slow finds its message given to another: the work is done twice.
// Messages come in about the order in which they became visible; none is promised.
type Queue struct {
	cfg     Config
	counts  Counts
	serial  uint64 // of the latest message
	slots   []slot
	free    []uint32
	ready   fifo // visible messages
	sent    fifo // all messages, oldest first, if they can expire
	later   heap // messages that become visible at a known instant
	letters []Message
}

type slot struct {
	msg   Message // ID zero: free
	turn  uint32  // counts the message's moves; references to an older one are stale
	place place
}

type place uint8

const (
	ready place = iota
	delayed
	inFlight
)

// New returns an empty queue. It panics if cfg is not valid.
func New(cfg Config) *Queue {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Queue{cfg: cfg}
}

// Send takes a message in, and reports whether there was room.
func (q *Queue) Send(now sim.Time, req patterns.Request) bool {
	q.settle(now)
	if q.cfg.Capacity > 0 && q.counts.Queued >= uint64(q.cfg.Capacity) {
		q.counts.Refused++
		return false
	}
	q.counts.Sent++
	q.counts.Queued++
	s := q.take(now, req)
	q.show(s, now.Add(q.cfg.Delay), now)
	return true
}

// Receive gives out the message that has been visible longest, if there is one. A message that
// has been given out Receives times is dead now, not when it came back: as in SQS, dead letters
// need a consumer to find them.
func (q *Queue) Receive(now sim.Time) (Message, bool) {
	q.settle(now)
	for {
		r, ok := q.ready.pop()
		if !ok {
			return Message{}, false
		}
		s := q.slot(r)
		if s == nil {
			continue
		}
		if q.cfg.Receives > 0 && s.msg.Receives >= q.cfg.Receives {
			q.bury(s)
			continue
		}
		s.msg.Receives++
		q.counts.Received++
		q.counts.Queued--
		q.counts.InFlight++
		q.await(s, inFlight, now.Add(q.cfg.Visibility))
		return s.msg, true
	}
}

// Ack says that the work of a message is done. It reports false if that comes too late: the
// message has been given out anew, is dead or has expired. That Visibility has passed is not too
// late as long as nobody else has received the message.
func (q *Queue) Ack(now sim.Time, m Message) bool {
	s := q.held(now, m)
	if s == nil {
		return false
	}
	q.leave(s)
	q.counts.Acked++
	q.release(s)
	return true
}

// Nack gives a message back before its time: it becomes visible after a back-off. It reports
// false if the message is not in flight by this receive any more.
func (q *Queue) Nack(now sim.Time, m Message) bool {
	s := q.held(now, m)
	if s == nil || s.place != inFlight {
		return false
	}
	q.leave(s)
	q.counts.Queued++
	q.show(s, now.Add(q.backoff(s.msg.Receives)), now)
	return true
}

// Extend lets the consumer keep a message until d from now. It reports false if the message is not
// in flight by this receive any more.
func (q *Queue) Extend(now sim.Time, m Message, d time.Duration) bool {
	s := q.held(now, m)
	if s == nil || s.place != inFlight {
		return false
	}
	q.await(s, inFlight, now.Add(d))
	return true
}

// Redrive puts the dead letters back, as if sent now, and returns how many they were.
func (q *Queue) Redrive(now sim.Time) int {
	q.settle(now)
	n := len(q.letters)
	for _, m := range q.letters {
		q.counts.Dead--
		q.counts.Queued++
		q.show(q.take(now, m.Request), now, now)
	}
	q.letters = nil
	return n
}

// DeadLetters returns the dead messages that were kept, oldest death first.
func (q *Queue) DeadLetters() []Message { return q.letters }

// Counts returns what has become of the messages, as of now.
func (q *Queue) Counts(now sim.Time) Counts {
	q.settle(now)
	return q.counts
}

// Next returns when the next message becomes visible that is not yet: [sim.Never] if none will.
func (q *Queue) Next() sim.Time {
	for len(q.later) > 0 {
		if e := q.later[0]; q.slot(e.ref) != nil {
			return e.at
		}
		q.later.pop()
	}
	return sim.Never
}

// Check compares the counts with what the queue holds: no message is lost, none is made up.
func (q *Queue) Check() error {
	var queued, flying uint64
	for i := range q.slots {
		if s := &q.slots[i]; s.msg.ID == 0 {
			continue
		} else if s.place == inFlight {
			flying++
		} else {
			queued++
		}
	}
	c := q.counts
	if queued != c.Queued || flying != c.InFlight || c.Sent != c.Acked+queued+flying+c.Dead+c.Expired {
		return fmt.Errorf("queue: messages are not conserved: sent %d = acked %d + queued %d + in flight %d + dead %d + expired %d; it holds %d queued and %d in flight",
			c.Sent, c.Acked, c.Queued, c.InFlight, c.Dead, c.Expired, queued, flying)
	}
	return nil
}

// settle makes happen what time alone has done until now: messages become visible, or expire.
func (q *Queue) settle(now sim.Time) {
	for len(q.later) > 0 && q.later[0].at <= now {
		e := q.later.pop()
		if s := q.slot(e.ref); s != nil {
			if s.place == inFlight {
				q.counts.InFlight--
				q.counts.Queued++
			}
			q.show(s, e.at, now)
		}
	}
	if q.cfg.Retention == 0 {
		return
	}
	for {
		r, ok := q.sent.front()
		if !ok {
			return
		}
		s := &q.slots[r.slot]
		if s.msg.ID == r.id {
			if s.msg.Sent.Add(q.cfg.Retention) > now {
				return
			}
			q.leave(s)
			q.counts.Expired++
			q.release(s)
		}
		q.sent.pop()
	}
}

// held returns the slot of a message whose latest receive was m, or nil and counts it.
func (q *Queue) held(now sim.Time, m Message) *slot {
	q.settle(now)
	if m.ID != 0 && int(m.slot) < len(q.slots) {
		if s := &q.slots[m.slot]; s.msg.ID == m.ID && s.msg.Receives == m.Receives {
			return s
		}
	}
	q.counts.Stale++
	return nil
}

// show makes a message visible at an instant: at once if that is not after now.
func (q *Queue) show(s *slot, at, now sim.Time) {
	if at > now {
		q.await(s, delayed, at)
		return
	}
	s.place = ready
	s.turn++
	q.ready.push(s.ref())
}

// await keeps a message out of sight until an instant.
func (q *Queue) await(s *slot, where place, until sim.Time) {
	s.place = where
	s.turn++
	q.later.push(event{at: until, ref: s.ref()})
}

func (q *Queue) backoff(receives int) time.Duration {
	d := q.cfg.Backoff
	for i := 1; i < receives && d > 0 && (q.cfg.MaxBackoff == 0 || d < q.cfg.MaxBackoff); i++ {
		if bits.LeadingZeros64(uint64(d)) < 2 {
			break // doubling once more would overflow
		}
		d *= 2
	}
	if q.cfg.MaxBackoff > 0 {
		d = min(d, q.cfg.MaxBackoff)
	}
	return d
}

// bury ends a message that was given out too often.
func (q *Queue) bury(s *slot) {
	q.leave(s)
	q.counts.Dead++
	if q.cfg.DeadLetters {
		q.letters = append(q.letters, s.msg)
	}
	q.release(s)
}

// leave takes a message out of the count of its place.
func (q *Queue) leave(s *slot) {
	if s.place == inFlight {
		q.counts.InFlight--
	} else {
		q.counts.Queued--
	}
}

// take makes a slot for a new message.
func (q *Queue) take(now sim.Time, req patterns.Request) *slot {
	var i uint32
	if n := len(q.free); n > 0 {
		i = q.free[n-1]
		q.free = q.free[:n-1]
	} else {
		i = uint32(len(q.slots))
		q.slots = append(q.slots, slot{})
	}
	s := &q.slots[i]
	q.serial++
	s.msg = Message{ID: q.serial, Request: req, Sent: now, slot: i}
	if q.cfg.Retention > 0 {
		q.sent.push(ref{slot: i, id: s.msg.ID})
	}
	return s
}

func (q *Queue) release(s *slot) {
	i := s.msg.slot
	s.msg = Message{}
	s.turn++
	q.free = append(q.free, i)
}

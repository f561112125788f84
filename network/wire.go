package network

import (
	"errors"
	"time"

	"github.com/nines-sim/nines/sim"
)

// What a caller sees of the network.
var (
	ErrRefused     = errors.New("network: connection refused")    // nobody listens there: certainly not done
	ErrReset       = errors.New("network: connection reset")      // the peer is gone: it may have been done
	ErrUnreachable = errors.New("network: peer does not respond") // silence for longer than Config.GiveUp
)

// A stage is how far an exchange has come.
//
//	asking ──arrives──▶ serving ──Reply, Close──▶ answering ──arrives──▶ over
//	   │                   │                          ▲
//	   │ no power          │ PowerOff                 │ PowerOn
//	   └───────────────────┴────────▶ silent ─────────┘
type stage uint8

const (
	asking    stage = iota // the request is on its way, or waits to be sent again
	serving                // the server has it
	silent                 // it ended at a host without power
	answering              // the answer, or the news of a reset, is on its way
	over
)

// A wire is an exchange without what it carries. It is used again once nobody can refer to it: not
// the caller, not the server, no message and no timer.
type wire struct {
	n        *Network
	inner    carrier
	from, to *Host
	port     *port // where it is in service, if at a Listener
	key      uint64
	size     [2]int // of the request and of the answer, in bytes
	ordered  bool
	cancels  bool // the server is told when the caller gives up

	stage     stage
	refs      int
	since     sim.Time // when the message that has not arrived was first sent, or the power went
	boots     uint64   // of the server's host when the answer was sent
	tries     int      // how often a message was sent again
	ticket    sim.Ticket
	waiting   bool  // the caller is there
	parked    bool  // the caller is inside its wait
	held      bool  // the server may reply
	abandoned bool  // the news that the caller gave up has arrived
	fate      error // ErrReset or ErrUnreachable in place of an answer

	list       *list // which it is in: its host's serving or silent
	prev, next *wire
}

// A carrier is the exchange around a wire.
type carrier interface {
	serve()   // hands the request to the server
	abandon() // tells the server that nobody waits any more
	late()    // the answer has arrived, and nobody waits any more
	recycle() // nobody refers to it any more
}

// clear makes a wire that nobody refers to as good as new, where that matters.
func (w *wire) clear() {
	w.stage, w.tries, w.held, w.abandoned, w.fate, w.port = asking, 0, false, false, nil, nil
}

func (w *wire) release() {
	if w.refs--; w.refs == 0 {
		w.inner.recycle()
	}
}

// post sends one message of the exchange, which refers to it until it has arrived or failed.
func (w *wire) post(from, to *Host, size int, key uint64, arrived, failed func(any)) bool {
	l := from.link(to)
	p := w.n.packet(l, size, key)
	p.single, p.deliver, p.fail, p.arg = true, arrived, failed, w
	if w.ordered {
		p.conn = &l.conn
	}
	w.refs++
	if !w.n.post(p) {
		w.refs--
		return false
	}
	return true
}

func (w *wire) ask() {
	if w.tries == 0 {
		w.since = w.n.s.Now()
	}
	w.post(w.from, w.to, w.size[0], w.attempt(w.key), asked, askFailed)
}

// attempt returns the key of a message that may have been sent before.
func (w *wire) attempt(key uint64) uint64 {
	if w.tries > 0 {
		return derive(key, again+uint64(w.tries))
	}
	return key
}

func asked(arg any) {
	w := arg.(*wire)
	if w.abandoned {
		w.stage = over
	} else {
		w.stage, w.tries, w.held = serving, 0, true
		w.refs++
		w.to.serving.push(w)
		w.inner.serve()
	}
	w.release()
}

func askFailed(arg any) {
	w := arg.(*wire)
	if w.waiting {
		if w.to.powered {
			w.sendAgain()
		} else {
			w.fallSilent()
		}
	}
	w.release()
}

// answer sends the answer, or the news of a reset, to the caller.
func (w *wire) answer() bool {
	size := w.size[1]
	if w.fate != nil {
		size = 0
	}
	if w.tries == 0 {
		w.since = w.n.s.Now()
	}
	w.boots = w.to.boots
	return w.post(w.to, w.from, size, w.attempt(derive(w.key, answered)), answerArrived, answerFailed)
}

func answerArrived(arg any) {
	w := arg.(*wire)
	w.stage = over
	if !w.wake() && w.fate == nil {
		w.inner.late()
	}
	w.release()
}

func answerFailed(arg any) {
	w := arg.(*wire)
	if w.waiting {
		w.sendAgain()
	}
	w.release()
}

// reset ends the exchange on the server's side, which will not answer, and tells the caller.
func (w *wire) reset() {
	w.unlist()
	if w.abandoned {
		w.stage = over
		return
	}
	w.stage, w.fate = answering, ErrReset
	w.answer()
}

// fallSilent ends the exchange at a host without power.
func (w *wire) fallSilent() {
	if w.stage == serving {
		w.since = w.n.s.Now()
	}
	w.unlist()
	w.stage, w.tries = silent, 0
	if w.waiting {
		w.to.silent.push(w)
		w.limitSilence()
	}
}

// sendAgain plans what the kernel of the sender does about a message that did not arrive.
func (w *wire) sendAgain() {
	cfg := &w.n.cfg
	if cfg.Retransmit == 0 {
		w.limitSilence()
		return
	}
	const longest = 2 * time.Minute // TCP_RTO_MAX in Linux
	wait := longest
	if w.tries < 20 {
		wait = min(longest, cfg.Retransmit<<w.tries)
	}
	at := w.n.s.Now().Add(wait)
	if cfg.GiveUp > 0 && at >= w.since.Add(cfg.GiveUp) {
		w.limitSilence()
		return
	}
	w.tries++
	w.refs++
	w.n.s.AtCall(at, sendAgain, w)
}

func sendAgain(arg any) {
	w := arg.(*wire)
	switch {
	case !w.waiting:
	case w.stage == asking:
		w.ask()
	case w.stage == answering:
		if w.boots != w.to.boots {
			w.fate = ErrReset
		}
		w.answer()
	}
	w.release()
}

// limitSilence makes the caller's host give up on the peer in time.
func (w *wire) limitSilence() {
	if limit := w.n.cfg.GiveUp; limit > 0 {
		w.refs++
		w.n.s.AtCall(max(w.n.s.Now(), w.since.Add(limit)), giveUp, w)
	}
}

func giveUp(arg any) {
	w := arg.(*wire)
	if w.waiting {
		w.fate = ErrUnreachable
		w.wake()
		if w.stage == silent {
			w.unlist()
		}
	}
	w.release()
}

// wake ends the caller's wait, and reports whether there was one. If it has just ended otherwise, the
// caller is about to leave.
func (w *wire) wake() bool {
	woken := w.ticket.Wake()
	if woken {
		w.waiting = false
	}
	return woken
}

// leave is the caller's last step, whether it was answered, gave up, or is being killed.
func (w *wire) leave() {
	if w.waiting {
		w.waiting = false
		if w.stage == silent || w.stage == serving && !w.held {
			w.unlist()
			w.stage = over
		}
		if w.cancels && w.stage <= serving {
			if w.parked {
				w.n.orphans.add(w)
			} else {
				w.hangUp()
			}
		}
	}
	w.release()
}

// hangUp tells the server that nobody waits any more.
func (w *wire) hangUp() {
	w.post(w.from, w.to, 0, derive(w.key, gaveUp), hungUp, hangUpFailed)
}

func hungUp(arg any) {
	w := arg.(*wire)
	w.abandoned = true
	if w.stage == serving {
		w.inner.abandon()
	}
	w.release()
}

func hangUpFailed(arg any) { arg.(*wire).release() }

func (w *wire) unlist() {
	if w.list != nil {
		w.list.remove(w)
	}
}

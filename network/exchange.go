package network

import "github.com/nines-sim/nines/sim"

// A Transport carries requests of type Q to servers, and their answers of type A back. Its fields
// may be set before its first call.
type Transport[Q, A any] struct {
	RequestBytes int  // size of a request on the wire
	AnswerBytes  int  // size of an answer, unless the server sets another
	Ordered      bool // the exchanges between two hosts share a connection: none overtakes another
	Cancels      bool // servers hear of callers who gave up

	// OnLate, if set, is called with every answer that arrives when its caller has given up.
	OnLate func(q Q, a A)

	n    *Network
	free []*Exchange[Q, A]
}

// NewTransport returns a transport over a network.
func NewTransport[Q, A any](n *Network) *Transport[Q, A] { return &Transport[Q, A]{n: n} }

// A Server answers requests. Serve is called when one arrives, not in a process: it must not wait.
// It replies at once, or keeps the exchange and replies later. [Listener] gives a server the life
// cycle of a process.
type Server[Q, A any] interface {
	Serve(x *Exchange[Q, A])
}

// An Exchange is a request that a server has accepted. The server calls Reply or Forget once, and
// refers to the exchange no more after that, or after its own death: its memory is used again.
type Exchange[Q, A any] struct {
	Request     Q
	From, To    *Host
	AnswerBytes int // may be set before Reply

	// OnAbandon is called when the news arrives that the caller has given up, which it does only on
	// a transport that cancels. Serve may set it. Reply or Forget must still be called.
	OnAbandon func(x *Exchange[Q, A])

	wire   wire
	t      *Transport[Q, A]
	server Server[Q, A]
	answer A
	err    error
}

// Call sends a request and waits for the answer. The error is what the server replied with,
// [ErrRefused], [ErrReset], [ErrUnreachable], or whatever else ended the wait of p, unchanged. A
// caller that is killed has given up. A nil server is one where nobody listens. The key is the
// identity of the request, from which its luck and that of its answer are drawn; 0 is none.
func (t *Transport[Q, A]) Call(p *sim.Process, from, to *Host, srv Server[Q, A], key uint64, q Q) (answer A, err error) {
	if err := p.Err(); err != nil {
		return answer, err
	}
	x := t.exchange()
	x.Request, x.From, x.To, x.AnswerBytes, x.server = q, from, to, t.AnswerBytes, srv
	w := &x.wire
	w.from, w.to, w.key, w.size = from, to, key, [2]int{t.RequestBytes, 0}
	w.ordered, w.cancels = t.Ordered, t.Cancels
	w.refs, w.waiting = 1, true
	if t.Cancels {
		t.n.orphans.watch(t.n.s)
	}
	defer w.leave()
	w.ticket = p.Ticket(to.awaited)
	w.ask()
	w.parked = true
	err = p.Park()
	w.parked = false
	switch {
	case err != nil:
		return answer, err
	case w.fate != nil:
		return answer, w.fate
	}
	return x.answer, x.err
}

// Reply sends the answer back. It is ignored if the exchange has ended meanwhile because the
// server's listener was closed or its host lost power, or if the news has arrived that the caller
// gave up. It panics if the exchange was answered before.
func (x *Exchange[Q, A]) Reply(a A, err error) {
	w := &x.wire
	if !w.held {
		panic("network: an exchange with " + x.To.name + " is answered twice")
	}
	switch {
	case w.stage != serving:
	case w.abandoned:
		w.unlist()
		w.stage = over
	default:
		x.answer, x.err = a, err
		w.size[1] = x.AnswerBytes
		w.stage = answering
		if !w.answer() {
			w.stage = serving // the words of a process that is being unwound
			return
		}
		w.unlist()
	}
	w.held = false
	w.release()
}

// Forget lets go of the exchange without an answer: the caller hears nothing. It panics if the
// exchange was answered before.
func (x *Exchange[Q, A]) Forget() {
	w := &x.wire
	if !w.held {
		panic("network: an exchange with " + x.To.name + " is forgotten after its answer")
	}
	w.held = false
	if w.stage == serving && !w.waiting {
		w.unlist()
		w.stage = over
	}
	w.release()
}

// Cancels reports whether the news will come if the caller gives up: whether the transport cancels.
func (x *Exchange[Q, A]) Cancels() bool { return x.wire.cancels }

// Abandoned reports whether the news has arrived that the caller has given up.
func (x *Exchange[Q, A]) Abandoned() bool { return x.wire.abandoned }

func (t *Transport[Q, A]) exchange() *Exchange[Q, A] {
	if last := len(t.free) - 1; last >= 0 {
		x := t.free[last]
		t.free = t.free[:last]
		return x
	}
	x := &Exchange[Q, A]{t: t}
	x.wire.n = t.n
	x.wire.inner = (*contents[Q, A])(x)
	return x
}

// contents is an Exchange as its wire sees it.
type contents[Q, A any] Exchange[Q, A]

func (c *contents[Q, A]) serve() {
	x := (*Exchange[Q, A])(c)
	if x.server == nil {
		x.Reply(x.answer, ErrRefused)
		return
	}
	x.server.Serve(x)
}

func (c *contents[Q, A]) abandon() {
	if c.OnAbandon != nil {
		c.OnAbandon((*Exchange[Q, A])(c))
	}
}

func (c *contents[Q, A]) late() {
	if c.t.OnLate != nil && c.err == nil {
		c.t.OnLate(c.Request, c.answer)
	}
}

func (c *contents[Q, A]) recycle() {
	x := (*Exchange[Q, A])(c)
	var none A
	x.answer, x.err, x.server, x.OnAbandon = none, nil, nil, nil
	x.wire.clear()
	x.t.free = append(x.t.free, x)
}

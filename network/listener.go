package network

// A Listener is where the process of a server listens, on one host. It begins open.
type Listener[Q, A any] struct {
	port
	server Server[Q, A]
}

// A port is a Listener without what it carries.
type port struct {
	host *Host
	open bool
}

// Listen returns an open listener of the server. Callers call the listener:
//
//	answer, err := t.Call(p, from, l.Host(), l, key, request)
func (t *Transport[Q, A]) Listen(h *Host, server Server[Q, A]) *Listener[Q, A] {
	return &Listener[Q, A]{port{h, true}, server}
}

// Serve hands the request to the server, or refuses it if the listener is closed.
func (l *Listener[Q, A]) Serve(x *Exchange[Q, A]) {
	if x.To != l.host {
		panic("network: a call to " + x.To.name + " of a listener on " + l.host.name)
	}
	if !l.open {
		var none A
		x.Reply(none, ErrRefused)
		return
	}
	x.wire.port = &l.port
	l.server.Serve(x)
}

// Host returns the host on which it listens.
func (l *port) Host() *Host { return l.host }

// Listening reports whether the listener is open.
func (l *port) Listening() bool { return l.open }

// Open makes the listener accept requests.
func (l *port) Open() { l.open = true }

// Close makes the listener refuse requests. With reset the process has died: whoever waits for an
// answer from it sees a reset, and later replies are ignored. Without, what is in service may
// still be answered. Whoever kills the process that listens closes first: the dead cannot.
func (l *port) Close(reset bool) {
	l.open = false
	if !reset {
		return
	}
	for w := l.host.serving.first; w != nil; {
		next := w.next
		if w.port == l {
			w.reset()
		}
		w = next
	}
}

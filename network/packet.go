package network

import "github.com/nines-sim/nines/sim"

// Send sends a message of size bytes. When it arrives, deliver is called with arg; twice if the
// network makes a copy, never if it is lost. The key is the message's identity, from which its
// luck is drawn; 0 is none.
func (n *Network) Send(from, to *Host, size int, key uint64, deliver func(any), arg any) {
	n.post(from.link(to), message{size: size, key: key, deliver: deliver, arg: arg})
}

// A Conn is one direction of a connection: no message on it overtakes an earlier one, and none
// arrives twice. A message that is lost leaves a gap.
type Conn struct {
	link *link
	last sim.Time // when the message before arrives
}

// Connect returns a new connection from one host to another, for messages in that direction.
func (n *Network) Connect(from, to *Host) *Conn { return &Conn{link: from.link(to)} }

// Send is [Network.Send] on the connection.
func (c *Conn) Send(size int, key uint64, deliver func(any), arg any) {
	c.link.n.post(c.link, message{size: size, key: key, conn: c, single: true, deliver: deliver, arg: arg})
}

// A message is what is sent. Either deliver or fail is called for it, fail perhaps at once.
type message struct {
	size    int
	key     uint64
	conn    *Conn // whose order it keeps, or nil
	single  bool  // the receiver would know a copy and drop it, so that none is made
	deliver func(any)
	fail    func(any) // nil: nobody asks
	arg     any
}

func (m *message) failed() {
	if m.fail != nil {
		m.fail(m.arg)
	}
}

// A packet is a message on its way.
type packet struct {
	link *link
	message
}

// Purposes for which a key is derived from a message's own.
const (
	copied = iota + 1
	answered
	gaveUp
	again
)

// derive returns the key of something that belongs to a message. What has no key passes on none.
func derive(key, purpose uint64) uint64 {
	if key == 0 {
		return 0
	}
	return sim.Mix(key, purpose)
}

// post sends a message. It reports false if the sender is a process that is being unwound: what
// the dead send is ignored, and counts as blocked.
func (n *Network) post(l *link, m message) bool {
	if l.epoch != n.epoch {
		l.refresh()
	}
	if m.size < 0 {
		panic("network: a message of negative size from " + l.from.name + " to " + l.to.name)
	}
	if m.key == 0 {
		l.count++
		m.key = sim.Mix(l.luck, l.count)
	}
	st := l.stats
	st.Sent++
	st.Bytes += uint64(m.size)
	if l.blocked || !l.from.powered {
		st.Blocked++
		m.failed()
		return true
	}
	at, ok := l.transmit(n.s.Now(), m.size)
	if !ok {
		st.Dropped++
		m.failed()
		return true
	}
	if l.loss > 0 {
		if luck := n.losses.At(m.key); luck.Chance(l.loss) {
			st.Lost++
			m.failed()
			return true
		}
	}
	left := at
	at = at.Add(l.delay(m.key))
	if m.conn != nil {
		at = max(at, m.conn.last)
		m.conn.last = at
	}
	if !n.carry(l, at, m) {
		st.Blocked++
		return false
	}
	if l.duplicate > 0 && !m.single {
		if luck := n.duplicates.At(m.key); luck.Chance(l.duplicate) {
			st.Duplicated++
			n.carry(l, left.Add(l.delay(sim.Mix(m.key, copied))), m)
		}
	}
	return true
}

// carry schedules the arrival of a message, and reports whether the kernel listened.
func (n *Network) carry(l *link, at sim.Time, m message) bool {
	var p *packet
	if last := len(n.packets) - 1; last >= 0 {
		p = n.packets[last]
		n.packets = n.packets[:last]
	} else {
		p = new(packet)
	}
	p.link, p.message = l, m
	if n.s.AtCall(at, arrive, p) == (sim.Timer{}) {
		n.recycle(p)
		return false
	}
	return true
}

func (n *Network) recycle(p *packet) {
	*p = packet{}
	n.packets = append(n.packets, p)
}

func arrive(arg any) {
	p := arg.(*packet)
	l, m := p.link, p.message
	n := l.n
	n.recycle(p)
	if l.epoch != n.epoch {
		l.refresh()
	}
	if l.severed || !l.to.powered {
		l.stats.Blocked++
		m.failed()
		return
	}
	l.stats.Delivered++
	m.deliver(m.arg)
}

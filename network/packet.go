package network

import "github.com/nines-sim/nines/sim"

// Send sends a message of size bytes. When it arrives, deliver is called with arg; twice if the
// network makes a copy, never if it is lost. The key is the message's identity, from which its
// luck is drawn; 0 is none.
func (n *Network) Send(from, to *Host, size int, key uint64, deliver func(any), arg any) {
	p := n.packet(from.link(to), size, key)
	p.deliver, p.arg = deliver, arg
	n.post(p)
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
	n := c.link.n
	p := n.packet(c.link, size, key)
	p.conn, p.single, p.deliver, p.arg = c, true, deliver, arg
	n.post(p)
}

// A packet is a message on its way. Either deliver or fail is called for it, fail perhaps at once.
type packet struct {
	link    *link
	size    int
	key     uint64
	conn    *Conn // whose order it keeps, or nil
	single  bool  // the receiver would know a copy and drop it, so that none is made
	deliver func(any)
	fail    func(any) // nil: nobody asks
	arg     any
}

// packet returns a packet, whose other fields are empty.
func (n *Network) packet(l *link, size int, key uint64) *packet {
	var p *packet
	if last := len(n.packets) - 1; last >= 0 {
		p = n.packets[last]
		n.packets = n.packets[:last]
	} else {
		p = new(packet)
	}
	p.link, p.size, p.key = l, size, key
	return p
}

// recycle makes a packet empty, to be used again.
func (n *Network) recycle(p *packet) {
	p.conn, p.single, p.deliver, p.fail, p.arg = nil, false, nil, nil, nil
	n.packets = append(n.packets, p)
}

// failed is the end of a packet that does not arrive.
func (n *Network) failed(p *packet) {
	fail, arg := p.fail, p.arg
	n.recycle(p)
	if fail != nil {
		fail(arg)
	}
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

// post sends a packet. It reports false if the sender is a process that is being unwound: what
// the dead send is ignored, and counts as blocked.
func (n *Network) post(p *packet) bool {
	l := p.link
	if l.epoch != n.epoch {
		l.refresh()
	}
	if p.size < 0 {
		panic("network: a message of negative size from " + l.from.name + " to " + l.to.name)
	}
	if p.key == 0 {
		l.count++
		p.key = sim.Mix(l.luck, l.count)
	}
	st := l.stats
	st.Sent++
	st.Bytes += uint64(p.size)
	if l.blocked || !l.from.powered {
		st.Blocked++
		n.failed(p)
		return true
	}
	at, ok := l.transmit(n.s.Now(), p.size)
	if !ok {
		st.Dropped++
		n.failed(p)
		return true
	}
	if l.loss > 0 {
		if luck := n.losses.At(p.key); luck.Chance(l.loss) {
			st.Lost++
			n.failed(p)
			return true
		}
	}
	left := at
	at = at.Add(l.delay(p.key))
	if p.conn != nil {
		at = max(at, p.conn.last)
		p.conn.last = at
	}
	if !n.carry(p, at) {
		st.Blocked++
		return false
	}
	if l.duplicate > 0 && !p.single {
		if luck := n.duplicates.At(p.key); luck.Chance(l.duplicate) {
			twin := n.packet(l, p.size, sim.Mix(p.key, copied))
			twin.deliver, twin.arg = p.deliver, p.arg
			st.Duplicated++
			n.carry(twin, left.Add(l.delay(twin.key)))
		}
	}
	return true
}

// carry schedules the arrival of a packet, and reports whether the kernel listened.
func (n *Network) carry(p *packet, at sim.Time) bool {
	if n.s.AtCall(at, arrive, p) == (sim.Timer{}) {
		n.recycle(p)
		return false
	}
	return true
}

func arrive(arg any) {
	p := arg.(*packet)
	l := p.link
	n := l.n
	if l.epoch != n.epoch {
		l.refresh()
	}
	if l.severed || !l.to.powered {
		l.stats.Blocked++
		n.failed(p)
		return
	}
	l.stats.Delivered++
	deliver, what := p.deliver, p.arg
	n.recycle(p)
	deliver(what)
}

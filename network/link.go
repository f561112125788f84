package network

import (
	"math/bits"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A link is the way from one host to another. What it does to a message is its path and the holds
// on it, worked out again whenever a hold has begun or ended.
type link struct {
	n        *Network
	from, to *Host
	stats    *Stats
	path     *Path  // of the network, and shared
	epoch    uint64 // of the network's holds that the following fields include

	blocked   bool // at send
	severed   bool // at delivery
	loss      float64
	duplicate float64
	reorder   float64
	late      time.Duration     // what reordered messages take longer
	fixed     time.Duration     // the part of the latency that is the same for all messages
	latency   dist.Distribution // the part that is drawn; nil is none
	bandwidth int64

	free  sim.Time // when what was sent before has left
	conn  Conn     // shared by ordered transports
	luck  uint64   // with count, the key of a message that has none
	count uint64
}

// link returns the link to another host.
func (h *Host) link(to *Host) *link {
	if l := h.links.to(to); l != nil {
		return l
	}
	return h.connect(to)
}

func (h *Host) connect(to *Host) *link {
	if h.n != to.n {
		panic("network: " + h.name + " and " + to.name + " are in different networks")
	}
	l := &link{
		n: h.n, from: h, to: to, stats: &h.n.stats[classOf(h, to)],
		path: h.n.cfg.path(h, to), luck: sim.Mix(h.luck, to.luck),
	}
	l.conn.link = l
	h.links.add(l)
	return l
}

// refresh works out what the path and the holds on it make of the link.
func (l *link) refresh() {
	p := l.path
	l.epoch = l.n.epoch
	l.blocked, l.severed = false, false
	l.loss, l.duplicate, l.reorder, l.late = p.Loss, p.Duplicate, p.Reorder, p.ReorderDelay
	l.fixed, l.latency, l.bandwidth = 0, p.Latency, p.Bandwidth
	if c, ok := p.Latency.(dist.Constant); ok {
		l.fixed, l.latency = dist.Duration(c, nil), nil // a constant costs no draw
	}
	for _, h := range l.n.holds {
		if h.between.matches(l.from, l.to) {
			h.apply(l)
		}
	}
}

// delay draws the time that a message travels.
func (l *link) delay(key uint64) time.Duration {
	n, d := l.n, l.fixed
	if l.latency != nil {
		n.luck = n.latencies.At(key)
		d += dist.Duration(l.latency, &n.luck)
	}
	if l.reorder > 0 {
		if luck := n.reorders.At(key); luck.Chance(l.reorder) {
			d += l.late
		}
	}
	return d
}

const second = uint64(time.Second)

// transmit queues a message of that size and returns when it has left, or false if it finds no
// room. An idle link takes a message of any size.
func (l *link) transmit(now sim.Time, size int) (sim.Time, bool) {
	if l.bandwidth == 0 {
		return now, true
	}
	start := max(now, l.free)
	if l.path.Queue > 0 && start > now && l.waiting(now)+int64(size) > int64(l.path.Queue) {
		return 0, false
	}
	l.free = start.Add(time.Duration(scale(uint64(size), second, uint64(l.bandwidth))))
	return l.free, true
}

// waiting returns the bytes that have not left yet.
func (l *link) waiting(now sim.Time) int64 {
	return int64(scale(uint64(l.free.Sub(now)), uint64(l.bandwidth), second))
}

// scale returns a*b/c rounded up. It stops at the largest time.
func scale(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	lo, carry := bits.Add64(lo, c-1, 0)
	if hi += carry; hi >= c {
		return uint64(sim.Never)
	}
	q, _ := bits.Div64(hi, lo, c)
	return min(q, uint64(sim.Never))
}

package network

import (
	"fmt"
	"slices"
	"time"
)

// A Hold is something that is wrong with the network until it is released. A link's state follows
// from all the holds on it: releasing one ends only what it did itself.
type Hold struct {
	n       *Network
	between Between
	cut     Mode
	impair  Impairment
}

// A Mode says which messages a cut takes. Modes can be added.
type Mode uint8

const (
	BlockAtSend    Mode = 1 << iota // what is sent while it is cut; what is under way arrives
	DropAtDelivery                  // what would be delivered while it is cut, whenever it was sent
)

// An Impairment is worse service than the [Path] promises, on top of what other holds do.
type Impairment struct {
	Loss         float64       // share of messages that are lost, of those that would not be otherwise
	Duplicate    float64       // share of messages that arrive twice, of those that would not otherwise
	Reorder      float64       // share of messages that take ReorderDelay longer, of those that would not otherwise
	ReorderDelay time.Duration // the longest among path and holds counts
	Delay        time.Duration // added to the latency of every message
	Bandwidth    int64         // bytes a second; the least among path and holds counts; 0 is unlimited
}

// Cut takes messages away between parts of the network: silently, as a broken cable or a firewall
// that drops does. It panics if a part names an unknown host.
func (n *Network) Cut(b Between, mode Mode) *Hold {
	if mode == 0 || mode&^(BlockAtSend|DropAtDelivery) != 0 {
		panic(fmt.Sprintf("network: Cut with the unknown mode %d", mode))
	}
	return n.hold(&Hold{n: n, between: b, cut: mode})
}

// Impair makes service between parts of the network worse. It panics if a part names an unknown
// host, or if a share is not from 0 to 1.
func (n *Network) Impair(b Between, i Impairment) *Hold {
	p := Path{Loss: i.Loss, Duplicate: i.Duplicate, Reorder: i.Reorder, ReorderDelay: i.ReorderDelay, Bandwidth: i.Bandwidth}
	if bad := p.validate("Impair " + b.String()); bad != nil {
		panic(bad[0].Error())
	}
	if i.Delay < 0 {
		panic(fmt.Sprintf("network: Impair with the negative delay %v", i.Delay))
	}
	return n.hold(&Hold{n: n, between: b, impair: i})
}

func (n *Network) hold(h *Hold) *Hold {
	for _, part := range []Part{h.between.From, h.between.To} {
		for _, name := range part.Hosts {
			if n.names[name] == nil {
				panic("network: there is no host " + name)
			}
		}
	}
	n.holds = append(n.holds, h)
	n.epoch++
	return h
}

// Release ends the hold. Releasing it again does nothing.
func (h *Hold) Release() {
	if i := slices.Index(h.n.holds, h); i >= 0 {
		h.n.holds = slices.Delete(h.n.holds, i, i+1)
		h.n.epoch++
	}
}

// apply adds what the hold does to a link.
func (h *Hold) apply(l *link) {
	i := &h.impair
	l.blocked = l.blocked || h.cut&BlockAtSend != 0
	l.severed = l.severed || h.cut&DropAtDelivery != 0
	l.loss = either(l.loss, i.Loss)
	l.duplicate = either(l.duplicate, i.Duplicate)
	l.reorder = either(l.reorder, i.Reorder)
	l.late = max(l.late, i.ReorderDelay)
	l.fixed += i.Delay
	if i.Bandwidth > 0 && (l.bandwidth == 0 || i.Bandwidth < l.bandwidth) {
		l.bandwidth = i.Bandwidth
	}
}

// either returns the probability that one of two independent things happens.
func either(p, q float64) float64 {
	switch {
	case p == 0:
		return q
	case q == 0:
		return p
	}
	return 1 - float64((1-p)*(1-q))
}

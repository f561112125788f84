package queue

import (
	"fmt"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A Broker is a queue in simulated time, with consumers that wait at it. It runs on the kernel's
// clock, and neither loses messages nor is down: whoever reaches it over a network that can fail
// wraps its calls.
type Broker struct {
	*Queue
	s       *sim.Simulation
	name    string
	arrived *sim.Signal
	alarm   sim.Timer // rings when a message becomes visible
	rings   sim.Time
}

// NewBroker returns an empty queue of that name. It panics if cfg is not valid.
func NewBroker(s *sim.Simulation, name string, cfg Config) *Broker {
	return &Broker{Queue: New(cfg), s: s, name: name, arrived: sim.NewSignal(s, "message in "+name), rings: sim.Never}
}

// Send takes a request in, to be worked off later. It is a [patterns.Call], so that it can be a
// step of an operation, or what a fallback turns to. The answer is Degraded: the work is promised,
// not done. If the queue is full, the error's kind is Overloaded.
func (b *Broker) Send(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	if !b.Queue.Send(b.s.Now(), req) {
		return patterns.Response{}, &patterns.Error{Kind: patterns.Overloaded, Layer: b.name}
	}
	b.notify()
	return patterns.Response{Degraded: true, From: b.name}, nil
}

// Receive waits for a message.
func (b *Broker) Receive(p *sim.Process) (Message, error) {
	for {
		m, ok := b.Queue.Receive(b.s.Now())
		b.arm()
		if ok {
			return m, nil
		}
		if err := b.arrived.Wait(p); err != nil {
			return Message{}, err
		}
	}
}

// Consume works off messages, one after the other, until a wait of p is cut short by somebody
// else: then the message in hand comes back after Visibility, as it does when p is killed. A
// message whose work fails is nacked.
func (b *Broker) Consume(p *sim.Process, work patterns.Call) error {
	for {
		m, err := b.Receive(p)
		if err != nil {
			return err
		}
		if b.cfg.AckFirst {
			b.Ack(b.s.Now(), m)
		}
		_, err = work(p, m.Work())
		if _, failed := err.(*patterns.Error); err != nil && !failed {
			return err
		}
		switch {
		case b.cfg.AckFirst:
		case err == nil:
			b.Ack(b.s.Now(), m)
		default:
			b.Nack(b.s.Now(), m)
			b.notify()
		}
	}
}

// Start starts n consumers in a group. They end with it; when the group starts anew, Start them anew.
func (b *Broker) Start(g *sim.Group, n int, work patterns.Call) {
	for i := range n {
		g.Background(fmt.Sprintf("%s consumer %d", b.name, i+1), func(p *sim.Process) { b.Consume(p, work) })
	}
}

// Redrive puts the dead letters back; see [Queue.Redrive].
func (b *Broker) Redrive() int {
	n := b.Queue.Redrive(b.s.Now())
	b.notify()
	return n
}

// Work returns the request as a consumer makes it: every delivery has its own luck, but the same
// idempotency key, and nobody waits for it any more.
func (m Message) Work() patterns.Request {
	req := m.Request
	req.ID = sim.Mix(req.ID, uint64(m.Receives))
	req.Attempt, req.Deadline = 1, 0
	return req
}

// notify wakes a waiting consumer for every message that it could receive.
func (b *Broker) notify() {
	b.settle(b.s.Now())
	for range b.ready.count {
		if !b.arrived.Notify() {
			break
		}
	}
	b.arm()
}

// arm sees to it that the alarm rings no later than the next message becomes visible.
func (b *Broker) arm() {
	next := b.Next()
	if next >= b.rings {
		return
	}
	b.alarm.Stop()
	b.rings = next
	b.alarm = b.s.AtCall(next, ring, b)
}

func ring(broker any) {
	b := broker.(*Broker)
	b.rings = sim.Never
	b.notify()
}

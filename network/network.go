// Package network is a simulated network: hosts in racks, zones and regions, and what happens to
// a message between two of them.
//
// Three things delay a message, and they are separate. It waits in the [Path]'s queue for the
// bandwidth that messages before it use; it takes its size divided by the bandwidth to be sent; it
// travels for the latency. Latency belongs to each message alone: a link with a latency of one
// second carries any number of messages a second.
//
// A message can be lost, duplicated or overtaken by chance. That luck is drawn from the key which
// the sender gives it, so that two variants that send the same request meet the same luck; it does
// not depend on where the request is sent, nor on what else happens. A message without a key is
// known by its number on its link.
//
// What is broken on purpose is a [Hold]: a [Network.Cut] or a [Network.Impair]ment lasts until its
// own release, whatever other holds begin and end meanwhile.
//
// There are two ways to talk. [Network.Send] and [Conn] carry one message one way, and promise
// nothing. A [Transport] carries requests and answers between processes and servers, and shows its
// callers what an operating system would show them:
//
//	the host is up, nobody listens   ErrRefused after a round trip
//	the server's process dies        ErrReset after the latency
//	the host has no power            silence; ErrReset when it comes back
//	the path is cut                  silence
//
// Silence lasts until the caller's own patience ends, the message gets through when it is sent
// again ([Config.Retransmit]), or the caller's host gives up ([Config.GiveUp], ErrUnreachable).
// After ErrReset and ErrUnreachable, what was asked for may have been done all the same.
package network

import (
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// A Network connects the hosts of one simulation.
type Network struct {
	s     *sim.Simulation
	cfg   Config
	hosts []*Host
	names map[string]*Host
	stats [Classes]Stats

	holds []*Hold // in force, in the order in which they began
	epoch uint64  // counts changes of holds; a link that has seen another epoch is out of date

	losses, latencies, duplicates, reorders sim.Keyed

	luck    sim.Stream // the draw at hand: a Stream that a Distribution samples from must live somewhere
	packets []*packet  // free
	orphans orphans
}

// New returns a network without hosts. It panics if the configuration is not valid; whoever takes
// one from a person calls [Config.Validate] first. A simulation has one network.
func New(s *sim.Simulation, cfg Config) *Network {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Network{
		s: s, cfg: cfg, names: map[string]*Host{}, epoch: 1,
		losses:     s.Keyed("network/loss"),
		latencies:  s.Keyed("network/latency"),
		duplicates: s.Keyed("network/duplicate"),
		reorders:   s.Keyed("network/reorder"),
	}
}

// Host returns the host of that name, or nil.
func (n *Network) Host(name string) *Host { return n.names[name] }

// Hosts returns all hosts in the order in which they were added.
func (n *Network) Hosts() []*Host { return n.hosts }

// Stats returns what happened to the messages of one class of pairs so far.
func (n *Network) Stats(c Class) Stats { return n.stats[c] }

// Total returns what happened to all messages so far.
func (n *Network) Total() (total Stats) {
	for _, st := range n.stats {
		total.add(st)
	}
	return total
}

// Stats counts messages by what became of them. Every message, and every further copy that the
// network made of one, is in exactly one of Delivered, Lost, Dropped, Blocked and InFlight.
type Stats struct {
	Sent       uint64
	Bytes      uint64 // of the messages sent
	Duplicated uint64 // further copies that the network made
	Delivered  uint64
	Lost       uint64 // by chance
	Dropped    uint64 // for want of room in a queue
	Blocked    uint64 // by a cut, or by a host without power
}

// InFlight returns the number of messages that are under way.
func (st Stats) InFlight() uint64 {
	return st.Sent + st.Duplicated - st.Delivered - st.Lost - st.Dropped - st.Blocked
}

func (st *Stats) add(u Stats) {
	st.Sent += u.Sent
	st.Bytes += u.Bytes
	st.Duplicated += u.Duplicated
	st.Delivered += u.Delivered
	st.Lost += u.Lost
	st.Dropped += u.Dropped
	st.Blocked += u.Blocked
}

func (st Stats) String() string {
	return fmt.Sprintf("%d sent, %d duplicated, %d delivered, %d lost, %d dropped, %d blocked, %d in flight",
		st.Sent, st.Duplicated, st.Delivered, st.Lost, st.Dropped, st.Blocked, st.InFlight())
}

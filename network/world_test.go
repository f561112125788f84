package network_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

const ms = time.Millisecond

// latency is a network whose every pair has one constant latency.
func latency(d time.Duration) network.Config {
	return every(network.Path{Latency: dist.Exactly(d)})
}

// every is a network whose every pair has the same path.
func every(p network.Path) network.Config {
	return network.Config{SameHost: p, SameRack: p, SameZone: p, CrossZone: p, CrossRegion: p, Clients: p}
}

// A world is a small network whose happenings are written down.
type world struct {
	s       *sim.Simulation
	n       *network.Network
	a, b, c *network.Host // zones a, b, c
	t       *network.Transport[string, string]
	echo    *echo
	l       *network.Listener[string, string] // of echo, on b
	log     []string
}

func (w *world) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%v ", time.Duration(w.s.Now()))+fmt.Sprintf(format, args...))
}

// An echo answers what it was asked after a time, whether or not anybody waits.
type echo struct {
	w      *world
	work   time.Duration
	group  *sim.Group
	served int
}

func (e *echo) Serve(x *network.Exchange[string, string]) {
	e.served++
	x.OnAbandon = func(x *network.Exchange[string, string]) { e.w.logf("b hears that %s gave up", x.Request) }
	reply := func() { x.Reply(x.Request, nil) }
	if e.work == 0 {
		reply()
		return
	}
	e.group.After(e.work, reply)
}

func newWorld(s *sim.Simulation, cfg network.Config) *world {
	w := &world{s: s, n: network.New(s, cfg)}
	w.a = w.n.AddHost("a", network.Place{Zone: "a"})
	w.b = w.n.AddHost("b", network.Place{Zone: "b"})
	w.c = w.n.AddHost("c", network.Place{Zone: "c"})
	w.t = network.NewTransport[string, string](w.n)
	w.echo = &echo{w: w, group: s.NewGroup("echo")}
	w.l = w.t.Listen(w.b, w.echo)
	return w
}

// at does something at an instant.
func (w *world) at(d time.Duration, f func()) { w.s.At(sim.Time(d), f) }

// call calls echo from a at an instant and writes down what comes of it.
func (w *world) call(at time.Duration, request string, timeout time.Duration) *sim.Process {
	return w.s.Go(request, func(p *sim.Process) {
		if err := p.SleepUntil(sim.Time(at)); err != nil {
			return
		}
		if timeout > 0 {
			defer p.WithTimeout(timeout).Close()
		}
		answer, err := w.t.Call(p, w.a, w.b, w.l, 0, request)
		switch {
		case errors.Is(err, sim.ErrDeadline):
			w.logf("%s times out", request)
		case err != nil:
			w.logf("%s: %v", request, strings.TrimPrefix(err.Error(), "network: "))
		default:
			w.logf("%s answered %s", request, answer)
		}
	})
}

// send sends a message and writes down when it arrives.
func (w *world) send(at time.Duration, from, to *network.Host, size int, name string) {
	w.at(at, func() {
		w.n.Send(from, to, size, 0, func(any) { w.logf("%s", name) }, nil)
	})
}

// run runs a story in a world until nothing happens any more.
func run(t *testing.T, cfg network.Config, story func(w *world)) *world {
	t.Helper()
	var w *world
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		w = newWorld(s, cfg)
		story(w)
		if err := s.RunUntilIdle(); err != nil {
			return
		}
		if total := w.n.Total(); total.InFlight() != 0 {
			t.Errorf("idle, and yet: %v", total)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

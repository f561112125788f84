package nodes_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

const ms = time.Millisecond

// A world is a client and a service with one replica on each of its machines, a millisecond apart.
// What happens is written down.
type world struct {
	s      *sim.Simulation
	n      *network.Network
	tr     *nodes.Transport
	client *nodes.Machine
	m      []*nodes.Machine
	svc    *nodes.Service
	r      []*nodes.Replica
	log    []string
}

// Operations of the service: work holds a cpu for Value nanoseconds, wait only the thread.
const (
	work  = "work"
	wait  = "wait"
	crash = "crash" // the handler crashes its own replica
	left  = "left"  // it says how much time the request has left
)

func newWorld(s *sim.Simulation, machines int, cfg nodes.Config) *world {
	w := &world{s: s}
	net := network.Config{}
	for _, p := range []*network.Path{&net.SameHost, &net.SameRack, &net.SameZone, &net.CrossZone, &net.CrossRegion, &net.Clients} {
		p.Latency = dist.Exactly(ms)
	}
	w.n = network.New(s, net)
	w.tr = network.NewTransport[patterns.Request, patterns.Response](w.n)
	w.client = nodes.NewMachine(s, w.n.AddHost("client", network.Place{Zone: "c"}), 0)
	w.svc = nodes.NewService(s, w.tr, cfg, w.handle)
	for i := range machines {
		host := w.n.AddHost(fmt.Sprintf("m%d", i), network.Place{Zone: "a"})
		w.m = append(w.m, nodes.NewMachine(s, host, 100*ms))
		r := w.svc.Add(w.m[i])
		r.Start()
		w.r = append(w.r, r)
	}
	return w
}

func (w *world) handle(p *sim.Process, r *nodes.Replica, req patterns.Request) (resp patterns.Response, err error) {
	switch d := time.Duration(req.Value); req.Op {
	case wait:
		err = p.Sleep(d)
	case crash:
		if err := r.Work(p, d); err != nil {
			return resp, err
		}
		r.Crash()
		w.logf("%s outlives its crash", r.Name())
	case left:
		w.logf("%s has %v left", r.Name(), req.Deadline.Sub(p.Now()))
	default:
		err = r.Work(p, d)
	}
	if err == nil && r.Fails(req.ID, req.Attempt) {
		err = &patterns.Error{Kind: patterns.Failed, Layer: r.Name()}
	}
	return resp, err
}

func (w *world) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%v ", time.Duration(w.s.Now()))+fmt.Sprintf(format, args...))
}

func (w *world) at(d time.Duration, f func()) { w.s.At(sim.Time(d), f) }

// call calls the first replica at an instant, and writes down what comes of it.
func (w *world) call(at time.Duration, name, op string, d time.Duration) {
	w.request(at, name, 0, patterns.Request{Op: op, Value: uint64(d)})
}

// request is call with a timeout, and a request.
func (w *world) request(at time.Duration, name string, timeout time.Duration, req patterns.Request) {
	w.do(at, timeout, name, w.r[0].Call(w.tr, w.client.Host()), req)
}

func (w *world) do(at, timeout time.Duration, name string, call patterns.Call, req patterns.Request) {
	w.s.Go(name, func(p *sim.Process) {
		if err := p.SleepUntil(sim.Time(at)); err != nil {
			return
		}
		if timeout > 0 {
			defer p.WithTimeout(timeout).Close()
		}
		_, err := call(p, req)
		var e *patterns.Error
		switch {
		case err == nil:
			w.logf("%s ok", name)
		case errors.As(err, &e):
			w.logf("%s %v", name, e.Kind)
		case errors.Is(err, sim.ErrDeadline):
			w.logf("%s gives up", name)
		default:
			w.logf("%s: %v", name, err)
		}
	})
}

// run runs a story until nothing happens any more, and checks that nothing is left of it.
func run(t *testing.T, machines int, cfg nodes.Config, story func(w *world)) *world {
	t.Helper()
	var w *world
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		w = newWorld(s, machines, cfg)
		story(w)
		if s.RunUntilIdle() == nil {
			w.checkIdle(t)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// checkIdle checks that no thread, cpu or place in a queue has leaked.
func (w *world) checkIdle(t interface{ Errorf(string, ...any) }) {
	for _, r := range w.r {
		st := r.Stats()
		if err := st.Check(); err != nil {
			t.Errorf("%s: %v", r.Name(), err)
		}
		cpus, threads, queue := r.InUse()
		if cpus != 0 || threads != 0 || queue != 0 || st.Inside != 0 {
			t.Errorf("%s is idle with %d cpus, %d threads, %d places taken, %d calls inside", r.Name(), cpus, threads, queue, st.Inside)
		}
	}
	if total := w.n.Total(); total.InFlight() != 0 {
		t.Errorf("idle, and yet: %v", total)
	}
}

package system

import (
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/detect"
	"github.com/nines-sim/nines/sim"
)

// hearts are how the failover manager of a store sees copies that are cut off or stand still: it asks
// each for a sign of life every second, and misses one that has not answered twice in a row. That
// comes on top of the store's failover time. Of a copy that has ended it is told at once.
type hearts struct {
	st    *storage
	via   *network.Transport[struct{}, struct{}]
	ports []*network.Listener[struct{}, struct{}]
	seen  []*detect.Detector
}

// heartbeat is how copies are asked. A sign of life needs no thread and no cpu.
func heartbeat() detect.Config {
	return detect.Config{Period: time.Second, Timeout: time.Second, Failures: 2, Successes: 1}
}

func newHearts(st *storage) *hearts {
	sys := st.svc.sys
	h := &hearts{
		st: st, via: network.NewTransport[struct{}, struct{}](sys.net),
		ports: make([]*network.Listener[struct{}, struct{}], len(st.svc.members)),
	}
	for i, m := range st.svc.members {
		h.seen = append(h.seen, detect.New(heartbeat(), sys.s.Now()))
		prober := detect.Prober{
			Detector: h.seen[i], Probe: h.ask(i), Key: keyOf("heartbeat of " + m.Name()),
			Changed: func(_ *sim.Process, now detect.State) { h.changed(i, now == detect.Up) },
		}
		sys.s.Background("heartbeat of "+m.Name(), func(p *sim.Process) { prober.Run(p) })
	}
	return h
}

// ask returns the call that asks copy i.
func (h *hearts) ask(i int) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (resp patterns.Response, err error) {
		_, err = h.via.Call(p, h.st.svc.sys.platform, h.ports[i].Host(), h.ports[i], req.ID, struct{}{})
		switch err {
		case network.ErrRefused, network.ErrReset, network.ErrUnreachable:
			err = &patterns.Error{Kind: patterns.Unavailable, Layer: h.st.svc.Name(), Cause: err}
		}
		return resp, err
	}
}

// A heart answers for copy i.
type heart struct {
	h *hearts
	i int
}

// Serve answers, at the end of the copy's pause if there is one.
func (b heart) Serve(x *network.Exchange[struct{}, struct{}]) {
	if g := b.h.st.svc.members[b.i].Group(); g.Paused() {
		g.At(g.Now(), func() { x.Reply(struct{}{}, nil) })
		return
	}
	x.Reply(struct{}{}, nil)
}

// start is what a copy does first in each of its lives. It is believed to be seen until that proves wrong.
func (h *hearts) start(i int) {
	h.ports[i] = h.via.Listen(h.st.svc.members[i].Machine().Host(), heart{h, i})
	h.seen[i].Reset(h.st.svc.sys.s.Now())
}

// stop is the end of a copy.
func (h *hearts) stop(i int) { h.ports[i].Close(true) }

// beats reports whether a copy is seen.
func (h *hearts) beats(i int) bool { return h.seen[i].State() == detect.Up }

// changed tells the failover manager what is believed now of a copy that runs.
func (h *hearts) changed(i int, seen bool) {
	switch {
	case !h.st.svc.members[i].Up(): // it knows, and is not told again
	case seen:
		h.st.set.Up(i)
	default:
		h.st.set.Down(i)
	}
}

package nodes

import (
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A Replica is one copy of a service, a program on a machine.
//
//	down ──Start──▶ up ──Crash, or its machine's end──▶ down
//
// A crash is seen at once: calls under way are reset, new ones are refused. When the machine goes,
// nobody is told.
type Replica struct {
	svc      *Service
	name     string
	machine  *Machine
	group    *sim.Group
	listener *listener
	cpus     *sim.Resource
	queue    line
	busy     int  // threads taken
	up       bool // takes calls
	wanted   bool // to be started when its machine is
	healthy  bool // as the health checks see it
	pauses   int
	slow     float64 // work takes so many times as long
	errors   float64 // share of calls that fail
	onStart  []func()
	onChange []func(up bool)
	stats    Stats
	areaAt   sim.Time // when stats.Area was brought up to date
	since    sim.Time // when it came up, or went down
}

// Name returns "service/number".
func (r *Replica) Name() string { return r.name }

// Service returns the service of which this is a replica.
func (r *Replica) Service() *Service { return r.svc }

// Machine returns the machine that the replica is on.
func (r *Replica) Machine() *Machine { return r.machine }

// Group returns the replica's life cycle: what it runs belongs to this group.
func (r *Replica) Group() *sim.Group { return r.group }

// Up reports whether the replica takes calls.
func (r *Replica) Up() bool { return r.up }

// Since returns when the replica came up, or went down.
func (r *Replica) Since() sim.Time { return r.since }

// Healthy reports what the health checks last said: this is what balancers know, not what is true.
func (r *Replica) Healthy() bool { return r.healthy }

// SetHealthy is for the health checks.
func (r *Replica) SetHealthy(healthy bool) { r.healthy = healthy }

// OnStart calls f at every start of the replica, in the replica's new life: what the program does
// first. Clients with policies are built there, anew for each life.
func (r *Replica) OnStart(f func()) { r.onStart = append(r.onStart, f) }

// OnChange calls f whenever the replica has come up or gone down.
func (r *Replica) OnChange(f func(up bool)) { r.onChange = append(r.onChange, f) }

func (r *Replica) changed() {
	for _, f := range r.onChange {
		f(r.up)
	}
}

// Start starts the program. It does nothing if it runs already, or has no machine to run on; then
// it starts when the machine does.
func (r *Replica) Start() {
	r.wanted = true
	if r.up || !r.machine.up {
		return
	}
	r.up, r.since = true, r.svc.s.Now()
	r.group.Start()
	if r.pauses > 0 {
		r.group.Pause()
	}
	r.cpus = sim.NewResource(r.svc.s, r.name+" cpu", r.svc.cfg.CPUs, sim.FIFO)
	r.listener.Open()
	for _, f := range r.onStart {
		f()
	}
	r.changed()
}

// Crash ends the program. Its callers are told, if the network lets the news through.
func (r *Replica) Crash() {
	r.wanted = false
	if r.up {
		r.listener.Close(true)
		r.die()
	}
}

// losePower ends the program without anybody being told.
func (r *Replica) losePower() {
	if r.up {
		r.die()
	}
}

// Move puts a replica that is down on another machine.
func (r *Replica) Move(m *Machine) {
	if r.up {
		panic("nodes: Move of " + r.name + ", which is up")
	}
	for i, other := range r.machine.replicas {
		if other == r {
			r.machine.replicas = append(r.machine.replicas[:i:i], r.machine.replicas[i+1:]...)
			break
		}
	}
	r.machine = m
	m.replicas = append(m.replicas, r)
	r.listen()
}

// listen makes the replica's listener on its machine, still closed.
func (r *Replica) listen() {
	r.listener = r.svc.transport.Listen(r.machine.host, r)
	r.listener.Close(false)
}

func (r *Replica) die() {
	r.up, r.since = false, r.svc.s.Now()
	r.measureQueue()
	for j := r.queue.first; j != nil; j = j.next {
		r.stats.Waiting += r.svc.s.Now().Sub(j.arrived)
		j.expiry.Stop()
	}
	r.stats.Lost += uint64(r.queue.length + r.busy)
	r.queue, r.busy = line{}, 0
	r.group.Kill()
	r.changed()
}

// Pause stops the replica until Resume: calls that arrive wait unanswered. Pauses add up.
func (r *Replica) Pause() {
	r.pauses++
	r.group.Pause()
}

// Resume takes back one Pause.
func (r *Replica) Resume() {
	if r.pauses--; r.pauses == 0 {
		r.group.Resume()
	}
}

// SetSlow makes work take so many times as long, from the next piece of work on.
func (r *Replica) SetSlow(factor float64) { r.slow = factor }

// SetErrors makes a share of the calls fail, once their work is done.
func (r *Replica) SetErrors(share float64) { r.errors = share }

// Call returns the way from a host to this replica, over a transport of the service's kind.
func (r *Replica) Call(via *Transport, from *network.Host) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		resp, err := via.Call(p, from, r.machine.host, r.listener, sim.Mix(req.ID, uint64(req.Attempt)), req)
		return resp, callerSees(r.svc.cfg.Name, err)
	}
}

// callerSees turns what the network says into the contract's errors.
func callerSees(name string, err error) error {
	switch err {
	case nil:
		return nil
	case network.ErrRefused:
		return &patterns.Error{Kind: patterns.Refused, Layer: name}
	case network.ErrReset:
		return &patterns.Error{Kind: patterns.Reset, Layer: name, Maybe: true}
	case network.ErrUnreachable:
		return &patterns.Error{Kind: patterns.Unavailable, Layer: name, Maybe: true}
	}
	return err
}

// Work holds a cpu for a time, longer if the replica is slow.
func (r *Replica) Work(p *sim.Process, d time.Duration) error {
	if err := r.cpus.Acquire(p, 1, 0); err != nil {
		return err
	}
	if r.slow != 1 {
		d = time.Duration(float64(d) * r.slow)
	}
	start := p.Now()
	cpus := r.cpus
	defer func() { // even if the call is cancelled, or the replica dies
		r.stats.Busy += p.Now().Sub(start)
		cpus.Release(1)
	}()
	return p.Sleep(d)
}

// Fails reports whether a call is one of those that fail for the share of errors that was set.
func (r *Replica) Fails(req patterns.Request) bool {
	if r.errors == 0 {
		return false
	}
	luck := r.svc.luck.At(sim.Mix(req.ID, uint64(req.Attempt)))
	return luck.Chance(r.errors)
}

// InUse returns the cpus, threads and queue places that are taken now.
func (r *Replica) InUse() (cpus, threads, queue int) {
	if r.cpus != nil && r.up {
		cpus = r.cpus.InUse()
	}
	return cpus, r.busy, r.queue.length
}

// Stats returns what the replica has counted so far, over all its lives.
func (r *Replica) Stats() Stats {
	r.measureQueue()
	st := r.stats
	st.Inside = r.busy + r.queue.length
	for j := r.queue.first; j != nil; j = j.next {
		st.Waiting += r.svc.s.Now().Sub(j.arrived)
	}
	return st
}

package nodes

import (
	"fmt"
	"slices"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A Replica is one copy of a service: a program on a machine.
//
//	down ──Start──▶ up ──Crash, or its machine loses power──▶ down
//
// A crash is seen at once: calls under way are reset, new ones are refused. When the machine loses
// its power, nobody is told.
type Replica struct {
	svc      *Service
	number   int
	name     string
	machine  *Machine
	group    *sim.Group
	listener *listener
	up       bool // takes calls
	wanted   bool // to be started when its machine is
	healthy  bool // as the health checks see it
	onStart  []func()
	onChange []func(up bool)
	since    sim.Time // when it came up, or went down

	cpus   *sim.Resource // of the present life
	front  patterns.Policy
	fronts int // there were so far
	rules  Rules
	unread int    // calls that have arrived during the present pause
	before int    // calls that are with the policy in front
	queue  line   // calls that wait for a thread
	busy   int    // threads taken
	idle   []*job // to be used again: each is behind the policy in front of this replica
	stats  Stats
	areaAt sim.Time // when stats.Area was brought up to date

	slow     float64 // work takes so many times as long
	errors   float64 // share of calls that fail
	pauses   int     // holds that keep it paused, beside its machine's
	pausedAt sim.Time
	stood    time.Duration // how long it was paused, without the present pause
}

// Name returns "service/number".
func (r *Replica) Name() string { return r.name }

// Number returns the replica's place among those of its service, from 0.
func (r *Replica) Number() int { return r.number }

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

// SetFront puts a policy in front of the replica for the rest of its life: of the calls that arrive, those that
// the policy passes on wait for a thread. A call that it rejects has used neither thread nor queue.
func (r *Replica) SetFront(p patterns.Policy) { r.front, r.fronts = p, r.fronts+1 }

// SetRules gives the waiting line rules for the rest of the replica's life.
func (r *Replica) SetRules(rules Rules) { r.rules = rules }

// Rules decide who waits for a thread, how long, and who is next, beside the service's [QueueConfig].
type Rules interface {
	// Arrive says how long a call that comes at now may wait where so many wait already; 0 is no limit.
	Arrive(now sim.Time, waiting int) time.Duration
	// Newest reports whether the last of the line, of so many that wait, is next at now, and not the first.
	Newest(now sim.Time, waiting int) bool
	// Drop reports whether a call is turned away whose turn it is at now, with so many behind it. It is
	// asked about every call that gets a thread.
	Drop(now, came sim.Time, behind int) bool
	// Evict reports whether a call that finds the line full takes the place of the one that waits there with
	// the lowest priority.
	Evict(priority, lowest int) bool
}

// OnChange calls f whenever the replica has come up or gone down. When it has gone down, what it
// ran is unwound after f has returned: f must not start it again, but may schedule that.
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
	r.group.Start()
	r.settle()
	r.cpus = sim.NewResource(r.svc.s, r.name+" cpu", r.svc.cfg.CPUs, sim.FIFO)
	r.front, r.rules = nil, nil
	r.listener.Open()
	r.up, r.since = true, r.svc.s.Now()
	for _, f := range r.onStart {
		f()
	}
	r.changed()
}

// Crash ends the program, and with it all that it had in memory. Its callers are told, if the
// network lets the news through. It stays down until it is started. Called by the program itself,
// it does not return.
func (r *Replica) Crash() {
	r.wanted = false
	if r.up {
		r.goDown()
		r.group.Kill()
	}
}

// goDown is all of the end of a life but the end of its processes, since it may be one of them
// that has brought this about. Its callers are told, unless its host has no power.
func (r *Replica) goDown() {
	now := r.svc.s.Now()
	r.listener.Close(true)
	r.up, r.since = false, now
	r.measureQueue()
	for j := r.queue.first; j != nil; j = j.next {
		r.stats.Waiting += now.Sub(j.queued)
	}
	r.stats.Lost += uint64(r.inside())
	r.unread, r.before, r.queue, r.busy = 0, 0, line{}, 0
	if r.group.Paused() { // Kill will end the pause
		r.stood += now.Sub(r.pausedAt)
		r.pausedAt = now
	}
	r.changed()
}

// Move puts a replica that is down on another machine. Whoever calls it finds it there.
func (r *Replica) Move(m *Machine) {
	if r.up {
		panic("nodes: Move of " + r.name + ", which is up")
	}
	i := slices.Index(r.machine.replicas, r)
	r.machine.replicas = slices.Delete(r.machine.replicas, i, i+1)
	r.join(m)
	r.group.SetClock(m.Now().Sub(m.s.Now()), m.drift)
}

// join makes the replica one of a machine's, where its listener is still closed.
func (r *Replica) join(m *Machine) {
	r.machine = m
	m.replicas = append(m.replicas, r)
	r.listener = r.svc.transport.Listen(m.host, r)
	r.listener.Close(false)
}

// Pause stops the replica until Resume: calls that arrive wait unread, work stands still, and
// timers that fall due fire at Resume. Pauses add up, with those of the machine.
func (r *Replica) Pause() {
	r.pauses++
	r.settle()
}

// Resume takes back one Pause.
func (r *Replica) Resume() {
	if r.pauses == 0 {
		panic("nodes: Resume of " + r.name + ", which is not paused")
	}
	r.pauses--
	r.settle()
}

// settle makes the program stand still or run, as the holds on it say.
func (r *Replica) settle() {
	now := r.svc.s.Now()
	switch paused := r.pauses+r.machine.pauses > 0; {
	case paused && !r.group.Paused():
		r.pausedAt = now
		r.group.Pause()
	case !paused && r.group.Paused():
		r.stood += now.Sub(r.pausedAt)
		r.group.Resume()
	}
}

// running returns how long the program has not been paused, counted from any fixed instant. Only
// the program asks, which does nothing during a pause.
func (r *Replica) running() time.Duration { return r.svc.s.Now().Sub(0) - r.stood }

// SetSlow makes work take so many times as long, from the next piece of work on.
func (r *Replica) SetSlow(factor float64) {
	if !(factor > 0) {
		panic(fmt.Sprintf("nodes: SetSlow of %s to %v, need more than 0", r.name, factor))
	}
	r.slow = factor
}

// SetErrors makes a share of the calls fail: those for which [Replica.Fails] says so.
func (r *Replica) SetErrors(share float64) {
	if !(share >= 0 && share <= 1) {
		panic(fmt.Sprintf("nodes: SetErrors of %s to %v, need 0 to 1", r.name, share))
	}
	r.errors = share
}

// Call returns the way from a host to this replica, over a transport of the service's kind.
func (r *Replica) Call(via *Transport, from *network.Host) patterns.Call {
	return r.Target(via, from).Call
}

// Target returns the same for those who choose among several, such as a balancer.
func (r *Replica) Target(via *Transport, from *network.Host) *Target { return &Target{r, via, from} }

// A Target is a replica as it is reached from a host.
type Target struct {
	r    *Replica
	via  *Transport
	from *network.Host
}

// Replica returns the replica.
func (t *Target) Replica() *Replica { return t.r }

// Name returns the name of the replica.
func (t *Target) Name() string { return t.r.name }

// Healthy reports what the health checks last said of the replica.
func (t *Target) Healthy() bool { return t.r.healthy }

// Call sends a request to the replica and waits for the answer.
func (t *Target) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	r := t.r
	send(&req, p.Now())
	resp, err := t.via.Call(p, t.from, r.machine.host, r.listener, sim.Mix(req.ID, uint64(req.Attempt)), req)
	if err != nil {
		err = r.svc.errors.seen(err)
	}
	return resp, err
}

// Work holds a cpu for a time, longer if the replica is slow, and for as much longer as it is
// paused meanwhile. The error is the end of a wait that was cut short.
func (r *Replica) Work(p *sim.Process, d time.Duration) error {
	cpus := r.cpus
	if err := cpus.Acquire(p, 1, 0); err != nil {
		return err
	}
	if r.slow != 1 {
		d = time.Duration(float64(d) * r.slow)
	}
	start := r.running()
	defer func() { // even if the call is cancelled, or the replica dies
		r.stats.Busy += r.running() - start
		cpus.Release(1)
	}()
	for left := d; left > 0; left = d - (r.running() - start) {
		if err := p.Sleep(r.machine.local(left)); err != nil {
			return err
		}
	}
	return nil
}

// Fails reports whether an attempt of a request is one of the share of errors that was set. It depends
// on the request's identity and the attempt alone, so that every variant meets the same luck.
func (r *Replica) Fails(id uint64, attempt int) bool {
	return r.errors != 0 && r.svc.unlucky(id, attempt, r.errors)
}

// unlucky reports whether an attempt is one of a share.
func (svc *Service) unlucky(id uint64, attempt int, share float64) bool {
	luck := svc.luck.At(sim.Mix(id, uint64(attempt)))
	return luck.Chance(share)
}

// InUse returns the cpus, threads and queue places that are taken now.
func (r *Replica) InUse() (cpus, threads, queue int) {
	if r.up {
		cpus = r.cpus.InUse()
	}
	return cpus, r.busy, r.queue.length
}

// inside returns the calls that have arrived and not ended.
func (r *Replica) inside() int { return r.unread + r.before + r.queue.length + r.busy }

// Stats returns what the replica has counted so far, over all its lives.
func (r *Replica) Stats() Stats {
	r.measureQueue()
	st := r.stats
	st.Inside = r.inside()
	for j := r.queue.first; j != nil; j = j.next {
		st.Waiting += r.svc.s.Now().Sub(j.queued)
	}
	return st
}

// measureQueue brings the integral of the queue's length up to date.
func (r *Replica) measureQueue() {
	now := r.svc.s.Now()
	r.stats.Area += now.Sub(r.areaAt) * time.Duration(r.queue.length)
	r.areaAt = now
}

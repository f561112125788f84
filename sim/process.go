package sim

import (
	"errors"
	"runtime/debug"
	"time"
)

// A Process is sequential code that lives in simulated time. Its methods are for its own body,
// except for those that say otherwise.
type Process struct {
	s                        *Simulation
	group                    *Group
	id                       uint64
	name                     string
	body                     func(*Process, any)
	arg                      any
	co                       *coroutine
	background, pooled       bool
	killed, ended, unwinding bool
	unwinds                  int32

	// The wait it is in. A wake-up carries the ticket of the wait that it is for.
	ticket  uint64
	wakeup  uint64 // the event that will wake it, if that is scheduled
	waiting bool
	parked  bool   // it has given control back
	decided bool   // how the wait ends is settled; the process has not run yet
	endedIn int32  // open scopes that have ended
	waitErr error  // what the wait will return
	source  waiter // who must be told if the wait ends otherwise
	what    string // what it waits for
	since   Time
	link    link // its place in a waiting line

	interrupt error // to be delivered at the next wait
	scopes    []*scope
	spare     []*scope

	parent     *Process // nil once it has ended
	children   *Process // the newest; siblings are linked
	older      *Process
	younger    *Process
	joiners    []Ticket
	next, prev *Process // all living processes
	gnext      *Process // those of the group
	gprev      *Process
}

// A waiter is what a process waits at: it is told when a wait there ends early.
type waiter interface {
	// withdraw takes p out of the line, or takes back what it was granted and will not use.
	withdraw(p *Process, granted bool)
}

// ErrInterrupted is wrapped by the error of a wait that [Process.Interrupt] ended.
var ErrInterrupted = errors.New("interrupted")

// Interrupted is the error of a wait that was interrupted.
type Interrupted struct{ Reason error }

func (e *Interrupted) Error() string {
	if e.Reason == nil {
		return ErrInterrupted.Error()
	}
	return ErrInterrupted.Error() + ": " + e.Reason.Error()
}

func (e *Interrupted) Unwrap() []error { return []error{ErrInterrupted, e.Reason} }

// unwind is the private panic that ends a killed process.
type unwind struct{ p *Process }

const maxUnwinds = 10_000 // panics of one kill; who has recovered from so many always will

// unwind ends the killed process, which runs now. A process that recovers from every panic cannot
// be ended: it fails the run, and is left where it is.
func (p *Process) unwind() {
	if p.unwinds++; p.unwinds > maxUnwinds {
		p.s.fail(p.label(), errors.New("the process is killed, and recovers from it for ever"), string(debug.Stack()))
		co := p.co
		p.finish()
		for {
			to := co.home
			if to == nil {
				to = p.s.goOn(nil)
			}
			p.s.yield(co, to)
		}
	}
	p.unwinding = true
	panic(unwind{p})
}

// Go starts a process at the present instant, after what is already scheduled for it. A run that
// becomes idle while it waits is a deadlock.
func (s *Simulation) Go(name string, f func(p *Process)) *Process { return s.root.Go(name, f) }

// Background starts a process that may be left waiting when the run becomes idle, as a server is.
func (s *Simulation) Background(name string, f func(p *Process)) *Process {
	return s.root.Background(name, f)
}

// Go starts a process of the group; see [Simulation.Go]. A dead group's process never starts.
func (g *Group) Go(name string, f func(p *Process)) *Process {
	return g.start(&Process{name: name, body: callBody, arg: f}, nil)
}

// Background starts a background process of the group; see [Simulation.Background].
func (g *Group) Background(name string, f func(p *Process)) *Process {
	return g.start(&Process{name: name, body: callBody, arg: f, background: true}, nil)
}

func callBody(p *Process, f any) { f.(func(*Process))(p) }

// Spawn starts a background process that nobody has a handle on, with one argument: the cheapest
// way to start many short ones, whose memory is used again.
func (g *Group) Spawn(name string, f func(p *Process, arg any), arg any) {
	if !g.alive || g.s.silent() {
		return
	}
	var p *Process
	if idle := g.s.worker.processes; len(idle) > 0 {
		p = idle[len(idle)-1]
		g.s.worker.processes = idle[:len(idle)-1]
	} else {
		p = new(Process)
	}
	p.name, p.body, p.arg, p.background, p.pooled = name, f, arg, true, true
	p.killed, p.ended = false, false
	g.start(p, nil)
}

func (g *Group) start(p *Process, parent *Process) *Process {
	s := g.s
	p.s, p.group = s, g
	if !g.alive || s.silent() || parent != nil && parent.ended {
		p.killed, p.ended = true, true
		return p
	}
	s.started++
	p.id = s.started
	p.next, p.prev = &s.processes, s.processes.prev
	p.prev.next, p.next.prev = p, p
	p.gnext, p.gprev = &g.processes, g.processes.gprev
	p.gprev.gnext, p.gnext.gprev = p, p
	if parent != nil {
		p.bornTo(parent)
	}
	p.begin("its start", nil)
	p.decided = true
	p.wakeup = g.push(g.Now(), nil, p)
	return p
}

// Sim returns the simulation.
func (p *Process) Sim() *Simulation { return p.s }

// Group returns the group that the process belongs to.
func (p *Process) Group() *Group { return p.group }

// Name returns the name that the process was started with.
func (p *Process) Name() string { return p.name }

// ID returns the number of the process: processes are counted from 1 in the order of their start.
func (p *Process) ID() uint64 { return p.id }

// Done reports whether the process has ended. It may be asked by anybody.
func (p *Process) Done() bool { return p.ended }

// Now returns the present instant on the clock of the process's group.
func (p *Process) Now() Time { return p.group.Now() }

// label names the process in messages.
func (p *Process) label() string { return p.who().String() }

// Sleep waits until d has passed on the group's clock.
func (p *Process) Sleep(d time.Duration) error {
	if d < 0 {
		panic("sim: Sleep of the negative length " + d.String())
	}
	return p.SleepUntil(p.Now().Add(d))
}

// SleepUntil waits until the group's clock shows t. If it already does, it lets whatever else is
// scheduled for this instant happen first.
func (p *Process) SleepUntil(t Time) error {
	if err := p.mayWait(); err != nil {
		return err
	}
	if p.s.isNext(p, t) {
		p.ticket++ // whatever was announced before is over
		return nil
	}
	p.begin("time to pass", nil)
	p.wakeup = p.group.push(max(t, p.Now()), nil, p)
	return p.park()
}

// A Ticket names one wait of one process. It is how other parts of a model are built that
// processes wait for; a ticket whose wait is over wakes nobody.
type Ticket struct {
	p *Process
	n uint64
}

// Ticket announces the next wait of the process, for something that a deadlock report can name.
// [Process.Park] must follow; between the two the process may hand the ticket out.
func (p *Process) Ticket(what string) Ticket {
	p.begin(what, nil)
	return Ticket{p, p.ticket}
}

// Park waits until the ticket that was announced last is woken.
func (p *Process) Park() error {
	if !p.waiting {
		panic("sim: " + p.label() + " parks without a ticket")
	}
	if p.decided {
		return p.park()
	}
	if err := p.mayWait(); err != nil {
		p.end()
		return err
	}
	return p.park()
}

// Live reports whether the wait goes on, undecided.
func (t Ticket) Live() bool {
	return t.p != nil && t.p.ticket == t.n && t.p.waiting && !t.p.decided
}

// Wake decides the wait: the process goes on at this instant, after what is already scheduled. It
// reports whether the wait was still undecided.
func (t Ticket) Wake() bool {
	if !t.Live() {
		return false
	}
	t.p.decide(nil)
	return true
}

// begin opens a new wait.
func (p *Process) begin(what string, source waiter) {
	p.ticket++
	p.unschedule()
	p.waiting, p.decided, p.waitErr = true, false, nil
	p.what, p.source, p.since = what, source, p.s.now
}

// end closes the wait, so that wake-ups for it are stale.
func (p *Process) end() {
	p.ticket++
	p.unschedule()
	p.waiting, p.decided, p.source = false, false, nil
}

// decide settles how the wait ends, and schedules the process.
func (p *Process) decide(err error) {
	p.decided, p.waitErr = true, err
	p.wakeup = p.group.push(p.group.Now(), nil, p)
}

// unschedule drops the wake-up that is on its way, such as a sleep's.
func (p *Process) unschedule() {
	if p.wakeup != 0 {
		p.s.queue.stop(p.wakeup)
		p.wakeup = 0
	}
}

// cut ends an undecided wait with an error.
func (p *Process) cut(err error) {
	if p.source != nil {
		p.source.withdraw(p, false)
		p.source = nil
	}
	p.ticket++
	p.unschedule()
	p.decide(err)
}

// mayWait returns the error that a wait must return at once, if there is one.
func (p *Process) mayWait() error {
	switch {
	case p.s.current != p:
		panic("sim: " + p.label() + " is made to wait by somebody else")
	case p.killed:
		p.unwind()
	case p.interrupt != nil:
		err := p.interrupt
		p.interrupt = nil
		return err
	case p.endedIn > 0:
		return p.Err()
	}
	return nil
}

// park gives control back until the process is woken.
func (p *Process) park() error {
	if p.killed {
		p.unwind()
	}
	p.parked = true
	p.s.transfer(p.co, p.s.goOn(p.s.successor()))
	p.parked = false
	if p.killed {
		p.unwind()
	}
	err := p.waitErr
	p.end()
	return err
}

// start lets the process begin on an idle coroutine.
func (p *Process) start(co *coroutine) {
	p.end()
	p.s.current, p.wakeup = p, 0
	p.co, co.p = co, p
}

// Interrupt cuts the process's wait short with an [*Interrupted]; if it does not wait, or its wait
// is already decided, the next wait returns it. It is called by others.
func (p *Process) Interrupt(reason error) {
	if p.ended || p.killed || p.s.silent() {
		return
	}
	err := &Interrupted{reason}
	if p.waiting && !p.decided {
		p.cut(err)
		return
	}
	p.interrupt = err
}

// Kill ends the process: it is unwound before Kill returns, its deferred functions run, nothing
// after its wait does. What it was granted and has not received goes back. Anybody may call it; a
// process that kills itself does not come back from it.
func (p *Process) Kill() {
	if p.ended || p.unwinding && p.s.current != p {
		return
	}
	s := p.s
	if !p.killed {
		p.killed = true
		if p.waiting && p.source != nil {
			p.source.withdraw(p, p.decided)
		}
		p.source = nil
		p.ticket++
		p.unschedule()
	}
	switch {
	case s.current == p:
		p.unwind()
	case p.co == nil: // it has not begun
		p.finish()
	case p.parked:
		p.unwinding = true
		p.unwindNow()
	}
	// Otherwise it is running further down, and has just killed the one that killed it.
	s.current.unwindIfKilled()
}

// unwindIfKilled ends the running process if something that it set off has killed it meanwhile.
func (p *Process) unwindIfKilled() {
	if p != nil && p.killed && !p.unwinding {
		p.unwind()
	}
}

// unwindNow gives control to the killed process until it has ended.
func (p *Process) unwindNow() {
	s := p.s
	killer, current := s.on, s.current
	defer func() { s.current = current }() // even if p ends the goroutine, as t.FailNow does
	s.current, p.co.home = p, killer
	s.transfer(killer, p.co)
	s.exitToo()
}

// run is the life of a process on its coroutine.
func (p *Process) run(co *coroutine) {
	exits := true // the goroutine, as t.FailNow does
	defer func() {
		if v := recover(); v != nil {
			exits = false
			if u, ok := v.(unwind); !ok || u.p != p {
				p.s.fail(p.label(), v, string(debug.Stack()))
			}
		}
		s := p.s
		p.finish()
		if exits {
			co.exit(s)
		}
	}()
	p.body(p, p.arg)
	exits = false
}

// finish takes the process out of the run.
func (p *Process) finish() {
	p.killed, p.ended = true, true
	p.end()
	p.co = nil
	p.killChildren()
	p.leaveParent()
	for _, sc := range p.scopes {
		sc.abandon()
	}
	p.next.prev, p.prev.next = p.prev, p.next
	p.gnext.gprev, p.gprev.gnext = p.gprev, p.gnext
	for _, t := range p.joiners {
		t.Wake()
	}
	p.joiners = p.joiners[:0]
	if p.pooled {
		p.recycle()
	}
}

// killQuietly kills p from a place that must not be left by a panic.
func (p *Process) killQuietly() {
	s := p.s
	running := s.current
	s.current = nil
	p.Kill()
	s.current = running
}

// recycle makes a spawned process ready to be another. Its ticket goes on counting, so that
// wake-ups for its former life are stale.
func (p *Process) recycle() {
	w := p.s.worker
	*p = Process{
		s: p.s, group: p.group, name: p.name, id: p.id, killed: true, ended: true, // for whoever still asks
		ticket: p.ticket + 1, scopes: p.scopes[:0], spare: append(p.spare, p.scopes...), joiners: p.joiners,
	}
	w.processes = append(w.processes, p)
}

package sim

import (
	"cmp"
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"time"
)

// A Simulation is one run: its clock, its pending events, its processes, its chance.
type Simulation struct {
	cfg       Config
	now       Time
	queue     *queue
	worker    *Worker
	root      *Group
	processes Process  // head of the ring of living processes, in order of start
	started   uint64   // processes started so far
	current   *Process // the process that runs now; nil in a callback
	driver    coroutine
	on        *coroutine // that has control
	target    *coroutine // that is to get control
	exiting   *coroutine // whose goroutine is ending
	streams   map[string]bool
	digest    digest
	notes     uint64
	onNote    []func(Note)
	onEvent   []func(Event)
	callback  *slot // what happens now; nil outside of callbacks
	atInstant int
	until     Time // the events up to this instant are to happen
	running   bool
	direct    bool // a process that waits may give control to the next by itself
	closed    bool
	failure   *Failure
}

var forceTrampoline bool // set by a test: every run goes through the driver

func newSimulation(cfg Config, w *Worker) *Simulation {
	cfg.Trampoline = cfg.Trampoline || forceTrampoline
	if cfg.MaxAtInstant == 0 {
		cfg.MaxAtInstant = 1_000_000
	}
	if cfg.MaxSteps == 0 {
		cfg.MaxSteps = math.MaxUint64
	}
	w.queue.reset()
	s := &Simulation{cfg: cfg, queue: &w.queue, worker: w, streams: map[string]bool{}, digest: newDigest()}
	s.processes.next, s.processes.prev = &s.processes, &s.processes
	s.driver.resumed, s.on = true, &s.driver
	s.root = s.NewGroup("")
	return s
}

// Seed returns the seed of the run.
func (s *Simulation) Seed() Seed { return s.cfg.Seed }

// Now returns the present instant.
func (s *Simulation) Now() Time { return s.now }

// Stream returns the random stream of one named purpose. It panics if that name was asked for
// before in this run: two owners of one stream would meet the same luck.
func (s *Simulation) Stream(name string) Stream {
	s.claim(name)
	return s.cfg.Seed.Stream(name)
}

// Keyed returns the keyed draws of one named purpose. Like [Simulation.Stream], a name is given once.
func (s *Simulation) Keyed(name string) Keyed {
	s.claim(name)
	return s.cfg.Seed.Keyed(name)
}

func (s *Simulation) claim(name string) {
	if s.streams[name] {
		panic(fmt.Sprintf("sim: the stream %q was asked for twice", name))
	}
	s.streams[name] = true
}

// A Timer is an event that was scheduled. The zero Timer is one that has already happened.
type Timer struct {
	s  *Simulation
	id uint64
}

// Stop drops the event, and reports whether that was in time.
func (t Timer) Stop() bool { return t.s != nil && !t.s.closed && t.s.queue.stop(t.id) }

// At calls f at an instant. It panics if that instant has passed.
func (s *Simulation) At(t Time, f func()) Timer { return s.root.At(t, f) }

// After calls f when d has passed. It panics if d is negative.
func (s *Simulation) After(d time.Duration, f func()) Timer { return s.root.After(d, f) }

// AtCall calls f with arg at an instant. It is cheaper than a closure made for each event.
func (s *Simulation) AtCall(t Time, f func(any), arg any) Timer { return s.root.AtCall(t, f, arg) }

func callFunc(f any) { f.(func())() }

// silent reports whether a request comes from the dead: it must be ignored.
func (s *Simulation) silent() bool {
	return s.closed || s.current != nil && s.current.killed
}

// RunUntil executes all events up to and including t, and moves the clock to t. The error is the
// [*Failure] that ended the run, if one did; [Run] returns it too.
func (s *Simulation) RunUntil(t Time) error {
	if t < s.now {
		panic(fmt.Sprintf("sim: RunUntil %v is before the present instant %v", t, s.now))
	}
	s.loop(t, nil)
	if s.failure != nil {
		return s.Err()
	}
	if t > s.now {
		s.now, s.atInstant = t, 0
	}
	return nil
}

// RunUntilIdle executes events until none is left. A foreground process that still waits then is
// a failure that names who waits for what.
func (s *Simulation) RunUntilIdle() error {
	s.loop(Never, nil)
	if s.failure == nil {
		if err := s.deadlock(); err != nil {
			s.fail("simulation", err, "")
		}
	}
	return s.Err()
}

// RunWhile executes events as long as cond holds; it is asked before every event. When no event
// is left while cond still holds, the rules of [Simulation.RunUntilIdle] apply.
func (s *Simulation) RunWhile(cond func() bool) error {
	if !s.loop(Never, cond) {
		return s.RunUntilIdle()
	}
	return s.Err()
}

// Fail ends the run with a [*Failure] that wraps [ErrInvariant]: the model found something that
// must never happen. In a process it does not return.
func (s *Simulation) Fail(format string, args ...any) {
	owner := cmp.Or(s.Who().String(), "simulation")
	s.fail(owner, fmt.Errorf("%w: %s", ErrInvariant, fmt.Sprintf(format, args...)), "")
	if s.current != nil {
		s.current.Kill()
	}
}

// loop executes events up to an instant, as long as cond holds. It reports whether cond ended it.
func (s *Simulation) loop(until Time, cond func() bool) (ended bool) {
	if s.running {
		panic("sim: a run is driven from outside, not from one of its own events")
	}
	s.running, s.until = true, until
	s.direct = cond == nil && len(s.onEvent) == 0 && !s.cfg.Trampoline
	asking := false // cond
	defer func() {
		s.running, s.direct, s.current = false, false, nil
		v := recover()
		switch {
		case v == nil:
		case asking:
			s.fail("the condition of RunWhile", v, string(debug.Stack()))
		default:
			s.fail(s.Who().String(), v, string(debug.Stack()))
		}
		s.callback = nil
	}()
	for s.failure == nil {
		if asking = cond != nil; asking && !cond() {
			return true
		}
		asking = false
		e, ev := s.queue.first(until)
		if ev == nil || e.at > until {
			return false
		}
		switch ev.life.state {
		case over:
			s.queue.take(e, ev)
			s.queue.release(ev, e.slot())
			continue
		case paused:
			ev.life.group.hold(e, ev)
			continue
		}
		s.happen(e, ev)
		if s.atLimit() && !s.withinLimits(ev) {
			return false
		}
		s.digest.event(e.at, e.seq())
		if len(s.onEvent) > 0 {
			s.executeObserved(e, ev)
		} else {
			s.execute(e, ev)
		}
	}
	return false
}

// happen takes an event out of the order and moves the clock to it.
func (s *Simulation) happen(e entry, ev *slot) {
	s.queue.take(e, ev)
	if e.at != s.now {
		s.now, s.atInstant = e.at, 0
	}
	s.atInstant++
}

// execute does what an event is for.
func (s *Simulation) execute(e entry, ev *slot) {
	if ev.do == nil {
		p := ev.arg.(*Process)
		s.queue.release(ev, e.slot())
		s.transfer(&s.driver, s.goOn(p))
		s.exitToo()
		return
	}
	s.callback = ev
	ev.do(ev.arg)
	s.callback = nil
	s.queue.release(ev, e.slot())
}

// executeObserved does it before those who want to see every event.
func (s *Simulation) executeObserved(e entry, ev *slot) {
	who := whoseEvent(ev)
	s.execute(e, ev)
	for _, f := range s.onEvent {
		f(Event{e.at, s.digest.events, s.digest.final(), who})
	}
}

// atLimit reports whether the present event is one too many for a limit of the run.
func (s *Simulation) atLimit() bool {
	return s.atInstant > s.cfg.MaxAtInstant || s.digest.events >= s.cfg.MaxSteps
}

// withinLimits reports whether the event may happen all the same, and fails the run if not.
func (s *Simulation) withinLimits(ev *slot) bool {
	if s.atInstant > s.cfg.MaxAtInstant && s.livelock(ev) {
		return false
	}
	if s.digest.events >= s.cfg.MaxSteps {
		s.fail(whoseEvent(ev).String(), fmt.Errorf("%w: %d events", ErrStepLimit, s.cfg.MaxSteps), "")
		return false
	}
	return true
}

// successor returns the process whose wake-up is the next event, and takes that event. It returns nil
// if the next event, or none, is for the driver to see to.
func (s *Simulation) successor() *Process {
	if !s.direct || s.failure != nil {
		return nil
	}
	e, ev := s.queue.first(s.until)
	if ev == nil || e.at > s.until {
		return nil
	}
	if ev.do != nil || ev.life.state != active || s.atInstant >= s.cfg.MaxAtInstant || s.digest.events >= s.cfg.MaxSteps {
		return nil
	}
	s.happen(e, ev)
	s.queue.release(ev, e.slot())
	s.digest.event(e.at, e.seq())
	return ev.arg.(*Process)
}

// isNext reports whether a process that sleeps until t is the next to do anything. If so, its wake-up
// has happened when isNext returns: it saves the way through the queue.
func (s *Simulation) isNext(p *Process, t Time) bool {
	if !s.direct || t <= s.now || t > s.until || p.waiting || p.group.clock != nil || p.group.life.state != active ||
		s.failure != nil || s.digest.events >= s.cfg.MaxSteps {
		return false
	}
	if e, ev := s.queue.first(t); ev != nil && e.at <= t {
		return false
	}
	s.queue.seq++
	s.now, s.atInstant = t, 1
	s.digest.event(t, s.queue.seq)
	return true
}

// goOn makes p the process that runs, and returns its coroutine: the driver's for no process.
func (s *Simulation) goOn(p *Process) *coroutine {
	s.current = p
	if p == nil {
		return &s.driver
	}
	p.decided, p.wakeup = true, 0
	if p.co == nil {
		p.start(s.worker.coroutine())
	}
	return p.co
}

// livelock watches who keeps the clock from moving for a while, and then fails the run.
func (s *Simulation) livelock(ev *slot) bool {
	const watched = 8
	if s.atInstant == s.cfg.MaxAtInstant+1 {
		s.root.suspects = nil
	}
	if s.atInstant <= s.cfg.MaxAtInstant+watched {
		s.suspects(whoseEvent(ev).String())
		return false
	}
	s.fail(whoseEvent(ev).String(), fmt.Errorf("%w: %d events at one instant, the last by %s",
		ErrLivelock, s.cfg.MaxAtInstant, strings.Join(s.root.suspects, ", ")), "")
	return true
}

func (s *Simulation) suspects(owner string) {
	for _, known := range s.root.suspects {
		if known == owner {
			return
		}
	}
	s.root.suspects = append(s.root.suspects, owner)
}

// close unwinds what is left of the run.
func (s *Simulation) close() {
	s.closed = true
	s.current, s.on = nil, &s.driver
	defer func() {
		if s.processes.next != &s.processes {
			s.close() // a deferred function of a process ended the goroutine, as t.FailNow does
		}
	}()
	for p := s.processes.next; p != &s.processes; p = s.processes.next {
		p.Kill()
	}
}

package sim

import (
	"cmp"
	"fmt"
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
	streams   map[string]bool
	digest    digest
	notes     uint64
	onNote    []func(Note)
	onEvent   []func(Event)
	event     slot // what happens now; zero outside of events
	atInstant int
	running   bool
	closed    bool
	failure   *Failure
}

func newSimulation(cfg Config, w *Worker) *Simulation {
	if cfg.MaxAtInstant == 0 {
		cfg.MaxAtInstant = 1_000_000
	}
	w.queue.reset()
	s := &Simulation{cfg: cfg, queue: &w.queue, worker: w, streams: map[string]bool{}, digest: newDigest()}
	s.processes.next, s.processes.prev = &s.processes, &s.processes
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
	s.running = true
	asking := false // cond
	defer func() {
		s.running, s.current = false, nil
		v := recover()
		switch {
		case v == nil:
		case asking:
			s.fail("the condition of RunWhile", v, string(debug.Stack()))
		default:
			s.fail(s.Who().String(), v, string(debug.Stack()))
		}
		s.event = slot{}
	}()
	for s.failure == nil {
		if asking = cond != nil; asking && !cond() {
			return true
		}
		asking = false
		e, ok := s.queue.first()
		if !ok || e.at > until {
			return false
		}
		next := &s.queue.slots[e.slot()]
		if next.stale() {
			s.queue.take(e)
			continue
		}
		if next.group.paused {
			next.group.hold(e)
			continue
		}
		s.event = s.queue.take(e)
		if e.at != s.now {
			s.now, s.atInstant = e.at, 0
		}
		if s.atInstant++; s.atInstant > s.cfg.MaxAtInstant && s.livelock() {
			return false
		}
		if s.cfg.MaxSteps > 0 && s.digest.events == s.cfg.MaxSteps {
			s.fail(s.Who().String(), fmt.Errorf("%w: %d events", ErrStepLimit, s.cfg.MaxSteps), "")
			return false
		}
		s.digest.event(e.at, e.seq())
		if p := s.event.proc; p != nil {
			p.resume()
		} else {
			s.event.do(s.event.arg)
		}
		for _, f := range s.onEvent {
			f(Event{e.at, s.digest.events, s.digest.final(), whoseEvent(&s.event)})
		}
	}
	return false
}

// livelock watches who keeps the clock from moving for a while, and then fails the run.
func (s *Simulation) livelock() bool {
	const watched = 8
	if s.atInstant == s.cfg.MaxAtInstant+1 {
		s.root.suspects = nil
	}
	if s.atInstant <= s.cfg.MaxAtInstant+watched {
		s.suspects(s.Who().String())
		return false
	}
	s.fail(s.Who().String(), fmt.Errorf("%w: %d events at one instant, the last by %s",
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
	s.current = nil
	defer func() {
		if s.processes.next != &s.processes {
			s.close() // a deferred function of a process ended the goroutine, as t.FailNow does
		}
	}()
	for p := s.processes.next; p != &s.processes; p = s.processes.next {
		p.Kill()
	}
}

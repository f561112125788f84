package sim

import (
	"fmt"
	"math/bits"
	"time"
)

// A Group is a life cycle: the processes and callbacks that are killed, paused and restarted
// together, by one local clock. What runs on a machine belongs to the machine's group.
//
// A new group is alive. Kill ends everything in it at once; Start begins a new incarnation, empty.
// A paused group does nothing: what falls due waits, and happens in order at Resume.
type Group struct {
	s           *Simulation
	name        string
	alive       bool
	incarnation uint64
	life        *life
	held        []uint64 // what fell due during the pause
	clock       *clock   // nil: the kernel's own
	processes   Process  // head of the ring of the group's processes, in order of start
	suspects    []string // of the root group: whom the livelock guard has seen
}

// A life is one incarnation of a group. Every event belongs to one.
type life struct {
	group *Group
	state lifeState
}

type lifeState uint8

const (
	active lifeState = iota
	paused           // its events wait
	over             // its events are dropped
)

// NewGroup returns a group that is alive.
func (s *Simulation) NewGroup(name string) *Group {
	g := &Group{s: s, name: name, alive: true, incarnation: 1}
	g.life = &life{group: g}
	g.processes.gnext, g.processes.gprev = &g.processes, &g.processes
	return g
}

// Name returns the name of the group.
func (g *Group) Name() string { return g.name }

// Alive reports whether the group can act.
func (g *Group) Alive() bool { return g.alive }

// Incarnation counts the lives of the group, from 1.
func (g *Group) Incarnation() uint64 { return g.incarnation }

// Kill ends the life of the group: its processes are unwound before Kill returns, its callbacks
// will not happen. A process that kills its own group is unwound last.
func (g *Group) Kill() {
	if !g.alive {
		return
	}
	g.alive = false
	g.Resume() // what it held is dropped when it comes up: it belongs to the life that has ended
	g.incarnation++
	g.life.state = over
	g.life = &life{group: g}
	running := g.s.current
	for p := g.processes.gnext; p != &g.processes; {
		if p == running || p.killed {
			p = p.gnext
			continue
		}
		p.killQuietly()
		p = g.processes.gnext
	}
	if running != nil && running.group == g {
		running.Kill()
	}
	running.unwindIfKilled()
}

// Start begins the next life of a group that was killed. It panics if the group is alive.
func (g *Group) Start() {
	if g.alive {
		panic("sim: Start of the group " + g.name + ", which is alive")
	}
	if g.s.silent() {
		return
	}
	g.alive = true
}

// Pause stops the group until Resume. Its local clock goes on.
func (g *Group) Pause() {
	if g.alive {
		g.life.state = paused
	}
}

// Resume ends a pause: what fell due meanwhile happens now, in the order in which it fell due.
func (g *Group) Resume() {
	g.life.state = active
	if len(g.held) == 0 {
		return
	}
	q := g.s.queue
	due := q.pending(g.life)
	late := false
	for _, id := range g.held {
		late = q.resume(id, g.s.now, g.Now(), g.s.now) || late
	}
	g.held = g.held[:0]
	for _, e := range due {
		if late && e.at == g.s.now { // of this very instant: behind what was held
			q.move(e, e.at, g.s.now)
		}
	}
}

// Paused reports whether the group is paused.
func (g *Group) Paused() bool { return g.life.state == paused }

// hold keeps an event that falls due while the group is paused.
func (g *Group) hold(e entry, ev *slot) {
	if e.at > g.s.now {
		g.s.now, g.s.atInstant = e.at, 0
	}
	g.held = append(g.held, g.s.queue.hold(e, ev))
}

// At calls f at an instant of the group's clock. It panics if that instant has passed; a dead
// group's request is ignored.
func (g *Group) At(t Time, f func()) Timer { return g.AtCall(t, callFunc, f) }

// After calls f when d has passed on the group's clock. It panics if d is negative.
func (g *Group) After(d time.Duration, f func()) Timer {
	if d < 0 {
		panic("sim: After with the negative delay " + d.String())
	}
	return g.At(g.Now().Add(d), f)
}

// AtCall calls f with arg at an instant of the group's clock, without a closure.
func (g *Group) AtCall(t Time, f func(any), arg any) Timer {
	if !g.alive || g.s.silent() {
		return Timer{}
	}
	return Timer{g.s, g.push(t, f, arg)}
}

// push adds an event of the group at an instant of its clock, without asking whether the dead speak.
func (g *Group) push(t Time, do func(any), arg any) (id uint64) {
	s, at := g.s, t
	if g.clock != nil {
		at = max(g.clock.due(t), s.now)
	}
	if at < s.now {
		panic(fmt.Sprintf("sim: an event at %v is before the present instant %v", t, s.now))
	}
	ev := s.queue.push(at, s.now)
	ev.life, ev.do, ev.arg, ev.local = g.life, do, arg, t
	return ev.id
}

// A clock is a local clock: at the kernel's instant base it showed shown, and it gains rate
// parts per billion.
type clock struct {
	base, shown Time
	rate        int64
}

const billion = 1_000_000_000

// at returns what the clock shows at the kernel's instant t, not before base.
func (c *clock) at(t Time) Time {
	return c.shown.Add(time.Duration(mulDiv(uint64(t-c.base), uint64(billion+c.rate), billion)))
}

// due returns the first instant of the kernel at which the clock shows t or later.
func (c *clock) due(t Time) Time {
	if t <= c.shown {
		return c.base
	}
	if t == Never {
		return Never
	}
	n, d := uint64(t-c.shown), uint64(billion+c.rate)
	at := c.base.Add(time.Duration(mulDiv(n, billion, d)))
	for at < Never && c.at(at) < t {
		at++
	}
	return at
}

// mulDiv returns a*b/c with a product of 128 bits. Beyond 292 years it stops at the largest time.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return uint64(Never)
	}
	q, _ := bits.Div64(hi, lo, c)
	return min(q, uint64(Never))
}

// Now returns the instant that the group's clock shows.
func (g *Group) Now() Time {
	if g.clock == nil {
		return g.s.now
	}
	return g.clock.at(g.s.now)
}

// SetClock sets the group's clock: from now on it shows offset more than the kernel's, and gains
// drift parts per billion (negative: it loses). Timers of the group that are pending go on by
// the new rate, and a step of the clock neither shortens nor lengthens them: timers and deadlines
// run on the monotonic clock, as on real machines.
func (g *Group) SetClock(offset time.Duration, drift int64) {
	if drift <= -billion {
		panic(fmt.Sprintf("sim: a drift of %d parts per billion stops the clock or turns it back", drift))
	}
	before := g.Now()
	g.clock = &clock{base: g.s.now, shown: g.s.now.Add(offset), rate: drift}
	step := g.clock.shown.Sub(before)
	for _, e := range g.s.queue.pending(g.life) {
		ev := g.s.queue.slot(e.slot())
		ev.local = ev.local.Add(step)
		if at := max(g.clock.due(ev.local), g.s.now); at != e.at {
			g.s.queue.move(e, at, g.s.now)
		}
	}
	for p := g.processes.gnext; p != &g.processes; p = p.gnext {
		for _, sc := range p.scopes {
			if sc.deadline < Never {
				sc.deadline = sc.deadline.Add(step)
			}
		}
	}
}

package sim

// A Signal lets processes wait until somebody says so. It remembers nothing: a notification that
// finds nobody waiting is lost.
type Signal struct {
	s    *Simulation
	what string
	line line
}

// NewSignal returns a signal; the name appears in deadlock reports.
func NewSignal(s *Simulation, name string) *Signal {
	return &Signal{s: s, what: "signal " + name}
}

// Wait waits for the next notification.
func (g *Signal) Wait(p *Process) error {
	if err := p.mayWait(); err != nil {
		return err
	}
	p.begin(g.what, g)
	g.line.pushBack(p)
	return p.park()
}

// Notify wakes the process that has waited longest, and reports whether there was one.
func (g *Signal) Notify() bool {
	if g.s.silent() {
		return false
	}
	p := g.line.popFront()
	if p == nil {
		return false
	}
	p.link.units = 1 // one notification, for one process
	p.decide(nil)
	return true
}

// Broadcast wakes all that wait, the longest waiting first, and returns how many they were.
func (g *Signal) Broadcast() int {
	if g.s.silent() {
		return 0
	}
	n := g.line.length
	for p := g.line.popFront(); p != nil; p = g.line.popFront() {
		p.link.units = 0
		p.decide(nil)
	}
	return n
}

// Waiting returns how many processes wait.
func (g *Signal) Waiting() int { return g.line.length }

// withdraw passes a notification on to the next if its receiver was killed; a broadcast is for
// those who waited when it was made.
func (g *Signal) withdraw(p *Process, granted bool) {
	if !granted {
		g.line.remove(p)
		return
	}
	if p.link.units == 0 {
		return
	}
	if next := g.line.popFront(); next != nil {
		next.link.units = 1
		next.decide(nil)
	}
}

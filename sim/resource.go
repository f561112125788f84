package sim

import "fmt"

// An Order says who is served next in a waiting line.
type Order uint8

// The orders of a waiting line.
const (
	FIFO     Order = iota // who came first
	LIFO                  // who came last
	Priority              // the highest priority; among equals, who came first
)

func (o Order) String() string {
	switch o {
	case FIFO:
		return "fifo"
	case LIFO:
		return "lifo"
	case Priority:
		return "priority"
	}
	return fmt.Sprintf("order %d", o)
}

// A Resource is a number of equal units: cpus, threads, permits. Who finds too few waits in a
// line. Nobody overtakes: a small request behind a large one that does not fit waits too.
type Resource struct {
	s     *Simulation
	what  string
	units int
	inUse int
	order Order
	line  line
}

// NewResource returns a resource whose units are all free; the name appears in deadlock reports.
func NewResource(s *Simulation, name string, units int, order Order) *Resource {
	if units < 0 {
		panic(fmt.Sprintf("sim: the resource %s has %d units", name, units))
	}
	return &Resource{s: s, what: "resource " + name, units: units, order: order}
}

// Units returns how many units there are, InUse how many of them are taken, Waiting how many
// processes wait.
func (r *Resource) Units() int   { return r.units }
func (r *Resource) InUse() int   { return r.inUse }
func (r *Resource) Waiting() int { return r.line.length }

// TryAcquire takes n units without waiting, and reports whether it could. It never overtakes.
func (r *Resource) TryAcquire(n int) bool {
	if n < 0 {
		panic(fmt.Sprintf("sim: %d units of %s are asked for", n, r.what))
	}
	if r.s.silent() || r.line.length > 0 || r.inUse+n > r.units {
		return false
	}
	r.inUse += n
	return true
}

// Acquire takes n units, and waits for them if it must. The priority counts only in the order
// [Priority]. Who takes units must give them back, best by a deferred [Resource.Release].
func (r *Resource) Acquire(p *Process, n, priority int) error {
	if err := p.mayWait(); err != nil {
		return err
	}
	if r.TryAcquire(n) {
		return nil
	}
	p.begin(r.what, r)
	p.link.units, p.link.priority = n, priority
	r.enqueue(p)
	return p.park()
}

func (r *Resource) enqueue(p *Process) {
	switch r.order {
	case LIFO:
		r.line.pushFront(p)
	case Priority:
		before := r.line.last
		for before != nil && before.link.priority < p.link.priority {
			before = before.link.prev
		}
		r.line.insertAfter(p, before)
	default:
		r.line.pushBack(p)
	}
}

// Release gives n units back and grants them to those who wait. It panics if more are given back
// than were taken.
func (r *Resource) Release(n int) {
	if n < 0 || n > r.inUse {
		panic(fmt.Sprintf("sim: Release of %d units of %s, of which %d are in use", n, r.what, r.inUse))
	}
	r.inUse -= n
	r.grant()
}

// SetUnits changes how many units there are. Units in use beyond that are lost as they come back.
func (r *Resource) SetUnits(n int) {
	if n < 0 {
		panic(fmt.Sprintf("sim: SetUnits of %s to %d", r.what, n))
	}
	r.units = n
	r.grant()
}

func (r *Resource) grant() {
	for p := r.line.first; p != nil && r.inUse+p.link.units <= r.units; p = r.line.first {
		r.line.remove(p)
		r.inUse += p.link.units
		p.decide(nil)
	}
}

func (r *Resource) withdraw(p *Process, granted bool) {
	if granted {
		r.inUse -= p.link.units
	} else {
		r.line.remove(p)
	}
	r.grant()
}

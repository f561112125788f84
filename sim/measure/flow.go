package measure

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nines-sim/nines/sim"
)

// EdgeCounts count what went from one caller to one callee. The model adds to them.
//
// A try is a first attempt, a retry or a hedge. Each is either sent, or turned away before it is sent:
// by a breaker, a bulkhead, a limit, or because its caller gave up while it waited for its turn.
type EdgeCounts struct {
	Calls    int64         `json:"calls"`    // asked for: what the policies between the two were given
	Returned int64         `json:"returned"` // calls that have ended
	Retries  int64         `json:"retries"`
	Hedges   int64         `json:"hedges"`
	Sent     int64         `json:"sent"`      // attempts
	Turned   int64         `json:"turned"`    // tries that were turned away
	Answered int64         `json:"answered"`  // calls answered without any try: from a cache, by a fallback
	Work     time.Duration `json:"work_ns"`   // done by the callee
	Wasted   time.Duration `json:"wasted_ns"` // of that, for callers who had given up
}

func (c EdgeCounts) minus(d EdgeCounts) EdgeCounts {
	return EdgeCounts{
		c.Calls - d.Calls, c.Returned - d.Returned, c.Retries - d.Retries, c.Hedges - d.Hedges,
		c.Sent - d.Sent, c.Turned - d.Turned, c.Answered - d.Answered, c.Work - d.Work, c.Wasted - d.Wasted,
	}
}

// An Edge belongs to one caller and one callee.
type Edge struct {
	EdgeCounts
	Layers func() []Layer // what the policies between the two did so far: always the same ones in the same order; may be nil

	name         string
	before       EdgeCounts // when the warm-up ended
	layersBefore []Layer
}

// A Layer says what the policies did that take one place between a caller and a callee.
type Layer struct {
	Layer  string       `json:"layer"` // the place: "retry"
	Counts []LayerCount `json:"counts"`
}

// A LayerCount is something that a policy counts: "denied". If its name ends with _ns, it is a length of time.
type LayerCount struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
}

// warm remembers what there is when the warm-up ends.
func (e *Edge) warm() {
	e.before = e.EdgeCounts
	if e.Layers != nil {
		e.layersBefore = e.Layers()
	}
}

// layers returns what the policies did since the warm-up.
func (e *Edge) layers() []Layer {
	if e.Layers == nil {
		return nil
	}
	return addLayers(e.Layers(), e.layersBefore, -1)
}

// addLayers adds so many times the counts of others, which are of the same policies, or none.
func addLayers(layers, others []Layer, times int64) []Layer {
	sums := slices.Clone(layers)
	for i, other := range others {
		sums[i].Counts = slices.Clone(sums[i].Counts)
		for j := range other.Counts {
			sums[i].Counts[j].N += times * other.Counts[j].N
		}
	}
	return sums
}

// Edge returns a new edge.
func (r *Recorder) Edge(name string) *Edge {
	e := &Edge{name: name}
	r.edges = append(r.edges, e)
	return e
}

// check holds the counts of an edge against each other.
func (e *Edge) check() error {
	begun := e.Calls - e.Answered + e.Retries + e.Hedges
	told := e.Sent + e.Turned
	switch {
	case e.Returned > e.Calls:
		return fmt.Errorf("edge %s: %d calls returned of %d", e.name, e.Returned, e.Calls)
	case told > begun, told < begun && e.Returned == e.Calls:
		return fmt.Errorf("edge %s: %d attempts sent or turned away, but calls + retries + hedges = %d", e.name, told, begun)
	case e.Wasted < 0 || e.Wasted > e.Work:
		return fmt.Errorf("edge %s: %v of work wasted, but only %v done", e.name, e.Wasted, e.Work)
	}
	return nil
}

// A population is a number of things that come, stay and go. It counts over the whole run, warm-up
// included. Sums of lengths are kept modulo 2^64 ns, so that identities between them are exact.
type population struct {
	number     int      // there now
	last       sim.Time // when that changed
	filled     sim.Time // when there was nothing the last time
	area       uint64   // the integral of the number over time
	stayed     uint64   // the sum of how long those that went had stayed
	came, went int64
	most       int
	wrong      string // the first identity that did not hold

	warmup   sim.Time
	meanArea float64 // area since the warm-up, in things × ns
	stays    float64 // stayed, in ns
}

func (p *population) enter(now sim.Time, number int) {
	p.came++
	if p.number == 0 {
		p.filled = now
	}
	p.step(now, number)
}

func (p *population) leave(now, since sim.Time, number int) {
	p.went++
	p.stayed += uint64(now - since)
	p.stays += float64(now - since)
	p.step(now, number)
}

// step moves the integral on to now, takes the number of things from then on, and holds it against those
// that came and went. Little's law says that the integral is the sum of the stays. It holds exactly
// whenever nothing is there.
func (p *population) step(now sim.Time, number int) {
	p.area += uint64(p.number) * uint64(now-p.last)
	if now > p.warmup {
		p.meanArea += float64(float64(p.number) * float64(now-max(p.last, p.warmup)))
	}
	p.last, p.number = now, number
	p.most = max(p.most, number)
	switch {
	case p.wrong != "":
	case int64(number) != p.came-p.went:
		p.wrong = fmt.Sprintf("at %v: %d there, but came - went = %d", now, number, p.came-p.went)
	case number == 0 && p.area != p.stayed:
		p.wrong = fmt.Sprintf("Little's law, at %v: the integral of the length is %v, the sum of the stays %v",
			now, time.Duration(p.area), time.Duration(p.stayed))
	}
}

// check returns the first identity that did not hold. Things still there have stayed for at most the
// time since the population was empty.
func (p *population) check() error {
	rest, bound := int64(p.area-p.stayed), int64(p.number)*int64(p.last-p.filled)
	if p.wrong == "" && (rest < 0 || rest > bound) {
		p.wrong = fmt.Sprintf("Little's law: %d are still there, having stayed for %v together, need 0 to %v",
			p.number, time.Duration(rest), time.Duration(bound))
	}
	if p.wrong != "" {
		return errors.New(p.wrong)
	}
	return nil
}

// mean returns the time average of the number since the warm-up.
func (p *population) mean() float64 {
	if p.last <= p.warmup {
		return 0
	}
	return p.meanArea / float64(p.last-p.warmup)
}

// A Queue hears who waits in a queue.
type Queue struct {
	population
	name    string
	dropped int64
}

// Queue returns a new queue.
func (r *Recorder) Queue(name string) *Queue {
	q := &Queue{name: name}
	q.warmup = sim.Time(r.cfg.Warmup)
	r.queues = append(r.queues, q)
	return q
}

// Entered tells that something has begun to wait. The length counts it.
func (q *Queue) Entered(now sim.Time, length int) { q.enter(now, length) }

// Left tells that something that entered at since waits no more, having got its turn or given up. The
// length does not count it.
func (q *Queue) Left(now, since sim.Time, length int) { q.leave(now, since, length) }

// Dropped tells that something was turned away because the queue was full.
func (q *Queue) Dropped() { q.dropped++ }

// A Server hears what a group of threads, cpus or machines does.
type Server struct {
	population
	name                     string
	units                    int
	offered, done, abandoned time.Duration
	over                     string // the first time that more units were busy than there are
}

// Server returns a new server with so many units.
func (r *Recorder) Server(name string, units int) *Server {
	s := &Server{name: name, units: units}
	s.warmup = sim.Time(r.cfg.Warmup)
	r.servers = append(r.servers, s)
	return s
}

// Offered tells that work has arrived, as long as it takes a unit at its normal speed.
func (s *Server) Offered(work time.Duration) { s.offered += work }

// Began tells that a unit has become busy. The number counts it.
func (s *Server) Began(now sim.Time, busy int) {
	if busy > s.units && s.over == "" {
		s.over = fmt.Sprintf("at %v: %d units busy of %d", now, busy, s.units)
	}
	s.enter(now, busy)
}

// Resize tells that there are now so many units. Those that are busy may finish.
func (s *Server) Resize(units int) { s.units = units }

// Freed tells that a unit that was busy since then is free, and how much of the offered work it has
// done in that time. The number does not count it.
func (s *Server) Freed(now, since sim.Time, work time.Duration, busy int) {
	s.done += work
	s.leave(now, since, busy)
}

// Abandoned tells that offered work will never be done: it was dropped, or its machine crashed.
func (s *Server) Abandoned(work time.Duration) { s.abandoned += work }

// check holds the work done against the work offered.
func (s *Server) check() error {
	if err := s.population.check(); err != nil {
		return err
	}
	if s.over != "" {
		return errors.New(s.over)
	}
	if s.done+s.abandoned > s.offered {
		return fmt.Errorf("utilisation: %v of work done and %v abandoned, but only %v offered", s.done, s.abandoned, s.offered)
	}
	return nil
}

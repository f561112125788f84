package disk

import (
	"slices"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"github.com/nines-sim/nines/sim/fault"
)

// A device does operations, so many at a time, first come, first served. Each moves its bytes, in
// turn with the others, and takes its delay after that.
//
// It has a time of its own that stands still while it is stalled.
type device struct {
	s         *sim.Simulation
	awaited   string // what its callers wait for, in a deadlock report
	depth     int
	bandwidth int64
	medium    medium
	delays    sim.Stream
	luck      sim.Stream // which operations fail

	on    bool
	ops   []*op         // that have not ended, in the order in which they came
	busy  int           // how many of them have begun
	moved time.Duration // when all bytes of what has begun have moved, on the device's time
	idle  []*op

	holds     fault.Holds[Impairment]
	state     Impairment // what the holds do together
	stalledAt sim.Time
	stood     time.Duration // how long it was stalled, without the present stall
	late      []*op         // fell due during the present stall
}

// A medium is what a device reads and writes.
type medium interface {
	bytes(o *op) int64      // how many an operation moves that begins now
	ended(o *op, err error) // it is done, or has failed
}

// An op is an operation. It is used again once neither the device nor its caller refers to it.
type op struct {
	sync   bool
	before uint64 // a sync is for the writes before this position
	bytes  int64  // that a read moves
	delay  dist.Distribution

	d      *device
	refs   int
	ticket sim.Ticket
	begun  bool
	ends   time.Duration // on the device's time
	timer  sim.Timer
	err    error
}

func newDevice(s *sim.Simulation, name string, cfg Config, m medium) device {
	return device{
		s: s, awaited: "the disk " + name, depth: cfg.Depth, bandwidth: cfg.Bandwidth, medium: m,
		delays: s.Stream("disk/" + name + "/delay"), luck: s.Stream("disk/" + name + "/errors"),
		on: true, state: Impairment{Factor: 1},
	}
}

// do does an operation for a process and waits for it.
func (d *device) do(p *sim.Process, wanted op) error {
	if err := p.Sleep(0); err != nil { // a wait, so that the dead ask for nothing
		return err
	}
	if !d.on {
		return ErrOff
	}
	o := d.op()
	*o = wanted
	o.d, o.refs, o.ticket = d, 2, p.Ticket(d.awaited)
	defer o.release()
	d.ops = append(d.ops, o)
	d.begin()
	if err := p.Park(); err != nil {
		return err
	}
	return o.err
}

// begin begins what has come first, as much as can be done at one time.
func (d *device) begin() {
	for _, o := range d.ops {
		if d.busy == d.depth {
			return
		}
		if !o.begun {
			d.serve(o)
		}
	}
}

func (d *device) serve(o *op) {
	o.begun = true
	d.busy++
	now := d.time()
	d.moved = max(d.moved, now) + d.slowed(d.transfer(d.medium.bytes(o)))
	o.ends = d.moved + d.slowed(d.draw(o.delay))
	o.timer = d.s.AtCall(d.s.Now().Add(o.ends-now), due, o)
}

func due(arg any) {
	o := arg.(*op)
	d := o.d
	switch left := o.ends - d.time(); {
	case d.state.Stalled:
		d.late = append(d.late, o)
	case left > 0: // it was stalled meanwhile
		o.timer = d.s.AtCall(d.s.Now().Add(left), due, o)
	default:
		d.end(o)
	}
}

// end ends an operation that has taken its time.
func (d *device) end(o *op) {
	i := slices.Index(d.ops, o)
	d.ops = slices.Delete(d.ops, i, i+1)
	d.busy--
	var err error
	if d.state.Errors > 0 && d.luck.Chance(d.state.Errors) {
		err = ErrIO
	}
	d.medium.ended(o, err)
	o.finish(err)
	d.begin()
}

// abort ends all operations at once.
func (d *device) abort(err error) {
	for _, o := range d.ops {
		o.timer.Stop()
		o.finish(err)
	}
	clear(d.ops)
	d.ops, d.late, d.busy, d.moved = d.ops[:0], d.late[:0], 0, 0
}

// become changes the state that the device is in.
func (d *device) become(state Impairment) {
	was := d.state.Stalled
	now := d.s.Now()
	switch {
	case state.Stalled && !was:
		d.stalledAt = now
	case !state.Stalled && was:
		d.stood += now.Sub(d.stalledAt)
	}
	d.state = state
	if !state.Stalled {
		late := d.late
		d.late = nil
		for _, o := range late {
			due(o)
		}
	}
}

// time is the device's own: it stands still during a stall.
func (d *device) time() time.Duration {
	now := d.s.Now()
	if d.state.Stalled {
		now = d.stalledAt
	}
	return now.Sub(0) - d.stood
}

// transfer returns how long bytes take to move.
func (d *device) transfer(bytes int64) time.Duration {
	if d.bandwidth == 0 {
		return 0
	}
	return dist.Seconds(float64(bytes) / float64(d.bandwidth))
}

func (d *device) slowed(length time.Duration) time.Duration {
	if d.state.Factor == 1 {
		return length
	}
	return time.Duration(float64(length) * d.state.Factor)
}

// draw draws the length of something that may take no time.
func (d *device) draw(length dist.Distribution) time.Duration {
	if length == nil {
		return 0
	}
	return dist.Duration(length, &d.delays)
}

func (d *device) op() *op {
	if n := len(d.idle); n > 0 {
		o := d.idle[n-1]
		d.idle = d.idle[:n-1]
		return o
	}
	return new(op)
}

// finish tells the caller, if it still waits.
func (o *op) finish(err error) {
	o.err = err
	o.ticket.Wake()
	o.release()
}

func (o *op) release() {
	if o.refs--; o.refs == 0 {
		o.d.idle = append(o.d.idle, o)
	}
}

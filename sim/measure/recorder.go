package measure

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/nines-sim/nines/sim"
)

// A Recorder hears what happens in one run and counts it. Instants that it is told never go back,
// except for intended starts.
type Recorder struct {
	cfg        Config
	operations []operation
	objectives []objective
	calls      []call // by slot
	free       []uint32
	faults     faults
	alerts     []alert
	edges      []*Edge
	queues     []*Queue
	servers    []*Server

	double, late []int64 // by effect
	lost         int64
	strange      int64 // calls that ended twice, or never arrived

	warm bool // the warm-up is over
	// The window of the latest intended start, so that most calls need no division.
	window               int32
	windowFrom, windowTo sim.Time

	end sim.Time // of the run, once finished
}

// A CallID is a recorder's name for a call. The zero CallID names none, and is ignored by the methods
// that take effects.
type CallID uint64

// An operation is what is counted of one operation.
type operation struct {
	objectives []int         // that judge it
	keep       bool          // calls are kept in mind after they have ended ...
	horizon    time.Duration // ... for so long after their intended start; 0: to the end
	kept       []uint32      // slots, in the order in which the calls ended
	head       int           // of kept

	arrived  int64 // with the warm-up
	done     int64 // with the warm-up
	ended    [outcomes]int64
	attempts int64
	ok, rest *hdrhistogram.Histogram // latencies of ok calls and of all others
}

// An objective is what is counted for one objective.
type objective struct {
	Objective
	once    uint32 // effects, one bit each
	windows []window
	leftOut int64
	blamed  []blame
}

// A call is one that is open, or that has ended and may still turn bad.
type call struct {
	intended   sim.Time
	operation  int32
	window     int32  // -1: intended during the warm-up, counts nowhere
	generation uint32 // how often the slot was used
	good       uint32 // objectives that count it as good, one bit each
	promised   uint32 // effects outstanding, one bit each
	applied    uint32 // effects that have happened
	doubled    uint32 // effects that have happened twice
	missed     uint32 // objectives that it cannot meet any more, one bit each
	state      callState
}

type callState uint8

const (
	unused callState = iota
	stateOpen
	stateEnded
)

// NewRecorder returns a recorder for one run. It panics if the configuration is not valid.
func NewRecorder(cfg Config) *Recorder {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	r := &Recorder{
		cfg:        cfg,
		operations: make([]operation, len(cfg.Operations)),
		objectives: make([]objective, len(cfg.Objectives)),
		double:     make([]int64, len(cfg.Effects)),
		late:       make([]int64, len(cfg.Effects)),
		faults:     newFaults(len(cfg.Causes)),
		windowTo:   -1,
	}
	for i := range r.operations {
		op := &r.operations[i]
		op.ok, op.rest = newHistogram(cfg.Digits), newHistogram(cfg.Digits)
		op.keep = cfg.Operations[i].Effects
	}
	for i, o := range cfg.Objectives {
		obj := &r.objectives[i]
		obj.Objective = o
		for bit, e := range cfg.Effects {
			for _, name := range o.Once {
				if name == e {
					obj.once |= 1 << bit
				}
			}
		}
		op := &r.operations[cfg.operation(o.Of)]
		op.objectives = append(op.objectives, i)
		op.keep = op.keep || o.Settled > 0 || obj.once != 0
		op.horizon = max(op.horizon, o.Settled)
	}
	return r
}

// Arrived counts a call of an operation, given by its index in the configuration, that its caller
// wants to send at the instant intended.
func (r *Recorder) Arrived(operation int, intended sim.Time) CallID {
	if intended < r.windowFrom || intended >= r.windowTo {
		r.enterWindow(intended)
	}
	var slot uint32
	if n := len(r.free); n > 0 {
		slot = r.free[n-1]
		r.free = r.free[:n-1]
	} else {
		slot = uint32(len(r.calls))
		r.calls = append(r.calls, call{})
	}
	c := &r.calls[slot]
	*c = call{
		intended: intended, operation: int32(operation), window: r.window,
		generation: c.generation + 1, state: stateOpen,
	}
	r.operations[operation].arrived++
	return CallID(uint64(c.generation)<<32 | uint64(slot))
}

// enterWindow finds the window of an intended start.
func (r *Recorder) enterWindow(intended sim.Time) {
	warm := sim.Time(r.cfg.Warmup)
	if intended < warm {
		r.window, r.windowFrom, r.windowTo = -1, 0, warm
		return
	}
	if !r.warm && warm > 0 {
		r.warm = true
		for _, e := range r.edges {
			e.warm()
		}
	}
	i := (intended - warm) / sim.Time(r.cfg.Window)
	r.window = int32(i)
	r.windowFrom = warm + i*sim.Time(r.cfg.Window)
	r.windowTo = r.windowFrom + sim.Time(r.cfg.Window)
	for o := range r.objectives {
		obj := &r.objectives[o]
		for len(obj.windows) <= int(i) {
			obj.windows = append(obj.windows, window{})
		}
	}
}

// lookup returns an open or kept call, or nil.
func (r *Recorder) lookup(id CallID) *call {
	slot := uint32(id)
	if id == 0 || int(slot) >= len(r.calls) {
		return nil
	}
	c := &r.calls[slot]
	if c.generation != uint32(id>>32) || c.state == unused {
		return nil
	}
	return c
}

// Ended counts how a call ended, and how many attempts were made for it: retries and hedges make more
// than one, a call that was turned away at once has none.
func (r *Recorder) Ended(id CallID, now sim.Time, o Outcome, attempts int) {
	c := r.lookup(id)
	if c == nil || c.state != stateOpen {
		r.strange++
		return
	}
	op := &r.operations[c.operation]
	op.done++
	if c.window >= 0 {
		latency := now.Sub(c.intended)
		op.ended[o]++
		op.attempts += int64(attempts)
		if o == OK {
			record(op.ok, latency)
		} else {
			record(op.rest, latency)
		}
		for _, i := range op.objectives {
			obj := &r.objectives[i]
			w := &obj.windows[c.window]
			w.valid++
			answered := o == OK || o == Degraded && obj.DegradedGood
			if answered && (obj.Within == 0 || latency <= obj.Within) && c.doubled&obj.once == 0 && c.missed>>i&1 == 0 {
				w.good++
				c.good |= 1 << i
			} else {
				r.blame(obj, c)
			}
		}
	}
	if !op.keep || c.window < 0 && c.promised == 0 {
		r.forget(uint32(id))
		return
	}
	c.state = stateEnded
	r.retire(op, now)
	op.kept = append(op.kept, uint32(id))
}

// forget frees the slot of a call.
func (r *Recorder) forget(slot uint32) {
	r.calls[slot].state = unused
	r.free = append(r.free, slot)
}

// retire looks for the last time at calls whose effects had to be settled by now.
func (r *Recorder) retire(op *operation, now sim.Time) {
	if op.horizon == 0 {
		return
	}
	for op.head < len(op.kept) {
		slot := op.kept[op.head]
		c := &r.calls[slot]
		if c.intended.Add(op.horizon) >= now {
			break
		}
		r.unsettled(c, now)
		r.forget(slot)
		op.head++
	}
	if op.head > 1024 && op.head > len(op.kept)/2 {
		op.kept = op.kept[:copy(op.kept, op.kept[op.head:])]
		op.head = 0
	}
}

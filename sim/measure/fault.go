package measure

import (
	"math/bits"
	"time"

	"github.com/nines-sim/nines/sim"
)

// FaultBegan tells that a cause, given by its index in the configuration, has begun to act. The number
// that it returns names this fault to [Recorder.FaultEnded].
func (r *Recorder) FaultBegan(cause int, now sim.Time) int {
	f := &r.faults
	f.list = append(f.list, fault{cause: cause, from: now, to: sim.Never})
	f.causes[cause].active++
	return len(f.list) - 1
}

// FaultEnded tells that a fault acts no more. Its consequences may last longer.
func (r *Recorder) FaultEnded(fault int, now sim.Time) {
	f := &r.faults.list[fault]
	if f.to != sim.Never {
		panic("measure: fault ended twice: " + r.cfg.Causes[f.cause])
	}
	f.to = now
	c := &r.faults.causes[f.cause]
	if c.active--; c.active == 0 {
		c.last, c.ended = now, true
	}
}

// AlertFired tells that an alert has begun to fire.
func (r *Recorder) AlertFired(name string, now sim.Time) {
	r.alerts = append(r.alerts, alert{name, now, sim.Never})
}

// AlertCleared tells that an alert, if it fires, has stopped.
func (r *Recorder) AlertCleared(name string, now sim.Time) {
	for i := len(r.alerts) - 1; i >= 0; i-- {
		if a := &r.alerts[i]; a.name == name {
			if a.to == sim.Never {
				a.to = now
			}
			return
		}
	}
}

type alert struct {
	name     string
	from, to sim.Time
}

// faults are those of a run, and what acts at present.
type faults struct {
	list   []fault
	causes []activity
}

type fault struct {
	cause    int
	from, to sim.Time // to is Never while it acts
}

// An activity says when a cause last acted.
type activity struct {
	active int      // faults of it that act
	last   sim.Time // when it last stopped, if ended
	ended  bool
}

func newFaults(causes int) faults { return faults{causes: make([]activity, causes)} }

// since returns the causes that have acted at some time from the given one until now, one bit each.
func (f *faults) since(from sim.Time) (set uint64) {
	for i := range f.causes {
		c := &f.causes[i]
		if c.active > 0 || c.ended && c.last > from {
			set |= 1 << i
		}
	}
	return set
}

// A blame counts the bad calls during which the same causes acted.
type blame struct {
	causes uint64
	bad    int64
}

// blame counts a call that was found bad just now against all causes that have acted since its intended
// start. When none did, its window waits for the end of the run to tell whether it lies
// in the aftermath of one.
func (r *Recorder) blame(obj *objective, c *call) {
	causes := r.faults.since(c.intended)
	if causes == 0 {
		obj.windows[c.window].loose++
		return
	}
	obj.charge(causes, 1)
}

// charge counts n bad calls against a set of causes.
func (obj *objective) charge(causes uint64, n int64) {
	if n == 0 {
		return
	}
	for i := range obj.blamed {
		if obj.blamed[i].causes == causes {
			obj.blamed[i].bad += n
			return
		}
	}
	obj.blamed = append(obj.blamed, blame{causes, n})
}

// shares splits the bad calls among the causes: those with several causes count in equal parts for
// each, those with none under the last entry.
func (obj *objective) shares(causes int) []float64 {
	list := make([]float64, causes+1)
	for _, b := range obj.blamed {
		if b.causes == 0 {
			list[causes] += float64(b.bad)
			continue
		}
		part := float64(b.bad) / float64(bits.OnesCount64(b.causes))
		for i := range causes {
			if b.causes>>i&1 != 0 {
				list[i] += part
			}
		}
	}
	return list
}

// seconds is how instants and lengths are written in results.
func seconds(d time.Duration) float64 { return float64(d) / 1e9 }

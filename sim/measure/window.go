package measure

import "github.com/nines-sim/nines/sim"

// A window counts the calls whose intended start lies in it.
type window struct {
	valid, good int64
	loose       int64 // bad ones during which no cause acted
}

// An outage is a longest row of windows that miss the target. Windows without valid calls at its ends
// do not belong to it.
type outage struct {
	first, end int // windows [first, end)
}

func (w window) missed(target float64) bool {
	return w.valid > 0 && float64(w.good)/float64(w.valid) < target
}

// outages finds the outages of an objective.
func (obj *objective) outages() []outage {
	var list []outage
	apart := true // a window that met the target lies between
	for i, w := range obj.windows {
		switch {
		case w.valid == 0:
		case !w.missed(obj.Target):
			apart = true
		case apart:
			list = append(list, outage{i, i + 1})
			apart = false
		default:
			list[len(list)-1].end = i + 1
		}
	}
	return list
}

// span returns when a window begins and ends.
func (r *Recorder) span(i int) (from, to sim.Time) {
	from = sim.Time(r.cfg.Warmup) + sim.Time(i)*sim.Time(r.cfg.Window)
	return from, min(from+sim.Time(r.cfg.Window), r.end)
}

// settle charges the bad calls during which no cause acted: to the fault that began last among those
// that acted earlier in the same outage, or up to a window before it: they are its aftermath. Else to
// nobody.
func (r *Recorder) settle(obj *objective) {
	for _, o := range obj.outages() {
		from, _ := r.span(o.first)
		for i := o.first; i < o.end; i++ {
			_, to := r.span(i)
			var causes uint64
			for _, f := range r.faults.list {
				if f.from < to && f.to.Add(r.cfg.Window) >= from {
					causes = 1 << f.cause
				}
			}
			if causes != 0 {
				obj.charge(causes, obj.windows[i].loose)
				obj.windows[i].loose = 0
			}
		}
	}
	for i := range obj.windows {
		obj.charge(0, obj.windows[i].loose)
		obj.windows[i].loose = 0
	}
}

// recovered returns when every outage that a fault has part in was over. Never: not before the run's end.
func (r *Recorder) recovered(f fault) sim.Time {
	over := f.from
	for i := range r.objectives {
		obj := &r.objectives[i]
		for _, o := range obj.outages() {
			from, _ := r.span(o.first)
			_, to := r.span(o.end - 1)
			if from > f.to.Add(r.cfg.Window) || to <= f.from {
				continue
			}
			if to >= r.end {
				return sim.Never
			}
			over = max(over, to)
		}
	}
	return over
}

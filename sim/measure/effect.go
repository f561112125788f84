package measure

import "github.com/nines-sim/nines/sim"

// Promised tells that a call, given by its id, relies on an effect that has not happened yet, such as a
// message in a queue. The effect is given by its index in the configuration.
func (r *Recorder) Promised(id CallID, effect int) {
	if c := r.lookup(id); c != nil && c.applied>>effect&1 == 0 {
		c.promised |= 1 << effect
	}
}

// Applied tells that an effect of a call has happened. The first time settles it if it was promised; any
// further time is a double effect. An effect that is repeated without consequence, because its key was
// recognised, is not told.
func (r *Recorder) Applied(id CallID, effect int, now sim.Time) {
	c := r.lookup(id)
	if c == nil {
		return
	}
	bit := uint32(1) << effect
	if c.applied&bit != 0 {
		c.doubled |= bit
		if c.window >= 0 {
			r.double[effect]++
		}
		for _, i := range r.operations[c.operation].objectives {
			if r.objectives[i].once&bit != 0 {
				r.revise(i, c)
			}
		}
		return
	}
	c.applied |= bit
	if c.promised&bit == 0 {
		return
	}
	r.unsettled(c, now)
	c.promised &^= bit
}

// Lost tells that n things that were acknowledged exist no more. The call that wrote them turns bad; zero
// stands for calls that are not known.
func (r *Recorder) Lost(id CallID, n int64, now sim.Time) {
	r.lost += n
	c := r.lookup(id)
	if c == nil {
		return
	}
	for _, i := range r.operations[c.operation].objectives {
		c.missed |= 1 << i
		r.revise(i, c)
	}
}

// unsettled turns a call bad for the objectives whose time to settle has passed while an effect was
// still outstanding.
func (r *Recorder) unsettled(c *call, now sim.Time) {
	if c.promised == 0 {
		return
	}
	var missed uint32
	for _, i := range r.operations[c.operation].objectives {
		if s := r.objectives[i].Settled; s > 0 && now > c.intended.Add(s) {
			missed |= 1 << i
		}
	}
	if missed&^c.missed == 0 {
		return
	}
	if c.missed == 0 && c.window >= 0 {
		for effect := range r.late {
			r.late[effect] += int64(c.promised >> effect & 1)
		}
	}
	c.missed |= missed
	for _, i := range r.operations[c.operation].objectives {
		if missed>>i&1 != 0 {
			r.revise(i, c)
		}
	}
}

// revise turns a good call bad. A call that is still open, or was bad before, stays what it is.
func (r *Recorder) revise(i int, c *call) {
	if c.good>>i&1 == 0 {
		return
	}
	c.good &^= 1 << i
	obj := &r.objectives[i]
	obj.windows[c.window].good--
	r.blame(obj, c)
}

package disk

import (
	"fmt"

	"github.com/nines-sim/nines/sim/fault"
)

// An Impairment is what a fault does to a disk while it is held. The zero Impairment does nothing.
type Impairment struct {
	Stalled bool    // the device finishes nothing; what it has begun goes on afterwards
	Full    bool    // writes find no space, not even to replace what is there
	Factor  float64 // what the device begins takes so many times as long; 0 stands for 1
	Errors  float64 // the share of reads and syncs that fail
}

// A Hold is an impairment that lasts until it is released.
type Hold struct {
	d    *device
	hold fault.Hold
}

// Release ends the hold, and no other. Releasing it again does nothing.
func (h *Hold) Release() {
	h.d.holds.Release(h.hold)
	h.d.refresh()
}

func (d *device) hold(i Impairment) *Hold {
	if !(i.Factor >= 0) || !(i.Errors >= 0 && i.Errors <= 1) {
		panic(fmt.Sprintf("disk: an impairment %+v, need a factor of 0 or more and errors from 0 to 1", i))
	}
	h := &Hold{d, d.holds.Add(i)}
	d.refresh()
	return h
}

// refresh works out what all holds do together.
func (d *device) refresh() {
	sum, pass := Impairment{Factor: 1}, 1.0
	for i := range d.holds.All() {
		sum.Stalled = sum.Stalled || i.Stalled
		sum.Full = sum.Full || i.Full
		if i.Factor != 0 {
			sum.Factor *= i.Factor
		}
		pass = float64(pass * (1 - i.Errors))
	}
	sum.Errors = 1 - pass
	d.become(sum)
}

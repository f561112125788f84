package system

import (
	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// Things are what requests can be about, as a cache tells it: numbers from 0, the most popular first.
type things struct {
	number uint64
	zipf   *dist.Zipf // nil: all are as popular
	luck   sim.Keyed
}

func (sys *System) thingsOf(c *scenario.Cache) things {
	t := things{number: uint64(c.Keys), luck: sys.popular}
	if c.Popularity > 0 {
		zipf := dist.Must(dist.NewZipf(float64(c.Popularity), c.Keys))
		t.zipf = &zipf
	}
	return t
}

// told is the least key of which nobody has said yet which thing it stands for: a visitor's key is a random
// number of 64 bits, so that hardly any is less.
const told = 1 << 32

// of returns what a request with a key is about. A key is the luck of a visitor, and stands for the same thing in
// every variant and every cache with these things; or it is the number of the thing that a cache on the way has
// found it to be about, which it then is for those further down too.
func (t *things) of(key uint64) uint64 {
	if t.zipf == nil || key < told {
		return key % t.number
	}
	luck := t.luck.At(key)
	return uint64(t.zipf.Rank(&luck)) - 1
}

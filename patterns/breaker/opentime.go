package breaker

import (
	"time"

	"github.com/nines-sim/nines/sim"
)

// forever is longer than any run, and a multiple of it still fits a float.
const forever = time.Duration(1 << 61)

// breakTime returns how long the breaker stays open that has just opened: Open·OpenFactorⁿ⁻¹ the n-th
// time in a row, up to OpenMax, and up to OpenJitter of it on top, but never beyond OpenMax.
func (b *Breaker) breakTime() time.Duration {
	c := &b.cfg
	limit := forever
	if c.OpenMax > 0 {
		limit = c.OpenMax
	}
	wait := float64(c.Open)
	if c.OpenFactor > 1 {
		for i := 1; i < b.openings && wait < float64(limit); i++ {
			wait *= c.OpenFactor
		}
	}
	wait = min(wait, float64(limit))
	if c.OpenJitter > 0 {
		draw := b.draws.At(sim.Mix(b.salt, b.counts.Opened))
		wait = min(wait+float64(wait*float64(c.OpenJitter*draw.Float64())), float64(limit))
	}
	d := time.Duration(wait)
	if c.Strictly {
		d++ // nanoseconds are the shortest time there is
	}
	return d
}

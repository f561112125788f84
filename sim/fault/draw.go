package fault

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// Draw returns what happens to every victim of every cause before the horizon, for a run that
// simulates that stretch of time as it is. It panics if a cause is not valid.
func Draw(seed sim.Seed, causes []Cause, horizon sim.Time) Plan {
	var p Plan
	for _, c := range causes {
		c.mustBeValid()
		for _, victim := range c.Victims {
			p.Entries = append(p.Entries, c.timeline(seed, victim, horizon)...)
		}
	}
	p.sort()
	return p
}

// timeline draws all that the cause does to one victim before the horizon.
func (c Cause) timeline(seed sim.Seed, victim string, horizon sim.Time) []Entry {
	var entries []Entry
	for i, at := range slices.Sorted(slices.Values(c.At)) {
		if at < horizon {
			entries = append(entries, c.entry(seed, victim, i+1, at))
		}
	}
	mean := c.Mean()
	if mean == time.Duration(sim.Never) {
		return entries
	}
	gaps := dist.Must(dist.NewExponential(mean.Seconds()))
	at := sim.Time(0)
	for occurrence := 1; ; occurrence++ {
		draws := c.draws(seed, "gap", victim, occurrence)
		gap := max(dist.Duration(gaps, &draws), 1) // two occurrences are never at one instant
		if at = at.Add(gap); at >= horizon {
			return entries
		}
		e := c.entry(seed, victim, occurrence, at)
		if c.UpTime {
			e.At, e.AfterUp = 0, gap
		}
		entries = append(entries, e)
	}
}

// Incident returns a plan with one occurrence of one cause at an instant, for a study that
// simulates incidents one by one and weighs them by their yearly rate. The cause lasts as long as
// the u-quantile of Lasts, so that a study can spread u evenly over (0, 1) instead of leaving it to
// chance. The seed draws the victim: each is equally likely, and variants that both have the
// victim that was drawn meet the incident there.
//
// A cause without victims gives an empty plan. Incident panics if the cause is not valid or u is
// outside (0, 1).
func Incident(seed sim.Seed, c Cause, at sim.Time, u float64) Plan {
	c.mustBeValid()
	if len(c.Victims) == 0 {
		return Plan{}
	}
	return Plan{[]Entry{c.incident(c.victims(seed)[0], 1, at, u)}}
}

// Pair returns a plan in which a second incident begins a length of time after a first. Two
// incidents of one cause hit two victims, or the same one twice if the cause has no other. It
// panics as [Incident] does, and if gap is negative.
func Pair(seed sim.Seed, first, second Cause, at sim.Time, gap time.Duration, u, v float64) Plan {
	if gap < 0 {
		panic("fault: Pair with negative gap " + gap.String())
	}
	if first.Name != second.Name {
		return Merge(Incident(seed, first, at, u), Incident(seed, second, at.Add(gap), v))
	}
	p := Incident(seed, first, at, u)
	switch victims := second.victims(seed); len(victims) {
	case 0:
	case 1:
		p.Entries = append(p.Entries, second.incident(victims[0], 2, at.Add(gap), v))
	default:
		p.Entries = append(p.Entries, second.incident(victims[1], 1, at.Add(gap), v))
	}
	p.sort()
	return p
}

// victims returns the cause's victims in a random order. Each has a draw of its own, and the
// smallest comes first, so that a victim that a variant lacks leaves the order of the others.
func (c Cause) victims(seed sim.Seed) []string {
	drawn := make(map[string]uint64, len(c.Victims))
	for _, v := range c.Victims {
		draws := c.draws(seed, "victim", v, 0)
		drawn[v] = draws.Uint64()
	}
	return slices.SortedFunc(slices.Values(c.Victims), func(a, b string) int {
		return cmp.Or(cmp.Compare(drawn[a], drawn[b]), cmp.Compare(a, b))
	})
}

// entry is one occurrence whose length is drawn.
func (c Cause) entry(seed sim.Seed, victim string, occurrence int, at sim.Time) Entry {
	e := c.blank(victim, occurrence, at)
	if c.Lasts != nil {
		draws := c.draws(seed, "lasts", victim, occurrence)
		e.Lasts = max(dist.Duration(c.Lasts, &draws), 1) // 0 would mean until it is fixed
	}
	return e
}

// incident is one occurrence whose length is a quantile.
func (c Cause) incident(victim string, occurrence int, at sim.Time, u float64) Entry {
	if !(u > 0 && u < 1) {
		panic(fmt.Sprintf("fault: quantile %v of cause %s, need more than 0 and less than 1", u, c.Name))
	}
	e := c.blank(victim, occurrence, at)
	if c.Lasts != nil {
		e.Lasts = max(dist.Seconds(c.Lasts.Quantile(u)), 1)
	}
	return e
}

func (c Cause) blank(victim string, occurrence int, at sim.Time) Entry {
	e := Entry{Cause: c.Name, Kind: c.Kind, Occurrence: occurrence, At: at, Params: c.Params}
	if strings.Contains(victim, ":") {
		e.Role = victim
	} else {
		e.Victim = victim
	}
	return e
}

// draws is the stream for one purpose of one occurrence of the cause on one victim.
func (c Cause) draws(seed sim.Seed, purpose, victim string, occurrence int) sim.Stream {
	return seed.Keyed("fault/" + purpose + "\x00" + c.Name + "\x00" + victim).At(uint64(occurrence))
}

func (c Cause) mustBeValid() {
	if err := c.Validate(); err != nil {
		panic("fault: " + err.Error())
	}
}

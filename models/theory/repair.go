package theory

// RepairGroup is a k-of-n system: up while at least Needed of its Units are, each of which fails after
// an exponential time of mean MTBF, also while the system is down, and takes one repair crew an
// exponential time of mean MTTR. With as many crews as units, repair is independent.
//
// The number of crews decides much: the usual formula for the life of a RAID or a replicated store
// assumes one.
type RepairGroup struct {
	Units, Needed, Crews int
	MTBF, MTTR           float64
}

// Unavailability returns the share of time down in the long run.
func (g RepairGroup) Unavailability() float64 {
	sum := 0.0
	for _, p := range g.chain().stationary()[g.spare()+1:] {
		sum += p
	}
	return sum
}

// FailureRate returns how many outages begin per unit of time in the long run.
func (g RepairGroup) FailureRate() float64 {
	c := g.chain()
	return c.stationary()[g.spare()] * c.up[g.spare()]
}

// MeanOutage returns the mean length of an outage.
func (g RepairGroup) MeanOutage() float64 { return g.Unavailability() / g.FailureRate() }

// MTTF returns the mean time until the first outage, starting with all units up. For a store that
// needs Needed copies or fragments to read its data it is the mean time to data loss.
func (g RepairGroup) MTTF() float64 { return g.chain().firstPassage(g.spare() + 1) }

// spare returns how many units may be down while the system is up.
func (g RepairGroup) spare() int { return g.Units - g.Needed }

// chain counts the failed units.
func (g RepairGroup) chain() (c birthDeath) {
	for failed := range g.Units {
		c.up = append(c.up, float64(g.Units-failed)/g.MTBF)
		c.down = append(c.down, float64(min(failed+1, g.Crews))/g.MTTR)
	}
	return c
}

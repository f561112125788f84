package balance

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
)

// A Pick says how a target is chosen.
type Pick uint8

// The ways to choose a target.
const (
	RoundRobin     Pick = iota // one after another, beginning anywhere
	Random                     // any, each as likely as its weight
	LeastRequests              // the one with the least load; ties at random
	Choices                    // draw a few at random and take the least loaded: the power of two choices
	SmoothWeighted             // in turn, each as often as its weight says and as evenly as that goes: nginx
	StaticStride               // in turn, each in as many rounds as its weight says: gRPC
	RingHash                   // the same target for the same key: consistent hashing on a ring
	Maglev                     // the same target for the same key: a table that is evenly filled
	picks
)

var pickNames = [picks]string{"round_robin", "random", "least_requests", "p2c", "smooth_weighted", "static_stride", "ring_hash", "maglev"}

func (k Pick) String() string {
	if k < picks {
		return pickNames[k]
	}
	return fmt.Sprintf("pick %d", uint8(k))
}

// hashes reports whether the key of a request decides.
func (k Pick) hashes() bool { return k == RingHash || k == Maglev }

// compares reports whether the loads of targets decide.
func (k Pick) compares() bool { return k == LeastRequests || k == Choices }

// Config says how calls are spread. The zero value of each field but Pick, and Choices where it counts,
// does nothing.
type Config struct {
	Pick    Pick          `nines:"pick"`          // which replica it is
	Choices int           `nines:"choices,min=2"` // how many are drawn at random for the least loaded of them
	Replace bool          `nines:"replace"`       // one may be drawn twice, as in Envoy and gRPC; two replicas then do not always share the load evenly
	Load    Measure       `nines:"load"`          // what is the load of a replica
	EWMA    EWMA          `nines:"ewma"`          // how latencies are averaged
	Stale   time.Duration `nines:"stale,none"`    // loads are read so often and in between are what they were; 0: they are as of now

	Reports Reports `nines:"reports"` // weights are what replicas report of their load

	Ring     Ring     `nines:"ring"`                             // how large the ring is
	Table    int      `nines:"table,min=2,max=5000011"`          // entries of the evenly filled table, a prime number
	Bound    float64  `nines:"bound,factor,min=1,max=1000,none"` // by key, no replica has more than so many times the average of the calls under way; 0: no bound
	Overflow Overflow `nines:"overflow"`                         // where what is over the bound goes

	SkipUnhealthy bool    `nines:"eject_unhealthy"`              // leave out replicas that fail their probes
	Panic         float64 `nines:"panic,ratio,min=0,max=1,none"` // share of healthy replicas below which health is not believed and all are used; 0: never
	AvoidLast     bool    `nines:"avoid_last"`                   // send another attempt or another copy of a request to somebody else, if there is anybody

	SlowStart SlowStart `nines:"slow_start"` // fewer calls at first for a replica that is healthy again
	Subset    Subset    `nines:"subset"`     // which replicas a client uses at all
	Zones     Zones     `nines:"zones"`      // keep calls in the zone of the caller
}

// DefaultConfig returns the power of two choices among the healthy, with retries sent elsewhere.
// Panic is off: Envoy's 50 % suits large clusters; of three replicas with one left it would send two
// thirds of the calls to the dead.
func DefaultConfig() Config {
	return Config{Pick: Choices, Choices: 2, SkipUnhealthy: true, AvoidLast: true}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("balance")
	f.Need(c.Pick < picks, "Pick", c.Pick, "round_robin, random, least_requests, p2c, smooth_weighted, static_stride, ring_hash or maglev")
	f.Need(c.Pick != Choices || c.Choices >= 2, "Choices", c.Choices, "2 or more")
	f.Need(c.Load < measures, "Load", uint8(c.Load), "in flight, peak EWMA or told")
	f.Need(c.Load == InFlight || c.Pick.compares(), "Load", c.Load, "in flight, unless the pick is least_requests or p2c")
	f.Need(c.Stale >= 0, "Stale", c.Stale, "0 or more")
	f.Need(c.Stale == 0 || c.Pick.compares(), "Stale", c.Stale, "0, unless the pick is least_requests or p2c")
	c.EWMA.check(f, c.Load == PeakEWMA)
	c.Reports.check(f, c.Pick)
	c.Ring.check(f, c.Pick == RingHash)
	f.Need(c.Pick != Maglev || c.Table >= 2 && c.Table <= maxTable && prime(c.Table), "Table", c.Table, fmt.Sprintf("a prime number up to %d", maxTable))
	f.Need(c.Bound == 0 || c.Bound >= 1 && c.Bound <= 1000 && c.Pick.hashes(), "Bound", c.Bound, "0, or 1 to 1000 with the pick ring_hash or maglev")
	f.Need(c.Overflow < overflows, "Overflow", uint8(c.Overflow), "next or jump")
	f.Need(c.Panic >= 0 && c.Panic <= 1, "Panic", c.Panic, "0 to 1")
	c.SlowStart.check(f, c.Pick)
	c.Subset.check(f)
	c.Zones.check(f)
	return f.Err()
}

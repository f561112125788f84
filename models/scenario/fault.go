package scenario

import "time"

// A Fault is a cause: what goes wrong, where, how often and for how long. Its effect may last
// longer: that ends when healing or the person on call ends it.
type Fault struct {
	Name   string         `nines:",name"`
	Kind   string         `nines:"kind,required,one=crash|pause|slow|errors|outage|partition|loss|delay|clock|surge|cache_flush|deploy|lost_disk"` // what goes wrong. crash: the victim stops and loses its memory, or its disk too; lost_disk: the victim stops, and what was stored is gone; pause: the victim stands still and keeps its state, and calls wait in its inbox; slow: work takes so many times as long, and a share of the calls may fail too; errors: a share of the calls is answered with an error; outage: a zone, a machine or a dependency is gone; partition: messages between two sides are not delivered; loss: a share of the messages is lost; delay: every message takes so much longer, one way; clock: the clock of the victim is off, and runs fast or slow; surge: a stream of the workload comes at so many times its rate; cache_flush: a cache forgets everything; deploy: a new version fails more often, or is slower
	On     string         `nines:"on,required,ref=target"`                                                                                         // whom it can meet: services.<name>, zones.<name>, workload.<name>; * for every name
	Each   string         `nines:"each,one=replica|copy|primary|machine|zone|service|stream,none,auto=by kind"`                                    // what it meets one of at a time; how often is counted for each of them
	At     *time.Duration `nines:"at"`                                                                                                             // once, so long after the start of the run's measured part
	Every  time.Duration  `nines:"every,positive,none"`                                                                                            // on average so far apart, known exactly
	Rate   Count          `nines:"rate,none"`                                                                                                      // seen so often in so long: an estimate, as uncertain as that
	Lasts  Lasts          `nines:"lasts,none"`                                                                                                     // how long the cause lasts; until_fixed: until the person on call ends it
	By     float64        `nines:"by,factor,min=0"`                                                                                                // slow, deploy: work takes so many times as long; surge: so many times the rate, or the users
	Errors float64        `nines:"errors,ratio,min=0,max=1"`                                                                                       // errors, slow, deploy: share of calls that fail
	Loss   float64        `nines:"loss,ratio,min=0,max=1"`                                                                                         // loss: share of messages lost
	Delay  time.Duration  `nines:"delay"`                                                                                                          // delay: added to each message, one way
	Offset Signed         `nines:"offset"`                                                                                                         // clock: how far it jumps
	Drift  float64        `nines:"drift,ratio"`                                                                                                    // clock: how much too fast it runs from then on
	From   string         `nines:"from,ref=target,none"`                                                                                           // partition, loss, delay: the other side; none: everybody else
	OneWay bool           `nines:"one_way"`                                                                                                        // partition, loss, delay: only messages from the victim to the other side
	Loses  string         `nines:"loses,one=memory|disk"`                                                                                          // crash: what the victim has lost when it comes back. memory: what was not stored; disk: that too
}

func (f *Fault) defaults() { f.By, f.Loses = 1, "memory" }

// Lasts is how long a cause lasts: a length, or until somebody fixes it.
type Lasts struct {
	UntilFixed bool
	Length     Length
}

// A Count is an observed number in a span of time: "3 in 2y".
type Count struct {
	N  int
	In time.Duration
}

// PerYear is the estimated number in a year.
func (c Count) PerYear() float64 {
	if c.In == 0 {
		return 0
	}
	return float64(c.N) * float64(Year) / float64(c.In)
}

// PerYear is how often a year the fault meets each of its victims: 0 if it happens once, at a set time.
func (f *Fault) PerYear() float64 {
	if f.Every > 0 {
		return float64(Year) / float64(f.Every)
	}
	return f.Rate.PerYear()
}

// Signed is a length of time that may be negative: "-250ms".
type Signed time.Duration

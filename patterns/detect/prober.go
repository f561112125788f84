package detect

import (
	"math/bits"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A Prober asks one instance for ever, and tells who wants to know when the belief changes.
//
// A probe is a call like any other: if it needs a thread of an overloaded server, it waits for one,
// and times out with the rest. That is how healthy but busy servers get restarted; a probe with a
// path of its own does not have this flaw, and does not notice when the other path is stuck.
type Prober struct {
	Detector *Detector
	Probe    patterns.Call                   // its Request has Op "probe", and an ID of its own each time
	Key      uint64                          // of the instance: fixes when in the period it is asked
	Changed  func(p *sim.Process, now State) // may be nil; runs in the prober's process
}

// Run asks until the process is ended from outside, and returns the error of the wait that was cut
// short. The first probe comes after InitialDelay and a part of a period that depends on Key alone,
// so that many instances are not asked all at once. A probe that outlasts the period delays the next.
func (b Prober) Run(p *sim.Process) error {
	cfg := b.Detector.cfg
	next := p.Now().Add(cfg.InitialDelay).Add(Phase(cfg.Period, b.Key))
	for n := uint64(1); ; n++ {
		if err := p.SleepUntil(next); err != nil {
			return err
		}
		ok, err := b.ask(p, n)
		if err != nil {
			return err
		}
		if b.Detector.Result(p.Now(), ok) && b.Changed != nil {
			b.Changed(p, b.Detector.State())
		}
		next = max(next.Add(cfg.Period), p.Now())
	}
}

// ask makes one probe. The error is the end of a scope around the prober.
func (b Prober) ask(p *sim.Process, n uint64) (ok bool, err error) {
	limit := p.WithTimeout(b.Detector.cfg.Timeout)
	defer limit.Close()
	deadline, _ := p.Deadline()
	_, err = b.Probe(p, patterns.Request{
		ID: sim.Mix(b.Key, n), Key: b.Key, Op: "probe", Attempt: 1,
		Deadline: deadline, Intended: p.Now(),
	})
	if _, failed := err.(*patterns.Error); failed || limit.Ended(err) {
		return false, nil
	}
	return err == nil, err
}

// Phase returns the part of a period after which the instance of that key is asked first: spread
// evenly over the keys, from 0 to less than a period.
func Phase(period time.Duration, key uint64) time.Duration {
	part, _ := bits.Mul64(sim.Mix(key, uint64(period)), uint64(period))
	return time.Duration(part)
}

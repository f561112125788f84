package system

import (
	"time"

	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/sim"
)

// reportOver is over how long a replica measures what it reports of its load.
const reportOver = 10 * time.Second

// A report is what a replica reports of its load: its last full measurement, which ends with the first answer
// after so long.
type report struct {
	last  balance.Report
	since sim.Time // the present measurement began
	busy  time.Duration

	answers, failures int
}

// starts begins anew, with a new life of the replica.
func (r *report) starts(now sim.Time, busy time.Duration) { *r = report{since: now, busy: busy} }

// answered counts an answer, and reports whether the measurement is full.
func (r *report) answered(now sim.Time, err error) (full bool) {
	r.answers++
	if err != nil {
		r.failures++
	}
	return now.Sub(r.since) >= reportOver
}

// full ends a measurement, of a replica whose cpus have worked for busy so far, and begins the next.
func (r *report) full(now sim.Time, busy time.Duration, cpus int) {
	over := now.Sub(r.since)
	last := balance.Report{
		Utilization: float64(busy-r.busy) / float64(over) / float64(cpus),
		Rate:        float64(r.answers) / over.Seconds(),
		Failures:    float64(r.failures) / over.Seconds(),
	}
	r.starts(now, busy)
	r.last = last
}

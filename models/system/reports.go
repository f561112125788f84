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

// answered counts an answer, of a replica whose cpus have worked for busy so far.
func (r *report) answered(now sim.Time, err error, busy time.Duration, cpus int) {
	r.answers++
	if err != nil {
		r.failures++
	}
	over := now.Sub(r.since)
	if over < reportOver {
		return
	}
	last := balance.Report{
		Utilization: float64(busy-r.busy) / float64(over) / float64(cpus),
		Rate:        float64(r.answers) / over.Seconds(),
		Failures:    float64(r.failures) / over.Seconds(),
	}
	r.starts(now, busy)
	r.last = last
}

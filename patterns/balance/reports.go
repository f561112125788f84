package balance

import (
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// Reports give targets the weights that their own load reports stand for, as gRPC's weighted_round_robin does
// with ORCA reports (gRFC A58):
//
//	answers a second / (utilization + ErrorPenalty · share of failures)
//
// Without failures that is how many calls a second the target could answer. Whoever has not reported for
// long enough, or not for too long, has the mean weight of the others. A replica measures for ten seconds
// at a time; it reports with each answer, of those calls that it began to work at.
type Reports struct {
	Update       time.Duration `nines:"update,none"`         // weights are made anew so often; 0: nobody reports, and weights are those of the scenario
	Blackout     time.Duration `nines:"blackout,none"`       // reports count after a replica has sent them for so long
	Expiration   time.Duration `nines:"expiration,positive"` // a report is forgotten after so long, and the blackout begins anew
	ErrorPenalty float64       `nines:"error_penalty,min=0"` // the share of failed calls counts as so much utilization
}

// GRPCReports returns gRPC's defaults: weightUpdatePeriod 1s, blackoutPeriod 10s, weightExpirationPeriod 3m,
// errorUtilizationPenalty 1.
func GRPCReports() Reports {
	return Reports{Update: time.Second, Blackout: 10 * time.Second, Expiration: 3 * time.Minute, ErrorPenalty: 1}
}

func (r Reports) check(f *check.Fields, pick Pick) {
	f.Need(r.Update >= 0, "Reports.Update", r.Update, "0 or more")
	f.Need(r.Update <= 0 || pick == StaticStride, "Reports.Update", r.Update, "0, unless the pick is static_stride")
	if r.Update <= 0 {
		return
	}
	f.Need(r.Blackout >= 0, "Reports.Blackout", r.Blackout, "0 or more")
	f.Need(r.Expiration > 0, "Reports.Expiration", r.Expiration, "more than 0")
	f.Need(r.ErrorPenalty >= 0 && r.ErrorPenalty <= 1e6, "Reports.ErrorPenalty", r.ErrorPenalty, "0 to 1,000,000")
}

// A Reporter is a target that sends a report of its load with its answers.
type Reporter interface {
	// LastReport is asked when a call has ended, and returns what came with its answer; all zero if that had no
	// report, or there was no answer.
	LastReport() Report
}

// A Report is how a target did lately.
type Report struct {
	Utilization float64 // 1 is full
	Rate        float64 // answers a second
	Failures    float64 // of these, in a second
}

// A reported weight is what the reports of a target came to.
type reported struct {
	weight float64
	any    bool
	since  sim.Time // of reports without a pause that was too long
	began  bool     // whether since is known
	last   sim.Time
}

// hear takes a report. One without answers or utilization says nothing.
func (r *reported) hear(now sim.Time, report Report, cfg *Reports) {
	if report.Utilization == 0 || report.Rate == 0 {
		return
	}
	failures := report.Failures / report.Rate
	r.weight = report.Rate / (report.Utilization + float64(failures*cfg.ErrorPenalty))
	r.any, r.last = true, now
	if !r.began {
		r.since, r.began = now, true
	}
}

// at returns the weight as of now, or 0 if there is none.
func (r *reported) at(now sim.Time, cfg *Reports) float64 {
	switch {
	case !r.any:
		return 0
	case now.Sub(r.last) >= cfg.Expiration:
		r.began = false
		return 0
	case cfg.Blackout > 0 && (!r.began || now.Sub(r.since) < cfg.Blackout):
		return 0
	}
	return r.weight
}

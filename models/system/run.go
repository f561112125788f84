package system

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
	"github.com/nines-sim/nines/sim/trace"
)

// A Run says what to run.
type Run struct {
	Scenario *scenario.Scenario
	Families []scenario.Family // that the scenario's catalog adds
	Seed     uint64
	Plan     fault.Plan

	// Until is the length of the measured part. Zero: until every fault's effect has ended and the
	// system has recovered, as for an incident.
	Until time.Duration

	// Watch, if not nil, is handed the simulation before anything is built in it.
	Watch func(s *sim.Simulation)

	// Trace, if not nil, keeps the notes of the run and a span for each call and attempt.
	Trace *trace.Recorder

	// Stop, if not nil, is asked now and then whether the run should be given up.
	Stop func() error
}

// An Outcome is what a run gave.
type Outcome struct {
	Result   *measure.Result
	Sim      sim.Result
	Length   time.Duration // of the measured part
	Stuck    bool          // an incident's system that had not recovered when the run was given up
	Effects  []*fault.Effect
	Plan     fault.Plan // as it was met
	Metrics  map[string]float64
	Services []ServiceUse
}

// ErrInvariant is wrapped by the error of a run that contradicts itself: calls that were lost or
// counted twice, more work done than offered. It is a fault of nines.
var ErrInvariant = errors.New("a conservation check failed")

// Do does the run on a worker.
func (r Run) Do(w *sim.Worker) (Outcome, error) {
	var out Outcome
	var stopped error
	res, err := w.Run(sim.Config{Seed: sim.Seed(r.Seed)}, func(s *sim.Simulation) {
		if r.Watch != nil {
			r.Watch(s)
		}
		r.Trace.Attach(s)
		sys := build(s, r.Scenario, r.Families, r.Trace)
		ledger, err := fault.Start(s, r.Plan, sys.appliers()...)
		if err != nil {
			stopped = err
			return
		}
		sys.ledger = ledger
		if stopped = sys.drive(r, &out); stopped != nil {
			return
		}
		sys.finish(&out)
		if err := sys.check(); err != nil {
			stopped = fmt.Errorf("%w: %w", ErrInvariant, err)
		}
	})
	out.Sim = res
	if errors.Is(stopped, err) { // a failure ends the driving too
		return out, stopped
	}
	return out, errors.Join(err, stopped)
}

// longestIncident is when a run is given up whose system does not recover.
const longestIncident = 3 * scenario.Day

// drive runs the simulation to its end.
func (sys *System) drive(r Run, out *Outcome) error {
	begin := sim.Time(sys.sc.Study.Warmup)
	if err := sys.runUntil(r, begin); err != nil {
		return err
	}
	if r.Until > 0 {
		out.Length = r.Until
		return sys.runUntil(r, begin.Add(r.Until))
	}
	// An incident: wait for the end of all effects, then for the recovery.
	quiet := sys.sc.Study.Recovery
	over := begin // when the last effect ended
	for {
		now := sys.s.Now()
		for _, e := range sys.ledger.Effects() {
			if e.Active() {
				over = now
			} else {
				over = max(over, e.Ended)
			}
		}
		out.Length = now.Sub(begin)
		switch {
		case out.Length >= longestIncident:
			out.Stuck = true
			return nil
		case now > begin && now >= over.Add(quiet) && sys.due() && sys.recovered():
			return nil
		}
		if err := sys.runUntil(r, now.Add(time.Minute)); err != nil {
			return err
		}
	}
}

// runUntil runs to an instant in slices, between which the run can be given up.
func (sys *System) runUntil(r Run, t sim.Time) error {
	const slice = sim.Time(10 * time.Minute)
	for sys.s.Now() < t {
		if r.Stop != nil {
			if err := r.Stop(); err != nil {
				return err
			}
		}
		if err := sys.s.RunUntil(min(t, sys.s.Now()+slice)); err != nil {
			return err
		}
	}
	return nil
}

// due reports whether every entry of the plan has had its turn.
func (sys *System) due() bool {
	for _, e := range sys.ledger.Plan().Entries {
		if e.At > sys.s.Now() {
			return false
		}
	}
	return true
}

// recovered reports whether the last minutes were good: at most one call in ten was bad. Less than
// that the calm runs have too.
func (sys *System) recovered() bool {
	good := true
	for i := range sys.seen {
		since := sys.seen[i]
		before := sys.seenBefore[i]
		calls, bad := since.Calls-before.Calls, since.Bad-before.Bad
		good = good && 10*bad <= calls
	}
	copy(sys.seenBefore, sys.seen)
	return good
}

// finish completes the measuring.
func (sys *System) finish(out *Outcome) {
	for _, e := range sys.edges {
		e.finish()
	}
	for _, svc := range sys.services {
		if svc.data != nil {
			sys.rec.Lost(0, int64(svc.data.lost()), sys.s.Now())
		}
	}
	out.Result = sys.rec.Finish(sys.s.Now())
	out.Effects, out.Plan = sys.ledger.Effects(), sys.ledger.Plan()
	out.Services = sys.use()
	out.Metrics = sys.metrics(out)
}

// check holds the books of every part against each other.
func (sys *System) check() error {
	errs := []error{sys.rec.Check()}
	for _, svc := range sys.services {
		if err := svc.Stats().Check(); err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", svc.Name(), err))
		}
	}
	for _, q := range sys.queues {
		if err := q.Check(); err != nil {
			errs = append(errs, fmt.Errorf("queue %s: %w", q.sc.Name, err))
		}
	}
	return errors.Join(errs...)
}

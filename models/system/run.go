package system

import (
	"errors"
	"fmt"
	"slices"
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
	Caches   []CacheUse
}

// ErrInvariant is wrapped by the error of a run that contradicts itself: calls that were lost or
// counted twice, more work done than offered. It is a fault of nines.
var ErrInvariant = errors.New("a conservation check failed")

// Do does the run on a worker. The error is a plan that does not fit the scenario, what Stop returned,
// a [*sim.Failure], or an [ErrInvariant].
func (r Run) Do(w *sim.Worker) (Outcome, error) {
	var out Outcome
	var stopped error
	res, err := w.Run(sim.Config{Seed: sim.Seed(r.Seed)}, func(s *sim.Simulation) {
		if r.Watch != nil {
			r.Watch(s)
		}
		r.Trace.Attach(s)
		sys := build(s, r.Scenario, r.Families, r.Trace)
		sys.ledger, stopped = fault.Start(s, r.Plan, sys.appliers()...)
		if stopped != nil {
			return
		}
		if stopped = sys.drive(r, &out); stopped != nil {
			return
		}
		sys.finish(&out)
		if err := sys.check(); err != nil {
			stopped = fmt.Errorf("%w: %w", ErrInvariant, err)
		}
	})
	out.Sim = res
	switch {
	case stopped == nil:
		return out, err
	case err == nil, errors.Is(stopped, err): // a failure ends the driving too
		return out, stopped
	}
	return out, errors.Join(err, stopped)
}

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
	return sys.driveIncident(r, begin, out)
}

// longestIncident is when a run is given up whose system does not recover.
const longestIncident = 3 * scenario.Day

// driveIncident runs until all effects have been over for the scenario's time of recovery and the last
// minute was good.
func (sys *System) driveIncident(r Run, begin sim.Time, out *Outcome) error {
	last := begin
	for _, e := range r.Plan.Entries {
		last = max(last, e.At)
	}
	over := last // when the last effect ended
	for {
		now, seen := sys.s.Now(), slices.Clone(sys.seen)
		if err := sys.runUntil(r, now.Add(time.Minute)); err != nil {
			return err
		}
		now = sys.s.Now()
		for _, e := range sys.ledger.Effects() {
			if e.Active() {
				over = now
			} else {
				over = max(over, e.Ended)
			}
		}
		out.Length = now.Sub(begin)
		if now >= over.Add(sys.sc.Study.Recovery) && now > last && sys.goodSince(seen) {
			return nil
		}
		if out.Length >= longestIncident {
			out.Stuck = true
			return nil
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

// finish completes the measuring.
func (sys *System) finish(out *Outcome) {
	for _, svc := range sys.services {
		if svc.data != nil {
			sys.rec.Lost(0, int64(svc.data.lost()), sys.s.Now())
		}
	}
	out.Result = sys.rec.Finish(sys.s.Now())
	out.Effects, out.Plan = sys.ledger.Effects(), sys.ledger.Plan()
	out.Services, out.Caches = sys.use(), sys.cacheUse()
	out.Metrics = sys.metrics(out)
}

// check holds the books of every part against each other.
func (sys *System) check() error {
	errs := []error{sys.rec.Check()}
	for _, e := range sys.edges {
		errs = append(errs, e.check())
	}
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

package measure

import (
	"errors"
	"fmt"

	"github.com/nines-sim/nines/sim"
)

// A Result is what a run measured. Its JSON form is stable: fields may be added, never changed. Names
// that end in _s are in seconds since the start of the run, or long so many seconds.
type Result struct {
	Runs       int               `json:"runs"` // that were merged into it
	Seconds    float64           `json:"measured_s"`
	Warmup     float64           `json:"warmup_s"`
	Window     float64           `json:"window_s"`
	Digits     int               `json:"latency_digits"`
	Calls      Calls             `json:"calls"` // of all operations
	Objectives []ObjectiveResult `json:"objectives"`
	Operations []OperationResult `json:"operations"`
	Edges      []EdgeResult      `json:"edges,omitempty"`
	Queues     []QueueResult     `json:"queues,omitempty"`
	Servers    []ServerResult    `json:"servers,omitempty"`
	Faults     []FaultResult     `json:"faults,omitempty"`
	Alerts     []AlertResult     `json:"alerts,omitempty"`
	Effects    []EffectResult    `json:"effects,omitempty"`
	Lost       int64             `json:"lost"` // acknowledged and gone
}

// Calls counts calls by outcome.
type Calls struct {
	OK       int64 `json:"ok"`
	Degraded int64 `json:"degraded"`
	Rejected int64 `json:"rejected"`
	Timeout  int64 `json:"timeout"`
	Error    int64 `json:"error"`
	Unknown  int64 `json:"unknown"`
	Open     int64 `json:"open"` // when the run ended
}

// Total returns the number of calls that arrived.
func (c Calls) Total() int64 {
	return c.OK + c.Degraded + c.Rejected + c.Timeout + c.Error + c.Unknown + c.Open
}

func (c Calls) plus(d Calls) Calls {
	return Calls{c.OK + d.OK, c.Degraded + d.Degraded, c.Rejected + d.Rejected, c.Timeout + d.Timeout,
		c.Error + d.Error, c.Unknown + d.Unknown, c.Open + d.Open}
}

// An ObjectiveResult says how one objective was met.
type ObjectiveResult struct {
	Objective string  `json:"objective"`
	Of        string  `json:"of"`
	Target    float64 `json:"target"`

	Valid        int64    `json:"valid"`              // calls that count
	Good         int64    `json:"good"`               // those of them that were good
	LeftOut      int64    `json:"left_out,omitempty"` // too young at the end to tell
	Availability *float64 `json:"availability"`       // good / valid; null without valid calls

	WindowsValid     int      `json:"windows_valid"`     // with valid calls
	WindowsMet       int      `json:"windows_met"`       // that meet the target
	TimeAvailability *float64 `json:"time_availability"` // met / valid windows

	Outages []Outage      `json:"outages,omitempty"`
	ByCause []CauseResult `json:"bad_by_cause,omitempty"`
	Windows []Window      `json:"windows,omitempty"` // of one run; merged results have none
}

// Bad returns the number of valid calls that were not good.
func (o ObjectiveResult) Bad() int64 { return o.Valid - o.Good }

// A Window counts the calls whose intended start lies in it.
type Window struct {
	From  float64 `json:"from_s"`
	Valid int64   `json:"valid"`
	Good  int64   `json:"good"`
}

// An Outage is a longest row of windows that miss the target.
type Outage struct {
	From  float64 `json:"from_s"`
	To    float64 `json:"to_s"`
	Valid int64   `json:"valid"`
	Bad   int64   `json:"bad"`
	Open  bool    `json:"open,omitempty"` // the run ended before it did
}

// A CauseResult says how many bad calls are due to a cause. A call during which several acted counts in
// equal parts for each; the cause of calls during which, and before which, none acted is "none".
type CauseResult struct {
	Cause string  `json:"cause"`
	Bad   float64 `json:"bad"`
}

// An OperationResult says how the calls of one operation ended.
type OperationResult struct {
	Operation       string  `json:"operation"`
	Calls           Calls   `json:"calls"`
	Attempts        int64   `json:"attempts"`
	AttemptsPerCall float64 `json:"attempts_per_call"` // of the calls that ended
	OK              Latency `json:"latency_ok"`        // of calls with the outcome ok
	All             Latency `json:"latency_all"`       // of all calls that ended
}

// An EdgeResult says what went from a caller to a callee since the warm-up.
type EdgeResult struct {
	Edge string `json:"edge"`
	EdgeCounts
	AttemptsPerCall float64 `json:"attempts_per_call"`
	Layers          []Layer `json:"layers,omitempty"` // what the policies did, outermost first
}

// A QueueResult says what waited.
type QueueResult struct {
	Queue      string  `json:"queue"`
	MeanLength float64 `json:"mean_length"` // over time, since the warm-up
	MaxLength  int     `json:"max_length"`
	MeanWait   float64 `json:"mean_wait_s"` // of all that left, with the warm-up
	Entered    int64   `json:"entered"`
	Dropped    int64   `json:"dropped"`
}

// A ServerResult says how busy a group of threads, cpus or machines was.
type ServerResult struct {
	Server      string  `json:"server"`
	Units       int     `json:"units"`
	Utilisation float64 `json:"utilisation"`  // mean share of units that were busy, since the warm-up
	Load        float64 `json:"offered_load"` // work that arrived / (units × time), with the warm-up
	Busiest     int     `json:"busiest"`      // most units busy at a time
}

// A FaultResult says what followed from a fault.
type FaultResult struct {
	Cause     string   `json:"cause"`
	From      float64  `json:"from_s"`
	To        *float64 `json:"to_s"`        // null: it still acted at the end
	Detect    *float64 `json:"detect_s"`    // until the first alert that fired after it began; null: none did
	Recovered *float64 `json:"recovered_s"` // until every objective was met again, to a window; 0: none was missed; null: not by the end
}

// An AlertResult says when an alert fired.
type AlertResult struct {
	Alert string   `json:"alert"`
	From  float64  `json:"from_s"`
	To    *float64 `json:"to_s"` // null: it still fired at the end
}

// An EffectResult says what became of an effect.
type EffectResult struct {
	Effect string `json:"effect"`
	Double int64  `json:"double"` // times that it happened again
	Late   int64  `json:"late"`   // promises kept too late, or not at all
}

// Finish ends the measuring of a run at now and returns what was measured. No method that tells the
// recorder something may be called any more.
func (r *Recorder) Finish(now sim.Time) *Result {
	r.end = now
	open := r.leave(now)
	for i := range r.objectives {
		r.settle(&r.objectives[i])
	}
	res := &Result{
		Runs: 1, Seconds: seconds(max(0, now.Sub(sim.Time(r.cfg.Warmup)))), Warmup: seconds(r.cfg.Warmup),
		Window: seconds(r.cfg.Window), Digits: r.cfg.Digits, Lost: r.lost,
	}
	for i := range r.objectives {
		res.Objectives = append(res.Objectives, r.objectiveResult(&r.objectives[i]))
	}
	for i := range r.operations {
		o := r.operationResult(i, open[i])
		res.Calls = res.Calls.plus(o.Calls)
		res.Operations = append(res.Operations, o)
	}
	for _, e := range r.edges {
		c := e.minus(e.before)
		res.Edges = append(res.Edges, EdgeResult{e.name, c, ratio(float64(c.Sent), float64(c.Calls)), e.layers()})
	}
	for _, q := range r.queues {
		q.step(now, q.number)
		res.Queues = append(res.Queues, QueueResult{
			q.name, q.mean(), q.most, ratio(q.stays/1e9, float64(q.went)), q.came, q.dropped,
		})
	}
	for _, s := range r.servers {
		s.step(now, s.number)
		res.Servers = append(res.Servers, ServerResult{
			s.name, s.units, ratio(s.mean(), float64(s.units)),
			ratio(seconds(s.offered), float64(s.units)*now.Seconds()), s.most,
		})
	}
	for _, f := range r.faults.list {
		res.Faults = append(res.Faults, r.faultResult(f))
	}
	for _, a := range r.alerts {
		res.Alerts = append(res.Alerts, AlertResult{a.name, a.from.Seconds(), r.instant(a.to)})
	}
	for i, name := range r.cfg.Effects {
		res.Effects = append(res.Effects, EffectResult{name, r.double[i], r.late[i]})
	}
	return res
}

// leave decides about the calls that are open, or rely on something promised, when the run ends. It
// returns how many are open of each operation, those of the warm-up left out.
func (r *Recorder) leave(now sim.Time) []int64 {
	open := make([]int64, len(r.operations))
	for slot := range r.calls {
		c := &r.calls[slot]
		if c.state == unused || c.window < 0 {
			continue
		}
		if c.state == stateOpen {
			open[c.operation]++
		} else {
			r.unsettled(c, now)
		}
		for _, i := range r.operations[c.operation].objectives {
			obj := &r.objectives[i]
			w := &obj.windows[c.window]
			switch {
			case c.state == stateOpen && obj.Within > 0 && now.Sub(c.intended) > obj.Within:
				w.valid++
				r.blame(obj, c)
			case c.state == stateOpen:
				obj.leftOut++
			case c.good>>i&1 != 0 && c.promised != 0 && obj.Settled > 0:
				w.valid--
				w.good--
				obj.leftOut++
			}
		}
	}
	return open
}

func (r *Recorder) objectiveResult(obj *objective) ObjectiveResult {
	res := ObjectiveResult{Objective: obj.Name, Of: obj.Of, Target: obj.Target, LeftOut: obj.leftOut}
	for i, w := range obj.windows {
		from, _ := r.span(i)
		res.Valid += w.valid
		res.Good += w.good
		res.Windows = append(res.Windows, Window{from.Seconds(), w.valid, w.good})
		if w.valid > 0 {
			res.WindowsValid++
		}
		if w.valid > 0 && !w.missed(obj.Target) {
			res.WindowsMet++
		}
	}
	for _, o := range obj.outages() {
		from, _ := r.span(o.first)
		_, to := r.span(o.end - 1)
		out := Outage{From: from.Seconds(), To: to.Seconds(), Open: to >= r.end}
		for _, w := range obj.windows[o.first:o.end] {
			out.Valid += w.valid
			out.Bad += w.valid - w.good
		}
		res.Outages = append(res.Outages, out)
	}
	for i, bad := range obj.shares(len(r.cfg.Causes)) {
		if bad > 0 {
			res.ByCause = append(res.ByCause, CauseResult{r.cause(i), bad})
		}
	}
	res.derive()
	return res
}

func (r *Recorder) cause(i int) string {
	if i < len(r.cfg.Causes) {
		return r.cfg.Causes[i]
	}
	return "none"
}

func (r *Recorder) operationResult(i int, open int64) OperationResult {
	op := &r.operations[i]
	all := newLatency(op.ok).merge(newLatency(op.rest))
	e := op.ended
	res := OperationResult{
		Operation: r.cfg.Operations[i].Name,
		Calls:     Calls{e[OK], e[Degraded], e[Rejected], e[Timeout], e[Error], e[Unknown], open},
		Attempts:  op.attempts, OK: newLatency(op.ok), All: all,
	}
	res.AttemptsPerCall = ratio(float64(res.Attempts), float64(all.Calls))
	return res
}

func (r *Recorder) faultResult(f fault) FaultResult {
	res := FaultResult{Cause: r.cfg.Causes[f.cause], From: f.from.Seconds(), To: r.instant(f.to)}
	over := r.recovered(f)
	if over != sim.Never {
		s := seconds(over.Sub(f.from))
		res.Recovered = &s
	}
	for _, a := range r.alerts {
		if a.from >= f.from && a.from <= max(over, min(f.to, r.end)) {
			s := seconds(a.from.Sub(f.from))
			res.Detect = &s
			break
		}
	}
	return res
}

// instant writes an instant in seconds, and Never as null.
func (r *Recorder) instant(t sim.Time) *float64 {
	if t == sim.Never {
		return nil
	}
	s := t.Seconds()
	return &s
}

// Check reports every identity that the run has broken, with both of its sides. It may be called after
// Finish. An error is a fault of the model or of the framework, never a simulated one.
func (r *Recorder) Check() error {
	var errs []error
	if r.strange > 0 {
		errs = append(errs, fmt.Errorf("one outcome for each arrival: %d calls ended that were not open", r.strange))
	}
	open := make([]int64, len(r.operations))
	for _, c := range r.calls {
		if c.state == stateOpen {
			open[c.operation]++
		}
	}
	for i, op := range r.operations {
		if op.arrived != op.done+open[i] {
			errs = append(errs, fmt.Errorf("operation %s: %d calls arrived, but outcomes + open calls = %d",
				r.cfg.Operations[i].Name, op.arrived, op.done+open[i]))
		}
	}
	for _, e := range r.edges {
		errs = append(errs, e.check())
	}
	for _, q := range r.queues {
		if err := q.check(); err != nil {
			errs = append(errs, fmt.Errorf("queue %s: %w", q.name, err))
		}
	}
	for _, s := range r.servers {
		if err := s.check(); err != nil {
			errs = append(errs, fmt.Errorf("server %s: %w", s.name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	return nil
}

// ratio is a/b, and 0 when there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// share is a/b, and null when there is nothing to divide by.
func share(a, b float64) *float64 {
	if b == 0 {
		return nil
	}
	s := a / b
	return &s
}

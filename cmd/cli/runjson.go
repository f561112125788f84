package cli

import (
	"encoding/json"
	"fmt"

	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
	"github.com/nines-sim/nines/sim/report"
	"github.com/nines-sim/nines/sim/study"
)

// runDocument is a run as JSON. Fields may be added, never changed.
type runDocument struct {
	Scenario     string   `json:"scenario"`
	ScenarioHash string   `json:"scenario_hash"`
	Variant      string   `json:"variant"` // empty: as written
	Set          []string `json:"set,omitempty"`
	Seed         uint64   `json:"seed"`
	Version      string   `json:"version"`
	Command      string   `json:"command"` // that does the run again

	Method string      `json:"method"`
	Causes []string    `json:"causes,omitempty"` // of an incident
	U      []float64   `json:"u,omitempty"`      // the quantiles of their lengths
	Point  study.Point `json:"point,omitempty"`  // in a sweep

	Digest   study.Digest `json:"digest"`
	Events   uint64       `json:"events"`
	Measured float64      `json:"measured_s"`
	Stuck    bool         `json:"stuck,omitempty"` // it had not recovered when the run was given up

	Calls        measure.Calls       `json:"calls"`
	Availability map[string]*float64 `json:"availability"` // by objective; null: no valid calls
	Latency      map[string]latency  `json:"latency_ms"`   // of successful calls, by operation
	Outages      []outage            `json:"outages"`

	Timeline []note              `json:"timeline"`
	Faults   fault.Plan          `json:"fault_plan"` // as it was met
	Metrics  map[string]float64  `json:"metrics"`
	Services []system.ServiceUse `json:"services"`
	Caches   []system.CacheUse   `json:"caches,omitempty"`
	Result   *measure.Result     `json:"result"`
}

type latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

type outage struct {
	Objective string `json:"objective"`
	measure.Outage
}

type note struct {
	At      float64 `json:"at_s"`
	Kind    string  `json:"kind"`
	Subject string  `json:"subject"`
	Detail  string  `json:"detail,omitempty"`
}

func (r *watchedRun) document() runDocument {
	res := r.out.Result
	d := runDocument{
		Scenario: r.src.name, ScenarioHash: r.hash, Variant: r.variant, Set: r.sets, Seed: r.which.Seed,
		Version: r.version, Command: r.again,
		Method: r.sc.Study.Method, Causes: r.which.Causes, U: r.which.U, Point: r.which.Point,
		Digest: study.Digest(r.out.Sim.Digest), Events: r.out.Sim.Events, Measured: r.out.Length.Seconds(), Stuck: r.out.Stuck,
		Calls: res.Calls, Availability: map[string]*float64{}, Latency: map[string]latency{},
		Outages: []outage{}, Timeline: []note{},
		Faults: r.out.Plan, Metrics: r.out.Metrics, Services: r.out.Services, Caches: r.out.Caches, Result: res,
	}
	for _, o := range res.Objectives {
		d.Availability[o.Objective] = o.Availability
		for _, out := range o.Outages {
			d.Outages = append(d.Outages, outage{o.Objective, out})
		}
	}
	for _, op := range res.Operations {
		d.Latency[op.Operation] = latency{op.OK.P50, op.OK.P90, op.OK.P99, op.OK.P999, op.OK.Max}
	}
	for n := range r.timeline().Notes() {
		d.Timeline = append(d.Timeline, newNote(n))
	}
	return d
}

func newNote(n sim.Note) note { return note{n.At.Seconds(), n.Kind, n.Subject, n.Detail} }

// writeRun writes a run in the form that was asked for.
func (a *app) writeRun(form string, r *watchedRun) error {
	switch form {
	case asJSON:
		return a.writeJSON(r.document())
	case asNDJSON:
		return writeLines(a, []runDocument{r.document()})
	case asCSV:
		return r.table().WriteCSV(a.stdout)
	}
	return a.writeRunText(a.stdout, r)
}

// table has a row for each objective of the run.
func (r *watchedRun) table() report.Table {
	t := report.Table{}
	for _, h := range []string{"scenario", "variant", "seed", "digest", "objective", "target", "valid", "bad", "availability", "outages"} {
		t.Columns = append(t.Columns, report.Column{Header: h})
	}
	for _, o := range r.out.Result.Objectives {
		availability := ""
		if o.Availability != nil {
			text, err := json.Marshal(*o.Availability)
			if err != nil {
				panic("cli: " + err.Error()) // a share is a number
			}
			availability = string(text)
		}
		t.Rows = append(t.Rows, []string{r.src.name, r.variant, fmt.Sprint(r.which.Seed), study.Digest(r.out.Sim.Digest).String(),
			o.Objective, fmt.Sprint(o.Target), fmt.Sprint(o.Valid), fmt.Sprint(o.Bad()), availability, fmt.Sprint(len(o.Outages))})
	}
	return t
}

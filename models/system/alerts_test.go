package system

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/alert"
	"github.com/nines-sim/nines/sim/fault"
)

// An alert fires when its rule says that it does, to a scrape; and is attributed to the fault.
func TestAlertsFireInTime(t *testing.T) {
	const begin = 1200 * time.Second
	for _, share := range []float64{1, 0.5, 0.2} {
		sc := parse(t, `
services: {front: {ops: {do: {work: 1ms}}}}
workload: {visits: {rate: 20/s, arrivals: regular, mix: {front.do: 100%}}}
objectives: {work: {of: front.do, target: 99.9%}}
alerts: {burn: {on: objectives.work, preset: sre-workbook, scrape: 15s}}
faults: {test: {kind: errors, on: services.front, errors: 100%, every: 1y, lasts: 1h}}
study: {method: timeline, warmup: 0s, lasts: 90m}
`)
		out := do(t, Run{Scenario: sc, Until: sc.Study.Lasts, Plan: planned(
			strike(fault.Errors, "front", begin, time.Hour, fault.Params{Errors: share}),
		)})
		rule := alert.Rule{Long: time.Hour, Short: 5 * time.Minute, Burn: 14.4}
		want, _ := rule.Detects(0.999, share)
		f := out.Result.Faults[0]
		if f.Detect == nil {
			t.Fatalf("%v of the calls bad: no alert", share)
		}
		got := time.Duration(*f.Detect * 1e9)
		noise := 15*time.Second + want/5 // a scrape, and the luck of calls
		if share == 1 {
			noise = 15 * time.Second
		}
		if got < want-noise*1/5 || got > want+noise {
			t.Errorf("%v of the calls bad: noticed after %v, want %v and at most %v more", share, got, want, noise)
		}
	}
}

func TestCalmFiresNothing(t *testing.T) {
	sc := parse(t, `
services: {front: {ops: {do: {work: 1ms, errors: 0.1%}}}}
workload: {visits: {rate: 20/s, mix: {front.do: 100%}}}
objectives: {work: {of: front.do, target: 99.9%}}
alerts: {burn: {on: objectives.work, preset: sre-workbook}}
study: {method: timeline, lasts: 2h}
`)
	if out := play(t, sc); len(out.Result.Alerts) != 0 || out.Metrics["alerts"] != 0 {
		t.Errorf("alerts: %+v, want none", out.Result.Alerts)
	}
}

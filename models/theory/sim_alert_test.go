package theory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/models/theory"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/alert"
	"github.com/nines-sim/nines/sim"
)

// watched lets errors begin and end, of ten calls a second, and returns how many seconds later an alert
// began and ended. A scrape sees what happened half an interval ago on average; that is taken off.
func watched(w *world, rule alert.Rule, target, errors float64, from, to sim.Time) (fired, ended float64) {
	const rate, scrape = 10, time.Second
	e := w.external(atOnce)
	call := e.Call(w.via, w.here)
	var seen alert.Counts
	w.arrivals(1<<62, rate, func(p *sim.Process, _ int, req patterns.Request) {
		seen.Calls++
		if _, err := call(p, req); err != nil {
			seen.Bad++
		}
	})
	w.s.At(from, func() { e.SetErrors(errors) })
	w.s.At(to, func() { e.SetErrors(0) })

	m := alert.NewMonitor(alert.Config{
		Target: target, Scrape: scrape, Rules: []alert.Rule{rule},
		Calm: alert.Counts{Calls: rate * uint64(scrape.Seconds())},
	})
	w.s.NewGroup("monitor").Background("monitor", func(p *sim.Process) {
		m.Watch(p, "calls", func() alert.Counts { return seen }, func(c alert.Change) {
			switch {
			case c.To == alert.Firing:
				fired = (p.Now().Sub(from) - scrape/2).Seconds()
			case c.From == alert.Firing:
				ended = (p.Now().Sub(to) - scrape/2).Seconds()
			}
		})
	})
	w.s.RunUntil(to.Add(rule.Short))
	return fired, ended
}

func TestSimulatedBurnRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		theory.BurnRate
		errors float64
	}{
		{theory.BurnRate{Objective: 0.999, Burn: 14.4, Window: time.Hour}, 1},
		{theory.BurnRate{Objective: 0.999, Burn: 14.4, Window: time.Hour}, 0.1},
		{theory.BurnRate{Objective: 0.999, Burn: 6, Window: 6 * time.Hour}, 0.1},
		{theory.BurnRate{Objective: 0.99, Burn: 14.4, Window: time.Hour, Short: 5 * time.Minute}, 0.5},
	} {
		t.Run(fmt.Sprintf("%+v of %v errors", c.BurnRate, c.errors), func(t *testing.T) {
			detect, _ := c.Detect(c.errors)
			last := detect + max(detect/2, c.Short) // long enough for every run, and until the short window holds nothing else
			rule := alert.Rule{Name: "burn", Long: c.Window, Short: c.Short, Burn: c.Burn}
			all := replicate(t, 20, func(w *world) []float64 {
				begin := sim.Time(time.Minute)
				fired, ended := watched(w, rule, c.Objective, c.errors, begin, begin.Add(last))
				return []float64{fired, ended}
			})
			agree(t, "time to detect", all[0], detect.Seconds(), 0.03)
			if c.Short > 0 {
				agree(t, "time to reset", all[1], c.Reset(c.errors).Seconds(), 0.03)
			}
		})
	}
}

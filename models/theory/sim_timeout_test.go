package theory_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/nines-sim/nines/models/theory"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// Who gives up does not stop the work: the server is as busy as if everybody waited, and so late answers
// are as many as calls of an M/M/1, whose time in the system is exponential, take longer.
func TestSimulatedTimeoutsThatNobodyHears(t *testing.T) {
	t.Parallel()
	const lambda, patience, warmup, calls = 0.8, 10 * time.Second, 1000, 15_000
	all := replicate(t, 40, func(w *world) []float64 {
		r := w.serve(servers(1, unbounded), 1, exponential(1))[0]
		call := timeout.New(timeout.Attempt(patience)).Wrap(r.Call(w.via, w.here))
		late := 0.0
		w.calls(warmup+calls, lambda, func(p *sim.Process, i int, req patterns.Request) {
			if _, err := call(p, req); err != nil && i >= warmup {
				late++
			}
		})
		return []float64{late / calls, r.Stats().Busy.Seconds() / w.s.Now().Seconds()}
	})
	agree(t, "late", all[0], math.Exp(-(1-lambda)*patience.Seconds()), 0.03)
	agree(t, "load", all[1], lambda, 0.01)
}

// Calls that give up after an exponential time, and say so, leave at once, whether they wait or are
// worked on: each of n in the system goes at the rate theta, and one of them at the rate 1 besides.
func TestSimulatedTimeoutsThatCancel(t *testing.T) {
	t.Parallel()
	const lambda, theta, warmup, calls = 1.2, 0.1, 200, 5000
	p, sum, number := 1.0, 1.0, 0.0
	for n := 1.0; n < 200; n++ {
		p *= lambda / (1 + n*theta)
		sum += p
		number += n * p
	}
	all := replicate(t, 20, func(w *world) []float64 {
		via := network.NewTransport[patterns.Request, patterns.Response](w.net)
		via.Cancels = true
		r := w.serve(servers(1, unbounded), 1, exponential(1))[0]
		call, patience := r.Call(via, w.here), w.s.Keyed("patience")
		late := 0.0
		w.calls(warmup+calls, lambda, func(p *sim.Process, i int, req patterns.Request) {
			luck := patience.At(req.ID)
			limit := p.WithTimeout(dist.Duration(exponential(1/theta), &luck))
			defer limit.Close()
			if _, err := call(p, req); err != nil && i >= warmup {
				late++
			}
		})
		return []float64{late / calls}
	})
	agree(t, "late", all[0], theta*number/sum/lambda, 0.03)
}

// A server that stands still now and then, busy or not, and goes on with the work it had.
func TestSimulatedBreakdowns(t *testing.T) {
	t.Parallel()
	for _, want := range []theory.BreakdownMM1{
		{Lambda: 0.5, Mu: 1, Fail: 0.05, Repair: 0.2},
		{Lambda: 0.7, Mu: 1, Fail: 0.01, Repair: 0.1},
	} {
		t.Run(fmt.Sprintf("%+v", want), func(t *testing.T) {
			const warmup, calls = 1000, 10_000
			all := replicate(t, 40, func(w *world) []float64 {
				r := w.serve(servers(1, unbounded), 1, exponential(1))[0]
				call := r.Call(w.via, w.here)
				up, down := exponential(1/want.Fail), exponential(1/want.Repair)
				breaker := w.s.NewGroup("breakdowns")
				breaker.Background("breakdowns", func(p *sim.Process) {
					luck := w.s.Stream("breakdowns")
					for {
						p.Sleep(dist.Duration(up, &luck))
						r.Pause()
						p.Sleep(dist.Duration(down, &luck))
						r.Resume()
					}
				})
				sum, left := 0.0, warmup+calls
				w.arrivals(warmup+calls, want.Lambda, func(p *sim.Process, i int, req patterns.Request) {
					start := p.Now()
					call(p, req)
					if i >= warmup {
						sum += p.Now().Sub(start).Seconds()
					}
					left--
				})
				w.s.RunWhile(func() bool { return left > 0 })
				return []float64{sum / calls}
			})
			agree(t, "W", all[0], want.MeanTime(), 0.03)
		})
	}
}

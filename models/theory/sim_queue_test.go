package theory_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/nines-sim/nines/models/theory"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A station is servers behind a queue, and who comes to it.
type station struct {
	nodes.Config
	rate     float64
	work     dist.Distribution
	patience dist.Distribution // who has waited longer when a server is free is not served; nil: nobody
	runs     int
	warmup   int // calls at the start of each run that do not count: they find too short a queue
	calls    int // of each run, after those
}

// servers is a configuration of a station that has as many threads as cpus.
func servers(n, queue int) nodes.Config {
	return nodes.Config{Name: "station", CPUs: n, Threads: n, Queue: nodes.QueueConfig{Length: queue}}
}

const unbounded = -1

// seen is what each run says about the calls.
type seen struct {
	time    []float64 // mean from arrival to answer, of those served
	wait    []float64 // mean of what of that was not work
	queued  []float64 // mean wait of all: who was not served has waited until the patience ended
	delayed []float64 // share of those served that had to wait
	lost    []float64 // share of all that were not served
}

func (st station) simulate(t *testing.T) seen {
	t.Helper()
	all := replicate(t, st.runs, func(w *world) []float64 {
		r := w.serve(st.Config, 1, st.work)[0]
		call := r.Call(w.via, w.here)
		patience := w.s.Keyed("patience")
		var sum, waits, inVain time.Duration
		var served, delayed float64
		w.calls(st.warmup+st.calls, st.rate, func(p *sim.Process, i int, req patterns.Request) {
			start := p.Now()
			if st.patience != nil {
				luck := patience.At(req.ID)
				req.Deadline = start.Add(dist.Duration(st.patience, &luck))
			}
			resp, err := call(p, req)
			if i < st.warmup {
				return
			}
			if err != nil {
				if st.patience != nil {
					inVain += req.Deadline.Sub(start)
				}
				return
			}
			took := p.Now().Sub(start)
			wait := took - time.Duration(resp.Value)
			sum += took
			waits += wait
			served++
			if wait > 0 {
				delayed++
			}
		})
		if err := r.Stats().Check(); err != nil {
			t.Error(err)
		}
		calls := float64(st.calls)
		return []float64{
			sum.Seconds() / served, waits.Seconds() / served, (waits + inVain).Seconds() / calls, delayed / served, 1 - served/calls,
		}
	})
	return seen{all[0], all[1], all[2], all[3], all[4]}
}

func TestSimulatedMM1(t *testing.T) {
	t.Parallel()
	st := station{Config: servers(1, unbounded), rate: 0.9, work: exponential(1), runs: 40, warmup: 2000, calls: 25_000}
	agree(t, "W", st.simulate(t).time, theory.MM1{Lambda: st.rate, Mu: 1}.MeanTime(), 0.03)
}

func TestSimulatedMMc(t *testing.T) {
	t.Parallel()
	st := station{Config: servers(10, unbounded), rate: 8, work: exponential(1), runs: 40, warmup: 500, calls: 16_000}
	got, want := st.simulate(t), theory.MMc{Lambda: st.rate, Mu: 1, Servers: 10}
	agree(t, "Wq", got.wait, want.MeanWait(), 0.03)
	agree(t, "share that waits", got.delayed, want.Waiting(), 0.01)
}

func TestSimulatedMG1(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		work  dist.Distribution
		cv    float64
		calls int
	}{
		{"deterministic", dist.Must(dist.NewConstant(1)), 0, 8000},
		{"hyperexponential", dist.Must(dist.HyperexponentialFromMeanCV(1, 2)), 2, 20_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := station{Config: servers(1, unbounded), rate: 0.8, work: c.work, runs: 40, warmup: 1000, calls: c.calls}
			agree(t, "Wq", st.simulate(t).wait, theory.MG1{Lambda: st.rate, Service: 1, CV: c.cv}.MeanWait(), 0.03)
		})
	}
}

// Erlang's loss formula holds for any distribution of service.
func TestSimulatedErlangB(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		work dist.Distribution
	}{
		{"exponential", exponential(1)},
		{"deterministic", dist.Must(dist.NewConstant(1))},
		{"lognormal", dist.Must(dist.LognormalFromMeanCV(1, 2))},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := station{Config: servers(10, 0), rate: 8, work: c.work, runs: 20, warmup: 200, calls: 12_000}
			agree(t, "lost", st.simulate(t).lost, theory.ErlangB(st.rate, 10), 0.02)
		})
	}
}

func TestSimulatedMMcK(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want   theory.MMcK
		warmup int
		calls  int
	}{
		{theory.MMcK{Lambda: 0.9, Mu: 1, Servers: 1, Capacity: 10}, 200, 20_000},
		{theory.MMcK{Lambda: 1.2, Mu: 1, Servers: 1, Capacity: 10}, 200, 10_000},
		{theory.MMcK{Lambda: 12, Mu: 1, Servers: 10, Capacity: 20}, 500, 10_000},
	} {
		t.Run(fmt.Sprintf("%+v", c.want), func(t *testing.T) {
			st := station{
				Config: servers(c.want.Servers, c.want.Capacity-c.want.Servers), rate: c.want.Lambda, work: exponential(1),
				runs: 20, warmup: c.warmup, calls: c.calls,
			}
			got := st.simulate(t)
			agree(t, "blocked", got.lost, c.want.Blocked(), 0.03)
			agree(t, "W", got.time, c.want.MeanTime(), 0.02)
		})
	}
}

// Calls carry deadlines that are an exponential time away, and the queue drops those that are late
// when their turn comes. Who is served is then the same as if they left the queue at their deadline.
func TestSimulatedErlangA(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want   theory.ErlangA
		warmup int
		calls  int
	}{
		{theory.ErlangA{Lambda: 0.9, Mu: 1, Theta: 0.1, Servers: 1}, 200, 10_000},
		{theory.ErlangA{Lambda: 1.2, Mu: 1, Theta: 0.1, Servers: 1}, 200, 6000},
		{theory.ErlangA{Lambda: 1.5, Mu: 1, Theta: 1, Servers: 1}, 100, 4000},
		{theory.ErlangA{Lambda: 50, Mu: 1, Theta: 0.5, Servers: 50}, 1000, 30_000},
		{theory.ErlangA{Lambda: 60, Mu: 1, Theta: 0.5, Servers: 50}, 1000, 12_000},
	} {
		t.Run(fmt.Sprintf("%+v", c.want), func(t *testing.T) {
			st := station{
				Config: servers(c.want.Servers, unbounded), rate: c.want.Lambda, work: exponential(1),
				patience: exponential(1 / c.want.Theta), runs: 20, warmup: c.warmup, calls: c.calls,
			}
			st.Queue.DropExpired = true
			got := st.simulate(t)
			agree(t, "abandoned", got.lost, c.want.Abandoned(), 0.03)
			agree(t, "Wq", got.queued, c.want.MeanWait(), 0.03)
		})
	}
}

// A queue whose calls wait a fixed time at most (D. Y. Barrer, "Queuing with Impatient Customers and
// Ordered Service", 1957): an arrival that would wait x is served if x is at most the limit. The
// density of x is λ·p(c-1)·exp(-(cμ-λ)x) up to the limit and falls like exp(-cμx) beyond it, where
// nobody joins; p(j) is the probability that j servers are busy.
func TestSimulatedQueueWait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		servers int
		lambda  float64
		limit   time.Duration
	}{
		{1, 0.9, 2 * time.Second},
		{10, 12, 500 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%d servers", c.servers), func(t *testing.T) {
			free, p := 0.0, 1.0 // p(j), up to a factor
			for j := range c.servers {
				free += p
				if j < c.servers-1 {
					p *= c.lambda / float64(j+1)
				}
			}
			drain := float64(c.servers) - c.lambda
			end := math.Exp(-drain * c.limit.Seconds())
			join, late := c.lambda*p*(1-end)/drain, c.lambda*p*end/float64(c.servers)

			st := station{Config: servers(c.servers, unbounded), rate: c.lambda, work: exponential(1), runs: 20, warmup: 100, calls: 5000}
			st.Queue.Wait = c.limit
			agree(t, "turned away", st.simulate(t).lost, late/(free+join+late), 0.03)
		})
	}
}

package theory_test

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// The tests in the files sim_*_test.go build what a closed form describes out of the packages that
// simulations are made of, and hold what comes out to the closed form. Work takes a second on average,
// so that rates are per second.

// A world is a network and the host from which calls come.
type world struct {
	s    *sim.Simulation
	net  *network.Network
	via  *nodes.Transport
	here *network.Host
}

func newWorld(s *sim.Simulation, cfg network.Config) *world {
	w := &world{s: s, net: network.New(s, cfg)}
	w.via = network.NewTransport[patterns.Request, patterns.Response](w.net)
	w.here = w.net.AddHost("here", network.Place{})
	return w
}

// serve returns the replicas of a service, each on a machine of its own. They are up, work on each
// call for as long as the distribution says, and answer with how long that was, in nanoseconds.
func (w *world) serve(cfg nodes.Config, replicas int, work dist.Distribution) []*nodes.Replica {
	luck := w.s.Keyed("work")
	svc := nodes.NewService(w.s, w.via, cfg, func(p *sim.Process, r *nodes.Replica, req patterns.Request) (patterns.Response, error) {
		draw := luck.At(req.ID)
		d := dist.Duration(work, &draw)
		return patterns.Response{Value: uint64(d)}, r.Work(p, d)
	})
	for i := range replicas {
		svc.Add(nodes.NewMachine(w.s, w.net.AddHost(fmt.Sprint("machine ", i), network.Place{Zone: "z"}), 0)).Start()
	}
	return svc.Replicas()
}

// external returns a service without limits, which answers after as long as the distribution says.
func (w *world) external(answer dist.Distribution) *nodes.External {
	luck := w.s.Keyed("answers")
	e := nodes.NewExternal(w.s, "external", w.net.AddHost("external", network.Place{Zone: "z"}))
	e.Answer = func(req patterns.Request) (time.Duration, patterns.Response, error) {
		draw := luck.At(sim.Mix(req.ID, uint64(req.Attempt)))
		return dist.Duration(answer, &draw), patterns.Response{}, nil
	}
	return e
}

// flaky returns the way to a service that answers at once, a share of the time with an error.
func (w *world) flaky(failure float64) patterns.Call {
	e := w.external(atOnce)
	e.SetErrors(failure)
	return e.Call(w.via, w.here)
}

// A caller is a process that arrives with a request of its own. Callers are numbered from 0.
type caller func(p *sim.Process, i int, req patterns.Request)

// arrivals lets n callers arrive at a rate, as a Poisson process.
func (w *world) arrivals(n int, rate float64, f caller) {
	gaps, gap := w.s.Stream("arrivals"), exponential(1/rate)
	group := w.s.NewGroup("callers")
	run := func(p *sim.Process, arg any) {
		i := arg.(int)
		f(p, i, patterns.Request{ID: sim.Mix(1, uint64(i)), Key: uint64(i), Attempt: 1})
	}
	i := 0
	var arrive func()
	arrive = func() {
		group.Spawn("caller", run, i)
		if i++; i < n {
			w.s.After(dist.Duration(gap, &gaps), arrive)
		}
	}
	w.s.After(dist.Duration(gap, &gaps), arrive)
}

// calls lets n callers arrive at a rate, and returns when all have ended.
func (w *world) calls(n int, rate float64, f caller) {
	w.arrivals(n, rate, f)
	w.s.RunUntilIdle()
}

// replicate runs a model n times on a network without latency, with seeds that belong to the test. A
// run returns one or more estimates; replicate returns those of all runs, by what they estimate.
func replicate(t *testing.T, n int, model func(w *world) []float64) [][]float64 {
	t.Helper()
	return replicateOn(t, network.Config{}, n, model)
}

func replicateOn(t *testing.T, cfg network.Config, n int, model func(w *world) []float64) [][]float64 {
	t.Helper()
	worker := sim.NewWorker()
	defer worker.Close()
	seeds := fnv.New64()
	seeds.Write([]byte(t.Name()))
	var all [][]float64
	for run := range n {
		seed := sim.Seed(sim.Mix(seeds.Sum64(), uint64(run)))
		_, err := worker.Run(sim.Config{Seed: seed}, func(s *sim.Simulation) {
			for i, x := range model(newWorld(s, cfg)) {
				if run == 0 {
					all = append(all, nil)
				}
				all[i] = append(all[i], x)
			}
		})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	return all
}

// agree holds the mean of independent estimates to the exact value: within 4 standard errors, which a
// right simulation misses once in 16,000 times, and with a standard error of at most the given
// share of the value, so that noise does not pass for agreement.
func agree(t *testing.T, what string, estimates []float64, exact, precision float64) {
	t.Helper()
	mean, se := meanSE(estimates)
	t.Logf("%s: %.6g ± %.2g, exact %.6g (%+.1f SE, SE %.2f %%)", what, mean, se, exact, (mean-exact)/se, 100*se/exact)
	if !(math.Abs(mean-exact) <= 4*se) {
		t.Errorf("%s is %.6g, standard error %.2g; exact is %.6g", what, mean, se, exact)
	}
	if !(se <= precision*exact) {
		t.Errorf("%s has a standard error of %.2g %%, need at most %g %%: more runs, or longer ones", what, 100*se/exact, 100*precision)
	}
}

func meanSE(x []float64) (mean, se float64) {
	n := float64(len(x))
	for _, v := range x {
		mean += v / n
	}
	sum := 0.0
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sum / (n - 1) / n)
}

func exponential(mean float64) dist.Distribution { return dist.Must(dist.NewExponential(mean)) }

// atOnce is a length of time that is none.
var atOnce = dist.Must(dist.NewConstant(0))

package theory_test

import (
	"fmt"
	"testing"

	"github.com/nines-sim/nines/models/theory"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/replication"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// copyAt is copy i of the data as the coordinator of a quorum reaches it.
type copyAt struct {
	i    int
	call patterns.Call
}

func (c copyAt) ask(p *sim.Process, req patterns.Request) (uint64, error) {
	req.ID = sim.Mix(req.ID, uint64(c.i)) // each copy has luck of its own
	resp, err := c.call(p, req)
	return resp.Version, err
}

func (c copyAt) Write(p *sim.Process, req patterns.Request, version uint64) error {
	req.Op, req.Value = "write", version
	_, err := c.ask(p, req)
	return err
}

func (c copyAt) Read(p *sim.Process, req patterns.Request) (uint64, error) {
	req.Op = "read"
	return c.ask(p, req)
}

// stale returns which share of the reads, in each of 20 runs, miss a write that was answered the moment
// they began. A write takes one time until a copy has it, a read another, and their answers a third.
func stale(t *testing.T, cfg replication.QuorumConfig, write, read, answer dist.Distribution, trials int) []float64 {
	t.Helper()
	clients := network.Part{Clients: true}
	back := network.Override{Between: network.Between{From: clients.Rest(), To: clients, OneWay: true}, Path: network.Path{Latency: answer}}
	return replicateOn(t, network.Config{Overrides: []network.Override{back}}, 20, func(w *world) []float64 {
		luck := map[string]sim.Keyed{"write": w.s.Keyed("write"), "read": w.s.Keyed("read")}
		way := map[string]dist.Distribution{"write": write, "read": read}
		data := map[*nodes.Replica]*replication.Data{}
		svc := nodes.NewService(w.s, w.via, nodes.Config{Name: "data", CPUs: 1},
			func(p *sim.Process, r *nodes.Replica, req patterns.Request) (patterns.Response, error) {
				draw := luck[req.Op].At(req.ID)
				if err := p.Sleep(dist.Duration(way[req.Op], &draw)); err != nil {
					return patterns.Response{}, err
				}
				if req.Op == "write" {
					data[r].Put(req.Key, req.Value)
				}
				return patterns.Response{Version: data[r].Get(req.Key)}, nil
			})
		var copies []replication.Copy
		for i := range cfg.N {
			r := svc.Add(nodes.NewMachine(w.s, w.net.AddHost(fmt.Sprint("copy ", i), network.Place{Zone: "z"}), 0))
			r.Start()
			data[r] = replication.NewData()
			copies = append(copies, copyAt{i, r.Call(w.via, w.here)})
		}
		q := replication.NewQuorum(cfg, copies)
		missed := 0.0
		w.calls(trials, 1, func(p *sim.Process, _ int, req patterns.Request) {
			wrote, err := q.Write(p, req)
			if err != nil {
				t.Error(err)
			}
			req.ID = sim.Mix(req.ID, 1)
			saw, err := q.Read(p, req)
			if err != nil {
				t.Error(err)
			}
			if saw.Version < wrote.Version {
				missed++
			}
		})
		return []float64{missed / float64(trials)}
	})[0]
}

// Writes that are slow beside everything else: the copies that have the latest one are any W of N, and
// those that answer a read first any R.
func TestSimulatedStaleReads(t *testing.T) {
	t.Parallel()
	second, instant := dist.Must(dist.NewUniform(0, 1)), dist.Must(dist.NewUniform(0, 1e-6))
	for _, want := range []theory.Quorum{{N: 3, R: 1, W: 1}, {N: 3, R: 1, W: 2}, {N: 3, R: 2, W: 1}, {N: 5, R: 2, W: 2}} {
		t.Run(fmt.Sprintf("%+v", want), func(t *testing.T) {
			cfg := replication.QuorumConfig{N: want.N, R: want.R, W: want.W}
			agree(t, "stale", stale(t, cfg, second, instant, atOnce, 500), want.Stale(), 0.02)
		})
	}
}

// P. Bailis et al., "Probabilistically Bounded Staleness for Practical Partial Quorums", VLDB 2012,
// with the latencies of its authors' simulator: how a read that begins when the write is answered
// fares at LinkedIn, on solid state and on spinning disks. The shares are of 6 million trials each of
// a program that does nothing else; the paper prints 97.4 % and 43.9 % for R = W = 1.
func TestSimulatedBoundedStaleness(t *testing.T) {
	t.Parallel()
	mix := func(pareto, scale, shape, rate float64) dist.Distribution { // milliseconds
		return dist.Must(dist.NewScaled(dist.Must(dist.NewMixture(
			dist.Part{Weight: pareto, Distribution: dist.Must(dist.NewPareto(shape, scale))},
			dist.Part{Weight: 1 - pareto, Distribution: exponential(1 / rate)},
		)), 1e-3))
	}
	ssd, disk := mix(0.9122, 0.235, 10, 1.66), mix(0.38, 1.05, 1.51, 0.183)
	for _, c := range []struct {
		name       string
		write      dist.Distribution
		r, w       int
		consistent float64
		trials     int
	}{
		{"solid state", ssd, 1, 1, 0.97356, 3000},
		{"disk", disk, 1, 1, 0.43654, 500},
		{"disk", disk, 1, 2, 0.71326, 500},
		{"disk", disk, 2, 1, 0.76294, 500},
	} {
		t.Run(fmt.Sprintf("%s R=%d W=%d", c.name, c.r, c.w), func(t *testing.T) {
			cfg := replication.QuorumConfig{N: 3, R: c.r, W: c.w}
			agree(t, "stale", stale(t, cfg, c.write, ssd, ssd, c.trials), 1-c.consistent, 0.03)
		})
	}
}

// Where every read meets every write, none is stale.
func TestSimulatedStrictQuorum(t *testing.T) {
	t.Parallel()
	slow := exponential(1)
	for _, cfg := range []replication.QuorumConfig{{N: 3, R: 2, W: 2}, {N: 3, R: 1, W: 3}, {N: 5, R: 4, W: 2}} {
		for run, share := range stale(t, cfg, slow, slow, slow, 200) {
			if share != 0 {
				t.Errorf("%+v: run %d has %g %% stale reads", cfg, run, 100*share)
			}
		}
	}
}

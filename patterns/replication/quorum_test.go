package replication_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/replication"
	"github.com/nines-sim/nines/sim"
)

// A remote is a copy that takes its time, or never answers.
type remote struct {
	data        *replication.Data
	write, read func(req patterns.Request) time.Duration // to arrive; the answer is immediate
	down        bool
	late        error // what it answers with after that time
	writes      int
	dropped     sim.Time // when nobody waited for its answer any more
}

const never = 365 * 24 * time.Hour

func (r *remote) reach(p *sim.Process, after time.Duration) error {
	if r.down {
		return &patterns.Error{Kind: patterns.Refused, Layer: "remote"}
	}
	if err := p.Sleep(after); err != nil {
		r.dropped = p.Now()
		return err
	}
	return r.late
}

func (r *remote) Write(p *sim.Process, req patterns.Request, version uint64) error {
	r.writes++
	err := r.reach(p, r.write(req))
	if err == nil {
		r.data.Put(req.Key, version)
	}
	return err
}

func (r *remote) Read(p *sim.Process, req patterns.Request) (uint64, error) {
	err := r.reach(p, r.read(req))
	return r.data.Get(req.Key), err
}

func constant(d time.Duration) func(patterns.Request) time.Duration {
	return func(patterns.Request) time.Duration { return d }
}

// remotes are n copies that answer after 1, 2, 3 ms and so on.
func remotes(n int) (copies []replication.Copy, rs []*remote) {
	for i := range n {
		d := constant(time.Duration(i+1) * time.Millisecond)
		r := &remote{data: replication.NewData(), write: d, read: d}
		copies, rs = append(copies, r), append(rs, r)
	}
	return copies, rs
}

func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c = c * float64(n-i) / float64(i+1)
	}
	return c
}

// A write is on W copies and still far from the others when R random copies are asked: the read
// misses it with probability C(N-W,R)/C(N,R) (PBS, Bailis et al., 2012, at t = 0).
func TestStalenessIsTheClosedForm(t *testing.T) {
	for _, cfg := range []replication.QuorumConfig{
		{N: 3, R: 1, W: 1}, {N: 3, R: 1, W: 2}, {N: 5, R: 2, W: 2}, {N: 5, R: 1, W: 3}, {N: 5, R: 3, W: 1}, {N: 3, R: 2, W: 2},
	} {
		const trials = 3000
		ledger := replication.NewLedger()
		run(t, 1, func(s *sim.Simulation) {
			chance := s.Stream("test/order")
			order := make([]int, cfg.N) // of the copies in this trial
			shuffle := func() {
				for i := range order {
					order[i] = i
				}
				chance.Shuffle(cfg.N, func(i, j int) { order[i], order[j] = order[j], order[i] })
			}
			copies, rs := remotes(cfg.N)
			for i, r := range rs {
				r.write = func(patterns.Request) time.Duration {
					if order[i] < cfg.W {
						return time.Millisecond
					}
					return never
				}
				r.read = func(patterns.Request) time.Duration { return time.Duration(order[i]) * time.Millisecond }
			}
			q := replication.NewQuorum(cfg, copies)
			s.Go("client", func(p *sim.Process) {
				for key := range uint64(trials) {
					shuffle()
					limit := p.WithTimeout(time.Second) // so that nobody waits for ever
					ledger.Writes(q.Write)(p, patterns.Request{Key: key + 1})
					shuffle()
					ledger.Reads(q.Read)(p, patterns.Request{Key: key + 1})
					limit.Close()
				}
			})
			s.RunUntil(at(time.Hour))
		})
		want := choose(cfg.N-cfg.W, cfg.R) / choose(cfg.N, cfg.R)
		stale, reads := ledger.Stale()
		got, se := float64(stale)/trials, math.Sqrt(want*(1-want)/trials)
		if reads != trials || math.Abs(got-want) > 4*se || se > 0.01 {
			t.Errorf("%+v: %.4f of %d reads stale, want %.4f ± %.4f", cfg, got, reads, want, 4*se)
		}
	}
}

func TestQuorumStories(t *testing.T) {
	down := func(which ...int) func([]*remote) {
		return func(rs []*remote) {
			for _, i := range which {
				rs[i].down = true
			}
		}
	}
	silent := func(which ...int) func([]*remote) {
		return func(rs []*remote) {
			for _, i := range which {
				rs[i].write, rs[i].read = constant(never), constant(never)
			}
		}
	}
	late := func(maybe ...bool) func([]*remote) {
		return func(rs []*remote) {
			for i, m := range maybe {
				r := rs[len(rs)-1-i]
				r.late = &patterns.Error{Kind: patterns.Failed, Layer: "remote", Maybe: m}
			}
		}
	}
	type result struct {
		kind  patterns.Kind
		maybe bool
		ended bool // by the client's patience of a second
	}
	for _, tt := range []struct {
		name    string
		cfg     replication.QuorumConfig
		trouble func([]*remote)
		took    time.Duration
		want    *result // of a write; nil: it is done
		held    int     // by how many copies, in the end
	}{
		{"it takes as long as the W-th copy", replication.QuorumConfig{N: 3, R: 2, W: 2}, down(), 2 * time.Millisecond, nil, 3},
		{"all of them", replication.QuorumConfig{N: 3, R: 1, W: 3}, down(), 3 * time.Millisecond, nil, 3},
		{"one may be down", replication.QuorumConfig{N: 3, R: 2, W: 2}, down(0), 3 * time.Millisecond, nil, 2},
		{"one may be silent", replication.QuorumConfig{N: 3, R: 2, W: 2}, silent(1), 3 * time.Millisecond, nil, 2},
		{"two may not be down: refused at once, but one has it or may", replication.QuorumConfig{N: 3, R: 2, W: 2}, down(0, 1), 0,
			&result{kind: patterns.Unavailable, maybe: true}, 1},
		{"all down: certainly not done", replication.QuorumConfig{N: 3, R: 2, W: 2}, down(0, 1, 2), 0,
			&result{kind: patterns.Unavailable}, 0},
		{"the last one fails: two have it", replication.QuorumConfig{N: 3, R: 1, W: 3}, late(false), 3 * time.Millisecond,
			&result{kind: patterns.Unavailable, maybe: true}, 2},
		{"all fail, each for certain", replication.QuorumConfig{N: 3, R: 1, W: 1}, late(false, false, false), 3 * time.Millisecond,
			&result{kind: patterns.Unavailable}, 0},
		{"all fail, one perhaps not", replication.QuorumConfig{N: 3, R: 1, W: 1}, late(false, true, false), 3 * time.Millisecond,
			&result{kind: patterns.Unavailable, maybe: true}, 0},
		{"two silent: the client gives up, and does not know", replication.QuorumConfig{N: 3, R: 2, W: 2}, silent(1, 2), time.Second,
			&result{ended: true}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, 1, func(s *sim.Simulation) {
				copies, rs := remotes(tt.cfg.N)
				tt.trouble(rs)
				q := replication.NewQuorum(tt.cfg, copies)
				s.Go("client", func(p *sim.Process) {
					limit := p.WithTimeout(time.Second)
					defer limit.Close()
					_, err := q.Write(p, patterns.Request{Key: 7})
					if p.Now() != at(tt.took) {
						t.Errorf("it took %v, want %v", p.Now(), tt.took)
					}
					var e *patterns.Error
					switch {
					case tt.want == nil:
						if err != nil {
							t.Error(err)
						}
					case tt.want.ended:
						if !limit.Ended(err) {
							t.Errorf("%v, want the end of the client's patience", err)
						}
					case !errors.As(err, &e) || e.Kind != tt.want.kind || e.Maybe != tt.want.maybe:
						t.Errorf("%v, want %+v", err, tt.want)
					}
				})
				s.RunUntil(at(time.Minute))
				held := 0
				for _, r := range rs {
					if r.data.Get(7) > 0 {
						held++
					}
				}
				if held != tt.held {
					t.Errorf("%d copies hold it, want %d", held, tt.held)
				}
			})
		})
	}
}

// The answer of a slow copy is waited for until the deadline of the request, not for ever, and not
// only until enough others have answered.
func TestASlowCopyIsWaitedForUntilTheDeadline(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		copies, rs := remotes(3)
		rs[1].write, rs[2].write = constant(100*time.Millisecond), constant(never)
		q := replication.NewQuorum(replication.QuorumConfig{N: 3, R: 1, W: 1}, copies)
		s.Go("client", func(p *sim.Process) {
			limit := p.WithTimeout(time.Second)
			q.Write(p, patterns.Request{Key: 7})
			limit.Close()
		})
		s.RunUntil(at(time.Minute))
		if rs[1].data.Get(7) == 0 || rs[2].dropped != at(time.Second) {
			t.Errorf("the slow copy has version %d, the silent one was dropped at %v", rs[1].data.Get(7), rs[2].dropped)
		}
	})
}

// A write has reached one copy of three when its coordinator is gone. A first read asks that copy,
// a second one does not: without repair it goes back in time.
func TestReadRepair(t *testing.T) {
	for _, tt := range []struct {
		repair replication.Repair
		wait   time.Duration // between the reads
		second uint64
		held   int
		writes int
	}{
		{replication.NoRepair, time.Second, 0, 1, 0},
		{replication.Background, 0, 0, 2, 1},           // the repair comes too late
		{replication.Background, time.Second, 1, 3, 2}, // and the second read repairs too
		{replication.WriteBack, 0, 1, 3, 3},            // after which there is nothing to repair
	} {
		run(t, 1, func(s *sim.Simulation) {
			copies, rs := remotes(3)
			cfg := replication.DefaultQuorumConfig()
			cfg.Repair = tt.repair
			q := replication.NewQuorum(cfg, copies)
			rs[0].data.Put(7, 1)
			rs[1].write = constant(5 * time.Millisecond)
			s.Go("client", func(p *sim.Process) {
				first, _ := q.Read(p, patterns.Request{Key: 7}) // copies 0 and 1 answer first
				p.Sleep(tt.wait)
				rs[0].read = constant(10 * time.Millisecond) // now copies 1 and 2 do
				second, _ := q.Read(p, patterns.Request{Key: 7})
				if first.Version != 1 || second.Version != tt.second {
					t.Errorf("%v: versions %d and %d, want 1 and %d", tt.repair, first.Version, second.Version, tt.second)
				}
			})
			s.RunUntil(at(time.Minute))
			held, writes := 0, 0
			for _, r := range rs {
				held += int(r.data.Get(7))
				writes += r.writes
			}
			if held != tt.held || writes != tt.writes {
				t.Errorf("%v: %d copies hold it after %d writes, want %d and %d", tt.repair, held, writes, tt.held, tt.writes)
			}
		})
	}
}

// With R+W > N no read that is answered is older than the last write that was answered before it
// began, whoever is slow or down, as long as no copy loses its data.
func TestOverlappingQuorumsAreNeverStale(t *testing.T) {
	stale := func(t *rapid.T, cfg replication.QuorumConfig) (stale, reads int) {
		ledger := replication.NewLedger()
		var data []*replication.Data
		run2(t, rapid.Uint64().Draw(t, "seed"), func(s *sim.Simulation) {
			chance := s.Stream("test/delays")
			copies, rs := remotes(cfg.N)
			for _, r := range rs {
				data = append(data, r.data)
				r.write = func(patterns.Request) time.Duration { return time.Duration(chance.IntN(20)) * time.Millisecond }
				r.read = r.write
			}
			q := replication.NewQuorum(cfg, copies)
			for n := range 4 {
				s.Go(fmt.Sprint("client ", n), func(p *sim.Process) {
					for range 30 {
						limit := p.WithTimeout(time.Second)
						req := patterns.Request{Key: uint64(chance.IntN(2))}
						if chance.Chance(0.5) {
							ledger.Writes(q.Write)(p, req)
						} else {
							ledger.Reads(q.Read)(p, req)
						}
						limit.Close()
						r := rs[chance.IntN(cfg.N)]
						r.down = !r.down && chance.Chance(0.2)
					}
				})
			}
			s.RunUntil(at(time.Minute))
		})
		if n := ledger.Lost(func(key uint64) uint64 { return replication.Newest(data, key) }); n != 0 {
			t.Fatalf("%d keys lost", n)
		}
		return ledger.Stale()
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		w := rapid.IntRange(1, n).Draw(t, "w")
		cfg := replication.QuorumConfig{N: n, W: w, R: rapid.IntRange(n-w+1, n).Draw(t, "r"),
			Repair: replication.Repair(rapid.IntRange(0, 2).Draw(t, "repair"))}
		if n, reads := stale(t, cfg); n > 0 {
			t.Fatalf("%+v: %d of %d reads stale", cfg, n, reads)
		}
	})
	// The same without overlap must find stale reads, or the check above checks nothing.
	rapid.Check(t, func(t *rapid.T) {
		if n, _ := stale(t, replication.QuorumConfig{N: 5, R: 1, W: 1}); n == 0 {
			t.Fatal("no stale read with r 1, w 1 of 5")
		}
	})
}

func run2(t *rapid.T, seed uint64, f func(s *sim.Simulation)) {
	if _, err := sim.Run(sim.Config{Seed: sim.Seed(seed)}, f); err != nil {
		t.Fatal(err)
	}
}

// Two coordinators of the same copies agree on which write is the last.
func TestCoordinatorsShareAnOrder(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		copies, _ := remotes(3)
		cfg := replication.DefaultQuorumConfig()
		busy, idle := replication.NewQuorum(cfg, copies), replication.NewQuorum(cfg, copies)
		s.Go("client", func(p *sim.Process) {
			last := uint64(0)
			for _, q := range []*replication.Quorum{busy, busy, busy, idle, busy, idle} {
				resp, err := q.Write(p, patterns.Request{Key: 7})
				if err != nil || resp.Version <= last {
					t.Errorf("version %d after %d, %v", resp.Version, last, err)
				}
				last = resp.Version
			}
			if resp, _ := idle.Read(p, patterns.Request{Key: 7}); resp.Version != last {
				t.Errorf("version %d is read, want %d", resp.Version, last)
			}
		})
		s.RunUntilIdle()
	})
}

func TestWritesOfOneInstantDiffer(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		copies, _ := remotes(3)
		q := replication.NewQuorum(replication.DefaultQuorumConfig(), copies)
		seen := map[uint64]bool{}
		for range 3 {
			s.Go("client", func(p *sim.Process) {
				resp, _ := q.Write(p, patterns.Request{Key: 7})
				seen[resp.Version] = true
			})
		}
		s.RunUntilIdle()
		if len(seen) != 3 || seen[0] {
			t.Errorf("versions %v, want three that are not zero", seen)
		}
	})
}

func TestLedgerKeepsTheNewest(t *testing.T) {
	l := replication.NewLedger()
	l.Wrote(7, 5)
	l.Wrote(7, 3) // answered later, begun earlier
	if got := l.Newest(7); got != 5 {
		t.Errorf("version %d, want 5", got)
	}
}

func TestLostDisks(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		copies, rs := remotes(3)
		q := replication.NewQuorum(replication.QuorumConfig{N: 3, R: 1, W: 1}, copies)
		ledger := replication.NewLedger()
		rs[1].write, rs[2].write = constant(time.Hour), constant(time.Hour)
		newest := func(key uint64) uint64 {
			return replication.Newest([]*replication.Data{rs[0].data, rs[1].data, rs[2].data}, key)
		}
		s.Go("client", func(p *sim.Process) {
			ledger.Writes(q.Write)(p, patterns.Request{Key: 7})
			ledger.Writes(q.Write)(p, patterns.Request{Key: 8})
			if n := ledger.Lost(newest); n != 0 {
				t.Errorf("%d lost while all copies are there", n)
			}
			rs[0].data.Lose()
			if n := ledger.Lost(newest); n != 2 {
				t.Errorf("%d lost with the only copy that had them, want 2", n)
			}
			p.Sleep(2 * time.Hour)
			if n := ledger.Lost(newest); n != 0 {
				t.Errorf("%d lost though the other copies got them in the end", n)
			}
		})
		s.RunUntilIdle()
	})
}

func ExampleQuorum() {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		copies, rs := remotes(3) // they answer after 1, 2 and 3 ms
		q := replication.NewQuorum(replication.DefaultQuorumConfig(), copies)
		s.Go("client", func(p *sim.Process) {
			_, err := q.Write(p, patterns.Request{Key: 7})
			fmt.Println(p.Now(), "written:", err)
			rs[0].down = true
			resp, err := q.Read(p, patterns.Request{Key: 7})
			fmt.Println(p.Now(), "read version", resp.Version, err)
			rs[1].down = true
			_, err = q.Read(p, patterns.Request{Key: 7})
			fmt.Println(p.Now(), err)
		})
		s.RunUntilIdle()
	})
	// Output:
	// 2ms written: <nil>
	// 5ms read version 1 <nil>
	// 5ms quorum read: unavailable (may have happened)
}

package replication_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/replication"
	"github.com/nines-sim/nines/sim"
)

var (
	_ patterns.Call = (*replication.Quorum)(nil).Write
	_ patterns.Call = (*replication.Quorum)(nil).Read
)

func run(t testing.TB, seed uint64, f func(s *sim.Simulation)) {
	t.Helper()
	if _, err := sim.Run(sim.Config{Seed: sim.Seed(seed)}, f); err != nil {
		t.Fatal(err)
	}
}

// machines are where the copies of a store live: a group each, and a network between them that is
// as fast in all directions and can be cut.
type machines struct {
	s      *sim.Simulation
	store  *replication.Store
	groups []*sim.Group
	lag    time.Duration // one way
	cut    []bool
}

func newMachines(s *sim.Simulation, cfg replication.Config, lag time.Duration) *machines {
	m := &machines{s: s, lag: lag, cut: make([]bool, cfg.Copies)}
	m.store = replication.NewStore(s, "orders", cfg, m.carry)
	for i := range cfg.Copies {
		g := s.NewGroup(fmt.Sprint("machine ", i))
		m.groups = append(m.groups, g)
		m.store.Serve(g, i)
	}
	return m
}

// carry takes a batch there in a message that the death of its sender does not stop.
func (m *machines) carry(p *sim.Process, from, to int, b replication.Batch) (err error) {
	if m.cut[from] || m.cut[to] || !m.groups[to].Alive() {
		p.Sleep(m.lag)
		return &patterns.Error{Kind: patterns.Timeout, Layer: "network", Maybe: true}
	}
	m.s.After(m.lag, func() {
		if m.groups[to].Alive() {
			err = m.store.Receive(to, b)
		}
	})
	if ended := p.Sleep(2 * m.lag); ended != nil {
		return ended
	}
	return err
}

func (m *machines) crash(i int) {
	m.groups[i].Kill()
	m.store.Stop(i)
	m.store.Down(i)
}

func (m *machines) restart(i int) {
	m.groups[i].Start()
	m.store.Serve(m.groups[i], i)
	m.store.Up(i)
}

// clients write 100 times a second, each key once, to whichever copy where says, for a while.
func (m *machines) clients(name string, lasts time.Duration, where func() int) (ok *int) {
	ok = new(int)
	for n := range int(lasts / (10 * time.Millisecond)) {
		m.s.After(time.Duration(n)*10*time.Millisecond, func() {
			i := where()
			m.groups[i].Background(name, func(p *sim.Process) {
				patience := p.WithTimeout(5 * time.Second)
				defer patience.Close()
				if _, err := m.store.Write(i)(p, patterns.Request{Key: uint64(n)}); err == nil {
					*ok++
				}
			})
		})
	}
	return ok
}

func at(d time.Duration) sim.Time { return sim.Time(d) }

// The tail that was acknowledged and not shipped is lost with an asynchronous primary: on average
// rate times lag, here 100/s times 0.2 s. With a majority nothing is.
func TestFailoverLosesRateTimesLag(t *testing.T) {
	for _, ack := range []int{1, 2, 3} {
		const crashes = 10
		lost := 0
		for n := range crashes { // evenly over the 0.4 s from one shipment to the next
			run(t, 1, func(s *sim.Simulation) {
				cfg := replication.DefaultConfig()
				cfg.Ack = ack
				m := newMachines(s, cfg, 200*time.Millisecond)
				m.clients("client", 10*time.Second, func() int { i, _ := m.store.Primary(); return i })
				s.At(at(5*time.Second+time.Duration(n)*40*time.Millisecond+1), func() { m.crash(0) })
				s.RunUntil(at(time.Minute))
				lost += m.store.Lost()
			})
		}
		if mean := float64(lost) / crashes; ack == 1 && (mean < 18 || mean > 22) || ack > 1 && lost != 0 {
			t.Errorf("ack %d: lost %v on average, want 20 if asynchronous, else none", ack, mean)
		}
	}
}

// With the failover after 30 s, writes are refused for 30 s; by hand, until somebody comes.
func TestRecoveryTime(t *testing.T) {
	for _, failover := range []time.Duration{30 * time.Second, 0} {
		run(t, 1, func(s *sim.Simulation) {
			cfg := replication.DefaultConfig()
			cfg.Failover = failover
			m := newMachines(s, cfg, time.Millisecond)
			s.At(at(10*time.Second), func() { m.crash(0) })
			s.At(at(10*time.Minute), func() {
				if failover == 0 {
					m.store.Promote()
				}
			})
			served := sim.Never
			var try func()
			try = func() {
				i, leads := m.store.Primary()
				if leads && s.Now() > at(10*time.Second) {
					m.groups[i].Background("client", func(p *sim.Process) {
						if _, err := m.store.Write(i)(p, patterns.Request{Key: 1}); err == nil {
							served = min(served, s.Now())
						}
					})
				}
				s.After(time.Second, try)
			}
			try()
			s.RunUntil(at(15 * time.Minute))
			want := at(40 * time.Second)
			if failover == 0 {
				want = at(10 * time.Minute)
			}
			f := m.store.Failovers()
			if len(f) != 1 || f[0].Promoted != want || f[0].Served != served || served.Sub(want) > 2*time.Second {
				t.Errorf("failover after %v: %+v, served %v", failover, f, served)
			}
		})
	}
}

// A primary that is cut off with a client goes on without fencing, and all that it acknowledged is
// lost when the cut heals. Fenced, or with a majority, it takes nothing.
func TestSplitBrain(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ack     int
		fencing bool
		split   bool
	}{
		{"asynchronous, not fenced", 1, false, true},
		{"asynchronous, fenced", 1, true, false},
		{"majority, not fenced", 2, false, false},
		{"majority, fenced", 2, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, 1, func(s *sim.Simulation) {
				cfg := replication.DefaultConfig()
				cfg.Ack, cfg.Fencing, cfg.Failover = tt.ack, tt.fencing, 5*time.Second
				m := newMachines(s, cfg, time.Millisecond)
				s.At(at(10*time.Second), func() { m.cut[0] = true; m.store.Down(0) })
				s.At(at(40*time.Second), func() { m.cut[0] = false; m.store.Up(0) })
				var stayed *int
				s.At(at(20*time.Second), func() { stayed = m.clients("cut-off client", time.Second, func() int { return 0 }) })
				other := m.clients("client", time.Minute, func() int { i, _ := m.store.Primary(); return i })
				s.RunUntil(at(2 * time.Minute))
				if *other < 5000 {
					t.Errorf("only %d writes on the other side", *other)
				}
				want := 0
				if tt.split {
					want = 100
				}
				if *stayed != want {
					t.Errorf("the cut-off primary took %d writes, want %d", *stayed, want)
				}
				if tt.split && m.store.Lost() < want || !tt.split && tt.ack > 1 && m.store.Lost() != 0 {
					t.Errorf("%d lost", m.store.Lost())
				}
				if dual := m.store.DualPrimary(s.Now()); (dual > 0) == tt.fencing {
					t.Errorf("two primaries for %v", dual)
				}
				for i := range cfg.Copies {
					if m.store.At(i) != m.store.At(1) {
						t.Errorf("copy %d ends at %v, its primary at %v", i, m.store.At(i), m.store.At(1))
					}
				}
			})
		})
	}
}

// Semi-synchronous: cut off for less than the patience, nothing is lost; for longer, the primary
// goes on alone, and its death then loses what it took alone.
func TestSemiSynchronousDegrades(t *testing.T) {
	for _, tt := range []struct {
		cut  time.Duration
		lost bool
	}{{9 * time.Second, false}, {15 * time.Second, true}} {
		run(t, 1, func(s *sim.Simulation) {
			cfg := replication.DefaultConfig()
			cfg.Copies, cfg.Degrade, cfg.Unclean, cfg.Failover = 2, 10*time.Second, true, time.Second
			m := newMachines(s, cfg, time.Millisecond)
			s.At(at(10*time.Second), func() { m.cut[1] = true })
			s.At(at(10*time.Second).Add(tt.cut), func() { m.crash(0); m.cut[1] = false })
			var acked int
			for n := range 30 {
				s.After(time.Duration(n)*time.Second+time.Millisecond, func() {
					m.groups[0].Background("client", func(p *sim.Process) {
						if _, err := m.store.Write(0)(p, patterns.Request{Key: uint64(n)}); err == nil {
							acked++
						}
					})
				})
			}
			s.RunUntil(at(time.Minute))
			// Cut at 10 s; the write of 10 s gives up waiting at 20 s, and all that wait go with it.
			if got := m.store.Lost(); (got > 0) != tt.lost || tt.lost && acked < 20 {
				t.Errorf("cut for %v: %d acknowledged, %d lost", tt.cut, acked, got)
			}
		})
	}
}

// It is semi-synchronous again as soon as the backup has caught up.
func TestSemiSynchronousRecovers(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		cfg := replication.DefaultConfig()
		cfg.Copies, cfg.Degrade = 2, 10*time.Second
		m := newMachines(s, cfg, time.Millisecond)
		var took []time.Duration
		for _, start := range []time.Duration{15 * time.Second, 30 * time.Second, 45 * time.Second} {
			s.At(at(start), func() {
				m.groups[0].Background("client", func(p *sim.Process) {
					m.store.Write(0)(p, patterns.Request{Key: 1})
					took = append(took, p.Now().Sub(at(start)).Round(time.Second))
				})
			})
		}
		s.At(at(10*time.Second), func() { m.cut[1] = true })
		s.At(at(28*time.Second), func() { m.cut[1] = false })
		s.At(at(40*time.Second), func() { m.cut[1] = true })
		s.RunUntil(at(time.Minute))
		if got := fmt.Sprint(took); got != "[10s 0s 10s]" {
			t.Errorf("writes took %s, want [10s 0s 10s]", got)
		}
	})
}

// While the only holder of a write may be among those that are missing, time alone promotes
// nobody; the next copy that comes back settles it.
func TestFailoverWaitsForTheMissing(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		m := newMachines(s, replication.DefaultConfig(), time.Millisecond)
		m.clients("client", time.Second, func() int { return 0 })
		s.At(at(10*time.Second), func() { m.crash(0) })
		s.At(at(11*time.Second), func() { m.crash(1) })
		s.At(at(5*time.Minute), func() { m.crash(2) })
		s.At(at(6*time.Minute), func() { m.restart(2) })
		s.At(at(7*time.Minute), func() { m.restart(1) })
		s.RunUntil(at(7*time.Minute - 1))
		if i, leads := m.store.Primary(); leads {
			t.Errorf("copy %d leads", i)
		}
		s.RunUntil(at(7 * time.Minute))
		if _, leads := m.store.Primary(); !leads || m.store.Lost() != 0 {
			t.Errorf("leads %v, %d lost", leads, m.store.Lost())
		}
	})
}

func TestABackupCatchesUpWithoutNewWrites(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		m := newMachines(s, replication.DefaultConfig(), time.Millisecond)
		m.clients("client", time.Second, func() int { return 0 })
		s.At(at(100*time.Millisecond), func() { m.crash(2) })
		s.At(at(10*time.Second), func() { m.restart(2) })
		s.At(at(20*time.Second), func() { m.groups[1].Kill(); m.store.Lose(1); m.store.Down(1) })
		s.At(at(30*time.Second), func() { m.restart(1) })
		s.RunUntil(at(19 * time.Second))
		if m.store.At(2) != m.store.At(0) {
			t.Errorf("the restarted backup is at %v, the primary at %v", m.store.At(2), m.store.At(0))
		}
		s.RunUntil(at(40 * time.Second))
		if m.store.At(1) != m.store.At(0) {
			t.Errorf("the emptied backup is at %v, the primary at %v", m.store.At(1), m.store.At(0))
		}
	})
}

func TestAWriteThatCannotBeReplicatedIsUnknown(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		cfg := replication.DefaultConfig()
		cfg.Failover = 3 * time.Second
		m := newMachines(s, cfg, time.Millisecond)
		write := func(name string, patience time.Duration, judge func(limit sim.Scope, err error)) {
			m.groups[0].Background(name, func(p *sim.Process) {
				limit := p.WithTimeout(patience)
				defer limit.Close()
				_, err := m.store.Write(0)(p, patterns.Request{Key: 1})
				judge(limit, err)
			})
		}
		judged := 0
		s.At(at(time.Second), func() {
			m.cut[0] = true
			m.store.Down(0)
			write("patient", time.Minute, func(_ sim.Scope, err error) { // until the failover
				judged++
				var e *patterns.Error
				if !errors.As(err, &e) || e.Kind != patterns.Conflict || !e.Maybe || s.Now() != at(4*time.Second) {
					t.Errorf("at %v: %v", s.Now(), err)
				}
			})
			write("impatient", time.Second, func(limit sim.Scope, err error) {
				judged++
				if !limit.Ended(err) {
					t.Errorf("impatient: %v", err)
				}
			})
		})
		s.RunUntil(at(time.Minute))
		if judged != 2 {
			t.Errorf("%d of 2 writes came to an end", judged)
		}
	})
}

// Reads of a backup are stale for as long as shipping takes; reads of the primary are not.
func TestReadsOfABackupAreStale(t *testing.T) {
	run(t, 1, func(s *sim.Simulation) {
		cfg := replication.DefaultConfig()
		cfg.Ack = 1
		m := newMachines(s, cfg, 100*time.Millisecond)
		primary, backup := replication.NewLedger(), replication.NewLedger()
		s.Go("client", func(p *sim.Process) {
			write := primary.Writes(backup.Writes(m.store.Write(0)))
			fresh, old := primary.Reads(m.store.Read(0)), backup.Reads(m.store.Read(1))
			for range 50 {
				write(p, patterns.Request{Key: 7})
				fresh(p, patterns.Request{Key: 7})
				old(p, patterns.Request{Key: 7}) // too early
				p.Sleep(time.Second)
				old(p, patterns.Request{Key: 7}) // by now it has arrived
			}
		})
		s.RunUntil(at(time.Minute))
		if stale, reads := primary.Stale(); stale != 0 || reads != 50 {
			t.Errorf("primary: %d of %d stale", stale, reads)
		}
		if stale, reads := backup.Stale(); stale != 50 || reads != 100 {
			t.Errorf("backup: %d of %d stale, want 50 of 100", stale, reads)
		}
	})
}

func ExampleStore() {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		s.OnNote(func(n sim.Note) { fmt.Println(n.At, n.Detail) })
		m := newMachines(s, replication.DefaultConfig(), time.Millisecond) // 3 copies, majority, 30 s
		s.At(at(time.Second), func() {
			m.groups[0].Background("client", func(p *sim.Process) {
				resp, err := m.store.Write(0)(p, patterns.Request{Key: 7})
				fmt.Println(p.Now(), "written at", resp.From, err)
			})
		})
		s.At(at(10*time.Second), func() { m.crash(0) })
		s.RunUntil(at(time.Minute))
		fmt.Println("lost:", m.store.Lost())
	})
	// Output:
	// 1.002s written at orders/0 <nil>
	// 40s copy 1 promoted
	// lost: 0
}

package replication_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/replication"
	"github.com/nines-sim/nines/sim"
)

// A group is a set and what its primaries have still to acknowledge.
type group struct {
	*replication.Set
	cfg     replication.Config
	now     sim.Time
	keys    uint64
	pending [][]write // by primary
	acked   []write
}

// A write has a key of its own.
type write struct {
	key   uint64
	entry replication.Entry
}

func newGroup(cfg replication.Config) *group {
	return &group{Set: replication.New(cfg), cfg: cfg, pending: make([][]write, cfg.Copies)}
}

func (g *group) write(i int) bool {
	g.keys++
	e, err := g.Append(g.now, i, g.keys)
	if err == nil {
		g.pending[i] = append(g.pending[i], write{g.keys, e})
	}
	return err == nil
}

// ack acknowledges what may be, and gives up what a deposed primary cannot keep.
func (g *group) ack(i int) {
	for len(g.pending[i]) > 0 {
		w := g.pending[i][0]
		held := g.Held(i, w.entry)
		if held > 0 && held < g.cfg.Ack {
			return
		}
		if held > 0 {
			g.Acked(g.now, i, w.entry)
			g.acked = append(g.acked, w)
		}
		g.pending[i] = g.pending[i][1:]
	}
}

// ship brings copy j up to date from primary i.
func (g *group) ship(i, j int) {
	for range 4 {
		b, ok := g.Batch(i, j)
		if !ok {
			return
		}
		g.Confirm(g.now, i, j, b, g.Receive(g.now, j, b))
	}
}

// Steps, one a second:
//
//	w0   copy 0 takes a write; r0 it refuses one
//	s01  copy 0 ships to copy 1 all that it has;  a0  acknowledges what it may
//	d0   copy 0 is not seen any more;  u0  is seen;  x0  stops;  l0  stops and loses everything
//	t    the failover manager's time has come;  p  somebody promotes by hand
func TestSetStories(t *testing.T) {
	async := func(c *replication.Config) { c.Ack = 1 }
	for _, tt := range []struct {
		name, steps string
		change      func(*replication.Config)
		want        string // primary, acknowledged, lost
	}{
		{name: "asynchronous: acknowledged at once", steps: "w0 w0 a0", change: async, want: "primary 0, 2 acked, 0 lost"},
		{name: "majority: not before one backup has it", steps: "w0 a0", want: "primary 0, 0 acked, 0 lost"},
		{name: "majority: then it is", steps: "w0 s01 a0", want: "primary 0, 1 acked, 0 lost"},
		{name: "all: one backup is not enough", steps: "w0 s01 a0", want: "primary 0, 0 acked, 0 lost",
			change: func(c *replication.Config) { c.Ack = 3 }},
		{name: "asynchronous: a failover loses the tail", steps: "w0 s01 w0 w0 a0 x0 d0 t w1 a1", change: async, want: "primary 1, 4 acked, 2 lost"},
		{name: "before the failover nothing is lost", steps: "w0 w0 a0 x0 d0", change: async, want: "primary 0, 2 acked, 0 lost"},
		{name: "nor if the primary comes back in time", steps: "w0 w0 a0 x0 r0 d0 u0 w0 a0", change: async, want: "primary 0, 3 acked, 0 lost"},
		{name: "unless its disk is gone", steps: "w0 s01 w0 a0 l0", change: async, want: "primary 0, 2 acked, 1 lost"},
		{name: "majority: a failover loses nothing", steps: "w0 s02 a0 w0 x0 d0 t w2 s21 a2", want: "primary 2, 2 acked, 0 lost"},
		{name: "the freshest is promoted", steps: "w0 s01 w0 s02 x0 d0 t", want: "primary 2, 0 acked, 0 lost"},
		{name: "the old primary rewinds and follows", steps: "w0 s01 w0 x0 d0 t u0 r0 w1 s10 a1", want: "primary 1, 1 acked, 0 lost"},
		{name: "a fenced primary takes nothing", steps: "w0 s01 a0 d0 t r0 w1 s12 a1", want: "primary 1, 2 acked, 0 lost"},
		{name: "split brain: an unfenced one does, in vain", steps: "w0 s01 a0 d0 t w0 w0 a0 w1 a1 u0", want: "primary 1, 4 acked, 2 lost",
			change: func(c *replication.Config) { c.Ack, c.Fencing = 1, false }},
		{name: "a majority guards against it", steps: "w0 s01 a0 d0 t w0 s02 a0 w1 s12 a1", want: "primary 1, 2 acked, 0 lost",
			change: func(c *replication.Config) { c.Fencing = false }},
		{name: "an unfenced primary that hears of its successor gives in", steps: "d0 t w0 s10 r0", want: "primary 1, 0 acked, 0 lost",
			change: func(c *replication.Config) { c.Fencing = false }},
		{name: "no promotion while the only holder may be missing", steps: "w0 s01 a0 x0 d0 x1 d1 t", want: "primary 0, 1 acked, 0 lost"},
		{name: "it follows as soon as enough are seen", steps: "w0 s01 a0 x0 d0 x1 d1 t u1", want: "primary 1, 1 acked, 0 lost"},
		{name: "unclean: availability before data", steps: "w0 s01 a0 x0 d0 x1 d1 t", want: "primary 2, 1 acked, 1 lost",
			change: func(c *replication.Config) { c.Unclean = true }},
		{name: "by hand, on time alone nobody is promoted", steps: "w0 s01 x0 d0 t r1 p w1 s12 a1", want: "primary 1, 1 acked, 0 lost",
			change: func(c *replication.Config) { c.Failover = 0 }},
		{name: "a lost backup is filled again", steps: "w0 w0 s01 a0 l1 d1 u1 s01 x0 d0 t", want: "primary 1, 2 acked, 0 lost"},
		{name: "a primary that lost its disk does not lead on", steps: "w0 s01 a0 l0 d0 u0 r0 t u0", want: "primary 1, 1 acked, 0 lost"},
		{name: "an empty copy is no witness", steps: "w0 s01 a0 l0 d0 x1 d1 u0 t", want: "primary 0, 1 acked, 0 lost"},
		{name: "a backup that may have lost it does not count", steps: "w0 s01 l1 d1 u1 a0", want: "primary 0, 0 acked, 0 lost"},
		{name: "what a fenced primary had not acknowledged, it does not", steps: "w0 d0 t a0", change: async, want: "primary 1, 0 acked, 0 lost"},
		{name: "nor when it leads again without it", steps: "w0 x0 d0 t u0 d1 t a0", change: async, want: "primary 0, 0 acked, 0 lost"},
		{name: "an unfenced primary minds no refusal", steps: "w0 s01 a0 d0 t w0 s02 w0 a0", want: "primary 1, 3 acked, 2 lost",
			change: func(c *replication.Config) { c.Ack, c.Fencing = 1, false }},
		{name: "one copy: what it loses is gone", steps: "w0 a0 l0 d0 u0 w0 a0", want: "primary 0, 2 acked, 1 lost",
			change: func(c *replication.Config) { c.Copies, c.Ack = 1, 1 }},
		{name: "one copy: a restart costs nothing", steps: "w0 a0 x0 d0 r0 u0 w0 a0", want: "primary 0, 2 acked, 0 lost",
			change: func(c *replication.Config) { c.Copies, c.Ack = 1, 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := replication.DefaultConfig()
			if tt.change != nil {
				tt.change(&cfg)
			}
			g := newGroup(cfg)
			for _, step := range strings.Fields(tt.steps) {
				g.now = g.now.Add(time.Second)
				i, j := 0, 0
				fmt.Sscanf(step[1:], "%1d%1d", &i, &j)
				switch step[0] {
				case 'w', 'r':
					if took := g.write(i); took != (step[0] == 'w') {
						t.Fatalf("%s: took the write: %v", step, took)
					}
				case 's':
					g.ship(i, j)
				case 'a':
					g.ack(i)
				case 'd':
					g.Down(g.now, i)
				case 'u':
					g.Up(g.now, i)
				case 'x':
					g.Stop(g.now, i)
				case 'l':
					g.Lose(g.now, i)
				case 't':
					if due := g.Due(); due < sim.Never {
						g.now = due
					}
					g.Tick(g.now)
				case 'p':
					g.Promote(g.now)
				}
			}
			primary, _ := g.Primary()
			if got := fmt.Sprintf("primary %d, %d acked, %d lost", primary, len(g.acked), g.Lost()); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestFailoverIsRecorded(t *testing.T) {
	cfg := replication.DefaultConfig()
	cfg.Ack = 1
	g := newGroup(cfg)
	g.now = sim.Time(time.Minute)
	g.Down(g.now, 0)
	g.write(0) // it is only cut off
	g.ack(0)
	if due := g.Due(); due != sim.Time(90*time.Second) {
		t.Fatalf("due at %v", due)
	}
	g.Tick(g.Due() - 1)
	if primary, _ := g.Primary(); primary != 0 || g.Failovers()[0].Served != 0 {
		t.Fatalf("primary %d, %+v before the failover", primary, g.Failovers())
	}
	g.Tick(g.Due())
	g.now = sim.Time(100 * time.Second)
	g.write(1)
	g.ack(1)
	want := replication.Failover{From: 0, To: 1, Lost: 1, Down: sim.Time(time.Minute),
		Promoted: sim.Time(90 * time.Second), Served: sim.Time(100 * time.Second)}
	if got := g.Failovers(); len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A primary that leads anew knows nothing of its backups: it asks, at no cost, and tells them.
func TestANewPrimaryAsksFirst(t *testing.T) {
	news := func(g *group, i, j int) {
		t.Helper()
		b, ok := g.Batch(i, j)
		if want := g.At(i); !ok || b.Entries() != 0 || b.Epoch != want.Epoch || b.Last != want.Index {
			t.Errorf("primary %d at %v ships %+v %v, want mere news", i, want, b, ok)
		}
	}
	g := newGroup(replication.DefaultConfig())
	for range 3 {
		g.write(0)
	}
	g.ship(0, 1)
	g.ship(0, 2)
	g.Stop(g.now, 0)
	g.Up(g.now, 0)
	news(g, 0, 1)
	g.ship(0, 1)
	g.ship(0, 2)
	g.Down(g.now, 0)
	g.Promote(g.now)
	news(g, 1, 2)
	g.Up(g.now, 0)
	g.Down(g.now, 1)
	g.Promote(g.now)
	news(g, 0, 2)
}

// An answer to what was shipped in an earlier reign says nothing of what is held now.
func TestALateAnswerOfAnEarlierReign(t *testing.T) {
	g := newGroup(replication.DefaultConfig())
	g.write(0)
	b := replication.Batch{Epoch: 0, After: 0, Last: 1}
	g.Down(g.now, 0)
	g.Promote(g.now) // copy 1, empty
	g.Up(g.now, 0)   // rewinds
	g.Down(g.now, 1)
	g.Promote(g.now) // copy 0 again
	e, err := g.Append(g.now, 0, 7)
	if err != nil {
		t.Fatal(err)
	}
	g.Confirm(g.now, 0, 2, b, nil)
	if held := g.Held(0, e); held != 1 {
		t.Errorf("%d copies hold it, want 1", held)
	}
}

func TestADeposedPrimaryRewindsBeforeItServes(t *testing.T) {
	g := newGroup(replication.DefaultConfig())
	e, _ := g.Append(g.now, 0, 7)
	g.Stop(g.now, 0)
	g.Down(g.now, 0)
	if got := g.Read(0, 7); got != e.Version {
		t.Errorf("the stopped primary holds version %d, want %d", got, e.Version)
	}
	g.Promote(g.now)
	g.Up(g.now, 0)
	if got := g.Read(0, 7); got != 0 {
		t.Errorf("version %d is read that nobody was promised", got)
	}
}

func TestDualPrimaryTime(t *testing.T) {
	cfg := replication.DefaultConfig()
	cfg.Fencing = false
	s := replication.New(cfg)
	s.Down(0, 0)
	s.Tick(s.Due()) // at 30 s
	if got := s.DualPrimary(sim.Time(40 * time.Second)); got != 10*time.Second {
		t.Errorf("%v at 40 s", got)
	}
	s.Up(sim.Time(50*time.Second), 0)
	if got := s.DualPrimary(sim.Time(time.Hour)); got != 20*time.Second {
		t.Errorf("%v in the end, want 20 s", got)
	}
}

// Batches that arrive twice, late, or from a primary that is no more do no harm: with a majority
// for every write and disks that hold, nothing acknowledged is ever lost, every copy holds a
// beginning of its primary's history, and reads of a copy never go back to before what it held of
// the surviving history.
func TestMajorityNeverLosesAWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := replication.DefaultConfig()
		cfg.Copies = rapid.IntRange(1, 5).Draw(t, "copies")
		cfg.Ack = replication.Majority(cfg.Copies)
		cfg.Fencing = rapid.Bool().Draw(t, "fencing")
		g := newGroup(cfg)
		type flying struct {
			from, to int
			batch    replication.Batch
		}
		var wire []flying
		copyOf := func(name string) int { return rapid.IntRange(0, cfg.Copies-1).Draw(t, name) }
		t.Repeat(map[string]func(*rapid.T){
			"wait":  func(t *rapid.T) { g.now = g.now.Add(10 * time.Second); g.Tick(g.now) },
			"write": func(t *rapid.T) { g.write(copyOf("at")) },
			"ack":   func(t *rapid.T) { g.ack(copyOf("at")) },
			"send": func(t *rapid.T) {
				i, j := copyOf("from"), copyOf("to")
				if b, ok := g.Batch(i, j); ok {
					wire = append(wire, flying{i, j, b})
				}
			},
			"ship": func(t *rapid.T) { g.ship(copyOf("from"), copyOf("to")) },
			"deliver": func(t *rapid.T) {
				if len(wire) > 0 {
					n := rapid.IntRange(0, len(wire)-1).Draw(t, "which") // it may be delivered again
					f := wire[n]
					err := g.Receive(g.now, f.to, f.batch)
					if rapid.Bool().Draw(t, "answered") {
						g.Confirm(g.now, f.from, f.to, f.batch, err)
					}
				}
			},
			"down": func(t *rapid.T) { g.Down(g.now, copyOf("copy")) },
			"up":   func(t *rapid.T) { g.Up(g.now, copyOf("copy")) },
			"stop": func(t *rapid.T) { i := copyOf("copy"); g.Stop(g.now, i); g.Down(g.now, i); g.pending[i] = nil },
			"": func(t *rapid.T) {
				if n := g.Lost(); n != 0 {
					t.Fatalf("%d acknowledged writes are lost", n)
				}
				leaders := 0
				for i := range cfg.Copies {
					if g.Leads(i) {
						leaders++
					}
				}
				if cfg.Fencing && leaders > 1 {
					t.Fatalf("%d primaries in spite of fencing", leaders)
				}
				acting, _ := g.Primary()
				for i := range cfg.Copies {
					if g.At(i).Epoch == g.At(acting).Epoch && g.At(i).Index > g.At(acting).Index {
						t.Fatalf("copy %d is at %v, ahead of its primary at %v", i, g.At(i), g.At(acting))
					}
				}
			},
		})
		// In the end all are seen and shipped to, and agree.
		for i := range cfg.Copies {
			g.Up(g.now, i)
		}
		g.now = g.now.Add(time.Hour)
		g.Tick(g.now)
		acting, leads := g.Primary()
		if !leads {
			t.Fatalf("copy %d does not lead though all are seen", acting)
		}
		for j := range cfg.Copies {
			g.ship(acting, j)
			if g.At(j) != g.At(acting) {
				t.Fatalf("copy %d is at %v, its primary at %v", j, g.At(j), g.At(acting))
			}
		}
		for _, w := range g.acked {
			if got := g.Read(acting, w.key); got != w.entry.Version {
				t.Fatalf("key %d has version %d, acknowledged was %d", w.key, got, w.entry.Version)
			}
		}
	})
}

func TestReadsSeeWhatACopyHolds(t *testing.T) {
	cfg := replication.DefaultConfig()
	cfg.Ack = 1
	s := replication.New(cfg)
	const key = 7
	first, _ := s.Append(0, 0, key)
	b, _ := s.Batch(0, 1)
	s.Confirm(0, 0, 1, b, s.Receive(0, 1, b))
	b, _ = s.Batch(0, 1)
	s.Confirm(0, 0, 1, b, s.Receive(0, 1, b))
	second, _ := s.Append(0, 0, key)
	s.Append(0, 0, key+1)
	if got := s.Read(0, key); got != second.Version {
		t.Errorf("the primary has version %d, want %d", got, second.Version)
	}
	if got := s.Read(1, key); got != first.Version {
		t.Errorf("the backup has version %d, want %d", got, first.Version)
	}
	if got := s.Read(2, key); got != 0 {
		t.Errorf("the empty backup has version %d", got)
	}
}

func TestABatchThatWasLongOnItsWay(t *testing.T) {
	g := newGroup(replication.DefaultConfig())
	for range 3 {
		g.write(0)
	}
	g.ship(0, 1)
	if err := g.Receive(g.now, 1, replication.Batch{After: 0, Last: 2}); err != nil {
		t.Error(err)
	}
	if at := g.At(1); at.Index != 3 {
		t.Errorf("it took the copy back to %v", at)
	}
}

func TestRefusalsAreConflicts(t *testing.T) {
	s := replication.New(replication.DefaultConfig())
	_, err := s.Append(0, 1, 1)
	var e *patterns.Error
	if !errors.As(err, &e) || e.Kind != patterns.Conflict || !errors.Is(err, replication.ErrNotPrimary) || e.Maybe {
		t.Errorf("a backup took a write: %v", err)
	}
	if err := s.Receive(0, 1, replication.Batch{After: 1, Last: 2}); !errors.Is(err, replication.ErrGap) {
		t.Errorf("a gap: %v", err)
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	err := replication.Config{Degrade: -1, Failover: -1, Ack: -1}.Validate()
	for _, field := range []string{"copies", "ack", "degrade", "failover", "retry"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %q", err, field)
		}
	}
	err = replication.QuorumConfig{N: 3, R: 4, W: 0, Repair: 9}.Validate()
	for _, field := range []string{"r is 4", "w is 0", "repair"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %q", err, field)
		}
	}
	for _, err := range []error{replication.DefaultConfig().Validate(), replication.DefaultQuorumConfig().Validate()} {
		if err != nil {
			t.Error(err)
		}
	}
}

func ExampleSet() {
	cfg := replication.DefaultConfig()
	cfg.Ack = 1 // asynchronous
	s := replication.New(cfg)
	for range 3 {
		e, _ := s.Append(0, 0, 1)
		s.Acked(0, 0, e)
	}
	s.Stop(0, 0) // nothing was shipped yet
	s.Down(0, 0)
	fmt.Println("lost while the primary is down:", s.Lost())
	s.Tick(s.Due())
	primary, _ := s.Primary()
	fmt.Println("lost when copy", primary, "is promoted:", s.Lost())
	// Output:
	// lost while the primary is down: 0
	// lost when copy 1 is promoted: 3
}

package sim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/sim"
)

func busy(s *sim.Simulation) {
	rng := s.Stream("work")
	r := sim.NewResource(s, "cpu", 2, sim.FIFO)
	g := s.NewGroup("node")
	var arrive func()
	arrive = func() {
		g.Spawn("job", func(p *sim.Process, _ any) {
			sc := p.WithTimeout(30 * time.Millisecond)
			defer sc.Close()
			if r.Acquire(p, 1, 0) != nil {
				return
			}
			defer r.Release(1)
			p.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		}, nil)
		s.After(time.Duration(rng.IntN(10))*time.Millisecond, arrive)
	}
	arrive()
	for i := range 5 {
		at := time.Duration(i) * time.Second
		s.After(at+500*time.Millisecond, g.Kill)
		s.After(at+600*time.Millisecond, g.Start)
		s.After(at+700*time.Millisecond, g.Pause)
		s.After(at+800*time.Millisecond, g.Resume)
	}
	s.RunUntil(sim.Time(5 * time.Second))
}

func TestSameSeedSameDigest(t *testing.T) {
	w := sim.NewWorker()
	defer w.Close()
	first, err := w.Run(sim.Config{Seed: 1}, busy)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := w.Run(sim.Config{Seed: 1}, busy)
	fresh, _ := sim.Run(sim.Config{Seed: 1}, busy)
	other, _ := w.Run(sim.Config{Seed: 2}, busy)
	if diff := cmp.Diff(first, again) + cmp.Diff(first, fresh); diff != "" {
		t.Errorf("two runs of one seed differ: %s", diff)
	}
	if first.Digest == other.Digest {
		t.Error("two seeds have the same digest")
	}
}

// chain lets processes fork, race and join under clocks that run apart.
func chain(s *sim.Simulation) {
	rng := s.Stream("work")
	fast, slow := s.NewGroup("fast"), s.NewGroup("slow")
	fast.SetClock(0, 300_000_000)
	slow.SetClock(-time.Second, -200_000_000)
	box := sim.NewMailbox[int](s, "box", 3)
	for _, g := range []*sim.Group{fast, slow} {
		g.Background("racer", func(p *sim.Process) {
			for {
				a := p.Fork("a", func(c *sim.Process) { c.Sleep(time.Duration(rng.IntN(1000)) * time.Microsecond) })
				b := p.Fork("b", func(c *sim.Process) { c.Sleep(time.Duration(rng.IntN(1000)) * time.Microsecond) })
				i, _ := p.JoinAny(a, b)
				a.Kill()
				b.Kill()
				box.Put(p, i)
				s.Note("race", g.Name(), "won", int64(i))
			}
		})
	}
	s.Background("reader", func(p *sim.Process) {
		for {
			box.Take(p)
			p.Sleep(300 * time.Microsecond)
		}
	})
	s.After(500*time.Millisecond, func() { slow.SetClock(time.Hour, 0) })
	s.RunUntil(sim.Time(time.Second))
}

// queueing is an M/M/1-like queue with a deadline, by callbacks and by keyed draws.
func queueing(s *sim.Simulation) {
	gaps, work := s.Stream("arrivals"), s.Keyed("work")
	cpu := sim.NewResource(s, "cpu", 1, sim.FIFO)
	served, late := 0, 0
	g := s.NewGroup("server")
	serve := func(p *sim.Process, arg any) {
		sc := p.WithTimeout(5 * time.Millisecond)
		defer sc.Close()
		if cpu.Acquire(p, 1, 0) != nil {
			late++
			return
		}
		defer cpu.Release(1)
		luck := work.At(uint64(arg.(int)))
		p.Sleep(time.Duration(luck.IntN(2_000_000)))
		served++
	}
	n := 0
	var arrive func()
	arrive = func() {
		n++
		g.Spawn("request", serve, n)
		s.After(time.Duration(gaps.IntN(2_200_000)), arrive)
	}
	arrive()
	s.RunUntil(sim.Time(2 * time.Second))
	s.Note("end", "queue", "", int64(served), int64(late))
}

// Golden: equal on every processor. A change here is a change of every run that somebody has
// reported by its seed, and belongs into the CHANGELOG.
func TestGoldenDigests(t *testing.T) {
	for _, c := range []struct {
		name  string
		model func(s *sim.Simulation)
		want  map[sim.Seed]uint64
	}{
		{"busy", busy, map[sim.Seed]uint64{1: 0x4467a673fe055e54, 2: 0x97449bb1c9da4d5d}},
		{"chain", chain, map[sim.Seed]uint64{1: 0x3211f5cabc47ee91, 2: 0x686bd6eb51b54656}},
		{"queueing", queueing, map[sim.Seed]uint64{1: 0xe071f28407ee4658, 2: 0x994bec161a093808}},
	} {
		for _, seed := range []sim.Seed{1, 2} {
			result, err := sim.Run(sim.Config{Seed: seed}, c.model)
			if err != nil {
				t.Error(err)
			}
			if result.Digest != c.want[seed] {
				t.Errorf("%s, seed %d: digest %#x after %d events, want %#x", c.name, seed, result.Digest, result.Events, c.want[seed])
			}
		}
	}
}

func TestTheDigestHoldsWhatTheModelNotes(t *testing.T) {
	digest := func(note func(s *sim.Simulation)) uint64 {
		result, _ := sim.Run(sim.Config{}, func(s *sim.Simulation) {
			s.After(time.Second, func() { note(s) })
			s.RunUntilIdle()
		})
		return result.Digest
	}
	seen := map[uint64]string{}
	for name, note := range map[string]func(s *sim.Simulation){
		"nothing":         func(s *sim.Simulation) {},
		"a note":          func(s *sim.Simulation) { s.Note("fault", "db", "crash") },
		"another kind":    func(s *sim.Simulation) { s.Note("alert", "db", "crash") },
		"another subject": func(s *sim.Simulation) { s.Note("fault", "api", "crash") },
		"another detail":  func(s *sim.Simulation) { s.Note("fault", "db", "pause") },
		"a value":         func(s *sim.Simulation) { s.Note("fault", "db", "crash", 1) },
		"another value":   func(s *sim.Simulation) { s.Note("fault", "db", "crash", 2) },
		"two notes":       func(s *sim.Simulation) { s.Note("fault", "db", "crash"); s.Note("fault", "db", "crash") },
		"an event more":   func(s *sim.Simulation) { s.After(0, func() {}) },
		"a stopped event": func(s *sim.Simulation) { s.After(0, func() {}).Stop(); s.After(0, func() {}) },
	} {
		d := digest(note)
		if other, ok := seen[d]; ok {
			t.Errorf("%s and %s have the same digest", name, other)
		}
		seen[d] = name
	}
}

// Two runs that part leave checkpoints that say where, however long they are.
func TestCheckpointsThinOutAndShowWhereRunsPart(t *testing.T) {
	run := func(events int, parts int) sim.Result {
		result, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
			n := 0
			var tick func()
			tick = func() {
				if n++; n == parts {
					s.Note("odd", "", "")
				}
				if n < events {
					s.After(time.Microsecond, tick)
				}
			}
			s.After(0, tick)
			s.RunUntilIdle()
		})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	for _, events := range []int{100, 10_000, 200_000, 1_000_000} {
		a, b := run(events, 0), run(events, events/3)
		if len(a.Checkpoints) > 128 || len(a.Checkpoints) < min(64, events/1024) {
			t.Errorf("%d events leave %d checkpoints", events, len(a.Checkpoints))
		}
		for i, c := range a.Checkpoints {
			if i > 0 && c.Events <= a.Checkpoints[i-1].Events {
				t.Fatalf("checkpoints at %d and then at %d", a.Checkpoints[i-1].Events, c.Events)
			}
			if equal, before := c == b.Checkpoints[i], c.Events < uint64(events/3); equal != before {
				t.Errorf("of %d events, %d: checkpoints are equal: %v, but the runs part at %d", events, c.Events, equal, events/3)
			}
		}
		if a.Digest == b.Digest {
			t.Error("the digests are equal")
		}
	}
}

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
	// Golden: equal on every processor. It changes only together with CHANGELOG.
	if want := uint64(0x4467a673fe055e54); first.Digest != want {
		t.Errorf("digest %#x, want %#x", first.Digest, want)
	}
}

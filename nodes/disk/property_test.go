package disk_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/nodes/disk"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"pgregory.net/rapid"
)

// An act is one thing that happens to a disk, as data, so that it can happen twice.
type act struct {
	After time.Duration
	What  string
	Key   int
	For   time.Duration // how long a fault lasts
}

func drawAct(t *rapid.T) act {
	length := rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.IntRange(0, 30).Draw(t, "ms")) * ms })
	return act{
		After: length.Draw(t, "after"), For: length.Draw(t, "for"), Key: rapid.IntRange(0, 3).Draw(t, "key"),
		What: rapid.SampledFrom([]string{"write", "write", "write", "delete", "sync", "sync", "read", "power", "errors", "stall", "slow", "lose"}).Draw(t, "what"),
	}
}

// A witness is somebody who only knows what the disk has told him, and works out what must be on it.
type witness struct {
	history
	t *rapid.T
	d *disk.Disk[int, int]
}

func (w *witness) write(p *sim.Process, key int, deleted bool) {
	var err error
	if deleted {
		err = w.d.Delete(p, key)
	} else {
		err = w.d.Write(p, key, len(w.writes), 1)
	}
	if err == nil {
		w.writes = append(w.writes, change{key: key, size: 1, deleted: deleted})
	}
}

func (w *witness) sync(p *sim.Process) {
	before := len(w.writes)
	switch err := w.d.Sync(p); {
	case err == nil:
		w.resolve(0, before, durable)
	case errors.Is(err, disk.ErrIO):
		w.resolve(0, before, dropped)
	}
}

func (w *witness) read(p *sim.Process, key int) {
	got, ok, err := w.d.Read(p, key)
	if want, there := w.content(true)[key]; err == nil && (ok != there || got != want) {
		w.t.Errorf("%v: key %d is %d (%v), want %d (%v)", p.Now(), key, got, ok, want, there)
	}
}

// powerOff cuts the power and looks at what is left: exactly what was synced, and, if only the tail
// is lost, some of the writes that follow it.
func (w *witness) powerOff(loss disk.Loss) {
	w.d.PowerOff()
	left := map[int]int{}
	for key := range 4 {
		if at, ok := w.d.Image().Durable(key); ok {
			left[key] = at
		}
		got, _ := w.d.Image().Get(key)
		if want := left[key]; got != want {
			w.t.Errorf("after a power cut key %d is read as %d, and is %d", key, got, want)
		}
	}
	for i := range w.writes {
		diff := cmp.Diff(w.content(false), left)
		if diff == "" {
			break
		}
		if loss == disk.LoseAll {
			w.t.Errorf("a power cut leaves something else than what was synced: %s", diff)
			break
		}
		w.resolve(i, i+1, durable)
	}
	w.resolve(0, len(w.writes), dropped)
	if diff := cmp.Diff(w.content(false), left); diff != "" {
		w.t.Errorf("a power cut leaves what no part of the tail explains: %s", diff)
	}
}

// What survives a power cut is exactly what was synced, whatever else happens, and it happens the
// same way twice.
func TestWhatSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := disk.Config{
			Sync: dist.Exactly(10 * ms), Read: dist.Exactly(3 * ms), Bandwidth: int64(rapid.IntRange(0, 1000).Draw(t, "bandwidth")),
			Depth: rapid.IntRange(1, 3).Draw(t, "depth"), PowerCut: disk.Loss(rapid.IntRange(0, 1).Draw(t, "loss")),
		}
		acts := rapid.SliceOfN(rapid.Custom(drawAct), 1, 50).Draw(t, "acts")
		story := func() uint64 {
			res, err := sim.Run(sim.Config{Seed: 1, MaxSteps: 100_000}, func(s *sim.Simulation) {
				w := &witness{t: t, d: disk.New[int, int](s, "disk", cfg)}
				for i, a := range acts {
					// Nothing happens at the same instant: the witness hears of a sync one event after it.
					if s.RunUntil(s.Now().Add(a.After+time.Duration(i*i*7+13))) != nil {
						return
					}
					hold := func(i disk.Impairment) { s.After(a.For, w.d.Hold(i).Release) }
					switch a.What {
					case "write", "delete":
						s.Go("writer", func(p *sim.Process) { w.write(p, a.Key, a.What == "delete") })
					case "sync":
						s.Go("syncer", w.sync)
					case "read":
						s.Go("reader", func(p *sim.Process) { w.read(p, a.Key) })
					case "power":
						w.powerOff(cfg.PowerCut)
						s.After(a.For, w.d.PowerOn)
					case "errors":
						hold(disk.Impairment{Errors: 0.7})
					case "stall":
						hold(disk.Impairment{Stalled: true})
					case "slow":
						hold(disk.Impairment{Factor: 3})
					case "lose":
						w.d.Lose()
						for i := range w.writes {
							w.writes[i].state = dropped
						}
					}
				}
				if s.RunUntilIdle() == nil { // else somebody still waits for the disk
					w.powerOff(cfg.PowerCut)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			return res.Digest
		}
		if a, b := story(), story(); a != b {
			t.Errorf("digest %x, the second time %x", a, b)
		}
	})
}

// Reads, writes and syncs allocate nothing once the tail has had its length.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		d := disk.New[int, int](s, "disk", disk.DefaultConfig())
		for i := range 8 {
			s.Background("program", func(p *sim.Process) {
				for n := 0; ; n++ {
					d.Write(p, (n+i)%16, n, 512)
					d.Read(p, n%16)
					if d.Sync(p) != nil {
						return
					}
				}
			})
		}
		s.RunUntil(sim.Time(time.Second))
		if allocs := testing.AllocsPerRun(10, func() { s.RunUntil(s.Now().Add(100 * ms)) }); allocs > 1 { // RunUntil itself makes one
			t.Errorf("%v allocations in 100ms", allocs)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkSync is one write and its sync.
func BenchmarkSync(b *testing.B) {
	b.ReportAllocs()
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		d := disk.New[int, int](s, "disk", disk.DefaultConfig())
		s.Go("program", func(p *sim.Process) {
			for i := range b.N {
				d.Write(p, i%64, i, 512)
				if err := d.Sync(p); err != nil {
					b.Error(err)
					return
				}
			}
		})
		s.RunUntilIdle()
	})
	if err != nil {
		b.Fatal(err)
	}
}

package disk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/nodes/disk"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

const ms = time.Millisecond

// A world is a disk whose operations are written down.
type world struct {
	s   *sim.Simulation
	d   *disk.Disk[string, string]
	log []string
}

func (w *world) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%v ", time.Duration(w.s.Now()))+fmt.Sprintf(format, args...))
}

func (w *world) at(d time.Duration, f func()) { w.s.At(sim.Time(d), f) }

// do starts a process that does something at an instant.
func (w *world) do(at time.Duration, f func(p *sim.Process)) *sim.Process {
	return w.s.Go("program", func(p *sim.Process) {
		if p.SleepUntil(sim.Time(at)) == nil {
			f(p)
		}
	})
}

func (w *world) write(p *sim.Process, key, value string) {
	w.report(w.d.Write(p, key, value, len(value)), "write "+key)
}

func (w *world) sync(p *sim.Process) { w.report(w.d.Sync(p), "sync") }

func (w *world) read(p *sim.Process, key string) {
	value, ok, err := w.d.Read(p, key)
	switch {
	case err != nil:
		w.report(err, "read "+key)
	case !ok:
		w.logf("%s is not there", key)
	default:
		w.logf("%s=%s", key, value)
	}
}

// report writes down how something ended, unless it went well and took no time.
func (w *world) report(err error, what string) {
	if err != nil {
		w.logf("%s: %v", what, strings.TrimPrefix(err.Error(), "disk: "))
	} else if !strings.HasPrefix(what, "write") {
		w.logf("%s ok", what)
	}
}

// config is a disk that syncs in 10ms and reads in 5ms, one at a time.
func config() disk.Config {
	return disk.Config{Sync: dist.Exactly(10 * ms), Read: dist.Exactly(5 * ms), Depth: 1}
}

func TestStories(t *testing.T) {
	with := func(change func(cfg *disk.Config)) disk.Config {
		cfg := config()
		change(&cfg)
		return cfg
	}
	for _, story := range []struct {
		name  string
		cfg   disk.Config
		story func(w *world)
		want  string
	}{
		{
			"what was written can be read at once; what is durable comes from the device", config(),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.read(p, "a")
					w.write(p, "a", "1")
					w.read(p, "a")
					w.sync(p)
					w.read(p, "a")
					w.d.Delete(p, "a")
					w.read(p, "a")
				})
			},
			"5ms a is not there; 5ms a=1; 15ms sync ok; 20ms a=1; 20ms a is not there",
		},
		{
			"a power cut loses what was not synced, in memory and in the middle of a sync", config(),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.write(p, "a", "1")
					w.sync(p)
					w.write(p, "a", "2")
					w.sync(p)
				})
				w.do(15*ms, func(p *sim.Process) { w.write(p, "b", "1"); w.read(p, "b") })
				w.at(20*ms, w.d.PowerOff)
				w.do(25*ms, func(p *sim.Process) {
					w.write(p, "c", "1")
					w.read(p, "a")
					w.sync(p)
				})
				w.at(30*ms, w.d.PowerOn)
				w.do(30*ms, func(p *sim.Process) { w.read(p, "a"); w.read(p, "b") })
			},
			"10ms sync ok; 15ms b=1; 20ms sync: without power; 25ms write c: without power; 25ms read a: without power; 25ms sync: without power; " +
				"35ms a=1; 40ms b is not there",
		},
		{
			"a sync is for the writes before it", config(),
			func(w *world) {
				w.do(0, func(p *sim.Process) { w.write(p, "a", "1"); w.sync(p) })
				w.do(5*ms, func(p *sim.Process) { w.write(p, "a", "2"); w.write(p, "b", "1") })
				w.at(15*ms, w.d.PowerOff)
				w.at(15*ms, w.d.PowerOn)
				w.do(15*ms, func(p *sim.Process) { w.read(p, "a"); w.read(p, "b") })
			},
			"10ms sync ok; 20ms a=1; 25ms b is not there",
		},
		{
			"one operation at a time, first come, first served", config(),
			func(w *world) {
				for range 3 {
					w.do(0, w.sync)
				}
			},
			"10ms sync ok; 20ms sync ok; 30ms sync ok",
		},
		{
			"two at a time", with(func(cfg *disk.Config) { cfg.Depth = 2 }),
			func(w *world) {
				for range 3 {
					w.do(0, w.sync)
				}
			},
			"10ms sync ok; 10ms sync ok; 20ms sync ok",
		},
		{
			"bytes move at the bandwidth, one operation after the other", with(func(cfg *disk.Config) { cfg.Bandwidth = 1000; cfg.Depth = 2 }),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.write(p, "a", strings.Repeat("x", 40))
					w.write(p, "b", strings.Repeat("x", 10))
					w.sync(p) // 50ms to move
					w.s.Go("reader", func(p *sim.Process) { w.d.Read(p, "a"); w.logf("a") })
					w.s.Go("reader", func(p *sim.Process) { w.d.Read(p, "b"); w.logf("b") })
				})
			},
			"60ms sync ok; 105ms a; 115ms b",
		},
		{
			"a write takes its time, and the second sync moves only what is new", with(func(cfg *disk.Config) {
				cfg.Bandwidth, cfg.Write = 1000, dist.Exactly(ms)
			}),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.write(p, "a", strings.Repeat("x", 40))
					w.sync(p)
					w.write(p, "b", strings.Repeat("x", 10))
					w.sync(p)
				})
			},
			"51ms sync ok; 72ms sync ok",
		},
		{
			"a sync that fails drops what it was for; the next one succeeds, and says nothing about it", config(),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.write(p, "a", "1")
					w.sync(p)
					w.write(p, "a", "2")
					bad := w.d.Hold(disk.Impairment{Errors: 1})
					w.s.After(5*ms, func() { w.s.Go("other", func(p *sim.Process) { w.write(p, "b", "1") }) })
					w.sync(p)
					w.read(p, "a")
					bad.Release()
					w.sync(p)
					w.read(p, "a")
					w.read(p, "b")
					w.logf("lost %d", w.d.Image().Lost())
				})
			},
			"10ms sync ok; 20ms sync: input/output error; 25ms read a: input/output error; 35ms sync ok; 40ms a=1; 45ms b=1; 45ms lost 1",
		},
		{
			"slow: from the next operation on, and factors multiply", config(),
			func(w *world) {
				w.do(0, func(p *sim.Process) { w.sync(p); w.sync(p); w.sync(p); w.sync(p) })
				w.at(5*ms, func() {
					first := w.d.Hold(disk.Impairment{Factor: 2})
					second := w.d.Hold(disk.Impairment{Factor: 3})
					w.at(15*ms, first.Release)
					w.at(75*ms, second.Release)
				})
			},
			"10ms sync ok; 70ms sync ok; 100ms sync ok; 110ms sync ok",
		},
		{
			"a stall holds what is under way, for as long as it lasts", config(),
			func(w *world) {
				w.do(0, func(p *sim.Process) { w.sync(p); w.sync(p) })
				w.do(0, func(p *sim.Process) { w.write(p, "a", "1"); w.sync(p) }) // second in line
				w.at(4*ms, func() {
					first := w.d.Hold(disk.Impairment{Stalled: true})
					second := w.d.Hold(disk.Impairment{Stalled: true})
					w.at(50*ms, first.Release)
					w.at(60*ms, func() { w.do(60*ms, func(p *sim.Process) { w.write(p, "b", "1"); w.read(p, "b") }) })
					w.at(104*ms, second.Release)
				})
			},
			"60ms b=1; 110ms sync ok; 120ms sync ok; 130ms sync ok",
		},
		{
			"a short stall, that ends before anything falls due", config(),
			func(w *world) {
				w.do(0, w.sync)
				w.at(4*ms, func() { w.at(6*ms, w.d.Hold(disk.Impairment{Stalled: true}).Release) })
			},
			"12ms sync ok",
		},
		{
			"full: writes fail, deletes do not", config(),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.write(p, "a", "1")
					full := w.d.Hold(disk.Impairment{Full: true})
					w.write(p, "a", "2")
					w.read(p, "a")
					w.report(w.d.Delete(p, "a"), "delete")
					full.Release()
					full.Release()
					w.write(p, "a", "3")
					w.read(p, "a")
				})
			},
			"0s write a: no space left; 0s a=1; 0s delete ok; 0s a=3",
		},
		{
			"the capacity: what is replaced makes room", with(func(cfg *disk.Config) { cfg.Capacity = 10 }),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.write(p, "a", "12345")
					w.write(p, "b", "123456")
					w.write(p, "b", "12345")
					w.write(p, "a", "123456")
					w.write(p, "a", "1234")
					w.write(p, "b", "123456")
					w.logf("%d bytes", w.d.Image().Used())
				})
			},
			"0s write b: no space left; 0s write a: no space left; 0s 10 bytes",
		},
		{
			"beyond the capacity, since a write that made room was lost: only what makes room is written", with(func(cfg *disk.Config) { cfg.Capacity = 10 }),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.write(p, "a", "1234567890")
					w.sync(p)
					w.write(p, "a", "1")
					defer w.d.Hold(disk.Impairment{Errors: 1}).Release()
					w.s.After(ms, func() { w.s.Go("other", func(p *sim.Process) { w.write(p, "b", "12345") }) })
					w.sync(p)
					w.logf("%d bytes", w.d.Image().Used())
					w.write(p, "b", "123456")
					w.write(p, "b", "123")
					w.logf("%d bytes", w.d.Image().Used())
				})
			},
			"10ms sync ok; 20ms sync: input/output error; 20ms 15 bytes; 20ms write b: no space left; 20ms 13 bytes",
		},
		{
			"a program that crashes loses nothing, and its sync goes on", config(),
			func(w *world) {
				program := w.do(0, func(p *sim.Process) {
					defer w.sync(p)
					defer w.write(p, "last words", "!")
					w.write(p, "a", "1")
					w.sync(p)
				})
				w.at(5*ms, program.Kill)
				w.do(7*ms, func(p *sim.Process) { w.write(p, "b", "1"); w.read(p, "last words") })
				w.at(20*ms, func() { w.logf("%d not synced", w.d.Image().Unsynced()); w.d.PowerOff(); w.d.PowerOn() })
				w.do(20*ms, func(p *sim.Process) { w.read(p, "a"); w.read(p, "b") })
			},
			"15ms last words is not there; 20ms 1 not synced; 25ms a=1; 30ms b is not there",
		},
		{
			"a deadline ends the wait, not the sync", config(),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.write(p, "a", "1")
					limit := p.WithTimeout(5 * ms)
					w.sync(p)
					limit.Close()
					w.sync(p)
					w.logf("%d not synced", w.d.Image().Unsynced())
				})
			},
			"5ms sync: scope ended: deadline passed; 20ms sync ok; 20ms 0 not synced",
		},
		{
			"a lost disk: everything is gone, and the new one works", config(),
			func(w *world) {
				w.do(0, func(p *sim.Process) {
					w.write(p, "a", "1")
					w.sync(p)
					w.sync(p)
					w.read(p, "a")
					w.write(p, "a", "2")
					w.sync(p)
					w.read(p, "a")
				})
				w.at(15*ms, w.d.Lose)
			},
			"10ms sync ok; 15ms sync: input/output error; 20ms a is not there; 30ms sync ok; 35ms a=2",
		},
		{
			"a power cut ends what moves", with(func(cfg *disk.Config) { cfg.Bandwidth = 1 }),
			func(w *world) {
				w.do(0, func(p *sim.Process) { w.write(p, "a", "1"); w.sync(p) })
				w.at(20*ms, w.d.PowerOff)
				w.at(30*ms, w.d.PowerOn)
				w.do(40*ms, w.sync)
			},
			"20ms sync: without power; 50ms sync ok",
		},
		{
			"what else is wrong with it does not end a stall", config(),
			func(w *world) {
				w.do(0, w.sync)
				w.at(5*ms, func() {
					w.at(30*ms, w.d.Hold(disk.Impairment{Stalled: true}).Release)
					w.at(20*ms, w.d.Hold(disk.Impairment{Factor: 2}).Release)
				})
			},
			"35ms sync ok",
		},
		{
			"a power cut during a stall, and the stall goes on", config(),
			func(w *world) {
				w.do(0, w.sync)
				w.at(4*ms, func() { w.at(100*ms, w.d.Hold(disk.Impairment{Stalled: true}).Release) })
				w.at(20*ms, w.d.PowerOff)
				w.at(30*ms, w.d.PowerOn)
				w.do(40*ms, w.sync)
			},
			"20ms sync: without power; 110ms sync ok",
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			var w *world
			_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
				w = &world{s: s, d: disk.New[string, string](s, "disk", story.cfg)}
				story.story(w)
				s.RunUntilIdle()
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(w.log, "; "); got != story.want {
				t.Error(cmp.Diff(strings.ReplaceAll(story.want, "; ", "\n"), strings.Join(w.log, "\n")))
			}
		})
	}
}

// Where only the tail is lost, every number of survivors is as likely, and they are the oldest.
func TestTail(t *testing.T) {
	const runs, writes = 6000, 5
	var survivors [writes + 1]int
	worker := sim.NewWorker()
	defer worker.Close()
	for seed := range runs {
		_, err := worker.Run(sim.Config{Seed: sim.Seed(seed)}, func(s *sim.Simulation) {
			cfg := config()
			cfg.PowerCut = disk.LoseTail
			d := disk.New[int, int](s, "disk", cfg)
			s.Go("program", func(p *sim.Process) {
				for i := range writes {
					d.Write(p, i, i, 1)
				}
			})
			s.RunUntilIdle()
			d.PowerOff()
			kept := 0
			for ; kept < writes; kept++ {
				if _, ok := d.Image().Get(kept); !ok {
					break
				}
			}
			survivors[kept]++
			if lost := int(d.Image().Lost()); kept+lost != writes {
				t.Errorf("seed %d: %d survive and %d are lost, of %d", seed, kept, lost, writes)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for kept, n := range survivors { // 1000 ± 4 standard errors of 29
		if n < 884 || n > 1116 {
			t.Errorf("%d survive in %d of %d runs, want a sixth", kept, n, runs)
		}
	}
}

// A machine's power is its disk's: what a program had not synced when the power went is not there
// when it starts again. A crash of the program alone loses nothing.
func TestMachine(t *testing.T) {
	var log []string
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		net := network.New(s, network.DefaultConfig())
		m := nodes.NewMachine(s, net.AddHost("m", network.Place{Zone: "a"}), 100*ms)
		cfg := config()
		cfg.Read = nil
		d := disk.New[int, int](s, "m", cfg)
		m.Powers(d)
		r := nodes.NewService(s, nil, nodes.DefaultConfig("writer"), nil).Add(m)
		r.OnStart(func() {
			r.Group().Background("writer", func(p *sim.Process) {
				defer d.Write(p, -1, 0, 0) // the dead write nothing
				kept := 0
				for ; ; kept++ {
					if _, ok, err := d.Read(p, kept); !ok || err != nil {
						break
					}
				}
				log = append(log, fmt.Sprintf("%v: %d are there", s.Now(), kept))
				for i := kept; ; i++ {
					d.Write(p, i, i, 8)
					if i%10 == 9 {
						d.Sync(p)
					}
					if p.Sleep(ms) != nil {
						return
					}
				}
			})
		})
		r.Start()
		s.At(sim.Time(55*ms), r.Crash)
		s.At(sim.Time(60*ms), r.Start)
		s.At(sim.Time(215*ms), m.PowerOff)
		s.At(sim.Time(300*ms), m.PowerOn)
		s.RunUntil(sim.Time(time.Second))
		if _, ok := d.Image().Get(-1); ok {
			log = append(log, "the dead have written")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	// A sync of 10 writes begins every 20ms. The crash at 55ms does not end that of 49ms; the power cut at
	// 215ms ends that of 209ms.
	want := []string{"0s: 0 are there", "60ms: 30 are there", "400ms: 100 are there"}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Error(diff)
	}
}

func TestMisuse(t *testing.T) {
	bad := disk.Config{
		Write: dist.Must(dist.NewConstant(-1)), Read: dist.Must(dist.NewConstant(-1)), Sync: dist.Must(dist.NewConstant(-1)),
		Bandwidth: -1, Capacity: -1, PowerCut: 7,
	}
	err := bad.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{"Write", "Read", "Sync", "Bandwidth", "Depth", "Capacity", "PowerCut"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%q does not name %s", err, field)
		}
	}
	if err := errors.Join(config().Validate(), disk.DefaultConfig().Validate()); err != nil {
		t.Error(err)
	}
	for _, misuse := range []func(s *sim.Simulation){
		func(s *sim.Simulation) { disk.New[int, int](s, "d", disk.Config{}) },
		func(s *sim.Simulation) { disk.New[int, int](s, "d", config()).Hold(disk.Impairment{Factor: -1}) },
		func(s *sim.Simulation) { disk.New[int, int](s, "d", config()).Hold(disk.Impairment{Errors: 1.5}) },
	} {
		_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
			s.At(0, func() { misuse(s) })
			s.RunUntilIdle()
		})
		if err == nil || !strings.Contains(err.Error(), "disk: ") {
			t.Errorf("got %v, want a panic", err)
		}
	}
}

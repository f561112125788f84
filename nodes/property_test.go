package nodes_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// An act is one thing that happens to a world, as data, so that it can happen twice.
type act struct {
	After   time.Duration
	What    string
	Who     int
	For     time.Duration // how long a fault lasts, or a caller waits
	Request patterns.Request
}

var deeds = []string{"call", "call", "call", "call", "crash", "power", "pause", "pause machine", "slow", "clock", "move"}

func drawAct(t *rapid.T) act {
	length := rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.IntRange(0, 40).Draw(t, "ms")) * ms })
	a := act{
		After: length.Draw(t, "after"), What: rapid.SampledFrom(deeds).Draw(t, "what"),
		Who: rapid.IntRange(0, 2).Draw(t, "who"), For: length.Draw(t, "for"),
	}
	if a.What == "call" {
		a.Request = patterns.Request{
			ID: rapid.Uint64().Draw(t, "id"), Op: rapid.SampledFrom([]string{work, wait, work, crash}).Draw(t, "op"),
			Value: uint64(length.Draw(t, "work")), Priority: rapid.IntRange(0, 2).Draw(t, "priority"),
		}
		if rapid.Bool().Draw(t, "deadline") {
			a.Request.Deadline = sim.Time(a.For) // from when it is sent
		}
	}
	return a
}

// do makes an act happen now, and plans its end.
func (w *world) act(a act, called func(error)) {
	who, m := w.r[a.Who], w.m[a.Who]
	switch a.What {
	case "call":
		w.s.Go("caller", func(p *sim.Process) {
			defer p.WithTimeout(a.For + ms).Close()
			if a.Request.Deadline != 0 {
				a.Request.Deadline = a.Request.Deadline.Add(p.Now().Sub(0))
			}
			_, err := who.Call(w.tr, w.client.Host())(p, a.Request)
			called(err)
		})
	case "crash":
		who.Crash()
		w.s.After(a.For, who.Start)
	case "power":
		m.PowerOff()
		w.s.After(a.For, m.PowerOn)
	case "pause":
		who.Pause()
		w.s.After(a.For, who.Resume)
	case "pause machine":
		m.Pause()
		w.s.After(a.For, m.Resume)
	case "slow":
		who.SetSlow(3)
		w.s.After(a.For, func() { who.SetSlow(1) })
	case "clock":
		m.SetClock(a.For-20*ms, int64(a.For-20*ms)*20+1)
	case "move":
		if !who.Up() {
			who.Move(w.m[(a.Who+1)%len(w.m)])
		}
	}
}

// Whatever happens to it: every call ends, nothing leaks, the counts add up at every moment, no
// thread is idle while a call waits for one, and it happens the same way twice.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := nodes.Config{
			Name: "svc", CPUs: rapid.IntRange(1, 3).Draw(t, "cpus"), Threads: rapid.IntRange(0, 4).Draw(t, "threads"),
			Queue: nodes.QueueConfig{
				Length:      rapid.IntRange(-1, 4).Draw(t, "queue"),
				Wait:        time.Duration(rapid.IntRange(0, 10).Draw(t, "wait")) * ms,
				Order:       sim.Order(rapid.IntRange(0, 2).Draw(t, "order")),
				DropExpired: rapid.Bool().Draw(t, "drop expired"),
			},
		}
		gated, ruled := rapid.Bool().Draw(t, "gate"), rapid.Bool().Draw(t, "rules")
		rules := rulebook{
			wait:   time.Duration(rapid.IntRange(0, 10).Draw(t, "patience")) * ms,
			newest: rapid.IntRange(0, 3).Draw(t, "newest"),
			drop:   time.Duration(rapid.IntRange(0, 10).Draw(t, "drop")) * ms,
			evict:  rapid.Bool().Draw(t, "evict"),
		}
		cancels := rapid.Bool().Draw(t, "cancels")
		acts := rapid.SliceOfN(rapid.Custom(drawAct), 1, 40).Draw(t, "acts")

		story := func() (digest uint64, log []string) {
			res, err := sim.Run(sim.Config{Seed: 1, MaxSteps: 1_000_000}, func(s *sim.Simulation) {
				w := newWorld(s, 3, cfg)
				w.tr.Cancels = cancels
				w.inEachLife(func(r *nodes.Replica) {
					if gated {
						r.SetFront(gate{})
					}
					if ruled {
						r.SetRules(rules)
					}
				})
				calls, ended := 0, 0
				for i, a := range acts {
					if s.RunUntil(s.Now().Add(a.After)) != nil {
						return
					}
					if a.What == "call" {
						calls++
					}
					w.act(a, func(err error) {
						ended++
						w.logf("%d: %v", i, err)
					})
					w.check(t, cfg)
				}
				if s.RunUntilIdle() != nil {
					return
				}
				w.checkIdle(t)
				if calls != ended {
					t.Errorf("%d calls were made, and %d ended", calls, ended)
				}
				w.logf("%+v", w.svc.Stats())
				log = w.log
			})
			if err != nil {
				t.Fatal(err)
			}
			return res.Digest, log
		}
		digest, log := story()
		again, logAgain := story()
		if digest != again {
			t.Errorf("digest %x, the second time %x", digest, again)
		}
		if diff := cmp.Diff(log, logAgain); diff != "" {
			t.Error(diff)
		}
	})
}

// check holds the replicas to their limits.
func (w *world) check(t *rapid.T, cfg nodes.Config) {
	for _, r := range w.r {
		st := r.Stats()
		cpus, threads, queue := r.InUse()
		say := func(what string) {
			t.Errorf("%v: %s: %s: %d cpus, %d threads, %d in the queue, %+v", w.s.Now(), r.Name(), what, cpus, threads, queue, st)
		}
		if err := st.Check(); err != nil {
			say(err.Error())
		}
		switch {
		case cpus > cfg.CPUs, cfg.Threads > 0 && threads > cfg.Threads, cfg.Queue.Length >= 0 && queue > cfg.Queue.Length:
			say("beyond its limits")
		case cpus > threads:
			say("a cpu is held without a thread")
		case queue > 0 && threads < cfg.Threads:
			say("a thread is free, and a call waits for one")
		case !r.Up() && st.Inside > 0:
			say("it is down, and there is a call inside")
		case st.Busy > time.Duration(cfg.CPUs)*w.s.Now().Sub(0):
			say("more work than its cpus can do")
		}
	}
}

package nodes_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Every way takes 1ms.
func TestClocks(t *testing.T) {
	cfg := config(2, 1, -1)
	cfg.Queue.Wait, cfg.Queue.DropExpired = 100*ms, true
	ask := func(w *world, at, in time.Duration) {
		w.request(at, "a", 0, patterns.Request{Op: left, Deadline: sim.Time(at + in)})
	}
	for _, story := range []struct {
		name  string
		story func(w *world)
		want  string
	}{
		{
			"the time that is left travels, and the way is not counted",
			func(w *world) { ask(w, 0, 30*ms) },
			"1ms svc/0 has 30ms left; 2ms a ok",
		},
		{
			"a server whose clock is an hour ahead gives it the same time",
			func(w *world) { w.m[0].SetClock(time.Hour, 0); ask(w, 0, 30*ms) },
			"1ms svc/0 has 30ms left; 2ms a ok",
		},
		{
			"and one whose clock is behind, so that it shows less than zero",
			func(w *world) { w.m[0].SetClock(-time.Hour, 0); ask(w, 0, 30*ms) },
			"1ms svc/0 has 30ms left; 2ms a ok",
		},
		{
			"a deadline that falls on zero of the server's clock is one all the same",
			func(w *world) { w.m[0].SetClock(-31*ms, 0); ask(w, 0, 30*ms) },
			"1ms svc/0 has 29.999999ms left; 2ms a ok",
		},
		{
			"a deadline that has just passed",
			func(w *world) { ask(w, 10*ms, 0) },
			"12ms a timeout",
		},
		{
			"no deadline stays none",
			func(w *world) {
				w.m[0].SetClock(time.Hour, 0)
				w.request(0, "a", 0, patterns.Request{Op: left})
			},
			"1ms svc/0 has -1h0m0.001s left; 2ms a ok",
		},
		{
			"a caller whose clock is wrong means its own clock",
			func(w *world) {
				w.r[0].Machine().SetClock(-time.Hour, 0)
				g := w.s.NewGroup("caller")
				g.SetClock(time.Hour, 0)
				g.Go("a", func(p *sim.Process) {
					req := patterns.Request{Op: left, Deadline: p.Now().Add(30 * ms)}
					w.r[0].Call(w.tr, w.client.Host())(p, req)
				})
			},
			"1ms svc/0 has 30ms left",
		},
		{
			"a chain: what a server passes on is what is left on its own clock",
			func(w *world) {
				w.m[0].SetClock(time.Hour, 0)
				w.m[1].SetClock(-time.Hour, 0)
				front := nodes.NewService(w.s, w.tr, nodes.DefaultConfig("front"),
					func(p *sim.Process, r *nodes.Replica, req patterns.Request) (patterns.Response, error) {
						if err := r.Work(p, 10*ms); err != nil {
							return patterns.Response{}, err
						}
						return w.r[1].Call(w.tr, r.Machine().Host())(p, req)
					}).Add(w.m[0])
				front.Start()
				w.s.Go("caller", func(p *sim.Process) {
					front.Call(w.tr, w.client.Host())(p, patterns.Request{Op: left, Deadline: sim.Time(30 * ms)})
				})
			},
			"12ms svc/1 has 20ms left",
		},
		{
			"a pause costs the caller's time, not the server's: it counts from when it reads",
			func(w *world) {
				w.r[0].Pause()
				ask(w, 0, 30*ms)
				w.at(100*ms, w.r[0].Resume)
			},
			"100ms svc/0 has 30ms left; 101ms a ok",
		},
		{
			"timers run by the machine's clock: at half speed, twice as long",
			func(w *world) { w.m[0].SetClock(0, -500_000_000); w.call(0, "a", wait, 10*ms) },
			"22ms a ok",
		},
		{
			"cpus do not",
			func(w *world) {
				w.m[0].SetClock(0, -500_000_000)
				w.call(0, "a", work, 10*ms)
				w.at(20*ms, func() { w.m[0].SetClock(0, 5_000_000_000) })
				w.call(20*ms, "b", work, 10*ms)
				w.call(40*ms, "c", work, 1)
			},
			"12ms a ok; 32ms b ok; 42.000001ms c ok",
		},
		{
			"but for a nanosecond of rounding",
			func(w *world) {
				w.m[0].SetClock(0, -333_333_333)
				w.call(0, "a", work, 10*ms+1)
				w.call(20*ms+1, "b", work, 10*ms)
				w.call(40*ms+1, "c", work, 10*ms+1)
			},
			"12.000001ms a ok; 32.000001ms b ok; 52.000003ms c ok",
		},
		{
			"a wait in the queue is limited by the machine's clock",
			func(w *world) {
				w.m[0].SetClock(time.Hour, -500_000_000)
				w.call(0, "a", work, time.Second)
				w.call(0, "b", work, 0)
			},
			"202ms b overloaded; 1.002s a ok",
		},
		{
			"a deadline passes on the machine's clock",
			func(w *world) {
				w.m[0].SetClock(time.Hour, -500_000_000)
				w.call(0, "a", work, 50*ms)
				w.request(0, "b", 0, patterns.Request{Deadline: sim.Time(25 * ms)})
				w.request(0, "c", 0, patterns.Request{Deadline: sim.Time(25*ms - 1)})
			},
			"52ms a ok; 52ms b ok; 52ms c timeout",
		},
		{
			"a step of the clock during work neither shortens nor lengthens it",
			func(w *world) {
				w.call(0, "a", work, 10*ms)
				w.at(5*ms, func() { w.m[0].SetClock(time.Hour, 0) })
				w.at(7*ms, func() { w.m[0].SetClock(-time.Hour, 0) })
			},
			"12ms a ok",
		},
		{
			"a replica that starts later has its machine's clock, drift included",
			func(w *world) {
				w.r[0].Crash()
				w.m[0].SetClock(time.Hour, 1_000_000)
				w.at(time.Second, w.r[0].Start)
				w.at(2*time.Second, func() {
					w.logf("%v %v", w.r[0].Group().Now(), w.m[0].Now())
				})
			},
			"2s 1h0m2.002s 1h0m2.002s",
		},
		{
			"one that moves has its new machine's",
			func(w *world) {
				w.m[1].SetClock(time.Hour, 1_000_000)
				w.at(time.Second, func() { w.r[0].Crash(); w.r[0].Move(w.m[1]); w.r[0].Start() })
				w.at(2*time.Second, func() {
					w.logf("%v %v", w.r[0].Group().Now(), w.m[1].Now())
				})
			},
			"2s 1h0m2.002s 1h0m2.002s",
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			w := run(t, 2, cfg, story.story)
			if got := strings.Join(w.log, "; "); got != story.want {
				t.Error(cmp.Diff(strings.ReplaceAll(story.want, "; ", "\n"), strings.Join(w.log, "\n")))
			}
		})
	}
}

// The busy time is true time, whatever the clock shows.
func TestBusyIsTrueTime(t *testing.T) {
	w := run(t, 1, config(1, 1, -1), func(w *world) {
		w.call(0, "a", work, 10*ms)
		w.at(3*ms, func() { w.m[0].SetClock(-time.Hour, 300_000_000) })
		w.at(5*ms, w.m[0].Pause)
		w.at(50*ms, w.m[0].Resume)
		w.call(60*ms, "b", work, 10*ms)
		w.at(65*ms, w.m[0].Pause) // has worked 4ms
		w.at(70*ms, w.m[0].PowerOff)
		w.at(80*ms, w.m[0].Resume)
		w.at(90*ms, w.m[0].PowerOn)
	})
	if got := w.svc.Stats().Busy; got != 14*ms {
		t.Errorf("busy for %v, want 14ms", got)
	}
}

func TestExternal(t *testing.T) {
	for _, story := range []struct {
		name  string
		story func(w *world, e *nodes.External, call func(at, timeout time.Duration, name string))
		want  string
	}{
		{
			"it answers after its time, any number at once",
			func(w *world, e *nodes.External, call func(at, timeout time.Duration, name string)) {
				call(0, 0, "a")
				call(0, 0, "b")
			},
			"11ms effect a; 11ms effect b; 12ms a ok; 12ms b ok",
		},
		{
			"who gives up has it done all the same",
			func(w *world, e *nodes.External, call func(at, timeout time.Duration, name string)) {
				w.tr.Cancels = true
				call(0, 5*ms, "a")
			},
			"5ms a gives up; 11ms effect a",
		},
		{
			"while it is down it does nothing, not even what it had begun",
			func(w *world, e *nodes.External, call func(at, timeout time.Duration, name string)) {
				call(0, 100*ms, "begun before")
				w.at(5*ms, e.Down)
				call(10*ms, 100*ms, "sent while it is down")
				w.at(12*ms, e.Down)
				w.at(20*ms, e.Up)
				call(20*ms, 100*ms, "still down")
				w.at(30*ms, e.Up)
				call(30*ms, 100*ms, "after")
			},
			"41ms effect after; 42ms after ok; 100ms begun before gives up; 110ms sent while it is down gives up; 120ms still down gives up",
		},
		{
			"slow, or failing",
			func(w *world, e *nodes.External, call func(at, timeout time.Duration, name string)) {
				e.SetSlow(3)
				call(0, 0, "a")
				w.at(50*ms, func() { e.SetSlow(1); e.SetErrors(1) })
				call(50*ms, 0, "b")
			},
			"31ms effect a; 32ms a ok; 62ms b failed",
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			w := run(t, 0, config(1, 1, 1), func(w *world) {
				e := nodes.NewExternal(w.s, "bank", w.n.AddHost("bank", network.Place{}))
				var names []string
				e.Answer = func(req patterns.Request) (time.Duration, patterns.Response, error) {
					return 10 * ms, patterns.Response{From: "bank"}, nil
				}
				e.Effect = func(req patterns.Request) { w.logf("effect %s", names[req.ID]) }
				story.story(w, e, func(at, timeout time.Duration, name string) {
					id := uint64(len(names))
					names = append(names, name)
					w.do(at, timeout, name, e.Call(w.tr, w.client.Host()), patterns.Request{ID: id})
				})
			})
			if got := strings.Join(w.log, "; "); got != story.want {
				t.Error(cmp.Diff(strings.ReplaceAll(story.want, "; ", "\n"), strings.Join(w.log, "\n")))
			}
		})
	}
}

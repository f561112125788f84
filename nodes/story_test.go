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

// config is a service with cpus, threads and places in the queue.
func config(cpus, threads, queue int) nodes.Config {
	return nodes.Config{Name: "svc", CPUs: cpus, Threads: threads, Queue: nodes.QueueConfig{Length: queue}}
}

// Every way takes 1ms, and machines boot in 100ms.
func TestStories(t *testing.T) {
	with := func(cfg nodes.Config, change func(q *nodes.QueueConfig)) nodes.Config {
		change(&cfg.Queue)
		return cfg
	}
	for _, story := range []struct {
		name  string
		cfg   nodes.Config
		story func(w *world)
		want  string
	}{
		// Threads and cpus.
		{
			"a cpu works on one call at a time", config(1, 0, 0),
			func(w *world) { w.call(0, "a", work, 10*ms); w.call(0, "b", work, 10*ms) },
			"12ms a ok; 22ms b ok",
		},
		{
			"two cpus work on two", config(2, 0, 0),
			func(w *world) { w.call(0, "a", work, 10*ms); w.call(0, "b", work, 10*ms); w.call(0, "c", work, 10*ms) },
			"12ms a ok; 12ms b ok; 22ms c ok",
		},
		{
			"a call that waits for others holds no cpu", config(1, 0, 0),
			func(w *world) { w.call(0, "a", wait, 10*ms); w.call(0, "b", work, 10*ms) },
			"12ms a ok; 12ms b ok",
		},
		{
			"a call that waits for others holds its thread", config(1, 1, 10),
			func(w *world) { w.call(0, "a", wait, 10*ms); w.call(0, "b", work, 10*ms) },
			"12ms a ok; 22ms b ok",
		},
		{
			"work of no length takes no time", config(1, 1, 0),
			func(w *world) { w.call(0, "a", work, 0) },
			"2ms a ok",
		},

		// The queue.
		{
			"no thread and no place: turned away at once", config(1, 1, 0),
			func(w *world) {
				w.call(0, "a", work, 10*ms)
				w.call(0, "b", work, 10*ms)
				w.call(12*ms, "c", work, 10*ms)
			},
			"2ms b overloaded; 12ms a ok; 24ms c ok",
		},
		{
			"the queue is bounded by its length", config(1, 1, 1),
			func(w *world) { w.call(0, "a", work, 10*ms); w.call(0, "b", work, 10*ms); w.call(0, "c", work, 10*ms) },
			"2ms c overloaded; 12ms a ok; 22ms b ok",
		},
		{
			"the queue is bounded by the wait", with(config(1, 1, -1), func(q *nodes.QueueConfig) { q.Wait = 15 * ms }),
			func(w *world) {
				w.call(0, "a", work, 10*ms)
				w.call(0, "b", work, 10*ms)
				w.call(0, "c", work, 10*ms)
				w.call(6*ms, "d", work, 10*ms)
			},
			"12ms a ok; 17ms c overloaded; 22ms b ok; 32ms d ok",
		},
		{
			"first in, first out", config(1, 1, -1),
			func(w *world) {
				for _, name := range []string{"a", "b", "c", "d"} {
					w.call(0, name, work, 10*ms)
				}
			},
			"12ms a ok; 22ms b ok; 32ms c ok; 42ms d ok",
		},
		{
			"last in, first out", with(config(1, 1, -1), func(q *nodes.QueueConfig) { q.Order = sim.LIFO }),
			func(w *world) {
				for _, name := range []string{"a", "b", "c", "d"} {
					w.call(0, name, work, 10*ms)
				}
			},
			"12ms a ok; 22ms d ok; 32ms c ok; 42ms b ok",
		},
		{
			"by priority, and among equals first in, first out", with(config(1, 1, -1), func(q *nodes.QueueConfig) { q.Order = sim.Priority }),
			func(w *world) {
				w.call(0, "a", work, 10*ms)
				for _, c := range []struct {
					name     string
					priority int
				}{{"low", -1}, {"high", 2}, {"mid", 1}, {"high too", 2}} {
					w.request(ms, c.name, 0, patterns.Request{Value: uint64(10 * ms), Priority: c.priority})
				}
			},
			"12ms a ok; 22ms high ok; 32ms high too ok; 42ms mid ok; 52ms low ok",
		},
		{
			"without DropExpired, a call whose deadline has passed is worked on", config(1, 1, -1),
			func(w *world) {
				w.call(0, "a", work, 10*ms)
				w.request(0, "b", 5*ms, patterns.Request{Value: uint64(10 * ms), Deadline: sim.Time(5 * ms)})
				w.call(0, "c", work, 10*ms)
			},
			"5ms b gives up; 12ms a ok; 32ms c ok",
		},
		{
			"with DropExpired, it costs nothing", with(config(1, 1, -1), func(q *nodes.QueueConfig) { q.DropExpired = true }),
			func(w *world) {
				w.call(0, "a", work, 10*ms)
				w.request(0, "b", 0, patterns.Request{Value: uint64(10 * ms), Deadline: sim.Time(5 * ms)})
				w.call(0, "c", work, 10*ms)
			},
			"12ms a ok; 12ms b timeout; 22ms c ok",
		},
		{
			"one that comes in time to the nanosecond is worked on", with(config(1, 1, -1), func(q *nodes.QueueConfig) { q.DropExpired = true }),
			func(w *world) {
				w.call(0, "a", work, 10*ms)
				w.request(0, "b", 0, patterns.Request{Deadline: sim.Time(10 * ms)})
				w.request(0, "c", 0, patterns.Request{Deadline: sim.Time(10*ms - 1)})
			},
			"12ms a ok; 12ms b ok; 12ms c timeout",
		},
		{
			"one that had expired before it was sent is turned away though a thread is free",
			with(config(1, 1, -1), func(q *nodes.QueueConfig) { q.DropExpired = true }),
			func(w *world) { w.request(5*ms, "late", 0, patterns.Request{Deadline: sim.Time(4 * ms)}) },
			"7ms late timeout",
		},

		// Callers who give up.
		{
			"work that nobody waits for goes on", config(1, 1, -1),
			func(w *world) {
				w.request(0, "a", 5*ms, patterns.Request{Value: uint64(100 * ms)})
				w.request(0, "b", 6*ms, patterns.Request{Value: uint64(100 * ms)})
				w.call(10*ms, "c", work, 10*ms)
			},
			"5ms a gives up; 6ms b gives up; 212ms c ok",
		},
		{
			"unless the news travels: the thread and the cpu are free at once", config(1, 1, -1),
			func(w *world) {
				w.tr.Cancels = true
				w.request(0, "a", 5*ms, patterns.Request{Value: uint64(100 * ms)})
				w.call(0, "b", work, 10*ms)
			},
			"5ms a gives up; 17ms b ok",
		},
		{
			"who waits in the queue leaves it", config(1, 1, 1),
			func(w *world) {
				w.tr.Cancels = true
				w.call(0, "a", work, 100*ms)
				w.request(0, "b", 5*ms, patterns.Request{Value: uint64(100 * ms)})
				w.call(4*ms, "no place yet", work, 0)
				w.call(6*ms, "c", work, 10*ms)
			},
			"5ms b gives up; 6ms no place yet overloaded; 102ms a ok; 112ms c ok",
		},
		{
			"the news of a caller whose answer is under way changes nothing", config(1, 1, -1),
			func(w *world) {
				w.tr.Cancels = true
				w.request(0, "a", 11*ms+ms/2, patterns.Request{Value: uint64(10 * ms)})
				w.call(11*ms, "b", work, 10*ms)
			},
			"11.5ms a gives up; 23ms b ok",
		},

		// Crashes and power.
		{
			"a crash resets its callers and refuses new ones", config(1, 1, 1),
			func(w *world) {
				w.call(0, "on a thread", work, 100*ms)
				w.call(0, "in the queue", work, 100*ms)
				w.at(50*ms, w.r[0].Crash)
				w.call(60*ms, "later", work, 10*ms)
				w.at(70*ms, w.r[0].Start)
				w.call(80*ms, "in its next life", work, 10*ms)
			},
			"51ms on a thread reset; 51ms in the queue reset; 62ms later refused; 92ms in its next life ok",
		},
		{
			"a program that crashes itself", config(1, 1, -1),
			func(w *world) {
				w.r[0].OnChange(func(up bool) { w.logf("up %v", up) })
				w.call(0, "a", crash, 10*ms)
				w.call(0, "b", work, 10*ms)
			},
			"11ms up false; 12ms a reset; 12ms b reset",
		},
		{
			"power loss is silent, and its callers are reset when it is back", config(1, 1, 1),
			func(w *world) {
				w.call(0, "on a thread", work, 100*ms)
				w.call(0, "in the queue", work, 100*ms)
				w.at(50*ms, w.m[0].PowerOff)
				w.call(60*ms, "while it is off", work, 10*ms)
				w.request(60*ms, "impatient", 20*ms, patterns.Request{})
				w.at(1000*ms, w.m[0].PowerOn) // and it boots for 100ms
				w.call(1100*ms, "in its next life", work, 10*ms)
			},
			"80ms impatient gives up; " +
				"1.101s on a thread reset; 1.101s in the queue reset; 1.101s while it is off reset; 1.112s in its next life ok",
		},
		{
			"two reasons to be without power: it is off until both are over", config(1, 1, 1),
			func(w *world) {
				w.at(10*ms, w.m[0].PowerOff)
				w.at(20*ms, w.m[0].PowerOff)
				w.at(30*ms, w.m[0].PowerOn)
				w.at(200*ms, func() { w.logf("up %v", w.m[0].Up()) })
				w.at(1000*ms, w.m[0].PowerOn)
				w.at(1099*ms, func() { w.logf("up %v", w.m[0].Up()) })
				w.at(1101*ms, func() { w.logf("up %v %v", w.m[0].Up(), w.r[0].Up()) })
			},
			"200ms up false; 1.099s up false; 1.101s up true true",
		},
		{
			"power that goes again while it boots", config(1, 1, 1),
			func(w *world) {
				w.at(10*ms, w.m[0].PowerOff)
				w.at(20*ms, w.m[0].PowerOn)
				w.at(119*ms, w.m[0].PowerOff)
				w.at(150*ms, func() { w.logf("up %v", w.m[0].Up()) })
				w.at(200*ms, w.m[0].PowerOn)
				w.at(301*ms, func() { w.logf("up %v %v", w.m[0].Up(), w.r[0].Up()) })
			},
			"150ms up false; 301ms up true true",
		},
		{
			"what had crashed before the power went stays down", config(1, 1, 1),
			func(w *world) {
				w.at(10*ms, w.r[0].Crash)
				w.at(20*ms, w.m[0].PowerOff)
				w.at(30*ms, w.m[0].PowerOn)
				w.call(200*ms, "a", work, 0)
			},
			"202ms a refused",
		},
		{
			"what crashes while the power is off stays down", config(1, 1, 1),
			func(w *world) {
				w.at(10*ms, w.m[0].PowerOff)
				w.at(20*ms, w.r[0].Crash)
				w.at(30*ms, w.m[0].PowerOn)
				w.call(200*ms, "a", work, 0)
				w.at(300*ms, w.r[0].Start)
				w.call(310*ms, "b", work, 0)
			},
			"202ms a refused; 312ms b ok",
		},
		{
			"a start while the power is off happens when it is back", config(1, 1, 1),
			func(w *world) {
				w.at(10*ms, w.r[0].Crash)
				w.at(20*ms, w.m[0].PowerOff)
				w.at(30*ms, w.r[0].Start)
				w.at(40*ms, w.m[0].PowerOn)
				w.call(200*ms, "a", work, 0)
			},
			"202ms a ok",
		},

		// Pauses.
		{
			"during a pause calls wait unread, and nobody is turned away", config(1, 1, 1),
			func(w *world) {
				w.at(10*ms, w.r[0].Pause)
				w.call(20*ms, "a", work, 10*ms)
				w.call(30*ms, "b", work, 10*ms)
				w.call(40*ms, "c", work, 10*ms)
				w.at(100*ms, w.r[0].Resume)
			},
			"101ms c overloaded; 111ms a ok; 121ms b ok",
		},
		{
			"work stands still: a pause of 50ms makes it 50ms longer", config(1, 1, 1),
			func(w *world) {
				w.call(0, "a", work, 100*ms)
				w.at(21*ms, w.r[0].Pause)
				w.at(71*ms, w.r[0].Resume)
				w.at(81*ms, w.r[0].Pause)
				w.at(91*ms, w.r[0].Resume)
			},
			"162ms a ok",
		},
		{
			"work that would have ended during the pause goes on after it", config(1, 1, 1),
			func(w *world) {
				w.call(0, "a", work, 30*ms)
				w.at(21*ms, w.r[0].Pause)
				w.at(1001*ms, w.r[0].Resume)
			},
			"1.012s a ok",
		},
		{
			"a timer that falls due during a pause fires after it", config(1, 1, 1),
			func(w *world) {
				w.call(0, "a", wait, 30*ms)
				w.at(21*ms, w.r[0].Pause)
				w.at(100*ms, w.r[0].Resume)
			},
			"101ms a ok",
		},
		{
			"pauses add up, of the replica and of its machine", config(1, 1, 1),
			func(w *world) {
				w.at(10*ms, w.r[0].Pause)
				w.at(20*ms, w.m[0].Pause)
				w.at(30*ms, w.m[0].Pause)
				w.call(40*ms, "a", work, 10*ms)
				w.at(50*ms, w.r[0].Resume)
				w.at(60*ms, w.m[0].Resume)
				w.at(70*ms, w.m[0].Resume)
			},
			"81ms a ok",
		},
		{
			"a pause outlasts a crash", config(1, 1, 1),
			func(w *world) {
				w.call(0, "in service", work, 100*ms)
				w.at(10*ms, w.r[0].Pause)
				w.call(20*ms, "unread", work, 10*ms)
				w.at(30*ms, w.r[0].Crash)
				w.at(40*ms, w.r[0].Start)
				w.call(50*ms, "in its next life", work, 10*ms)
				w.at(100*ms, w.r[0].Resume)
			},
			"31ms in service reset; 31ms unread reset; 111ms in its next life ok",
		},
		{
			"who gives up before his call is read is not worked for", config(1, 1, 1),
			func(w *world) {
				w.tr.Cancels = true
				w.at(10*ms, w.r[0].Pause)
				w.request(20*ms, "a", 30*ms, patterns.Request{Value: uint64(time.Hour)})
				w.call(30*ms, "b", work, 10*ms)
				w.at(100*ms, w.r[0].Resume)
			},
			"50ms a gives up; 111ms b ok",
		},
		{
			"nor who gives up before his call has begun", config(1, 1, 1),
			func(w *world) {
				w.tr.Cancels = true
				w.request(0, "a", 30*ms, patterns.Request{Value: uint64(time.Hour)})
				w.at(ms/2, func() { w.at(ms, w.r[0].Pause) }) // after the call was given a thread, before it runs
				w.call(30*ms, "b", work, 10*ms)
				w.at(100*ms, w.r[0].Resume)
			},
			"30ms a gives up; 111ms b ok",
		},

		// Slow work and errors.
		{
			"slow work, from the next piece on", config(1, 1, 1),
			func(w *world) {
				w.call(0, "a", work, 10*ms)
				w.at(5*ms, func() { w.r[0].SetSlow(20) })
				w.call(0, "b", work, 10*ms)
				w.at(20*ms, func() { w.r[0].SetSlow(1) })
				w.call(250*ms, "c", work, 10*ms)
			},
			"12ms a ok; 212ms b ok; 262ms c ok",
		},
		{
			"a share of 1 fails everything, a share of 0 nothing", config(1, 1, 1),
			func(w *world) {
				w.r[0].SetErrors(1)
				w.call(0, "a", work, 10*ms)
				w.at(20*ms, func() { w.r[0].SetErrors(0) })
				w.call(20*ms, "b", work, 10*ms)
			},
			"12ms a failed; 32ms b ok",
		},

		// Moving.
		{
			"a replica moves to another machine, and its callers find it there", config(1, 1, 1),
			func(w *world) {
				w.call(0, "a", work, 100*ms)
				w.at(10*ms, w.m[0].PowerOff)
				other := nodes.NewMachine(w.s, w.n.AddHost("other", network.Place{Zone: "a"}), 0)
				w.at(50*ms, func() { w.r[0].Move(other); w.r[0].Start() })
				w.call(60*ms, "b", work, 10*ms)
				w.at(200*ms, w.m[0].PowerOn)
				w.at(400*ms, func() { w.logf("%s is on %s", w.r[0].Name(), w.r[0].Machine().Name()) })
			},
			"72ms b ok; 301ms a reset; 400ms svc/0 is on other",
		},
		{
			"it meets what is wrong with the machine that it moves to", config(1, 1, 1),
			func(w *world) {
				other := nodes.NewMachine(w.s, w.n.AddHost("other", network.Place{Zone: "a"}), 0)
				other.SetClock(time.Hour, 0)
				other.Pause()
				w.at(10*ms, func() { w.r[0].Crash(); w.r[0].Move(other); w.r[0].Start() })
				w.call(20*ms, "a", work, 10*ms)
				w.at(50*ms, other.Resume)
				w.at(60*ms, func() { w.logf("its clock shows %v", w.r[0].Group().Now()) })
			},
			"60ms its clock shows 1h0m0.06s; 61ms a ok",
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			w := run(t, 1, story.cfg, story.story)
			if got := strings.Join(w.log, "; "); got != story.want {
				t.Error(cmp.Diff(strings.ReplaceAll(story.want, "; ", "\n"), strings.Join(w.log, "\n")))
			}
		})
	}
}

// Two replicas on one machine, one of which takes the machine's power: both are gone.
func TestAProgramMayTakeItsMachinesPower(t *testing.T) {
	w := run(t, 1, config(1, 1, 1), func(w *world) {
		second := w.svc.Add(w.m[0])
		second.Start()
		w.r[0].Group().Go("saboteur", func(p *sim.Process) {
			if p.Sleep(10*ms) == nil {
				w.m[0].PowerOff()
				w.logf("it outlives that")
			}
		})
		second.Group().Go("bystander", func(p *sim.Process) {
			if p.Sleep(20*ms) == nil {
				w.logf("the other outlives that")
			}
		})
		w.at(30*ms, func() { w.logf("up %v %v", w.r[0].Up(), second.Up()) })
	})
	if want := []string{"30ms up false false"}; !cmp.Equal(w.log, want) {
		t.Error(cmp.Diff(want, w.log))
	}
}

// The power of a disk goes before the programs die, and comes before they start.
func TestPowerOfWhatIsAttached(t *testing.T) {
	w := run(t, 1, config(1, 1, 1), func(w *world) {
		w.m[0].Powers(&plug{w})
		w.r[0].OnStart(func() { w.logf("start") })
		w.r[0].Group().Background("writer", func(p *sim.Process) {
			defer w.logf("dies")
			p.Sleep(time.Hour)
		})
		w.at(10*ms, w.m[0].PowerOff)
		w.at(20*ms, w.m[0].PowerOn)
	})
	if want := []string{"10ms off", "10ms dies", "120ms on", "120ms start"}; !cmp.Equal(w.log, want) {
		t.Error(cmp.Diff(want, w.log))
	}
}

type plug struct{ w *world }

func (p *plug) PowerOff() { p.w.logf("off") }
func (p *plug) PowerOn()  { p.w.logf("on") }

func TestStats(t *testing.T) {
	w := run(t, 1, nodes.Config{Name: "svc", CPUs: 1, Threads: 1, Queue: nodes.QueueConfig{Length: 2, DropExpired: true}}, func(w *world) {
		w.tr.Cancels = true
		w.call(0, "done", work, 50*ms)
		w.request(0, "expired", 0, patterns.Request{Deadline: sim.Time(10 * ms)})
		w.request(0, "cancelled", 20*ms, patterns.Request{})
		w.call(0, "rejected", work, 0)
		w.request(60*ms, "wasted", 10*ms, patterns.Request{Value: uint64(time.Hour)})
		w.call(100*ms, "lost", work, time.Hour)
		w.at(200*ms, w.r[0].Pause)
		w.call(210*ms, "lost unread", work, 0)
		w.at(250*ms, w.r[0].Crash)
		w.at(300*ms, func() { w.r[0].Start() })
		w.request(310*ms, "cancelled unread", 10*ms, patterns.Request{})
		w.at(400*ms, w.r[0].Resume)
	})
	want := nodes.Stats{
		Arrived: 8, Rejected: 1, Expired: 1, Cancelled: 2, Lost: 2, Done: 2, Wasted: 1,
		Busy:    50*ms + 10*ms + 99*ms, // 60 to 70ms, with the way there and back; 101 to 200ms
		Waiting: 50*ms + 20*ms, Area: 70 * ms,
	}
	if diff := cmp.Diff(want, w.svc.Stats()); diff != "" {
		t.Error(diff)
	}
}

func TestCheckFindsContradictions(t *testing.T) {
	for name, st := range map[string]nodes.Stats{
		"a call is lost":             {Arrived: 2, Done: 1},
		"a call is counted twice":    {Arrived: 1, Done: 1, Rejected: 1},
		"less than nothing inside":   {Arrived: 1, Done: 2, Inside: -1},
		"more is wasted than done":   {Arrived: 1, Done: 1, Wasted: 2},
		"a wait that nobody can see": {Waiting: 1},
	} {
		if st.Check() == nil {
			t.Errorf("%s: %+v passes", name, st)
		}
	}
}

// Whether a call fails depends on the request and its attempt, not on when it is asked or of whom.
func TestErrorsAreKeyedByRequest(t *testing.T) {
	w := run(t, 2, config(1, 0, 0), func(w *world) {
		for _, r := range w.r {
			r.SetErrors(0.3)
		}
	})
	failed := 0
	for id := range uint64(10_000) {
		req := patterns.Request{ID: id, Attempt: 1}
		first := w.r[0].Fails(req.ID, req.Attempt)
		if first != w.r[1].Fails(req.ID, req.Attempt) || first != w.r[0].Fails(req.ID, req.Attempt) {
			t.Fatalf("request %d meets another luck the second time", id)
		}
		if first {
			failed++
		}
	}
	if failed < 2816 || failed > 3184 { // 0.3 ± 4 standard errors of 0.0046
		t.Errorf("%d of 10,000 calls fail, want 3,000", failed)
	}
	if same := func() (n int) {
		for id := range uint64(10_000) {
			if w.r[0].Fails(id, 1) == w.r[0].Fails(id, 2) {
				n++
			}
		}
		return n
	}(); same > 6000 { // independent: 0.58
		t.Errorf("%d of 10,000 second attempts meet the luck of the first", same)
	}
}

func TestMisusePanics(t *testing.T) {
	for name, misuse := range map[string]func(w *world){
		"power on":  func(w *world) { w.m[0].PowerOn() },
		"resume":    func(w *world) { w.r[0].Resume() },
		"machine":   func(w *world) { w.m[0].Resume() },
		"move":      func(w *world) { w.r[0].Move(w.m[0]) },
		"slow":      func(w *world) { w.r[0].SetSlow(0) },
		"errors":    func(w *world) { w.r[0].SetErrors(1.1) },
		"boot":      func(w *world) { nodes.NewMachine(w.s, w.m[0].Host(), -1) },
		"no config": func(w *world) { nodes.NewService(w.s, w.tr, nodes.Config{}, nil) },
		"up":        func(w *world) { nodes.NewExternal(w.s, "x", w.m[0].Host()).Up() },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
				w := newWorld(s, 1, config(1, 1, 1))
				s.At(0, func() { misuse(w) })
				s.RunUntilIdle()
			})
			if err == nil || !strings.Contains(err.Error(), "nodes: ") {
				t.Errorf("got %v, want a panic that begins with nodes:", err)
			}
		})
	}
}

func TestValidateNamesEveryField(t *testing.T) {
	bad := nodes.Config{Threads: -1, Queue: nodes.QueueConfig{Wait: -1, Order: 9}}
	err := bad.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{"name", "cpus", "threads", "wait", "order"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%q does not name %s", err, field)
		}
	}
	if err := nodes.DefaultConfig("svc").Validate(); err != nil {
		t.Error(err)
	}
}

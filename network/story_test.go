package network_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// The latency is 10ms each way unless a story says otherwise.
func TestStories(t *testing.T) {
	ab := func(w *world) network.Between {
		return network.Between{From: network.Only(w.a), To: network.Only(w.b)}
	}
	oneWay := func(b network.Between) network.Between { b.OneWay = true; return b }
	back := func(b network.Between) network.Between { return network.Between{From: b.To, To: b.From, OneWay: true} }

	for _, story := range []struct {
		name  string
		cfg   network.Config
		story func(w *world)
		want  string
	}{
		{
			"an answer takes a round trip", latency(10 * ms),
			func(w *world) { w.call(0, "hello", 0) },
			"20ms hello answered hello",
		},
		{
			"latency does not limit how many are under way", latency(10 * ms),
			func(w *world) { w.call(0, "one", 0); w.call(1*ms, "two", 0); w.call(1*ms, "three", 0) },
			"20ms one answered one; 21ms two answered two; 21ms three answered three",
		},
		{
			"an answer that comes too late is no answer, but can be heard", latency(10 * ms),
			func(w *world) {
				w.echo.work = time.Second
				w.t.OnLate = func(q, a string) { w.logf("late answer to %s: %s", q, a) }
				w.call(0, "one", 100*ms)
				w.call(0, "two", 1020*ms)
				w.call(0, "three", 2*time.Second)
			},
			"100ms one times out; 1.02s late answer to one: one; 1.02s late answer to two: two; 1.02s two times out; 1.02s three answered three",
		},
		{
			"nobody listens: refused after a round trip", latency(10 * ms),
			func(w *world) { w.l.Close(false); w.call(0, "hello", 0) },
			"20ms hello: connection refused",
		},
		{
			"it closes while the request is under way: refused", latency(10 * ms),
			func(w *world) { w.call(0, "hello", 0); w.at(5*ms, func() { w.l.Close(true) }) },
			"20ms hello: connection refused",
		},
		{
			"it opens while the request is under way: answered", latency(10 * ms),
			func(w *world) { w.l.Close(true); w.call(0, "hello", 0); w.at(5*ms, w.l.Open) },
			"20ms hello answered hello",
		},
		{
			"the process dies: reset after the latency", latency(10 * ms),
			func(w *world) {
				w.echo.work = time.Second
				w.call(0, "hello", 0)
				w.at(500*ms, func() { w.l.Close(true); w.echo.group.Kill() })
			},
			"510ms hello: connection reset",
		},
		{
			"a reply after the reset is ignored", latency(10 * ms),
			func(w *world) {
				w.echo.work = time.Second
				w.call(0, "hello", 0)
				w.at(500*ms, func() { w.l.Close(true) })
				w.call(505*ms, "again", 0)
				w.at(506*ms, w.l.Open)
			},
			"510ms hello: connection reset; 1.525s again answered again",
		},
		{
			"a graceful stop answers what it has", latency(10 * ms),
			func(w *world) {
				w.echo.work = time.Second
				w.call(0, "old", 0)
				w.at(500*ms, func() { w.l.Close(false) })
				w.call(500*ms, "new", 0)
			},
			"520ms new: connection refused; 1.02s old answered old",
		},
		{
			"no power: silence", latency(10 * ms),
			func(w *world) { w.b.PowerOff(); w.call(0, "hello", 3*time.Second) },
			"3s hello times out",
		},
		{
			"power fails under a request: silence, and a reset when it is back", latency(10 * ms),
			func(w *world) {
				w.echo.work = time.Second
				w.call(0, "in service", 0)
				w.call(495*ms, "under way", 0)
				w.call(600*ms, "impatient", 100*ms)
				w.at(500*ms, func() { w.b.PowerOff(); w.echo.group.Kill() })
				w.at(9*time.Second, func() { w.b.PowerOn(); w.echo.group.Start() })
			},
			"700ms impatient times out; 9.01s in service: connection reset; 9.01s under way: connection reset",
		},
		{
			"the caller's host loses power: nothing is sent, nothing arrives", latency(10 * ms),
			func(w *world) {
				w.echo.work = 100 * ms
				w.call(0, "before", time.Second)
				w.call(60*ms, "after", time.Second)
				w.at(50*ms, w.a.PowerOff)
			},
			"1s before times out; 1.06s after times out",
		},
		{
			"a cut path: silence; what is under way arrives", latency(10 * ms),
			func(w *world) {
				w.send(0, w.a, w.b, 0, "under way")
				w.send(6*ms, w.a, w.b, 0, "lost")
				w.send(21*ms, w.a, w.b, 0, "later")
				w.at(5*ms, func() {
					cut := w.n.Cut(ab(w), network.BlockAtSend)
					w.at(20*ms, cut.Release)
				})
				w.call(6*ms, "cut off", time.Second)
			},
			"10ms under way; 31ms later; 1.006s cut off times out",
		},
		{
			"a cut at delivery takes what is under way, and lets pass what arrives after it", latency(10 * ms),
			func(w *world) {
				w.send(0, w.a, w.b, 0, "under way")
				w.send(15*ms, w.a, w.b, 0, "sent during the cut")
				w.at(5*ms, func() {
					cut := w.n.Cut(ab(w), network.DropAtDelivery)
					w.at(20*ms, cut.Release)
				})
			},
			"25ms sent during the cut",
		},
		{
			"both modes", latency(10 * ms),
			func(w *world) {
				w.send(0, w.a, w.b, 0, "under way")
				w.send(15*ms, w.a, w.b, 0, "sent during the cut")
				w.send(20*ms, w.a, w.b, 0, "after")
				w.at(5*ms, func() {
					cut := w.n.Cut(ab(w), network.BlockAtSend|network.DropAtDelivery)
					w.at(20*ms, cut.Release)
				})
			},
			"", // "after" is scheduled before the release at the same instant
		},
		{
			"one way there: the request is lost", latency(10 * ms),
			func(w *world) {
				w.n.Cut(oneWay(ab(w)), network.BlockAtSend)
				w.send(0, w.a, w.b, 0, "there")
				w.send(0, w.b, w.a, 0, "back")
				w.call(0, "hello", time.Second)
			},
			"10ms back; 1s hello times out",
		},
		{
			"one way back: it is served, nobody hears of it", latency(10 * ms),
			func(w *world) {
				w.n.Cut(back(ab(w)), network.BlockAtSend)
				w.t.Cancels = true
				w.echo.work = 2 * time.Second
				w.call(0, "hello", time.Second)
			},
			"1s hello times out; 1.01s b hears that hello gave up",
		},
		{
			"cuts overlap: the path is open when the last is released", latency(10 * ms),
			func(w *world) {
				one := w.n.Cut(ab(w), network.BlockAtSend)
				two := w.n.Cut(network.Between{From: network.Zones("b"), To: network.Zones("b").Rest()}, network.BlockAtSend)
				w.at(10*ms, func() { one.Release(); one.Release() })
				w.send(15*ms, w.a, w.b, 0, "cut by the second")
				w.at(20*ms, two.Release)
				w.send(25*ms, w.a, w.b, 0, "open")
			},
			"35ms open",
		},
		{
			"a partial mesh: a and c both reach b, not each other", latency(10 * ms),
			func(w *world) {
				w.n.Cut(network.Between{From: network.Zones("a"), To: network.Only(w.c)}, network.BlockAtSend)
				w.send(0, w.a, w.b, 0, "a to b")
				w.send(0, w.c, w.b, 0, "c to b")
				w.send(0, w.a, w.c, 0, "a to c")
				w.send(0, w.c, w.a, 0, "c to a")
				w.send(0, w.a, w.a, 0, "a to a")
			},
			"10ms a to b; 10ms c to b; 10ms a to a",
		},
		{
			"a zone cut off from the rest talks to itself, and hosts that come later are part of it", latency(10 * ms),
			func(w *world) {
				w.n.Cut(network.Between{From: network.Zones("a"), To: network.Zones("a").Rest()}, network.BlockAtSend)
				d := w.n.AddHost("d", network.Place{Zone: "a"})
				w.send(0, w.a, d, 0, "a to d")
				w.send(0, d, w.b, 0, "d to b")
				w.send(0, w.b, w.c, 0, "b to c")
			},
			"10ms a to d; 10ms b to c",
		},
		{
			"delay spikes add up", latency(10 * ms),
			func(w *world) {
				one := w.n.Impair(network.Between{}, network.Impairment{Delay: 5 * ms})
				w.n.Impair(ab(w), network.Impairment{Delay: 100 * ms})
				w.send(0, w.a, w.b, 0, "both")
				w.send(0, w.a, w.c, 0, "one")
				w.at(20*ms, one.Release)
				w.send(30*ms, w.a, w.b, 0, "other")
			},
			"15ms one; 115ms both; 140ms other",
		},
		{
			"loss of everything", latency(10 * ms),
			func(w *world) {
				loss := w.n.Impair(ab(w), network.Impairment{Loss: 1})
				w.call(0, "lost", 50*ms)
				w.at(60*ms, loss.Release)
				w.call(70*ms, "hello", 50*ms)
			},
			"50ms lost times out; 90ms hello answered hello",
		},
		{
			"bandwidth is a queue: 1000 bytes at 100 kB/s take 10ms, then the latency",
			every(network.Path{Latency: dist.Exactly(10 * ms), Bandwidth: 100_000, Queue: 1500}),
			func(w *world) {
				w.send(0, w.a, w.b, 1000, "first")
				w.send(0, w.a, w.b, 500, "second")
				w.send(0, w.a, w.b, 1, "no room") // 1500 bytes wait
				w.send(5*ms, w.a, w.b, 500, "third")
				w.send(5*ms, w.a, w.b, 1, "no room again")
				w.send(5*ms, w.b, w.a, 500, "other direction")
				w.send(100*ms, w.a, w.b, 5000, "larger than the queue, on an idle link")
			},
			"20ms first; 20ms other direction; 25ms second; 30ms third; 160ms larger than the queue, on an idle link",
		},
		{
			"sending takes the next whole nanosecond", every(network.Path{Bandwidth: 3}),
			func(w *world) { w.send(0, w.a, w.b, 1, "a third") },
			"333.333334ms a third",
		},
		{
			"a host reaches itself, whatever is cut", latency(10 * ms),
			func(w *world) {
				w.n.Cut(network.Between{}, network.BlockAtSend)
				w.send(0, w.a, w.a, 0, "a to a")
				w.send(0, w.a, w.b, 0, "a to b")
			},
			"10ms a to a",
		},
		{
			"a copy has luck of its own", every(network.Path{Latency: dist.Must(dist.NewUniform(0, 1)), Duplicate: 1}),
			func(w *world) {
				var first sim.Time
				w.n.Send(w.a, w.b, 0, 0, func(any) {
					if first == 0 {
						first = w.s.Now()
					} else if w.s.Now() != first {
						w.log = append(w.log, "it came later")
					}
				}, nil)
			},
			"it came later",
		},
		{
			"two listeners on a host: one dies", latency(10 * ms),
			func(w *world) {
				w.echo.work = time.Second
				other := w.t.Listen(w.b, w.echo)
				w.call(0, "hello", 0)
				w.at(500*ms, func() { other.Close(true) })
			},
			"1.02s hello answered hello",
		},
		{
			"the narrowest bandwidth counts",
			every(network.Path{Bandwidth: 1_000_000}),
			func(w *world) {
				narrow := w.n.Impair(network.Between{}, network.Impairment{Bandwidth: 1000})
				w.n.Impair(network.Between{}, network.Impairment{Bandwidth: 10_000})
				w.send(0, w.a, w.b, 10, "narrow")
				w.at(20*ms, narrow.Release)
				w.send(20*ms, w.a, w.b, 10, "wider")
			},
			"10ms narrow; 21ms wider",
		},
		{
			"what is reordered is overtaken, but not on a connection",
			every(network.Path{Latency: dist.Exactly(10 * ms)}),
			func(w *world) {
				conn := w.n.Connect(w.a, w.b)
				late := w.n.Impair(network.Between{}, network.Impairment{Reorder: 1, ReorderDelay: 50 * ms})
				w.send(0, w.a, w.b, 0, "first packet")
				conn.Send(0, 0, func(any) { w.logf("first on the connection") }, nil)
				w.at(1*ms, func() {
					late.Release()
					conn.Send(0, 0, func(any) { w.logf("second on the connection") }, nil)
				})
				w.send(2*ms, w.a, w.b, 0, "second packet")
			},
			"12ms second packet; 60ms first on the connection; 60ms first packet; 60ms second on the connection",
		},
		{
			"an ordered transport keeps its requests in order", latency(10 * ms),
			func(w *world) {
				w.t.Ordered = true
				w.at(0, func() {
					spike := w.n.Impair(network.Between{}, network.Impairment{Delay: 30 * ms})
					w.at(1*ms, spike.Release)
				})
				w.call(0, "first", 0)
				w.call(2*ms, "second", 0)
			},
			"50ms first answered first; 50ms second answered second",
		},
		{
			"duplicates arrive twice, but not in an exchange",
			every(network.Path{Latency: dist.Exactly(10 * ms), Duplicate: 1}),
			func(w *world) {
				w.send(0, w.a, w.b, 0, "hello")
				w.call(1*ms, "call", 0)
			},
			"10ms hello; 10ms hello; 21ms call answered call",
		},
		{
			"a caller who gives up is heard of after the latency, if the transport cancels", latency(10 * ms),
			func(w *world) {
				w.t.Cancels = true
				w.echo.work = time.Second
				w.call(0, "hello", 100*ms)
				killed := w.call(0, "killed", 0)
				w.at(200*ms, killed.Kill)
			},
			"100ms hello times out; 110ms b hears that hello gave up; 210ms b hears that killed gave up",
		},
		{
			"a lost power supply tells nobody that callers died", latency(10 * ms),
			func(w *world) {
				w.t.Cancels = true
				w.echo.work = time.Second
				killed := w.call(0, "killed", 0)
				w.at(200*ms, func() { w.a.PowerOff(); killed.Kill() })
			},
			"",
		},
		{
			"what was lost is sent again", with(latency(10*ms), 200*ms, 0),
			func(w *world) {
				cut := w.n.Cut(oneWay(ab(w)), network.BlockAtSend)
				w.at(700*ms, cut.Release) // tried at 0, 200, 600 and 1400 ms
				w.call(0, "hello", 0)
			},
			"1.42s hello answered hello",
		},
		{
			"answers too", with(latency(10*ms), 200*ms, 0),
			func(w *world) {
				cut := w.n.Cut(back(ab(w)), network.BlockAtSend)
				w.at(500*ms, cut.Release) // tried at 10, 210 and 610 ms
				w.call(0, "hello", 0)
			},
			"620ms hello answered hello",
		},
		{
			"the wait for an answer starts anew", with(latency(10*ms), 200*ms, 0),
			func(w *world) {
				there := w.n.Cut(oneWay(ab(w)), network.BlockAtSend)
				back := w.n.Cut(back(ab(w)), network.BlockAtSend)
				w.at(100*ms, there.Release) // tried at 0 and 200 ms
				w.at(300*ms, back.Release)  // tried at 210 and 410 ms
				w.call(0, "hello", 0)
			},
			"420ms hello answered hello",
		},
		{
			"a kernel that was restarted does not send old answers again", with(latency(10*ms), 200*ms, 0),
			func(w *world) {
				cut := w.n.Cut(back(ab(w)), network.BlockAtSend)
				w.at(100*ms, w.b.PowerOff)
				w.at(150*ms, w.b.PowerOn)
				w.at(160*ms, cut.Release)
				w.call(0, "hello", 0)
			},
			"220ms hello: connection reset",
		},
		{
			"in the end the caller's host gives up", with(latency(10*ms), 200*ms, 5*time.Second),
			func(w *world) {
				w.n.Cut(ab(w), network.BlockAtSend)
				w.call(time.Second, "hello", 0)
			},
			"6s hello: peer does not respond",
		},
		{
			"a server may take longer than that", with(latency(10*ms), 200*ms, 5*time.Second),
			func(w *world) {
				w.echo.work = 20 * time.Second
				w.call(0, "hello", 0)
				w.at(20*time.Second, func() {
					loss := w.n.Impair(network.Between{}, network.Impairment{Loss: 1})
					w.at(20*time.Second+20*ms, loss.Release)
				})
			},
			"20.22s hello answered hello",
		},
		{
			"in the end the caller's host gives up on one without power", with(latency(10*ms), 0, 5*time.Second),
			func(w *world) {
				w.echo.work = time.Second
				w.call(0, "hello", 0)
				w.at(500*ms, func() { w.b.PowerOff(); w.echo.group.Kill() })
				w.at(10*time.Second, w.b.PowerOn)
			},
			"5.5s hello: peer does not respond",
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			w := run(t, story.cfg, story.story)
			if diff := cmp.Diff(story.want, strings.Join(w.log, "; ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// How many requests are served, and how many messages that takes: two for a call that goes well.
func TestNobodySpeaksInVain(t *testing.T) {
	for _, story := range []struct {
		name             string
		cfg              network.Config
		story            func(w *world)
		served, messages int
	}{
		{
			"an answer to nobody in particular is sent all the same", latency(10 * ms),
			func(w *world) { w.echo.work = time.Second; w.call(0, "hello", 100*ms) }, 1, 2,
		},
		{
			"but not to somebody known to be gone", latency(10 * ms),
			func(w *world) { w.t.Cancels = true; w.echo.work = time.Second; w.call(0, "hello", 100*ms) },
			1, 2, // the request and the news
		},
		{
			"nor a reset", latency(10 * ms),
			func(w *world) {
				w.t.Cancels = true
				w.echo.work = time.Second
				w.call(0, "hello", 100*ms)
				w.at(500*ms, func() { w.l.Close(true) })
			},
			1, 2,
		},
		{
			"a scope that has ended sends nothing", latency(10 * ms),
			func(w *world) {
				w.s.Go("caller", func(p *sim.Process) {
					scope := p.WithTimeout(time.Second)
					defer scope.Close()
					p.Sleep(time.Minute)
					if _, err := w.t.Call(p, w.a, w.b, w.l, 0, ""); !scope.Ended(err) {
						w.logf("%v", err)
					}
				})
			},
			0, 0,
		},
		{
			"news that overtakes its request: not served", latency(10 * ms),
			func(w *world) {
				w.t.Cancels = true
				spike := w.n.Impair(network.Between{}, network.Impairment{Delay: 30 * ms})
				w.at(1*ms, spike.Release)
				w.call(0, "hello", 3*ms)
			},
			0, 2,
		},
		{
			"who gave up does not ask again", with(latency(10*ms), 200*ms, 0),
			func(w *world) {
				cut := w.n.Cut(network.Between{}, network.BlockAtSend)
				w.at(500*ms, cut.Release)
				w.call(0, "hello", 300*ms)
			},
			0, 2, // at 0 and 200 ms
		},
		{
			"nor is answered again", with(latency(10*ms), 200*ms, 0),
			func(w *world) {
				w.at(5*ms, func() { w.n.Cut(network.Between{}, network.BlockAtSend) })
				w.call(0, "hello", 300*ms)
			},
			1, 3, // a request, and answers at 10 and 210 ms
		},
		{
			"nobody is reset twice", latency(10 * ms),
			func(w *world) {
				w.echo.work = time.Second
				w.call(0, "hello", 0)
				w.at(500*ms, func() { w.l.Close(true); w.l.Close(true) }) // the reply comes all the same
			},
			1, 2,
		},
		{
			"nor after having given up", with(latency(10*ms), 0, 5*time.Second),
			func(w *world) {
				w.b.PowerOff()
				w.call(0, "hello", 0)
				w.call(0, "impatient", time.Second)
				w.at(10*time.Second, w.b.PowerOn)
			},
			0, 2,
		},
		{
			"a server that forgets: silence, until its process dies or its host comes back", latency(10 * ms),
			func(w *world) {
				w.t.Cancels = true
				forget := w.t.Listen(w.b, serverFunc(func(x *network.Exchange[string, string]) { x.Forget() }))
				callers := func(at time.Duration) {
					for _, timeout := range []time.Duration{5 * ms, 100 * ms, time.Hour} {
						w.s.Go("caller", func(p *sim.Process) {
							p.SleepUntil(sim.Time(at))
							defer p.WithTimeout(timeout).Close()
							if _, err := w.t.Call(p, w.a, w.b, forget, 0, ""); err == network.ErrReset {
								w.echo.served++
							}
						})
					}
				}
				callers(0)
				w.at(time.Second, func() { forget.Close(true); forget.Open() })
				callers(2 * time.Second)
				w.at(3*time.Second, func() { w.b.PowerOff(); w.b.PowerOn() })
			},
			2, 2 * (3 + 1 + 1), // for each three requests, a cancel after 5ms, and a reset; nothing to cancel after 100ms
		},
		{
			"a reply out of a host without power", latency(10 * ms),
			func(w *world) {
				w.echo.work = time.Second
				w.call(0, "hello", 0)
				w.at(500*ms, w.b.PowerOff)
				w.at(2*time.Second, w.b.PowerOn)
			},
			1, 2, // a request and a reset
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			w := run(t, story.cfg, story.story)
			if got := int(w.n.Total().Sent); got != story.messages || w.echo.served != story.served {
				t.Errorf("%d served, %d messages, want %d and %d; %v", w.echo.served, got, story.served, story.messages, w.log)
			}
		})
	}
}

// The words of a process that is being unwound are ignored: its caller is still there to be reset.
func TestLastWordsAreIgnored(t *testing.T) {
	w := run(t, latency(10*ms), func(w *world) {
		group := w.s.NewGroup("server")
		l := w.t.Listen(w.b, serverFunc(func(x *network.Exchange[string, string]) {
			group.Go("worker", func(p *sim.Process) {
				defer x.Reply("last words", nil)
				if err := p.Sleep(time.Hour); err != nil {
					return
				}
			})
		}))
		w.s.Go("caller", func(p *sim.Process) {
			_, err := w.t.Call(p, w.a, w.b, l, 0, "")
			w.logf("%v", err)
		})
		w.at(time.Second, func() { group.Kill(); l.Close(true) })
	})
	if got, want := strings.Join(w.log, "; "), "1.01s network: connection reset"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if total := w.n.Total(); total.Blocked != 1 {
		t.Errorf("%v, want 1 blocked", total)
	}
}

// with adds retransmission and patience to a configuration.
func with(cfg network.Config, retransmit, giveUp time.Duration) network.Config {
	cfg.Retransmit, cfg.GiveUp = retransmit, giveUp
	return cfg
}

// A reply that nobody waits for any more must not reach whoever uses its exchange next.
func TestLateReplyReachesNobody(t *testing.T) {
	w := run(t, latency(10*ms), func(w *world) {
		w.echo.work = 100 * ms
		for i, name := range []string{"one", "two", "three", "four"} {
			w.call(time.Duration(i)*40*ms, name, 30*ms) // answers to earlier ones come while it waits
		}
		w.call(160*ms, "patient", 0)
	})
	want := "30ms one times out; 70ms two times out; 110ms three times out; 150ms four times out; 280ms patient answered patient"
	if got := strings.Join(w.log, "; "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestReplyTwicePanics(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		w := newWorld(s, latency(ms))
		twice := serverFunc(func(x *network.Exchange[string, string]) { x.Reply("", nil); x.Reply("", nil) })
		s.Go("caller", func(p *sim.Process) { w.t.Call(p, w.a, w.b, twice, 0, "") })
		s.RunUntilIdle()
	})
	if err == nil || !strings.Contains(err.Error(), "answered twice") {
		t.Errorf("error is %v", err)
	}
}

type serverFunc func(x *network.Exchange[string, string])

func (f serverFunc) Serve(x *network.Exchange[string, string]) { f(x) }

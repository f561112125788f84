package ratelimit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

func TestRemote(t *testing.T) {
	refused := &patterns.Error{Kind: patterns.Refused, Layer: "limits"}
	down := func(*sim.Process) (time.Duration, bool, error) { return 0, false, refused }
	limit := per(ratelimit.TokenBucket, 10)
	limit.Burst = 2
	patient := limit
	patient.Wait = -1
	for _, c := range []struct {
		name     string
		cfg      ratelimit.RemoteConfig
		limit    ratelimit.Config
		away     time.Duration // negative: it is down
		patience time.Duration
		want     string
		counts   ratelimit.RemoteCounts
	}{
		{"the answer takes a round trip", ratelimit.RemoteConfig{}, limit, 3 * ms, 0, "a3ms+ b3ms+ c3msx", ratelimit.RemoteCounts{Allowed: 2, Rejected: 1}},
		{"when to come back counts from the answer", ratelimit.RemoteConfig{RetryAfter: true}, limit, 4 * ms, 0, "a4ms+ b4ms+ c4msx98ms", ratelimit.RemoteCounts{Allowed: 2, Rejected: 1}},
		{"a permit for later", ratelimit.RemoteConfig{}, patient, 4 * ms, 0, "a4ms+ b4ms+ c102ms+", ratelimit.RemoteCounts{Allowed: 3}},
		{"too slow, and open", ratelimit.RemoteConfig{Timeout: 10 * ms, FailOpen: true}, limit, 20 * ms, 0, "a10ms+ b10ms+ c10ms+", ratelimit.RemoteCounts{Unanswered: 3}},
		{"too slow, and closed", ratelimit.RemoteConfig{Timeout: 10 * ms, Server: true}, limit, 20 * ms, 0, "a10msx!? b10msx!? c10msx!?", ratelimit.RemoteCounts{Unanswered: 3}},
		{"just in time", ratelimit.RemoteConfig{Timeout: 10*ms + 1, FailOpen: true}, limit, 10 * ms, 0, "a10ms+ b10ms+ c10msx", ratelimit.RemoteCounts{Allowed: 2, Rejected: 1}},
		{"down, and open", ratelimit.RemoteConfig{FailOpen: true}, limit, -1, 0, "a0s+ b0s+ c0s+", ratelimit.RemoteCounts{Unanswered: 3}},
		{"down, and closed", ratelimit.RemoteConfig{}, limit, -1, 0, "a0sx? b0sx? c0sx?", ratelimit.RemoteCounts{Unanswered: 3}},
		{"the caller gives up before", ratelimit.RemoteConfig{Timeout: 10 * ms, FailOpen: true}, limit, 20 * ms, 5 * ms, "a5mst b5mst c5mst", ratelimit.RemoteCounts{}},
		{"the caller gives up on a permit for later", ratelimit.RemoteConfig{}, patient, 4 * ms, 50 * ms, "a4ms+ b4ms+ c50mst", ratelimit.RemoteCounts{Allowed: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := ratelimit.New(c.limit, 0)
			ask := ratelimit.Ask(down)
			if c.away >= 0 {
				ask = l.Elsewhere(c.away)
			}
			r := ratelimit.NewRemote(c.cfg, ask)
			if got := play(t, r, c.patience, 0, 0, 0); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := r.Counts(); got != c.counts {
				t.Errorf("counted %+v, want %+v", got, c.counts)
			}
			if counts := l.Counts(); c.away >= 0 && counts.Allowed+counts.Rejected != 3 {
				t.Errorf("of 3 questions %+v arrived, though those were given up that were on their way", counts)
			}
		})
	}
}

func TestRemoteAsksForNoMoreThanThereEverIs(t *testing.T) {
	never := func(*sim.Process) (time.Duration, bool, error) { return -1, false, nil }
	if got := play(t, ratelimit.NewRemote(ratelimit.RemoteConfig{RetryAfter: true}, never), 0, 0); got != "a0sx" {
		t.Errorf("got %s, want a rejection that says nothing of when", got)
	}
}

// clients make calls every so often, each behind a limiter of its own that shares the counters, until an
// instant, and count what was let through in each window.
func clients(t interface{ Fatal(...any) }, cfg ratelimit.SyncedConfig, n int, every, roundTrip time.Duration, until sim.Time) (through []int) {
	simulate(t, func(s *sim.Simulation) {
		counters := new(ratelimit.Counters)
		for i := range n {
			call := ratelimit.NewSynced(cfg, counters.Elsewhere(roundTrip)).Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				window := int(p.Now() / sim.Time(cfg.Period))
				for len(through) <= window {
					through = append(through, 0)
				}
				through[window]++
				return patterns.Response{}, nil
			})
			s.At(sim.Time(every)*sim.Time(i)/sim.Time(n), func() {
				s.Go("client", func(p *sim.Process) {
					for p.Now() < until {
						call(p, patterns.Request{})
						p.Sleep(every)
					}
				})
			})
		}
	})
	return through
}

// Ten clients call every 10 ms each, 1000 calls a second together, and may make 100 in a second. What a
// client knows of the other nine is as old as its last synchronisation, so 0.9 calls above the limit get
// through for each millisecond of that:
//
//	10 ms old at its next call: 9 above
//	10 ms away: not yet there at its next call, so it synchronises at every second one: 30 ms, 27 above
//	every 100 ms: 90 above; and 10 ms away, 99
//	once an hour: each makes 100. In the first second the i-th knows of the first call of i others.
func TestStalenessLetsMoreThrough(t *testing.T) {
	for _, c := range []struct {
		every, roundTrip time.Duration
		want             []int
	}{
		{0, 0, []int{109, 109, 109}},
		{0, 10 * ms, []int{127, 127, 127}},
		{100 * ms, 0, []int{190, 190, 190}},
		{100 * ms, 10 * ms, []int{199, 199, 199}},
		{time.Hour, 0, []int{955, 1000, 1000}},
	} {
		cfg := ratelimit.SyncedConfig{Algorithm: ratelimit.FixedWindow, Limit: 100, Period: time.Second, Every: c.every}
		got := clients(t, cfg, 10, 10*ms, c.roundTrip, sim.Time(3*time.Second))
		if !slices.Equal(got, c.want) {
			t.Errorf("every %v, %v away: %v were let through, want %v", c.every, c.roundTrip, got, c.want)
		}
	}
}

// One client that is alone decides as a limiter of its own does, wherever the counters are.
func TestSyncedAloneEqualsLimiter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, ratelimit.FixedWindow, ratelimit.SlidingCounter)
		synced := ratelimit.NewSynced(ratelimit.SyncedConfig{
			Algorithm: cfg.Algorithm, Limit: cfg.Limit, Period: cfg.Period, RetryAfter: true,
			Every: time.Duration(rapid.IntRange(0, 100).Draw(t, "every")),
		}, new(ratelimit.Counters).Elsewhere(time.Duration(rapid.IntRange(0, 30).Draw(t, "round trip"))))
		cfg.RetryAfter = true
		local := ratelimit.New(cfg, 0)
		story := requests(t, 0, 1)
		simulate(t, func(s *sim.Simulation) {
			call, same := synced.Wrap(done), local.Wrap(done)
			s.Go("client", func(p *sim.Process) {
				for i, q := range story {
					p.SleepUntil(q.now)
					_, err := call(p, patterns.Request{})
					_, want := same(p, patterns.Request{})
					if fmt.Sprint(err) != fmt.Sprint(want) || err != nil && err.(*patterns.Error).RetryAfter != want.(*patterns.Error).RetryAfter {
						t.Fatalf("call %d at %v: %+v, want %+v", i, q.now, err, want)
					}
				}
			})
		})
		if got, want := synced.Counts(), local.Counts(); got != want {
			t.Fatalf("counted %+v, want %+v", got, want)
		}
	})
}

// Clients that synchronise at every call know all but the newest call of each other, so they get no
// more through together than that many above the limit; and no less than one that is alone.
func TestCountersAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := ratelimit.SyncedConfig{
			Algorithm: rapid.SampledFrom([]ratelimit.Algorithm{ratelimit.FixedWindow, ratelimit.SlidingCounter}).Draw(t, "algorithm"),
			Limit:     rapid.IntRange(1, 20).Draw(t, "limit"), Period: time.Second,
		}
		n := rapid.IntRange(1, 5).Draw(t, "clients")
		for i, x := range clients(t, cfg, n, 30*ms, 0, sim.Time(4*time.Second)) {
			if x > cfg.Limit+n-1 || cfg.Algorithm == ratelimit.FixedWindow && x < cfg.Limit {
				t.Fatalf("window %d: %d were let through", i, x)
			}
		}
	})
}

// What cannot be told is told later, and nothing is told twice.
func TestSyncedGoesOnWithoutTheCounters(t *testing.T) {
	var counters ratelimit.Counters
	down := &patterns.Error{Kind: patterns.Unavailable, Layer: "limits"}
	var told []string
	tell := func(p *sim.Process, window, n int64) (int64, error) {
		told = append(told, fmt.Sprintf("%v:%d*%d", p.Now(), window, n))
		if now := p.Now(); now >= sim.Time(200*ms) && now < sim.Time(1100*ms) {
			return 0, down
		}
		return counters.Add(window, n), nil
	}
	cfg := ratelimit.DefaultSyncedConfig()
	cfg.Limit, cfg.Period, cfg.RetryAfter = 5, time.Second, false
	y := ratelimit.NewSynced(cfg, tell)
	got := play(t, y, 0, 0, 50*ms, 100*ms, 250*ms, 400*ms, 800*ms, 1600*ms, 2500*ms, 4700*ms)
	if want := "a0s+ b50ms+ c100ms+ d250ms+ e400ms+ f800msx g1.6s+ h2.5s+ i4.7s+"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want := "0s:0*1 100ms:0*2 250ms:0*1 400ms:0*2 800ms:0*2 1.6s:0*2 1.6s:1*1 2.5s:1*0 2.5s:2*1 4.7s:3*0 4.7s:4*1"
	if got := strings.Join(told, " "); got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
	if got, want := y.Counts(), (ratelimit.Counts{Allowed: 8, Rejected: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestCounters(t *testing.T) {
	var c ratelimit.Counters
	for i, step := range []struct{ window, n, want int64 }{
		{0, 2, 2}, {0, 1, 3}, {1, 4, 4}, {0, 5, 8}, {0, 0, 8}, {3, 1, 1}, {2, 1, 1}, {2, 1, 2}, {1, 9, 0}, {3, 0, 1},
	} {
		if got := c.Add(step.window, step.n); got != step.want {
			t.Errorf("step %d: %d more in window %d are %d, want %d", i, step.n, step.window, got, step.want)
		}
	}
}

func TestSharedConfigs(t *testing.T) {
	if err := ratelimit.DefaultRemoteConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err := ratelimit.DefaultSyncedConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err, want := (ratelimit.RemoteConfig{Timeout: -1}).Validate(), "ratelimit: RemoteConfig.Timeout is -1ns, need 0 or more"; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	err := ratelimit.SyncedConfig{Algorithm: ratelimit.TokenBucket, Every: -1}.Validate()
	want := `ratelimit: SyncedConfig.Algorithm is token_bucket, need fixed_window or sliding_counter, whose counts can be added up
ratelimit: SyncedConfig.Limit is 0, need 1 to 1,000,000,000
ratelimit: SyncedConfig.Period is 0s, need more than 0
ratelimit: SyncedConfig.Every is -1ns, need 0 or more`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func ExampleRemote() {
	cfg := ratelimit.DefaultConfig()
	cfg.Limit, cfg.Burst = 10, 1
	l := ratelimit.New(cfg, 0) // somewhere, for both clients
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		for i := range 2 {
			call := ratelimit.NewRemote(ratelimit.DefaultRemoteConfig(), l.Elsewhere(4*time.Millisecond)).Wrap(done)
			s.Go("client", func(p *sim.Process) {
				_, err := call(p, patterns.Request{})
				fmt.Println(p.Now(), "client", i, err)
			})
		}
		s.RunUntilIdle()
	})
	// Output:
	// 4ms client 0 <nil>
	// 4ms client 1 ratelimit: overloaded: rate limit exceeded
}

func ExampleSynced() {
	cfg := ratelimit.SyncedConfig{Algorithm: ratelimit.FixedWindow, Limit: 3, Period: time.Minute, Every: time.Second}
	counters := new(ratelimit.Counters)
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		for i := range 2 {
			call := ratelimit.NewSynced(cfg, counters.Elsewhere(10*time.Millisecond)).Wrap(done)
			s.Go("client", func(p *sim.Process) {
				for range 3 {
					_, err := call(p, patterns.Request{})
					fmt.Println(p.Now(), "client", i, err)
					p.Sleep(5 * time.Millisecond)
				}
			})
		}
		s.RunUntilIdle()
	})
	// Output:
	// 0s client 0 <nil>
	// 0s client 1 <nil>
	// 5ms client 0 <nil>
	// 5ms client 1 <nil>
	// 10ms client 0 <nil>
	// 10ms client 1 <nil>
}

func BenchmarkSynced(b *testing.B) {
	cfg := ratelimit.SyncedConfig{Algorithm: ratelimit.SlidingCounter, Limit: 1000, Period: time.Second, Every: 10 * ms}
	simulate(b, func(s *sim.Simulation) {
		call := ratelimit.NewSynced(cfg, new(ratelimit.Counters).Elsewhere(ms)).Wrap(done)
		s.Go("client", func(p *sim.Process) {
			b.ReportAllocs()
			for b.Loop() {
				call(p, patterns.Request{})
				p.Sleep(2 * ms)
			}
		})
	})
}

// A question for which nobody waits any more arrives all the same, when it would have, and takes its permit.
func TestQuestionsArriveThoughNobodyWaits(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		l := ratelimit.New(ratelimit.DefaultConfig(), 0)
		ask := l.Elsewhere(20 * ms)
		s.Go("caller", func(p *sim.Process) {
			limit := p.WithTimeout(5 * ms)
			defer limit.Close()
			if _, _, err := ask(p); !limit.Ended(err) {
				t.Errorf("at %v: %v", p.Now(), err)
			}
		})
		for _, c := range []struct {
			at   time.Duration
			want uint64
		}{{10*ms - 1, 0}, {10 * ms, 1}, {time.Second, 1}} {
			s.RunUntil(sim.Time(c.at))
			if got := l.Counts().Allowed; got != c.want {
				t.Errorf("at %v: %d permits, want %d", c.at, got, c.want)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

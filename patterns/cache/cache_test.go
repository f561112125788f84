package cache_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/cache"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A store answers after a while; what it answers is when it was asked, in milliseconds.
type store struct {
	takes time.Duration
	down  sim.Time // it fails from then on; 0: never
	loads []string // key@when
}

func (st *store) read(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	asked := p.Now()
	st.loads = append(st.loads, fmt.Sprintf("%d@%v", req.Key, asked))
	if err := p.Sleep(st.takes); err != nil {
		return patterns.Response{}, err
	}
	if st.down != 0 && p.Now() >= st.down {
		return patterns.Response{}, &patterns.Error{Kind: patterns.Failed, Layer: "store"}
	}
	return patterns.Response{From: "store", Value: uint64(time.Duration(asked).Milliseconds())}, nil
}

func simulate(t interface{ Fatal(...any) }, f func(s *sim.Simulation)) {
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		f(s)
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// play lets callers come, each a word of when, what key and how patient: "200ms:1/2s". It returns
// how each ended, and the loads that the store saw. A patience in brackets kills the caller.
func play(t *testing.T, cfg cache.Config, st *store, callers string) (ends string, counts cache.Counts) {
	words := strings.Fields(callers)
	list := make([]string, len(words))
	simulate(t, func(s *sim.Simulation) {
		c := cache.New(cfg)
		for i, word := range words {
			when, rest, _ := strings.Cut(word, ":")
			key, patience, _ := strings.Cut(rest, "/")
			at := duration(t, when)
			if when, killed := strings.CutPrefix(patience, "kill"); killed {
				patience = "1h"
				g := s.NewGroup("killed")
				s.At(sim.Time(at), func() {
					p := g.Go("caller", func(p *sim.Process) { c.Wrap(st.read)(p, request(t, key)) })
					s.After(duration(t, when), p.Kill)
				})
				list[i] = "killed"
				continue
			}
			call := timeout.New(timeout.Attempt(duration(t, patience))).Wrap(c.Wrap(st.read))
			s.At(sim.Time(at), func() {
				s.Go("caller", func(p *sim.Process) {
					resp, err := call(p, request(t, key))
					what := fmt.Sprintf("%s:%d", resp.From, resp.Value)
					if e, ok := err.(*patterns.Error); ok {
						what = e.Layer
					}
					if resp.Degraded {
						what += "!"
					}
					list[i] = fmt.Sprintf("%v=%s", p.Now(), what)
				})
			})
		}
		s.RunUntilIdle()
		counts = c.Counts()
	})
	return strings.Join(list, " "), counts
}

func duration(t *testing.T, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func request(t *testing.T, key string) (req patterns.Request) {
	if _, err := fmt.Sscan(key, &req.Key); err != nil {
		t.Fatal(err)
	}
	return req
}

func TestStories(t *testing.T) {
	inTime := cache.Config{Name: "cache", Keys: 2, TTL: 10 * time.Second}
	late, shared, sharedLate := inTime, inTime, inTime
	late.Fill = cache.Late
	shared.SingleFlight = true
	sharedLate.Fill, sharedLate.SingleFlight = cache.Late, true
	limited := late
	limited.MaxLoad = 600 * time.Millisecond
	stale := inTime
	stale.TTL, stale.StaleIfError = 2*time.Second, 5*time.Second
	never, none := inTime, inTime
	never.TTL = 0
	none.Keys = 0
	up := store{takes: time.Second}
	breaks := store{takes: time.Second, down: sim.Time(3 * time.Second)}
	for _, c := range []struct {
		name    string
		cfg     cache.Config
		store   store
		callers string
		want    string
		loads   string
	}{
		{"a hit takes no time", inTime, up, "0s:1/2s 3s:1/2s", "1s=store:0 3s=cache:0", "1@0s"},
		{"each key by itself", inTime, up, "0s:1/2s 3s:2/2s", "1s=store:0 4s=store:3000", "1@0s 2@3s"},
		{"fresh to the last instant", inTime, up, "0s:1/2s 10.999999999s:1/2s 11s:1/2s", "1s=store:0 10.999999999s=cache:0 12s=store:11000", "1@0s 1@11s"},
		{"the key used longest ago goes", inTime, up, "0s:1/2s 0s:2/2s 2s:1/2s 3s:3/2s 5s:1/2s 5s:2/2s", "1s=store:0 1s=store:0 2s=cache:0 4s=store:3000 5s=cache:0 6s=store:5000", "1@0s 2@0s 3@3s 2@5s"},
		{"no time to live", never, up, "0s:1/2s 3s:1/2s", "1s=store:0 4s=store:3000", "1@0s 1@3s"},
		{"no room", none, up, "0s:1/2s 3s:1/2s", "1s=store:0 4s=store:3000", "1@0s 1@3s"},

		{"in time: an answer that is late is lost", inTime, up, "0s:1/500ms 2s:1/500ms", "500ms=timeout 2.5s=timeout", "1@0s 1@2s"},
		{"late: it fills the cache", late, up, "0s:1/500ms 2s:1/500ms", "500ms=timeout 2s=cache:0", "1@0s"},
		{"late: each miss loads", late, up, "0s:1/500ms 600ms:1/500ms 1.2s:1/1s", "500ms=timeout 1.1s=timeout 1.2s=cache:0", "1@0s 1@600ms"},
		{"late: even if the caller is killed", late, up, "0s:1/kill500ms 2s:1/500ms", "killed 2s=cache:0", "1@0s"},
		{"late, but not that late", limited, up, "0s:1/500ms 2s:1/2s", "500ms=timeout 2.6s=cache", "1@0s 1@2s"},

		{"single flight: one load", shared, up, "0s:1/2s 300ms:1/2s 300ms:2/2s", "1s=store:0 1s=store:0 1.3s=store:300", "1@0s 2@300ms"},
		{"the first leaves, the second gets it", shared, up, "0s:1/500ms 300ms:1/2s 2s:1/2s", "500ms=timeout 1s=store:0 2s=cache:0", "1@0s"},
		{"the first is killed, the second gets it", shared, up, "0s:1/kill500ms 300ms:1/2s", "killed 1s=store:0", "1@0s"},
		{"all leave: the load is given up", shared, up, "0s:1/500ms 300ms:1/500ms 2s:1/2s", "500ms=timeout 800ms=timeout 3s=store:2000", "1@0s 1@2s"},
		{"the last is killed: so too", shared, up, "0s:1/kill500ms 900ms:1/2s", "killed 1.9s=store:900", "1@0s 1@900ms"},
		{"all leave, but it is filled late", sharedLate, up, "0s:1/500ms 600ms:1/2s 2s:1/2s", "500ms=timeout 1s=store:0 2s=cache:0", "1@0s"},
		{"an answer at the very instant that the last one leaves is late", shared, up, "0s:1/1s 2s:1/2s", "1s=timeout 3s=store:2000", "1@0s 1@2s"},
		{"late: it is kept", sharedLate, up, "0s:1/1s 2s:1/2s", "1s=timeout 2s=cache:0", "1@0s"},
		{"a failed load fails them all", shared, breaks, "2.5s:1/2s 3s:1/2s 4s:1/2s", "3.5s=store 3.5s=store 5s=store", "1@2.5s 1@4s"},

		{"stale, if loading fails", stale, breaks, "0s:1/2s 4s:1/2s", "1s=store:0 5s=cache:0!", "1@0s 1@4s"},
		{"stale begins where fresh ends", stale, up, "0s:1/2s 3s:1/2s", "1s=store:0 4s=store:3000", "1@0s 1@3s"},
		{"but not if it is too old by then", stale, breaks, "0s:1/2s 6.5s:1/2s 7s:1/2s", "1s=store:0 7.5s=cache:0! 8s=store", "1@0s 1@6.5s 1@7s"},
		{"fresh, if another load has filled it meanwhile", inTime, breaks, "1.9s:1/2s 2.5s:1/2s", "2.9s=store:1900 3.5s=cache:1900", "1@1.9s 1@2.5s"},
		{"nor if loading works", stale, up, "0s:1/2s 4s:1/2s", "1s=store:0 5s=store:4000", "1@0s 1@4s"},
	} {
		st := c.store
		ends, counts := play(t, c.cfg, &st, c.callers)
		if got := strings.Join(st.loads, " "); ends != c.want || got != c.loads {
			t.Errorf("%s: %s\n got %s, loads %s\nwant %s, loads %s", c.name, c.callers, ends, got, c.want, c.loads)
		}
		if counts.Loads != uint64(len(st.loads)) || counts.Hits+counts.Loads+counts.Joined != uint64(len(strings.Fields(c.callers))) {
			t.Errorf("%s: %+v", c.name, counts)
		}
	}
}

// Who gives a load up and asks again at once does not join the load that was given up.
func TestRetryStartsAnotherLoad(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		cfg := cache.DefaultConfig()
		cfg.SingleFlight = true
		again := retry.Config{Attempts: 2, Backoff: retry.Constant(0), On: patterns.Transient}
		slowOnce := &store{takes: time.Second}
		call := patterns.Chain(
			retry.New(again, s.Keyed("retry"), nil), timeout.New(timeout.Attempt(500*time.Millisecond)), cache.New(cfg),
		).Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			defer func() { slowOnce.takes = 100 * time.Millisecond }()
			return slowOnce.read(p, req)
		})
		s.Go("caller", func(p *sim.Process) {
			if _, err := call(p, patterns.Request{}); err != nil || p.Now() != sim.Time(600*time.Millisecond) {
				t.Errorf("at %v: %v", p.Now(), err)
			}
		})
		s.At(sim.Time(550*time.Millisecond), func() { // and the new load is joined
			s.Go("another", func(p *sim.Process) { call(p, patterns.Request{}) })
		})
		s.RunUntilIdle()
		if len(slowOnce.loads) != 2 {
			t.Errorf("loads %v", slowOnce.loads)
		}
	})
}

// A load that leaves its caller leaves the caller's deadline behind; another keeps it.
func TestDeadlines(t *testing.T) {
	const deadline = sim.Time(5 * time.Second)
	for _, c := range []struct {
		fill         cache.Fill
		singleFlight bool
		want         sim.Time
	}{{cache.InTime, false, deadline}, {cache.Late, false, 0}, {cache.InTime, true, 0}} {
		simulate(t, func(s *sim.Simulation) {
			cfg := cache.DefaultConfig()
			cfg.Fill, cfg.SingleFlight = c.fill, c.singleFlight
			call := cache.New(cfg).Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				if req.Deadline != c.want {
					t.Errorf("%v, single flight %v: told %v, want %v", c.fill, c.singleFlight, req.Deadline, c.want)
				}
				return patterns.Response{}, nil
			})
			s.Go("caller", func(p *sim.Process) { call(p, patterns.Request{Deadline: deadline}) })
		})
	}
}

func TestCounts(t *testing.T) {
	cfg := cache.Config{Name: "cache", Keys: 2, TTL: 2 * time.Second, StaleIfError: 5 * time.Second, Fill: cache.Late, SingleFlight: true}
	st := store{takes: time.Second, down: sim.Time(8 * time.Second)}
	ends, got := play(t, cfg, &st, "0s:1/2s 500ms:1/2s 2s:1/2s 2s:2/500ms 4s:3/2s 8s:3/2s")
	if want := "1s=store:0 1s=store:0 2s=cache:0 2.5s=timeout 5s=store:4000 9s=cache:4000!"; ends != want {
		t.Errorf("got %s, want %s", ends, want)
	}
	want := cache.Counts{Hits: 1, Loads: 4, Joined: 1, Rescued: 1, Late: 1, Evicted: 1}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDegradedAnswersAreNotKept(t *testing.T) {
	c := cache.New(cache.DefaultConfig())
	key := cache.Key{Op: "list", Key: 1}
	c.Store(0, key, patterns.Response{Degraded: true})
	if _, state := c.Lookup(0, key); state != cache.Absent {
		t.Errorf("kept: %v", state)
	}
}

func TestFlush(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		cfg := cache.DefaultConfig()
		cfg.Fill = cache.Late
		c := cache.New(cfg)
		st := &store{takes: time.Second}
		call := c.Wrap(st.read)
		s.Go("caller", func(p *sim.Process) {
			call(p, patterns.Request{Key: 1})
			s.At(sim.Time(1500*time.Millisecond), c.Flush)
			call(p, patterns.Request{Key: 2}) // under way during the flush: it fills the empty cache
			if c.Len() != 1 {
				t.Errorf("%d answers after the flush", c.Len())
			}
			call(p, patterns.Request{Key: 1})
			if p.Now() != sim.Time(3*time.Second) {
				t.Errorf("a hit on a flushed key, at %v", p.Now())
			}
		})
	})
}

// A client that dies takes its loads with it.
func TestLoadsDieWithTheirClient(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		cfg := cache.DefaultConfig()
		cfg.Fill, cfg.SingleFlight = cache.Late, true
		c := cache.New(cfg)
		st := &store{takes: time.Second}
		g := s.NewGroup("client")
		for range 3 {
			g.Go("caller", func(p *sim.Process) { c.Wrap(st.read)(p, patterns.Request{}) })
		}
		s.At(sim.Time(500*time.Millisecond), g.Kill)
		s.RunUntilIdle()
		if s.Now() != sim.Time(500*time.Millisecond) || c.Len() != 0 || len(st.loads) != 1 {
			t.Errorf("at %v: %d answers, loads %v", s.Now(), c.Len(), st.loads)
		}
	})
}

// Whatever the configuration and whoever leaves when: hits are fresh, flights are single, callers
// are not held longer than they wait, answers that nobody waited for are kept only if late ones
// are, and nobody is forgotten.
func TestRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := time.Millisecond
		cfg := cache.Config{
			Name: "cache", Keys: rapid.IntRange(0, 3).Draw(t, "keys"),
			TTL:          time.Duration(rapid.IntRange(0, 8).Draw(t, "ttl")) * 100 * ms,
			StaleIfError: time.Duration(rapid.IntRange(0, 5).Draw(t, "stale")) * 100 * ms,
			Fill:         cache.Fill(rapid.IntRange(0, 1).Draw(t, "fill")),
			SingleFlight: rapid.Bool().Draw(t, "single flight"),
			MaxLoad:      time.Duration(rapid.IntRange(0, 4).Draw(t, "max load")) * 100 * ms,
		}
		var wrong []string
		simulate(t, func(s *sim.Simulation) {
			c := cache.New(cfg)
			underWay := map[uint64]int{}
			luck := s.Stream("store")
			call := c.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				underWay[req.Key]++
				defer func() { underWay[req.Key]-- }()
				if cfg.SingleFlight && underWay[req.Key] > 1 {
					wrong = append(wrong, fmt.Sprintf("%v: %d loads of %d", p.Now(), underWay[req.Key], req.Key))
				}
				if err := p.Sleep(time.Duration(luck.IntN(400)) * ms); err != nil {
					return patterns.Response{}, err
				}
				if luck.Chance(0.3) {
					return patterns.Response{}, &patterns.Error{Kind: patterns.Failed, Layer: "store"}
				}
				return patterns.Response{From: "store", Value: uint64(p.Now())}, nil
			})
			calls := rapid.IntRange(1, 30).Draw(t, "calls")
			ended := 0
			for range calls {
				at := sim.Time(time.Duration(rapid.IntRange(0, 2000).Draw(t, "at")) * ms)
				patience := time.Duration(rapid.IntRange(1, 500).Draw(t, "patience")) * ms
				key := uint64(rapid.IntRange(0, 3).Draw(t, "key"))
				killed := rapid.IntRange(0, 600).Draw(t, "killed after")
				impatient := timeout.New(timeout.Attempt(patience)).Wrap(call)
				s.At(at, func() {
					p := s.Go("caller", func(p *sim.Process) {
						defer func() { ended++ }()
						resp, err := impatient(p, patterns.Request{Key: key})
						age := p.Now().Sub(sim.Time(resp.Value))
						switch {
						case p.Now().Sub(at) > patience:
							wrong = append(wrong, fmt.Sprintf("held until %v since %v", p.Now(), at))
						case err != nil:
						case resp.From == "cache" && resp.Degraded && (cfg.StaleIfError == 0 || age >= cfg.TTL+cfg.StaleIfError):
							wrong = append(wrong, fmt.Sprintf("stale for %v", age))
						case resp.From == "cache" && !resp.Degraded && age >= cfg.TTL:
							wrong = append(wrong, fmt.Sprintf("a hit %v old", age))
						case resp.From == "store" && age != 0:
							wrong = append(wrong, fmt.Sprintf("an answer was held back for %v", age))
						}
					})
					if killed < 500 {
						s.After(time.Duration(killed)*ms, p.Kill)
					}
				})
			}
			s.RunUntilIdle()
			got := c.Counts()
			// Who is killed at the instant of its start has asked for nothing.
			if sum := int(got.Hits + got.Loads + got.Joined); ended != sum || ended > calls {
				wrong = append(wrong, fmt.Sprintf("%+v of %d calls, %d ended", got, calls, ended))
			}
			if cfg.Fill == cache.InTime && got.Late > 0 || !cfg.SingleFlight && got.Joined > 0 || c.Len() > cfg.Keys {
				wrong = append(wrong, fmt.Sprintf("%+v", got))
			}
			for key, n := range underWay {
				if n != 0 {
					wrong = append(wrong, fmt.Sprintf("%d loads of %d are left", n, key))
				}
			}
		})
		if slices.Sort(wrong); len(wrong) > 0 {
			t.Fatal(strings.Join(wrong, "\n"))
		}
	})
}

func TestValidateNamesEveryBadField(t *testing.T) {
	if err := cache.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := cache.Config{Keys: -1, TTL: -1, StaleIfError: -1, Fill: 9, MaxLoad: -1}.Validate()
	want := `cache: Keys is -1, need 0 or more
cache: TTL is -1ns, need 0 or more
cache: StaleIfError is -1ns, need 0 or more
cache: Fill is fill 9, need in_time or late
cache: MaxLoad is -1ns, need 0 or more`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// The caller gives up after half a second, the store takes a whole one.
func ExampleCache() {
	for _, fill := range []cache.Fill{cache.InTime, cache.Late} {
		fmt.Println(fill)
		sim.Run(sim.Config{}, func(s *sim.Simulation) {
			cfg := cache.DefaultConfig()
			cfg.Fill = fill
			slow := &store{takes: time.Second}
			policy := patterns.Chain(timeout.New(timeout.Attempt(500*time.Millisecond)), cache.New(cfg))
			call := policy.Wrap(slow.read)
			s.Go("caller", func(p *sim.Process) {
				for range 2 {
					resp, err := call(p, patterns.Request{Op: "profile", Key: 7})
					fmt.Println(p.Now(), resp.From, err)
					p.Sleep(2 * time.Second)
				}
			})
			s.RunUntilIdle()
		})
	}
	// Output:
	// in_time
	// 500ms  timeout: timeout (may have happened)
	// 3s  timeout: timeout (may have happened)
	// late
	// 500ms  timeout: timeout (may have happened)
	// 2.5s cache <nil>
}

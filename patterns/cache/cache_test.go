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

// luck is that of caches which do nothing by chance.
var luck sim.Keyed

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
		c := cache.New(cfg, sim.Seed(1).Keyed("cache"))
		for i, word := range words {
			when, rest, _ := strings.Cut(word, ":")
			key, patience, _ := strings.Cut(rest, "/")
			at := duration(t, when)
			if when, killed := strings.CutPrefix(patience, "kill"); killed {
				patience = "1h"
				s.At(sim.Time(at), func() {
					p := s.Go("caller", func(p *sim.Process) { c.Wrap(st.read)(p, request(t, key)) })
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
	soft := inTime
	soft.SoftTTL = 4 * time.Second
	softShared, softNegative, hardly := soft, soft, soft
	softShared.SingleFlight = true
	hardly.MaxLoad = 600 * time.Millisecond
	negative := inTime
	negative.TTL, negative.Negative, negative.NegativeOn = 2*time.Second, 3*time.Second, patterns.KindsOf(patterns.Failed)
	softNegative.Negative, softNegative.NegativeOn = negative.Negative, negative.NegativeOn
	otherKinds, negativeStale, negativeShared, negativeLate, negativeNone := negative, negative, negative, negative, negative
	otherKinds.NegativeOn = patterns.KindsOf(patterns.Timeout)
	negativeStale.StaleIfError = 20 * time.Second
	negativeShared.SingleFlight = true
	negativeLate.Fill = cache.Late
	negativeNone.Keys = 0
	tooLong := negativeLate
	tooLong.MaxLoad, tooLong.NegativeOn = 600*time.Millisecond, otherKinds.NegativeOn
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

		{"soft: the old answer at once, and one load", soft, up, "0s:1/2s 5s:1/2s 5.9s:1/2s 7s:1/2s", "1s=store:0 5s=cache:0 5.9s=cache:0 7s=cache:5000", "1@0s 1@5s"},
		{"soft: fresh to the last instant", soft, up, "0s:1/2s 4.999999999s:1/2s 6s:1/2s", "1s=store:0 4.999999999s=cache:0 6s=cache:0", "1@0s 1@6s"},
		{"soft: a caller loads if nobody has asked meanwhile", soft, up, "0s:1/2s 11s:1/2s", "1s=store:0 12s=store:11000", "1@0s 1@11s"},
		{"soft: a miss loads for itself", soft, up, "0s:1/2s 10.9s:1/2s 11s:1/2s", "1s=store:0 10.9s=cache:0 12s=store:11000", "1@0s 1@10.9s 1@11s"},
		{"soft and single flight: a miss joins", softShared, up, "0s:1/2s 10.9s:1/2s 11s:1/2s", "1s=store:0 10.9s=cache:0 11.9s=store:10900", "1@0s 1@10.9s"},
		{"soft: who joined may leave, it is kept", softShared, up, "0s:1/2s 10.9s:1/2s 11s:1/500ms 13s:1/2s", "1s=store:0 10.9s=cache:0 11.5s=timeout 13s=cache:10900", "1@0s 1@10.9s"},
		{"soft: a load that fails leaves the old one", soft, breaks, "0s:1/2s 5s:1/2s 7s:1/2s 11s:1/2s", "1s=store:0 5s=cache:0 7s=cache:0 12s=store", "1@0s 1@5s 1@7s 1@11s"},
		{"soft: and is not tried again so soon", softNegative, breaks, "0s:1/2s 5s:1/2s 7s:1/2s 8.9s:1/2s 9s:1/2s", "1s=store:0 5s=cache:0 7s=cache:0 8.9s=cache:0 9s=cache:0", "1@0s 1@5s 1@9s"},
		{"soft: a load that takes too long is given up", hardly, up, "0s:1/2s 5s:1/2s 5.5s:1/2s 5.7s:1/2s 7s:1/2s", "1s=store:0 5s=cache:0 5.5s=cache:0 5.7s=cache:0 7s=cache:0", "1@0s 1@5s 1@5.7s 1@7s"},

		{"negative: the same failure at once", negative, breaks, "3s:1/2s 6.999999999s:1/2s 7s:1/2s", "4s=store 6.999999999s=cache 8s=store", "1@3s 1@7s"},
		{"negative: of that key", negative, breaks, "3s:1/2s 5s:2/2s", "4s=store 6s=store", "1@3s 2@5s"},
		{"negative: not of other kinds", otherKinds, breaks, "3s:1/2s 5s:1/2s", "4s=store 6s=store", "1@3s 1@5s"},
		{"negative: nor where there is no room", negativeNone, breaks, "3s:1/2s 5s:1/2s", "4s=store 6s=store", "1@3s 1@5s"},
		{"negative: a caller's timeout is none", negative, up, "0s:1/500ms 1s:1/2s", "500ms=timeout 2s=store:1000", "1@0s 1@1s"},
		{"negative: a stale answer meanwhile", negativeStale, breaks, "0s:1/2s 4s:1/2s 6s:1/2s 9s:1/2s", "1s=store:0 5s=cache:0! 6s=cache:0! 10s=cache:0!", "1@0s 1@4s 1@9s"},
		{"negative: those who wait, and the next", negativeShared, breaks, "3s:1/2s 3.5s:1/2s 5s:1/2s", "4s=store 4s=store 5s=cache", "1@3s"},
		{"negative: nobody has seen it fail", negativeShared, breaks, "3s:1/kill500ms 5s:1/2s", "killed 6s=store", "1@3s 1@5s"},
		{"negative: a late failure is kept like a late answer", negativeLate, breaks, "3s:1/500ms 5s:1/2s", "3.5s=timeout 5s=cache", "1@3s"},
		{"negative: so is a load that took too long", tooLong, up, "0s:1/500ms 1s:1/2s", "500ms=timeout 1s=cache", "1@0s"},
	} {
		st := c.store
		ends, counts := play(t, c.cfg, &st, c.callers)
		if got := strings.Join(st.loads, " "); ends != c.want || got != c.loads {
			t.Errorf("%s: %s\n got %s, loads %s\nwant %s, loads %s", c.name, c.callers, ends, got, c.want, c.loads)
		}
		if counts.Loads+counts.Refreshed != uint64(len(st.loads)) || counts.Hits+counts.Negative+counts.Loads+counts.Joined != uint64(len(strings.Fields(c.callers))) {
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
			retry.New(again, s.Keyed("retry"), nil), timeout.New(timeout.Attempt(500*time.Millisecond)), cache.New(cfg, luck),
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
			call := cache.New(cfg, luck).Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
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
	c := cache.New(cache.DefaultConfig(), luck)
	key := cache.Key{Op: "list", Key: 1}
	c.Store(0, key, patterns.Response{Degraded: true}, 0)
	if _, state := c.Lookup(0, key); state != cache.Absent {
		t.Errorf("kept: %v", state)
	}
}

func TestFlush(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		cfg := cache.DefaultConfig()
		cfg.Fill = cache.Late
		c := cache.New(cfg, luck)
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

// The same answers, failures and times as in a slow model that remembers everything that it was told.
func TestEqualsSlowModel(t *testing.T) {
	type told struct {
		at   sim.Time
		resp uint64
		err  *patterns.Error // nil: an answer
	}
	rapid.Check(t, func(t *rapid.T) {
		length := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, name))
		}
		cfg := cache.Config{
			Name: "cache", Keys: 9, TTL: length("ttl", 8), StaleIfError: length("stale", 5), Negative: length("negative", 6),
			NegativeOn: patterns.KindsOf(patterns.Failed, patterns.Refused),
		}
		cfg.SoftTTL = length("soft", int(cfg.TTL))
		c := cache.New(cfg, luck)
		now := sim.Time(0)
		history := map[uint64][]told{}
		drawKey := func(t *rapid.T) uint64 { return uint64(rapid.IntRange(0, 2).Draw(t, "key")) }
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "wait"))) },
			"store": func(t *rapid.T) {
				key, value := drawKey(t), rapid.Uint64().Draw(t, "value")
				c.Store(now, cache.Key{Key: key}, patterns.Response{Value: value}, 0)
				history[key] = append(history[key], told{now, value, nil})
			},
			"fail": func(t *rapid.T) {
				key := drawKey(t)
				e := &patterns.Error{Kind: patterns.Kind(rapid.IntRange(0, 3).Draw(t, "kind")), Layer: "store"}
				c.Fail(now, cache.Key{Key: key}, e)
				history[key] = append(history[key], told{now, 0, e})
			},
			"flush": func(t *rapid.T) {
				if rapid.IntRange(0, 5).Draw(t, "rarely") == 0 {
					c.Flush()
					clear(history)
				}
			},
			"": func(t *rapid.T) {
				for key := range uint64(3) {
					wantState, wantValue := cache.Absent, uint64(0)
					var wantErr *patterns.Error
					for _, h := range history[key] { // the newest decides
						age := now.Sub(h.at)
						switch {
						case h.err == nil:
							wantErr, wantValue = nil, h.resp
							switch {
							case age < cfg.TTL && (cfg.SoftTTL == 0 || age < cfg.SoftTTL):
								wantState = cache.Fresh
							case age < cfg.TTL:
								wantState = cache.Aging
							case age < cfg.TTL+cfg.StaleIfError:
								wantState = cache.Stale
							default:
								wantState, wantValue = cache.Absent, 0
							}
						case (h.err.Kind == patterns.Failed || h.err.Kind == patterns.Refused):
							wantErr = nil
							if age < cfg.Negative {
								wantErr = h.err
							}
						}
					}
					resp, state := c.Lookup(now, cache.Key{Key: key})
					if state != wantState || resp.Value != wantValue {
						t.Fatalf("at %d: key %d is %v with %d, want %v with %d", now, key, state, resp.Value, wantState, wantValue)
					}
					err := c.Failure(now, cache.Key{Key: key})
					if (err == nil) != (wantErr == nil) || err != nil && (err.Cause != wantErr || err.Kind != wantErr.Kind || err.Maybe) {
						t.Fatalf("at %d: key %d has failed with %v, want %v", now, key, err, wantErr)
					}
				}
			},
		})
	})
}

// Whatever the configuration and whoever leaves when: hits are fresh, flights are single, callers
// are not held longer than they wait, answers that nobody waited for are kept only if late ones
// are, nobody asks again so soon after a failure that somebody has seen, and nobody is forgotten.
func TestRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := time.Millisecond
		length := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * 100 * ms
		}
		cfg := cache.Config{
			Name: "cache", Keys: rapid.IntRange(0, 3).Draw(t, "keys"),
			TTL: length("ttl", 8), StaleIfError: length("stale", 5), Negative: length("negative", 5),
			NegativeOn:   patterns.KindsOf(patterns.Failed),
			Jitter:       float64(rapid.IntRange(0, 1).Draw(t, "jitter")) / 2,
			Fill:         cache.Fill(rapid.IntRange(0, 1).Draw(t, "fill")),
			SingleFlight: rapid.Bool().Draw(t, "single flight"),
			MaxLoad:      length("max load", 4),
		}
		if rapid.Bool().Draw(t, "ahead of time") {
			cfg.SoftTTL = length("soft", int(cfg.TTL/(100*ms)))
		} else {
			cfg.Early = float64(rapid.IntRange(0, 2).Draw(t, "early"))
		}
		var wrong []string
		simulate(t, func(s *sim.Simulation) {
			c := cache.New(cfg, s.Keyed("cache"))
			underWay := map[uint64]int{}
			seen := map[uint64]sim.Time{} // the last failure that a caller got from the store
			luck := s.Stream("store")
			call := c.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				underWay[req.Key]++
				defer func() { underWay[req.Key]-- }()
				if cfg.SingleFlight && underWay[req.Key] > 1 {
					wrong = append(wrong, fmt.Sprintf("%v: %d loads of %d", p.Now(), underWay[req.Key], req.Key))
				}
				if at, failed := seen[req.Key]; failed && p.Now().Sub(at) < cfg.Negative && cfg.Keys > 2 {
					wrong = append(wrong, fmt.Sprintf("%v: asked for %d, which had failed at %v", p.Now(), req.Key, at))
				}
				if err := p.Sleep(time.Duration(luck.IntN(400)) * ms); err != nil {
					return patterns.Response{}, err
				}
				if luck.Chance(0.3) {
					return patterns.Response{}, &patterns.Error{Kind: patterns.Failed, Layer: "store"}
				}
				delete(seen, req.Key) // an answer that is kept ends it
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
						resp, err := impatient(p, patterns.Request{ID: key<<32 | uint64(at), Key: key})
						age := p.Now().Sub(sim.Time(resp.Value))
						if e, ok := err.(*patterns.Error); ok && e.Layer == "store" {
							seen[key] = p.Now()
						}
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
			if sum := int(got.Hits + got.Negative + got.Loads + got.Joined); ended != sum || ended > calls {
				wrong = append(wrong, fmt.Sprintf("%+v of %d calls, %d ended", got, calls, ended))
			}
			if cfg.Fill == cache.InTime && got.Late > 0 || !cfg.SingleFlight && got.Joined > 0 || c.Len() > cfg.Keys ||
				cfg.Negative == 0 && got.Negative > 0 || cfg.SoftTTL == 0 && got.Refreshed > 0 || cfg.Early == 0 && got.Early > 0 {
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
	err := cache.Config{Keys: -1, TTL: -1, SoftTTL: 1, Jitter: 2, Early: -1, StaleIfError: -1, Negative: -1, Fill: 9, MaxLoad: -1}.Validate()
	want := `cache: Keys is -1, need 0 or more
cache: TTL is -1ns, need 0 or more
cache: SoftTTL is 1ns, need 0 to TTL
cache: Jitter is 2, need 0 to 1
cache: Early is -1, need 0 or more
cache: Early is -1, need 0 beside a SoftTTL, which asks ahead of time too
cache: StaleIfError is -1ns, need 0 or more
cache: Negative is -1ns, need 0 or more
cache: Fill is fill 9, need in_time or late
cache: MaxLoad is -1ns, need 0 or more`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	err = cache.Config{Negative: 1}.Validate()
	if got, want := fmt.Sprint(err), "cache: NegativeOn is no kind, need at least one beside Negative"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
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
			policy := patterns.Chain(timeout.New(timeout.Attempt(500*time.Millisecond)), cache.New(cfg, luck))
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

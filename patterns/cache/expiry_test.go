package cache_test

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/cache"
	"github.com/nines-sim/nines/sim"
)

// Answers that came at one instant expire apart: between TTL × (1 - Jitter) and TTL, each instant as
// likely as the other, and the soft limit is in proportion.
func TestJitterSpreadsExpiry(t *testing.T) {
	const n, seconds = 4000, 100
	cfg := cache.Config{Name: "cache", Keys: n, TTL: seconds * time.Second, SoftTTL: seconds / 2 * time.Second, Jitter: 0.4}
	lives := func(seed sim.Seed) (list []float64) {
		c := cache.New(cfg, seed.Keyed("cache"))
		for key := range uint64(n) {
			c.Store(5, cache.Key{Key: key}, patterns.Response{}, 0)
		}
		for key := range uint64(n) {
			end := func(state cache.State) int { // the first nanosecond at which it is past that state
				return sort.Search(seconds*int(time.Second)+1, func(age int) bool {
					_, s := c.Lookup(sim.Time(5+age), cache.Key{Key: key})
					return s > state
				})
			}
			hard, soft := end(cache.Aging), end(cache.Fresh)
			if diff := hard - 2*soft; diff < -2 || diff > 2 {
				t.Fatalf("aging at %d, stale at %d", soft, hard)
			}
			list = append(list, float64(hard)/1e9)
		}
		return list
	}
	ends := lives(1)
	if !slices.Equal(ends, lives(1)) || slices.Equal(ends, lives(2)) {
		t.Error("the seed does not decide")
	}
	if low, high := slices.Min(ends), slices.Max(ends); low < 60 || low > 60.2 || high > 100 || high < 99.8 {
		t.Errorf("lives from %v s to %v s, want 60 s to 100 s", low, high)
	}
	sum := 0.0
	for _, end := range ends {
		sum += end
	}
	const se = 40 / 3.4641 / 63.2456 // of the mean of 4000 uniform numbers over 40 s
	if mean := sum / n; mean < 80-4*se || mean > 80+4*se {
		t.Errorf("the mean life is %v s, want 80 s ± %v s", mean, 4*se)
	}
}

// An answer that is loaded anew lives for another time than the one before.
func TestEachAnswerHasJitterOfItsOwn(t *testing.T) {
	c := cache.New(cache.Config{Name: "cache", Keys: 1, TTL: 100 * time.Second, Jitter: 0.4}, sim.Seed(1).Keyed("cache"))
	lives := map[int]bool{}
	for hour := range 10 {
		now := sim.Time(time.Duration(hour) * time.Hour)
		c.Store(now, cache.Key{Key: 7}, patterns.Response{}, 0)
		lives[sort.Search(100, func(seconds int) bool {
			_, s := c.Lookup(now.Add(time.Duration(seconds)*time.Second), cache.Key{Key: 7})
			return s == cache.Absent
		})] = true
	}
	if len(lives) < 7 { // of 40 seconds
		t.Errorf("ten answers live for %v s", lives)
	}
}

// XFetch: a call loads ahead of the end by more than a gap with the chance exp(-gap / (took × Early)),
// which is the law of -log(luck).
func TestEarlyLoadsFollowXFetch(t *testing.T) {
	const n, took = 20_000, 2 * time.Second
	cfg := cache.Config{Name: "cache", Keys: 1, TTL: time.Minute, Early: 1.5}
	c := cache.New(cfg, luck)
	keyed := sim.Seed(3).Keyed("calls")
	key := cache.Key{}
	c.Store(0, key, patterns.Response{}, took)
	for _, gap := range []time.Duration{1, time.Second, 3 * time.Second, 9 * time.Second} {
		early := 0
		for id := range uint64(n) {
			luck := keyed.At(id)
			if c.Early(sim.Time(time.Minute-gap), key, &luck) {
				early++
			}
		}
		want := math.Exp(-gap.Seconds() / 3)
		se := math.Sqrt(want * (1 - want) / n)
		if got := float64(early) / n; math.Abs(got-want) > 4*se+1e-9 || se > 0.004 {
			t.Errorf("%v ahead: %v of the calls load, want %v ± %v", gap, got, want, 4*se)
		}
	}
	c.Store(0, key, patterns.Response{}, 0)
	if luck := keyed.At(1); c.Early(sim.Time(time.Minute-1), key, &luck) {
		t.Error("an answer of which nobody knows how long it takes is loaded early")
	}
}

// Ten callers a second ask for one thing that takes a second to load. In 100 s it expires three times, and
// the ten who come while it is missing all load it, as at the start; one who loads ahead of time spares
// them that.
func TestEarlyLoadsSpareOthers(t *testing.T) {
	for _, cfg := range []cache.Config{{}, {Early: 1}, {Early: 1, Fill: cache.Late}} {
		cfg.Name, cfg.Keys, cfg.TTL = "cache", 1, 30*time.Second
		simulate(t, func(s *sim.Simulation) {
			st := &store{takes: time.Second}
			c := cache.New(cfg, s.Keyed("cache"))
			call := c.Wrap(st.read)
			for i := range uint64(1000) {
				s.At(sim.Time(i)*sim.Time(100*time.Millisecond), func() {
					s.Go("caller", func(p *sim.Process) { call(p, patterns.Request{ID: sim.Mix(9, i)}) })
				})
			}
			s.RunUntilIdle()
			got := c.Counts()
			switch missed := got.Loads - got.Early - 10; {
			case cfg.Early == 0 && (missed != 30 || got.Early != 0):
				t.Errorf("at the end: %d missed, %+v", missed, got)
			case cfg.Early > 0 && (missed != 0 || got.Early < 3 || got.Early > 12):
				t.Errorf("ahead: %d missed, %+v", missed, got)
			}
		})
	}
}

// A load ahead of time that fails costs its caller nothing, and nobody else tries so soon.
func TestEarlyLoadsThatFail(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		cfg := cache.Config{Name: "cache", Keys: 1, TTL: time.Hour, Early: 1, Negative: 10 * time.Second, NegativeOn: patterns.Transient}
		c := cache.New(cfg, s.Keyed("cache"))
		st := &store{takes: time.Second, down: 1}
		call := c.Wrap(st.read)
		c.Store(0, cache.Key{}, patterns.Response{}, 1e6*time.Hour) // so long that every call is to load
		s.Go("caller", func(p *sim.Process) {
			for range 4 {
				if resp, err := call(p, patterns.Request{}); err != nil || resp.Degraded {
					t.Errorf("at %v: %+v, %v", p.Now(), resp, err)
				}
				p.Sleep(4 * time.Second)
			}
		})
		s.RunUntilIdle()
		want := cache.Counts{Hits: 2, Loads: 2, Early: 2, Rescued: 2}
		if got := c.Counts(); got != want || fmt.Sprint(st.loads) != "[0@0s 0@13s]" {
			t.Errorf("%+v, loads %v", got, st.loads)
		}
	})
}

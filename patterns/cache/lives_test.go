package cache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/cache"
	"github.com/nines-sim/nines/sim"
)

// A client that dies takes its loads with it.
func TestLoadsDieWithTheirClient(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		cfg := cache.DefaultConfig()
		cfg.Fill, cfg.SingleFlight = cache.Late, true
		c := cache.New(cfg, luck)
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

// A load in the background is nobody's: no caller's deadline binds it. It dies with the client that
// began it; that client's next life, and other clients, do not wait for it.
func TestRefreshesDieWithTheirClient(t *testing.T) {
	for _, dies := range []string{"while it loads", "before it begins to"} {
		simulate(t, func(s *sim.Simulation) {
			c := cache.New(cache.Config{Name: "cache", Keys: 1, TTL: time.Hour, SoftTTL: time.Second}, luck)
			st := &store{takes: time.Second}
			call := c.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				if req.Deadline != 0 {
					t.Errorf("a load was told the deadline %v", req.Deadline)
				}
				return st.read(p, req)
			})
			c.Store(0, cache.Key{}, patterns.Response{}, 0)
			client, other := s.NewGroup("client"), s.NewGroup("other")
			ask := func(p *sim.Process) {
				if resp, err := call(p, patterns.Request{Deadline: sim.Never}); err != nil || resp.From != "cache" {
					t.Errorf("at %v: %+v, %v", p.Now(), resp, err)
				}
			}
			client.Go("caller", func(p *sim.Process) {
				p.Sleep(2 * time.Second)
				ask(p)
				if dies == "before it begins to" {
					client.Kill()
				}
				p.Sleep(500 * time.Millisecond)
				client.Kill()
			})
			s.At(sim.Time(2600*time.Millisecond), func() {
				client.Start()
				client.Go("caller", ask)
				other.Go("caller", ask)
				other.Go("caller", ask)
			})
			s.RunUntilIdle()
			want := "[0@2s 0@2.6s 0@2.6s]"
			if dies == "before it begins to" {
				want = "[0@2.6s 0@2.6s]"
			}
			if got := fmt.Sprint(st.loads); got != want {
				t.Errorf("the client dies %s: loads %s, want %s", dies, got, want)
			}
		})
	}
}

// A load that is killed says nothing about the store, so who asks next asks the store.
func TestDeathIsNoFailureOfTheStore(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		cfg := cache.Config{Name: "cache", Keys: 1, TTL: time.Hour, Fill: cache.Late, Negative: time.Hour, NegativeOn: patterns.Transient}
		c := cache.New(cfg, luck)
		st := &store{takes: time.Second}
		call := c.Wrap(st.read)
		client := s.NewGroup("client")
		client.Go("caller", func(p *sim.Process) { call(p, patterns.Request{}) })
		s.At(sim.Time(500*time.Millisecond), func() {
			client.Kill()
			s.Go("another", func(p *sim.Process) {
				if _, err := call(p, patterns.Request{}); err != nil || p.Now() != sim.Time(1500*time.Millisecond) {
					t.Errorf("at %v: %v", p.Now(), err)
				}
			})
		})
	})
}

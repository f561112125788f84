package balance_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
)

// A replica answers after a second, or refuses while it is down.
type replica struct {
	name string
	down bool
}

func (r *replica) Name() string  { return r.name }
func (r *replica) Healthy() bool { return true } // nobody has noticed
func (r *replica) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	if r.down {
		return patterns.Response{}, &patterns.Error{Kind: patterns.Refused, Layer: r.name}
	}
	return patterns.Response{From: "inner name"}, p.Sleep(time.Second)
}

func simulate(t *testing.T, f func(s *sim.Simulation)) {
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		f(s)
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Calls count while they are under way, and those of killed and impatient callers end.
func TestLoads(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		cfg := balance.DefaultConfig()
		cfg.Pick = balance.RoundRobin
		b := balance.New(cfg, s.Keyed("balance"), []balance.Target{&replica{name: "a"}, &replica{name: "b"}})
		clients := s.NewGroup("clients")
		for i := range 4 {
			clients.Go("client", func(p *sim.Process) {
				scope := p.WithTimeout(time.Duration(i+1) * 400 * time.Millisecond)
				defer scope.Close()
				b.Call(p, patterns.Request{})
			})
		}
		inFlight := func() (n int, requests uint64) {
			for _, load := range b.Loads() {
				n += load.InFlight
				requests += load.Requests
			}
			return n, requests
		}
		check := func(at time.Duration, want int) {
			s.At(sim.Time(at), func() {
				if n, requests := inFlight(); n != want || requests != 4 {
					t.Errorf("at %v: %d of %d calls under way, want %d of 4", at, n, requests, want)
				}
			})
		}
		check(300*time.Millisecond, 4)
		check(500*time.Millisecond, 3) // one gave up at 400 ms
		s.At(sim.Time(600*time.Millisecond), clients.Kill)
		check(700*time.Millisecond, 0)
	})
}

// An answer says who gave it, and so does an error.
func TestSaysWhoWasAsked(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		s.Go("client", func(p *sim.Process) {
			for _, down := range []bool{false, true} {
				r := &replica{"a", down}
				b := balance.New(balance.DefaultConfig(), s.Keyed(fmt.Sprint(down)), []balance.Target{r})
				if resp, err := b.Call(p, patterns.Request{}); resp.From != "a" || (err != nil) != down {
					t.Errorf("from %q: %v", resp.From, err)
				}
			}
			none := balance.New(balance.DefaultConfig(), s.Keyed("none"), nil)
			if _, err := none.Call(p, patterns.Request{}); !patterns.KindsOf(patterns.Unavailable).Match(err) {
				t.Errorf("nobody to ask: %v", err)
			}
		})
	})
}

// A retry goes elsewhere: with one of three replicas down, two attempts are always enough.
func TestRetryGoesElsewhere(t *testing.T) {
	for _, avoid := range []bool{false, true} {
		simulate(t, func(s *sim.Simulation) {
			cfg := balance.DefaultConfig()
			cfg.Pick, cfg.AvoidLast = balance.Random, avoid
			b := balance.New(cfg, s.Keyed("balance"), []balance.Target{&replica{name: "a"}, &replica{name: "b", down: true}, &replica{name: "c"}})
			again := retry.DefaultConfig()
			again.Attempts = 2
			call := retry.New(again, s.Keyed("retry"), nil).Wrap(b.Call)
			failed := 0
			for id := range uint64(900) {
				s.Go("client", func(p *sim.Process) {
					if _, err := call(p, patterns.Request{ID: id + 1}); err != nil {
						failed++
					}
				})
			}
			s.RunUntilIdle()
			if avoid && failed > 0 || !avoid && (failed < 70 || failed > 130) { // a ninth, sd 9.4
				t.Errorf("avoid %v: %d of 900 failed", avoid, failed)
			}
		})
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	if err := balance.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := balance.Config{Pick: balance.Choices, Choices: 1, Panic: 2}.Validate()
	want := "balance: Choices is 1, need 2 or more\nbalance: Panic is 2, need 0 to 1"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// A replica that refuses at once always has the fewest calls under way, and attracts the next.
func ExampleBalancer() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		cfg := balance.DefaultConfig()
		cfg.Pick = balance.LeastRequests
		b := balance.New(cfg, s.Keyed("orders/balance"), []balance.Target{
			&replica{name: "orders-1"}, &replica{name: "orders-2", down: true}, &replica{name: "orders-3"},
		})
		for id := range uint64(4) {
			s.Go("client", func(p *sim.Process) {
				resp, err := b.Call(p, patterns.Request{ID: id + 1})
				fmt.Println(p.Now(), resp.From, err)
			})
		}
		s.RunUntil(0)
		fmt.Println(s.Now(), b.Loads())
		s.RunUntilIdle()
	})
	// Output:
	// 0s orders-2 orders-2: refused
	// 0s orders-2 orders-2: refused
	// 0s orders-2 orders-2: refused
	// 0s [{orders-1 1 1} {orders-2 0 3} {orders-3 0 0}]
	// 1s orders-1 <nil>
}

// When a replica goes, its keys move. So do some others: a ring has a least size, so that those who are
// left have more entries on it. A replica that is only sick takes nobody else's keys along.
func ExampleConfig_consistentHashing() {
	const keys = 3000
	where := func(names ...string) (at [keys]string) {
		sim.Run(sim.Config{}, func(s *sim.Simulation) {
			var targets []balance.Target
			for _, name := range names {
				targets = append(targets, &atOnce{name})
			}
			b := balance.New(balance.GRPCRingHash(), s.Keyed("cache/balance"), targets)
			s.Go("client", func(p *sim.Process) {
				for key := range uint64(keys) {
					resp, _ := b.Call(p, patterns.Request{ID: key + 1, Key: key})
					at[key] = resp.From
				}
			})
			s.RunUntilIdle()
		})
		return at
	}
	all, two := where("cache-1", "cache-2", "cache-3"), where("cache-1", "cache-3")
	gone, moved := 0, 0
	for key := range all {
		switch {
		case all[key] == "cache-2":
			gone++
		case all[key] != two[key]:
			moved++
		}
	}
	fmt.Println(gone, "of", keys, "keys were those of cache-2; of the others", moved, "moved")
	// Output: 1027 of 3000 keys were those of cache-2; of the others 236 moved
}

// atOnce answers at once.
type atOnce struct{ name string }

func (a *atOnce) Name() string  { return a.name }
func (a *atOnce) Healthy() bool { return true }
func (a *atOnce) Call(*sim.Process, patterns.Request) (patterns.Response, error) {
	return patterns.Response{}, nil
}

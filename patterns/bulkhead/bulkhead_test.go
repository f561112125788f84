package bulkhead_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

func simulate(t interface{ Fatal(...any) }, f func(s *sim.Simulation)) {
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		f(s)
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

func takes(d time.Duration) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		return patterns.Response{}, p.Sleep(d)
	}
}

// How callers end who come at 0s, 1s, 2s, ... and whose calls take 10 s.
func TestStories(t *testing.T) {
	for _, c := range []struct {
		name                string
		concurrent, waiting int
		wait                time.Duration
		callers             int
		want                string
	}{
		{"room for all", 3, 0, 0, 3, "a10 b11 c12"},
		{"no waiting", 2, 0, 0, 4, "c2full d3full a10 b11"},
		{"no waiting, for however long", 1, 0, time.Hour, 2, "b1full a10"},
		{"first come, first served", 1, 2, 0, 3, "a10 b20 c30"},
		{"the waiting room is full", 1, 2, 0, 4, "d3full a10 b20 c30"},
		{"waited too long", 1, 2, 3 * time.Second, 3, "b4waited c5waited a10"},
		{"the next in line gets the place", 1, 5, 8 * time.Second, 3, "b9waited a10 c20"},
		{"in time", 1, 5, 9*time.Second + 1, 3, "a10 c11waited b20"},
	} {
		var ends []string
		simulate(t, func(s *sim.Simulation) {
			cfg := bulkhead.Config{Name: "payment", Concurrent: c.concurrent, Waiting: c.waiting, Wait: c.wait}
			b := bulkhead.New(cfg, s)
			call := b.Wrap(takes(10 * time.Second))
			for i := range c.callers {
				s.At(sim.Time(time.Duration(i)*time.Second), func() {
					s.Go("caller", func(p *sim.Process) {
						_, err := call(p, patterns.Request{})
						end := fmt.Sprintf("%c%.0f", 'a'+i, p.Now().Seconds())
						switch {
						case errors.Is(err, bulkhead.ErrFull):
							end += "full"
						case errors.Is(err, bulkhead.ErrWaited):
							end += "waited"
							if waited := p.Now().Sub(sim.Time(time.Duration(i) * time.Second)); waited != c.wait {
								t.Errorf("%s: waited for %v", c.name, waited)
							}
						}
						if err != nil && !patterns.KindsOf(patterns.Rejected).Match(err) {
							t.Errorf("%s: %v", c.name, err)
						}
						ends = append(ends, end)
					})
				})
			}
			s.RunUntilIdle()
			got, all := b.Counts(), strings.Join(ends, " ")
			full, waited := strings.Count(all, "full"), strings.Count(all, "waited")
			if got.Full != uint64(full) || got.Waited != uint64(waited) || got.Entered != uint64(c.callers-full-waited) || b.InUse() != 0 || b.Waiting() != 0 {
				t.Errorf("%s: %+v, %d in use, %d wait", c.name, got, b.InUse(), b.Waiting())
			}
		})
		if got := strings.Join(ends, " "); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// Who is next: of b, c, d who wait for a, with priorities 1, 3, 2.
func TestOrders(t *testing.T) {
	for cfg, want := range map[bulkhead.Config]string{
		{Order: sim.FIFO}: "abcd", {Order: sim.LIFO}: "adcb", {Order: sim.Priority}: "acdb", {Order: sim.Priority, Wait: time.Hour}: "acdb",
	} {
		cfg.Concurrent, cfg.Waiting = 1, bulkhead.Unlimited
		got := ""
		simulate(t, func(s *sim.Simulation) {
			call := bulkhead.New(cfg, s).Wrap(takes(10 * time.Second))
			for i, priority := range []int{0, 1, 3, 2} {
				s.At(sim.Time(time.Duration(i)*time.Second), func() {
					s.Go("caller", func(p *sim.Process) {
						call(p, patterns.Request{Priority: priority})
						got += string(rune('a' + i))
					})
				})
			}
			s.RunUntilIdle()
		})
		if got != want {
			t.Errorf("%+v: %s, want %s", cfg, got, want)
		}
	}
}

// Whoever comes, waits, gives up or is killed: never more than allowed are under way or wait, and
// all places come back.
func TestPlacesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := bulkhead.Config{
			Concurrent: rapid.IntRange(1, 3).Draw(t, "concurrent"),
			Waiting:    rapid.IntRange(0, 3).Draw(t, "waiting"),
			Wait:       time.Duration(rapid.IntRange(0, 5).Draw(t, "wait")) * time.Second,
		}
		var wrong string
		simulate(t, func(s *sim.Simulation) {
			b := bulkhead.New(cfg, s)
			underWay, entered := 0, uint64(0)
			inside := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				underWay++
				entered++
				defer func() { underWay-- }()
				if underWay > cfg.Concurrent || b.Waiting() > cfg.Waiting || underWay > b.InUse() {
					wrong = fmt.Sprintf("at %v: %d under way, %d in use, %d wait", p.Now(), underWay, b.InUse(), b.Waiting())
				}
				return patterns.Response{}, p.Sleep(time.Duration(req.Key) * time.Second)
			}
			for range rapid.IntRange(1, 12).Draw(t, "callers") {
				g := s.NewGroup("client")
				at := sim.Time(time.Duration(rapid.IntRange(0, 10).Draw(t, "at")) * time.Second)
				patience := time.Duration(rapid.IntRange(1, 10).Draw(t, "patience")) * time.Second
				work := uint64(rapid.IntRange(0, 5).Draw(t, "work"))
				call := timeout.New(timeout.Attempt(patience)).Wrap(b.Wrap(inside))
				s.At(at, func() { g.Go("call", func(p *sim.Process) { call(p, patterns.Request{Key: work}) }) })
				if rapid.Bool().Draw(t, "killed") {
					s.At(at.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "killed after"))*time.Second), g.Kill)
				}
			}
			s.RunUntilIdle()
			if b.InUse() != 0 || b.Waiting() != 0 || underWay != 0 || b.Counts().Entered != entered {
				wrong = fmt.Sprintf("in the end %d are in use, %d wait, %d are under way; entered %d, counted %+v", b.InUse(), b.Waiting(), underWay, entered, b.Counts())
			}
		})
		if wrong != "" {
			t.Fatal(wrong)
		}
	})
}

// A caller whose own time is up stops waiting, and learns that it was its own.
func TestOuterTimeoutEndsTheWait(t *testing.T) {
	for _, wait := range []time.Duration{0, 3 * time.Second} {
		simulate(t, func(s *sim.Simulation) {
			call := bulkhead.New(bulkhead.Config{Concurrent: 1, Waiting: 1, Wait: wait}, s).Wrap(takes(10 * time.Second))
			s.Go("holder", func(p *sim.Process) { call(p, patterns.Request{}) })
			s.Go("caller", func(p *sim.Process) {
				_, err := timeout.New(timeout.Total(time.Second)).Wrap(call)(p, patterns.Request{})
				if e, ok := err.(*patterns.Error); !ok || e.Layer != "total" || p.Now() != sim.Time(time.Second) {
					t.Errorf("wait %v: at %v: %v", wait, p.Now(), err)
				}
			})
			s.RunUntilIdle()
		})
	}
}

// Without waiting a bulkhead is a loss system: Erlang's B, whatever the distribution of service.
func TestAgainstErlangB(t *testing.T) {
	const concurrent, offered, want = 10, 8.0, 0.12166106
	for _, service := range []string{"constant", "exponential"} {
		var shares []float64
		for batch := range uint64(20) {
			simulate(t, func(s *sim.Simulation) {
				luck := sim.Seed(batch).Stream("luck")
				exponential := func(mean float64) time.Duration {
					return time.Duration(-math.Log(1-luck.Float64()) * mean * float64(time.Second))
				}
				b := bulkhead.New(bulkhead.Config{Concurrent: concurrent}, s)
				call := b.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
					if service == "constant" {
						return patterns.Response{}, p.Sleep(time.Second)
					}
					return patterns.Response{}, p.Sleep(exponential(1))
				})
				var before bulkhead.Counts
				const warmUp, calls = 200, 5000
				s.Go("arrivals", func(p *sim.Process) {
					for i := range warmUp + calls {
						if i == warmUp {
							before = b.Counts()
						}
						p.Group().Spawn("call", func(p *sim.Process, _ any) { call(p, patterns.Request{}) }, nil)
						p.Sleep(exponential(1 / offered))
					}
				})
				s.RunUntilIdle()
				shares = append(shares, float64(b.Counts().Full-before.Full)/calls)
			})
		}
		var mean, se float64
		n := float64(len(shares))
		for _, x := range shares {
			mean += x / n
		}
		for _, x := range shares {
			se += (x - mean) * (x - mean)
		}
		se = math.Sqrt(se / (n - 1) / n)
		if math.Abs(mean-want) > 4*se || se > 0.03*want {
			t.Errorf("%s service: %.5f ± %.5f rejected, want %.5f", service, mean, se, want)
		}
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	if err := bulkhead.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, cfg := range []interface{ Validate() error }{
		bulkhead.Resilience4j(), bulkhead.Hystrix(), bulkhead.Polly(), bulkhead.FailsafeGo(3),
		bulkhead.Resilience4jPool(1), bulkhead.Resilience4jPool(8), bulkhead.Envoy(), bulkhead.EnvoyHTTP2(),
	} {
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct {
		cfg  interface{ Validate() error }
		want string
	}{
		{bulkhead.Config{Waiting: -1, Wait: -1, Order: 9}, "Concurrent is 0, need 1 or more|Waiting is -1, need 0 or more|Wait is -1ns, need 0 or more|Order is order 9, need fifo, lifo or priority"},
		{bulkhead.PoolConfig{Max: -1, Queue: -1, KeepAlive: -1}, "Core is 0, need 1 or more|Max is -1, need at least Core|Queue is -1, need 0 or more|KeepAlive is -1ns, need 0 or more"},
		{bulkhead.ThresholdsConfig{Pending: -1, Retries: -1}, "Connections is 0, need 1 to 1,000,000,000|Streams is 0, need 1 to 1,000,000,000|Pending is -1, need 0 or more|Requests is 0, need 1 or more|Retries is -1, need 0 or more"},
		{bulkhead.PartitionsConfig{Partitions: []bulkhead.Partition{{"a", 0.9}, {"a", 0.9}, {"b", -1}}}, "Concurrent is 0, need 1 to 1,000,000,000|Partitions[1].Op is a, need another one|Partitions[2].Share is -1, need 0 to 1"},
		{bulkhead.PartitionsConfig{Concurrent: 1, Partitions: []bulkhead.Partition{{"a", 0.75}, {"b", 0.5}}}, "Partitions is 1.25, need shares of 1 in all"},
	} {
		want := "bulkhead: " + strings.ReplaceAll(c.want, "|", "\nbulkhead: ")
		if err := c.cfg.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

func ExampleBulkhead() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		cfg := bulkhead.Config{Name: "payment", Concurrent: 1, Waiting: 1, Wait: 3 * time.Second}
		call := bulkhead.New(cfg, s).Wrap(takes(2 * time.Second))
		for i := range 3 {
			s.Go("caller", func(p *sim.Process) {
				_, err := call(p, patterns.Request{})
				fmt.Println(p.Now(), "caller", i, err)
			})
		}
		s.RunUntilIdle()
	})
	// Output:
	// 0s caller 2 bulkhead: rejected: bulkhead and its waiting room are full
	// 2s caller 0 <nil>
	// 4s caller 1 <nil>
}

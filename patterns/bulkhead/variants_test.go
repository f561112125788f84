package bulkhead_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A visit comes at a second and takes so many, as its first attempt or another one.
type visit struct{ at, takes, attempt int }

// visits lets them come, a, b, c, ..., and writes who begins when, or is rejected and why.
func visits(t *testing.T, s *sim.Simulation, policy patterns.Policy, list []visit) string {
	var log []string
	note := func(i int, what string) {
		log = append(log, fmt.Sprintf("%c%s", 'a'+i, what))
	}
	for i, v := range list {
		call := policy.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			note(i, fmt.Sprintf("%.0f", p.Now().Seconds()))
			return patterns.Response{}, p.Sleep(time.Duration(v.takes) * time.Second)
		})
		s.At(sim.Time(time.Duration(v.at)*time.Second), func() {
			s.Go("visit", func(p *sim.Process) {
				switch _, err := call(p, patterns.Request{Attempt: v.attempt}); {
				case err == nil:
				case errors.Is(err, bulkhead.ErrFull):
					note(i, "full")
				case errors.Is(err, bulkhead.ErrPending):
					note(i, "pending")
				case errors.Is(err, bulkhead.ErrRequests):
					note(i, "requests")
				case errors.Is(err, bulkhead.ErrRetries):
					note(i, "retries")
				default:
					t.Error(err)
				}
			})
		})
	}
	s.RunUntilIdle()
	return strings.Join(log, " ")
}

// The order in which a ThreadPoolExecutor with these numbers runs its tasks, worked out by hand from its
// rule: a thread of the core, else the queue, else a new thread for this very task, else no.
func TestPoolStories(t *testing.T) {
	cfg := bulkhead.PoolConfig{Core: 1, Max: 2, Queue: 2, KeepAlive: 3 * time.Second}
	for _, c := range []struct {
		name  string
		cfg   bulkhead.PoolConfig
		calls []visit
		want  string
	}{
		{"the core, then the queue", cfg, []visit{{0, 10, 1}, {1, 10, 1}, {2, 10, 1}}, "a0 b10 c20"},
		{"a full queue: a new thread, before those who wait", cfg, []visit{{0, 10, 1}, {1, 10, 1}, {2, 10, 1}, {3, 10, 1}}, "a0 d3 b10 c13"},
		{"a full queue and no more threads", cfg, []visit{{0, 10, 1}, {1, 10, 1}, {2, 10, 1}, {3, 10, 1}, {4, 10, 1}}, "a0 d3 efull b10 c13"},
		{"the new thread stays for a while", cfg, []visit{{0, 1, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 1}, {4, 9, 1}, {4, 9, 1}}, "a0 d0 b1 c1 e4 f4"},
		{"and ends when it was idle for so long", cfg, []visit{{0, 1, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 1}, {5, 9, 1}, {5, 9, 1}}, "a0 d0 b1 c1 e5 f14"},
		{"work keeps it", cfg, []visit{{0, 1, 1}, {0, 1, 1}, {0, 1, 1}, {0, 1, 1}, {3, 3, 1}, {4, 2, 1}, {8, 9, 1}, {8, 9, 1}}, "a0 d0 b1 c1 e3 f4 g8 h8"},
		{"no queue", bulkhead.PoolConfig{Core: 1, Max: 2}, []visit{{0, 10, 1}, {1, 10, 1}, {2, 10, 1}}, "a0 b1 cfull"},
	} {
		simulate(t, func(s *sim.Simulation) {
			pool := bulkhead.NewPool(c.cfg, s)
			if got := visits(t, s, pool, c.calls); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			if threads, waiting := pool.Threads(s.Now().Add(time.Hour)); threads != c.cfg.Core || waiting != 0 {
				t.Errorf("%s: in the end there are %d threads, and %d wait", c.name, threads, waiting)
			}
			if counts := pool.Counts(); counts.Entered+counts.Full != uint64(len(c.calls)) {
				t.Errorf("%s: %+v", c.name, counts)
			}
		})
	}
}

// The thread that has been idle for longest gets the next task, so that the others can end.
func TestPoolReusesTheLongestIdle(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		pool := bulkhead.NewPool(bulkhead.PoolConfig{Core: 1, Max: 3, KeepAlive: 4 * time.Second}, s)
		run := func(at, takes int) {
			s.At(sim.Time(time.Duration(at)*time.Second), func() {
				s.Go("call", func(p *sim.Process) { pool.Wrap(takesSeconds(takes))(p, patterns.Request{}) })
			})
		}
		run(0, 9) // holds a thread
		run(0, 1) // idle from 1s on
		run(0, 2) // idle from 2s on
		run(3, 1) // on the one that is idle since 1s, idle again from 4s on
		for _, c := range []struct {
			at      float64
			threads int
		}{{5.5, 3}, {6.5, 2}, {7.5, 2}, {8.5, 1}} { // the one of 2s ends at 6s, the other one at 8s
			at := sim.Time(c.at * float64(time.Second))
			s.At(at, func() {
				if got, _ := pool.Threads(at); got != c.threads {
					t.Errorf("at %v: %d threads, want %d", at, got, c.threads)
				}
			})
		}
		s.RunUntilIdle()
	})
}

// Which thread was of the core is forgotten: it ends too, if others are enough.
func TestPoolEndsAnyThread(t *testing.T) {
	simulate(t, func(s *sim.Simulation) {
		pool := bulkhead.NewPool(bulkhead.PoolConfig{Core: 1, Max: 2, KeepAlive: 3 * time.Second}, s)
		for _, takes := range []int{1, 60} {
			s.Go("call", func(p *sim.Process) { pool.Wrap(takesSeconds(takes))(p, patterns.Request{}) })
		}
		s.At(sim.Time(5*time.Second), func() {
			if got, _ := pool.Threads(s.Now()); got != 1 {
				t.Errorf("%d threads", got)
			}
		})
		s.RunUntilIdle()
	})
}

func takesSeconds(n int) patterns.Call { return takes(time.Duration(n) * time.Second) }

// Whoever comes, gives up or is killed: never more threads than there can be, never more wait than may,
// all calls under way have a thread, and in the end the core is left.
func TestPoolProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := bulkhead.PoolConfig{
			Core: rapid.IntRange(1, 3).Draw(t, "core"), Queue: rapid.IntRange(0, 2).Draw(t, "queue"),
			KeepAlive: time.Duration(rapid.IntRange(0, 4).Draw(t, "keep alive")) * time.Second,
		}
		cfg.Max = cfg.Core + rapid.IntRange(0, 2).Draw(t, "more")
		var wrong string
		simulate(t, func(s *sim.Simulation) {
			pool := bulkhead.NewPool(cfg, s)
			underWay := 0
			check := func(when string) {
				threads, waiting := pool.Threads(s.Now())
				if threads < cfg.Core || threads > cfg.Max || waiting > cfg.Queue || underWay > threads || when == "between" && waiting > 0 && underWay < cfg.Core {
					wrong = fmt.Sprintf("%s at %v: %d threads, %d wait, %d under way", when, s.Now(), threads, waiting, underWay)
				}
			}
			for range rapid.IntRange(1, 14).Draw(t, "callers") {
				g := s.NewGroup("client")
				at := sim.Time(time.Duration(rapid.IntRange(0, 12).Draw(t, "at")) * time.Second)
				work := time.Duration(rapid.IntRange(0, 5).Draw(t, "work")) * time.Second
				patience := time.Duration(rapid.IntRange(1, 8).Draw(t, "patience")) * time.Second
				call := pool.Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
					underWay++
					defer func() { underWay-- }()
					check("inside")
					return patterns.Response{}, p.Sleep(work)
				})
				s.At(at, func() {
					g.Go("call", func(p *sim.Process) {
						limit := p.WithTimeout(patience)
						defer limit.Close()
						call(p, patterns.Request{})
					})
				})
				if rapid.Bool().Draw(t, "killed") {
					s.At(at.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "killed after"))*time.Second), g.Kill)
				}
			}
			for i := range 40 {
				s.At(sim.Time(time.Duration(2*i+1)*500*time.Millisecond), func() { check("between") })
			}
			s.RunUntilIdle()
			if threads, waiting := pool.Threads(s.Now().Add(time.Hour)); threads != cfg.Core || waiting != 0 {
				wrong = fmt.Sprintf("in the end %d threads, %d wait", threads, waiting)
			}
		})
		if wrong != "" {
			t.Fatal(wrong)
		}
	})
}

func TestThresholdStories(t *testing.T) {
	cfg := bulkhead.ThresholdsConfig{Connections: 2, Streams: 1, Pending: 1, Requests: 2, Retries: 1}
	http2 := bulkhead.ThresholdsConfig{Connections: 1, Streams: 100, Pending: 1, Requests: 2, Retries: 1}
	for _, c := range []struct {
		name  string
		cfg   bulkhead.ThresholdsConfig
		calls []visit
		want  string
	}{
		{"connections, then one that waits", cfg, []visit{{0, 10, 1}, {1, 10, 1}, {2, 10, 1}, {3, 10, 1}}, "a0 b1 dpending c10"},
		{"over HTTP/2 nothing waits", http2, []visit{{0, 10, 1}, {1, 10, 1}, {2, 10, 1}, {10, 10, 1}}, "a0 b1 crequests d10"},
		{"several on a connection", bulkhead.ThresholdsConfig{Connections: 1, Streams: 2, Pending: 1, Requests: 9}, []visit{{0, 10, 1}, {1, 10, 1}, {2, 10, 1}, {3, 10, 1}}, "a0 b1 dpending c10"},
		{"one retry at a time", cfg, []visit{{0, 10, 2}, {1, 10, 3}, {2, 10, 1}, {10, 1, 2}}, "a0 bretries c2 d10"},
		{"a retry that waits counts", cfg, []visit{{0, 10, 1}, {0, 10, 1}, {1, 5, 2}, {10, 1, 2}, {15, 1, 2}}, "a0 b0 dretries c10 e15"},
		{"a retry that is rejected does not", cfg, []visit{{0, 10, 1}, {0, 10, 1}, {1, 5, 1}, {2, 1, 2}, {10, 1, 2}}, "a0 b0 dpending e10 c10"},
	} {
		simulate(t, func(s *sim.Simulation) {
			b := bulkhead.NewThresholds(c.cfg, s)
			if got := visits(t, s, b, c.calls); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
			counts := b.Counts()
			count := func(why string) uint64 { return uint64(strings.Count(c.want, why)) }
			want := bulkhead.ThresholdCounts{Pending: count("pending"), Requests: count("requests"), Retries: count("retries")}
			want.Entered = uint64(len(c.calls)) - want.Pending - want.Requests - want.Retries
			if counts != want || b.InUse()+b.Waiting()+b.Retries() != 0 {
				t.Errorf("%s: %+v; %d in use, %d wait, %d retries", c.name, counts, b.InUse(), b.Waiting(), b.Retries())
			}
		})
	}
}

// Whatever happens to callers, nothing exceeds its threshold, and all of it comes back.
func TestThresholdsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := bulkhead.ThresholdsConfig{
			Connections: rapid.IntRange(1, 3).Draw(t, "connections"), Streams: rapid.IntRange(1, 2).Draw(t, "streams"),
			Pending: rapid.IntRange(0, 2).Draw(t, "pending"), Requests: rapid.IntRange(1, 5).Draw(t, "requests"), Retries: rapid.IntRange(0, 2).Draw(t, "retries"),
		}
		var wrong string
		simulate(t, func(s *sim.Simulation) {
			b := bulkhead.NewThresholds(cfg, s)
			underWay, retries := 0, 0
			call := b.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				underWay++
				defer func() { underWay-- }()
				if req.Attempt > 1 {
					retries++
					defer func() { retries-- }()
				}
				if underWay > cfg.Connections*cfg.Streams || underWay > cfg.Requests || retries > cfg.Retries || retries > b.Retries() || b.Waiting() > cfg.Pending {
					wrong = fmt.Sprintf("at %v: %d under way, %d of them retries, %d wait", p.Now(), underWay, retries, b.Waiting())
				}
				return patterns.Response{}, p.Sleep(time.Duration(req.Key) * time.Second)
			})
			for range rapid.IntRange(1, 12).Draw(t, "callers") {
				g := s.NewGroup("client")
				at := sim.Time(time.Duration(rapid.IntRange(0, 10).Draw(t, "at")) * time.Second)
				req := patterns.Request{Key: uint64(rapid.IntRange(0, 5).Draw(t, "work")), Attempt: rapid.IntRange(1, 2).Draw(t, "attempt")}
				s.At(at, func() { g.Go("call", func(p *sim.Process) { call(p, req) }) })
				if rapid.Bool().Draw(t, "killed") {
					s.At(at.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "killed after"))*time.Second), g.Kill)
				}
			}
			s.RunUntilIdle()
			if b.InUse() != 0 || b.Waiting() != 0 || b.Retries() != 0 {
				wrong = fmt.Sprintf("in the end %d in use, %d wait, %d retries", b.InUse(), b.Waiting(), b.Retries())
			}
		})
		if wrong != "" {
			t.Fatal(wrong)
		}
	})
}

// Stories of ten places, half of them for "live" and a fifth for "batch": an operation's letter asks for
// a place, and a capital gives one back.
func TestPartitionStories(t *testing.T) {
	ops := map[rune]string{'l': "live", 'b': "batch", 'x': "other", 'y': "another", 'n': "none"}
	for _, c := range []struct{ name, story, want string }{
		{"there is room", "bbbbbbbbbb", "yyyyyyyyyy"},
		{"there is none", "bbbbbbbbbbb", "yyyyyyyyyyn"},
		{"a share is there all the same", "bbbbbbbbbblllllll", "yyyyyyyyyyyyyyynn"},
		{"beyond it there must be room", "bbbbbbbbbblllllBBBBBlBl", "yyyyyyyyyyyyyyyny"},
		{"room again", "bbbbbbbbbblllllBBBBBBl", "yyyyyyyyyyyyyyyy"},
		{"the smallest share is one", "bbbbbbbbbbnn", "yyyyyyyyyyyn"},
		{"others have one between them", "bbbbbbbbbbxy", "yyyyyyyyyyyn"},
		{"a share of its own after it has given back", "bbbbbbbbbblllllLBBBBBBBBBBb", "yyyyyyyyyyyyyyyy"},
	} {
		b := bulkhead.NewPartitions(bulkhead.PartitionsConfig{Concurrent: 10, Partitions: []bulkhead.Partition{{"live", 0.5}, {"batch", 0.2}, {"none", 0}}})
		got := ""
		for _, what := range c.story {
			switch op := ops[what]; {
			case op == "":
				b.Leave(ops[what-'A'+'a'])
			case b.Enter(op):
				got += "y"
			default:
				got += "n"
			}
		}
		if got != c.want {
			t.Errorf("%s: %s: got %s, want %s", c.name, c.story, got, c.want)
		}
	}
}

// An operation within its share is always let through; another one only if there is room; and the policy
// gives back what callers that are killed had.
func TestPartitionProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10).Draw(t, "concurrent")
		b := bulkhead.NewPartitions(bulkhead.PartitionsConfig{Concurrent: n, Partitions: []bulkhead.Partition{{"a", 0.3}, {"b", 0.7}}})
		limits := map[string]int{"a": max(1, (3*n+9)/10), "b": max(1, (7*n+9)/10), "c": 1}
		in, all := map[string]int{}, 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			op := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "op")
			if rapid.Bool().Draw(t, "leave") && in[op] > 0 {
				b.Leave(op)
				in[op]--
				all--
				continue
			}
			want := all < n || in[op] < limits[op]
			if got := b.Enter(op); got != want {
				t.Fatalf("%s with %v under way of %d: %v", op, in, n, got)
			}
			if want {
				in[op]++
				all++
			}
			if b.InUse(op) != in[op] {
				t.Fatalf("%d calls of %s, want %d", b.InUse(op), op, in[op])
			}
		}
	})
	simulate(t, func(s *sim.Simulation) {
		b := bulkhead.NewPartitions(bulkhead.PartitionsConfig{Concurrent: 1})
		call, g := b.Wrap(takes(10*time.Second)), s.NewGroup("client")
		g.Go("call", func(p *sim.Process) { call(p, patterns.Request{Op: "a"}) })
		s.At(sim.Time(time.Second), g.Kill)
		s.At(sim.Time(2*time.Second), func() {
			if got := b.Counts("a"); b.InUse("a") != 0 || got.Entered != 1 {
				t.Errorf("%d in use, %+v", b.InUse("a"), got)
			}
		})
	})
}

func BenchmarkCall(b *testing.B) {
	for _, c := range []struct {
		name   string
		policy func(s *sim.Simulation) patterns.Policy
	}{
		{"semaphore", func(s *sim.Simulation) patterns.Policy { return bulkhead.New(bulkhead.DefaultConfig(), s) }},
		{"pool", func(s *sim.Simulation) patterns.Policy { return bulkhead.NewPool(bulkhead.Resilience4jPool(8), s) }},
		{"envoy", func(s *sim.Simulation) patterns.Policy { return bulkhead.NewThresholds(bulkhead.Envoy(), s) }},
		{"partitions", func(*sim.Simulation) patterns.Policy {
			return bulkhead.NewPartitions(bulkhead.PartitionsConfig{Concurrent: 10, Partitions: []bulkhead.Partition{{"a", 0.3}, {"b", 0.7}}})
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			sim.Run(sim.Config{}, func(s *sim.Simulation) {
				call := c.policy(s).Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
					return patterns.Response{}, nil
				})
				s.Go("caller", func(p *sim.Process) {
					for range b.N {
						call(p, patterns.Request{Op: "b"})
					}
				})
				s.RunUntilIdle()
			})
		})
	}
}

func ExamplePool() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		pool := bulkhead.NewPool(bulkhead.PoolConfig{Name: "payment", Core: 1, Max: 2, Queue: 1, KeepAlive: time.Second}, s)
		call := pool.Wrap(takes(2 * time.Second))
		for i := range 4 {
			s.Go("caller", func(p *sim.Process) {
				_, err := call(p, patterns.Request{})
				fmt.Println(p.Now(), "caller", i, err)
			})
		}
		s.RunUntilIdle()
	})
	// Output:
	// 0s caller 3 bulkhead: rejected: bulkhead and its waiting room are full
	// 2s caller 0 <nil>
	// 2s caller 2 <nil>
	// 4s caller 1 <nil>
}

func ExampleThresholds() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		cfg := bulkhead.Envoy()
		cfg.Connections, cfg.Pending = 1, 1
		call := bulkhead.NewThresholds(cfg, s).Wrap(takes(2 * time.Second))
		for i := range 3 {
			s.Go("caller", func(p *sim.Process) {
				_, err := call(p, patterns.Request{Attempt: 1})
				fmt.Println(p.Now(), "caller", i, err)
			})
		}
		s.RunUntilIdle()
	})
	// Output:
	// 0s caller 2 bulkhead: rejected: too many requests wait for a connection
	// 2s caller 0 <nil>
	// 4s caller 1 <nil>
}

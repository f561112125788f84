package shed_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/shed"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A fixed limit remembers what it was told.
type fixed struct {
	limit   int
	samples []string
}

func (f *fixed) Limit(sim.Time) int { return f.limit }

func (f *fixed) Learn(now sim.Time, s shed.Sample) {
	dropped := map[bool]string{true: "-", false: "+"}[s.Dropped]
	f.samples = append(f.samples, fmt.Sprintf("%v:%v/%d%s", now, s.RTT, s.InFlight, dropped))
}

func TestLimiterLetsThroughSoMany(t *testing.T) {
	limit := &fixed{limit: 2}
	l := shed.NewLimiter(shed.DefaultLimiterConfig(), limit)
	a, ok := l.Acquire(at(1*s), 0)
	b, ok2 := l.Acquire(at(2*s), 0)
	if _, ok3 := l.Acquire(at(2*s), 0); !ok || !ok2 || ok3 {
		t.Fatalf("of a limit of 2: %v %v %v", ok, ok2, ok3)
	}
	l.Release(at(4*s), a, shed.Success)
	c, ok := l.Acquire(at(4*s), 0)
	if !ok {
		t.Error("a place that was given back is not there")
	}
	limit.limit = 1
	l.Release(at(5*s), b, shed.Dropped)
	if _, ok := l.Acquire(at(5*s), 0); ok {
		t.Error("the limit has shrunk, and another one is let through")
	}
	l.Release(at(6*s), c, shed.Ignored)
	if _, ok := l.Acquire(at(6*s), 0); !ok || l.InFlight() != 1 {
		t.Error("the place of a call of which nothing was learned is not given back")
	}
	if got, want := strings.Join(limit.samples, " "), "4s:3s/1+ 5s:3s/2-"; got != want {
		t.Errorf("the limit learned %s, want %s", got, want)
	}
	if got, want := l.Counts(), (shed.LimiterCounts{Allowed: 4, Rejected: 2}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// Shares of a limit of 9: 5 % are 1, for nobody has none; 50 % are 4.5 and so 5; 100 % are 9.
func TestSharesOfPriorities(t *testing.T) {
	for _, c := range []struct{ priority, want int }{{-1, 1}, {0, 1}, {1, 5}, {2, 9}, {7, 9}} {
		cfg := shed.DefaultLimiterConfig()
		cfg.Shares = []float64{0.05, 0.5, 1}
		l := shed.NewLimiter(cfg, &fixed{limit: 9})
		n := 0
		for ok := true; ok; n++ {
			_, ok = l.Acquire(0, c.priority)
		}
		if n--; n != c.want {
			t.Errorf("%d calls of priority %d are let through, want %d", n, c.priority, c.want)
		}
	}
}

func TestReleaseOfNothing(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	shed.NewLimiter(shed.DefaultLimiterConfig(), &fixed{limit: 1}).Release(0, shed.Permit{}, shed.Success)
}

// Whoever comes, gives up or is killed: no more than the limit are under way, and all places come back.
func TestPlacesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := &fixed{limit: rapid.IntRange(1, 4).Draw(t, "limit")}
		var wrong string
		simulate(t, func(s *sim.Simulation) {
			l := shed.NewLimiter(shed.DefaultLimiterConfig(), limit)
			underWay := 0
			inside := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				underWay++
				defer func() { underWay-- }()
				if underWay > limit.limit || underWay != l.InFlight() {
					wrong = fmt.Sprintf("at %v %d are under way of %d, and %d counted", p.Now(), underWay, limit.limit, l.InFlight())
				}
				return patterns.Response{}, p.Sleep(time.Duration(req.Key) * time.Second)
			}
			for range rapid.IntRange(1, 12).Draw(t, "callers") {
				g := s.NewGroup("client")
				start := sim.Time(time.Duration(rapid.IntRange(0, 10).Draw(t, "at")) * time.Second)
				patience := time.Duration(rapid.IntRange(1, 10).Draw(t, "patience")) * time.Second
				work := uint64(rapid.IntRange(0, 5).Draw(t, "work"))
				call := timeout.New(timeout.Total(patience)).Wrap(l.Wrap(inside))
				s.At(start, func() { g.Go("call", func(p *sim.Process) { call(p, patterns.Request{Key: work}) }) })
				if rapid.Bool().Draw(t, "killed") {
					s.At(start.Add(time.Duration(rapid.IntRange(0, 8).Draw(t, "killed after"))*time.Second), g.Kill)
				}
			}
			s.RunUntilIdle()
			if l.InFlight() != 0 {
				wrong = fmt.Sprintf("in the end %d are under way", l.InFlight())
			}
		})
		if wrong != "" {
			t.Fatal(wrong)
		}
	})
}

func TestLimiterPolicy(t *testing.T) {
	fails := func(kind patterns.Kind) error { return &patterns.Error{Kind: kind, Layer: "payment"} }
	for _, c := range []struct {
		name    string
		err     error
		server  bool
		learned string
	}{
		{"well", nil, false, "2s:2s/1+"},
		{"too slow", fails(patterns.Timeout), false, "2s:2s/1-"},
		{"turned away", fails(patterns.Overloaded), true, "2s:2s/1-"},
		{"failed", fails(patterns.Failed), false, ""},
		{"cut short", errors.New("somebody else's"), false, ""},
	} {
		limit := &fixed{limit: 1}
		cfg := shed.DefaultLimiterConfig()
		cfg.Server = c.server
		simulate(t, func(s *sim.Simulation) {
			call := shed.NewLimiter(cfg, limit).Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
				p.Sleep(2 * time.Second)
				return patterns.Response{Value: 7}, c.err
			})
			s.Go("one", func(p *sim.Process) {
				if resp, err := call(p, patterns.Request{}); err != c.err || resp.Value != 7 {
					t.Errorf("%s: got %v, %v", c.name, resp, err)
				}
			})
			s.At(at(ms), func() {
				s.Go("another", func(p *sim.Process) {
					_, err := call(p, patterns.Request{})
					e, _ := err.(*patterns.Error)
					if !errors.Is(err, shed.ErrLimit) || e.Layer != "limiter" || e.Maybe || (e.Kind == patterns.Overloaded) != c.server {
						t.Errorf("%s: one too many got %v", c.name, err)
					}
				})
			})
		})
		if got := strings.Join(limit.samples, " "); got != c.learned {
			t.Errorf("%s: learned %q, want %q", c.name, got, c.learned)
		}
	}
}

func TestPriorityOfTheRequest(t *testing.T) {
	cfg := shed.DefaultLimiterConfig()
	cfg.Shares = []float64{0.5, 1}
	simulate(t, func(s *sim.Simulation) {
		call := shed.NewLimiter(cfg, &fixed{limit: 2}).Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
			return patterns.Response{}, p.Sleep(time.Second)
		})
		var got []string
		for _, priority := range []int{0, 0, 1, 1} {
			s.Go("client", func(p *sim.Process) {
				_, err := call(p, patterns.Request{Priority: priority})
				got = append(got, fmt.Sprintf("%d%v", priority, err == nil))
			})
		}
		s.RunUntilIdle()
		if got, want := strings.Join(got, " "), "0false 1false 0true 1true"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestLimiterConfigs(t *testing.T) {
	if err := shed.DefaultLimiterConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, shares := range [][]float64{{0}, {1.1}, {0.5, 0.4}, {-1, 1}} {
		err := shed.LimiterConfig{Shares: shares}.Validate()
		want := fmt.Sprintf("shed: LimiterConfig.Shares is %v, need each more than 0, at most 1, and no less than the one before", shares)
		if err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

func ExampleLimiter() {
	limit := shed.NewAIMD(shed.AIMDConfig{Initial: 2, Min: 1, Max: 10, Backoff: 0.5})
	l := shed.NewLimiter(shed.DefaultLimiterConfig(), limit)
	var now sim.Time
	for _, outcome := range []shed.Outcome{shed.Success, shed.Success, shed.Success, shed.Dropped, shed.Ignored} {
		var permits []shed.Permit
		for {
			permit, ok := l.Acquire(now, 0)
			if !ok {
				break
			}
			permits = append(permits, permit)
		}
		fmt.Println(now, len(permits), "under way")
		now = now.Add(time.Second)
		for i, permit := range permits {
			if i > 0 {
				outcome = shed.Ignored
			}
			l.Release(now, permit, outcome)
		}
	}
	// Output:
	// 0s 2 under way
	// 1s 3 under way
	// 2s 3 under way
	// 3s 3 under way
	// 4s 1 under way
}

func BenchmarkLimiter(b *testing.B) {
	stream := sim.Seed(1).Stream("jitter")
	for _, c := range []struct {
		name  string
		limit shed.Limit
	}{
		{"aimd", shed.NewAIMD(shed.DefaultAIMDConfig())},
		{"vegas", shed.NewVegas(shed.DefaultVegasConfig(), &stream)},
		{"gradient2", shed.NewGradient2(shed.DefaultGradient2Config())},
		{"gradient2 windowed", shed.NewWindowed(shed.DefaultWindowedConfig(), shed.NewGradient2(shed.DefaultGradient2Config()))},
		{"gradient", shed.NewGradient(shed.DefaultGradientConfig(), 0, &stream)},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := shed.NewLimiter(shed.DefaultLimiterConfig(), c.limit)
			var now sim.Time
			b.ReportAllocs()
			for b.Loop() {
				if permit, ok := l.Acquire(now, 0); ok {
					now += sim.Time(time.Millisecond)
					l.Release(now, permit, shed.Success)
				}
			}
		})
	}
}

func BenchmarkLimiterWrap(b *testing.B) {
	simulate(b, func(s *sim.Simulation) {
		call := shed.NewLimiter(shed.DefaultLimiterConfig(), shed.NewAIMD(shed.DefaultAIMDConfig())).Wrap(
			func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
				return patterns.Response{}, p.Sleep(1)
			})
		s.Go("client", func(p *sim.Process) {
			b.ReportAllocs()
			for b.Loop() {
				call(p, patterns.Request{})
			}
		})
	})
}

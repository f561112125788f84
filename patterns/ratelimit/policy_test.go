package ratelimit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
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

func done(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	return patterns.Response{}, nil
}

// play makes calls at the given instants, each with so much time, and says how each ended: when, and +
// for let through, x for rejected (and when to come back), t for timed out.
func play(t *testing.T, policy patterns.Policy, patience time.Duration, instants ...time.Duration) string {
	t.Helper()
	var ends []string
	simulate(t, func(s *sim.Simulation) { calls(t, s, policy, patience, &ends, instants...) })
	return strings.Join(ends, " ")
}

func calls(t *testing.T, s *sim.Simulation, policy patterns.Policy, patience time.Duration, ends *[]string, instants ...time.Duration) {
	call := policy.Wrap(done)
	if patience > 0 {
		call = timeout.New(timeout.Total(patience)).Wrap(call)
	}
	for i, at := range instants {
		s.At(sim.Time(at), func() {
			s.Go("caller", func(p *sim.Process) {
				_, err := call(p, patterns.Request{})
				end := fmt.Sprintf("%c%v", 'a'+i, p.Now())
				e, _ := err.(*patterns.Error)
				switch {
				case err == nil:
					end += "+"
				case e == nil:
					t.Errorf("%s: %v", end, err)
				case e.Kind == patterns.Timeout:
					end += "t"
				case (e.Kind == patterns.Rejected || e.Kind == patterns.Overloaded) && e.Layer == "ratelimit" && !e.Maybe:
					if end += "x"; e.Kind == patterns.Overloaded {
						end += "!"
					}
					if errors.Is(err, ratelimit.ErrUnanswered) {
						end += "?"
					} else if !errors.Is(err, ratelimit.ErrExceeded) {
						t.Errorf("%s: %v", end, err)
					}
					if e.RetryAfter != 0 {
						end += e.RetryAfter.String()
					}
				default:
					t.Errorf("%s: %v", end, err)
				}
				*ends = append(*ends, end)
			})
		})
	}
}

const ms = time.Millisecond

func TestPolicy(t *testing.T) {
	tokens := per(ratelimit.TokenBucket, 10)
	tokens.Burst = 1
	with := func(set func(*ratelimit.Config)) ratelimit.Config { cfg := tokens; set(&cfg); return cfg }
	for _, c := range []struct {
		name     string
		cfg      ratelimit.Config
		patience time.Duration
		instants []time.Duration
		want     string
	}{
		{"rejects at once", tokens, 0, []time.Duration{0, 0, 100 * ms}, "a0s+ b0sx c100ms+"},
		{"and says when to come back", with(func(c *ratelimit.Config) { c.RetryAfter = true }), 0, []time.Duration{0, 30 * ms}, "a0s+ b30msx70ms"},
		{"before a server it is overload", with(func(c *ratelimit.Config) { c.Server = true }), 0, []time.Duration{0, 0}, "a0s+ b0sx!"},
		{"waits in order", with(func(c *ratelimit.Config) { c.Wait = -1 }), 0, []time.Duration{0, 0, 10 * ms, 350 * ms}, "a0s+ b100ms+ c200ms+ d350ms+"},
		{"waits so long and no longer", with(func(c *ratelimit.Config) { c.Wait = 100 * ms }), 0, []time.Duration{0, 0, 0, 99 * ms, 100 * ms}, "a0s+ c0sx d99msx b100ms+ e200ms+"},
		{"a wait that cannot end well ends slowly", with(func(c *ratelimit.Config) { c.Wait, c.SlowReject, c.RetryAfter = 50*ms, true, true }), 0, []time.Duration{0, 20 * ms}, "a0s+ b70msx30ms"},
		{"who gives up", with(func(c *ratelimit.Config) { c.Wait = -1 }), 50 * ms, []time.Duration{0, 0, 60 * ms}, "a0s+ b50mst c100ms+"},
		{"whoever gives up slowly", with(func(c *ratelimit.Config) { c.Wait, c.SlowReject = 60*ms, true }), 50 * ms, []time.Duration{0, 0}, "a0s+ b50mst"},
		{"the deadline is known", with(func(c *ratelimit.Config) { c.Wait, c.ByDeadline = -1, true }), 50 * ms, []time.Duration{0, 0, 60 * ms}, "a0s+ b0sx c100ms+"},
		{"the shorter of the two counts", with(func(c *ratelimit.Config) { c.Wait, c.ByDeadline = 30*ms, true }), 150 * ms, []time.Duration{0, 0, 80 * ms}, "a0s+ b0sx c100ms+"},
		{"no deadline is no limit", with(func(c *ratelimit.Config) { c.Wait, c.ByDeadline = -1, true }), 0, []time.Duration{0, 0}, "a0s+ b100ms+"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := play(t, ratelimit.New(c.cfg, 0), c.patience, c.instants...); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// A permit that is given back can be used by who comes later, but not by who is in line already: it
// knows when its turn is.
func TestGivenBack(t *testing.T) {
	cfg := per(ratelimit.TokenBucket, 10)
	cfg.Burst, cfg.Wait = 1, -1
	for _, c := range []struct {
		algorithm ratelimit.Algorithm
		want      string
	}{{ratelimit.TokenBucket, "100ms+"}, {ratelimit.Refill, "1s+"}} {
		cfg.Algorithm = c.algorithm
		if c.algorithm == ratelimit.Refill {
			cfg.Limit, cfg.Period = 1, 500*ms
		}
		l := ratelimit.New(cfg, 0)
		var ends []string
		simulate(t, func(s *sim.Simulation) {
			calls(t, s, l, 0, &ends, 0)
			calls(t, s, l, 50*ms, &ends, 0)
			calls(t, s, l, 0, &ends, 60*ms)
		})
		if got := strings.Join(ends, " "); got != "a0s+ a50mst a"+c.want {
			t.Errorf("%v: %s, want the last at %s", c.algorithm, got, c.want)
		}
		if got, want := l.Counts(), (ratelimit.Counts{Allowed: 3, Waited: 2, Cancelled: 1}); got != want {
			t.Errorf("%v: counted %+v, want %+v", c.algorithm, got, want)
		}
	}
}

// A deadline of the request counts like one of the process.
func TestDeadlineOfTheRequest(t *testing.T) {
	cfg := ratelimit.XTime()
	cfg.Limit, cfg.Burst = 10, 1
	simulate(t, func(s *sim.Simulation) {
		call := ratelimit.New(cfg, 0).Wrap(done)
		s.Go("caller", func(p *sim.Process) {
			call(p, patterns.Request{})
			if _, err := call(p, patterns.Request{Deadline: sim.Time(99 * ms)}); !errors.Is(err, ratelimit.ErrExceeded) {
				t.Errorf("99 ms are too short, and got %v", err)
			}
			if _, err := call(p, patterns.Request{Deadline: sim.Time(100 * ms)}); err != nil || p.Now() != sim.Time(100*ms) {
				t.Errorf("100 ms are enough, and got %v at %v", err, p.Now())
			}
			scope := p.WithTimeout(99 * ms)
			if _, err := call(p, patterns.Request{Deadline: sim.Time(time.Hour)}); !errors.Is(err, ratelimit.ErrExceeded) {
				t.Errorf("99 ms are too short, and got %v", err)
			}
			scope.Close()
			if _, err := call(p, patterns.Request{Deadline: sim.Time(50 * ms)}); !errors.Is(err, ratelimit.ErrExceeded) {
				t.Errorf("a deadline that has passed got %v", err)
			}
		})
	})
}

func BenchmarkAllow(b *testing.B) {
	for _, a := range all {
		cfg := per(a, 1000)
		switch a {
		case ratelimit.TokenBucket, ratelimit.Refill, ratelimit.GCRA, ratelimit.Warming:
			cfg.Burst = 10
		}
		b.Run(a.String(), func(b *testing.B) {
			l := ratelimit.New(cfg, 0)
			var now sim.Time
			b.ReportAllocs()
			for b.Loop() {
				now += sim.Time(900 * time.Microsecond)
				l.Allow(now)
			}
		})
	}
}

// A call that is let through at once, one that waits, and one that is rejected.
func BenchmarkWrap(b *testing.B) {
	for _, c := range []struct {
		name string
		wait time.Duration
		burn int
	}{{"at once", 0, 0}, {"waits", -1, 0}, {"rejected", 0, 1_000_000_000}} {
		b.Run(c.name, func(b *testing.B) {
			cfg := ratelimit.Config{Algorithm: ratelimit.LeakyBucket, Limit: 1000, Period: time.Second, Wait: c.wait}
			step := time.Millisecond
			if c.wait < 0 {
				step = 0
			}
			simulate(b, func(s *sim.Simulation) {
				l := ratelimit.New(cfg, 0)
				if c.burn > 0 {
					l.Reserve(0, c.burn, -1)
				}
				call := l.Wrap(done)
				s.Go("caller", func(p *sim.Process) {
					b.ReportAllocs()
					for b.Loop() {
						call(p, patterns.Request{})
						p.Sleep(step)
					}
				})
			})
		})
	}
}

package timeout_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// takes answers after d and says which deadline it was told.
func takes(d time.Duration, told *sim.Time) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		*told = req.Deadline
		return patterns.Response{From: "server"}, p.Sleep(d)
	}
}

// story runs one call at 10s and writes how and when it ended, and what the server was told.
func story(t interface{ Fatal(...any) }, policy patterns.Policy, deadline, d time.Duration) string {
	var text string
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Go("caller", func(p *sim.Process) {
			if p.Sleep(10*time.Second) != nil {
				return
			}
			var told sim.Time
			req := patterns.Request{}
			if deadline != 0 {
				req.Deadline = sim.Time(deadline)
			}
			_, err := policy.Wrap(takes(d, &told))(p, req)
			var failure *patterns.Error
			switch {
			case err == nil:
				text = "ok"
			case errors.As(err, &failure):
				text = failure.Layer + " " + failure.Kind.String()
				if failure.Maybe != (failure.Kind == patterns.Timeout) {
					text += fmt.Sprintf(", may have happened: %v", failure.Maybe)
				}
			default:
				text = "unexpected " + err.Error()
			}
			text += fmt.Sprintf(" at %v, told %v", p.Now(), told)
			if p.Err() != nil {
				text += ", scope left open"
			}
		})
		if err := s.RunUntilIdle(); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestStories(t *testing.T) {
	attempt := func(d time.Duration) *timeout.Timeout { return timeout.New(timeout.Attempt(d)) }
	total := func(d time.Duration) *timeout.Timeout { return timeout.New(timeout.Total(d)) }
	deaf := func(d time.Duration) *timeout.Timeout {
		cfg := timeout.Attempt(d)
		cfg.Propagate = false
		return timeout.New(cfg)
	}
	ms := time.Millisecond
	margin := func(d, m time.Duration) *timeout.Timeout {
		cfg := timeout.Attempt(d)
		cfg.Margin = m
		return timeout.New(cfg)
	}
	polly := func(after, checkpoint time.Duration) *timeout.Timeout {
		return timeout.New(timeout.Polly(after, checkpoint))
	}
	for _, c := range []struct {
		name           string
		policy         patterns.Policy
		deadline, call time.Duration
		want           string
	}{
		{"in time", attempt(time.Second), 0, 999 * ms, "ok at 10.999s, told 11s"},
		{"an answer at the last instant is late", attempt(time.Second), 0, time.Second, "timeout timeout at 11s, told 11s"},
		{"too late", attempt(time.Second), 0, 5 * time.Second, "timeout timeout at 11s, told 11s"},
		{"no limit", attempt(0), 0, time.Hour, "ok at 1h0m10s, told 0s"},
		{"the request's deadline is earlier", attempt(time.Second), 10*time.Second + 300*ms, time.Second, "timeout timeout at 10.3s, told 10.3s"},
		{"the request's deadline is later", attempt(time.Second), 20 * time.Second, 2 * time.Second, "timeout timeout at 11s, told 11s"},
		{"only the request's deadline", attempt(0), 12 * time.Second, time.Minute, "timeout timeout at 12s, told 12s"},
		{"past: not sent", attempt(time.Second), 9 * time.Second, 0, "timeout rejected at 10s, told 0s"},
		{"past by nothing: not sent", attempt(time.Second), 10 * time.Second, 0, "timeout rejected at 10s, told 0s"},
		{"not propagated: neither obeyed nor changed", deaf(time.Second), 9 * time.Second, 0, "ok at 10s, told 9s"},
		{"not propagated: silent", deaf(time.Second), 0, 2 * time.Second, "timeout timeout at 11s, told 0s"},
		{"the attempt is shorter", patterns.Chain(total(3*time.Second), attempt(time.Second)), 0, time.Minute, "timeout timeout at 11s, told 11s"},
		{"the total is shorter", patterns.Chain(total(time.Second), attempt(3*time.Second)), 0, time.Minute, "total timeout at 11s, told 11s"},
		{"the server has less time", margin(time.Second, 100*ms), 0, time.Minute, "timeout timeout at 11s, told 10.9s"},
		{"too little time for the server: not sent", margin(time.Second, 100*ms), 10*time.Second + 100*ms, 0, "timeout rejected at 10s, told 0s"},
		{"just enough", margin(time.Second, 100*ms), 10*time.Second + 101*ms, time.Minute, "timeout timeout at 10.101s, told 10.001s"},
		{"noticed at the next checkpoint", polly(time.Second, 700*ms), 0, time.Minute, "timeout timeout at 11.4s, told 0s"},
		{"an answer before the checkpoint counts", polly(time.Second, 700*ms), 0, 1300 * ms, "ok at 11.3s, told 0s"},
		{"a checkpoint on time", polly(1400*ms, 700*ms), 0, time.Minute, "timeout timeout at 11.4s, told 0s"},
		{"equal: it is the total's", patterns.Chain(total(time.Second), deaf(time.Second)), 0, time.Minute, "total timeout at 11s, told 11s"},
	} {
		if got := story(t, c.policy, c.deadline, c.call); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// Of any stack of timeouts the shortest ends the call, of equals the outermost, at that instant
// and with all scopes closed.
func TestTheShortestEndsTheCall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 5).Draw(t, "seconds, outermost first")
		call := rapid.IntRange(0, 6).Draw(t, "call")
		var stack []patterns.Policy
		want := fmt.Sprintf("ok at %v", sim.Time(10*time.Second).Add(time.Duration(call)*time.Second))
		shortest := call + 1
		for i, limit := range limits {
			cfg := timeout.Config{Layer: fmt.Sprint("t", i), After: time.Duration(limit) * time.Second, Propagate: rapid.Bool().Draw(t, "propagate")}
			stack = append(stack, timeout.New(cfg))
			if limit > 0 && limit < shortest {
				shortest = limit
				want = fmt.Sprintf("t%d timeout at %v", i, sim.Time(10*time.Second).Add(cfg.After))
			}
		}
		got := story(t, patterns.Chain(stack...), 0, time.Duration(call)*time.Second)
		if before, _, _ := strings.Cut(got, ", told"); before != want || strings.Contains(got, "open") {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

// A deadline at the very beginning of time is not taken for none.
func TestDeadlineAtZero(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		host := s.NewGroup("host")
		host.SetClock(-10*time.Second, 0)
		host.Go("caller", func(p *sim.Process) {
			var told sim.Time
			cfg := timeout.Attempt(11 * time.Second)
			cfg.Margin = time.Second
			timeout.New(cfg).Wrap(takes(0, &told))(p, patterns.Request{})
			if told != -1 {
				t.Errorf("told %d", told)
			}
		})
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A cancellation from further out is not this policy's, and passes unchanged.
func TestOuterCancellationPasses(t *testing.T) {
	cause := errors.New("user left")
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Go("caller", func(p *sim.Process) {
			scope := p.WithCancel()
			defer scope.Close()
			s.After(200*time.Millisecond, func() { scope.Cancel(cause) })
			var told sim.Time
			_, err := timeout.New(timeout.Attempt(time.Second)).Wrap(takes(time.Minute, &told))(p, patterns.Request{})
			if !scope.Ended(err) || !errors.Is(err, cause) {
				t.Errorf("got %v, want the end of the caller's scope", err)
			}
		})
		if err := s.RunUntilIdle(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	if err := timeout.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, cfg := range []timeout.Config{timeout.Hystrix(), timeout.Resilience4j(), timeout.Envoy(), timeout.EnvoyPerTry(time.Second), timeout.GRPC(time.Second), timeout.Polly(time.Second, 0)} {
		if err := cfg.Validate(); err != nil {
			t.Error(err)
		}
	}
	err := timeout.Config{After: -1, Margin: 1, Checkpoint: -1}.Validate()
	want := "timeout: Layer is \"\", need a name\ntimeout: After is -1ns, need 0 or more\ntimeout: Margin is 1ns, need 0 or more, and Propagate\ntimeout: Checkpoint is -1ns, need 0 or more"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func ExampleTimeout() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		slow := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			return patterns.Response{}, p.Sleep(700 * time.Millisecond)
		}
		call := timeout.New(timeout.Attempt(500 * time.Millisecond)).Wrap(slow)
		s.Go("caller", func(p *sim.Process) {
			_, err := call(p, patterns.Request{})
			fmt.Println(p.Now(), err)
			_, err = call(p, patterns.Request{Deadline: sim.Time(400 * time.Millisecond)})
			fmt.Println(p.Now(), err)
		})
		s.RunUntilIdle()
	})
	// Output:
	// 500ms timeout: timeout (may have happened)
	// 500ms timeout: rejected: deadline already past
}

// A call in time, at the cost of a policy.
func BenchmarkCall(b *testing.B) {
	b.ReportAllocs()
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		call := timeout.New(timeout.Attempt(time.Second)).Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
			return patterns.Response{}, nil
		})
		s.Go("caller", func(p *sim.Process) {
			for range b.N {
				call(p, patterns.Request{})
			}
		})
		s.RunUntilIdle()
	})
}

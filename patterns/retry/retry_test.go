package retry_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

const ms = time.Millisecond

// simulate runs f as the only process there is.
func simulate(t interface{ Fatal(...any) }, f func(p *sim.Process)) {
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		s.Go("caller", f)
		s.RunUntilIdle()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// scripted takes 10 ms for each attempt and fails as the script says: f failed, t timed out (may
// have happened), r refused, o overloaded and says not before 400 ms, c conflict, + success. It writes
// down when each attempt began and whom it was to avoid.
func scripted(script string, log *[]string) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		what := fmt.Sprintf("%d@%v", req.Attempt, p.Now())
		if req.Avoid != "" {
			what += " not " + req.Avoid
		}
		*log = append(*log, what)
		if err := p.Sleep(10 * ms); err != nil {
			return patterns.Response{}, err
		}
		resp := patterns.Response{From: fmt.Sprint("s", req.Attempt)}
		switch script[req.Attempt-1] {
		case 'f':
			return resp, &patterns.Error{Kind: patterns.Failed, Layer: "server"}
		case 't':
			return resp, &patterns.Error{Kind: patterns.Timeout, Layer: "timeout", Maybe: true}
		case 'r':
			return resp, &patterns.Error{Kind: patterns.Refused, Layer: "network"}
		case 'o':
			return resp, &patterns.Error{Kind: patterns.Overloaded, Layer: "server", RetryAfter: 400 * ms}
		case 'O':
			return resp, &patterns.Error{Kind: patterns.Overloaded, Layer: "server"}
		case 'n':
			return resp, &patterns.Error{Kind: patterns.Overloaded, Layer: "server", RetryAfter: -1}
		case 'c':
			return resp, &patterns.Error{Kind: patterns.Conflict, Layer: "server"}
		}
		return resp, nil
	}
}

func TestStories(t *testing.T) {
	constant := func(attempts int) retry.Config {
		cfg := retry.DefaultConfig()
		cfg.Attempts, cfg.Backoff = attempts, retry.Constant(100*ms)
		return cfg
	}
	careful := constant(3)
	careful.OnlySafe = true
	change := func(cfg retry.Config, f func(*retry.Config)) retry.Config {
		f(&cfg)
		return cfg
	}
	pushback := func(p retry.Pushback) retry.Config {
		cfg := constant(3)
		cfg.Backoff = retry.Backoff{First: 100 * ms, Factor: 3}
		cfg.Pushback, cfg.PushbackSlack, cfg.SameReplica = p, 50*ms, true
		return cfg
	}
	elapsed := change(constant(9), func(c *retry.Config) { c.Elapsed, c.SameReplica = 250*ms, true })
	for _, c := range []struct {
		name   string
		cfg    retry.Config
		req    patterns.Request
		script string
		total  time.Duration
		want   string
	}{
		{"no need", constant(3), patterns.Request{}, "+", 0, "1@0s: ok at 10ms"},
		{"third time lucky", constant(3), patterns.Request{}, "fr+", 0, "1@0s 2@110ms not s1 3@220ms not s2: ok at 230ms"},
		{"in vain: the last error is returned", constant(2), patterns.Request{}, "rf", 0, "1@0s 2@110ms not s1: server: failed at 120ms"},
		{"one attempt is no retry", constant(1), patterns.Request{}, "f", 0, "1@0s: server: failed at 10ms"},
		{"not worth another try", constant(3), patterns.Request{}, "fc", 0, "1@0s 2@110ms not s1: server: conflict at 120ms"},
		{"what may have happened once stays so", constant(2), patterns.Request{}, "tr", 0, "1@0s 2@110ms not s1: network: refused (may have happened) at 120ms"},
		{"however long ago", constant(3), patterns.Request{}, "trr", 0, "1@0s 2@110ms not s1 3@220ms not s2: network: refused (may have happened) at 230ms"},
		{"the server asks for time", constant(2), patterns.Request{}, "o+", 0, "1@0s 2@410ms not s1: ok at 420ms"},
		{"not safe to repeat", careful, patterns.Request{}, "t+", 0, "1@0s: timeout: timeout (may have happened) at 10ms"},
		{"safe, for it was refused", careful, patterns.Request{}, "r+", 0, "1@0s 2@110ms not s1: ok at 120ms"},
		{"safe, for it is idempotent", careful, patterns.Request{Idempotency: 7}, "t+", 0, "1@0s 2@110ms not s1: ok at 120ms"},
		{"no retry that cannot begin in time", constant(5), patterns.Request{}, "ffff", 300 * ms, "1@0s 2@110ms not s1 3@220ms not s2: server: failed at 230ms"},
		{"not even at the last instant", constant(5), patterns.Request{}, "ffff", 110 * ms, "1@0s: server: failed at 10ms"},
		{"nor later than the request's deadline", constant(5), patterns.Request{Deadline: sim.Time(200 * ms)}, "ffff", 0, "1@0s 2@110ms not s1: server: failed at 120ms"},
		{"the same replica will do", change(constant(2), func(c *retry.Config) { c.SameReplica = true }), patterns.Request{}, "f+", 0, "1@0s 2@110ms: ok at 120ms"},
		{"the server's time instead, and from the first wait on", pushback(retry.Instead), patterns.Request{}, "oO+", 0, "1@0s 2@410ms 3@520ms: ok at 530ms"},
		{"after waits that have grown too", change(pushback(retry.Instead), func(c *retry.Config) { c.Attempts = 4 }), patterns.Request{}, "OoO+", 0, "1@0s 2@110ms 3@520ms 4@630ms: ok at 640ms"},
		{"the waits go on growing", pushback(retry.AtLeast), patterns.Request{}, "oO+", 0, "1@0s 2@410ms 3@720ms: ok at 730ms"},
		{"our own, where that is longer", change(pushback(retry.AtLeast), func(c *retry.Config) { c.Backoff.First = time.Second }), patterns.Request{}, "o+", 0, "1@0s 2@1.01s: ok at 1.02s"},
		{"the server's time is not heard", pushback(retry.Ignored), patterns.Request{}, "oO+", 0, "1@0s 2@110ms 3@420ms: ok at 430ms"},
		{"the server's time, if it is not much more than ours", change(pushback(retry.Between), func(c *retry.Config) { c.Backoff.First = 380 * ms }), patterns.Request{}, "o+", 0, "1@0s 2@410ms: ok at 420ms"},
		{"no longer than that", pushback(retry.Between), patterns.Request{}, "o+", 0, "1@0s 2@160ms: ok at 170ms"},
		{"and no less than ours", change(pushback(retry.Between), func(c *retry.Config) { c.Backoff.First = time.Second }), patterns.Request{}, "o+", 0, "1@0s 2@1.01s: ok at 1.02s"},
		{"too long a time is as if none was named", change(pushback(retry.Instead), func(c *retry.Config) { c.PushbackMax = 399 * ms }), patterns.Request{}, "o+", 0, "1@0s 2@110ms: ok at 120ms"},
		{"just not too long a time", change(pushback(retry.Instead), func(c *retry.Config) { c.PushbackMax = 400 * ms }), patterns.Request{}, "o+", 0, "1@0s 2@410ms: ok at 420ms"},
		{"never again", constant(3), patterns.Request{}, "n+", 0, "1@0s: server: overloaded at 10ms"},
		{"never again is not heard", pushback(retry.Ignored), patterns.Request{}, "n+", 0, "1@0s 2@110ms: ok at 120ms"},
		{"longer after the server was overloaded", change(pushback(retry.AtLeast), func(c *retry.Config) { c.Throttled = time.Second }), patterns.Request{}, "Of+", 0, "1@0s 2@1.01s 3@1.32s: ok at 1.33s"},
		{"no longer than so", elapsed, patterns.Request{}, "fffff", 0, "1@0s 2@110ms 3@220ms: server: failed at 230ms"},
		{"just so long", change(elapsed, func(c *retry.Config) { c.Elapsed = 330 * ms }), patterns.Request{}, "ffff+", 0, "1@0s 2@110ms 3@220ms 4@330ms: server: failed at 340ms"},
		{"the last wait is cut short", change(elapsed, func(c *retry.Config) { c.Clip = true }), patterns.Request{}, "fffff", 0, "1@0s 2@110ms 3@220ms 4@250ms: server: failed at 260ms"},
		{"or to nothing", change(elapsed, func(c *retry.Config) { c.Clip, c.Elapsed = true, 10*ms }), patterns.Request{}, "fffff", 0, "1@0s 2@10ms: server: failed at 20ms"},
		{"waiting past the deadline", change(constant(5), func(c *retry.Config) { c.PastDeadline = true }), patterns.Request{}, "ffff", 50 * ms, "1@0s: total: timeout (may have happened) at 50ms"},
		{"the total ends an attempt", constant(5), patterns.Request{}, "ffff", 115 * ms, "1@0s 2@110ms not s1: total: timeout (may have happened) at 115ms"},
	} {
		simulate(t, func(p *sim.Process) {
			var log []string
			policy := retry.New(c.cfg, p.Sim().Keyed("jitter"), nil)
			call := policy.Wrap(scripted(c.script, &log))
			if c.total > 0 {
				call = timeout.New(timeout.Total(c.total)).Wrap(call)
			}
			_, err := call(p, c.req)
			end := "ok"
			if err != nil {
				end = err.Error()
			}
			if got := fmt.Sprintf("%s: %s at %v", strings.Join(log, " "), end, p.Now()); got != c.want {
				t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
			}
			if counts := policy.Counts(); counts.Calls+counts.Retries != uint64(len(log)) {
				t.Errorf("%s: counts %+v, but %d attempts", c.name, counts, len(log))
			}
		})
	}
}

// Retries at several layers multiply: three of four attempts each are 64 calls of the last server.
func TestLayersMultiply(t *testing.T) {
	simulate(t, func(p *sim.Process) {
		cfg := retry.DefaultConfig()
		cfg.Attempts, cfg.Backoff = 4, retry.Constant(0)
		calls := 0
		call := patterns.Call(func(*sim.Process, patterns.Request) (patterns.Response, error) {
			calls++
			return patterns.Response{}, &patterns.Error{Kind: patterns.Failed}
		})
		for _, layer := range []string{"database", "backend", "frontend"} {
			call = retry.New(cfg, p.Sim().Keyed(layer), nil).Wrap(call)
		}
		if call(p, patterns.Request{}); calls != 64 {
			t.Errorf("%d calls", calls)
		}
	})
}

// The last error is returned as it is, if it says all there is to say.
func TestLastErrorAsItIs(t *testing.T) {
	simulate(t, func(p *sim.Process) {
		cfg := retry.DefaultConfig()
		last := &patterns.Error{Kind: patterns.Timeout, Maybe: true}
		_, err := retry.New(cfg, p.Sim().Keyed("jitter"), nil).Wrap(func(_ *sim.Process, req patterns.Request) (patterns.Response, error) {
			if req.Attempt < cfg.Attempts {
				return patterns.Response{}, &patterns.Error{Kind: patterns.Timeout, Maybe: true}
			}
			return patterns.Response{}, last
		})(p, patterns.Request{})
		if err != last {
			t.Errorf("got %v", err)
		}
	})
}

// A server that does not want to be called again counts as a failure for budgets, whatever its error.
func TestNeverIsAFailureForBudgets(t *testing.T) {
	for pushback, want := range map[retry.Pushback]string{retry.Instead: "n", retry.Ignored: "y"} {
		cfg := retry.Config{Attempts: 3, Backoff: retry.Constant(0), Pushback: pushback}
		throttle := retry.NewThrottle(retry.ThrottleConfig{MaxTokens: 2, TokenRatio: 1})
		r := retry.New(cfg, sim.Seed(1).Keyed("jitter"), throttle)
		call := r.Begin(0, patterns.Request{})
		r.Send(&call, 0)
		if _, again := r.Next(&call, 0, sim.Never, &patterns.Error{Kind: patterns.Conflict, RetryAfter: -1}); again {
			t.Error("it is called again")
		}
		r.Over(&call, 0)
		if got := ask(throttle, 0); got != want {
			t.Errorf("%v: another retry: %s, want %s", pushback, got, want)
		}
	}
}

// A call that is over stays so: its budget hears of that once.
func TestOverIsSaidOnce(t *testing.T) {
	budget := retry.NewConcurrency(retry.ConcurrencyConfig{Share: 1, Min: 1, PerCall: true})
	r := retry.New(retry.DefaultConfig(), sim.Seed(1).Keyed("jitter"), budget)
	first, second := r.Begin(0, patterns.Request{}), r.Begin(0, patterns.Request{})
	r.Send(&first, 0)
	r.Send(&second, 0)
	for range 2 {
		r.Over(&first, 0)
	}
	if calls, retries := budget.UnderWay(); calls != 1 || retries != 0 {
		t.Errorf("one call of two is over, and %d are under way, of them %d retries", calls, retries)
	}
}

// A budget that is asked after the wait refuses after the wait.
func TestPayLate(t *testing.T) {
	for late, want := range map[bool]string{false: "10ms", true: "110ms"} {
		simulate(t, func(p *sim.Process) {
			cfg := retry.DefaultConfig()
			cfg.Backoff, cfg.PayLate, cfg.Budget = retry.Constant(100*ms), late, retry.TokensConfig{}
			var log []string
			r := retry.New(cfg, p.Sim().Keyed("jitter"), nil)
			_, err := r.Wrap(scripted("fff", &log))(p, patterns.Request{})
			if !patterns.KindsOf(patterns.Failed).Match(err) || p.Now().String() != want || r.Counts().Denied != 1 || r.Counts().Retries != 0 {
				t.Errorf("late %v: %v at %v, %+v", late, err, p.Now(), r.Counts())
			}
		})
	}
}

// A cancelled or interrupted caller does not retry, and learns why.
func TestEndOfAScopePasses(t *testing.T) {
	simulate(t, func(p *sim.Process) {
		cause := errors.New("user left")
		scope := p.WithCancel()
		defer scope.Close()
		p.Sim().After(50*ms, func() { scope.Cancel(cause) })
		var log []string
		cfg := retry.DefaultConfig()
		cfg.Backoff = retry.Constant(100 * ms)
		resp, err := retry.New(cfg, p.Sim().Keyed("jitter"), nil).Wrap(scripted("fff", &log))(p, patterns.Request{})
		if !scope.Ended(err) || p.Now() != sim.Time(50*ms) || resp.From != "s1" || len(log) != 1 {
			t.Errorf("at %v: %v from %q after %v", p.Now(), err, resp.From, log)
		}
	})
}

// The rules of a retry hold for any configuration, failures, deadline and budget.
func TestRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := retry.Config{
			Attempts:      rapid.IntRange(1, 5).Draw(t, "attempts"),
			Backoff:       retry.Backoff{First: time.Duration(rapid.IntRange(0, 50).Draw(t, "first")), Factor: 2, Jitter: retry.Jitter(rapid.IntRange(0, 8).Draw(t, "jitter"))},
			On:            patterns.Kinds(rapid.IntRange(0, 255).Draw(t, "kinds")),
			OnlySafe:      rapid.Bool().Draw(t, "only safe"),
			Pushback:      retry.Pushback(rapid.IntRange(0, 4).Draw(t, "pushback")),
			PushbackMax:   time.Duration(rapid.IntRange(0, 1).Draw(t, "pushback max")) * 50,
			PushbackSlack: 20,
			Elapsed:       time.Duration(rapid.IntRange(0, 1).Draw(t, "elapsed")) * 200,
			Clip:          rapid.Bool().Draw(t, "clip"),
			PastDeadline:  rapid.Bool().Draw(t, "past deadline"),
			PayLate:       rapid.Bool().Draw(t, "pay late"),
		}
		tokens := retry.NewTokens(retry.TokensConfig{Deposit: 0.5, Capacity: float64(rapid.IntRange(0, 3).Draw(t, "capacity"))})
		spend := &spy{Budget: tokens}
		r := retry.New(cfg, sim.Seed(1).Keyed("jitter"), spend)
		var now sim.Time
		var want retry.Counts
		for range rapid.IntRange(1, 10).Draw(t, "calls") {
			req := patterns.Request{ID: rapid.Uint64().Draw(t, "id"), Idempotency: uint64(rapid.IntRange(0, 1).Draw(t, "idempotent"))}
			deadline := now.Add(time.Duration(rapid.IntRange(1, 500).Draw(t, "deadline")))
			call, began := r.Begin(now, req), now
			want.Calls++
			for attempt := 1; ; attempt++ {
				asked, granted := spend.asked, spend.granted
				sent := r.Send(&call, now)
				want.Denied += uint64(spend.asked-asked) - uint64(spend.granted-granted)
				if (spend.asked > asked) != (cfg.PayLate && attempt > 1) || sent != (spend.granted-granted == spend.asked-asked) {
					t.Fatalf("attempt %d sent %v, asked %d, granted %d", attempt, sent, spend.asked-asked, spend.granted-granted)
				}
				if !sent {
					break
				}
				if attempt > 1 {
					want.Retries++
				}
				if call.Attempt != attempt || attempt > cfg.Attempts {
					t.Fatalf("attempt %d is called %d, of at most %d", attempt, call.Attempt, cfg.Attempts)
				}
				now = now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "takes")))
				failure := &patterns.Error{
					Kind:       patterns.Kind(rapid.IntRange(0, 7).Draw(t, "kind")),
					Maybe:      rapid.Bool().Draw(t, "maybe"),
					RetryAfter: time.Duration(rapid.IntRange(-1, 100).Draw(t, "retry after")),
				}
				asked, granted = spend.asked, spend.granted
				delay, again := r.Next(&call, now, deadline, failure)
				want.Denied += uint64(spend.asked-asked) - uint64(spend.granted-granted)
				if !cfg.PayLate && again != (spend.granted > granted) || spend.asked-asked > 1 {
					t.Fatalf("again %v, but the budget was asked %d times and granted %d", again, spend.asked-asked, spend.granted-granted)
				}
				safe := !cfg.OnlySafe || !failure.Maybe || req.Idempotency != 0
				never := failure.RetryAfter < 0 && cfg.Pushback != retry.Ignored
				if !again {
					if attempt < cfg.Attempts && cfg.On.Has(failure.Kind) && safe && !never && spend.asked == asked {
						want.TooLate++
						if cfg.PastDeadline && cfg.Elapsed == 0 {
							t.Fatalf("gives up for a deadline at which it does not look")
						}
					}
					break
				}
				want.Waited += delay
				wish := failure.RetryAfter
				if cfg.PushbackMax > 0 && wish > cfg.PushbackMax || wish < 0 {
					wish = 0
				}
				clipped := cfg.Clip && cfg.Elapsed > 0 && now.Add(delay) == began.Add(cfg.Elapsed)
				switch {
				case !cfg.On.Has(failure.Kind):
					t.Fatalf("retries %v", failure)
				case !safe:
					t.Fatalf("repeats what may have happened")
				case never:
					t.Fatalf("calls a server that does not want to be called")
				case delay < wish && cfg.Pushback != retry.Ignored && cfg.Pushback != retry.Between && !clipped,
					delay < min(wish, cfg.PushbackSlack) && cfg.Pushback == retry.Between && !clipped:
					t.Fatalf("waits %v, but the server asked for %v", delay, wish)
				case cfg.Pushback == retry.Instead && wish > 0 && delay != wish && !clipped,
					cfg.Pushback == retry.Jittered && wish > 0 && delay > wish+wish/2:
					t.Fatalf("%v: waits %v, and the server asked for %v", cfg.Pushback, delay, wish)
				case now.Add(delay) >= deadline && !cfg.PastDeadline:
					t.Fatalf("begins at %v, but the deadline is %v", now.Add(delay), deadline)
				case cfg.Elapsed > 0 && now.Add(delay) > began.Add(cfg.Elapsed):
					t.Fatalf("begins %v after the call", now.Add(delay).Sub(began))
				}
				now = now.Add(delay)
			}
			r.Over(&call, now)
		}
		if got := r.Counts(); got != want {
			t.Fatalf("counts %+v, want %+v", got, want)
		}
	})
}

// spy counts what a budget was asked.
type spy struct {
	retry.Budget
	asked, granted int
}

func (b *spy) Spend(now sim.Time, m retry.Memo, after patterns.Kind) (retry.Memo, bool) {
	b.asked++
	m, ok := b.Budget.Spend(now, m, after)
	if ok {
		b.granted++
	}
	return m, ok
}

// A request meets the same jitter whatever others do.
func TestJitterBelongsToTheRequest(t *testing.T) {
	failure := &patterns.Error{Kind: patterns.Failed}
	delays := func(others int) (list []time.Duration) {
		r := retry.New(retry.DefaultConfig(), sim.Seed(1).Keyed("jitter"), nil)
		next := func(call *retry.State) time.Duration {
			delay, _ := r.Next(call, 0, sim.Never, failure)
			return delay
		}
		mine := r.Begin(0, patterns.Request{ID: 42})
		for range 2 {
			for id := range others {
				other := r.Begin(0, patterns.Request{ID: uint64(id) + 100})
				next(&other)
			}
			list = append(list, next(&mine))
		}
		return list
	}
	alone, crowded := delays(0), delays(10)
	if alone[0] != crowded[0] || alone[1] != crowded[1] || alone[0] == 0 {
		t.Errorf("alone %v, among others %v", alone, crowded)
	}
	if first, second := alone[0], alone[1]/2; (first - second).Abs() < 2 {
		t.Errorf("both retries draw the same luck: %v", alone)
	}
}

// Decorrelated jitter grows from the request's own previous wait.
func TestDecorrelatedJitterRemembers(t *testing.T) {
	cfg := retry.DefaultConfig()
	cfg.Attempts = 20
	cfg.Backoff = retry.Backoff{First: ms, Factor: 1, Jitter: retry.Decorrelated}
	r := retry.New(cfg, sim.Seed(1).Keyed("jitter"), nil)
	call := r.Begin(0, patterns.Request{ID: 1})
	var previous, longest time.Duration
	for range 19 {
		delay, _ := r.Next(&call, 0, sim.Never, &patterns.Error{Kind: patterns.Failed})
		if delay < ms || previous > 0 && delay > 3*previous {
			t.Errorf("%v after %v", delay, previous)
		}
		previous, longest = delay, max(longest, delay)
	}
	if longest <= 3*ms {
		t.Errorf("never longer than %v", longest)
	}
}

// Requests without an identity do not share their jitter.
func TestNamelessRequestsDoNotMarchTogether(t *testing.T) {
	r := retry.New(retry.DefaultConfig(), sim.Seed(1).Keyed("jitter"), nil)
	seen := map[time.Duration]bool{}
	for range 100 {
		call := r.Begin(0, patterns.Request{})
		delay, _ := r.Next(&call, 0, sim.Never, &patterns.Error{Kind: patterns.Failed})
		seen[delay] = true
	}
	if len(seen) < 99 {
		t.Errorf("100 requests had %d different delays", len(seen))
	}
}

// With independent failures of probability p, n attempts succeed with probability 1-pⁿ and make
// (1-pⁿ)/(1-p) attempts in the mean.
func TestSuccessAndAttemptsAgainstClosedForm(t *testing.T) {
	for _, c := range []struct {
		p float64
		n int
	}{{.5, 3}, {.5, 4}, {.1, 3}, {.9, 10}, {.3, 1}} {
		const calls = 100_000
		good := 0
		var attempts mean
		simulate(t, func(p *sim.Process) {
			luck := p.Sim().Keyed("failures")
			cfg := retry.Config{Attempts: c.n, Backoff: retry.Constant(0), On: patterns.Transient}
			made := 0
			call := retry.New(cfg, p.Sim().Keyed("jitter"), nil).Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				made++
				draw := luck.At(sim.Mix(req.ID, uint64(req.Attempt)))
				if draw.Chance(c.p) {
					return patterns.Response{}, &patterns.Error{Kind: patterns.Failed}
				}
				return patterns.Response{}, nil
			})
			for id := range uint64(calls) {
				made = 0
				if _, err := call(p, patterns.Request{ID: id + 1}); err == nil {
					good++
				}
				attempts.add(float64(made))
			}
		})
		pn := math.Pow(c.p, float64(c.n))
		success := float64(good) / calls
		if se := math.Sqrt(pn * (1 - pn) / calls); math.Abs(success-(1-pn)) > 4*se || se > 0.01 {
			t.Errorf("p=%v n=%d: success %.5f, want %.5f ± %.5f", c.p, c.n, success, 1-pn, se)
		}
		want := (1 - pn) / (1 - c.p)
		if got, se := attempts.mean(), attempts.standardError(); math.Abs(got-want) > 4*se || se > 0.01*want {
			t.Errorf("p=%v n=%d: %.5f ± %.5f attempts, want %.5f", c.p, c.n, got, se, want)
		}
	}
}

// While everything fails, a budget of 20 % lets the load grow by 20 %, not threefold.
func TestBudgetBoundsTheLoad(t *testing.T) {
	cfg := retry.RatioConfig{Ratio: 0.2, PerSecond: 0, Window: 10 * time.Second}
	r := retry.New(retry.DefaultConfig(), sim.Seed(1).Keyed("jitter"), retry.NewRatio(cfg))
	var now sim.Time
	for range 10_000 { // 100 calls a second for 100 s
		now = now.Add(10 * ms)
		call := r.Begin(now, patterns.Request{})
		for again := true; again; {
			r.Send(&call, now)
			_, again = r.Next(&call, now, sim.Never, &patterns.Error{Kind: patterns.Failed})
		}
		r.Over(&call, now)
	}
	if got := r.Counts(); got.Retries > 2000 || got.Retries < 1980 || got.Denied != 10_000 {
		t.Errorf("%+v, want 2000 retries, and every call to end by a refusal", got)
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	for _, err := range []error{retry.DefaultConfig().Validate(), retry.DefaultRatioConfig().Validate(), retry.DefaultTokensConfig().Validate()} {
		if err != nil {
			t.Error(err)
		}
	}
	err := retry.Config{Backoff: retry.Backoff{First: 2, Max: 1, Jitter: 9}}.Validate()
	want := `retry: Attempts is 0, need 1 or more
retry: Backoff.Max is 1ns, need 0, or at least First
retry: Backoff.Factor is 0, need 1 or more
retry: Backoff.Jitter is jitter 9, need a jitter`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func ExampleRetry() {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		fails := 2
		flaky := func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			fmt.Printf("%v attempt %d\n", p.Now(), req.Attempt)
			if req.Attempt <= fails {
				return patterns.Response{}, &patterns.Error{Kind: patterns.Overloaded, Layer: "server"}
			}
			return patterns.Response{}, nil
		}
		cfg := retry.DefaultConfig()
		cfg.Backoff.Jitter = retry.None
		budget := retry.NewTokens(retry.TokensConfig{Deposit: 0.1, Capacity: 3})
		call := retry.New(cfg, s.Keyed("retry"), budget).Wrap(flaky)
		s.Go("caller", func(p *sim.Process) {
			for range 2 {
				_, err := call(p, patterns.Request{ID: 1})
				fmt.Println(p.Now(), err)
				fails = 9
			}
		})
		s.RunUntilIdle()
	})
	// Output:
	// 0s attempt 1
	// 50ms attempt 2
	// 150ms attempt 3
	// 150ms <nil>
	// 150ms attempt 1
	// 200ms attempt 2
	// 200ms server: overloaded
}

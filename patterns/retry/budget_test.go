package retry_test

import (
	"math"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// ask asks a budget for a retry: y or n.
func ask(b retry.Budget, now sim.Time) string {
	if _, ok := b.Spend(now, 0, patterns.Failed); ok {
		return "y"
	}
	return "n"
}

func TestRatioStories(t *testing.T) {
	ratio := func(share, perSecond float64) *retry.Ratio {
		return retry.NewRatio(retry.RatioConfig{Ratio: share, PerSecond: perSecond, Window: 10 * time.Second})
	}
	for _, c := range []struct {
		name   string
		budget *retry.Ratio
		story  string // c: a call begins; r: asks for a retry; s: a second passes
		want   string // y or n for every r
	}{
		{"empty at first", ratio(0.2, 0), "r", "n"},
		{"five calls pay for one retry", ratio(0.2, 0), "ccccrcrr", "nyn"},
		{"a third is not a quarter", ratio(0.3, 0), "cccrcr", "ny"},
		{"the reserve needs no calls", ratio(0, 0.2), "rrr", "yyn"},
		{"what was spent comes back after the window", ratio(0, 0.1), "rrsssssssssrsr", "ynny"},
		{"deposits are forgotten after the window", ratio(0.5, 0), "ccsssssssssrccssssssssssr", "yn"},
		{"more than one retry for a call", ratio(2, 0), "crrr", "yyn"},
		{"none", ratio(0, 0), "ccccccccccr", "n"},
	} {
		var now sim.Time
		got := ""
		for _, what := range c.story {
			switch what {
			case 'c':
				c.budget.Sent(now, 1, 0)
			case 's':
				now = now.Add(time.Second)
			case 'r':
				got += ask(c.budget, now)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s: got %s, want %s", c.name, c.story, got, c.want)
		}
	}
}

// The books of libraries: what c calls allow in retries, and what a call may have of that.
func TestRatioBooks(t *testing.T) {
	for _, c := range []struct {
		name  string
		cfg   retry.RatioConfig
		calls int
		want  int // retries allowed after so many calls at once
	}{
		{"exactly", retry.RatioConfig{Ratio: 0.3}, 10, 3},
		{"finagle: 1000 of 3333 each", retry.RatioConfig{Ratio: 0.3, As: retry.AsFinagle}, 10, 3},
		{"finagle: 1428 where 1428.57 would do", retry.RatioConfig{Ratio: 0.7, As: retry.AsFinagle}, 1428, 1000},
		{"exactly, not quite", retry.RatioConfig{Ratio: 0.7}, 1428, 999},
		{"tower: 30 % are a third", retry.RatioConfig{Ratio: 0.3, As: retry.AsTower}, 9, 3},
		{"tower: 70 % are all", retry.RatioConfig{Ratio: 0.7, As: retry.AsTower}, 9, 9},
		{"tower: more than all", retry.RatioConfig{Ratio: 2, As: retry.AsTower}, 9, 18},
		{"tower: a reserve of ten a second over ten", retry.RatioConfig{Ratio: 0.2, PerSecond: 10, As: retry.AsTower}, 0, 100},
		{"finagle: the reserve alone", retry.RatioConfig{PerSecond: 10, As: retry.AsFinagle}, 50, 100},
	} {
		c.cfg.Window = 10 * time.Second
		b := retry.NewRatio(c.cfg)
		for range c.calls {
			b.Sent(0, 1, 0)
		}
		got := 0
		for ask(b, 0) == "y" {
			got++
		}
		if got != c.want {
			t.Errorf("%s: %d retries, want %d", c.name, got, c.want)
		}
	}
}

// Windows of libraries: how long a deposit is there, if something happens every so often.
func TestRatioWindows(t *testing.T) {
	for _, c := range []struct {
		name  string
		as    retry.Books
		every time.Duration
		last  time.Duration
	}{
		{"exactly", retry.Exactly, 400 * ms, 9800 * ms},
		{"finagle: a step of 1.2 s counts as one", retry.AsFinagle, 400 * ms, 11400 * ms},
		{"tower: a step of 1.2 s counts as two", retry.AsTower, 400 * ms, 6600 * ms},
		{"tower: eleven steps, the first of 1.2 s", retry.AsTower, time.Second, 9200 * ms},
	} {
		b := retry.NewRatio(retry.RatioConfig{Ratio: 1, Window: 10 * time.Second, As: c.as})
		at, last := 200*ms, time.Duration(0)
		for b.Sent(sim.Time(at), 1, 0); b.Balance(sim.Time(at)) == 1; at += c.every {
			last = at
		}
		if last != c.last {
			t.Errorf("%s: until %v, want %v", c.name, last, c.last)
		}
	}
}

// What deposits: the beginning of a call, its success, or an end that is not worth another try.
func TestRatioDeposits(t *testing.T) {
	for deposit, want := range map[retry.Deposit]int{retry.OnStart: 4, retry.OnSuccess: 1, retry.OnNotRetryable: 2} {
		b := retry.NewRatio(retry.RatioConfig{Ratio: 1, Window: time.Second, Deposit: deposit})
		for result := retry.Abandoned; result <= retry.Final; result++ {
			m := b.Sent(0, 1, 0)
			b.Ended(0, 1, m, retry.Ending{Result: result})
			b.Over(0, m, false)
		}
		got := 0
		for ask(b, 0) == "y" {
			got++
		}
		if got != want {
			t.Errorf("deposit %d: %d retries, want %d", deposit, got, want)
		}
	}
}

// Finagle gives a call at most a fifth of what is left, rounded up.
func TestRatioPerCall(t *testing.T) {
	b := retry.NewRatio(retry.RatioConfig{Ratio: 0.2, PerSecond: 10, Window: 10 * time.Second, PerCall: 0.2, As: retry.AsFinagle})
	for _, want := range []int{20, 16, 13, 11, 9, 7} { // of 100, 80, 64, 51, 41, 32
		m := b.Sent(0, 1, 0)
		got := 0
		for ok := true; ok; {
			if m, ok = b.Spend(0, m, patterns.Failed); ok {
				got++
			}
		}
		if got != want {
			t.Errorf("%d retries, want %d", got, want)
		}
	}
}

// Whenever a retry is allowed, the retries of the window are paid for by its calls and the reserve;
// whenever one is refused, it would not have been.
func TestRatioIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := retry.RatioConfig{
			Ratio:     float64(rapid.IntRange(0, 30).Draw(t, "tenths")) / 10,
			PerSecond: float64(rapid.IntRange(0, 2).Draw(t, "per second")),
			Window:    time.Duration(rapid.IntRange(1, 4).Draw(t, "window")) * time.Second,
		}
		budget := retry.NewRatio(cfg)
		slice := cfg.Window / 10
		var calls, retries []sim.Time
		recent := func(list []sim.Time, now sim.Time) (n float64) {
			for _, at := range list {
				if int64(now)/int64(slice)-int64(at)/int64(slice) < 10 {
					n++
				}
			}
			return n
		}
		var now sim.Time
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "ms")) * time.Millisecond)
			if rapid.Bool().Draw(t, "call") {
				budget.Sent(now, 1, 0)
				calls = append(calls, now)
				continue
			}
			funds := cfg.Ratio*recent(calls, now) + cfg.PerSecond*cfg.Window.Seconds() - recent(retries, now)
			_, allowed := budget.Spend(now, 0, patterns.Failed)
			if want := funds >= 1-1e-6; allowed != want {
				t.Fatalf("%+v at %v: %.6f left: allowed %v", cfg, now, funds, allowed)
			}
			if allowed {
				retries = append(retries, now)
			}
		}
	})
}

// Brooker's token bucket where tokens are what limits: with failures of probability x, a call
// makes 1+r attempts, r = d(1-x)/(1-d(1-x)), and succeeds with probability (1-x)(1+r).
func TestTokensAgainstClosedForm(t *testing.T) {
	const d, retries = 0.1, 3
	failed := &patterns.Error{Kind: patterns.Failed}
	for _, c := range []struct{ x, load, success, band float64 }{
		{.01, 1.0101, 1.0000, 0},   // not limited
		{.1, 1.0968, .9860, 0.001}, // as many failures as deposits: by simulation, for there is no closed form
		{.2, 1.0870, .8696, 0},
		{.3, 1.0753, .7527, 0},
		{.5, 1.0526, .5263, 0},
		{.7, 1.0309, .3093, 0},
		{.9, 1.0101, .1010, 0},
	} {
		var load, success mean // of batches, for calls depend on those before them
		simulate(t, func(p *sim.Process) {
			cfg := retry.Config{Attempts: 1 + retries, Backoff: retry.Constant(0), On: patterns.Transient}
			tokens := retry.NewTokens(retry.TokensConfig{Deposit: d, Capacity: 10})
			luck := p.Sim().Stream("failures")
			attempts := 0
			call := retry.New(cfg, p.Sim().Keyed("jitter"), tokens).Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
				attempts++
				if luck.Chance(c.x) {
					return patterns.Response{}, failed
				}
				return patterns.Response{}, nil
			})
			for range 40 {
				const batch = 10_000
				good := 0
				attempts = 0
				for range batch {
					if _, err := call(p, patterns.Request{}); err == nil {
						good++
					}
				}
				load.add(float64(attempts) / batch)
				success.add(float64(good) / batch)
			}
		})
		printed := c.band + 0.00006 // the table has four digits
		if got, se := load.mean(), load.standardError(); math.Abs(got-c.load) > 4*se+printed || se > 0.001 {
			t.Errorf("x=%v: load %.5f ± %.5f, want %v", c.x, got, se, c.load)
		}
		if got, se := success.mean(), success.standardError(); math.Abs(got-c.success) > 4*se+printed || se > 0.001 {
			t.Errorf("x=%v: success %.5f ± %.5f, want %v", c.x, got, se, c.success)
		}
	}
}

func TestTokensStories(t *testing.T) {
	for _, c := range []struct {
		name              string
		deposit, capacity float64
		story, want       string // s: a success; r: asks for a retry
	}{
		{"full at first", 0.5, 2, "rrr", "yyn"},
		{"two successes bring one back", 0.5, 1, "rrsrsr", "ynny"},
		{"it does not overflow", 1, 1, "ssssrr", "yn"},
		{"ten tenths are one", 0.1, 1, "rsssssssssrsr", "yny"},
		{"none", 0, 0, "sssr", "n"},
	} {
		tokens := retry.NewTokens(retry.TokensConfig{Deposit: c.deposit, Capacity: c.capacity})
		got := ""
		for _, what := range c.story {
			if what == 's' {
				tokens.Ended(0, 1, 0, retry.Ending{Result: retry.Succeeded})
			} else {
				got += ask(tokens, 0)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s: got %s, want %s", c.name, c.story, got, c.want)
		}
	}
}

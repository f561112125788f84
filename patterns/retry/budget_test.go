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
				c.budget.Began(now)
			case 's':
				now = now.Add(time.Second)
			case 'r':
				if c.budget.Spend(now) {
					got += "y"
				} else {
					got += "n"
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %s: got %s, want %s", c.name, c.story, got, c.want)
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
				budget.Began(now)
				calls = append(calls, now)
				continue
			}
			funds := cfg.Ratio*recent(calls, now) + cfg.PerSecond*cfg.Window.Seconds() - recent(retries, now)
			allowed := budget.Spend(now)
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
	for _, c := range []struct{ x, load, success float64 }{
		{.01, 1.0101, 1.0000}, // not limited
		{.2, 1.0870, .8696},
		{.3, 1.0753, .7527},
		{.5, 1.0526, .5263},
		{.7, 1.0309, .3093},
		{.9, 1.0101, .1010},
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
		const printed = 0.00006 // the table has four digits
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
			switch {
			case what == 's':
				tokens.Succeeded(0)
			case tokens.Spend(0):
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

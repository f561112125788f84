package retry_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// bank plays a story with a budget, at time zero: a letter for each thing that happens to a call named
// by the digit before it, and the answers to its questions.
//
//	1s  the call's next attempt is sent      1+  it succeeds       1-  it fails and is worth another try
//	1t  it times out, worth another try      1o  overloaded, so    1f  it fails for good    1k  nobody learns how
//	1?  a retry is asked for: y or n         1x  the call is over
func bank(b retry.Budget, story string) string {
	type call struct {
		attempt int
		memo    retry.Memo
		kind    patterns.Kind
		paid    bool
	}
	calls := map[byte]*call{}
	var got strings.Builder
	for word := range strings.FieldsSeq(story) {
		c := calls[word[0]]
		if c == nil {
			c = new(call)
			calls[word[0]] = c
		}
		end := retry.Ending{Result: retry.Retryable}
		switch word[1] {
		case 's':
			c.attempt++
			c.paid = false
			c.memo = b.Sent(0, c.attempt, c.memo)
			continue
		case '?':
			m, ok := b.Spend(0, c.memo, c.kind)
			c.memo, c.paid = m, ok
			if ok {
				got.WriteByte('y')
			} else {
				got.WriteByte('n')
			}
			continue
		case 'x':
			b.Over(0, c.memo, c.paid)
			delete(calls, word[0])
			continue
		case '+':
			end.Result = retry.Succeeded
		case 'f':
			end.Result = retry.Final
		case 'k':
			end.Result = retry.Abandoned
		case 't':
			end.Kind = patterns.Timeout
		case 'o':
			end.Kind = patterns.Overloaded
		}
		c.kind = end.Kind
		b.Ended(0, c.attempt, c.memo, end)
	}
	return got.String()
}

func TestBudgetStories(t *testing.T) {
	throttle := retry.ThrottleConfig{MaxTokens: 4, TokenRatio: 0.5}
	quota := retry.QuotaConfig{Tokens: 20, Cost: 5, TimeoutCost: 10, ThrottleCost: 1, Credit: 1}
	always := quota
	always.CreditRetried = true
	tokens := retry.TokensConfig{Deposit: 0.5, Capacity: 1}
	envoy := retry.ConcurrencyConfig{Share: 0.5, Min: 1}
	failsafe := envoy
	failsafe.PerCall = true
	for _, c := range []struct {
		name        string
		cfg         retry.BudgetConfig
		story, want string
	}{
		{"gRPC: more than half of the tokens", throttle, "1s 1- 1? 1s 1- 1?", "yn"},
		{"the retry itself is free", throttle, "1s 1- 1? 1? 1?", "yyy"},
		{"failures go on taking tokens", throttle, "1s 1- 2s 2- 3s 3- 4s 4- 5s 5+ 6s 6+ 7s 7+ 8s 8+ 8? 9s 9+ 9?", "ny"},
		{"but not below none", throttle, "1s 1- 2s 2- 3s 3- 4s 4- 5s 5- 6s 6- 1s 1+ 2s 2+ 3s 3+ 4s 4+ 5s 5+ 5?", "y"},
		{"final failures take none", throttle, "1s 1f 2s 2f 3s 3f 4s 4- 4?", "y"},
		{"nor do calls that nobody waits for", throttle, "1s 1k 2s 2k 3s 3k 4s 4- 4?", "y"},
		{"successes do not overflow", throttle, "1s 1+ 2s 2+ 3s 3+ 4s 4- 4? 5s 5- 5?", "yn"},

		{"AWS: four retries", quota, "1s 1- 1? 2s 2- 2? 3s 3- 3? 4s 4- 4? 5s 5- 5?", "yyyyn"},
		{"two after timeouts", quota, "1s 1t 1? 2s 2t 2? 3s 3t 3?", "yyn"},
		{"twenty after it was overloaded, and a little is left for them", quota, "1s 1t 1? 2s 2- 2? 3s 3o 3? 3? 3? 3? 3? 3?", "yyyyyyyn"},
		{"a retry that succeeds gives its cost back", quota, "1s 1t 1? 1s 1+ 2s 2t 2? 2s 2t 2? 3s 3- 3?", "yyyn"},
		{"only the last one's", quota, "1s 1t 1? 1s 1- 1? 1s 1+ 2s 2t 2? 3s 3o 3?", "yyyn"},
		{"a success brings one", quota, "1s 1t 1? 2s 2- 2? 3s 3- 3? 4s 4+ 4o 4? 4?", "yyyyn"},
		{"not after a retry", quota, "1s 1t 1? 2s 2t 2? 2s 2+ 3s 3t 3? 3o 3?", "yyyn"},
		{"in Go, after a retry too", always, "1s 1t 1? 2s 2t 2? 2s 2+ 3s 3t 3? 3o 3?", "yyyy"},
		{"it does not overflow", quota, "1s 1+ 2s 2+ 3s 3t 3? 3? 3o 3?", "yyn"},
		{"a retry that is not made is lost", quota, "1s 1t 1? 1x 2s 2t 2? 2x 3s 3o 3?", "yyn"},

		{"tokens: a retry takes one", tokens, "1s 1- 1? 1?", "yn"},
		{"failures bring none", tokens, "1s 1- 1? 2s 2- 2s 2f 2s 2k 2?", "yn"},
		{"a retry that is not made has taken it", tokens, "1s 1- 1? 1x 2s 2- 2?", "yn"},

		{"envoy: one whatever else", envoy, "1s 1- 1? 2s 2- 2?", "yn"},
		{"it waits, and counts", envoy, "1s 1- 1? 2s 2- 2? 1s 3s 3- 3?", "ynn"},
		{"its end makes room", envoy, "1s 1- 1? 2s 2- 2? 1s 1- 2?", "yny"},
		{"so does that of its call", envoy, "1s 1- 1? 2s 2- 2? 1x 2?", "yny"},
		{"half of those under way", envoy, "1s 2s 3s 4s 5s 5- 5? 6s 6- 6? 7s 7- 7?", "yyn"},
		{"cut to whole ones", envoy, "1s 2s 3s 5s 5- 5? 6s 6- 6?", "yn"},
		{"none but the few", retry.ConcurrencyConfig{Min: 3}, "1s 2s 3s 4s 5s 6s 7s 7- 7? 7? 7? 7?", "yyyn"},

		{"failsafe-go: the share may be reached, and exceeded by one", failsafe, "1s 1- 1? 1? 1?", "yyn"},
		{"calls count while they wait", failsafe, "1s 1- 2s 2- 3s 3- 3? 2? 1? 1? 1?", "yyyyn"},
		{"until they are over", failsafe, "1s 1x 2s 2x 3s 3- 3? 3? 3?", "yyn"},
		{"a retry's end makes room", failsafe, "1s 1- 1? 1? 1? 1s 1- 1?", "yyny"},
	} {
		if got := bank(c.cfg.New(), c.story); got != c.want {
			t.Errorf("%s: %s: got %s, want %s", c.name, c.story, got, c.want)
		}
	}
}

// Whatever becomes of calls, whether they succeed, fail, give up or are killed: in the end nothing is
// under way for a budget that counts that.
func TestConcurrencyComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perCall := rapid.Bool().Draw(t, "per call")
		b := retry.NewConcurrency(retry.ConcurrencyConfig{Share: 0.5, Min: rapid.IntRange(0, 2).Draw(t, "min"), PerCall: perCall})
		cfg := retry.DefaultConfig()
		cfg.Attempts, cfg.PayLate = 4, rapid.Bool().Draw(t, "pay late")
		cfg.Backoff = retry.Constant(100 * ms)
		_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
			r := retry.New(cfg, s.Keyed("jitter"), b)
			call := r.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				luck := s.Seed().Stream(fmt.Sprint(req.ID, req.Attempt))
				if err := p.Sleep(time.Duration(1+luck.IntN(200)) * ms); err != nil {
					return patterns.Response{}, err
				}
				return patterns.Response{}, []error{nil, &patterns.Error{Kind: patterns.Failed}, &patterns.Error{Kind: patterns.Conflict}}[luck.IntN(3)]
			})
			for id := range rapid.IntRange(1, 8).Draw(t, "calls") {
				g := s.NewGroup("client")
				patience := time.Duration(rapid.IntRange(1, 600).Draw(t, "patience")) * ms
				g.Go("call", func(p *sim.Process) {
					limit := p.WithTimeout(patience)
					defer limit.Close()
					call(p, patterns.Request{ID: uint64(id) + 1})
				})
				if rapid.Bool().Draw(t, "killed") {
					s.After(time.Duration(rapid.IntRange(0, 400).Draw(t, "after"))*ms, g.Kill)
				}
			}
			s.RunUntilIdle()
		})
		if err != nil {
			t.Fatal(err)
		}
		if calls, retries := b.UnderWay(); calls != 0 || retries != 0 {
			t.Fatalf("in the end %d are under way, of them %d retries", calls, retries)
		}
	})
}

// The rate follows CUBIC. With Beta 0.7 and Scale 0.4 it falls from w to 0.7·w, and t seconds later it
// is 0.4·(t-k)³ + w with k = (0.3·w/0.4)^⅓: k = 1.957 for w = 10, so that it is back at 10 then, and at
// 0.4·(4-1.957)³ + 10 = 13.41 after 4 s. It is never more than twice of what was measured.
func TestAdaptiveFollowsCubic(t *testing.T) {
	a := retry.NewAdaptive(retry.DefaultAdaptiveConfig())
	var now sim.Time
	end := func(kind patterns.Kind, ok bool) {
		m := a.Sent(now, 1, 0)
		e := retry.Ending{Result: retry.Retryable, Kind: kind}
		if ok {
			e.Result = retry.Succeeded
		}
		a.Ended(now, 1, m, e)
	}
	for range 200 { // ten a second, until that is what is measured
		now = now.Add(100 * ms)
		end(0, true)
		if a.Rate() != 0 || a.Wait(now) != 0 {
			t.Fatal("limited before the server was overloaded")
		}
	}
	now = now.Add(100 * ms)
	end(patterns.Failed, false)
	if a.Rate() != 0 {
		t.Error("limited by a failure of another kind")
	}
	end(patterns.Overloaded, false)
	w := a.Rate() / 0.7
	if math.Abs(w-10) > 0.5 {
		t.Fatalf("limited to %v of about ten", a.Rate())
	}
	k := math.Cbrt(w * 0.3 / 0.4)
	start := now
	for now.Sub(start) < 4*time.Second {
		now = now.Add(100 * ms)
		end(0, true)
		x := now.Sub(start).Seconds()
		if want := 0.4*math.Pow(x-k, 3) + w; math.Abs(a.Rate()-want) > 1e-9 {
			t.Errorf("%v after: %v, want %v", now.Sub(start), a.Rate(), want)
		}
	}
	before := a.Rate()
	a.Ended(now.Add(time.Hour), 1, 0, retry.Ending{Result: retry.Abandoned})
	if a.Rate() != before {
		t.Errorf("what nobody waited for has moved the rate from %v to %v", before, a.Rate())
	}
	now = now.Add(time.Minute)
	end(0, true) // one attempt in a minute: of ten a second a fifth is left, and twice that is allowed
	if a.Rate() < 3.8 || a.Rate() > 4.3 {
		t.Errorf("%v attempts a second after a minute of nearly none", a.Rate())
	}
	for range 50 {
		end(patterns.Overloaded, false)
	}
	if a.Rate() != 0.5 {
		t.Errorf("the least rate is %v", a.Rate())
	}
}

// Attempts wait for their turn: after a bucket full they come at the rate.
func TestAdaptivePacesAttempts(t *testing.T) {
	simulate(t, func(p *sim.Process) {
		cfg := retry.AWSAdaptive()
		cfg.Attempts = 1
		budget := retry.NewAdaptive(retry.DefaultAdaptiveConfig())
		r := retry.New(cfg, p.Sim().Keyed("jitter"), budget)
		var sent []string
		call := r.Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
			sent = append(sent, p.Now().String())
			return patterns.Response{}, &patterns.Error{Kind: patterns.Overloaded}
		})
		for range 4 { // nothing was measured yet: half an attempt a second
			call(p, patterns.Request{})
		}
		if got := strings.Join(sent, " "); got != "0s 2s 4s 6s" || r.Counts().Paced != 6*time.Second {
			t.Errorf("sent at %s, %+v", got, r.Counts())
		}
		scope := p.WithTimeout(time.Second)
		if _, err := call(p, patterns.Request{}); !scope.Ended(err) || p.Now() != sim.Time(7*time.Second) {
			t.Errorf("at %v: %v", p.Now(), err)
		}
		scope.Close()
		p.Sleep(100 * time.Second)
		began := p.Now()
		for range 2 { // not more than one has been saved up
			call(p, patterns.Request{})
		}
		if got := p.Now().Sub(began); got < 1900*ms || got > 2*time.Second {
			t.Errorf("two attempts after a long time take %v", got)
		}
		p.Sleep(time.Second)
		began = p.Now()
		call(p, patterns.Request{}) // half of one is there
		if got := p.Now().Sub(began); got < 900*ms || got > time.Second {
			t.Errorf("another attempt a second later takes %v", got)
		}
	})
}

func TestBudgetsAreValidated(t *testing.T) {
	for _, c := range []struct {
		cfg  retry.BudgetConfig
		want string
	}{
		{retry.RatioConfig{Ratio: -1, PerSecond: -1, Deposit: 9, PerCall: 2, As: 9}, "Ratio PerSecond Window Deposit PerCall As"},
		{retry.TokensConfig{Deposit: -1, Capacity: -1}, "Deposit Capacity"},
		{retry.ThrottleConfig{}, "MaxTokens TokenRatio"},
		{retry.QuotaConfig{Tokens: -1, Cost: -1, TimeoutCost: -1, ThrottleCost: -1, Credit: -1}, "Tokens Cost TimeoutCost ThrottleCost Credit"},
		{retry.ConcurrencyConfig{Share: 2, Min: -1}, "Share Min"},
		{retry.AdaptiveConfig{Quota: retry.QuotaConfig{Cost: -1}, Beta: 2, Smooth: 2}, "Cost Beta Scale Smooth Measure MinRate"},
	} {
		cfg := retry.DefaultConfig()
		cfg.Budget = c.cfg
		err := cfg.Validate()
		for field := range strings.FieldsSeq(c.want) {
			if err == nil || !strings.Contains(err.Error(), "."+field+" is ") {
				t.Errorf("%T: %s is not named", c.cfg, field)
			}
		}
	}
}

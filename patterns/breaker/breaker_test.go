package breaker_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/sim"
)

// tell plays a story: words of a time and what happens then. A call that ends at once is + (success),
// - (failure), ? (nothing was learned) or x (rejected); "<a" begins call a, and "+a", "-a" or "?a"
// ends it; "=" only asks for the state; a "*9" at the end of a word makes nine of it. It returns the
// states after each word.
func tell(t *testing.T, b *breaker.Breaker, story string) string {
	t.Helper()
	outcomes := map[byte]breaker.Outcome{'+': breaker.Success, '-': breaker.Failure, '?': breaker.Unknown}
	permits := map[string]breaker.Permit{}
	var states []string
	for word := range strings.FieldsSeq(story) {
		i := strings.IndexAny(word, "+-?x<=")
		d, err := time.ParseDuration(word[:i])
		if err != nil {
			t.Fatal(err)
		}
		now, what := sim.Time(d), word[i]
		name, times, _ := strings.Cut(word[i+1:], "*")
		n := 1
		if times != "" {
			if n, err = strconv.Atoi(times); err != nil {
				t.Fatal(err)
			}
		}
		for range n {
			if what == '=' {
				continue
			}
			if what != '<' && name != "" {
				b.Done(now, permits[name], outcomes[what])
				continue
			}
			permit, err := b.Allow(now)
			if rejected := err == breaker.ErrOpen; rejected != (what == 'x') {
				t.Errorf("%s: at %v: %v", story, now, err)
			}
			switch {
			case what == '<':
				permits[name] = permit
			case err == nil:
				b.Done(now, permit, outcomes[what])
			}
		}
		states = append(states, b.State(now).String())
	}
	return strings.Join(states, " ")
}

func TestStories(t *testing.T) {
	inRow := breaker.Consecutive(2, 10*time.Second)
	probes := inRow
	probes.Probes, probes.Successes = 3, 2
	rate := breaker.DefaultConfig()
	rate.MinCalls, rate.Open = 4, 5*time.Second
	slow := rate
	slow.Rate, slow.SlowRate, slow.Slow = 0, 0.5, time.Second
	for _, c := range []struct {
		name          string
		cfg           breaker.Config
		story, states string
	}{
		{"failures in a row open it", inRow, "0s- 1s- 2sx", "closed open open"},
		{"a success starts the row again", inRow, "0s- 1s+ 2s- 3s-", "closed closed closed open"},
		{"what teaches nothing does not", inRow, "0s- 1s? 2s-", "closed closed open"},
		{"it half-opens at the very instant", inRow, "0s- 1s- 10.999999999sx 11s<a", "closed open open half-open"},
		{"a probe that succeeds closes it", inRow, "0s- 1s- 11s+ 12s- 13s-", "closed open closed closed open"},
		{"a failed probe opens it again", inRow, "0s- 1s- 11s- 20.9sx", "closed open open open"},
		{"and for as long as before", inRow, "0s- 1s- 11s- 20.9sx 21s+", "closed open open open closed"},
		{"one probe at a time", inRow, "0s- 1s- 11s<a 12sx 13s+a 14s+", "closed open half-open half-open closed closed"},
		{"a probe that teaches nothing is given back", inRow, "0s- 1s- 11s<a 12sx 13s?a 14s+", "closed open half-open half-open half-open closed"},
		{"a lost probe holds its permit for ever", inRow, "0s- 1s- 11s<a 1000hx", "closed open half-open half-open"},
		{"a late failure from before is stale", inRow, "0s<a 0s- 1s- 11s<b 12s-a 13s+b", "closed closed open half-open half-open closed"},
		{"so is a late success", inRow, "0s<a 0s- 1s- 11s<b 12s+a 13s-b", "closed closed open half-open half-open open"},
		{"even if it is closed again", inRow, "0s<a 0s- 1s- 11s+ 12s- 13s+a 14s-", "closed closed open closed closed closed open"},
		{"and while it is open", inRow, "0s<a 0s- 1s- 2s-a 11s+", "closed closed open open closed"},

		{"enough of several probes", probes, "0s- 1s- 11s+ 12s+", "closed open half-open closed"},
		{"no more than allowed", probes, "0s- 1s- 11s<a 11s<b 11s<c 11sx 12s+a 12s+b 13s-c 14s-", "closed open half-open half-open half-open half-open half-open closed closed closed"},
		{"one failure is enough", probes, "0s- 1s- 11s+ 12s-", "closed open half-open open"},

		{"half of enough calls", rate, "0s+ 1s- 2s+ 3s-", "closed closed closed open"},
		{"not of fewer", rate, "0s- 1s- 2s-", "closed closed closed"},
		{"a success may be what makes them enough", rate, "0s- 1s- 2s+ 3s+", "closed closed closed open"},
		{"less than half", rate, "0s+ 1s+ 2s- 3s+ 4s-", "closed closed closed closed closed"},
		{"the window forgets", rate, "0s- 0s- 0s+ 10s- 11s+", "closed closed closed closed closed"},
		{"what was before it opened does not count again", rate, "0s- 0s- 0s- 0s- 5s+ 6s- 7s-", "closed closed closed open closed closed closed"},
		{"nor does it dilute", rate, "0s- 0s- 0s- 0s- 5s+ 6s- 7s- 8s+ 9s+", "closed closed closed open closed closed closed closed open"},

		{"slow is more than the limit", slow, "0s<a 0s<b 0s<c 0s<d 1s+a 1s+b 1s+c 1.1s+d", "closed closed closed closed closed closed closed closed"},
		{"half are slow", slow, "0s<a 0s<b 0s<c 0s<d 1s+a 1s+b 1.1s+c 1.1s+d", "closed closed closed closed closed closed closed open"},
		{"a slow probe fails", slow, "0s<a 0s<b 0s<c 0s<d 2s+a 2s+b 2s+c 2s+d 7s<e 9s+e", "closed closed closed closed closed closed closed open half-open open"},
	} {
		if got := tell(t, breaker.New(c.cfg), c.story); got != c.states {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.story, got, c.states)
		}
	}
}

// Millionths decide, not the rounding of a product: 0.07*100 is more than 7.
func TestRateIsExact(t *testing.T) {
	cfg := breaker.DefaultConfig()
	cfg.Rate, cfg.MinCalls = 0.07, 100
	b := breaker.New(cfg)
	for i := range 100 {
		permit, _ := b.Allow(0)
		outcome := breaker.Success
		if i < 7 {
			outcome = breaker.Failure
		}
		b.Done(0, permit, outcome)
	}
	if got := b.State(0); got != breaker.Open {
		t.Errorf("7 of 100 failed, 7 %% open it, and it is %v", got)
	}
	cfg.Rate, cfg.MinCalls = 1e-7, 1
	b = breaker.New(cfg)
	permit, _ := b.Allow(0)
	b.Done(0, permit, breaker.Success)
	if got := b.State(0); got != breaker.Closed {
		t.Errorf("nothing failed, a little opens it, and it is %v", got)
	}
}

// A breaker that opens after k failures in a row for d, with one probe, under Poisson arrivals of
// rate λ and independent failures of probability p that are known at once: E = (p⁻ᵏ-1)/(1-p)
// calls until it opens, then λd rejected and 1 probe, 1/(1-p) times in the mean.
func TestConsecutiveAgainstClosedForm(t *testing.T) {
	for _, c := range []struct {
		p                 float64
		k                 int
		rate              float64
		open              time.Duration
		rejected, success float64
	}{
		{.5, 5, 10, 5 * time.Second, .6097561, .1951220},
		{.3, 5, 10, 5 * time.Second, .1083370, .6241641},
		{.2, 3, 100, 10 * time.Second, .8888889, .0888889},
		{.9, 5, 10, 5 * time.Second, .9672394, .0032761},
	} {
		var rejected, success []float64 // of batches
		for batch := range uint64(40) {
			luck := rand.New(rand.NewPCG(batch, 1))
			b := breaker.New(breaker.Consecutive(c.k, c.open))
			good := 0
			const warmUp, calls = 10_000, 60_000
			var before breaker.Counts
			var now sim.Time
			for i := range warmUp + calls {
				if i == warmUp {
					before, good = b.Counts(), 0
				}
				now = now.Add(time.Duration(luck.ExpFloat64() / c.rate * 1e9))
				permit, err := b.Allow(now)
				if err != nil {
					continue
				}
				outcome := breaker.Success
				if luck.Float64() < c.p {
					outcome = breaker.Failure
				} else {
					good++
				}
				b.Done(now, permit, outcome)
			}
			rejected = append(rejected, float64(b.Counts().Rejected-before.Rejected)/calls)
			success = append(success, float64(good)/calls)
		}
		for _, m := range []struct {
			what   string
			sample []float64
			want   float64
		}{{"rejected", rejected, c.rejected}, {"success", success, c.success}} {
			mean, se := meanAndError(m.sample)
			if math.Abs(mean-m.want) > 4*se || se > 0.03*m.want {
				t.Errorf("p=%v k=%d: %s %.5f ± %.5f, want %.5f", c.p, c.k, m.what, mean, se, m.want)
			}
		}
	}
}

func meanAndError(sample []float64) (mean, se float64) {
	n := float64(len(sample))
	for _, x := range sample {
		mean += x / n
	}
	for _, x := range sample {
		se += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(se / (n - 1) / n)
}

func ExampleBreaker() {
	b := breaker.New(breaker.Consecutive(2, 10*time.Second))
	for _, call := range []struct {
		at      time.Duration
		outcome breaker.Outcome
	}{
		{0, breaker.Failure}, {1 * time.Second, breaker.Failure}, {2 * time.Second, breaker.Success},
		{11 * time.Second, breaker.Success}, {12 * time.Second, breaker.Success},
	} {
		now := sim.Time(call.at)
		permit, err := b.Allow(now)
		if err == nil {
			b.Done(now, permit, call.outcome)
		}
		fmt.Println(now, b.State(now), err)
	}
	// Output:
	// 0s closed <nil>
	// 1s open <nil>
	// 2s open breaker is open
	// 11s closed <nil>
	// 12s closed <nil>
}

// What it goes by is told: the window while closed, the probes while half-open.
func TestTally(t *testing.T) {
	cfg := breaker.GobreakerWindow(10*time.Second, 5*time.Second)
	cfg.Failures, cfg.Probes, cfg.Successes, cfg.Open = 2, 3, 3, time.Second
	b := breaker.New(cfg)
	at := func(s float64) sim.Time { return sim.Time(s * float64(time.Second)) }
	ask := func(now float64) breaker.Permit {
		p, err := b.Allow(at(now))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	check := func(now float64, want breaker.Tally) {
		t.Helper()
		if got := b.Tally(at(now)); got != want {
			t.Errorf("at %v s: %+v, want %+v", now, got, want)
		}
	}
	first := ask(1)
	check(1, breaker.Tally{Calls: 1})
	b.Done(at(2), first, breaker.Failure)
	check(9.9, breaker.Tally{Calls: 1, Failures: 1, Row: 1})
	check(10, breaker.Tally{})
	b.Done(at(11), ask(11), breaker.Failure)
	b.Done(at(11), ask(11), breaker.Failure)
	check(11, breaker.Tally{})
	b.Done(at(13), ask(13), breaker.Success)
	ask(13)
	check(13, breaker.Tally{Calls: 1, Probes: 2})
}

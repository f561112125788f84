package ratelimit_test

import (
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A model is a slow and obvious limiter: it returns when n permits that are asked for at now can be
// used, and a func that books them.
type model func(now sim.Time, n int) (at sim.Time, book func())

// compare plays a random story to a limiter and to a model of it.
func compare(t *rapid.T, cfg ratelimit.Config, unit time.Duration, m func(start sim.Time) model) {
	start := sim.Time(rapid.IntRange(0, 100).Draw(t, "start")) * sim.Time(unit)
	l, slow := ratelimit.New(cfg, start), m(start)
	for i, q := range requests(t, start, unit) {
		at, book := slow(q.now, q.n)
		want := at <= q.now.Add(q.wait)
		r, ok := l.Reserve(q.now, q.n, q.wait)
		if ok != want || r.At != at {
			t.Fatalf("request %d at %v for %d within %v: %v at %v, want %v at %v", i, q.now, q.n, q.wait, ok, r.At, want, at)
		}
		if ok {
			book()
		}
	}
}

// golang.org/x/time/rate in rational numbers, with bookings that are given back.
func TestTokenBucketEqualsExactModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, ratelimit.TokenBucket)
		l := ratelimit.New(cfg, 0)
		rate := big.NewRat(int64(cfg.Limit), int64(cfg.Period))
		whole := func(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }
		span := func(n int) int64 { // of n tokens, rounded down
			x := new(big.Rat).Quo(whole(int64(n)), rate)
			return new(big.Int).Quo(x.Num(), x.Denom()).Int64()
		}
		var (
			now, last, latest sim.Time
			tokens            = whole(int64(cfg.Burst))
			booked            []ratelimit.Reservation
			sizes             []int
		)
		advance := func() *big.Rat {
			x := new(big.Rat).Mul(whole(int64(now-last)), rate)
			if x.Add(x, tokens); x.Cmp(whole(int64(cfg.Burst))) > 0 {
				return whole(int64(cfg.Burst))
			}
			return x
		}
		t.Repeat(map[string]func(*rapid.T){
			"pass": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "time"))) },
			"reserve": func(t *rapid.T) {
				n, wait := rapid.IntRange(1, 4).Draw(t, "n"), time.Duration(rapid.IntRange(0, 100).Draw(t, "wait"))
				left := new(big.Rat).Sub(advance(), whole(int64(n)))
				at := now
				if left.Sign() < 0 {
					x := new(big.Rat).Quo(new(big.Rat).Neg(left), rate)
					ceil := new(big.Int).Add(x.Num(), new(big.Int).Sub(x.Denom(), big.NewInt(1)))
					at = now.Add(time.Duration(ceil.Quo(ceil, x.Denom()).Int64()))
				}
				want := n <= cfg.Burst && at <= now.Add(wait)
				if n > cfg.Burst {
					at = sim.Never
				}
				r, ok := l.Reserve(now, n, wait)
				if ok != want || r.At != at {
					t.Fatalf("at %v %d permits within %v: %v at %v, want %v at %v", now, n, wait, ok, r.At, want, at)
				}
				if ok {
					tokens, last, latest = left, now, at
					booked, sizes = append(booked, r), append(sizes, n)
				}
			},
			"cancel": func(t *rapid.T) {
				if len(booked) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(booked)-1).Draw(t, "which")
				r, n := booked[i], sizes[i]
				booked, sizes = slices.Delete(booked, i, i+1), slices.Delete(sizes, i, i+1)
				l.Cancel(now, r)
				if r.At < now {
					return
				}
				behind := new(big.Rat).Mul(whole(int64(latest-r.At)), rate)
				restore := new(big.Rat).Sub(whole(int64(n)), behind)
				if restore.Sign() <= 0 {
					return
				}
				if tokens = restore.Add(restore, advance()); tokens.Cmp(whole(int64(cfg.Burst))) > 0 {
					tokens = whole(int64(cfg.Burst))
				}
				last = now
				if r.At == latest && int64(r.At)-span(n) >= int64(now) {
					latest = r.At - sim.Time(span(n))
				}
			},
		})
	})
}

// Filling by filling.
func TestRefillEqualsSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, ratelimit.Refill)
		compare(t, cfg, 1, func(start sim.Time) model {
			tokens, next := cfg.Burst, start.Add(cfg.Period)
			return func(now sim.Time, n int) (sim.Time, func()) {
				for next <= now {
					tokens, next = min(tokens+cfg.Limit, cfg.Burst), next.Add(cfg.Period)
				}
				at := now
				for have, filling := tokens, next; have < n; filling = filling.Add(cfg.Period) {
					have, at = have+cfg.Limit, filling
				}
				return at, func() { tokens -= n }
			}
		})
	})
}

// Each permit goes to the first window that has room, from that of the permit before it on.
func TestFixedWindowEqualsSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, ratelimit.FixedWindow)
		compare(t, cfg, 1, func(sim.Time) model {
			used, newest := map[int64]int{}, int64(0)
			return func(now sim.Time, n int) (sim.Time, func()) {
				if n > cfg.Limit {
					return sim.Never, nil
				}
				w := max(int64(now)/int64(cfg.Period), newest)
				var takes []int64
				for room := cfg.Limit - used[w]; len(takes) < n; room = cfg.Limit - used[w] {
					for ; room > 0 && len(takes) < n; room-- {
						takes = append(takes, w)
					}
					w++
				}
				last := takes[n-1]
				return max(now, sim.Time(last*int64(cfg.Period))), func() {
					for _, w := range takes {
						used[w]++
					}
					newest = last
				}
			}
		})
	})
}

// The first instant before which not too many were let through within a period.
func TestSlidingLogEqualsSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, ratelimit.SlidingLog)
		compare(t, cfg, 1, func(sim.Time) model {
			var log []sim.Time
			return func(now sim.Time, n int) (sim.Time, func()) {
				if n > cfg.Limit {
					return sim.Never, nil
				}
				for at := now; ; at++ {
					lately := 0
					for _, was := range log {
						if was > at-sim.Time(cfg.Period) {
							lately++
						}
					}
					if lately+n <= cfg.Limit {
						return at, func() {
							for range n {
								log = append(log, at)
							}
						}
					}
				}
			}
		})
	})
}

// The estimate as it is defined, instant by instant.
func TestSlidingCounterEqualsSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, ratelimit.SlidingCounter)
		period := int64(cfg.Period)
		compare(t, cfg, 1, func(sim.Time) model {
			calls, newest := map[int64]int64{}, sim.Time(0)
			return func(now sim.Time, n int) (sim.Time, func()) {
				if n > cfg.Limit {
					return sim.Never, nil
				}
				for at := max(now, newest); ; at++ {
					w, elapsed := int64(at)/period, int64(at)%period
					if calls[w-1]*(period-elapsed)+(calls[w]+int64(n))*period <= int64(cfg.Limit)*period {
						return at, func() { calls[w] += int64(n); newest = at }
					}
				}
			}
		})
	})
}

// Cloudflare's example: 42 calls in the minute before, 18 in the first 15 s of this one make
// 42*(60-15)/60 + 18 = 49.5, so the next one would be above 50. It can be made when 31 is left of 42:
// after 60 s*(1-31/42) = 15.714... s.
func TestCloudflaresExample(t *testing.T) {
	l := ratelimit.New(ratelimit.Cloudflare(), 0)
	for range 42 {
		l.Allow(sim.Time(30 * time.Second))
	}
	now := sim.Time(75 * time.Second)
	for i := range 18 {
		if !l.Allow(now - sim.Time(18-i)) {
			t.Fatalf("call %d of this minute is refused", i+1)
		}
	}
	r, ok := l.Reserve(now, 1, 0)
	if want := sim.Time(75_714_285_715); ok || r.At != want {
		t.Errorf("the next one: %v at %v, want refused until %v", ok, r.At, want)
	}
}

// Counting what is far above the limit does not overflow: 4·10⁹ rejected calls in an hour of 3.6·10¹² ns.
func TestSlidingCounterCountsWithoutOverflow(t *testing.T) {
	cfg := ratelimit.Config{Algorithm: ratelimit.SlidingCounter, Limit: 1_000_000_000, Period: time.Hour, CountRejected: true}
	l := ratelimit.New(cfg, 0)
	for range 4 {
		l.Reserve(0, 1_000_000_000, 0)
	}
	// The hour after that begins with 4·10⁹; half of the limit is free when an eighth of them is left.
	r, ok := l.Reserve(sim.Time(time.Hour), 500_000_000, 0)
	if want := sim.Time(time.Hour + 7*time.Hour/8); ok || r.At != want {
		t.Errorf("%v at %v, want refused until %v", ok, r.At, want)
	}
}

// A cell rate with whole intervals and a token bucket are the same thing seen from two sides.
func TestGCRAEqualsTokenBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, ratelimit.GCRA)
		cfg.Period *= time.Duration(cfg.Limit)
		tokens := cfg
		tokens.Algorithm = ratelimit.TokenBucket
		compare(t, cfg, 5, func(start sim.Time) model {
			l := ratelimit.New(tokens, start)
			return func(now sim.Time, n int) (sim.Time, func()) {
				r, _ := l.Reserve(now, n, 0)
				if r.At == now {
					return now, func() {}
				}
				return r.At, func() { l.Reserve(now, n, -1) }
			}
		})
	})
}

// If a period has a rest, the interval is cut to nanoseconds: 3 a second are one every 333,333,333 ns.
func TestIntervalsAreCut(t *testing.T) {
	for _, a := range []ratelimit.Algorithm{ratelimit.GCRA, ratelimit.LeakyBucket, ratelimit.Smooth} {
		cfg := per(a, 3)
		if a == ratelimit.GCRA {
			cfg.Burst = 1
		}
		tell(t, ratelimit.New(cfg, 0), "0s+ 0s~333.333333ms 0s~666.666666ms 0s~999.999999ms")
	}
}

// atomicLimiter of go.uber.org/ratelimit keeps how long to sleep, which may be negative, and when it
// was called last. Let issue = last + sleepFor: then
//
//	issue' = now + max(-slack, sleepFor + interval - (now-last)) = max(now - slack, issue + interval)
//
// which is what atomicInt64Limiter keeps. They differ only at the start, where the one that keeps the
// issue takes an issue at instant zero for none; here neither does.
func TestLeakyBucketEqualsTheSleepThatIsAddedUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, ratelimit.LeakyBucket)
		interval := cfg.Period / time.Duration(cfg.Limit)
		maxSlack := -time.Duration(cfg.Slack) * interval
		l := ratelimit.New(cfg, 0)
		var last sim.Time
		var sleepFor time.Duration
		first := true
		for i, q := range requests(t, 0, 1) {
			newLast, newSleep := q.now, sleepFor
			if !first {
				newSleep = max(newSleep+interval-q.now.Sub(last), maxSlack)
				if newSleep > 0 {
					newLast, newSleep = q.now.Add(newSleep), 0
				}
			}
			want := newLast <= q.now.Add(q.wait)
			r, ok := l.Reserve(q.now, 1, q.wait)
			if ok != want || r.At != newLast {
				t.Fatalf("call %d at %v: %v at %v, want %v at %v", i, q.now, ok, r.At, want, newLast)
			}
			if ok {
				last, sleepFor, first = newLast, newSleep, false
			}
		}
	})
}

// Each permit takes the first interval that is free, from the present one on.
func TestSmoothEqualsSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := configs(t, ratelimit.Smooth)
		interval := int64(cfg.Period) / int64(cfg.Limit)
		compare(t, cfg, 1, func(start sim.Time) model {
			taken := int64(-1)
			return func(now sim.Time, n int) (sim.Time, func()) {
				last := max(int64(now-start)/interval, taken+1) + int64(n) - 1
				return max(now, start+sim.Time(last*interval)), func() { taken = last }
			}
		})
	})
}

// Guava's own example of a limiter that warms up (RateLimiterTest.testWarmUp): 2 a second, warm after 4 s, 3
// times as slow when cold. Then stable = 0.5 s, threshold = 0.5*4/0.5 = 4 and most = 4 + 2*4/(0.5+1.5)
// = 8 permits, and a permit saved costs 0.5 s + 0.25 s for each above 4. Spending the k-th of 8 costs
// the mean of its two ends: 0.5+0.25*3.5 = 1.375, then 1.125, 0.875, 0.625, then 0.5, and the next
// caller pays for it. A pause of 4 s makes it cold again (8 permits in 4 s); one of 2 s saves 4, up to
// the threshold, none of which costs more.
func TestWarmingUpAsGuavaDoes(t *testing.T) {
	cfg := ratelimit.GuavaWarmingUp()
	cfg.Limit, cfg.WarmUp = 2, 4*time.Second
	l := ratelimit.New(cfg, 0)
	var now sim.Time
	take := func(want ...time.Duration) {
		t.Helper()
		for i, w := range want {
			r, ok := l.Reserve(now, 1, -1)
			if got := r.At.Sub(now); !ok || got != w {
				t.Errorf("at %v permit %d waits %v, want %v", now, i, got, w)
			}
			now = r.At
		}
	}
	const ms = time.Millisecond
	take(0, 1375*ms, 1125*ms, 875*ms, 625*ms, 500*ms, 500*ms, 500*ms)
	now = now.Add(500*ms + 4*time.Second)
	take(0, 1375*ms, 1125*ms, 875*ms, 625*ms, 500*ms, 500*ms, 500*ms)
	now = now.Add(500*ms + 2*time.Second)
	take(0, 500*ms, 500*ms, 500*ms, 500*ms, 500*ms, 500*ms, 500*ms)
	// Several at once from in the middle of the slope: after 0.5 s and 3 s, 6 are saved. Spending 3 of them
	// costs 2*0.75 s (from 6 to 4) and 0.5 s.
	now = now.Add(500*ms + 3*time.Second)
	if r, _ := l.Reserve(now, 3, 0); r.At != now {
		t.Errorf("3 permits wait until %v, want none", r.At)
	}
	take(2 * time.Second)
}

// With a cold factor of 3 permits are saved as fast as they are spent when warm. With 19, 5 permits in 3 s
// (stable = 0.6 s) and a warm-up of 3 s: threshold = 0.5*3/0.6 = 2.5, most = 2.5 + 2*3/(0.6+11.4) = 3, one
// saved in 3/3 = 1 s, and slope = 10.8/0.5 = 21.6 s. From 3 to 2: 0.5*(11.4+0.6)/2 + 0.5*0.6 = 3.3 s. From 2.75
// to 1.75: 0.25*(6+0.6)/2 + 0.75*0.6 = 1.275 s.
func TestWarmingUpFromVeryCold(t *testing.T) {
	cfg := ratelimit.GuavaWarmingUp()
	cfg.Limit, cfg.Period, cfg.WarmUp, cfg.Cold = 5, 3*time.Second, 3*time.Second, 19
	tell(t, ratelimit.New(cfg, 0), "0s+ 0s~3.3s 0s~3.9s 0s~4.5s 7.85s+ 7.85s~9.125s")
}

// Microseconds are what Guava counts: the rest of an instant is not looked at, and the cost of a permit is
// cut. 3 a second are one every 333,333 us.
func TestWarmingCountsMicroseconds(t *testing.T) {
	cfg := ratelimit.GuavaBursty()
	cfg.Limit, cfg.Burst = 3, 0
	tell(t, ratelimit.New(cfg, 0), "1.0000009s+ 1.0000009s~1.3333339s 1.3333339s~1.6666669s 1.999998999sx1.999999999s 1.999999s+")
}

// Poisson arrivals that wait for a leaky bucket are a queue M/D/1: Wq = ρ/(2(1-ρ)) intervals, 2 at 80 %
// load (Pollaczek-Khinchine).
func TestLeakyBucketAgainstPollaczekKhinchine(t *testing.T) {
	const rho, want = 0.8, 2.0
	var means []float64
	for batch := range uint64(40) {
		luck := sim.Seed(batch).Stream("arrivals")
		l := ratelimit.New(per(ratelimit.LeakyBucket, 1), 0)
		const warmUp, calls = 1_000, 40_000
		var now sim.Time
		var waited float64
		for i := range warmUp + calls {
			now = now.Add(time.Duration(-math.Log(1-luck.Float64()) / rho * 1e9))
			r, _ := l.Reserve(now, 1, -1)
			if i >= warmUp {
				waited += r.At.Sub(now).Seconds()
			}
		}
		means = append(means, waited/calls)
	}
	var mean, se float64
	n := float64(len(means))
	for _, x := range means {
		mean += x / n
	}
	for _, x := range means {
		se += (x - mean) * (x - mean)
	}
	se = math.Sqrt(se / (n - 1) / n)
	if math.Abs(mean-want) > 4*se || se > 0.02*want {
		t.Errorf("mean wait %.4f ± %.4f intervals, want %.4f", mean, se, want)
	}
}

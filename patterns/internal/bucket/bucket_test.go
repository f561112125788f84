package bucket_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/internal/bucket"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// Against rational numbers: nothing is ever rounded, but the end of a wait, up to the next nanosecond.
func TestEqualsRationalModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens, every := rapid.Int64Range(1, 20).Draw(t, "tokens"), rapid.Int64Range(1, 50).Draw(t, "every")
		capacity := rapid.Int64Range(1, 10).Draw(t, "capacity")
		last := sim.Time(rapid.IntRange(0, 100).Draw(t, "start"))
		b := bucket.New(tokens, time.Duration(every), capacity, last)
		rate, holds := big.NewRat(tokens, every), big.NewRat(capacity, 1)
		have := new(big.Rat).Set(holds)
		now := last
		advance := func() {
			if now > last {
				have.Add(have, new(big.Rat).Mul(rate, big.NewRat(int64(now-last), 1)))
				last = now
			}
			if have.Cmp(holds) > 0 {
				have.Set(holds)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"pass":     func(t *rapid.T) { now += sim.Time(rapid.IntRange(0, 60).Draw(t, "time")) },
			"set back": func(t *rapid.T) { now = max(now-sim.Time(rapid.IntRange(0, 9).Draw(t, "time")), 0) },
			"wait": func(t *rapid.T) {
				advance()
				n := rapid.Int64Range(0, 15).Draw(t, "n")
				missing := new(big.Rat).Sub(big.NewRat(n, 1), have)
				want := new(big.Rat).Quo(missing, rate)
				got := b.Wait(now, n)
				switch {
				case missing.Sign() <= 0 && got == 0:
				case missing.Sign() > 0 && want.Cmp(big.NewRat(int64(got), 1)) <= 0 && want.Cmp(big.NewRat(int64(got)-1, 1)) > 0:
				default:
					t.Fatalf("at %v with %v tokens the wait for %d is %v, want %v", now, have, n, got, want)
				}
			},
			"take": func(t *rapid.T) {
				advance()
				n := rapid.Int64Range(0, 15).Draw(t, "n")
				b.Take(now, n)
				have.Sub(have, big.NewRat(n, 1))
			},
			"give": func(t *rapid.T) {
				n, used := rapid.Int64Range(0, 15).Draw(t, "n"), rapid.Int64Range(0, 60).Draw(t, "used")
				b.Give(n, time.Duration(used))
				less := new(big.Rat).Mul(rate, big.NewRat(used, 1))
				if less.Sub(big.NewRat(n, 1), less); less.Sign() > 0 {
					advance()
					have.Add(have, less)
				}
				advance()
			},
			"": func(t *rapid.T) {
				advance()
				want, _ := have.Float64()
				if got := b.Tokens(now); math.Abs(got-want) > 1e-9 {
					t.Fatalf("at %v there are %v tokens, want %v", now, got, want)
				}
			},
		})
	})
}

func TestSpanIsRoundedDown(t *testing.T) {
	b := bucket.New(3, time.Second, 1, 0)
	for n, want := range []time.Duration{0, 333_333_333, 666_666_666, time.Second} {
		if got := b.Span(int64(n)); got != want {
			t.Errorf("%d tokens take %v to come, want %v", n, got, want)
		}
	}
}

// A year of thirds of a second, one by one: the 31,536,000·3rd token is there to the nanosecond.
func TestNothingIsLostInAYear(t *testing.T) {
	b := bucket.New(3, time.Second, 1, 0)
	b.Take(0, 1)
	year := sim.Time(365 * 24 * time.Hour)
	for now := sim.Time(0); now < year; now += sim.Time(7*time.Hour + 1) {
		b.Take(now, 3*25_200) // as many as come in 7 h
	}
	calls := int64(year)/int64(7*time.Hour+1) + 1
	want := new(big.Rat).SetFrac64(3*int64(year), 1e9)
	want.Sub(want, big.NewRat(3*25_200*calls, 1))
	exact, _ := want.Float64()
	if got := b.Tokens(year); math.Abs(got-exact) > 1e-9 {
		t.Errorf("after a year there are %v tokens, want %v", got, exact)
	}
}

func TestWhatIsTooLargeToCount(t *testing.T) {
	for _, c := range []struct {
		tokens   int64
		every    time.Duration
		capacity int64
		want     bool
	}{
		{1, 1, math.MaxInt64 / 4, true},
		{1, 1, math.MaxInt64/4 + 1, false},
		{1, 24 * time.Hour, 26_687, true},
		{1, 24 * time.Hour, 26_688, false},
		{1000, 24 * time.Hour, 26_687_997, true}, // 1 in 86.4 s: reduced to lowest terms
		{1000, 24 * time.Hour, 26_687_998, false},
		{7, math.MaxInt64, 1, true}, // 2⁶³-1 is a multiple of 7: 1 in 41 years
		{1, math.MaxInt64, 1, false},
		{0, 1, 1, false},
		{1, 0, 1, false},
		{1, 1, 0, false},
	} {
		if got := bucket.Fits(c.tokens, c.every, c.capacity); got != c.want {
			t.Errorf("%d in %v up to %d: %v, want %v", c.tokens, c.every, c.capacity, got, c.want)
		}
	}
	large := bucket.New(1000, 24*time.Hour, 26_687_997, 0)
	if got := large.Tokens(0); got != 26_687_997 {
		t.Errorf("the largest bucket for 1000 a day has %v tokens", got)
	}
	b := bucket.New(1, 1, 1, 0)
	if got := b.Wait(0, math.MaxInt64/4); got != math.MaxInt64/4-1 {
		t.Errorf("the most that can be owed takes %d ns", got)
	}
	for _, n := range []int64{math.MaxInt64/4 + 1, math.MaxInt64} {
		if got := b.Wait(0, n); got != math.MaxInt64 {
			t.Errorf("more than can be owed takes %v", got)
		}
	}
	b.Take(0, math.MaxInt64/4)
	if got := b.Wait(0, 2); got != math.MaxInt64 {
		t.Errorf("2 more than can be owed take %v", got)
	}
	if got := b.Wait(math.MaxInt64, 1); got != 0 {
		t.Errorf("at the end of time it owes for %v", got)
	}
	for name, misuse := range map[string]func(){
		"New":  func() { bucket.New(0, 1, 1, 0) },
		"Take": func() { b := bucket.New(1, 1, 1, 0); b.Take(0, math.MaxInt64) },
		"Take of what is owed already": func() {
			b := bucket.New(1, 1, 1, 0)
			b.Take(0, math.MaxInt64/4)
			b.Take(0, 2)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			misuse()
		}()
	}
}

package balance

import (
	"math"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A loaded target says how loaded it is, too.
type loaded struct{ full }

func (l *loaded) Load() float64 { return l.load }

// Peak EWMA of a decay of 10 s, worked out by hand from Finagle's rule. With E(t) = exp(-t/10s):
//
//	 0 s  a call takes 100 ms: the average is 100 ms
//	10 s  read: 100·E(10) = 36.788
//	10 s  a call takes 200 ms: a peak, 200
//	15 s  a call takes 50 ms: 200·E(5) + 50·(1-E(5)) = 121.3061 + 19.6735 = 140.9796
//	25 s  read: 140.9796·E(10) = 51.8635
//	25 s  a call of 20 ms at the same instant: no time has passed, so that it weighs nothing
//	25 s  two calls under way: 3·51.8635
func TestPeakEWMA(t *testing.T) {
	cfg := FinaglePeakEWMA()
	b := cluster(cfg, 0)
	m := b.members[0]
	ms := float64(time.Millisecond)
	at := func(seconds float64) sim.Time { return sim.Time(seconds * float64(time.Second)) }
	observe := func(seconds, took float64, end ending) {
		m.inFlight++
		b.ended(at(seconds), m, at(seconds)-sim.Time(took*ms), end)
	}
	want := func(seconds, cost float64) {
		t.Helper()
		if got := b.load(m, at(seconds)) / ms; math.Abs(got-cost) > 0.0005 {
			t.Errorf("at %vs: %.4f ms, want %v", seconds, got, cost)
		}
	}
	want(0, 0)
	m.inFlight = 2
	if got := b.load(m, 0); got != unknown+2 {
		t.Errorf("called, and not answered yet: %v", got)
	}
	m.inFlight = 0
	observe(0, 100, answered)
	want(0, 100)
	want(10, 36.788)
	observe(10, 200, answered)
	observe(15, 50, answered)
	want(25, 51.8635)
	observe(25, 20, answered)
	want(25, 51.8635)
	m.inFlight = 2
	want(25, 3*51.8635)
	m.inFlight = 0
	observe(25, 900, unwound)
	want(25, 51.8635)
	observe(25, 60, failed)
	want(25, 60)

	cfg.EWMA.ErrorPenalty, cfg.EWMA.Initial = 5*time.Second, 30*time.Millisecond
	b = cluster(cfg, 0)
	m = b.members[0]
	want(0, 30)
	m.inFlight = 1
	want(0, 60)
	m.inFlight = 0
	observe(0, 1, failed)
	want(0, 5000)
	observe(0, 6000, failed)
	want(0, 6000)
}

// How calls end, as far as an average is concerned.
func TestEndings(t *testing.T) {
	for _, c := range []struct {
		err  error
		want ending
	}{
		{nil, answered},
		{&patterns.Error{Kind: patterns.Failed}, failed},
		{&patterns.Error{Kind: patterns.Refused}, failed},
		{&patterns.Error{Kind: patterns.Conflict}, answered},
		{&patterns.Error{Kind: patterns.Rejected}, answered},
		{&sim.Ended{Cause: sim.ErrDeadline}, failed},
		{&sim.Ended{Cause: sim.ErrCancelled}, answered},
		{&sim.Interrupted{}, answered},
	} {
		if got := endingOf(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

// With peak EWMA a replica that fails fast attracts calls, and with a penalty it does not.
func TestErrorPenalty(t *testing.T) {
	for _, c := range []struct {
		penalty   time.Duration
		low, high int
	}{{0, 700, 1000}, {5 * time.Second, 0, 50}} {
		cfg := FinaglePeakEWMA()
		cfg.EWMA.ErrorPenalty = c.penalty
		b := cluster(cfg, 0, 0)
		fast := 0
		for i := range 1000 {
			now := sim.Time(i) * sim.Time(10*time.Millisecond)
			m := b.pick(now, &patterns.Request{ID: uint64(i) + 1})
			m.inFlight++
			if m.name == "a" { // fails in 1 ms
				fast++
				b.ended(now.Add(time.Millisecond), m, now, failed)
			} else {
				b.ended(now.Add(9*time.Millisecond), m, now, answered)
			}
		}
		if fast < c.low || fast > c.high {
			t.Errorf("penalty %v: %d of 1000 calls went to the replica that fails", c.penalty, fast)
		}
	}
}

// Loads are as they were at the last multiple of Stale, whatever happened since.
func TestStale(t *testing.T) {
	cfg := Config{Pick: LeastRequests, Stale: time.Second}
	b := cluster(cfg, 0, 0)
	a, c := b.members[0], b.members[1]
	at := func(ms int) sim.Time { return sim.Time(ms) * sim.Time(time.Millisecond) }
	want := func(ms int, name string) {
		t.Helper()
		seen := map[string]bool{}
		for id := range uint64(50) {
			seen[b.pick(at(ms), &patterns.Request{ID: id + 1}).name] = true
		}
		if got := len(seen) == 2; got != (name == "both") || !got && !seen[name] {
			t.Errorf("at %d ms: %v, want %s", ms, seen, name)
		}
	}
	want(100, "both") // reads: 0 and 0
	a.inFlight = 3
	want(999, "both")
	want(1000, "b") // reads: 3 and 0
	c.inFlight = 4
	want(1500, "b")
	b.ended(at(2100), c, 0, answered) // the first to come: reads 3 and 4
	c.inFlight = 0
	want(2900, "a")
	want(7300, "b") // reads: 3 and 0
	a.inFlight = 0
	want(7999, "b")
	want(8000, "both")
}

// A target that says its load is believed; one that does not has its calls under way.
func TestTold(t *testing.T) {
	a := &loaded{full{named: named{name: "a"}, weight: 1, load: 7}}
	b := New(Config{Pick: LeastRequests, Load: Told}, sim.Seed(1).Keyed("balance"), []Target{veil{a}, &named{name: "b"}})
	b.members[1].inFlight = 6
	if got := turns(b, 3); got != "bbb" {
		t.Errorf("7 against 6: %s", got)
	}
	a.load = 5
	if got := turns(b, 3); got != "aaa" {
		t.Errorf("5 against 6: %s", got)
	}
}

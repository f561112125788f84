package oracle

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// sequences is how many of them each test plays, unless -rapid.checks or RAPID_CHECKS says otherwise.
const sequences = "10000"

func TestMain(m *testing.M) {
	flag.Parse()
	_, given := os.LookupEnv("RAPID_CHECKS")
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		flag.Set("rapid.checks", sequences)
	}
	os.Exit(m.Run())
}

// compare draws sequences, plays each in a bubble of its own and fails at one in which the two differ.
// What play has seen must in the end be all that is to be reached.
func compare[S any](t *testing.T, sequence *rapid.Generator[S], play func(S, seen) error, reach ...string) {
	t.Helper()
	all := seen{}
	rapid.Check(t, func(r *rapid.T) {
		s := sequence.Draw(r, "sequence")
		if err := inBubble(t, func() error { return play(s, all) }); err != nil {
			r.Fatal(err)
		}
	})
	all.need(t, reach...)
}

// inBubble calls f on virtual time, which begins anew.
func inBubble(t *testing.T, f func() error) (err error) {
	synctest.Test(t, func(*testing.T) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		err = f()
	})
	return err
}

// seen counts what sequences have reached.
type seen map[string]int

func (s seen) need(t *testing.T, reach ...string) {
	t.Helper()
	if t.Failed() {
		return
	}
	for _, what := range slices.Sorted(maps.Keys(s)) {
		t.Logf("%9d × %s", s[what], what)
	}
	for _, what := range reach {
		if s[what] == 0 {
			t.Errorf("no sequence has reached: %s", what)
		}
	}
}

// A clock is what both sides read: the bubble's time, of which ours counts from when it was started.
type clock struct{ zero time.Time }

func startClock() clock { return clock{time.Now()} }

// startClockOn is as startClock, but multiples of unit since 1970 are those of ours, too.
func startClockOn(unit time.Duration) clock {
	now := time.Now()
	return clock{now.Add(-time.Duration(now.UnixNano()) % unit)}
}

func (c clock) now() sim.Time { return sim.Time(time.Since(c.zero)) }

func (c clock) sleepUntil(at sim.Time) { time.Sleep(at.Sub(c.now())) }

// A wait says when the next step of a sequence comes: some length that matters after some instant that
// matters, or a nanosecond before or after that; at once if that is over.
type wait struct {
	Since, Length int // which of them, counted round and round
	Off           time.Duration
}

var waits = rapid.Custom(func(t *rapid.T) wait {
	return wait{evenly(t, 8, "since"), evenly(t, 16, "length"), oneOf[time.Duration](t, "off", 0, -1, 1, 0)}
})

// evenly draws from 0 to n-1, for an n that is a power of two or not much less. Rapid's own ranges draw
// small numbers more often.
func evenly(t *rapid.T, n int, label string) int {
	v := 0
	for bits := 1; bits < n; bits *= 2 {
		v *= 2
		if rapid.Bool().Draw(t, label) {
			v++
		}
	}
	return v % n
}

// oneOf draws one of them evenly.
func oneOf[V any](t *rapid.T, label string, of ...V) V { return of[evenly(t, len(of), label)] }

// steps draws some dozens of them, most of the time.
func steps[S any](step *rapid.Generator[S]) *rapid.Generator[[]S] {
	return rapid.Custom(func(t *rapid.T) []S {
		least := oneOf(t, "least", 1, 10, 30, 30)
		return rapid.SliceOfN(step, least, 100).Draw(t, "steps")
	})
}

func (w wait) until(now sim.Time, instants []sim.Time, lengths []time.Duration) sim.Time {
	at := instants[w.Since%len(instants)].Add(lengths[w.Length%len(lengths)] + w.Off)
	return max(at, now)
}

// near reports whether two lengths are equal but for the last bits of a float64, and the nanosecond that
// may come of them.
func near(a, b time.Duration) bool {
	return max(a-b, b-a) <= 1+max(a, b)>>50
}

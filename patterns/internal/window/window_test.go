package window_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

func TestSlidesByTenths(t *testing.T) {
	w := window.New(10 * time.Second)
	w.Add(sim.Time(500*time.Millisecond), 1)
	for _, step := range []struct {
		at   time.Duration
		want int64
	}{
		{9*time.Second + 999*time.Millisecond, 1},
		{10 * time.Second, 0}, // the slice [0s, 1s) has left, although the addition is only 9.5 s old
		{8 * time.Second, 0},  // a clock set back stands still
	} {
		if got := w.Total(sim.Time(step.at)); got != step.want {
			t.Errorf("at %v the sum is %d, want %d", step.at, got, step.want)
		}
	}
}

// Against the definition: what was added in the ten newest steps.
func TestEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.Int64Range(1, 1000).Draw(t, "length"))
		step := max(length/10, 1)
		w := window.New(length)
		type addition struct {
			at sim.Time
			n  int64
		}
		var all []addition
		var now sim.Time
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(length)).Draw(t, "wait")))
			n := rapid.Int64Range(-5, 5).Draw(t, "n")
			w.Add(now, n)
			all = append(all, addition{now, n})
			var want int64
			for _, a := range all {
				if int64(now)/int64(step)-int64(a.at)/int64(step) < 10 {
					want += a.n
				}
			}
			if got := w.Total(now); got != want {
				t.Fatalf("length %v at %v: sum %d, want %d", length, now, got, want)
			}
			if rapid.IntRange(0, 20).Draw(t, "clear") == 0 {
				w.Clear()
				all = nil
			}
		}
	})
}

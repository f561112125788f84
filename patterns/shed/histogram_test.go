package shed

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBins(t *testing.T) {
	for _, c := range []struct {
		micros      int64
		left, width float64
	}{
		{0, 0, 0}, {1, 1, 0.1}, {7, 7, 0.1}, {9, 9, 0.1}, {10, 10, 1}, {19, 19, 1}, {99, 99, 1}, {100, 100, 10}, {109, 100, 10},
		{110, 110, 10}, {999, 990, 10}, {1000, 1000, 100}, {123_456, 120_000, 10_000}, {9_999_999, 9_900_000, 100_000},
	} {
		if left, width := edges(binOf(c.micros)); left != c.left || width != c.width {
			t.Errorf("%d µs are in [%v, +%v), want [%v, +%v)", c.micros, left, width, c.left, c.width)
		}
	}
	if got, want := binOf(1<<62), len(histogram{}.counts)-1; got != want {
		t.Errorf("what is far too long is in bin %d, want the last, %d", got, want)
	}
}

// As hist_approx_quantile interpolates: in a bin of n, the k-th of them is at k/n of its width.
func TestQuantiles(t *testing.T) {
	var h histogram
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("of nothing the median is %v", got)
	}
	for range 3 {
		h.add(10*time.Millisecond + 999) // [10, 11) ms
	}
	h.add(25 * time.Millisecond) // [25, 26) ms
	for _, c := range []struct {
		share float64
		want  time.Duration
	}{
		{0, 10_000 * time.Microsecond},
		{0.25, 10_333 * time.Microsecond},
		{0.5, 10_666 * time.Microsecond},
		{0.75, 11_000 * time.Microsecond}, // all of the bin
		{0.875, 25_500 * time.Microsecond},
		{1, 26_000 * time.Microsecond},
	} {
		if got := h.quantile(c.share); got != c.want {
			t.Errorf("the quantile %v is %v, want %v", c.share, got, c.want)
		}
	}
	h.clear()
	h.add(0)
	if got := h.quantile(1); got != 0 || h.total != 1 {
		t.Errorf("after it was cleared: %v of %d", got, h.total)
	}
}

// A quantile is in the bin of the sample that it stands for, or at its edge.
func TestQuantilesAreNearSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h histogram
		h.add(time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "forgotten")))
		h.clear()
		samples := rapid.SliceOfN(rapid.Int64Range(0, 1e12), 1, 30).Draw(t, "samples")
		for _, d := range samples {
			h.add(time.Duration(d))
		}
		slices.Sort(samples)
		rank := rapid.IntRange(1, len(samples)).Draw(t, "rank")
		left, width := edges(binOf(samples[rank-1] / 1000))
		got := h.quantile(float64(rank) / float64(len(samples)))
		if low, high := time.Duration(left)*time.Microsecond, time.Duration(left+width)*time.Microsecond; got < low || got > high {
			t.Fatalf("sample %d of %v is in [%v, %v], and the quantile is %v", rank, samples, low, high, got)
		}
	})
}

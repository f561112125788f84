package quantile

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

func TestBuckets(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 255, 256, 257, 258, 511, 512, 515, 516, 1e6, 1e9 + 1, time.Hour, math.MaxInt64 - 1, math.MaxInt64} {
		b := bucket(d)
		if high := top(b); high < d || high-d > d/half {
			t.Errorf("%d is in bucket %d, whose top is %d", d, b, high)
		}
		if b > 0 && top(b-1) >= d {
			t.Errorf("%d is in bucket %d, but %d is in the one before", d, b, top(b-1))
		}
	}
	for b := range 5000 {
		if bucket(top(b)) != b || bucket(top(b)+1) != b+1 {
			t.Fatalf("bucket %d ends at %d, which is in bucket %d; the next begins one later, in %d", b, top(b), bucket(top(b)), bucket(top(b)+1))
		}
	}
}

// The quantile is that of a sorted list of what was added in the steps that count.
func TestQuantileOfAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.SampledFrom([]float64{0, 0.5, 0.9, 0.95, 0.999, 1}).Draw(t, "q")
		shape := Shape{
			Steps: rapid.IntRange(1, 4).Draw(t, "steps"), Step: time.Duration(rapid.IntRange(1, 20).Draw(t, "step")),
			Settled: rapid.Bool().Draw(t, "settled"),
		}
		begin := sim.Time(rapid.IntRange(0, 100).Draw(t, "begin"))
		w := New(q, shape, begin)
		type seen struct {
			step int
			d    time.Duration
		}
		var all []seen
		now := begin
		for range rapid.IntRange(0, 100).Draw(t, "events") {
			now += sim.Time(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 3, 10, 200}).Draw(t, "passes"))
			step := int(now.Sub(begin) / shape.Step)
			if rapid.IntRange(0, 3).Draw(t, "add") > 0 {
				d := time.Duration(rapid.SampledFrom([]int64{1, 250, 5000, 1e6, 1e10}).Draw(t, "scale") * rapid.Int64Range(-1, 9).Draw(t, "length"))
				w.Add(now, d)
				all = append(all, seen{step, max(d, 0)})
			}
			var counts []time.Duration
			for _, s := range all {
				age := step - s.step
				if !shape.Settled && age < shape.Steps || shape.Settled && age >= 1 && age <= shape.Steps {
					counts = append(counts, s.d)
				}
			}
			got, n := w.Quantile(now)
			if int(n) != len(counts) {
				t.Fatalf("%d count, want %d", n, len(counts))
			}
			if n == 0 {
				continue
			}
			slices.Sort(counts)
			rank := 1
			for rank < len(counts) && float64(rank) < q*float64(len(counts))-1e-9 {
				rank++
			}
			if want := top(bucket(counts[rank-1])); got != want {
				t.Fatalf("quantile %v of %v is %v, want %v", q, counts, got, want)
			}
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	w := New(0.95, Shape{Steps: 3, Step: 10 * time.Second, Settled: true}, 0)
	luck := sim.Seed(1).Stream("lengths")
	b.ReportAllocs()
	for i := range b.N {
		now := sim.Time(i) * sim.Time(time.Millisecond)
		w.Add(now, time.Duration(luck.IntN(1e8)))
		w.Quantile(now)
	}
}

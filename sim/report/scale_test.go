package report

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// atMost lets n labels through.
func atMost(n int) func(axis) bool { return func(a axis) bool { return len(a.ticks) <= n } }

func labels(a axis) string {
	var s []string
	for _, t := range a.ticks {
		s = append(s, t.label)
	}
	return strings.Join(s, "  ")
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		scale  Scale
		most   int
		values []float64
		want   string
	}{
		{Nines, 7, []float64{0.91, 0.99999}, "90 %  99 %  99.9 %  99.99 %  99.999 %"},
		{Nines, 7, []float64{0.9948, 0.99991}, "99 %  99.7 %  99.9 %  99.97 %  99.99 %  99.997 %"},
		{Nines, 7, []float64{0.9978, 0.9987}, "99.78 %  99.8 %  99.82 %  99.84 %  99.86 %  99.88 %"},
		{Nines, 7, []float64{0.5, 0.99}, "50 %  80 %  90 %  95 %  98 %  99 %"},
		{Nines, 4, []float64{0, 0.9999995}, "0 %  99.9 %  99.9999 %  99.9999999 %"},
		{Nines, 7, []float64{0, 0, 0.02}, "0 %  5 %  10 %  15 %  20 %  25 %"},
		{Nines, 7, []float64{1, 1}, "0 %  50 %  80 %  90 %"}, // nothing finite to show
		{Nines, 7, []float64{0.999}, "99.87 %  99.88 %  99.89 %  99.9 %  99.91 %  99.92 %  99.93 %"},
		{Log, 6, []float64{40, 4000}, "30  100  300  1000  3000  10000"},
		{Log, 7, []float64{0.04, 300}, "0.01  0.1  1  10  100  1000"},
		{Linear, 6, []float64{0, 2064}, "0  500  1000  1500  2000  2500"},
		{Linear, 6, []float64{-1, 0.3}, "-1.0  -0.5  0  0.5"},
		{Linear, 6, []float64{7}, "6.0  6.5  7.0  7.5  8.0"},
		{Linear, 6, []float64{0}, "-0.5  0  0.5"},
		{Linear, 7, []float64{0, 525600}, "0  100,000  200,000  300,000  400,000  500,000  600,000"},
	} {
		a := newAxis(c.scale, c.values, atMost(c.most))
		if got := labels(a); got != c.want {
			t.Errorf("%v %v: ticks %q, want %q", c.scale, c.values, got, c.want)
		}
	}
}

func TestAxisHoldsItsValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.SampledFrom([]Scale{Linear, Log, Nines}).Draw(t, "scale")
		one := map[Scale]*rapid.Generator[float64]{
			Linear: rapid.Float64Range(-1e6, 1e9),
			Log:    rapid.Float64Range(1e-6, 1e9),
			Nines:  rapid.Map(rapid.Float64Range(0, 9), func(n float64) float64 { return 1 - math.Pow(10, -n) }),
		}[scale]
		values := rapid.SliceOfN(one, 1, 5).Draw(t, "values")
		a := newAxis(scale, values, atMost(rapid.IntRange(2, 9).Draw(t, "most")))
		for _, v := range values {
			if x := a.at(v); !(x > -1e-6 && x < 1+1e-6) {
				t.Errorf("%v lies at %v of the axis %v", v, x, labels(a))
			}
		}
		if len(a.ticks) < 2 {
			t.Errorf("%d ticks", len(a.ticks))
		}
		seen := map[string]bool{}
		for i, tick := range a.ticks {
			if i > 0 && !(tick.at > a.ticks[i-1].at) {
				t.Fatalf("tick %q at %v after %v", tick.label, tick.at, a.ticks[i-1].at)
			}
			if seen[tick.label] || strings.HasPrefix(tick.label, "100 ") && scale == Nines {
				t.Fatalf("label %q twice, or 100 %%: %s", tick.label, labels(a))
			}
			seen[tick.label] = true
		}
	})
}

func TestBarsMayFillTheirAxis(t *testing.T) {
	a := fromZero(2064, atMost(6))
	if a.hi != 2064 || labels(a) != "0  500  1000  1500  2000" {
		t.Errorf("to %v: %s", a.hi, labels(a))
	}
	if a := fromZero(0, atMost(6)); labels(a) != "0" || !(a.hi > a.lo) {
		t.Errorf("nothing to show: %v to %v: %s", a.lo, a.hi, labels(a))
	}
}

func TestTimeTicksAreRound(t *testing.T) {
	for _, c := range []struct {
		from, to time.Duration
		want     string
	}{
		{0, 2 * time.Hour, "0  15m  30m  45m  1h  1h 15m  1h 30m  1h 45m  2h"},
		{95 * time.Second, 4 * time.Minute, "2m  2m 30s  3m  3m 30s  4m"},
		{0, 30 * 24 * time.Hour, "0  7d  14d  21d  28d"},
		{0, 5 * time.Millisecond, "0  1 ms  2 ms  3 ms  4 ms  5 ms"},
	} {
		if got := labels(timeAxis(c.from, c.to, atMost(9))); got != c.want {
			t.Errorf("%v to %v: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

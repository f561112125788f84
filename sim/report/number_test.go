package report

import (
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestPercentHasTheDigitsThatItsIntervalSupports(t *testing.T) {
	for _, c := range []struct {
		e              Estimate
		want, interval string
	}{
		{Estimate{0.9961, 0.9948, 0.9971}, "99.61", "[99.48, 99.71]"},
		{Estimate{0.9983, 0.9978, 0.9987}, "99.83", "[99.78, 99.87]"},
		{Estimate{0.99988, 0.99984, 0.99991}, "99.988", "[99.984, 99.991]"},
		{Estimate{0.5, 0.3, 0.7}, "50", "[30, 70]"},
		{Estimate{0.5, 0.45, 0.55}, "50", "[45, 55]"},
		{Estimate{0.999995, 0.99998, 0.9999999}, "99.9995", "[99.9980, 99.99999]"}, // not "100.0000"
		{Estimate{0.999, 0.95, 0.9999}, "99", "[95, 99.99]"},                       // not "100", and the end not below itself
		{Estimate{0, 0, 0.02}, "0.0", "[0.0, 2.0]"},
		{Estimate{0.99612, 0.99612, 0.99612}, "99.612", ""}, // no interval: two digits of 0.388
		{Estimate{0, 0, 0}, "0", ""},
		{Estimate{1, 0.99971, 1}, ">99.971", "[99.971, 100]"},
		{Estimate{1, 0.999706, 1}, ">99.97", "[99.97, 100]"}, // a lower bound is rounded down
		{Estimate{1, 0.96, 1}, ">96", "[96, 100]"},
		{Estimate{1, 0, 1}, ">0", "[0, 100]"},
		{Estimate{1, 1, 1}, "100", ""},
		{Estimate{math.NaN(), 0, 1}, "–", ""},
	} {
		if got := c.e.Percent(); got != c.want {
			t.Errorf("%v: %q, want %q", c.e, got, c.want)
		}
		if math.IsNaN(c.e.Value) {
			continue
		}
		if got := c.e.PercentInterval(); got != c.interval {
			t.Errorf("%v: %q, want %q", c.e, got, c.interval)
		}
	}
}

func TestPercentNeverClaimsNinesThatAreNotThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		missing := rapid.Float64Range(1e-9, 1).Draw(t, "missing")
		width := rapid.Float64Range(0, missing).Draw(t, "width")
		v := 1 - missing
		e := Estimate{v, max(v-width, 0), min(v+width, 1)}
		s := e.Percent()
		if got, err := strconv.ParseFloat(s, 64); err != nil || got >= 100 {
			t.Errorf("%v is written %q", e, s)
		}
		low, err := strconv.ParseFloat(atLeast(v), 64)
		if err != nil || low/100 > v+1e-12 {
			t.Errorf("at least %v is written %q", v, atLeast(v))
		}
	})
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Number(0), "0"},
		{Number(2050), "2050"},
		{Number(0.12345), "0.1235"},
		{Number(17.5), "17.5"},
		{Number(-3.14159), "-3.142"},
		{Number(123456), "123456"},
		{Number(0.00001234), "0.00001234"},
		{Number(1e-9), "1e-09"},
		{Number(math.NaN()), "–"},
		{Number(math.Inf(1)), "+Inf"},
		{Minutes(0), "0"},
		{Minutes(0.001), "<0.01"},
		{Minutes(0.42), "0.42"},
		{Minutes(0.999), "1.0"},
		{Minutes(9.32), "9.3"},
		{Minutes(9.97), "10"},
		{Minutes(63.4), "63"},
		{Minutes(2050.4), "2050"},
		{Minutes(525600), "525,600"},
		{Minutes(1234567), "1,234,567"},
		{Factor(1.6), "1.6×"},
		{Factor(0.4), "0.40×"},
		{Factor(12.4), "12×"},
		{Factor(9.97), "10×"},
		{grouped("-12345.5"), "-12,345.5"},
		{Duration(0), "0"},
		{Duration(850 * time.Microsecond), "850 µs"},
		{Duration(410 * time.Millisecond), "410 ms"},
		{Duration(999900 * time.Microsecond), "1 s"},
		{Duration(1254 * time.Millisecond), "1.25 s"},
		{Duration(59960 * time.Millisecond), "1m"},
		{Duration(125 * time.Second), "2m 5s"},
		{Duration(3599600 * time.Millisecond), "1h"},
		{Duration(190 * time.Minute), "3h 10m"},
		{Duration(24*time.Hour - time.Second), "1d"},
		{Duration(292 * time.Hour), "12d 4h"},
		{Duration(-time.Second), "-1 s"},
		{Bar(0, 10), ""},
		{Bar(1, 4), "████"},
		{Bar(0.5, 5), "██▌"},
		{Bar(0.0001, 10), "▏"},
		{Bar(7, 2), "██"},
		{Spark([]float64{1, 0.999, 0.5, 0, math.NaN(), 1}, 0, 1), "█▇▄▁ █"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

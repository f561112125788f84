package theory_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/nines-sim/nines/models/theory"
)

func TestRetry(t *testing.T) {
	for _, row := range rows(`
		0.5  3  0.875   1.75
		0.5  4  0.9375  1.875
		0.1  3  0.999   1.11`) {
		x := numbers(t, row, 2)
		r := theory.Retry{Failure: x[0], Attempts: int(x[1])}
		printed(t, fmt.Sprintf("%+v success", r), r.Success(), row[2])
		printed(t, fmt.Sprintf("%+v load", r), r.Load(), row[3])
	}
	if got := (theory.Retry{Failure: 1, Attempts: 4}).Load(); got != 4 {
		t.Errorf("nothing succeeds, load is %v, want 4", got)
	}
}

func TestTokenRetry(t *testing.T) {
	for _, row := range rows(`
		0.01  1.0101  1.0000  1.0101  1.0000
		0.2   1.0870  0.8696  1.2480  0.9984
		0.3   1.0753  0.7527  1.4170  0.9919
		0.5   1.0526  0.5263  1.8750  0.9375
		0.7   1.0309  0.3093  2.5330  0.7599
		0.9   1.0101  0.1010  3.4390  0.3439`) {
		plain := theory.Retry{Failure: numbers(t, row, 1)[0], Attempts: 4}
		r := theory.TokenRetry{Retry: plain, Deposit: 0.1}
		name := fmt.Sprintf("%+v ", r)
		printed(t, name+"load", r.Load(), row[1])
		printed(t, name+"success", r.Success(), row[2])
		printed(t, name+"plain load", plain.Load(), row[3])
		printed(t, name+"plain success", plain.Success(), row[4])
	}
}

func TestBreaker(t *testing.T) {
	for _, row := range rows(`
		0.5  5  10   5   62          0.6097561  0.1951220
		0.3  5  10   5   586.460905  0.1083370  0.6241641
		0.2  3  100  10  155         0.8888889  0.0888889
		0.9  5  10   5   6.935088    0.9672394  0.0032761
		0.5  6  100  60  126         0.9894459  -`) {
		x := numbers(t, row, 4)
		b := theory.Breaker{Failure: x[0], Trip: int(x[1]), Lambda: x[2], Open: x[3]}
		name := fmt.Sprintf("%+v ", b)
		printed(t, name+"calls until trip", b.CallsUntilTrip(), row[4])
		printed(t, name+"rejected", b.Rejected(), row[5])
		if row[6] != "-" {
			printed(t, name+"success", b.Success(), row[6])
		}
	}
}

func TestHedge(t *testing.T) {
	exponential := distuv.Exponential{Rate: 1}
	h := theory.Hedge{Attempt: exponential, Delay: exponential.Quantile(0.95)}
	printed(t, "delay", h.Delay, "2.995732")
	printed(t, "exponential p99", h.Quantile(0.99), "3.800451")
	printed(t, "exponential p99.9", h.Quantile(0.999), "4.951744")
	printed(t, "exponential mean", h.Mean(), "0.975")
	printed(t, "exponential load", h.Load(), "1.05")

	lognormal := distuv.LogNormal{Sigma: 1}
	h = theory.Hedge{Attempt: lognormal, Delay: lognormal.Quantile(0.95)}
	printed(t, "delay", h.Delay, "5.180252")
	printed(t, "lognormal p99 without", lognormal.Quantile(0.99), "10.240474")
	printed(t, "lognormal p99", h.Quantile(0.99), "6.666581")
	printed(t, "lognormal p99.9", h.Quantile(0.999), "9.312947")
	printed(t, "lognormal mean", h.Mean(), "1.529895")
	h.Delay = lognormal.Quantile(0.90)
	printed(t, "lognormal p99.9, hedged at p90", h.Quantile(0.999), "8.362024")
	printed(t, "lognormal mean, hedged at p90", h.Mean(), "1.460660")
	h.Delay = 0
	printed(t, "exponential mean of the faster of two", theory.Hedge{Attempt: exponential}.Mean(), "0.500000000")
	printed(t, "load of two at once", h.Load(), "2.000000")
}

func TestFanOut(t *testing.T) {
	f := theory.FanOut{Attempt: distuv.Exponential{Rate: 1}, Attempts: 100}
	printed(t, "p50", f.Quantile(0.5), "4.975147")
	printed(t, "p99", f.Quantile(0.99), "9.205370")
	printed(t, "any of 100 slow", theory.AnyOf(100, 0.01), "0.6339677")
	printed(t, "any of 2000 slow", theory.AnyOf(2000, 1e-4), "0.1812774")
}

func TestBurnRate(t *testing.T) {
	hour, day := time.Hour, 24*time.Hour
	fast := theory.BurnRate{Objective: 0.999, Burn: 14.4, Window: hour, Short: 5 * time.Minute}
	medium := theory.BurnRate{Objective: 0.999, Burn: 6, Window: 6 * hour, Short: 30 * time.Minute}
	slow := theory.BurnRate{Objective: 0.999, Burn: 1, Window: 3 * day, Short: 6 * hour}
	for _, c := range []struct {
		alert  theory.BurnRate
		errors float64
		want   string // seconds until it fires
	}{
		{fast, 1, "51.84"}, {medium, 1, "129.6"}, {slow, 1, "259.2"},
		{fast, 0.1, "518.4"}, {medium, 0.1, "1296"}, {slow, 0.1, "2592"},
		{fast, 0.01, "never"}, {medium, 0.01, "12960"}, {slow, 0.01, "25920"},
		{medium, 0.006, "21600"}, // exactly as many as it takes
		{theory.BurnRate{Objective: 0.999, Burn: 1, Window: 10 * time.Minute}, 1, "0.6"},
		{theory.BurnRate{Objective: 0.999, Burn: 1, Window: 36 * hour}, 1, "129.6"},
	} {
		name := fmt.Sprintf("%+v at %v", c.alert, c.errors)
		got, ok := c.alert.Detect(c.errors)
		switch {
		case !ok:
			if c.want != "never" {
				t.Errorf("%s never fires, want after %s s", name, c.want)
			}
		case c.want == "never":
			t.Errorf("%s fires after %v", name, got)
		default:
			printed(t, name, got.Seconds(), c.want)
		}
	}

	workbook := theory.BurnRate{Objective: 0.999, Burn: 36, Window: hour}
	printed(t, "budget spent", workbook.Spent(30*day), "0.050000")
	printed(t, "reset", workbook.Reset(1).Seconds(), "3470.4") // 58 minutes
	printed(t, "reset with a short window", fast.Reset(0.1).Seconds(), "256.8")
}

func TestQuorum(t *testing.T) {
	for _, c := range []struct {
		n, r, w int
		want    float64
	}{{3, 1, 1, 2.0 / 3}, {3, 1, 2, 1.0 / 3}, {3, 2, 1, 1.0 / 3}, {3, 2, 2, 0}, {5, 1, 1, 0.8}, {5, 2, 2, 0.3}, {5, 3, 3, 0}, {100, 10, 10, 0.330476}} {
		if got := (theory.Quorum{N: c.n, R: c.r, W: c.w}).Stale(); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("N=%d R=%d W=%d: stale with probability %v, want %v", c.n, c.r, c.w, got, c.want)
		}
	}
}

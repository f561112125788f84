package theory_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/models/theory"
)

func TestMM1(t *testing.T) {
	for _, row := range rows(`
		0.5  2   0.5  1.386294   5.991465   9.210340  13.815511
		0.8  5   3.2  3.465736  14.978661  23.025851  34.538776
		0.9  10  8.1  6.931472  29.957323  46.051702  69.077553`) {
		q := theory.MM1{Lambda: numbers(t, row, 1)[0], Mu: 1}
		name := fmt.Sprintf("%+v ", q)
		printed(t, name+"W", q.MeanTime(), row[1])
		printed(t, name+"Lq", q.MeanQueue(), row[2])
		for i, p := range []float64{0.5, 0.95, 0.99, 0.999} {
			printed(t, fmt.Sprintf("%squantile %v", name, p), q.TimeQuantile(p), row[3+i])
		}
	}
	for _, row := range rows(`
		0.5  10  9.775e-4
		0.5  15  3.0519e-5
		0.5  20  9.536752e-7
		0.5  25  2.9802e-8
		0.5  30  9.3132e-10
		0.8  20  2.9159e-3
		0.8  30  3.0987e-4`) {
		x := numbers(t, row, 2)
		printed(t, fmt.Sprintf("overflow %v", x), theory.MM1{Lambda: x[0], Mu: 1}.Overflow(int(x[1])), row[2])
	}
}

func TestErlang(t *testing.T) {
	for _, row := range rows(`
		2    1.6  0.32989691  0.71111111  1.77777778  10.660609
		4    3.2  0.22814493  0.59643247  0.74554059   5.110476
		10   8    0.12166106  0.40918015  0.20459008   1.855785
		10   9    0.16796323  0.66873152  0.66873152   4.202798
		100  90   0.02695738  0.21694048  0.02169405   0.307704
		100  95   0.04880421  0.50645685  0.10129137   0.784971`) {
		x := numbers(t, row, 2)
		q := theory.MMc{Lambda: x[1], Mu: 1, Servers: int(x[0])}
		name := fmt.Sprintf("%+v ", q)
		printed(t, name+"Erlang B", theory.ErlangB(x[1], q.Servers), row[2])
		printed(t, name+"Erlang C", q.Waiting(), row[3])
		printed(t, name+"Wq", q.MeanWait(), row[4])
		printed(t, name+"p99 of the wait", q.WaitQuantile(0.99), row[5])
	}
}

func TestMMcK(t *testing.T) {
	for _, row := range rows(`
		0.9  1  1   10  0.05081373   3.96944060  4.64660067
		1.2  1  1   10  0.19258650   6.71070868  6.92613784
		2    1  1   10  0.50024426   9.00537372  9.00977517
		9    1  10  20  0.02951006  11.03966107  1.26392759
		12   1  10  20  0.17966592  16.10449794  1.63596944`) {
		x := numbers(t, row, 4)
		q := theory.MMcK{Lambda: x[0], Mu: x[1], Servers: int(x[2]), Capacity: int(x[3])}
		name := fmt.Sprintf("%+v ", q)
		printed(t, name+"blocked", q.Blocked(), row[4])
		printed(t, name+"L", q.MeanNumber(), row[5])
		printed(t, name+"W", q.MeanTime(), row[6])
	}
}

func TestMMcKDeepInOverload(t *testing.T) {
	q := theory.MMcK{Lambda: 100, Mu: 1, Servers: 1, Capacity: 500} // 100^500 is more than a float64 holds
	printed(t, "blocked", q.Blocked(), "0.990000")
	printed(t, "L", q.MeanNumber(), "499.989899") // 500 - 1/99
}

func TestMG1(t *testing.T) {
	for _, row := range rows(`
		0                   2.0       0.5
		0.5773502691896258  2.666667  0.666667
		0.5                 2.5       0.625
		1                   4.0       1
		1.4142135623730951  6.0       1.5
		2                   10.0      2.5`) {
		cv := numbers(t, row, 1)[0]
		for i, load := range []float64{0.8, 0.5} {
			q := theory.MG1{Lambda: load, Service: 1, CV: cv}
			printed(t, fmt.Sprintf("%+v Wq", q), q.MeanWait(), row[1+i])
		}
	}
}

func TestErlangA(t *testing.T) {
	for _, row := range rows(`
		0.9  1  0.1  1   0.15782589  1.57825889
		1.2  1  0.1  1   0.25282767  2.52827665
		1.5  1  1    1   0.48208677  0.48208677
		50   1  0.5  50  0.04668459  0.09336917
		60   1  0.5  50  0.16822859  0.33645718`) {
		x := numbers(t, row, 4)
		q := theory.ErlangA{Lambda: x[0], Mu: x[1], Theta: x[2], Servers: int(x[3])}
		name := fmt.Sprintf("%+v ", q)
		printed(t, name+"abandoned", q.Abandoned(), row[4])
		printed(t, name+"Wq", q.MeanWait(), row[5])
	}
}

func TestBreakdownMM1(t *testing.T) {
	for _, row := range rows(`
		0.5  1  0.01   0.1   2.2323232323
		0.7  1  0.01   0.1   6.1146245059
		0.5  1  0.05   0.2   3.0
		0.8  1  0.001  0.05  6.1398124467`) {
		x := numbers(t, row, 4)
		q := theory.BreakdownMM1{Lambda: x[0], Mu: x[1], Fail: x[2], Repair: x[3]}
		printed(t, fmt.Sprintf("%+v L", q), q.MeanNumber(), row[4])
	}
}

func TestChoices(t *testing.T) {
	for _, row := range rows(`
		0.50  1.2657  1.1252
		0.70  1.6145  1.3568
		0.80  1.9474  1.5809
		0.90  2.6141  2.0279
		0.95  3.3830  2.5351
		0.99  5.4320  3.8578`) {
		load := numbers(t, row, 1)[0]
		printed(t, "two choices", theory.Choices(load, 2), row[1])
		printed(t, "three choices", theory.Choices(load, 3), row[2])
		printed(t, "one choice", theory.Choices(load, 1)*(1-load), "1.00000000")
	}
}

// TestQueuesAgree holds the queues to each other where they meet.
func TestQueuesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mu := rapid.Float64Range(0.1, 10).Draw(t, "mu")
		lambda := mu * rapid.Float64Range(0.05, 0.95).Draw(t, "load")
		servers := rapid.IntRange(1, 50).Draw(t, "servers")
		one := theory.MM1{Lambda: lambda, Mu: mu}
		many := theory.MMc{Lambda: lambda * float64(servers), Mu: mu, Servers: servers}
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"M/M/c with one server", theory.MMc{Lambda: lambda, Mu: mu, Servers: 1}.MeanTime(), one.MeanTime()},
			{"M/G/1 with cv 1", theory.MG1{Lambda: lambda, Service: 1 / mu, CV: 1}.MeanTime(), one.MeanTime()},
			{"no breakdowns", theory.BreakdownMM1{Lambda: lambda, Mu: mu, Repair: 1}.MeanTime(), one.MeanTime()},
			{"a long queue", theory.MMcK{Lambda: many.Lambda, Mu: mu, Servers: servers, Capacity: servers + 2000}.MeanTime(), many.MeanTime()},
			{"no queue", theory.MMcK{Lambda: many.Lambda, Mu: mu, Servers: servers, Capacity: servers}.Blocked(), theory.ErlangB(many.Lambda/mu, servers)},
			{"great patience", theory.ErlangA{Lambda: many.Lambda, Mu: mu, Theta: mu * 1e-9, Servers: servers}.MeanWait(), many.MeanWait()},
			{"patience like service", theory.ErlangA{Lambda: lambda, Mu: mu, Theta: mu, Servers: 1}.MeanQueue(), lambda/mu + math.Expm1(-lambda/mu)},
		} {
			if math.Abs(c.got-c.want) > 1e-5*c.want {
				t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
			}
		}
	})
}

func TestNonsenseReturns(t *testing.T) {
	nan := math.NaN()
	for _, x := range []float64{
		theory.ErlangA{Lambda: nan, Mu: 1, Theta: 1, Servers: 1}.MeanQueue(), theory.ErlangA{Lambda: 1, Mu: 1, Theta: -1, Servers: 1}.MeanQueue(),
		theory.Choices(nan, 2), theory.Choices(0.5, 0),
	} {
		if !math.IsNaN(x) {
			t.Errorf("parameters without a meaning gave %v", x)
		}
	}
	if got, want := (theory.ErlangA{Lambda: 3, Mu: 1, Servers: 4}).MeanQueue(), (theory.MMc{Lambda: 3, Mu: 1, Servers: 4}).MeanQueue(); got != want {
		t.Errorf("endless patience: %v wait, want %v", got, want)
	}
	if got := (theory.ErlangA{Mu: 1, Theta: 1, Servers: 4}).MeanQueue(); got != 0 {
		t.Errorf("nobody comes: %v wait", got)
	}
}

func TestOverloadIsInfinite(t *testing.T) {
	for _, w := range []float64{
		theory.MM1{Lambda: 2, Mu: 1}.MeanWait(), theory.MMc{Lambda: 2, Mu: 1, Servers: 2}.MeanTime(),
		theory.MG1{Lambda: 1, Service: 1}.MeanWait(), theory.BreakdownMM1{Lambda: 0.9, Mu: 1, Fail: 1, Repair: 1}.MeanNumber(),
		theory.Choices(1, 2), theory.MMc{Lambda: 3, Mu: 1, Servers: 2}.WaitQuantile(0.5),
	} {
		if !math.IsInf(w, 1) {
			t.Errorf("a queue that cannot keep up has a mean of %v", w)
		}
	}
}

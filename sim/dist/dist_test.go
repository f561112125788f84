package dist_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A cumulative distribution is what every type of the package is.
type cumulative interface {
	dist.Distribution
	CDF(x float64) float64
}

// kinds has every distribution and every branch of every sampler; each has four finite moments.
func kinds() []cumulative {
	exponential := dist.Must(dist.NewExponential(0.25))
	lognormal := dist.Must(dist.LognormalFromMedianP99(0.008, 0.03))
	samples := dist.Must(dist.NewEmpirical([]float64{5, 1, 2, 2, 8, 1, 2, 40}))
	return []cumulative{
		dist.Must(dist.NewConstant(0.005)),
		dist.Must(dist.NewUniform(-1, 3)),
		exponential,
		dist.Must(dist.ExponentialFromQuantile(0.95, 3)),
		dist.Must(dist.NewErlang(4, 1)),
		dist.Must(dist.NewErlang(100, 20)),
		dist.Must(dist.NewGamma(0.3, 2)),
		dist.Must(dist.GammaFromMeanCV(5, 0.4)),
		dist.Must(dist.NewWeibull(1.5, 1000)),
		dist.Must(dist.WeibullFromMeanCV(3, 1.8)),
		dist.Must(dist.NewNormal(10, 2)),
		dist.Must(dist.NewTruncatedNormal(1, 1, 0, math.Inf(1))),
		dist.Must(dist.NewTruncatedNormal(0, 1, 1.5, 3)),
		dist.Must(dist.NewLognormal(0, 0.5)),
		lognormal,
		dist.Must(dist.NewPareto(6, 2)),
		dist.Must(dist.NewBoundedPareto(1.1, 1, 50)),
		dist.Must(dist.NewBoundedPareto(2, 1, 10)),
		dist.Must(dist.NewHyperexponential(0.9, 1, 10)),
		dist.Must(dist.HyperexponentialFromMeanCV(1, 2)),
		dist.Must(dist.NewMixture(dist.Part{Weight: 9, Distribution: lognormal},
			dist.Part{Weight: 1, Distribution: exponential}, dist.Part{Weight: 2, Distribution: samples})),
		samples,
		dist.Must(dist.EmpiricalFromCounts([]float64{0.1, 0.2, 0.4, 0.8}, []uint64{900, 90, 9, 1})),
		dist.Must(dist.NewTable(dist.Point{P: 0, X: 1}, dist.Point{P: 0.5, X: 8}, dist.Point{P: 0.99, X: 30}, dist.Point{P: 1, X: 60})),
		dist.Must(dist.NewZipf(0, 10)),
		dist.Must(dist.NewZipf(0.99, 1000)),
		dist.Must(dist.NewZipf(1, 20)),
		dist.Must(dist.NewZipf(6.5, 1e9)),
		dist.Must(dist.NewPoisson(0)),
		dist.Must(dist.NewPoisson(3.5)),
		dist.Must(dist.NewPoisson(250)),
		dist.Must(dist.NewShifted(exponential, 1)),
		dist.Must(dist.NewScaled(lognormal, 20)),
	}
}

func stream(seed sim.Seed) *sim.Stream {
	r := seed.Stream("dist")
	return &r
}

// TestMoments compares the mean and the variance of many samples with the formulas.
func TestMoments(t *testing.T) {
	const n = 200_000
	for _, d := range kinds() {
		r, mean := stream(1), d.Mean()
		var m1, m2, m4 float64
		for range n {
			x := d.Sample(r) - mean
			m1 += x / n
			m2 += x * x / n
			m4 += x * x * x * x / n
		}
		if se := math.Sqrt(d.Variance() / n); !(math.Abs(m1) <= 4*se+1e-12*math.Abs(mean)) {
			t.Errorf("%v: mean of %d samples is off by %v, standard error %v", d, n, m1, se)
		}
		if se := math.Sqrt(max(m4-m2*m2, 0) / n); !(math.Abs(m2-d.Variance()) <= 4*se+1e-12*d.Variance()) {
			t.Errorf("%v: variance of %d samples is %v, want %v with standard error %v", d, n, m2, d.Variance(), se)
		}
	}
}

// TestSamplesFollowQuantiles counts how many samples fall below some quantiles.
func TestSamplesFollowQuantiles(t *testing.T) {
	const n = 100_000
	for _, d := range kinds() {
		quantiles := []float64{}
		for _, p := range []float64{0, 0.001, 0.05, 0.3, 0.5, 0.8, 0.95, 0.999, 1} {
			quantiles = append(quantiles, d.Quantile(p))
		}
		counts := make([]float64, len(quantiles))
		for r, i := stream(2), 0; i < n; i++ {
			s := d.Sample(r)
			if s < quantiles[0] {
				t.Fatalf("%v: sample %v is less than any", d, s)
			}
			for j, x := range quantiles {
				if s <= x {
					counts[j]++
				}
			}
		}
		for j, x := range quantiles {
			want := d.CDF(x)
			if se := math.Sqrt(want * (1 - want) / n); math.Abs(counts[j]/n-want) > 4*se+1e-12 {
				t.Errorf("%v: a share of %v is at most %v, want %v with standard error %v", d, counts[j]/n, x, want, se)
			}
		}
	}
}

// TestQuantileInvertsCDF holds both to the definition of a quantile: the smallest x with CDF(x) >= p.
func TestQuantileInvertsCDF(t *testing.T) {
	all := kinds()
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(all).Draw(t, "distribution")
		p := rapid.Float64Range(1e-9, 1-1e-9).Draw(t, "p")
		q := rapid.Float64Range(p, 1).Draw(t, "q")
		x := d.Quantile(p)
		// Whatever is clearly above x has the share p below it, and whatever is clearly below has not.
		gap := 1e-9 * math.Max(math.Abs(x), 1e-3)
		if c := d.CDF(x + gap); c < p-1e-9 {
			t.Errorf("%v: quantile %v is %v, but only %v is at most that", d, p, x, c)
		}
		if c := d.CDF(x - gap); c > p+1e-9 {
			t.Errorf("%v: quantile %v is %v, but %v is less than that", d, p, x, c)
		}
		if y := d.Quantile(q); y < x {
			t.Errorf("%v: quantile %v is %v, but quantile %v is %v", d, p, x, q, y)
		}
	})
}

// TestSampleIsQuantileOfOneNumber: the same stream gives a slower variant the same luck.
func TestSampleIsQuantileOfOneNumber(t *testing.T) {
	for _, d := range kinds() {
		switch d.(type) {
		case dist.Constant, dist.Erlang, dist.Gamma, dist.Hyperexponential, dist.Mixture, dist.Zipf:
			continue // draw nothing, or more than one number
		case dist.Poisson:
			if d.Mean() >= 10 {
				continue
			}
		}
		r, u := stream(3), stream(3)
		for range 1000 {
			x, p := d.Sample(r), (float64(u.Uint64()>>12)+0.5)/(1<<52)
			if want := d.Quantile(p); !near(x, want, 1e-9) {
				t.Fatalf("%v: sample is %v, want the quantile %v, which is %v", d, x, p, want)
			}
		}
	}
}

// TestEmpiricalQuantile compares the guided search with the definition, at and next to where steps are.
func TestEmpiricalQuantile(t *testing.T) {
	r := stream(5)
	for n := range 60 {
		values, counts, total := make([]float64, n+1), make([]uint64, n+1), 0.0
		for i := range values {
			values[i], counts[i] = float64(i), 1+r.Uint64()>>(44+r.IntN(20))
			total += float64(counts[i])
		}
		d := dist.Must(dist.EmpiricalFromCounts(values, counts))
		for j := range n + 2 {
			at := float64(j) / float64(n+1)
			for _, p := range []float64{math.Nextafter(at, 0), at, math.Nextafter(at, 1)} {
				want, seen := 0, float64(counts[0])
				for seen < p*total {
					want++
					seen += float64(counts[want])
				}
				if got := d.Quantile(p); got != float64(want) {
					t.Fatalf("%v: quantile %v is %v, want %v", d, p, got, want)
				}
			}
		}
	}
}

func TestEnds(t *testing.T) {
	for _, d := range kinds() {
		if low, high := d.CDF(math.Inf(-1)), d.CDF(math.Inf(1)); low != 0 || high != 1 {
			t.Errorf("%v: CDF goes from %v to %v, want 0 to 1", d, low, high)
		}
		switch d.(type) {
		case dist.Exponential, dist.Erlang, dist.Gamma, dist.Weibull, dist.Lognormal, dist.Pareto, dist.Hyperexponential, dist.Mixture:
			if high := d.Quantile(1); !math.IsInf(high, 1) {
				t.Errorf("%v: nothing is more than %v, but it has no bound", d, high)
			}
		}
		if low, high := d.Quantile(0), d.Quantile(1); d.CDF(high) != 1 || d.CDF(low-1) != 0 {
			t.Errorf("%v: quantiles go from %v to %v, where CDF is %v to %v", d, low, high, d.CDF(low-1), d.CDF(high))
		}
	}
}

func TestKnownMoments(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		d              dist.Distribution
		mean, variance float64
	}{
		{dist.Must(dist.NewPareto(1, 2)), inf, inf},
		{dist.Must(dist.NewPareto(1.5, 2)), 6, inf},
		{dist.Must(dist.NewPareto(3, 2)), 3, 3},
		{dist.Must(dist.ParetoFromMeanCV(3, 0.5)), 3, 2.25},
		{dist.Must(dist.NewUniform(-1, 3)), 1, 4.0 / 3},
		{dist.Must(dist.NewExponential(0.25)), 0.25, 0.0625},
		{dist.Must(dist.NewErlang(4, 2)), 2, 1},
		{dist.Must(dist.NewGamma(0.3, 2)), 0.6, 1.2},
		{dist.Must(dist.NewNormal(10, 2)), 10, 4},
		{dist.Must(dist.NewLognormal(0, 0.5)), math.Exp(0.125), math.Exp(0.25) * math.Expm1(0.25)},
		{dist.Must(dist.NewBoundedPareto(2, 1, 10)), 2 / 1.1, 2/0.99*math.Ln10 - 4/1.21},
		{dist.Must(dist.NewBoundedPareto(1, 1, 2)), 2 * math.Ln2, 2 - 4*math.Ln2*math.Ln2},
		{dist.Must(dist.NewHyperexponential(0.9, 1, 10)), 1.9, 1.8 + 20 - 3.61},
		{dist.Must(dist.NewPoisson(3.5)), 3.5, 3.5},
		{dist.Must(dist.NewShifted(dist.Must(dist.NewExponential(2)), 1)), 3, 4},
		{dist.Must(dist.NewScaled(dist.Must(dist.NewExponential(2)), 3)), 6, 36},
		{dist.Must(dist.NewWeibull(2, 1)), math.Sqrt(math.Pi) / 2, 1 - math.Pi/4},
		{dist.Must(dist.NewMixture(dist.Part{Weight: 1, Distribution: dist.Must(dist.NewPareto(1.5, 2))},
			dist.Part{Weight: 1, Distribution: dist.Exactly(time.Second)})), 3.5, inf},
		{dist.Must(dist.NewTruncatedNormal(0, 1, 0, inf)), math.Sqrt(2 / math.Pi), 1 - 2/math.Pi},
		{dist.Must(dist.NewZipf(1, 4)), 4 / (25.0 / 12), 10/(25.0/12) - math.Pow(4/(25.0/12), 2)},
		{dist.Must(dist.NewTable(dist.Point{P: 0, X: 0}, dist.Point{P: 1, X: 6})), 3, 3},
		{dist.Must(dist.ReadSamples(strings.NewReader("1 # first\n\n2.5e0\n 500ms\n"))), 4.0 / 3, (1+6.25+0.25)/3.0 - 16.0/9},
	} {
		if got := c.d.Mean(); !near(got, c.mean, 1e-13) {
			t.Errorf("%v: mean is %v, want %v", c.d, got, c.mean)
		}
		if got := c.d.Variance(); !near(got, c.variance, 1e-12) {
			t.Errorf("%v: variance is %v, want %v", c.d, got, c.variance)
		}
	}
}

func TestZipfSumsAgreeWithAdding(t *testing.T) {
	for _, exponent := range []float64{0, 0.5, 0.99, 1, 1.2, 2, 3, 7.5, 10} {
		const n = 5000
		var all, first, second float64
		for k := n; k >= 1; k-- {
			w := math.Pow(float64(k), -exponent)
			all += w
			first += w * float64(k)
			second += w * float64(k) * float64(k)
		}
		d := dist.Must(dist.NewZipf(exponent, n))
		mean := first / all
		if !near(d.Mean(), mean, 1e-12) || !near(d.Variance(), second/all-mean*mean, 1e-9) {
			t.Errorf("%v: mean %v, variance %v; adding gives %v, %v", d, d.Mean(), d.Variance(), mean, second/all-mean*mean)
		}
	}
}

// TestMadeFromWhatPeopleKnow checks that a distribution has the figures it was made from.
func TestMadeFromWhatPeopleKnow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mean := math.Exp(rapid.Float64Range(-10, 10).Draw(t, "log of mean"))
		cv := rapid.Float64Range(0.02, 5).Draw(t, "cv")
		for _, d := range []dist.Distribution{
			dist.Must(dist.LognormalFromMeanCV(mean, cv)),
			dist.Must(dist.GammaFromMeanCV(mean, cv)),
			dist.Must(dist.WeibullFromMeanCV(mean, cv)),
			dist.Must(dist.ParetoFromMeanCV(mean, cv)),
			dist.Must(dist.HyperexponentialFromMeanCV(mean, 1+cv)),
		} {
			want := cv
			if _, ok := d.(dist.Hyperexponential); ok {
				want = 1 + cv
			}
			if got := math.Sqrt(d.Variance()) / d.Mean(); !near(d.Mean(), mean, 1e-9) || !near(got, want, 1e-8) {
				t.Errorf("%v: mean %v and cv %v, want %v and %v", d, d.Mean(), got, mean, want)
			}
		}

		p1 := rapid.Float64Range(0.001, 0.9).Draw(t, "p1")
		p2 := rapid.Float64Range(p1+0.05, 0.9999).Draw(t, "p2")
		x2 := mean * (1 + cv)
		for _, d := range []dist.Distribution{
			dist.Must(dist.LognormalFromQuantiles(p1, mean, p2, x2)),
			dist.Must(dist.WeibullFromQuantiles(p1, mean, p2, x2)),
			dist.Must(dist.ParetoFromQuantiles(p1, mean, p2, x2)),
			dist.Must(dist.ExponentialFromQuantile(p2, x2)),
		} {
			_, one := d.(dist.Exponential)
			if got := d.Quantile(p1); !one && !near(got, mean, 1e-9) {
				t.Errorf("%v: quantile %v is %v, want %v", d, p1, got, mean)
			}
			if got := d.Quantile(p2); !near(got, x2, 1e-9) {
				t.Errorf("%v: quantile %v is %v, want %v", d, p2, got, x2)
			}
		}
	})
}

func TestErrorsNameTheValue(t *testing.T) {
	failed := func(_ dist.Distribution, err error) error { return err }
	nan := math.NaN()
	lognormal := dist.Must(dist.NewLognormal(0, 1))
	for _, c := range []struct {
		err  error
		want string
	}{
		{failed(dist.NewConstant(nan)), "dist: constant: value is NaN, need a finite number"},
		{failed(dist.NewUniform(3, 2)), "dist: uniform: high is 2, need more than low, which is 3"},
		{failed(dist.NewExponential(0)), "dist: exponential: mean is 0, need a positive number"},
		{failed(dist.ExponentialFromQuantile(1, -2)), "dist: exponential: p is 1, need more than 0 and less than 1; x is -2, need a positive number"},
		{failed(dist.NewErlang(0, 1)), "dist: erlang: stages is 0, need 1 or more"},
		{failed(dist.NewGamma(nan, 1)), "dist: gamma: shape is NaN, need a positive number"},
		{failed(dist.GammaFromMeanCV(1, -1)), "dist: gamma: cv is -1, need a positive number"},
		{failed(dist.NewWeibull(1, math.Inf(1))), "dist: weibull: scale is +Inf, need a positive number"},
		{failed(dist.WeibullFromMeanCV(1, 0)), "dist: weibull: cv is 0, need 0.01 to 100"},
		{failed(dist.WeibullFromQuantiles(0.9, 1, 0.5, 2)), "dist: weibull: p2 is 0.5, need more than p1, which is 0.9, and less than 1"},
		{failed(dist.NewNormal(0, 0)), "dist: normal: sd is 0, need a positive number"},
		{failed(dist.NewTruncatedNormal(0, 1, 2, 1)), "dist: normal: high is 1, need more than low, which is 2"},
		{failed(dist.NewTruncatedNormal(0, 1, 9, 10)), "dist: normal: the share within low and high is 0, need a millionth or more"},
		{failed(dist.NewLognormal(0, -1)), "dist: lognormal: sigma is -1, need 0 or more"},
		{failed(dist.LognormalFromMeanCV(0, 1)), "dist: lognormal: mean is 0, need a positive number"},
		{failed(dist.LognormalFromMedianP99(0.008, 0.005)), "dist: lognormal: p99 is 0.005, need more than p50, which is 0.008"},
		{failed(dist.NewPareto(-1, 1)), "dist: pareto: shape is -1, need a positive number"},
		{failed(dist.ParetoFromMeanCV(1, 0)), "dist: pareto: cv is 0, need a positive number"},
		{failed(dist.ParetoFromQuantiles(0.5, 2, 0.9, 1)), "dist: pareto: x2 is 1, need more than x1, which is 2"},
		{failed(dist.NewBoundedPareto(1, 2, 2)), "dist: bounded pareto: high is 2, need more than low, which is 2"},
		{failed(dist.NewHyperexponential(1.5, 1, 2)), "dist: hyperexponential: p is 1.5, need 0 to 1"},
		{failed(dist.HyperexponentialFromMeanCV(1, 0.5)), "dist: hyperexponential: cv is 0.5, need 1 to 1000"},
		{failed(dist.NewMixture()), "dist: mixture: number of parts is 0, need 1 or more"},
		{failed(dist.NewMixture(dist.Part{Weight: -1, Distribution: lognormal})), "dist: mixture: weight of part 1 is -1, need a positive number"},
		{failed(dist.NewMixture(dist.Part{Weight: 1})), "dist: mixture: part 1 is <nil>, need a distribution"},
		{failed(dist.NewEmpirical(nil)), "dist: empirical: number of values is 0, need 1 or more"},
		{failed(dist.NewEmpirical([]float64{1, nan})), "dist: empirical: value 2 is NaN, need a finite number"},
		{failed(dist.EmpiricalFromCounts([]float64{1}, nil)), "dist: empirical: number of counts is 0, need as many as there are values, 1"},
		{failed(dist.EmpiricalFromCounts([]float64{1, 2}, []uint64{1 << 53, 1})), "dist: empirical: count 2 is 1, need a sum of at most 2^53"},
		{failed(dist.NewTable(dist.Point{})), "dist: table: number of points is 1, need 2 or more"},
		{failed(dist.NewTable(dist.Point{P: 0.5}, dist.Point{P: 1, X: -1})), "dist: table: P of point 1 is 0.5, need 0: the smallest number; X of point 2 is -1, need the X before it, which is 0, or more"},
		{failed(dist.NewZipf(-1, 0)), "dist: zipf: exponent is -1, need 0 to 10; n is 0, need 1 or more"},
		{failed(dist.NewPoisson(-1)), "dist: poisson: mean is -1, need 0 to 1e+09"},
		{failed(dist.NewShifted(nil, 1)), "dist: shifted: the distribution is <nil>, need one"},
		{failed(dist.NewScaled(lognormal, 0)), "dist: scaled: by is 0, need a positive number"},
		{failed(dist.ReadSamples(strings.NewReader("1\n2 # fine\nfast\n"))), `line 3: value is "fast", need a number or a length of time such as 12.5ms`},
		{failed(dist.ReadSamples(strings.NewReader("inf\n"))), `line 1: value is "inf", need a number or a length of time such as 12.5ms`},
		{failed(dist.ReadSamples(strings.NewReader(" \n# nothing\n"))), "dist: empirical: number of values is 0, need 1 or more"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("error is  %v\n       want %v", c.err, c.want)
		}
	}
}

func TestQuantilePanicsOutside(t *testing.T) {
	for _, d := range kinds() {
		for _, p := range []float64{-0.1, 1.1, math.NaN()} {
			func() {
				defer func() {
					if got, want := recover(), fmt.Sprintf("dist: Quantile of %v, need 0 to 1", p); got != want {
						t.Errorf("%v: panic is %v, want %v", d, got, want)
					}
				}()
				d.Quantile(p)
			}()
		}
	}
}

func TestSeconds(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want time.Duration
	}{
		{0, 0}, {-1, 0}, {math.Inf(-1), 0}, {1e-12, 0}, {0.4e-9, 0}, {0.6e-9, 1}, {1.5, 1500 * time.Millisecond},
		{0.005, 5 * time.Millisecond}, {86400 * 365, 365 * 24 * time.Hour},
		{9223372036.854775, 1<<63 - 1024}, {1 << 63 / 1e9, math.MaxInt64}, {1e10, math.MaxInt64}, {math.Inf(1), math.MaxInt64}, {math.MaxFloat64, math.MaxInt64},
	} {
		if got := dist.Seconds(c.x); got != c.want {
			t.Errorf("Seconds(%v) is %v, want %v", c.x, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, 1<<51).Draw(t, "d"))
		if got := dist.Duration(dist.Exactly(d), nil); got != d {
			t.Errorf("the constant %d ns became %d ns", d, got)
		}
	})
	defer func() {
		if recover() == nil {
			t.Error("Seconds of not a number did not panic")
		}
	}()
	dist.Seconds(math.NaN())
}

func TestSampleAllocatesNothing(t *testing.T) {
	r := stream(4)
	for _, d := range kinds() {
		if n := testing.AllocsPerRun(100, func() { dist.Duration(d, r) }); n > 0 {
			t.Errorf("%v: %v allocations a sample", d, n)
		}
	}
}

// near reports whether got is want within a relative error.
func near(got, want, relative float64) bool {
	return got == want || math.Abs(got-want) <= relative*math.Abs(want)
}

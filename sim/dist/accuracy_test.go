package dist_test

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// elementary are the functions of one argument that promise less than one unit in the last place.
var elementary = []struct {
	name  string
	f     func(float64) float64
	truth func(float64) *big.Float
	// Arguments are drawn from these ranges: evenly, or evenly by the exponent.
	even, byExponent [][2]float64
	// Around these something changes in the function: a limit, or how the argument is reduced.
	edges []float64
	// worst is the argument of the largest error among 100 million from each of several ranges.
	worst, error float64
}{
	{"Log", dist.Log, func(x float64) *big.Float { return preciseLog(precise(x)) },
		[][2]float64{{0.5, 2}, {0.69, 0.72}}, [][2]float64{{0x1p-1074, math.MaxFloat64}},
		[]float64{0x1p-1074, 0x1p-1022, math.Sqrt2 / 2, 1, math.Sqrt2, math.Sqrt2 * 0x1p-500, math.Sqrt2 * 0x1p500, math.MaxFloat64},
		0.7066245290140077, 0.8902},
	{"Log1p", dist.Log1p, preciseLog1p,
		[][2]float64{{-1, 2}, {-0.3, 0.42}}, [][2]float64{{0x1p-60, math.MaxFloat64}, {-0x1p-60, -0.99}},
		[]float64{-1, -0.5, math.Sqrt2/2 - 1, -0.29, -0x1p-54, 0, 0x1p-54, 0.41, math.Sqrt2 - 1, 1, 0x1p54, math.MaxFloat64},
		-0.2942677071048091, 0.8878},
	{"Exp", dist.Exp, func(x float64) *big.Float { return preciseExp(precise(x)) },
		[][2]float64{{-745, 709}, {-1, 1}, {-745, -708}}, [][2]float64{{0x1p-60, 709}, {-0x1p-60, -745}},
		append([]float64{-745.1332191019411, -744.4400719213812, -708.3964185322641, 0, 709.782712893384}, halvesOfLn2...),
		-294.93390599570864, 0.9123},
	{"Expm1", dist.Expm1, preciseExpm1,
		[][2]float64{{-40, 709}, {-2, 2}, {0.34, 0.5}}, [][2]float64{{0x1p-60, 709}, {-0x1p-60, -40}},
		append([]float64{-37.5, -0x1p-54, 0, 0x1p-54, 50, 709.782712893384}, halvesOfLn2...),
		0.34695427233423504, 0.9495},
}

// halvesOfLn2 are where exponentials change by which power of two they reduce their argument.
var halvesOfLn2 = func() (at []float64) {
	for k := -53.5; k < 70; k += 3 {
		at = append(at, k*math.Ln2)
	}
	return at
}()

// TestLessThanOneUnit compares with the truth.
func TestLessThanOneUnit(t *testing.T) {
	for _, f := range elementary {
		r, worst, at := stream(11), 0.0, 0.0
		try := func(x float64) {
			if off := units(f.f(x), f.truth(x)); !(off <= worst) {
				worst, at = off, x
			}
		}
		try(f.worst)
		if math.Abs(worst-f.error) > 0.0001 {
			t.Errorf("%s(%v) is %v units in the last place off, want %v as the comment says", f.name, f.worst, worst, f.error)
		}
		for _, to := range f.even {
			for range 1500 {
				try(to[0] + (to[1]-to[0])*r.Float64())
			}
		}
		for _, to := range f.byExponent {
			low, high := math.Float64bits(to[0]), math.Float64bits(to[1])
			for range 1500 {
				try(math.Float64frombits(low + r.Uint64()%(high-low)))
			}
		}
		for _, edge := range f.edges {
			for _, x := range around(edge, 20) {
				if y := f.f(x); math.Abs(y) <= math.MaxFloat64 { // a number, and not infinite
					try(x)
				}
			}
		}
		if worst > f.error+0.0001 {
			t.Errorf("%s(%v) is %v units in the last place off, more than the %v of which the comment knows", f.name, at, worst, f.error)
		}
	}
}

// TestMonotone looks for neighbours whose results are in the wrong order.
func TestMonotone(t *testing.T) {
	for _, f := range elementary {
		check := func(x float64) {
			if y, next := f.f(x), f.f(math.Nextafter(x, math.Inf(1))); next < y {
				t.Errorf("%s falls from %v to %v after %v", f.name, y, next, x)
			}
		}
		r := stream(12)
		for _, to := range f.even {
			for range 100_000 {
				check(to[0] + (to[1]-to[0])*r.Float64())
			}
		}
		for _, edge := range f.edges {
			for _, x := range around(edge, 2000) {
				check(x)
			}
		}
	}
}

// powers draws arguments of Pow whose result is neither zero nor infinite: x of any size, or near 1,
// and y of any size that this allows.
func powers(r *sim.Stream) (x, y float64) {
	x = math.Ldexp(1+r.Float64(), r.IntN(2046)-1022)
	if r.Chance(0.5) {
		x = 1 + math.Ldexp(2*r.Float64()-1, -1-r.IntN(40))
	}
	most := 700 / math.Abs(dist.Log(x))
	y = most * (2*r.Float64() - 1)
	if r.Chance(0.3) {
		y = math.Ldexp(y, -r.IntN(60))
	}
	return x, y
}

func TestPowIsNearlyRounded(t *testing.T) {
	r := stream(13)
	for range 8000 {
		x, y := powers(r)
		if x == 1 || y == 0 {
			continue
		}
		got, truth := dist.Pow(x, y), precisePow(x, y)
		most := 0.5001
		if got < 0x1p-1022 {
			most = 0.76 // rounded a second time, to fewer bits
		}
		if off := units(got, truth); !(off <= most) {
			t.Errorf("Pow(%v, %v) is %v units in the last place off", x, y, off)
		}
	}
}

func TestPowIsMonotone(t *testing.T) {
	r, inf := stream(14), math.Inf(1)
	for range 100_000 {
		x, y := powers(r)
		at, right, up := dist.Pow(x, y), dist.Pow(math.Nextafter(x, inf), y), dist.Pow(x, math.Nextafter(y, inf))
		if y > 0 && right < at || y < 0 && right > at {
			t.Errorf("Pow(%v, %v) is %v, and then %v for the next x", x, y, at, right)
		}
		if x > 1 && up < at || x < 1 && up > at {
			t.Errorf("Pow(%v, %v) is %v, and then %v for the next y", x, y, at, up)
		}
	}
}

// TestSpecialFunctions holds the functions that are less precise to what their comments say.
func TestSpecialFunctions(t *testing.T) {
	r := stream(15)
	for range 300 {
		x := math.Exp(60*r.Float64() - 30)
		truth := preciseLogGamma(x)
		want, _ := truth.Float64()
		if off, _ := sub(precise(dist.LogGamma(x)), truth).Float64(); !(math.Abs(off) <= 2e-14+1e-15*math.Abs(want)) {
			t.Errorf("LogGamma(%v) is off by %v, want %v", x, off, want)
		}
		x = 37.4 * r.Float64()
		truth = preciseNormalTail(x)
		if off, _ := quo(sub(precise(dist.NormalCDF(-x)), truth), truth).Float64(); !(math.Abs(off) <= 2e-13) {
			t.Errorf("NormalCDF(%v) is off by %v of itself", -x, off)
		}
		// The quantile of p is off by as much as the probability that belongs to it, divided by the density.
		p := dist.Exp(-700*r.Float64()*r.Float64()) / 2
		x = -dist.NormalQuantile(p)
		density := math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
		off, _ := quo(sub(preciseNormalTail(x), precise(p)), precise(density)).Float64()
		if ulp := math.Nextafter(x, math.Inf(1)) - x; !(math.Abs(off) <= 5*ulp) {
			t.Errorf("NormalQuantile(%v) is %v units in the last place off", p, off/ulp)
		}
	}
}

// units returns how far got is from the truth, if that is not infinite, in units in the last place of a float64 of that size.
func units(got float64, truth *big.Float) float64 {
	if truth.Sign() == 0 || math.IsInf(got, 0) {
		return math.Abs(got)
	}
	off, _ := timesPowerOf2(sub(precise(got), truth), -max(truth.MantExp(nil)-53, -1074)).Float64()
	return math.Abs(off)
}

// around returns x and n floats on each side.
func around(x float64, n int) []float64 {
	at := []float64{x}
	for low, high := x, x; n > 0; n-- {
		low, high = math.Nextafter(low, math.Inf(-1)), math.Nextafter(high, math.Inf(1))
		at = append(at, low, high)
	}
	return slices.DeleteFunc(at, func(x float64) bool { return math.IsInf(x, 0) })
}

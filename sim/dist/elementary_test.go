package dist_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/sim/dist"
)

// TestElementaryFunctions compares with the standard library, which is right to the last bit or two.
func TestElementaryFunctions(t *testing.T) {
	lnGamma := func(x float64) float64 { y, _ := math.Lgamma(x); return y }
	normal := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
	for _, f := range []struct {
		name      string
		got, want func(float64) float64
		low, high float64
		relative  float64
		absolute  float64
	}{
		{"Log", dist.Log, math.Log, 0x1p-1022, math.MaxFloat64, 0x1p-52, 0},
		{"Log near 1", dist.Log, math.Log, 0.5, 2, 0x1p-52, 0},
		{"Exp", dist.Exp, math.Exp, -745, 709.7, 0x1p-51, 0x1p-1074},
		{"Exp near the end", dist.Exp, math.Exp, -745.2, -700, 0x1p-51, 0x1p-1074},
		{"Exp near 0", dist.Exp, math.Exp, -1, 1, 0x1p-51, 0},
		{"Log1p", dist.Log1p, math.Log1p, -1, 1e300, 0x1p-50, 0},
		{"Log1p near 0", dist.Log1p, math.Log1p, -0.01, 0.01, 0x1p-50, 0},
		{"Expm1", dist.Expm1, math.Expm1, -60, 700, 0x1p-50, 0},
		{"Expm1 near 0", dist.Expm1, math.Expm1, -0.01, 0.01, 0x1p-50, 0},
		{"LogGamma", dist.LogGamma, lnGamma, 1e-300, 1e6, 1e-13, 3e-14},
		{"LogGamma to 3", dist.LogGamma, lnGamma, 1e-300, 3, 1e-13, 3e-14},
		{"NormalCDF", dist.NormalCDF, normal, -37, 37, 1e-12, 0},
		{"NormalCDF near 0", dist.NormalCDF, normal, -3, 3, 1e-13, 0},
	} {
		rapid.Check(t, func(t *rapid.T) {
			x := rapid.Float64Range(f.low, f.high).Draw(t, "x")
			got, want := f.got(x), f.want(x)
			if !(got == want || math.Abs(got-want) <= f.relative*math.Abs(want)+f.absolute) {
				t.Errorf("%s(%v) is %v, want %v", f.name, x, got, want)
			}
		})
	}
}

func TestPow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := math.Exp(rapid.Float64Range(-50, 50).Draw(t, "log x"))
		y := rapid.Float64Range(-20, 20).Draw(t, "y")
		if got, want := dist.Pow(x, y), math.Pow(x, y); !near(got, want, 0x1p-46) {
			t.Errorf("Pow(%v, %v) is %v, want %v", x, y, got, want)
		}
	})
	for n := range 40 {
		want := 1.0
		for range n {
			want *= 2.5
		}
		if n <= 22 && dist.Pow(2.5, float64(n)) != want { // 5^22 still has 53 bits
			t.Errorf("Pow(2.5, %d) is %v, want exactly %v", n, dist.Pow(2.5, float64(n)), want)
		}
		if got := dist.Pow(2, float64(n)); got != float64(int64(1)<<n) {
			t.Errorf("Pow(2, %d) is %v", n, got)
		}
	}
}

func TestSpecialValues(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	special := []float64{0, 1, 0.5, 2, 3, inf, nan, -1, -inf, 1e300, 1e-300, math.MaxFloat64}
	for _, f := range []struct {
		name      string
		got, want func(float64) float64
	}{
		{"Log", dist.Log, math.Log}, {"Exp", dist.Exp, math.Exp}, {"Log1p", dist.Log1p, math.Log1p}, {"Expm1", dist.Expm1, math.Expm1},
	} {
		for _, x := range special {
			if got, want := f.got(x), f.want(x); !same(got, want) {
				t.Errorf("%s(%v) is %v, want %v", f.name, x, got, want)
			}
		}
	}
	for e := -1074; e < -1022; e++ { // math.Log is wrong there on amd64
		if got, want := dist.Log(math.Ldexp(1, e)), float64(e)*math.Ln2; !same(got, want) {
			t.Errorf("Log(2^%d) is %v, want %v", e, got, want)
		}
	}
	for _, x := range special {
		for _, y := range special {
			if x < 0 {
				continue // NaN, by its own definition
			}
			if got, want := dist.Pow(x, y), math.Pow(x, y); !same(got, want) {
				t.Errorf("Pow(%v, %v) is %v, want %v", x, y, got, want)
			}
		}
	}
}

// TestNormalQuantile checks published digits and that it inverts NormalCDF.
func TestNormalQuantile(t *testing.T) {
	for p, want := range map[float64]float64{ // Wichura 1988, and Abramowitz and Stegun table 26.1
		0.25: -0.6744897501960817, 0.001: -3.090232306167814, 1e-20: -9.262340089798408,
		0.5: 0, 0.975: 1.959963984540054, 0.99: 2.3263478740408408, 0: math.Inf(-1), 1: math.Inf(1),
	} {
		if got := dist.NormalQuantile(p); !near(got, want, 4e-16) {
			t.Errorf("NormalQuantile(%v) is %v, want %v", p, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		p := math.Exp(-rapid.Float64Range(0.7, 600).Draw(t, "-log p"))
		if got := dist.NormalCDF(dist.NormalQuantile(p)); !near(got, p, 1e-12) {
			t.Errorf("NormalCDF(NormalQuantile(%v)) is %v", p, got)
		}
	})
}

func same(a, b float64) bool {
	return a == b || math.IsNaN(a) && math.IsNaN(b) || near(a, b, 0x1p-50)
}

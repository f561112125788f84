package dist

import "math"

// Pow returns x to the power y, and NaN for x < 0. It is rounded from about 70 bits, so at most
// 0.5001 ulp from the truth (0.76 where the result is less than 0x1p-1022) and right to the last bit
// where the true result is a float64. It costs several times what [Exp] of a [Log] does.
func Pow(x, y float64) float64 {
	switch {
	case y == 0 || x == 1:
		return 1
	case math.IsNaN(x) || math.IsNaN(y) || x < 0:
		return math.NaN()
	case x == 0 && y < 0, x > math.MaxFloat64 && y > 0, math.IsInf(y, 0) && (x > 1) == (y > 0):
		return math.Inf(1)
	case x == 0, x > math.MaxFloat64, math.IsInf(y, 0):
		return 0
	}
	l := logDouble(x)
	switch p := float64(y * l.hi); {
	case p > 710:
		return math.Inf(1)
	case p < -746:
		return 0
	}
	return l.scale(y).exp()
}

// A double is the sum of two floats of which the second is at most half an ulp of the first: a number
// of about 106 bits (T. J. Dekker, "A Floating-Point Technique for Extending the Available Precision",
// 1971). math.FMA gives the exact error of a product; on every processor it rounds once, by definition.
type double struct{ hi, lo float64 }

// twoSum returns a + b exactly (Knuth).
func twoSum(a, b float64) double {
	s := a + b
	back := s - a
	return double{s, (a - (s - back)) + (b - back)}
}

func (a double) plus(b double) double {
	s := twoSum(a.hi, b.hi)
	return twoSum(s.hi, s.lo+(a.lo+b.lo))
}

func (a double) scale(b float64) double {
	p := float64(a.hi * b)
	return double{p, math.FMA(a.hi, b, -p) + float64(a.lo*b)}
}

func (a double) times(b double) double {
	p := a.scale(b.hi)
	return twoSum(p.hi, p.lo+float64(a.hi*b.lo))
}

// logDouble returns the natural logarithm of a positive, finite x to about 70 bits.
func logDouble(x float64) double {
	scale := 0.0
	if x < 0x1p-1022 {
		x = float64(x * 0x1p54)
		scale = -54
	}
	m, e := reduceLog(x)
	e += scale
	// log m = 2 atanh s = 2 (s + s³/3 + s⁵/5 + ...) with s = (m-1)/(m+1), at most 0.1716.
	n, d := m-1, twoSum(m, 1)
	q := n / d.hi
	s := double{q, (math.FMA(-q, d.hi, n) - float64(q*d.lo)) / d.hi}
	z := s.times(s)
	t := 1.0 / 27
	for odd := 25.0; odd >= 7; odd -= 2 {
		t = float64(t*z.hi) + 1/odd
	}
	series := double{t, 0}
	for _, c := range [...]double{{1.0 / 5, 1.0/5 - 0x1.999999999999ap-3}, {1.0 / 3, 1.0/3 - 0x1.5555555555555p-2}, {1, 0}} {
		series = series.times(z).plus(c)
	}
	log := series.times(s)
	return twoSum(float64(e*ln2Hi), float64(e*ln2Lo)).plus(log.scale(2))
}

// exp returns e to the power a, which is from -746 to 710.
func (a double) exp() float64 {
	k, hi, lo := reduceExp(a.hi)
	r := twoSum(hi, -lo).plus(double{a.lo, 0})
	// e^r = 1 + r + r²/2 + r³/6 + ..., with r at most half of ln 2.
	t, f := 0.0, 1.0/355687428096000 // 1/17!
	for n := 17.0; n >= 7; n-- {
		t = float64(t*r.hi) + f
		f = float64(f * n)
	}
	series := double{t, 0}
	for _, c := range [...]double{
		{1.0 / 720, 1.0/720 - 0x1.6c16c16c16c17p-10}, {1.0 / 120, 1.0/120 - 0x1.1111111111111p-7},
		{1.0 / 24, 1.0/24 - 0x1.5555555555555p-5}, {1.0 / 6, 1.0/6 - 0x1.5555555555555p-3}, {1.0 / 2, 0}, {1, 0},
	} {
		series = series.times(r).plus(c)
	}
	y := double{1, 0}.plus(series.times(r))
	return math.Ldexp(y.hi, k)
}

package dist

import "math"

// The functions in this file give the same bits on every processor. They use only what IEEE 754
// rounds exactly (+ - * / and the square root) and round each product before it is added to anything.
// Each is less than one unit in the last place (ulp) from the truth, and never falls where the true
// function rises. The errors stated are the largest among 100 million random arguments from each of
// several ranges, those where errors are largest among them; tests hold the functions to them.
//
// Log, Log1p and Exp follow e_log.c, s_log1p.c and e_exp.c of FreeBSD's msun, which came with this notice:
//
//	Copyright (C) 1993, 2004 by Sun Microsystems, Inc. All rights reserved.
//
//	Developed at SunPro, a Sun Microsystems, Inc. business.
//	Permission to use, copy, modify, and distribute this
//	software is freely granted, provided that this notice
//	is preserved.

const (
	ln2Hi = 6.93147180369123816490e-01 // a multiple of this by a small whole number is exact
	ln2Lo = 1.90821492927058770002e-10
)

// Log returns the natural logarithm of x: -Inf for 0, NaN for less than 0. The largest error found is
// 0.891 ulp, at 0.7066245290140077.
func Log(x float64) float64 {
	scale := 0.0
	if !(x >= 0x1p-1022 && x <= math.MaxFloat64) {
		switch {
		case x < 0:
			return math.NaN()
		case x == 0:
			return math.Inf(-1)
		case !(x < 1): // infinite or not a number
			return x
		}
		x = float64(x * 0x1p54)
		scale = -54
	}
	m, e := reduceLog(x)
	e += scale
	f := m - 1
	s := f / (2 + f)
	half := float64(0.5 * f * f)
	low := float64(s*logSeries(half, float64(s*s))) + float64(e*ln2Lo)
	return float64(e*ln2Hi) - ((half - low) - f)
}

// Log1p returns the natural logarithm of 1 + x, precise for small x too. The largest error found is
// 0.888 ulp, at -0.2942677071048091.
func Log1p(x float64) float64 {
	f, e, c := x, 0.0, 0.0
	switch {
	case x > -0x1p-54 && x < 0x1p-54:
		return x
	case x > -0.29 && x < 0.41:
	case x > -1 && x < 0x1p54:
		// 1+x = u + c, and log(u + c) = log u + c/u.
		u := 1 + x
		if x < 1 {
			c = (x - (u - 1)) / u
		} else {
			c = (1 - (u - x)) / u
		}
		f, e = reduceLog(u)
		f--
	default:
		return Log(1 + x)
	}
	s := f / (2 + f)
	half := float64(0.5 * f * f)
	low := float64(s*logSeries(half, float64(s*s))) + (float64(e*ln2Lo) + c)
	return float64(e*ln2Hi) - ((half - low) - f)
}

// reduceLog returns m from √½ to √2 and a whole e such that x = m 2^e, for a positive x that is
// neither infinite nor subnormal.
func reduceLog(x float64) (m, e float64) {
	const sqrtHalf, one = 0x3fe6a09e667f3bcd, 0x3ff0000000000000 // bits of floats
	b := math.Float64bits(x) + (one - sqrtHalf)
	return math.Float64frombits(b&(1<<52-1) + sqrtHalf), float64(int64(b>>52) - 0x3ff)
}

// logSeries returns half plus what (log(1+s) - log(1-s))/s - 2 is, for z = s² and s up to 0.1716.
func logSeries(half, z float64) float64 {
	const (
		l1 = 6.666666666666735130e-01
		l2 = 3.999999999940941908e-01
		l3 = 2.857142874366239149e-01
		l4 = 2.222219843214978396e-01
		l5 = 1.818357216161805012e-01
		l6 = 1.531383769920937332e-01
		l7 = 1.479819860511658591e-01
	)
	z2 := float64(z * z)
	odd := float64(z * (l1 + float64(z2*(l3+float64(z2*(l5+float64(z2*l7)))))))
	even := float64(z2 * (l2 + float64(z2*(l4+float64(z2*l6)))))
	return half + odd + even
}

// Exp returns e to the power x. The largest error found is 0.913 ulp, at -294.93390599570864.
func Exp(x float64) float64 {
	if !(x >= -7.45133219101941108420e+02 && x <= 7.09782712893383973096e+02) {
		switch {
		case x < 0:
			return 0
		case x > 0:
			return math.Inf(1)
		}
		return x
	}
	k, hi, lo := reduceExp(x)
	r := hi - lo
	c := r - expSeries(float64(r*r))
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)
	if k < -1000 || k > 1000 {
		return math.Ldexp(y, k) // may lose bits or overflow
	}
	return math.Float64frombits(math.Float64bits(y) + uint64(k)<<52)
}

// Expm1 returns e to the power x, minus 1, precise for small x too. The largest error found is
// 0.950 ulp, at 0.34695427233423504.
func Expm1(x float64) float64 {
	switch {
	case x > -0x1p-54 && x < 0x1p-54:
		return x
	case !(x > -37.5 && x < 50):
		return Exp(x) - 1
	}
	k, hi, lo := reduceExp(x)
	r := hi - lo
	t := float64(r * r)
	p := expSeries(t)
	c := r - p
	// What e^r - 1 is beyond r: r c/(2-c), of which r²/2 is the most and has one rounding.
	g := float64(0.5*t) + float64(r*(float64(r*c)-float64(2*p)))/(4-float64(2*c))
	if k == 0 {
		return r + g
	}
	// 2^k (1 + r + g) - 1 = 2^k ((1 - 2^-k + hi) + g - lo), the sum in brackets being y + lost.
	v := math.Float64frombits(uint64(0x3ff-k) << 52)
	one := 1 - v
	y := one + hi
	back := y - one
	lost := (one - (y - back)) + (hi - back) + ((1 - one) - v)
	small := lost - lo + float64(((hi-r)-lo)*r) // the last is what g lacks since r is rounded
	return float64((y + (g + small)) * math.Float64frombits(uint64(0x3ff+k)<<52))
}

// reduceExp returns a whole k such that x = k ln 2 + r with r at most half of ln 2, and r as
// hi - lo, of which hi is exact.
func reduceExp(x float64) (k int, hi, lo float64) {
	k = int(float64(x*(1/math.Ln2)) + math.Copysign(0.5, x))
	e := float64(k)
	return k, x - float64(e*ln2Hi), float64(e * ln2Lo)
}

// expSeries returns what r (e^r + 1)/(e^r - 1) - 2 is, for t = r² and r up to half of ln 2.
func expSeries(t float64) float64 {
	const (
		p1 = 1.66666666666666019037e-01
		p2 = -2.77777777770155933842e-03
		p3 = 6.61375632143793436117e-05
		p4 = -1.65339022054652515390e-06
		p5 = 4.13813679705723846039e-08
	)
	return float64(t * (p1 + float64(t*(p2+float64(t*(p3+float64(t*(p4+float64(t*p5)))))))))
}

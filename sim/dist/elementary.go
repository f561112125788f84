package dist

import "math"

// The functions in this file give the same bits on every processor. They use only what IEEE 754
// rounds exactly (+ - * / and the square root) and round each product before it is added to anything.
//
// Log and Exp are translations of e_log.c and e_exp.c of FreeBSD's msun, which came with this notice:
//
//	Copyright (C) 1993, 2004 by Sun Microsystems, Inc. All rights reserved.
//
//	Developed at SunPro, a Sun Microsystems, Inc. business.
//	Permission to use, copy, modify, and distribute this
//	software is freely granted, provided that this notice
//	is preserved.

const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
)

// Log returns the natural logarithm of x, less than one unit in the last place from the truth:
// -Inf for 0, NaN for less than 0.
func Log(x float64) float64 {
	const (
		l1 = 6.666666666666735130e-01
		l2 = 3.999999999940941908e-01
		l3 = 2.857142874366239149e-01
		l4 = 2.222219843214978396e-01
		l5 = 1.818357216161805012e-01
		l6 = 1.531383769920937332e-01
		l7 = 1.479819860511658591e-01
	)
	switch {
	case math.IsNaN(x) || x > math.MaxFloat64:
		return x
	case x < 0:
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	}
	// x = m * 2^k with m from √½ to √2.
	k := 0
	if x < 0x1p-1022 {
		x = float64(x * 0x1p54)
		k = -54
	}
	b := math.Float64bits(x) + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd)
	k += int(b>>52) - 0x3ff
	m := math.Float64frombits(b&0x000fffffffffffff + 0x3fe6a09e667f3bcd)

	f := m - 1
	e := float64(k)
	s := f / (2 + f)
	s2 := float64(s * s)
	s4 := float64(s2 * s2)
	t1 := float64(s2 * (l1 + float64(s4*(l3+float64(s4*(l5+float64(s4*l7)))))))
	t2 := float64(s4 * (l2 + float64(s4*(l4+float64(s4*l6)))))
	half := float64(0.5 * f * f)
	low := float64(s*(half+t1+t2)) + float64(e*ln2Lo)
	return float64(e*ln2Hi) - ((half - low) - f)
}

// Exp returns e to the power x, less than one unit in the last place from the truth.
func Exp(x float64) float64 {
	const (
		p1 = 1.66666666666666657415e-01
		p2 = -2.77777777770155933842e-03
		p3 = 6.61375632143793436117e-05
		p4 = -1.65339022054652515390e-06
		p5 = 4.13813679705723846039e-08
	)
	switch {
	case math.IsNaN(x):
		return x
	case x > 7.09782712893383973096e+02:
		return math.Inf(1)
	case x < -7.45133219101941108420e+02:
		return 0
	}
	// x = k ln 2 + r with r at most half of ln 2.
	k := int(float64(x*(1/math.Ln2)) + math.Copysign(0.5, x))
	e := float64(k)
	hi := x - float64(e*ln2Hi)
	lo := float64(e * ln2Lo)
	r := hi - lo
	t := float64(r * r)
	c := r - float64(t*(p1+float64(t*(p2+float64(t*(p3+float64(t*(p4+float64(t*p5)))))))))
	y := 1 - ((lo - float64(r*c)/(2-c)) - hi)

	if k < -1000 || k > 1000 {
		return math.Ldexp(y, k) // may lose bits or overflow
	}
	return math.Float64frombits(math.Float64bits(y) + uint64(k)<<52)
}

// Log1p returns the natural logarithm of 1 + x, precise for small x too.
func Log1p(x float64) float64 {
	// Kahan: log(1+x) = x * log(u)/(u-1), where u is 1+x rounded; the errors of both parts cancel.
	u := 1 + x
	if u == 1 || u > math.MaxFloat64 {
		return x
	}
	return float64(Log(u) * (x / (u - 1)))
}

// Expm1 returns e to the power x, minus 1, precise for small x too.
func Expm1(x float64) float64 {
	// Kahan: e^x - 1 = x * (u-1)/log(u), where u is e^x rounded; the errors of both parts cancel.
	u := Exp(x)
	switch {
	case u == 1:
		return x
	case x < -40 || x > 40:
		return u - 1
	}
	return float64((u - 1) * (x / Log(u)))
}

// Pow returns x to the power y. Whole powers are exact where the result is. It is NaN for x < 0.
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
	// x^y = x^(whole+part), with part from -½ to ½.
	whole, part := math.Modf(math.Abs(y))
	if whole >= 1<<53 {
		return Exp(float64(y * Log(x)))
	}
	if part > 0.5 {
		part--
		whole++
	}
	result := 1.0
	switch part {
	case 0:
	case 0.5:
		result = math.Sqrt(x)
	default:
		result = Exp(float64(part * Log(x)))
	}
	// Square and multiply, with the powers of two apart so that nothing overflows on the way.
	exponent := 0
	m, e := math.Frexp(x)
	for n := int64(whole); n != 0; n >>= 1 {
		if e < -1<<12 || e > 1<<12 { // beyond any float64 already
			exponent += e
			break
		}
		if n&1 == 1 {
			result = float64(result * m)
			exponent += e
		}
		m = float64(m * m)
		e <<= 1
		if m < 0.5 {
			m += m
			e--
		}
	}
	if y < 0 {
		result = 1 / result
		exponent = -exponent
	}
	return math.Ldexp(result, exponent)
}

package dist

import "math"

// LogGamma returns the natural logarithm of the gamma function of x > 0, to within 2e-14 and 1e-15 of
// itself. It is NaN for other x.
func LogGamma(x float64) float64 {
	if !(x > 0) {
		return math.NaN()
	}
	// Γ(x) = Γ(x+n) / (x (x+1) ... (x+n-1)), and Stirling's series for a large argument.
	product := 1.0
	for x < 12 {
		product = float64(product * x)
		x++
	}
	const halfLog2Pi = 0.918938533204672741780329736406
	return float64((x-0.5)*Log(x)) - x + halfLog2Pi + stirlingTail(x) - Log(product)
}

// stirlingTail returns what Stirling's series adds to (x-½) log x - x + ½ log 2π, for x >= 10.
func stirlingTail(x float64) float64 {
	z := 1 / x
	z2 := float64(z * z)
	// The coefficients are B(2k) / (2k (2k-1)), B being the Bernoulli numbers.
	t := 1.0/156 - float64(z2*(3617.0/122400))
	t = -691.0/360360 + float64(z2*t)
	t = 1.0/1188 + float64(z2*t)
	t = -1.0/1680 + float64(z2*t)
	t = 1.0/1260 + float64(z2*t)
	t = -1.0/360 + float64(z2*t)
	t = 1.0/12 + float64(z2*t)
	return float64(z * t)
}

// gammaFunction returns the gamma function of x > 0.
func gammaFunction(x float64) float64 { return Exp(LogGamma(x)) }

// gammaLower returns the regularized lower incomplete gamma function P(a, x): the probability that
// a gamma variable of shape a and scale 1 is at most x.
func gammaLower(a, x float64) float64 {
	switch {
	case !(x > 0):
		return 0
	case x > math.MaxFloat64:
		return 1
	case x > a+1:
		return 1 - gammaFraction(a, x)
	}
	return gammaSeries(a, x)
}

// gammaUpper returns 1 - P(a, x), precise in the far tail too.
func gammaUpper(a, x float64) float64 {
	switch {
	case !(x > 0):
		return 1
	case x > math.MaxFloat64:
		return 0
	case x > a+1:
		return gammaFraction(a, x)
	}
	return 1 - gammaSeries(a, x)
}

// gammaSeries is P(a, x) as a power series, good for x <= a+1 (Abramowitz and Stegun 6.5.29).
func gammaSeries(a, x float64) float64 {
	term := 1 / a
	sum := term
	for n := a + 1; term > float64(sum*0x1p-54); n++ {
		term = float64(term * x / n)
		sum += term
	}
	return float64(sum * gammaFactor(a, x))
}

// gammaFraction is 1 - P(a, x) as a continued fraction, good for x > a+1 (Abramowitz and Stegun
// 6.5.31), evaluated by Lentz's method.
func gammaFraction(a, x float64) float64 {
	b := x + 1 - a
	c := math.Inf(1)
	d := 1 / b
	h := d
	for n := 1.0; ; n++ {
		an := float64(n * (a - n))
		b += 2
		d = 1 / (float64(an*d) + b)
		c = b + an/c
		step := float64(c * d)
		h = float64(h * step)
		if math.Abs(step-1) < 0x1p-51 || n > 1e6 {
			return float64(h * gammaFactor(a, x))
		}
	}
}

// gammaFactor returns x^a e^-x / Γ(a).
func gammaFactor(a, x float64) float64 {
	if a < 12 {
		return Exp(float64(a*Log(x)) - x - LogGamma(a))
	}
	// For a large shape the terms are large and cancel: expand around x = a instead.
	const sqrt2Pi = 2.50662827463100050241576528481
	u := (x - a) / a
	return float64(math.Sqrt(a) / sqrt2Pi * Exp(float64(a*(Log1p(u)-u))-stirlingTail(a)))
}

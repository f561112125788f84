package dist

import "math"

// NormalQuantile returns the number that a standard normal variable stays below with probability p,
// to within 5 units in the last place: -Inf for 0, +Inf for 1. It panics outside 0 to 1.
//
// It is algorithm AS 241 of M. J. Wichura, "The Percentage Points of the Normal Distribution",
// Applied Statistics 37, 1988: one rational function for the middle and two for the tails.
func NormalQuantile(p float64) float64 {
	mustBeProbability(p)
	q := p - 0.5
	if q >= -0.425 && q <= 0.425 {
		z := 0.180625 - float64(q*q)
		return float64(q * (ratio(z, &middleA, &middleB)))
	}
	tail := p
	if q > 0 {
		tail = 1 - p
	}
	if tail == 0 {
		return math.Copysign(math.Inf(1), q)
	}
	var x float64
	if r := math.Sqrt(-Log(tail)); r <= 5 {
		x = ratio(r-1.6, &tailA, &tailB)
	} else {
		x = ratio(r-5, &farA, &farB)
	}
	return math.Copysign(x, q)
}

// ratio returns a[0] + a[1]*z + ... + a[7]*z⁷ divided by the same of b. Pairs of terms do not wait for
// each other (Estrin).
func ratio(z float64, a, b *[8]float64) float64 {
	z2 := float64(z * z)
	z4 := float64(z2 * z2)
	aLow := a[0] + float64(a[1]*z) + float64(z2*(a[2]+float64(a[3]*z)))
	bLow := b[0] + float64(b[1]*z) + float64(z2*(b[2]+float64(b[3]*z)))
	aHigh := a[4] + float64(a[5]*z) + float64(z2*(a[6]+float64(a[7]*z)))
	bHigh := b[4] + float64(b[5]*z) + float64(z2*(b[6]+float64(b[7]*z)))
	return (aLow + float64(z4*aHigh)) / (bLow + float64(z4*bHigh))
}

var (
	middleA = [8]float64{3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
		4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3}
	middleB = [8]float64{1, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
		2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4, 5.2264952788528545610e+3}
	tailA = [8]float64{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
		1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4}
	tailB = [8]float64{1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
		1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}
	farA = [8]float64{6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
		2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7}
	farB = [8]float64{1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
		7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15}
)

// NormalCDF returns the probability that a standard normal variable is at most x, to within 2e-13 of
// itself down to x = -37.4, and with fewer digits below, where it is no longer a normal float64.
func NormalCDF(x float64) float64 {
	if x == 0 {
		return 0.5
	}
	// Φ(x) = ½ erfc(-x/√2), and erfc(y) = Γ(½, y²)/Γ(½) for y > 0.
	tail := float64(0.5 * gammaUpper(0.5, float64(0.5*x*x)))
	if x < 0 {
		return tail
	}
	return 1 - tail
}

// normalDensity returns the density of a standard normal variable at x.
func normalDensity(x float64) float64 {
	const invSqrt2Pi = 0.398942280401432677939946059934
	return float64(invSqrt2Pi * Exp(float64(-0.5*x*x)))
}

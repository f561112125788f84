package dist_test

import (
	"math"
	"math/big"
	"testing"
)

// This file has the truth that the package's functions are measured against: the same functions with
// 320 bits, slowly, by methods that have nothing in common with those of the package.

const bits = 320

func precise(x float64) *big.Float { return new(big.Float).SetPrec(bits).SetFloat64(x) }

func add(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(bits).Add(a, b) }
func sub(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(bits).Sub(a, b) }
func mul(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(bits).Mul(a, b) }
func quo(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(bits).Quo(a, b) }

// timesPowerOf2 returns a * 2^k.
func timesPowerOf2(a *big.Float, k int) *big.Float {
	return new(big.Float).SetPrec(bits).SetMantExp(a, k)
}

// preciseLn2 is the sum of 1/(k 2^k).
var preciseLn2 = func() *big.Float {
	sum := precise(0)
	for k := 1; k <= bits; k++ {
		sum = add(sum, quo(timesPowerOf2(precise(1), -k), precise(float64(k))))
	}
	return sum
}()

// preciseExp returns e^x by Taylor's series at x/2^20, squared 20 times.
func preciseExp(x *big.Float) *big.Float {
	k, _ := quo(x, preciseLn2).Int64()
	r := timesPowerOf2(sub(x, mul(preciseLn2, precise(float64(k)))), -20)
	sum, term := precise(1), precise(1)
	for i := 1.0; i < 16; i++ {
		term = quo(mul(term, r), precise(i))
		sum = add(sum, term)
	}
	for range 20 {
		sum = mul(sum, sum)
	}
	return timesPowerOf2(sum, int(k))
}

// preciseLog returns the natural logarithm of x by Halley's method: y + 2 (x - e^y)/(x + e^y) has
// three times as many right digits as y.
func preciseLog(x *big.Float) *big.Float {
	m := precise(0)
	k := x.MantExp(m)
	if m.Cmp(precise(0.7)) < 0 { // from 0.7 to 1.4, so that nothing cancels near log 1
		m, k = timesPowerOf2(m, 1), k-1
	}
	y, _ := m.Float64()
	log := precise(math.Log(y))
	for range 2 {
		e := preciseExp(log)
		log = add(log, timesPowerOf2(quo(sub(m, e), add(m, e)), 1))
	}
	return add(log, mul(preciseLn2, precise(float64(k))))
}

func preciseLog1p(x float64) *big.Float {
	if math.Abs(x) < 0x1p-60 { // x - x²/2 + x³/3
		b := precise(x)
		return mul(b, sub(precise(1), mul(b, sub(precise(0.5), quo(b, precise(3))))))
	}
	return preciseLog(add(precise(1), precise(x)))
}

func preciseExpm1(x float64) *big.Float {
	if math.Abs(x) < 0x1p-60 { // x + x²/2 + x³/6
		b := precise(x)
		return mul(b, add(precise(1), mul(b, add(precise(0.5), quo(b, precise(6))))))
	}
	return sub(preciseExp(precise(x)), precise(1))
}

func precisePow(x, y float64) *big.Float { return preciseExp(mul(precise(y), preciseLog(precise(x)))) }

// preciseLogGamma returns the logarithm of Γ(x) by Stirling's series for x+80, whose coefficients come
// from the recurrence of Bernoulli's numbers.
func preciseLogGamma(x float64) *big.Float {
	product, z := precise(1), precise(x)
	for range 80 {
		product = mul(product, z)
		z = add(z, precise(1))
	}
	sum := sub(mul(sub(z, precise(0.5)), preciseLog(z)), z)
	sum = add(sum, timesPowerOf2(preciseLog(timesPowerOf2(precisePi, 1)), -1))
	power, z2 := quo(precise(1), z), mul(z, z)
	for k := 1; k < len(bernoulli)/2; k++ {
		c := precise(0).SetRat(bernoulli[2*k])
		sum = add(sum, quo(mul(c, power), precise(float64(2*k*(2*k-1)))))
		power = quo(power, z2)
	}
	return sub(sum, preciseLog(product))
}

// bernoulli has B(0), B(1), ..., from the sum of (n+1 choose k) B(k) for k up to n being 0.
var bernoulli = func() (b [80]*big.Rat) {
	b[0] = big.NewRat(1, 1)
	for n := 1; n < len(b); n++ {
		sum := new(big.Rat)
		for k := range n {
			c := new(big.Rat).SetInt(new(big.Int).Binomial(int64(n+1), int64(k)))
			sum.Add(sum, c.Mul(c, b[k]))
		}
		b[n] = sum.Mul(sum, big.NewRat(-1, int64(n+1)))
	}
	return b
}()

// precisePi is Machin's 16 atan(1/5) - 4 atan(1/239).
var precisePi = func() *big.Float {
	atan := func(n float64) *big.Float {
		sum, power := precise(0), quo(precise(1), precise(n))
		for k := 1.0; k < bits; k += 4 {
			sum = add(sum, quo(power, precise(k)))
			power = quo(power, precise(n*n))
			sum = sub(sum, quo(power, precise(k+2)))
			power = quo(power, precise(n*n))
		}
		return sum
	}
	return sub(timesPowerOf2(atan(5), 4), timesPowerOf2(atan(239), 2))
}()

// preciseNormalTail returns the probability that a standard normal variable is more than x, for
// x > 0: the density times 1/(x + 1/(x + 2/(x + 3/(x + ...)))), or for a small x ½ less the density
// times x + x³/3 + x⁵/(3*5) + ...
func preciseNormalTail(x float64) *big.Float {
	b := precise(x)
	x2 := mul(b, b)
	density := quo(preciseExp(timesPowerOf2(x2, -1).Neg(timesPowerOf2(x2, -1))), precise(0).Sqrt(timesPowerOf2(precisePi, 1)))
	if x < 5 {
		sum, term := precise(0), b
		for k := 1.0; k < 400; k += 2 {
			sum = add(sum, term)
			term = quo(mul(term, x2), precise(k+2))
		}
		return sub(precise(0.5), mul(density, sum))
	}
	fraction := b
	for k := 600.0; k > 0; k-- {
		fraction = add(b, quo(precise(k), fraction))
	}
	return quo(density, fraction)
}

// TestReference holds the reference to digits that are printed in books.
func TestReference(t *testing.T) {
	for _, c := range []struct {
		name   string
		got    *big.Float
		digits string
	}{
		{"log 2", preciseLog(precise(2)), "0.69314718055994530941723212145817656807550013436026"},
		{"log 10", preciseLog(precise(10)), "2.3025850929940456840179914546843642076011014886288"},
		{"log 1.5", preciseLog(precise(1.5)), "0.40546510810816438197801311546434913657199042346249"},
		{"log1p 1", preciseLog1p(1), "0.69314718055994530941723212145817656807550013436026"},
		{"e", preciseExp(precise(1)), "2.7182818284590452353602874713526624977572470937000"},
		{"1/e", preciseExp(precise(-1)), "0.36787944117144232159552377016146086744581113103177"},
		{"e - 1", preciseExpm1(1), "1.7182818284590452353602874713526624977572470937000"},
		{"√2", precisePow(2, 0.5), "1.4142135623730950488016887242096980785696718753769"},
		{"π", precisePi, "3.1415926535897932384626433832795028841971693993751"},
		{"e^π", preciseExp(precisePi), "23.140692632779269005729086367948547380266106242600"},
		{"log √π", preciseLogGamma(0.5), "0.57236494292470008707171367567652935582364740645766"},
		{"log 99!", preciseLogGamma(100), "359.13420536957539877604401046028690961262171808563"},
		{"log Γ(¼)", preciseLogGamma(0.25), "1.2880225246980774573706104402197172959253775651129"},
		{"1 - Φ(1)", preciseNormalTail(1), "0.15865525393145705141476745436796207752208703327340"},
		{"1 - Φ(6)", preciseNormalTail(6), "9.8658764503769814070086413239804201866979124997903e-10"},
	} {
		want, _, err := big.ParseFloat(c.digits, 10, bits, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		if off, _ := quo(sub(c.got, want), want).Float64(); math.Abs(off) > 1e-48 {
			t.Errorf("%s is %s, want %s", c.name, c.got.Text('g', 50), c.digits)
		}
	}
}

package dist

import (
	"fmt"
	"math"

	"github.com/nines-sim/nines/sim"
)

// Zipf is how often things are asked for when a few are popular: rank k, from 1 to n, is drawn as
// often as 1/k to the power of the exponent says. An exponent of 0 makes all ranks equal; caches and
// key-value stores are often near 1.
type Zipf struct {
	exponent, n         float64
	first, last, accept float64 // of the sampler
}

// NewZipf returns the Zipf distribution of the ranks 1 to n.
func NewZipf(exponent float64, n int) (Zipf, error) {
	d := Zipf{exponent: exponent, n: float64(n)}
	if err := check("zipf", need{exponent >= 0 && exponent <= 10, "exponent", exponent, "0 to 10"},
		need{n >= 1, "n", n, "1 or more"}); err != nil {
		return d, err
	}
	d.first = d.integral(1.5) - 1
	d.last = d.integral(d.n + 0.5)
	d.accept = 2 - d.inverseIntegral(d.integral(2.5)-d.weight(2))
	return d, nil
}

// Rank draws a rank from 1 to n. It follows W. Hörmann and G. Derflinger, "Rejection-Inversion to
// Generate Variates from Monotone Discrete Distributions", 1996: exact for any n, with no table.
func (d Zipf) Rank(r *sim.Stream) int { return int(d.Sample(r)) }

func (d Zipf) Sample(r *sim.Stream) float64 {
	for {
		u := d.first + float64(open(r)*(d.last-d.first))
		x := d.inverseIntegral(u)
		k := min(max(math.Floor(x+0.5), 1), d.n)
		if k-x <= d.accept || u >= d.integral(k+0.5)-d.weight(k) {
			return k
		}
	}
}

func (d Zipf) Mean() float64 { return d.sum(d.n, d.exponent-1) / d.sum(d.n, d.exponent) }

func (d Zipf) Variance() float64 {
	m := d.Mean()
	return max(d.sum(d.n, d.exponent-2)/d.sum(d.n, d.exponent)-float64(m*m), 0)
}

func (d Zipf) Quantile(p float64) float64 { return quantile(d.CDF, p, 1, d.n) }

func (d Zipf) CDF(x float64) float64 {
	x = math.Floor(x)
	switch {
	case x < 1:
		return 0
	case x >= d.n:
		return 1
	}
	return d.sum(x, d.exponent) / d.sum(d.n, d.exponent)
}

func (d Zipf) String() string { return fmt.Sprintf("zipf(exponent=%.6g, n=%.0f)", d.exponent, d.n) }

// weight returns x^-exponent.
func (d Zipf) weight(x float64) float64 { return Exp(float64(-d.exponent * Log(x))) }

// integral returns the integral of weight from 1 to x.
func (d Zipf) integral(x float64) float64 { return powerIntegral(x, -d.exponent) }

func (d Zipf) inverseIntegral(y float64) float64 {
	t := float64(y * (1 - d.exponent))
	switch {
	case t == 0:
		return Exp(y)
	case t < -1:
		t = -1
	}
	return Exp(float64(y * (Log1p(t) / t)))
}

// sum returns the sum of k^-s for k from 1 to n.
func (d Zipf) sum(n, s float64) float64 {
	const direct = 32 // then Euler and Maclaurin's formula, here right to 15 digits
	total := 0.0
	for k := 1.0; k <= min(n, direct); k++ {
		total += Pow(k, -s)
	}
	if n <= direct {
		return total
	}
	total += powerIntegral(n, -s) - powerIntegral(direct, -s)
	total += (Pow(n, -s) - Pow(direct, -s)) / 2
	c := s / 12
	total -= float64(c * (Pow(n, -s-1) - Pow(direct, -s-1)))
	c = float64(c*(s+1)*(s+2)) / -60
	total -= float64(c * (Pow(n, -s-3) - Pow(direct, -s-3)))
	c = float64(c*(s+3)*(s+4)) / -42
	total -= float64(c * (Pow(n, -s-5) - Pow(direct, -s-5)))
	return total
}

// powerIntegral returns the integral of t^e from 1 to x.
func powerIntegral(x, e float64) float64 {
	l := Log(x)
	t := float64((e + 1) * l)
	if t == 0 {
		return l
	}
	return float64(l * (Expm1(t) / t))
}

package dist

import (
	"fmt"
	"math"

	"github.com/nines-sim/nines/sim"
)

// Lognormal is a number whose logarithm is normal: the usual shape of latencies and of the time
// that people take to repair things.
type Lognormal struct{ mu, sigma float64 }

// NewLognormal returns the distribution of e to a normal power of mean mu and standard deviation sigma.
func NewLognormal(mu, sigma float64) (Lognormal, error) {
	return Lognormal{mu, sigma}, check("lognormal", finite("mu", mu), notNegative("sigma", sigma))
}

// LognormalFromMeanCV returns the lognormal distribution of a mean and a coefficient of variation
// (standard deviation / mean).
func LognormalFromMeanCV(mean, cv float64) (Lognormal, error) {
	variance := Log1p(float64(cv * cv))
	return Lognormal{Log(mean) - variance/2, math.Sqrt(variance)},
		check("lognormal", positive("mean", mean), notNegative("cv", cv))
}

// LognormalFromMedianP99 returns the lognormal distribution that stays below p50 half of the time
// and below p99 in 99 of 100 cases.
func LognormalFromMedianP99(p50, p99 float64) (Lognormal, error) {
	if err := check("lognormal", positive("p50", p50), moreThan("p99", p99, "p50", p50)); err != nil {
		return Lognormal{}, err
	}
	return LognormalFromQuantiles(0.5, p50, 0.99, p99)
}

// LognormalFromQuantiles returns the lognormal distribution that stays below x1 with probability p1
// and below x2 with probability p2.
func LognormalFromQuantiles(p1, x1, p2, x2 float64) (Lognormal, error) {
	if err := check("lognormal", quantiles(p1, x1, p2, x2)...); err != nil {
		return Lognormal{}, err
	}
	z1, z2 := NormalQuantile(p1), NormalQuantile(p2)
	sigma := Log(x2/x1) / (z2 - z1)
	return Lognormal{Log(x1) - float64(sigma*z1), sigma}, nil
}

func (d Lognormal) Sample(r *sim.Stream) float64 {
	return Exp(d.mu + float64(d.sigma*NormalQuantile(open(r))))
}

func (d Lognormal) Mean() float64 { return Exp(d.mu + float64(d.sigma*d.sigma)/2) }

func (d Lognormal) Variance() float64 {
	s2, m := float64(d.sigma*d.sigma), d.Mean()
	return float64(m * m * Expm1(s2))
}

func (d Lognormal) Quantile(p float64) float64 {
	if d.sigma == 0 {
		mustBeProbability(p)
		return Exp(d.mu)
	}
	return Exp(d.mu + float64(d.sigma*NormalQuantile(p)))
}

func (d Lognormal) CDF(x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case d.sigma == 0 && Log(x) >= d.mu:
		return 1
	}
	return NormalCDF((Log(x) - d.mu) / d.sigma)
}

func (d Lognormal) String() string {
	return fmt.Sprintf("lognormal(p50=%.6g, p99=%.6g)", d.Quantile(0.5), d.Quantile(0.99))
}

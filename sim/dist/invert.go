package dist

import "math"

// quantile is the quantile function of a distribution of numbers from low to high whose cumulative
// distribution function has no closed inverse.
func quantile(cdf func(float64) float64, p, low, high float64) float64 {
	mustBeProbability(p)
	if p == 1 {
		return high // cdf may round to 1 below it
	}
	return invert(cdf, p, low, high)
}

// invert returns the smallest float64 from low to high at which the ascending function f is y or more,
// or high. Floats are ordered as integers are and halved as integers, so it needs at most 64 steps.
func invert(f func(float64) float64, y, low, high float64) float64 {
	lo, hi := ordered(low), ordered(high)
	for lo < hi {
		mid := lo + int64(uint64(hi-lo)/2) // hi-lo may wrap around; as an unsigned number it is right
		if f(unordered(mid)) >= y {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return unordered(lo)
}

// cdf returns the probability that a sample of d is at most x, or NaN if d cannot tell.
func cdf(d Distribution, x float64) float64 {
	if d, ok := d.(interface{ CDF(x float64) float64 }); ok {
		return d.CDF(x)
	}
	return math.NaN()
}

// ordered maps a float64 to an integer such that the order stays.
func ordered(x float64) int64 {
	b := int64(math.Float64bits(x))
	if b < 0 {
		return math.MinInt64 - b
	}
	return b
}

func unordered(i int64) float64 {
	if i < 0 {
		i = math.MinInt64 - i
	}
	return math.Float64frombits(uint64(i))
}

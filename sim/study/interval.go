package study

import (
	"math"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// A term is one class's part of a sum: a mean over runs, with what is needed for its interval.
type term struct {
	value float64
	se    float64 // standard error of value
	df    float64 // degrees of freedom of se
	skew  float64 // skewness of the runs / √n
	runs  int
	floor float64 // no truth lies below: 0 for costs, -∞ for differences
	ceil  float64 // nor above

	// Where no run cost anything there is nothing to estimate from. The share of runs that do is then
	// at most 1-(1-level)^(1/n), which is about 3/n at 95 % (the rule of three), and each is supposed to
	// cost this much.
	ifHit float64
}

// newTerm returns the term of a mean. Runs are in the order of their quantiles if there are any.
//
// The variance comes from the differences between neighbours (von Neumann, 1941), which leaves out what
// the stratification has already taken care of: the trend with the length of the incident. It has about
// 2/3·n degrees of freedom. Without quantiles it is the usual one, with n-1.
func newTerm(y []float64, ordered bool) term {
	n := float64(len(y))
	t := term{runs: len(y), floor: math.Inf(-1), ceil: math.Inf(1), df: n - 1}
	if n == 0 {
		return t
	}
	for _, v := range y {
		t.value += v
	}
	t.value /= n
	if slices.Min(y) == slices.Max(y) {
		t.value = y[0] // a sum of tenths is not ten times a tenth
		return t
	}
	var m2, m3, steps float64
	for i, v := range y {
		d := v - t.value
		m2 += d * d
		m3 += d * d * d
		if i > 0 {
			steps += (v - y[i-1]) * (v - y[i-1])
		}
	}
	variance := m2 / (n - 1)
	if ordered {
		variance, t.df = steps/(2*(n-1)), max(1, 2*n/3)
	}
	t.se = math.Sqrt(variance / n)
	t.skew = m3 / n / math.Pow(m2/n, 1.5) / math.Sqrt(n)
	return t
}

// limits returns the interval of a mean at a level.
//
// Costs of incidents are skewed: many runs cost little, few cost much, and a symmetric interval misses
// the truth on the high side. Hall's transformation (J. R. Statist. Soc. B 54, 1992, p. 221) takes the
// skewness out, with quantiles of Student's t. Of nominal 95 %, it covers 94 to 98 % from 8 runs of costs
// on that are zero, threshold-like, lognormal or exponential (TestCoverage).
func (t term) limits(level float64) (low, high float64) {
	switch {
	case t.tooFew():
		return t.floor, t.ceil
	case t.se == 0:
		share := 1 - math.Pow(1-level, 1/float64(t.runs))
		return t.value, min(t.ceil, t.value+share*t.ifHit)
	}
	q := distuv.StudentsT{Sigma: 1, Nu: t.df}.Quantile((1 + level) / 2)
	low, high = t.value-t.untwist(q)*t.se, t.value-t.untwist(-q)*t.se
	return max(t.floor, low), min(t.ceil, high)
}

// Covered is the number of runs of each class from which on intervals have been seen to hold what they say
// (TestCoverage).
const Covered = 8

// tooFew reports whether the runs are too few to say how much they vary: there is one, or all of a few cost the
// same, as two calm runs do that lost one call each. Of many runs that is said of their kind.
func (t term) tooFew() bool { return t.runs < 2 || t.se == 0 && t.value != 0 && t.runs < Covered }

// untwist solves x + a·x²/3 + a²·x³/27 + a/6 = q, with a the skewness: Hall's transformation undone.
func (t term) untwist(q float64) float64 {
	a := t.skew
	if math.Abs(a) < 1e-6 {
		return q
	}
	return 3 / a * (math.Cbrt(1+a*(q-a/6)) - 1)
}

// A sum is an estimate made of independent terms and, if some inputs are uncertain, of what it would be
// under other values of theirs.
type sum struct {
	terms  []term
	inputs []float64 // sorted; nil if all inputs are known
	floor  float64
	ceil   float64
}

func (s sum) value() float64 {
	v := 0.0
	for _, t := range s.terms {
		v += t.value
	}
	return v
}

// limits combines the intervals of the terms: the distances from the estimate add up like standard
// errors, each side on its own (Zou and Donner, Statistics in Medicine 27, 2008, p. 1693, "MOVER").
// Uncertain inputs are one more term.
func (s sum) limits(level float64) (low, high float64) {
	v := s.value()
	var down, up float64
	for _, t := range s.terms {
		l, h := t.limits(level)
		down += (t.value - l) * (t.value - l)
		up += (h - t.value) * (h - t.value)
	}
	if s.inputs != nil {
		l, h := quantile(s.inputs, (1-level)/2), quantile(s.inputs, (1+level)/2)
		down += max(0, v-l) * max(0, v-l)
		up += max(0, h-v) * max(0, h-v)
	}
	return max(s.floor, v-math.Sqrt(down)), min(s.ceil, v+math.Sqrt(up))
}

// interval returns the estimate with its range.
func (s sum) interval(level float64) Interval {
	low, high := s.limits(level)
	covers := Sampling
	if s.inputs != nil {
		covers = SamplingInputs
	}
	return Interval{Value: s.value(), Low: low, High: high, Level: level, Covers: covers}
}

// p returns the smallest 1-level at which the range excludes zero; 1 if none does.
func (s sum) p() float64 {
	excludes := func(p float64) bool {
		low, high := s.limits(1 - p)
		return low > 0 || high < 0
	}
	if !excludes(1 - 1e-9) {
		return 1
	}
	lo, hi := 1e-12, 1-1e-9 // in p: excluded from hi on, and at lo only if overwhelming
	if excludes(lo) {
		return lo
	}
	for range 60 {
		if mid := math.Sqrt(lo * hi); excludes(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// quantile interpolates in a sorted list.
func quantile(sorted []float64, q float64) float64 {
	x := q * float64(len(sorted)-1)
	i := min(int(x), len(sorted)-2)
	return sorted[i] + (x-float64(i))*(sorted[i+1]-sorted[i])
}

// Proportion returns the interval of a share of which k in n independent trials were seen (Clopper and
// Pearson, Biometrika 26, 1934). With k = 0 or k = n it is the one-sided bound of the same level.
func Proportion(k, n int, level float64) Interval {
	if n < 1 || k < 0 || k > n {
		panic("study: Proportion needs 0 <= k <= n and n > 0")
	}
	i := Interval{Value: float64(k) / float64(n), Low: 0, High: 1, Level: level, Covers: Sampling}
	tail := (1 - level) / 2
	if k == 0 || k == n {
		tail, i.Bound = 1-level, true
	}
	if k > 0 {
		i.Low = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(tail)
	}
	if k < n {
		i.High = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(1 - tail)
	}
	return i
}

// QuantileInterval returns the q-quantile of independent values with an interval whose ends are two of
// them, by the ranks that a binomial count puts there. Its level is at least the one asked for, and
// the one reached is reported. With too few values for that, an end is the smallest or largest value, and
// the level reached is below the one asked for.
func QuantileInterval(values []float64, q, level float64) Interval {
	n := len(values)
	if n == 0 || !(q > 0 && q < 1) {
		panic("study: QuantileInterval needs values and a quantile between 0 and 1")
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	below := distuv.Binomial{N: float64(n), P: q} // values below the quantile
	tail := (1 - level) / 2
	// Ranks count from 1. The r-th value is above the quantile if fewer than r lie below.
	low := sort.Search(n+1, func(r int) bool { return below.CDF(float64(r)) > tail })
	high := 1 + sort.Search(n, func(r int) bool { return below.CDF(float64(r)) >= 1-tail })
	low, high = max(1, low), min(n, high)
	reached := below.CDF(float64(high-1)) - below.CDF(float64(low-1))
	return Interval{
		Value: sorted[min(n-1, int(q*float64(n)))], Low: sorted[low-1], High: sorted[high-1],
		Level: reached, Covers: Sampling,
	}
}

// Enough reports whether an interval is narrow enough to stop: its half-width at most the share
// relative of its value. Whoever looks again and again stops by luck too early; so the half-width has to
// be below relative/(1+relative), as Law (Simulation Modeling and Analysis, 9.4.1) advises.
func Enough(i Interval, relative float64) bool {
	return !i.Bound && i.HalfWidth() <= relative/(1+relative)*math.Abs(i.Value)
}

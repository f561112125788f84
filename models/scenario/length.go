package scenario

import (
	"time"
)

// A Length is a length of time that may differ each time: the work of a call, the latency of a
// link, how long a repair takes. The zero Length is exactly 0s.
type Length struct {
	Form  Form
	Mean  time.Duration // Fixed, Exponential, Shaped
	CV    float64       // Shaped: standard deviation over mean
	Shape string        // Shaped: lognormal, gamma or weibull
	P50   time.Duration // Quantiles: the median
	High  time.Duration // Quantiles: the quantile At
	At    float64       // Quantiles: which one High is: 0.9, 0.95, 0.99 or 0.999
	File  string        // Samples: an HdrHistogram log, relative to the scenario file
}

// A Form is a way to write a Length.
type Form uint8

// The forms of a Length.
const (
	Fixed       Form = iota // 5ms: exactly
	Exponential             // exp 5ms: exponential with that mean
	Quantiles               // {p50: 5ms, p99: 20ms}: lognormal with that median and that high quantile
	Shaped                  // {mean: 5ms, cv: 1.5, shape: gamma}: with that mean and coefficient of variation
	Samples                 // {file: latency.hlog}: drawn from what was recorded
)

// Exactly returns the Length that is always d.
func Exactly(d time.Duration) Length { return Length{Mean: d} }

// Exp returns the exponential Length of that mean.
func Exp(mean time.Duration) Length { return Length{Form: Exponential, Mean: mean} }

// Lognormal returns the lognormal Length of that median and 99th percentile.
func Lognormal(p50, p99 time.Duration) Length {
	return Length{Form: Quantiles, P50: p50, High: p99, At: 0.99}
}

// IsZero reports whether the Length is exactly 0s.
func (l Length) IsZero() bool { return l == Length{} }

// A Span is a range of lengths of time, from the shortest to the longest: "50ms..1s".
type Span struct{ From, To time.Duration }

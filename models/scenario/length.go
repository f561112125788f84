package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nines-sim/nines/sim/dist"
	"github.com/nines-sim/nines/sim/dist/hlog"
)

// A Length is a length of time that may differ each time: the work of a call, the latency of a
// link, how long a repair takes. The zero Length is exactly 0s.
type Length struct {
	Form  Form
	Mean  time.Duration // Fixed, Exponential, Shaped
	CV    float64       // Shaped: standard deviation over mean
	Shape string        // Shaped: one of Shapes
	P50   time.Duration // Quantiles: the median
	High  time.Duration // Quantiles: the quantile At
	At    float64       // Quantiles: 0.9, 0.95, 0.99 or 0.999
	File  string        // Recorded: its path, relative to the scenario file
	Unit  string        // Recorded: of the values in an HdrHistogram log: ns, us, ms or s

	recorded *recording // Recorded: what the file holds
}

// A Form is a way to write a Length.
type Form uint8

// The forms of a Length.
const (
	Fixed       Form = iota // 5ms: exactly
	Exponential             // exp 5ms: exponential with that mean
	Quantiles               // {p50: 5ms, p99: 20ms}: lognormal with that median and that high quantile
	Shaped                  // {mean: 5ms, cv: 1.5, shape: gamma}: with that mean and coefficient of variation
	Recorded                // {file: latency.hlog}: drawn from what was measured
)

// Shapes are the distributions that can be given by mean and coefficient of variation.
func Shapes() []string { return []string{"lognormal", "gamma", "weibull", "hyperexponential"} }

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

// Equal reports whether l and m are the same length, and the same measured values if they come from files.
func (l Length) Equal(m Length) bool {
	a, b := l.recorded, m.recorded
	l.recorded, m.recorded = nil, nil
	return l == m && (a == b || a != nil && b != nil && a.sum == b.sum)
}

// Distribution returns what to draw from, in seconds. It panics if the Length was made in Go with
// values that make no distribution, such as a p99 below the median.
func (l Length) Distribution() dist.Distribution {
	d, err := l.distribution()
	if err != nil {
		panic("scenario: " + err.Error())
	}
	return d
}

func (l Length) distribution() (dist.Distribution, error) {
	mean := l.Mean.Seconds()
	switch l.Form {
	case Fixed:
		return dist.Exactly(l.Mean), nil
	case Exponential:
		return dist.NewExponential(mean)
	case Quantiles:
		if l.P50 <= 0 || l.High <= l.P50 {
			return nil, fmt.Errorf("p50 is %s and p%s is %s, need more than nothing and more than that", formatDuration(l.P50), quantileName(l.At), formatDuration(l.High))
		}
		return dist.LognormalFromQuantiles(0.5, l.P50.Seconds(), l.At, l.High.Seconds())
	case Shaped:
		switch l.Shape {
		case "lognormal":
			return dist.LognormalFromMeanCV(mean, l.CV)
		case "gamma":
			return dist.GammaFromMeanCV(mean, l.CV)
		case "weibull":
			return dist.WeibullFromMeanCV(mean, l.CV)
		case "hyperexponential":
			return dist.HyperexponentialFromMeanCV(mean, l.CV)
		}
	case Recorded:
		if l.recorded != nil {
			return l.recorded.values, nil
		}
		return nil, fmt.Errorf("%s is read when a scenario file is loaded", l.File)
	}
	return nil, fmt.Errorf("%+v is no length of time", l)
}

// quantileName writes 0.999 as 999.
func quantileName(p float64) string { return strings.Replace(formatNumber(p, 2), ".", "", 1) }

// A recording is the content of a file of measured values.
type recording struct {
	values dist.Empirical
	sum    uint64 // of the file's bytes, for the hash of the scenario
}

// Units of the values in an HdrHistogram log, which does not say.
func recordedUnits() []string { return []string{"ns", "us", "ms", "s"} }

// readRecording reads an HdrHistogram log (.hlog), or text with one value a line.
func readRecording(path, unit string) (*recording, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, plainError(err)
	}
	h := fnv.New64a()
	h.Write(data)
	r := &recording{sum: h.Sum64()}
	if filepath.Ext(path) != ".hlog" {
		r.values, err = dist.ReadSamples(bytes.NewReader(data))
		return r, err
	}
	one, err := parseDuration("1" + unit)
	if err == nil {
		r.values, err = hlog.Read(bytes.NewReader(data), one)
	}
	return r, err
}

// plainError drops the operation and the path from an error of package os: the message has them already.
func plainError(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// A Span is a range of lengths of time, from the shortest to the longest: "50ms..1s".
type Span struct{ From, To time.Duration }

package measure

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are counted in nanoseconds from 1 µs to 1 h; longer ones count as 1 h.
const (
	shortest = int64(time.Microsecond)
	longest  = int64(time.Hour)
)

func newHistogram(digits int) *hdrhistogram.Histogram {
	return hdrhistogram.New(shortest, longest, digits)
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	if err := h.RecordValue(min(int64(d), longest)); err != nil {
		panic("measure: negative latency " + d.String())
	}
}

// A Latency says how long calls took from their intended start, in milliseconds. Its values are at most
// 10^-Digits off, relatively; below 0.1 ms, half a microsecond.
type Latency struct {
	Calls int64   `json:"calls"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`

	histogram *hdrhistogram.Histogram
}

func newLatency(h *hdrhistogram.Histogram) Latency {
	l := Latency{Calls: h.TotalCount(), histogram: h}
	if l.Calls == 0 {
		return l
	}
	l.Mean = h.Mean() / 1e6
	l.P50, l.P90, l.P99, l.P999 = l.Quantile(0.5), l.Quantile(0.9), l.Quantile(0.99), l.Quantile(0.999)
	l.Max = float64(h.Max()) / 1e6
	return l
}

// Quantile returns the latency, in milliseconds, that a share q of the calls did not exceed. It is not
// available for a Latency that was read from JSON.
func (l Latency) Quantile(q float64) float64 {
	return float64(l.histogram.ValueAtQuantile(100*q)) / 1e6
}

// merge adds the calls of another run.
func (l Latency) merge(other Latency) Latency {
	h := hdrhistogram.Import(l.histogram.Export())
	h.Merge(other.histogram)
	return newLatency(h)
}

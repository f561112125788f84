// Package hlog reads measured latencies from HdrHistogram logs (.hlog), which many load generators
// and servers write.
package hlog

import (
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/nines-sim/nines/sim/dist"
)

// Read returns the distribution, in seconds, of everything that the log counted, all its intervals
// and tags together. A log does not say in which unit its values are; it is often the nanosecond or
// the microsecond. A bucket of the histogram becomes its middle.
func Read(r io.Reader, unit time.Duration) (dist.Empirical, error) {
	if unit <= 0 {
		return dist.Empirical{}, fmt.Errorf("hlog: unit is %v, need a positive length of time", unit)
	}
	var values []float64
	var counts []uint64
	log := hdrhistogram.NewHistogramLogReader(r)
	for interval := 1; ; interval++ {
		h, err := log.NextIntervalHistogram()
		if err != nil {
			return dist.Empirical{}, fmt.Errorf("hlog: interval %d: %w", interval, err)
		}
		if h == nil {
			break
		}
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				middle := (float64(bar.From) + float64(bar.To)) / 2
				values = append(values, float64(middle*unit.Seconds()))
				counts = append(counts, uint64(bar.Count))
			}
		}
	}
	if values == nil {
		return dist.Empirical{}, fmt.Errorf("hlog: no histogram with a count was found, need an HdrHistogram log")
	}
	return dist.EmpiricalFromCounts(values, counts)
}

package hlog_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/nines-sim/nines/sim/dist/hlog"
)

func TestReadAllIntervals(t *testing.T) {
	var log bytes.Buffer
	w := hdrhistogram.NewHistogramLogWriter(&log)
	if err := w.OutputLogFormatVersion(); err != nil {
		t.Fatal(err)
	}
	for interval := range 4 { // 1 to 1000 µs, spread over four intervals
		h := hdrhistogram.New(1, 1e6, 3)
		for v := interval; v < 1000; v += 4 {
			if err := h.RecordValue(int64(v + 1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.OutputIntervalHistogram(h); err != nil {
			t.Fatal(err)
		}
	}
	d, err := hlog.Read(&log, time.Microsecond)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[float64]float64{0.001: 1e-6, 0.5: 500e-6, 0.99: 990e-6, 1: 1000e-6} {
		if got := d.Quantile(p); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %v is %v s, want %v s", p, got, want)
		}
	}
	if got := d.Mean(); math.Abs(got-500.5e-6) > 1e-9 {
		t.Errorf("mean is %v s, want 500.5 µs", got)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		log  string
		unit time.Duration
		want string
	}{
		{"", time.Second, "no histogram with a count was found"},
		{"a poem\nof two lines\n", time.Second, "no histogram with a count was found"},
		{"0.1,1.0,2.7,HISTnothing\n", time.Second, "interval 1"},
		{"\x00\x01\x02,\xff", time.Second, "no histogram with a count was found"},
		{"", 0, "unit is 0s, need a positive length of time"},
	} {
		_, err := hlog.Read(strings.NewReader(c.log), c.unit)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("log %q: error is %v, want %q in it", c.log, err, c.want)
		}
	}
}

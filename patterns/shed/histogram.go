package shed

import "time"

// A histogram counts lengths of time, in whole microseconds, by their first two digits: 90 bins for
// each power of ten, 1 % to 10 % wide. It is Envoy's, of openhistogram/libcircllhist.
type histogram struct {
	counts      [1 + 90*decades]int32 // the first is for 0
	total       int
	first, last int // bins in use, if total is more than 0
}

const decades = 13 // up to 10¹³ µs, 115 days; what is longer counts there

func (h *histogram) add(d time.Duration) {
	bin := binOf(d.Microseconds())
	if h.total == 0 {
		h.first, h.last = bin, bin
	}
	h.first, h.last = min(h.first, bin), max(h.last, bin)
	h.counts[bin]++
	h.total++
}

func (h *histogram) clear() {
	if h.total > 0 {
		clear(h.counts[h.first : h.last+1])
		h.total = 0
	}
}

// quantile returns the time below which a share of all is, as if each bin were filled evenly, cut to
// whole microseconds. It is 0 if there is none.
func (h *histogram) quantile(share float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	wanted := float64(float64(h.total) * share)
	below, upTo := 0.0, float64(h.counts[h.first])
	bin := h.first
	for bin < h.last && upTo < wanted {
		bin++
		below = upTo
		upTo += float64(h.counts[bin])
	}
	left, width := edges(bin)
	return time.Duration(left+float64((wanted-below)/(upTo-below)*width)) * time.Microsecond
}

// binOf returns the bin of a number of microseconds.
func binOf(micros int64) int {
	if micros <= 0 {
		return 0
	}
	decade := 0
	if micros < 10 {
		micros *= 10 // its second digit is behind the point
	} else {
		for decade = 1; micros >= 100; decade++ {
			micros /= 10
		}
	}
	if decade >= decades {
		return 90 * decades
	}
	return 1 + decade*90 + int(micros) - 10
}

// edges returns the lowest number of microseconds in a bin, and how wide the bin is.
func edges(bin int) (left, width float64) {
	if bin == 0 {
		return 0, 0
	}
	bin--
	width = 0.1
	for range bin / 90 {
		width = float64(width * 10)
	}
	return float64(float64(bin%90+10) * width), width
}

package report

import (
	"math"
	"strings"
)

// Bar draws a share of 0 to 1 as a bar of at most width characters, in steps of an
// eighth of a character. A share that is not zero shows at least the thinnest step.
func Bar(share float64, width int) string {
	eighths := int(math.Round(min(max(share, 0), 1) * float64(8*width)))
	if eighths == 0 && share > 0 && width > 0 {
		eighths = 1
	}
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return s
}

// Spark draws values as a line of small columns, between low (the lowest column) and
// high. A NaN is a space: nothing was measured. Any value below high shows as less than
// a full column, so that one bad minute in a good hour is seen.
func Spark(values []float64, low, high float64) string {
	columns := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			b.WriteRune(' ')
		case v >= high:
			b.WriteRune(columns[len(columns)-1])
		default:
			below := float64(len(columns) - 1)
			i := int(max((v-low)/(high-low), 0) * below)
			b.WriteRune(columns[min(i, len(columns)-2)])
		}
	}
	return b.String()
}

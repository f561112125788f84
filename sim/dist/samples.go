package dist

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// ReadSamples reads measured values, one a line: a number, or a length of time such as 12.5ms, which
// becomes seconds. Empty lines and what follows a # are left out. An error names the line.
func ReadSamples(r io.Reader) (Empirical, error) {
	var samples []float64
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		x, err := strconv.ParseFloat(text, 64)
		if err == nil {
			err = check("empirical", finite("value", x))
		}
		if err != nil {
			d, notDuration := time.ParseDuration(text)
			if notDuration != nil {
				return Empirical{}, fmt.Errorf("line %d: value is %.40q, need a number or a length of time such as 12.5ms", n, text)
			}
			x = d.Seconds()
		}
		samples = append(samples, x)
	}
	if err := lines.Err(); err != nil {
		return Empirical{}, fmt.Errorf("reading samples: %w", err)
	}
	return NewEmpirical(samples)
}

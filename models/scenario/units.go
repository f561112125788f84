package scenario

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// What is expected where a value of each unit stands.
const (
	wantDuration = "a length of time with its unit, such as 250ms, 10s, 5m, 2h, 30d or 2y"
	wantRatio    = "a ratio, such as 10% or 0.1"
	wantFactor   = "a factor, such as 5x"
	wantRate     = "a rate, such as 60/s"
	wantSpan     = "a span of time, such as 50ms..1s"
	wantCount    = "a number in a time, such as 3 in 2y or 100/s"
	wantLength   = "a length of time: 5ms, exp 5ms, {p50: 5ms, p99: 20ms}, {mean: 5ms, cv: 1.5, shape: gamma} or {file: measured.hlog}"
)

// timeUnits from the longest to the shortest.
var timeUnits = []struct {
	name string
	d    time.Duration
}{
	{"y", Year}, {"d", Day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
	{"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", time.Nanosecond},
}

// parseDuration reads numbers with units, "1.5s" or "1h30m". The error says what is wrong with it.
func parseDuration(text string) (time.Duration, error) {
	rest, sign := text, int64(1)
	if strings.HasPrefix(rest, "-") {
		rest, sign = rest[1:], -1
	}
	if rest == "" {
		return 0, fmt.Errorf("%q is not %s", text, wantDuration)
	}
	total := new(big.Rat)
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		number, ok := new(big.Rat).SetString(rest[:digits])
		if !ok {
			return 0, fmt.Errorf("%q is not %s", text, wantDuration)
		}
		rest = rest[digits:]
		letters := len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzµ"))
		unit := strings.Replace(rest[:letters], "µ", "u", 1)
		rest = rest[letters:]
		if unit == "" {
			return 0, fmt.Errorf("%s has no unit: expected %s", text, wantDuration)
		}
		found := false
		for _, u := range timeUnits {
			if u.name == unit {
				total.Add(total, number.Mul(number, new(big.Rat).SetInt64(int64(u.d))))
				found = true
			}
		}
		if !found {
			return 0, fmt.Errorf("%s has the unknown unit %q: expected ns, us, ms, s, m, h, d or y", text, unit)
		}
	}
	// To the nearest nanosecond.
	total.Add(total, big.NewRat(1, 2))
	ns := new(big.Int).Quo(total.Num(), total.Denom())
	if !ns.IsInt64() {
		return 0, fmt.Errorf("%s is longer than the 292 years that can be counted", text)
	}
	return time.Duration(sign * ns.Int64()), nil
}

// formatDuration writes d in the longest unit in which it is a whole number.
func formatDuration(d time.Duration) string {
	for _, u := range timeUnits {
		if d != 0 && d%u.d == 0 {
			return strconv.FormatInt(int64(d/u.d), 10) + u.name
		}
	}
	return "0s"
}

// formatNanoseconds writes a whole number of nanoseconds as a length of time.
func formatNanoseconds(r *big.Rat) string { return formatDuration(time.Duration(r.Num().Int64())) }

// parseNumber reads a decimal number without an exponent, shifted by ten to the power of shift.
func parseNumber(text string, shift int) (float64, bool) {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(text+"e"+strconv.Itoa(shift), 64)
	return v, err == nil && !math.IsInf(v, 0)
}

// formatNumber writes v shifted by ten to the power of shift, without an exponent.
func formatNumber(v float64, shift int) string {
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	e, _ := strconv.Atoi(exponent)
	shifted, _ := new(big.Rat).SetString(mantissa + "e" + strconv.Itoa(e+shift))
	_, fraction, _ := strings.Cut(mantissa, ".")
	s := shifted.FloatString(max(len(fraction)-e-shift, 0)) // exact: all places that can differ from 0
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func parseRatio(text string) (float64, error) {
	if number, ok := strings.CutSuffix(text, "%"); ok {
		if v, ok := parseNumber(number, -2); ok {
			return v, nil
		}
	} else if v, ok := parseNumber(text, 0); ok {
		if math.Abs(v) >= 1 {
			return 0, fmt.Errorf("%s could mean %s%% or %s: expected %s", text, text, formatNumber(v, 2)+"%", wantRatio)
		}
		return v, nil
	}
	return 0, fmt.Errorf("%q is not %s", text, wantRatio)
}

func formatRatio(v float64) string { return formatNumber(v, 2) + "%" }

func parseFactor(text string) (float64, error) {
	number, ok := strings.CutSuffix(text, "x")
	v, isNumber := parseNumber(number, 0)
	switch {
	case isNumber && ok:
		return v, nil
	case isNumber:
		return 0, fmt.Errorf("%s has no unit: expected %s", text, wantFactor)
	}
	return 0, fmt.Errorf("%q is not %s", text, wantFactor)
}

func formatFactor(v float64) string { return formatNumber(v, 0) + "x" }

func parseRate(text string) (float64, error) {
	number, unit, found := strings.Cut(text, "/")
	v, isNumber := parseNumber(number, 0)
	if isNumber && !found {
		return 0, fmt.Errorf("%s has no unit: expected %s", text, wantRate)
	}
	for _, u := range timeUnits {
		if isNumber && u.name == unit {
			return v / u.d.Seconds(), nil
		}
	}
	return 0, fmt.Errorf("%q is not %s", text, wantRate)
}

func formatRate(v float64) string { return formatNumber(v, 0) + "/s" }

func parseSpan(text string) (Span, error) {
	from, to, two := strings.Cut(text, "..")
	if !two {
		to = from
	}
	var s Span
	var err error
	if s.From, err = parseDuration(strings.TrimSpace(from)); err == nil {
		s.To, err = parseDuration(strings.TrimSpace(to))
	}
	switch {
	case err != nil:
		return s, fmt.Errorf("%s: expected %s", err, wantSpan)
	case s.From < 0 || s.To < s.From:
		return s, fmt.Errorf("%s goes backwards: expected %s", text, wantSpan)
	}
	return s, nil
}

// String writes the span as a file does.
func (s Span) String() string {
	if s.To == Unlimited {
		return formatDuration(s.From) + "..unlimited"
	}
	return formatDuration(s.From) + ".." + formatDuration(s.To)
}

func parseCount(text string) (Count, error) {
	number, span, in := strings.Cut(text, " in ")
	if !in { // 100/s is 100 in 1s
		if number, span, in = strings.Cut(text, "/"); in {
			span = "1" + span
		}
	}
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || !in {
		return Count{}, fmt.Errorf("%q is not %s", text, wantCount)
	}
	length, err := parseDuration(strings.TrimSpace(span))
	switch {
	case err != nil:
		return Count{}, fmt.Errorf("%s: expected %s", err, wantCount)
	case n < 0 || length <= 0:
		return Count{}, fmt.Errorf("%s is not possible: expected %s", text, wantCount)
	}
	return Count{n, length}, nil
}

// String writes the count as a file does.
func (c Count) String() string { return strconv.Itoa(c.N) + " in " + formatDuration(c.In) }

// String writes the length as a file does.
func (l Length) String() string { return l.node().flow() }

// node writes a length as a file does.
func (l Length) node() *node {
	n := &node{kind: mapping}
	put := func(key, text string) { n.fields = append(n.fields, field{key: key, value: scalarNode(text)}) }
	switch l.Form {
	case Exponential:
		return scalarNode("exp " + formatDuration(l.Mean))
	case Quantiles:
		put("p50", formatDuration(l.P50))
		put("p"+quantileName(l.At), formatDuration(l.High))
	case Shaped:
		put("mean", formatDuration(l.Mean))
		put("cv", formatNumber(l.CV, 0))
		put("shape", l.Shape)
	case Recorded:
		put("file", l.File)
		if l.Unit != "ns" {
			put("unit", l.Unit)
		}
	default:
		return scalarNode(formatDuration(l.Mean))
	}
	return n
}

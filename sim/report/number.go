package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// An Estimate is a value with the ends of its interval. Low = High = Value means that
// there is no interval.
type Estimate struct {
	Value, Low, High float64
}

// none is written where nothing is known.
const none = "–"

// Percent writes an availability in percent, without the sign, with as many digits as
// its interval supports: "99.988". An availability of exactly 1 means that no failure
// was seen. That is a bound and is written as one, ">99.97".
func (e Estimate) Percent() string {
	switch {
	case math.IsNaN(e.Value):
		return none
	case e.Value >= 1 && e.Low < 1:
		return ">" + atLeast(e.Low)
	}
	return percent(e.Value, e.decimals())
}

// PercentInterval writes the interval of an availability with the digits of
// [Estimate.Percent]: "[99.984, 99.991]". It is empty if there is none.
func (e Estimate) PercentInterval() string {
	if math.IsNaN(e.Value) || e.Low == e.High {
		return ""
	}
	if e.Value >= 1 {
		return "[" + atLeast(e.Low) + ", 100]"
	}
	d := e.decimals()
	return "[" + percent(e.Low, d) + ", " + highEnd(e.High, d) + "]"
}

// decimals returns how many decimals of a percentage mean something: those that half
// the interval reaches with one digit, with two if the first of them is a 1 (then one
// digit would round by up to a third). It is the rule of the Particle Data Group's
// reviews, simplified. Without an interval it is two digits of what is missing to 100 %.
func (e Estimate) decimals() int {
	half := 100 * (e.High - e.Low) / 2
	if half <= 0 {
		half = 100 * (1 - e.Value) / 20
	}
	if half <= 0 {
		return 0
	}
	lead, exponent := scientific(half)
	d := -exponent
	if lead == '1' {
		d++
	}
	return min(max(d, 0), most)
}

// scientific returns the first digit and the decimal exponent of v > 0. It reads them
// from v's decimal form: a logarithm's last bit differs between processors.
func scientific(v float64) (lead byte, exponent int) {
	s := strconv.FormatFloat(v, 'e', 1, 64)
	exponent, _ = strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	return s[0], exponent
}

// percent writes v in percent. What is below 1 never becomes "100": that would claim
// nines that are not there.
func percent(v float64, decimals int) string {
	s := strconv.FormatFloat(100*v, 'f', decimals, 64)
	if v < 1 && strings.HasPrefix(s, "100") {
		if decimals == 0 {
			return "99"
		}
		return "99." + strings.Repeat("9", decimals)
	}
	return s
}

// highEnd writes the upper end of an interval in percent. It has more decimals where it would become "100"
// without them, and be cut to "99.9": a target of 99.95 would seem to be missed.
func highEnd(v float64, decimals int) string {
	for v < 1 && decimals < most && strings.HasPrefix(strconv.FormatFloat(100*v, 'f', decimals, 64), "100") {
		decimals++
	}
	return percent(v, decimals)
}

// most is how many decimals of a percentage are written.
const most = 9

// atLeast writes a lower bound of an availability, rounded down to two digits of what
// is missing to 100 %.
func atLeast(low float64) string {
	missing := 100 * (1 - low)
	if missing <= 0 {
		return "100"
	}
	_, exponent := scientific(missing)
	decimals := min(max(1-exponent, 0), 9)
	unit := math.Pow10(-decimals)
	up := math.Ceil(missing/unit-1e-9) * unit
	return trimZeros(strconv.FormatFloat(100-up, 'f', decimals, 64))
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// Number writes v with four significant digits, without an exponent where people
// would not use one and without zeros at its end: 2050, 0.1234, 17.5. Digits before the
// point are never rounded away.
func Number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return none
	case math.IsInf(v, 0), a != 0 && a < 1e-6, a >= 1e12:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case a == 0:
		return "0"
	default:
		_, exponent := scientific(a)
		return trimZeros(strconv.FormatFloat(v, 'f', max(3-exponent, 0), 64))
	}
}

// Minutes writes bad minutes a year with the digits that people use: 2050, 63, 9.3,
// 0.42. What is not zero is never written as zero.
func Minutes(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return none
	case a == 0:
		return "0"
	case a < 0.005:
		return "<0.01"
	case a < 0.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a < 9.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return grouped(strconv.FormatFloat(v, 'f', 0, 64))
}

// grouped puts commas between the thousands of a number with at least five digits
// before its point.
func grouped(s string) string {
	whole, fraction := atPoint(s)
	sign := strings.TrimRight(whole, "0123456789")
	digits := whole[len(sign):]
	if len(digits) < 5 {
		return s
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits + fraction
}

// atPoint splits a number before its decimal point, on which columns are aligned.
func atPoint(s string) (whole, fraction string) {
	if i := strings.IndexByte(s, '.'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// Factor writes a multiple: "1.6×".
func Factor(v float64) string {
	if math.IsNaN(v) {
		return none
	}
	switch {
	case v >= 9.95:
		return strconv.FormatFloat(v, 'f', 0, 64) + "×"
	case v >= 0.995:
		return strconv.FormatFloat(v, 'f', 1, 64) + "×"
	}
	return strconv.FormatFloat(v, 'f', 2, 64) + "×"
}

// Duration writes a length of time for people: "850 µs", "410 ms", "1.25 s" with three
// significant digits below a minute, then "2m 5s", "3h 10m", "12d 4h".
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
	}
	short := func(unit time.Duration, name string) string {
		v := float64(d) / float64(unit)
		_, exponent := scientific(v)
		return trimZeros(strconv.FormatFloat(v, 'f', max(2-exponent, 0), 64)) + " " + name
	}
	long := func(big, small time.Duration, b, s string) string {
		d := d.Round(small)
		if rest := d % big / small; rest > 0 {
			return fmt.Sprintf("%d%s %d%s", d/big, b, rest, s)
		}
		return fmt.Sprintf("%d%s", d/big, b)
	}
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return "0"
	case d < time.Microsecond:
		return short(time.Nanosecond, "ns")
	case d < time.Millisecond:
		return short(time.Microsecond, "µs")
	case d < 999500*time.Microsecond:
		return short(time.Millisecond, "ms")
	case d < 59950*time.Millisecond:
		return short(time.Second, "s")
	case d < time.Hour-500*time.Millisecond:
		return long(time.Minute, time.Second, "m", "s")
	case d < day-30*time.Second:
		return long(time.Hour, time.Minute, "h", "m")
	}
	return long(day, time.Hour, "d", "h")
}

package sim

import (
	"math"
	"time"
)

// A Time is an instant of simulated time: nanoseconds since the start of the run.
// Lengths of time are [time.Duration].
type Time int64

// Never is later than every instant that a run can reach.
const Never Time = math.MaxInt64

// Add returns the instant d after t. It stops at [Never] instead of wrapping around.
func (t Time) Add(d time.Duration) Time {
	u := t + Time(d)
	if d > 0 && u < t {
		return Never
	}
	return u
}

// Sub returns the length of time from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Seconds returns t in seconds, for reports; never for deciding an order.
func (t Time) Seconds() float64 { return time.Duration(t).Seconds() }

// String writes t as a length of time since the start of the run: "2m3.5s".
func (t Time) String() string {
	if t == Never {
		return "never"
	}
	return time.Duration(t).String()
}

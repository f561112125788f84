package oracle

import (
	"time"

	"pgregory.net/rapid"
)

// A throttleStep is calls that ask to be made, or calls that end. Those that end need not have asked: what
// a throttle knows are the results.
type throttleStep struct {
	Wait wait
	What throttleEvent
	Many int
}

type throttleEvent int

const (
	asks throttleEvent = iota
	succeeds
	fails
)

var throttleSteps = steps(rapid.Custom(func(t *rapid.T) throttleStep {
	return throttleStep{waits.Draw(t, "wait"), oneOf(t, "what", asks, asks, asks, succeeds, succeeds, fails, fails, fails), oneOf(t, "many", 1, 1, 2, 3)}
}))

// throttleLengths are those of a window of so many buckets.
func throttleLengths(bucket time.Duration, buckets int) []time.Duration {
	window := bucket * time.Duration(buckets)
	return []time.Duration{0, 0, 0, 0, 0, 0, bucket, bucket, bucket / 3, 2 * bucket, window - bucket, window, window + bucket, 10 * window, bucket / 2, 0}
}

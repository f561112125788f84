// Package bucket holds tokens that come at a constant rate.
package bucket

import (
	"math"
	"time"

	"github.com/nines-sim/nines/sim"
)

// A Bucket holds tokens up to a capacity. Tokens come continuously, at a constant rate, and may be
// taken before they are there: then the bucket owes them.
//
// All arithmetic is exact. A rate of l tokens every p nanoseconds, reduced to lowest terms, is kept
// as l credits a nanosecond, and a token is p credits: nothing is ever rounded, however many tokens
// come and go. The zero Bucket is not usable; see [New].
type Bucket struct {
	rate     int64 // credits that come in a nanosecond
	token    int64 // credits of one token
	capacity int64 // credits that fit
	credits  int64 // at last; negative if the bucket owes
	last     sim.Time
}

// limit is the largest number of credits that a bucket holds, or owes. Sums of two stay in int64.
const limit = math.MaxInt64 / 4

// Fits reports whether a [Bucket] can count so many tokens of a rate exactly.
func Fits(tokens int64, every time.Duration, capacity int64) bool {
	if tokens < 1 || every < 1 || capacity < 1 {
		return false
	}
	return capacity <= limit/(int64(every)/gcd(tokens, int64(every)))
}

// New returns a bucket to which so many tokens come every so often. It is full at start. It panics if
// the rate or the capacity is not positive, or if they are too large to be counted: see [Fits].
func New(tokens int64, every time.Duration, capacity int64, start sim.Time) Bucket {
	if !Fits(tokens, every, capacity) {
		panic("bucket: rate or capacity is not positive, or too large to be counted")
	}
	g := gcd(tokens, int64(every))
	b := Bucket{rate: tokens / g, token: int64(every) / g, last: start}
	b.capacity = capacity * b.token
	b.credits = b.capacity
	return b
}

// Wait returns how long from now on it takes until n tokens are there, if nobody takes any. It is
// the longest Duration if they are more than can be owed.
func (b *Bucket) Wait(now sim.Time, n int64) time.Duration {
	b.advance(now)
	if n > limit/b.token {
		return math.MaxInt64
	}
	missing := n*b.token - b.credits
	switch {
	case missing <= 0:
		return 0
	case missing > limit:
		return math.MaxInt64
	}
	return time.Duration((missing-1)/b.rate + 1)
}

// Take takes n tokens at now, those that are not there yet too. It panics if they are more than can
// be owed, for which [Bucket.Wait] has no end.
func (b *Bucket) Take(now sim.Time, n int64) {
	b.advance(now)
	if n > limit/b.token || n*b.token-b.credits > limit {
		panic("bucket: more tokens are taken than can be owed")
	}
	b.credits -= n * b.token
}

// Give puts n tokens into the bucket, less those that come in the time used. What does not fit is lost;
// if nothing is left, nothing happens.
func (b *Bucket) Give(n int64, used time.Duration) {
	if n > limit/b.token || int64(used) > limit/b.rate {
		return
	}
	credits := n*b.token - int64(used)*b.rate
	if credits <= 0 {
		return
	}
	b.credits = min(b.credits+credits, b.capacity)
}

// Span returns how long n tokens take to come, rounded down.
func (b *Bucket) Span(n int64) time.Duration {
	if n > limit/b.token {
		return math.MaxInt64
	}
	return time.Duration(n * b.token / b.rate)
}

// Tokens returns how many tokens there are at now, for reports. It is negative if the bucket owes.
func (b *Bucket) Tokens(now sim.Time) float64 {
	b.advance(now)
	return float64(b.credits) / float64(b.token)
}

// advance adds what has come since. A clock that was set back stands still until it has caught up.
func (b *Bucket) advance(now sim.Time) {
	passed := int64(now.Sub(b.last))
	if passed <= 0 {
		return
	}
	b.last = now
	if passed > (b.capacity-b.credits)/b.rate {
		b.credits = b.capacity
		return
	}
	b.credits += passed * b.rate
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

package retry

import (
	"fmt"
	"math"
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
)

// A Jitter spreads retries over time, so that clients that failed together do not come back
// together.
type Jitter uint8

// The jitters of Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
// U(a, b) is uniform, e the exponential back-off of that retry.
const (
	None         Jitter = iota // e
	Full                       // U(0, e)
	Equal                      // e/2 + U(0, e/2)
	Decorrelated               // min(Max, U(First, 3 times the previous wait)), which is First at first; Factor plays no part
	jitters
)

var jitterNames = [jitters]string{"none", "full", "equal", "decorrelated"}

func (j Jitter) String() string {
	if j < jitters {
		return jitterNames[j]
	}
	return fmt.Sprintf("jitter %d", uint8(j))
}

// A Backoff says how long to wait before each retry: min(Max, First·Factorⁿ⁻¹) before the n-th,
// with jitter. The cap comes before the jitter, which is therefore not lost at the cap.
type Backoff struct {
	First  time.Duration // before the first retry; 0: no wait at all
	Max    time.Duration // the longest wait; 0: no limit
	Factor float64       // by which it grows; 1: constant
	Jitter Jitter
}

// DefaultBackoff returns 50 ms that double up to 1 s, with full jitter. The AWS SDKs begin with
// 50 ms too (their 2026 mode) but go up to 20 s; callers with a person behind them do not wait so long.
func DefaultBackoff() Backoff {
	return Backoff{First: 50 * time.Millisecond, Max: time.Second, Factor: 2, Jitter: Full}
}

// Constant returns a back-off that always waits d.
func Constant(d time.Duration) Backoff { return Backoff{First: d, Factor: 1} }

// Validate names every field that makes no sense.
func (b Backoff) Validate() error {
	f := check.Of("retry")
	b.check(f)
	return f.Err()
}

func (b Backoff) check(f *check.Fields) {
	f.Need(b.First >= 0, "Backoff.First", b.First, "0 or more")
	f.Need(b.Max == 0 || b.Max >= b.First, "Backoff.Max", b.Max, "0, or at least First")
	f.Need(b.Factor >= 1 && b.Factor <= math.MaxFloat64, "Backoff.Factor", b.Factor, "1 or more")
	f.Need(b.Jitter < jitters, "Backoff.Jitter", b.Jitter, "none, full, equal or decorrelated")
}

// Delay returns the wait before the n-th retry (n = 1, 2, ...) of a call that waited previous
// before its last one. u is the luck, from [0, 1).
func (b Backoff) Delay(n int, previous time.Duration, u float64) time.Duration {
	switch b.Jitter {
	case Full:
		return scale(b.exponential(n), u)
	case Equal:
		whole := b.exponential(n)
		half := whole / 2
		return whole - half + scale(half, u)
	case Decorrelated:
		if previous == 0 {
			previous = b.First
		}
		return min(b.First+scale(3*previous-b.First, u), b.limit())
	default:
		return b.exponential(n)
	}
}

// exponential returns min(Max, First·Factorⁿ⁻¹).
func (b Backoff) exponential(n int) time.Duration {
	wait := float64(b.First)
	for range n - 1 {
		wait *= b.Factor
	}
	if limit := b.limit(); wait >= float64(limit) {
		return limit
	}
	return time.Duration(wait)
}

// forever is longer than any run, and three times it does not overflow.
const forever = time.Duration(1 << 61)

func (b Backoff) limit() time.Duration {
	if b.Max == 0 {
		return forever
	}
	return b.Max
}

func scale(d time.Duration, u float64) time.Duration { return time.Duration(float64(d) * u) }

package retry

import (
	"fmt"
	"math"
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim/dist"
)

// A Growth says how the waits of a call grow.
type Growth uint8

// The growths, of the wait before the n-th retry.
const (
	Exponential Growth = iota // by Factor each time; not at all if that is 1
	Linear                    // by Step each time
	Fibonacci                 // as 1, 1, 2, 3, 5, 8, ...
	Polynomial                // as 1, 2, 3, 4, ... to the power of Factor
	growths
)

var growthNames = [growths]string{"exponential", "linear", "fibonacci", "polynomial"}

func (g Growth) String() string {
	if g < growths {
		return growthNames[g]
	}
	return fmt.Sprintf("growth %d", uint8(g))
}

// A Backoff says how long to wait before each retry: a wait that grows, up to Max, with jitter.
type Backoff struct {
	First  time.Duration `nines:"-,in=backoff"`        // before the first retry; 0: no wait at all
	Max    time.Duration `nines:"-,in=backoff"`        // the longest wait; 0: no limit
	Growth Growth        `nines:"growth"`              // how waits grow
	Factor float64       `nines:"factor,factor,min=0"` // by which it grows, or to which power
	Step   time.Duration `nines:"step,none"`           // by which it grows each time, if growth is linear

	Jitter     Jitter        `nines:"jitter"`             // how waits are spread; e is the wait as it has grown, and U(a, b) anything from a to b
	Spread     float64       `nines:"spread,ratio,min=0"` // share of the wait, of jitter proportional and upward
	Width      time.Duration `nines:"width,none"`         // of jitter around
	CapLast    bool          `nines:"cap_last"`           // the longest wait is applied after the jitter; false: before, so that waits of that length are spread too, and may exceed it
	FlatCap    bool          `nines:"flat_cap"`           // the longest wait has no jitter (aws-sdk-go-v2 until 2026)
	FirstExact bool          `nines:"first_exact"`        // the first wait has no jitter (Finagle)

	Grain time.Duration `nines:"grain,none"` // waits are cut down to whole multiples of this, as they grow too; 0: nanoseconds
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
	f.Need(b.Growth < growths, "Backoff.Growth", b.Growth, "exponential, linear, fibonacci or polynomial")
	f.Need(b.Growth != Exponential || b.Jitter.grows() || b.Factor >= 1 && b.Factor <= math.MaxFloat64, "Backoff.Factor", b.Factor, "1 or more")
	f.Need(b.Growth != Polynomial || b.Jitter.grows() || b.Factor >= 0 && b.Factor <= 100, "Backoff.Factor", b.Factor, "0 to 100")
	f.Need(b.Step >= 0, "Backoff.Step", b.Step, "0 or more")
	f.Need(b.Jitter < jitters, "Backoff.Jitter", b.Jitter, "a jitter")
	f.Need(b.Spread >= 0 && (b.Spread <= 1 || b.Jitter == Upward && b.Spread <= 100), "Backoff.Spread", b.Spread, "0 to 1")
	f.Need(b.Width >= 0, "Backoff.Width", b.Width, "0 or more")
	f.Need(b.Grain >= 0, "Backoff.Grain", b.Grain, "0 or more")
}

// Waits are where a call is in its back-off. The zero Waits are its beginning.
type Waits struct {
	Made     int           // waits so far
	Previous time.Duration // the last of them
	phase    float64       // of PollyJitter: what the waits so far should add up to
}

// Next returns the next wait of a call. u is the luck, from [0, 1).
func (b *Backoff) Next(w *Waits, u float64) time.Duration {
	w.Made++
	d := min(b.jittered(w, u), forever)
	if b.CapLast {
		d = min(d, b.limit())
	}
	if b.Grain > 0 {
		d -= d % b.Grain
	}
	w.Previous = d
	return d
}

// grown returns the n-th wait without jitter, and without Max if that comes last.
func (b *Backoff) grown(n int) time.Duration {
	limit := b.limit()
	if b.CapLast {
		limit = forever
	}
	wait := float64(b.First)
	if b.First == 0 && b.Growth != Linear {
		return 0
	}
	switch b.Growth {
	case Exponential:
		for i := 1; i < n && wait < float64(limit); i++ {
			wait *= b.Factor
			if b.Grain > 0 && wait < float64(limit) {
				wait = float64(time.Duration(wait) / b.Grain * b.Grain)
			}
		}
	case Linear:
		wait += float64(float64(n-1) * float64(b.Step))
	case Fibonacci:
		before := 0.0
		for i := 1; i < n && wait < float64(limit); i++ {
			before, wait = wait, before+wait
		}
	case Polynomial:
		wait *= dist.Pow(float64(n), b.Factor)
	}
	if wait >= float64(limit) {
		return limit
	}
	return time.Duration(wait)
}

// forever is longer than any run, and three times it does not overflow.
const forever = time.Duration(1 << 61)

func (b *Backoff) limit() time.Duration {
	if b.Max == 0 {
		return forever
	}
	return b.Max
}

// scale returns d·u, at most forever: what does not fit an integer differs between processors.
func scale(d time.Duration, u float64) time.Duration {
	return time.Duration(min(float64(d)*u, float64(forever)))
}

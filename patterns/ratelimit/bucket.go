package ratelimit

import (
	"time"

	"github.com/nines-sim/nines/patterns/internal/bucket"
	"github.com/nines-sim/nines/sim"
)

// A tokenBucket is golang.org/x/time/rate: it is full at first, permits may be booked before their
// tokens have come, and no more than burst at once. Where that counts tokens in floats and cuts waits to
// whole nanoseconds, this one is exact and rounds them up: a token is there when it is used.
type tokenBucket struct {
	bucket bucket.Bucket
	burst  int64
	latest sim.Time // for which permits were booked last
}

func (b *tokenBucket) reserve(now, last sim.Time, n int64) sim.Time {
	if n > b.burst {
		return sim.Never
	}
	at := now.Add(b.bucket.Wait(now, n))
	if at <= last {
		b.bucket.Take(now, n)
		b.latest = at
	}
	return at
}

// cancel restores the tokens less those booked after them: who waits behind keeps its place. The tokens
// booked since are those that come from r's instant to the latest.
func (b *tokenBucket) cancel(now sim.Time, r Reservation) {
	b.bucket.Give(r.n, b.latest.Sub(r.At))
	if r.At == b.latest {
		if before := r.At.Add(-b.bucket.Span(r.n)); before >= now {
			b.latest = before
		}
	}
}

// A refill gets quantum tokens at every whole period since the start, and holds up to a capacity; it is
// full at first. Permits may be booked of fillings to come. It is juju/ratelimit's Bucket; with the
// capacity of one filling it is resilience4j's AtomicRateLimiter and failsafe-go's bursty limiter.
type refill struct {
	keeps
	start    sim.Time
	period   time.Duration
	quantum  int64
	capacity int64
	tick     int64 // the filling up to which tokens are counted
	tokens   int64 // negative if those of later fillings are booked
}

// at returns which filling was the last before now.
func (f *refill) at(now sim.Time) int64 { return int64(now.Sub(f.start) / f.period) }

func (f *refill) reserve(now, last sim.Time, n int64) sim.Time {
	f.fill(f.at(now))
	at := now
	if missing := n - f.tokens; missing > 0 {
		fillings := (missing-1)/f.quantum + 1
		at = f.start.Add(times(f.period, f.tick+fillings))
	}
	if at <= last {
		f.tokens -= n
	}
	return at
}

func (f *refill) fill(tick int64) {
	fillings := tick - f.tick
	f.tick = tick
	if fillings > (f.capacity-f.tokens)/f.quantum {
		f.tokens = f.capacity
		return
	}
	f.tokens += fillings * f.quantum
}

package ratelimit

import (
	"math/bits"
	"time"

	"github.com/nines-sim/nines/sim"
)

// A fixedWindow allows limit calls in each period of the clock, whenever the client started. What is a
// limit of 100 an hour lets 200 through in the two minutes around the full hour. A call that waits is
// booked in a later window.
type fixedWindow struct{ refill }

func (w *fixedWindow) reserve(now, last sim.Time, n int64) sim.Time {
	if n > w.capacity {
		return sim.Never
	}
	return w.refill.reserve(now, last, n)
}

// A slidingLog remembers the instants of the last limit calls: a call may be made when the one limit
// before it is a period old. It is exact, at the price of its memory.
type slidingLog struct {
	keeps
	period        time.Duration
	log           []sim.Time // a ring, of those after which full becomes true
	next          int        // where the oldest is
	full          bool
	countRejected bool
}

func (s *slidingLog) reserve(now, last sim.Time, n int64) sim.Time {
	size := len(s.log)
	if n > int64(size) {
		return sim.Never
	}
	at := now
	if i := s.next + int(n) - 1; s.full || i >= size { // the newest of those that make room
		at = max(at, s.log[i%size].Add(s.period))
	}
	switch {
	case at <= last:
		s.add(at, n)
	case s.countRejected:
		s.add(now, n)
	}
	return at
}

func (s *slidingLog) add(at sim.Time, n int64) {
	for range n {
		s.log[s.next] = at
		if s.next++; s.next == len(s.log) {
			s.next, s.full = 0, true
		}
	}
}

// A slidingCounter estimates the calls of the last period from those of the present window of the clock
// and a share of those of the window before, as if they had come evenly: Cloudflare's approximation
// (blog.cloudflare.com/counting-things-a-lot-of-different-things). It needs two counters, which can be
// kept elsewhere, and never lets through more than the estimate allows.
//
// It counts at the instant of the newest booking: nothing is booked before that, since those who wait
// are served in order.
type slidingCounter struct {
	keeps
	period        time.Duration
	limit         int64
	newest        sim.Time // booking
	window        int64    // of the newest booking
	before, count int64    // calls of the window before that, and of that window
	countRejected bool
}

func (s *slidingCounter) reserve(now, last sim.Time, n int64) sim.Time {
	if n > s.limit {
		return sim.Never
	}
	at := max(now, s.newest)
	window, before, count := s.slide(at)
	fits := earliest(at, s.period, s.limit-n, window, before, count)
	switch {
	case fits <= last:
		s.window, s.before, s.count = s.slide(fits)
		s.newest = fits
		s.count += n
	case s.countRejected:
		s.window, s.before, s.count = window, before, count+n
		s.newest = at
	}
	return fits
}

// slide returns the counters as they are at an instant from the newest booking on.
func (s *slidingCounter) slide(at sim.Time) (window, before, count int64) {
	window = int64(at) / int64(s.period)
	switch window - s.window {
	case 0:
		return window, s.before, s.count
	case 1:
		return window, s.count, 0
	}
	return window, 0, 0
}

// earliest returns the first instant from at on at which the estimate is no more than most:
// before*(period-elapsed)/period + count <= most. Nothing is counted meanwhile. The window is that of at.
func earliest(at sim.Time, period time.Duration, most, window, before, count int64) sim.Time {
	length := int64(period)
	for {
		room := most - count
		switch {
		case before <= room:
			return at
		case room >= 0: // before falls to room in this window, or at its end
			return max(at, sim.Time((window+1)*length-share(room, length, before)))
		}
		window, before, count = window+1, count, 0
	}
}

// share returns part/whole of a number, rounded down. The part is less than the whole.
func share(part, of, whole int64) int64 {
	hi, lo := bits.Mul64(uint64(part), uint64(of))
	result, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(result)
}

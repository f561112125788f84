package ratelimit

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Wrap returns next behind this limiter; several calls may share it. Time is the kernel's, as if on a
// monotonic clock. Who gives up while it waits gives its permit back, as far as [Limiter.Cancel] can; who
// is killed does not.
func (l *Limiter) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		now := p.Sim().Now()
		wait := l.cfg.Wait
		if l.cfg.ByDeadline {
			wait = untilDeadline(p, req, wait)
		}
		r, ok := l.Reserve(now, 1, wait)
		if !ok {
			return patterns.Response{}, l.reject(p, now, r.At)
		}
		if r.At > now {
			if err := p.Sleep(r.At.Sub(now)); err != nil {
				l.Cancel(p.Sim().Now(), r)
				return patterns.Response{}, err
			}
		}
		return next(p, req)
	}
}

// untilDeadline returns the shorter of a wait, negative if it has no limit, and the time until nobody
// cares for the call any more.
func untilDeadline(p *sim.Process, req patterns.Request, wait time.Duration) time.Duration {
	at, _ := p.Deadline() // Never if there is none
	if req.Deadline != 0 {
		at = min(at, req.Deadline)
	}
	if at == sim.Never {
		return wait
	}
	left := max(at.Sub(p.Now()), 0)
	if wait < 0 {
		return left
	}
	return min(wait, left)
}

// reject ends a call that asked at now and could have had its permit at an instant that is too late.
func (l *Limiter) reject(p *sim.Process, now, at sim.Time) error {
	if l.cfg.SlowReject {
		if err := p.Sleep(l.cfg.Wait); err != nil {
			return err
		}
		now = p.Sim().Now()
	}
	return rejection(l.rejected, l.cfg.RetryAfter, now, at)
}

// rejection returns the error of a call that is rejected at now, and could be made at an instant.
func rejection(e *patterns.Error, say bool, now, at sim.Time) error {
	if !say || at <= now {
		return e
	}
	told := *e
	told.RetryAfter = at.Sub(now)
	return &told
}

// kind is what a rejection is: a caller's own, or a server's.
func kind(server bool) patterns.Kind {
	if server {
		return patterns.Overloaded
	}
	return patterns.Rejected
}

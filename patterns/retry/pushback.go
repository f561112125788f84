package retry

import (
	"fmt"
	"time"

	"github.com/nines-sim/nines/patterns"
)

// A Pushback says what comes of a server's wish not to be called again before some time has passed
// ([patterns.Error.RetryAfter]: the header Retry-After, grpc-retry-pushback-ms). A wish of less than 0 is
// a wish not to be called again at all.
type Pushback uint8

// What comes of a server's wish.
const (
	AtLeast  Pushback = iota // the longer of the wish and the wait
	Ignored                  // nothing
	Instead                  // the wish in place of the wait, which begins anew after it: gRPC
	Between                  // the wish, but no less than the wait and no more than PushbackSlack above it: the AWS SDKs of 2026
	Jittered                 // from the wish to half as much again, in place of the wait: Envoy's rate_limited_retry_back_off
	pushbacks
)

var pushbackNames = [pushbacks]string{"at least", "ignored", "instead", "between", "jittered"}

func (p Pushback) String() string {
	if p < pushbacks {
		return pushbackNames[p]
	}
	return fmt.Sprintf("pushback %d", uint8(p))
}

// wait returns how long a call waits after a failure. u is its luck.
func (r *Retry) wait(call *State, failure *patterns.Error, u float64) time.Duration {
	cfg := &r.cfg
	wish := failure.RetryAfter
	if wish == 0 || cfg.PushbackMax > 0 && wish > cfg.PushbackMax {
		return r.backoff(failure.Kind).Next(&call.waits, u)
	}
	switch cfg.Pushback {
	case Instead:
		call.waits = Waits{}
		return wish
	case Jittered:
		return wish + scale(wish/2, u)
	}
	delay := r.backoff(failure.Kind).Next(&call.waits, u)
	switch cfg.Pushback {
	case AtLeast:
		delay = max(delay, wish)
	case Between:
		delay = min(max(delay, wish), delay+cfg.PushbackSlack)
	}
	return delay
}

// never reports whether the server wishes not to be called again.
func (r *Retry) never(failure *patterns.Error) bool {
	return failure.RetryAfter < 0 && r.cfg.Pushback != Ignored
}

// backoff returns the waits after a failure of a kind.
func (r *Retry) backoff(after patterns.Kind) *Backoff {
	if after == patterns.Overloaded {
		return &r.throttled
	}
	return &r.cfg.Backoff
}

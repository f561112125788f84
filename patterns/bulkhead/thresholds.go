package bulkhead

import (
	"errors"
	"math"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// The causes of a rejection by [Thresholds].
var (
	ErrPending  = errors.New("too many requests wait for a connection")
	ErrRequests = errors.New("too many requests are under way")
	ErrRetries  = errors.New("too many retries are under way")
)

// ThresholdsConfig says how much of everything there may be.
type ThresholdsConfig struct {
	Name        string // in deadlock reports: "orders.payment"
	Connections int    // to the dependency
	Streams     int    // requests at once on a connection: 1 for HTTP/1.1, a hundred for HTTP/2
	Pending     int    // requests that may wait for a connection; 0: none
	Requests    int    // requests under way, however many connections there are
	Retries     int    // retries under way or waiting for a connection; 0: none
}

// Validate names every field that makes no sense.
func (c ThresholdsConfig) Validate() error {
	f := check.Of("bulkhead")
	f.Need(c.Connections >= 1 && c.Connections <= 1e9, "Connections", c.Connections, "1 to 1,000,000,000")
	f.Need(c.Streams >= 1 && c.Streams <= 1e9, "Streams", c.Streams, "1 to 1,000,000,000")
	f.Need(c.Pending >= 0, "Pending", c.Pending, "0 or more")
	f.Need(c.Requests >= 1, "Requests", c.Requests, "1 or more")
	f.Need(c.Retries >= 0, "Retries", c.Retries, "0 or more")
	return f.Err()
}

// ThresholdCounts says what [Thresholds] did so far.
type ThresholdCounts struct {
	Entered  uint64 // calls let through, at once or after a wait
	Pending  uint64 // calls rejected because too many waited for a connection
	Requests uint64 // calls rejected because too many requests were under way
	Retries  uint64 // calls rejected because too many retries were under way
}

// Thresholds are what Envoy calls a circuit breaker: limits on the connections, the waiting requests,
// the requests and the retries of one client to one dependency. With HTTP/1.1 connections are what
// requests wait for; with HTTP/2 one of them holds many, and a request beyond Requests is rejected at once.
//
// They protect as a [Bulkhead] does. They take no time to connect, and are for all replicas together, of
// which Envoy would connect to each at least once. Retries count while they are under way; a budget of
// package retry counts their waits too, as Envoy does, and leaves the call its own error.
type Thresholds struct {
	cfg                         ThresholdsConfig
	streams                     *sim.Resource
	retries                     int
	pending, requests, retrying error
	counts                      ThresholdCounts
}

// NewThresholds returns thresholds that nothing has come near to. It panics if the configuration is not
// valid.
func NewThresholds(cfg ThresholdsConfig, s *sim.Simulation) *Thresholds {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	rejected := func(cause error) error {
		return &patterns.Error{Kind: patterns.Rejected, Layer: "bulkhead", Cause: cause}
	}
	return &Thresholds{
		cfg:     cfg,
		streams: sim.NewResource(s, "bulkhead "+cfg.Name, int(min(int64(cfg.Connections)*int64(cfg.Streams), math.MaxInt32)), sim.FIFO),
		pending: rejected(ErrPending), requests: rejected(ErrRequests), retrying: rejected(ErrRetries),
	}
}

// Counts returns what happened so far.
func (b *Thresholds) Counts() ThresholdCounts { return b.counts }

// InUse returns how many requests are under way, Waiting how many wait, Retries how many of both are
// retries.
func (b *Thresholds) InUse() int   { return b.streams.InUse() }
func (b *Thresholds) Waiting() int { return b.streams.Waiting() }
func (b *Thresholds) Retries() int { return b.retries }

// Wrap returns next behind these thresholds; several calls to one dependency may share them. A call that
// is not let through is [patterns.Rejected].
func (b *Thresholds) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if req.Attempt > 1 {
			if b.retries >= b.cfg.Retries {
				b.counts.Retries++
				return patterns.Response{}, b.retrying
			}
			b.retries++
			defer func() { b.retries-- }()
		}
		if err := b.enter(p); err != nil {
			return patterns.Response{}, err
		}
		b.counts.Entered++
		defer b.streams.Release(1)
		return next(p, req)
	}
}

// enter takes a stream, waiting for it if that is allowed.
func (b *Thresholds) enter(p *sim.Process) error {
	inUse := b.streams.InUse()
	switch {
	case inUse < b.streams.Units() && inUse >= b.cfg.Requests: // looked at only if there is a stream
		b.counts.Requests++
		return b.requests
	case b.streams.TryAcquire(1):
		return nil
	case b.streams.Waiting() >= b.cfg.Pending:
		b.counts.Pending++
		return b.pending
	}
	return b.streams.Acquire(p, 1, 0)
}

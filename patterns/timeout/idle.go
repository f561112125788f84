package timeout

import (
	"errors"
	"slices"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// ErrIdle is the cause of a timeout: nothing has come for too long.
var ErrIdle = errors.New("idle for too long")

// IdleConfig says how long a call may go without a sign of life.
type IdleConfig struct {
	Layer string        // what it is called in errors: "idle"
	After time.Duration // between two signs of life, or the beginning and the first
}

// DefaultIdleConfig returns five minutes, as Envoy's stream_idle_timeout has it.
func DefaultIdleConfig() IdleConfig { return IdleConfig{Layer: "idle", After: 5 * time.Minute} }

// Validate names every field that makes no sense.
func (c IdleConfig) Validate() error {
	f := check.Of("timeout")
	f.Need(c.Layer != "", "Layer", `""`, "a name")
	f.Need(c.After > 0, "After", c.After, "more than 0")
	return f.Err()
}

// An Idle gives up on a call of which nothing has been heard for a while: Envoy's stream_idle_timeout
// and per_try_idle_timeout. Whoever receives the parts of an answer says so by [Idle.Progress].
//
// It protects the caller from a server that has gone silent, and lets one take its time that has much to
// say. It pays with answers that stopped for a moment only. A call that says nothing until it is over
// has an ordinary timeout in it.
type Idle struct {
	cfg   IdleConfig
	calls []*watched // under way
	spare []*watched
	late  error
}

// watched is a call under way, and the timer that ends it.
type watched struct {
	p     *sim.Process
	scope sim.Scope
	timer sim.Timer
}

// NewIdle returns an idle timeout. It panics if the configuration is not valid.
func NewIdle(cfg IdleConfig) *Idle {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Idle{cfg: cfg, late: &patterns.Error{Kind: patterns.Timeout, Layer: cfg.Layer, Maybe: true, Cause: ErrIdle}}
}

// Progress says that something has come for the call that p makes. It does nothing for a process that
// makes none.
func (t *Idle) Progress(p *sim.Process) {
	for i := len(t.calls) - 1; i >= 0; i-- { // the innermost, if calls are nested
		if t.calls[i].p == p {
			t.calls[i].timer.Stop()
			t.watch(t.calls[i])
			return
		}
	}
}

// Wrap returns next with this limit; several calls may share it.
func (t *Idle) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		w := t.begin(p)
		defer t.end(w) // even if the caller is killed
		resp, err := next(p, req)
		if err != nil && w.scope.Ended(err) {
			err = t.late
		}
		return resp, err
	}
}

func (t *Idle) begin(p *sim.Process) *watched {
	var w *watched
	if n := len(t.spare); n > 0 {
		w = t.spare[n-1]
		t.spare = t.spare[:n-1]
	} else {
		w = new(watched)
	}
	*w = watched{p: p, scope: p.WithCancel()}
	t.watch(w)
	t.calls = append(t.calls, w)
	return w
}

func (t *Idle) end(w *watched) {
	w.timer.Stop()
	w.scope.Close()
	i := slices.Index(t.calls, w)
	t.calls = slices.Delete(t.calls, i, i+1)
	t.spare = append(t.spare, w)
}

// watch sets the timer of a call.
func (t *Idle) watch(w *watched) {
	w.timer = w.p.Group().AtCall(w.p.Now().Add(t.cfg.After), silent, w)
}

func silent(w any) { w.(*watched).scope.Cancel(ErrIdle) }

package sim

import (
	"errors"
	"time"
)

// The causes of an [Ended] scope that the kernel gives itself.
var (
	ErrDeadline  = errors.New("deadline passed")
	ErrCancelled = errors.New("cancelled")
)

// Ended is the error of a wait that was cut short because a scope around it ended. Ask
// [Scope.Ended] whether it was yours; if not, pass the error on. Once its scope is closed it still
// says why, but no longer which scope it was: a later scope may say the same with the same Ended.
type Ended struct {
	Cause error // ErrDeadline, or what Cancel was given
}

func (e *Ended) Error() string { return "scope ended: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *Ended) Unwrap() error { return e.Cause }

// A Scope is a stretch of a process's code that can end early: by its deadline, or by Cancel. Once
// it has ended, every wait inside it returns its [*Ended] error, until it is closed. Scopes nest,
// and are closed in reverse order. If several have ended, waits report the outermost.
type Scope struct {
	sc *scope
	id uint64
}

type scope struct {
	p        *Process
	id       uint64
	deadline Time // on the group's clock; Never if it has none
	timer    Timer
	ended    *Ended // nil while it has not
	said     *Ended // what it said when it ended last: never changed, so that whoever kept it can read it
}

// WithDeadline opens a scope that ends when the group's clock shows t.
func (p *Process) WithDeadline(t Time) Scope { return p.open(t) }

// WithTimeout opens a scope that ends when d has passed.
func (p *Process) WithTimeout(d time.Duration) Scope { return p.open(p.Now().Add(d)) }

// WithCancel opens a scope that ends when it is cancelled.
func (p *Process) WithCancel() Scope { return p.open(Never) }

func (p *Process) open(deadline Time) Scope {
	var sc *scope
	if n := len(p.spare); n > 0 {
		sc = p.spare[n-1]
		p.spare = p.spare[:n-1]
	} else {
		sc = new(scope)
	}
	sc.p, sc.deadline, sc.ended = p, deadline, nil
	sc.id++
	// An outer scope with an earlier deadline ends before this one can.
	if deadline < Never {
		if outer, ok := p.Deadline(); !ok || deadline < outer {
			sc.timer = p.group.AtCall(max(deadline, p.Now()), deadlinePassed, sc)
		}
	}
	p.scopes = append(p.scopes, sc)
	return Scope{sc, sc.id}
}

func deadlinePassed(sc any) { sc.(*scope).end(ErrDeadline) }

// end ends the scope. Every scope inside it is as good as ended.
func (sc *scope) end(cause error) {
	if sc.ended != nil {
		return
	}
	p := sc.p
	// Deadlines pass often, and what is cancelled is so for the same reason: nothing new is allocated to say it.
	if own := cause == ErrDeadline || cause == ErrCancelled; !own || sc.said == nil || sc.said.Cause != cause {
		sc.said = &Ended{cause}
	}
	sc.ended = sc.said
	p.endedIn++
	if p.waiting && !p.decided {
		p.cut(p.Err())
	}
}

// Close ends the scope's stretch of code. It panics if a scope inside it is still open.
func (s Scope) Close() {
	sc := s.sc
	if sc == nil || sc.id != s.id {
		return // closed already, or of a process that was unwound
	}
	p := sc.p
	if p.killed {
		return
	}
	if n := len(p.scopes) - 1; n < 0 || p.scopes[n] != sc {
		panic("sim: " + p.label() + " closes a scope before the scopes inside it")
	} else {
		p.scopes = p.scopes[:n]
	}
	if sc.ended != nil {
		p.endedIn--
	}
	sc.abandon()
	p.spare = append(p.spare, sc)
}

// abandon makes every handle on the scope stale.
func (sc *scope) abandon() {
	sc.timer.Stop()
	sc.timer, sc.ended = Timer{}, nil
	sc.id++
}

// Cancel ends the scope early, with [ErrCancelled] if cause is nil. Anybody may call it.
func (s Scope) Cancel(cause error) {
	if s.sc == nil || s.sc.id != s.id || s.sc.p.killed {
		return
	}
	if cause == nil {
		cause = ErrCancelled
	}
	s.sc.end(cause)
}

// Ended reports whether err says that this very scope has ended.
func (s Scope) Ended(err error) bool {
	if err == nil || s.sc == nil || s.sc.id != s.id || s.sc.ended == nil {
		return false
	}
	e, ok := errors.AsType[*Ended](err)
	return ok && e == s.sc.ended
}

// Deadline returns the earliest deadline among the open scopes of the process.
func (p *Process) Deadline() (t Time, ok bool) {
	t = Never
	for _, sc := range p.scopes {
		t = min(t, sc.deadline)
	}
	return t, t < Never
}

// Err returns the error that waits return because a scope has ended, or nil.
func (p *Process) Err() error {
	if p.endedIn == 0 {
		return nil
	}
	for _, sc := range p.scopes {
		if sc.ended != nil {
			return sc.ended
		}
	}
	return nil
}

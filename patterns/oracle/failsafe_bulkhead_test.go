package oracle

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	failsafebulkhead "github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A failsafeBulkhead is the settings that both are made from.
type failsafeBulkhead struct {
	Concurrent int
	Wait       time.Duration
	Calls      []heldCall
}

// A heldCall is a call that takes a while. No two things happen at one instant: which of them the library
// sees first is then left to chance. So every call comes a nanosecond of its own after a whole microsecond,
// and everything takes whole microseconds, but for Patience, which takes half a one more.
type heldCall struct {
	After    time.Duration // the call before
	Takes    time.Duration
	Patience time.Duration // 0: no end
}

func (f failsafeBulkhead) theirs() *diary {
	var (
		d = new(diary)
		c = startClock()
		b = failsafebulkhead.NewBuilder[any](uint(f.Concurrent)).WithMaxWaitTime(f.Wait).Build()
		g sync.WaitGroup
	)
	for i, x := range f.Calls {
		time.Sleep(x.After + 1)
		g.Go(func() {
			ctx, end := context.WithCancel(context.Background())
			defer end()
			if x.Patience > 0 {
				ctx, end = context.WithTimeout(ctx, x.Patience+500)
				defer end()
			}
			err := failsafe.With(b).WithContext(ctx).RunWithExecution(func(e failsafe.Execution[any]) error {
				d.note(c.now(), "call %d enters", i)
				select {
				case <-time.After(x.Takes):
				case <-e.Canceled():
				}
				d.note(c.now(), "call %d leaves", i)
				return nil
			})
			if errors.Is(err, failsafebulkhead.ErrFull) {
				d.note(c.now(), "call %d is rejected", i)
			}
		})
	}
	g.Wait()
	return d
}

func (f failsafeBulkhead) ours(all seen) (*diary, error) {
	d := new(diary)
	cfg := bulkhead.FailsafeGo(f.Concurrent)
	if f.Wait > 0 {
		cfg.Wait, cfg.Waiting = f.Wait, bulkhead.Unlimited
	}
	err := simulate(func(s *sim.Simulation) {
		b := bulkhead.New(cfg, s)
		at := s.Now()
		for i, x := range f.Calls {
			at = at.Add(x.After + 1)
			call := b.Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
				d.note(p.Now(), "call %d enters", i)
				if p.Now() > at {
					all["entered after a wait"]++
				} else {
					all["entered at once"]++
				}
				if p.Sleep(x.Takes) != nil {
					all["cancelled inside"]++
				}
				d.note(p.Now(), "call %d leaves", i)
				return patterns.Response{}, nil
			})
			s.At(at, func() {
				s.Go("caller", func(p *sim.Process) {
					if x.Patience > 0 {
						scope := p.WithTimeout(x.Patience + 500)
						defer scope.Close()
					}
					_, err := call(p, patterns.Request{})
					switch _, rejected := err.(*patterns.Error); {
					case rejected:
						d.note(p.Now(), "call %d is rejected", i)
						all["rejected: "+errors.Unwrap(err).Error()]++
					case err != nil:
						all["cancelled while it waited"]++
					}
				})
			})
		}
	})
	return d, err
}

func (f failsafeBulkhead) play(all seen) error {
	ours, err := f.ours(all)
	if err != nil {
		return err
	}
	return differ(ours, f.theirs())
}

func TestFailsafeBulkhead(t *testing.T) {
	micros := func(t *rapid.T, label string, n int) time.Duration {
		return time.Duration(evenly(t, n, label)) * time.Microsecond
	}
	bulkheads := rapid.Custom(func(t *rapid.T) failsafeBulkhead {
		return failsafeBulkhead{
			oneOf(t, "concurrent", 1, 1, 2, 3), oneOf[time.Duration](t, "wait", 0, 1, 2, 5) * time.Microsecond,
			steps(rapid.Custom(func(t *rapid.T) heldCall {
				c := heldCall{micros(t, "after", 4), micros(t, "takes", 8), 0}
				if evenly(t, 4, "hurry") == 0 {
					c.Patience = micros(t, "patience", 4)
				}
				return c
			})).Draw(t, "calls"),
		}
	})
	compare(t, bulkheads, failsafeBulkhead.play, "entered at once", "entered after a wait", "cancelled inside",
		"cancelled while it waited", "rejected: "+bulkhead.ErrFull.Error(), "rejected: "+bulkhead.ErrWaited.Error())
}

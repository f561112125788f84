package oracle

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A failsafeHedge is the settings that both are made from.
type failsafeHedge struct {
	Delays  []time.Duration // before each hedge; less than 0: it is not sent
	AnyEnds bool            // the first result of any kind; else failures do not end a call (CancelIf)
	Budget  bool            // all calls share one, of Share and Min
	Share   float64
	Min     int
	Calls   []hedgedCall
}

// A hedgedCall is a call and what its copies are to meet. No two things happen at one instant, but that
// copies without a delay begin: calls come 20 ns of their own after a whole microsecond, copies end a
// few of their own before or after that, and patience takes half a microsecond more.
type hedgedCall struct {
	After    time.Duration // the call before
	Patience time.Duration // 0: no end
	Copies   []hedgedCopy
}

type hedgedCopy struct {
	Takes time.Duration
	End   ending
}

const perCall = 20 * time.Nanosecond

// copyError is how a copy ends badly.
type copyError struct {
	n   int
	end ending
}

func (e copyError) Error() string { return fmt.Sprintf("%d %v", e.n, e.end) }

func (f failsafeHedge) theirs() (_ *diary, denied int) {
	var (
		d      = new(diary)
		c      = startClock()
		g      sync.WaitGroup
		refuse atomic.Int32
		b      = hedgepolicy.NewBuilderWithDelayFunc(func(e failsafe.ExecutionAttempt[int]) time.Duration {
			return f.Delays[min(e.Hedges(), len(f.Delays)-1)]
		}).WithMaxHedges(len(f.Delays))
	)
	if !f.AnyEnds {
		b.CancelIf(func(_ int, err error) bool { e, ok := err.(copyError); return !ok || e.end != failure })
	}
	if f.Budget {
		b.WithBudget(budget.NewBuilder().WithMaxRate(f.Share).WithMinConcurrency(uint(f.Min)).
			OnBudgetExceeded(func(budget.ExceededEvent) { refuse.Add(1) }).Build())
	}
	h := b.Build()
	for i, x := range f.Calls {
		time.Sleep(x.After + perCall)
		g.Go(func() {
			ctx, end := context.WithCancel(context.Background())
			defer end()
			if x.Patience > 0 {
				ctx, end = context.WithTimeout(ctx, x.Patience+500)
				defer end()
			}
			var sent atomic.Int32
			n, err := failsafe.With(h).WithContext(ctx).GetWithExecution(func(e failsafe.Execution[int]) (int, error) {
				n := int(sent.Add(1))
				d.note(c.now(), "copy %d of call %d begins", n, i)
				select {
				case <-time.After(x.Copies[n-1].Takes):
				case <-e.Canceled():
					d.note(c.now(), "copy %d of call %d is cancelled", n, i)
					return n, e.Context().Err()
				}
				if how := x.Copies[n-1].End; how != success {
					return n, copyError{n, how}
				}
				return n, nil
			})
			var how copyError
			switch {
			case errors.As(err, &how):
				d.note(c.now(), "call %d ends: copy %v", i, how)
			case err == nil:
				d.note(c.now(), "call %d ends: copy %d %v", i, n, success)
			}
		})
	}
	g.Wait()
	synctest.Wait() // for copies that have just been cancelled
	return d, int(refuse.Load())
}

func (f failsafeHedge) config() hedge.Config {
	cfg := hedge.FailsafeGo(f.Delays[0])
	cfg.Attempts = 1 + len(f.Delays)
	for _, d := range f.Delays {
		if d != f.Delays[0] || d < 0 {
			cfg.Mode, cfg.Delay, cfg.Delays = hedge.Dynamic, 0, f.Delays
		}
	}
	if !f.AnyEnds {
		cfg.On, cfg.OnFailure = patterns.KindsOf(patterns.Failed), hedge.InTurn
	}
	if f.Budget {
		cfg.Budget = retry.ConcurrencyConfig{Share: f.Share, Min: f.Min, PerCall: true}
	}
	return cfg
}

func (f failsafeHedge) ours(all seen) (_ *diary, denied int, _ error) {
	d := new(diary)
	err := simulate(func(s *sim.Simulation) {
		h := hedge.New(f.config(), s.Now(), nil)
		at := s.Now()
		for i, x := range f.Calls {
			at = at.Add(x.After + perCall)
			sent := 0
			call := h.Wrap(func(p *sim.Process, _ patterns.Request) (patterns.Response, error) {
				sent++
				n := sent
				d.note(p.Now(), "copy %d of call %d begins", n, i)
				resp := patterns.Response{From: strconv.Itoa(n)}
				if err := p.Sleep(x.Copies[n-1].Takes); err != nil {
					d.note(p.Now(), "copy %d of call %d is cancelled", n, i)
					return resp, err
				}
				if how := x.Copies[n-1].End; how != success {
					return resp, how.ours(0)
				}
				return resp, nil
			})
			s.At(at, func() {
				s.Go("caller", func(p *sim.Process) {
					if x.Patience > 0 {
						scope := p.WithTimeout(x.Patience + 500)
						defer scope.Close()
					}
					resp, err := call(p, patterns.Request{ID: uint64(i + 1)})
					how := success
					switch e, failed := err.(*patterns.Error); {
					case failed && e.Kind == patterns.Failed:
						how = failure
					case failed:
						how = final
					case err != nil:
						all["cancelled"]++
						return
					}
					d.note(p.Now(), "call %d ends: copy %s %v", i, resp.From, how)
					switch n, _ := strconv.Atoi(resp.From); {
					case n < sent && how == success:
						all["an earlier copy wins"]++
					case n > 1 && how == success:
						all["the last copy wins"]++
					case n > 1 && how == failure:
						all["fails as a hedge did"]++
					case n == 1 && sent > 1 && how == failure:
						all["fails as the first copy did, after hedges"]++
					}
				})
			})
		}
		s.RunUntilIdle()
		counts := h.Counts()
		all["hedges"] += int(counts.Hedges)
		all["denied"] += int(counts.Denied)
		all["copies cancelled"] += int(counts.Cancelled)
		denied = int(counts.Denied)
	})
	return d, denied, err
}

func (f failsafeHedge) play(all seen) error {
	ours, denied, err := f.ours(all)
	if err != nil {
		return err
	}
	theirs, refused := f.theirs()
	if err := differ(ours, theirs); err != nil {
		return err
	}
	if denied != refused {
		return fmt.Errorf("%v%d hedges are denied, of theirs %d", ours, denied, refused)
	}
	return nil
}

var failsafeHedges = rapid.Custom(func(t *rapid.T) failsafeHedge {
	f := failsafeHedge{AnyEnds: rapid.Bool().Draw(t, "anyEnds")}
	hedges := oneOf(t, "hedges", 1, 1, 2, 4)
	delay := time.Duration(evenly(t, 4, "delay")) * time.Microsecond
	mixed := evenly(t, 4, "mixed") == 0
	for range hedges {
		f.Delays = append(f.Delays, delay)
		if mixed {
			delay = time.Duration(evenly(t, 5, "delay")-1) * time.Microsecond
		}
	}
	if evenly(t, 2, "budget") == 0 {
		f.Budget, f.Share, f.Min = true, oneOf(t, "share", 0.2, 0, 0.5, 1), evenly(t, 4, "min")
		for i := range f.Delays { // else which of the copies that begin at once is the first, and is not in the budget, is left to chance
			f.Delays[i] = max(f.Delays[i], time.Microsecond)
		}
	}
	f.Calls = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) hedgedCall {
		c := hedgedCall{After: time.Duration(evenly(t, 4, "after")) * time.Microsecond}
		if evenly(t, 4, "hurry") == 0 && (f.AnyEnds || !f.Budget) { // see TestFailsafeHedgeKeepsCallers
			c.Patience = time.Duration(evenly(t, 8, "patience")) * time.Microsecond
		}
		for n := range hedges + 1 {
			off := oneOf[time.Duration](t, "off", -1, 1) * time.Duration(n+1)
			c.Copies = append(c.Copies, hedgedCopy{
				time.Duration(1+evenly(t, 8, "takes"))*time.Microsecond + off, oneOf(t, "end", success, failure, failure, final),
			})
		}
		return c
	}), 1, 24).Draw(t, "calls")
	return f
})

func TestFailsafeHedge(t *testing.T) {
	compare(t, failsafeHedges, failsafeHedge.play, "hedges", "denied", "copies cancelled", "cancelled",
		"an earlier copy wins", "the last copy wins", "fails as a hedge did", "fails as the first copy did, after hedges")
}

// A caller that gives up while no copy is under way, since all have failed and the next is not due, is
// kept by failsafe-go until that would be sent. Ours goes at once. So the instants at which such callers
// go are not compared, and where they keep a budget busy, they are patient.
func TestFailsafeHedgeKeepsCallers(t *testing.T) {
	inBubble(t, func() error {
		h := hedgepolicy.NewBuilderWithDelay[int](time.Second).CancelIf(func(_ int, err error) bool { return err == nil }).Build()
		ctx, end := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer end()
		c := startClock()
		failsafe.With(h).WithContext(ctx).Get(func() (int, error) { return 0, errFailed })
		if c.now() != sim.Time(time.Second) {
			t.Errorf("it goes after %v: the reason to leave this out is gone", c.now())
		}
		return nil
	})
}

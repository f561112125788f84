package hedge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A copy is what will happen to one copy.
type copied struct {
	takes time.Duration
	err   *patterns.Error // nil: success
}

// A verdict is what happened to a call.
type verdict struct {
	Sent   []sim.Time
	At     sim.Time
	Copy   int // that decided it; 0: the call did not end
	Failed bool
	Maybe  bool
	Counts hedge.Counts
}

// expect says what must happen to a call that begins at zero, by looking at all copies again after each
// of its steps. The tokens are those of the budget.
func expect(cfg hedge.Config, tokens *int, copies []copied) (v verdict) {
	type state struct {
		end   sim.Time
		ended bool
	}
	var all []state
	maybe, closed := false, cfg.Attempts == 1
	next := sim.Never
	v.Counts.Calls = 1
	send := func(now sim.Time) {
		if len(all) > 0 {
			if *tokens == 0 {
				closed, next = true, sim.Never
				v.Counts.Denied++
				return
			}
			*tokens--
			v.Counts.Hedges++
		}
		all = append(all, state{end: now.Add(copies[len(all)].takes)})
		v.Sent = append(v.Sent, now)
		closed = closed || len(all) == cfg.Attempts
		next = sim.Never
		if closed {
			return
		}
		switch n := len(all); cfg.Mode {
		case hedge.Fixed:
			next = now.Add(cfg.Delay)
		case hedge.Dynamic:
			if d := cfg.Delays[min(n-1, len(cfg.Delays)-1)]; d >= 0 {
				next = now.Add(d)
			}
		}
	}
	underWay := func() (n int) {
		for _, c := range all {
			if !c.ended {
				n++
			}
		}
		return n
	}
	decide := func(now sim.Time, i int) verdict {
		v.At, v.Copy = now, i+1
		v.Counts.Cancelled = uint64(underWay())
		if err := copies[i].err; err != nil {
			v.Failed = true
			if cfg.KeepFirst && cfg.On.Match(err) {
				v.Copy = 1
			}
			v.Maybe = copies[v.Copy-1].err.Maybe || maybe || underWay() > 0
		} else if i > 0 {
			v.Counts.Won = 1
		}
		return v
	}
	send(0)
	last := 0
	for {
		// What happens first: a copy ends, or the next one is due?
		first := -1
		for i, c := range all {
			if !c.ended && (first < 0 || c.end < all[first].end) {
				first = i
			}
		}
		if first < 0 && next == sim.Never {
			return v
		}
		if first < 0 || next < all[first].end {
			now := next
			if send(now); underWay() == 0 {
				return decide(now, last)
			}
			continue
		}
		now, err := all[first].end, copies[first].err
		all[first].ended = true
		if err == nil || !cfg.On.Match(err) {
			maybe = maybe || err != nil && err.Maybe
			return decide(now, first)
		}
		last = first
		maybe = maybe || err.Maybe
		switch {
		case closed:
		case cfg.Pushback && err.RetryAfter < 0:
			closed, next = true, sim.Never
		case cfg.Pushback && err.RetryAfter > 0:
			next = now.Add(err.RetryAfter)
		case cfg.OnFailure == hedge.Hurry:
			send(now)
		case cfg.OnFailure == hedge.Wait && underWay() == 0:
			closed, next = true, sim.Never
		}
		if underWay() == 0 && next == sim.Never {
			return decide(now, first)
		}
	}
}

// What happens to a call of copies with given fates is what the slow model says.
func TestAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "attempts")
		ms := func(name string, low, high int) time.Duration { // no two instants are the same
			return time.Duration(rapid.IntRange(low, high).Draw(t, name)) * time.Millisecond
		}
		cfg := hedge.Config{
			Attempts:  n,
			Mode:      rapid.SampledFrom([]hedge.Mode{hedge.Fixed, hedge.Fixed, hedge.Dynamic, hedge.Fallback}).Draw(t, "mode"),
			Delay:     ms("delay", 0, 100) + 17*time.Microsecond,
			On:        rapid.SampledFrom([]patterns.Kinds{0, patterns.Transient, patterns.KindsOf(patterns.Failed)}).Draw(t, "on"),
			OnFailure: hedge.Then(rapid.IntRange(0, 2).Draw(t, "then")),
			Pushback:  rapid.Bool().Draw(t, "pushback"),
			KeepFirst: rapid.Bool().Draw(t, "keep first"),
		}
		switch cfg.Mode {
		case hedge.Fallback:
			cfg.OnFailure = hedge.Hurry
		case hedge.Dynamic:
			for i := range rapid.IntRange(1, 3).Draw(t, "delays") {
				cfg.Delays = append(cfg.Delays, ms("delay", -20, 80)+time.Duration(31+i)*time.Microsecond)
			}
		}
		tokens := rapid.IntRange(0, 9).Draw(t, "tokens")
		cfg.Budget = retry.TokensConfig{Capacity: float64(tokens)}
		var calls [][]copied
		for range rapid.IntRange(1, 4).Draw(t, "calls") {
			var copies []copied
			for i := range n {
				c := copied{takes: ms("takes", 0, 250) + time.Duration(i*i*i+1)*time.Nanosecond}
				if rapid.IntRange(0, 3).Draw(t, "succeeds") > 0 {
					c.err = &patterns.Error{
						Kind:  rapid.SampledFrom([]patterns.Kind{patterns.Failed, patterns.Failed, patterns.Overloaded, patterns.Conflict}).Draw(t, "kind"),
						Maybe: rapid.Bool().Draw(t, "maybe"), Layer: fmt.Sprint(i + 1),
						RetryAfter: rapid.SampledFrom([]time.Duration{0, 0, 0, -1, 70*time.Millisecond + 5}).Draw(t, "retry after"),
					}
				}
				copies = append(copies, c)
			}
			calls = append(calls, copies)
		}
		pause := rapid.Bool().Draw(t, "pause") // so that all that is left of a call has ended before the next

		var want, got []verdict
		var counts hedge.Counts
		for _, copies := range calls {
			v := expect(cfg, &tokens, copies)
			want = append(want, v)
			counts = sum(counts, v.Counts)
		}
		_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
			h := hedge.New(cfg, s.Now(), nil)
			underWay, start := 0, sim.Time(0)
			call := h.Wrap(func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
				v := &got[req.ID]
				fate := calls[req.ID][len(v.Sent)]
				v.Sent = append(v.Sent, p.Now()-start)
				underWay++
				defer func() { underWay-- }()
				resp := patterns.Response{Value: uint64(len(v.Sent))}
				if err := p.Sleep(fate.takes); err != nil {
					return resp, err
				}
				if fate.err != nil {
					return resp, fate.err
				}
				return resp, nil
			})
			s.Go("caller", func(p *sim.Process) {
				for i := range calls {
					got = append(got, verdict{})
					start = p.Now()
					before := h.Counts()
					resp, err := call(p, patterns.Request{ID: uint64(i)})
					v := &got[i]
					v.At, v.Copy, v.Failed = p.Now()-start, int(resp.Value), err != nil
					if e, ok := err.(*patterns.Error); ok {
						v.Maybe = e.Maybe
					}
					v.Counts = sum(h.Counts(), before, -1)
					if pause {
						p.Sleep(time.Second)
					}
				}
			})
			s.RunUntilIdle()
			if underWay != 0 || h.Counts() != counts {
				t.Fatalf("%d copies are still under way; %+v, want %+v", underWay, h.Counts(), counts)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v, calls %+v\nmodel, hedge:\n%s", cfg, calls, diff)
		}
	})
}

// sum returns a + b, or with a sign of -1 their difference.
func sum(a, b hedge.Counts, sign ...int) hedge.Counts {
	k := uint64(1)
	if len(sign) > 0 {
		k = uint64(sign[0])
	}
	return hedge.Counts{
		Calls: a.Calls + k*b.Calls, Hedges: a.Hedges + k*b.Hedges, Denied: a.Denied + k*b.Denied,
		Won: a.Won + k*b.Won, Cancelled: a.Cancelled + k*b.Cancelled,
	}
}

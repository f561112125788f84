package theory_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/models/theory"
	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// tally makes n calls, ten a second, of which the first do not count, and returns the share that
// succeeds and the number of attempts that a call made.
func tally(w *world, call func(attempt patterns.Policy) patterns.Call, n, warmup int) []float64 {
	good, attempts, counting := 0.0, 0.0, false
	counted := call(policy(func(next patterns.Call) patterns.Call {
		return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
			if counting {
				attempts++
			}
			return next(p, req)
		}
	}))
	w.calls(warmup+n, 10, func(p *sim.Process, i int, req patterns.Request) {
		counting = i >= warmup
		if _, err := counted(p, req); err == nil && i >= warmup {
			good++
		}
	})
	return []float64{good / float64(n), attempts / float64(n)}
}

// policy makes a Policy of a func.
type policy func(next patterns.Call) patterns.Call

func (f policy) Wrap(next patterns.Call) patterns.Call { return f(next) }

// retries tries again without a wait.
func retries(w *world, attempts int, budget retry.Budget) patterns.Policy {
	cfg := retry.DefaultConfig()
	cfg.Attempts, cfg.Backoff = attempts, retry.Constant(0)
	return retry.New(cfg, w.s.Keyed("retry"), budget)
}

// Attempts that fail on their own: because the service answers with an error, because the answer takes
// too long, or because the request or the answer is lost on the way.
func TestSimulatedRetries(t *testing.T) {
	t.Parallel()
	failing := func(p float64) func(*world) patterns.Call {
		return func(w *world) patterns.Call { return w.flaky(p) }
	}
	for _, c := range []struct {
		theory.Retry
		why    string
		server func(w *world) patterns.Call
	}{
		{theory.Retry{Failure: 0.5, Attempts: 3}, "errors", failing(0.5)},
		{theory.Retry{Failure: 0.5, Attempts: 4}, "errors", failing(0.5)},
		{theory.Retry{Failure: 0.1, Attempts: 3}, "errors", failing(0.1)},
		{theory.Retry{Failure: 0.01, Attempts: 4}, "errors", failing(0.01)},
		{theory.Retry{Failure: 0.2, Attempts: 4}, "errors", failing(0.2)},
		{theory.Retry{Failure: 0.3, Attempts: 4}, "errors", failing(0.3)},
		{theory.Retry{Failure: 0.7, Attempts: 4}, "errors", failing(0.7)},
		{theory.Retry{Failure: 0.9, Attempts: 4}, "errors", failing(0.9)},
		{theory.Retry{Failure: math.Exp(-1), Attempts: 3}, "timeouts", func(w *world) patterns.Call {
			return timeout.New(timeout.Attempt(time.Second)).Wrap(w.external(exponential(1)).Call(w.via, w.here))
		}},
		{theory.Retry{Failure: 1 - 0.8*0.7, Attempts: 3}, "losses", func(w *world) patterns.Call {
			clients := network.Part{Clients: true}
			w.net.Impair(network.Between{From: clients, To: clients.Rest(), OneWay: true}, network.Impairment{Loss: 0.2})
			w.net.Impair(network.Between{From: clients.Rest(), To: clients, OneWay: true}, network.Impairment{Loss: 0.3})
			return timeout.New(timeout.Attempt(time.Millisecond)).Wrap(w.flaky(0))
		}},
	} {
		t.Run(fmt.Sprintf("%d attempts, %.3g %s", c.Attempts, c.Failure, c.why), func(t *testing.T) {
			all := replicate(t, 20, func(w *world) []float64 {
				server := c.server(w)
				return tally(w, func(count patterns.Policy) patterns.Call {
					return patterns.Chain(retries(w, c.Attempts, nil), count).Wrap(server)
				}, 4000, 0)
			})
			succeed(t, all[0], c.Success())
			agree(t, "attempts", all[1], c.Load(), 0.01)
		})
	}
}

// succeed holds the share of calls that succeed to the exact one: where not one call in a million fails, to 1.
func succeed(t *testing.T, shares []float64, exact float64) {
	t.Helper()
	if exact < 1-1e-6 {
		agree(t, "success", shares, exact, 0.01)
	} else if least := slices.Min(shares); least < 1 {
		t.Errorf("of the calls of a run %v succeed, want all", least)
	}
}

func TestSimulatedTokenRetries(t *testing.T) {
	t.Parallel()
	for _, failure := range []float64{0.01, 0.2, 0.3, 0.5, 0.7, 0.9} {
		want := theory.TokenRetry{Retry: theory.Retry{Failure: failure, Attempts: 4}, Deposit: 0.1}
		t.Run(fmt.Sprintf("%v fail", failure), func(t *testing.T) {
			all := replicate(t, 20, func(w *world) []float64 {
				server := w.flaky(failure)
				return tally(w, func(count patterns.Policy) patterns.Call {
					return patterns.Chain(retries(w, want.Attempts, retry.NewTokens(retry.DefaultTokensConfig())), count).Wrap(server)
				}, 8000, 500) // the bucket is full at first
			})
			agree(t, "attempts", all[1], want.Load(), 0.01)
			succeed(t, all[0], want.Success())
		})
	}
}

// Where the share of calls that fail is what a success puts in, the bucket is neither full nor empty, and how
// large it is matters. There is no formula, but a simulation elsewhere, of 400,000 calls. The larger bucket is
// full at first, and is empty after a quarter of them.
func TestSimulatedTokenRetriesAtTheEdge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		capacity, success, attempts float64
		runs, calls                 int
	}{{10, 0.9860, 1.0968, 20, 20_000}, {1000, 0.9920, 1.1017, 2, 400_000}} {
		t.Run(fmt.Sprint(c.capacity, " tokens"), func(t *testing.T) {
			cfg := retry.DefaultTokensConfig()
			cfg.Capacity = c.capacity
			all := replicate(t, c.runs, func(w *world) []float64 {
				server := w.flaky(0.1)
				return tally(w, func(count patterns.Policy) patterns.Call {
					return patterns.Chain(retries(w, 4, retry.NewTokens(cfg)), count).Wrap(server)
				}, c.calls, 0)
			})
			for i, want := range []float64{c.success, c.attempts} {
				mean, se := meanSE(all[i])
				t.Logf("%.4f ± %.4f, elsewhere %.4f", mean, se, want)
				if math.Abs(mean-want) > 0.003*want {
					t.Errorf("%.4f ± %.4f, want %.4f within 0.3 %%", mean, se, want)
				}
			}
		})
	}
}

func TestSimulatedBreaker(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		theory.Breaker
		calls int // of each run
	}{
		{theory.Breaker{Failure: 0.5, Trip: 5, Lambda: 10, Open: 5}, 8000},
		{theory.Breaker{Failure: 0.3, Trip: 5, Lambda: 10, Open: 5}, 60_000},
		{theory.Breaker{Failure: 0.2, Trip: 3, Lambda: 100, Open: 10}, 160_000},
		{theory.Breaker{Failure: 0.9, Trip: 5, Lambda: 10, Open: 5}, 60_000},
	} {
		t.Run(fmt.Sprintf("%v fail", c.Failure), func(t *testing.T) {
			all := replicate(t, 20, func(w *world) []float64 {
				b := breaker.New(breaker.Consecutive(c.Trip, dist.Seconds(c.Open)))
				call := b.Wrap(w.flaky(c.Failure))
				good := 0.0
				w.calls(c.calls, c.Lambda, func(p *sim.Process, _ int, req patterns.Request) {
					if _, err := call(p, req); err == nil {
						good++
					}
				})
				return []float64{float64(b.Counts().Rejected) / float64(c.calls), good / float64(c.calls)}
			})
			agree(t, "rejected", all[0], c.Rejected(), 0.03)
			agree(t, "success", all[1], c.Success(), 0.03)
		})
	}
}

// The same by the state machine alone, which can be asked more often: how many calls it takes to open, too,
// and gobreaker's defaults, with which 99 of 100 calls are turned away.
func TestBreakerCycles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		theory.Breaker
		cfg    breaker.Config
		cycles int // of each run: from closed to closed
	}{
		{theory.Breaker{Failure: 0.5, Trip: 5, Lambda: 10, Open: 5}, breaker.Consecutive(5, 5*time.Second), 500},
		{theory.Breaker{Failure: 0.3, Trip: 5, Lambda: 10, Open: 5}, breaker.Consecutive(5, 5*time.Second), 500},
		{theory.Breaker{Failure: 0.2, Trip: 3, Lambda: 100, Open: 10}, breaker.Consecutive(3, 10*time.Second), 300},
		{theory.Breaker{Failure: 0.9, Trip: 5, Lambda: 10, Open: 5}, breaker.Consecutive(5, 5*time.Second), 500},
		{theory.Breaker{Failure: 0.5, Trip: 6, Lambda: 100, Open: 60}, breaker.Gobreaker(), 200},
	} {
		t.Run(fmt.Sprintf("%v fail, %v in a row", c.Failure, c.Trip), func(t *testing.T) {
			gap := exponential(1 / c.Lambda)
			all := replicate(t, 20, func(w *world) []float64 {
				gaps, luck := w.s.Stream("gaps"), w.s.Stream("failures")
				b, now, good, calls, closed := breaker.New(c.cfg), w.s.Now(), 0.0, 0.0, 0.0
				for done := 0; done < c.cycles; {
					now = now.Add(dist.Duration(gap, &gaps))
					calls++
					before := b.State(now)
					permit, err := b.Allow(now)
					if err != nil {
						continue
					}
					if before == breaker.Closed {
						closed++
					}
					outcome := breaker.Failure
					if !luck.Chance(c.Failure) {
						outcome = breaker.Success
						good++
					}
					b.Done(now, permit, outcome)
					if before == breaker.HalfOpen && outcome == breaker.Success {
						done++
					}
				}
				return []float64{closed / float64(c.cycles), float64(b.Counts().Rejected) / calls, good / calls}
			})
			agree(t, "calls until it opens", all[0], c.CallsUntilTrip(), 0.02)
			agree(t, "rejected", all[1], c.Rejected(), 0.02)
			agree(t, "success", all[2], c.Success(), 0.02)
		})
	}
}

// A bulkhead without a waiting room is a loss system.
func TestSimulatedBulkhead(t *testing.T) {
	t.Parallel()
	all := replicate(t, 20, func(w *world) []float64 {
		b := bulkhead.New(bulkhead.Config{Name: "b", Concurrent: 10}, w.s)
		call := b.Wrap(w.external(dist.Must(dist.LognormalFromMeanCV(1, 1))).Call(w.via, w.here))
		w.calls(10_000, 8, func(p *sim.Process, _ int, req patterns.Request) { call(p, req) })
		full, entered := float64(b.Counts().Full), float64(b.Counts().Entered)
		return []float64{full / (full + entered)}
	})
	agree(t, "rejected", all[0], theory.ErlangB(8, 10), 0.02)
}

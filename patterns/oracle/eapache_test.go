package oracle

import (
	"fmt"
	"math/rand"
	"testing"
	"testing/synctest"
	"time"

	eapache "github.com/eapache/go-resiliency/breaker"
	"github.com/eapache/go-resiliency/retrier"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/retry"
	"pgregory.net/rapid"
)

// An eapacheSetup is the settings that both breakers are made from.
type eapacheSetup struct {
	Failures, Successes int
	Timeout             time.Duration
	Steps               []breakerStep
}

func (e eapacheSetup) play(all seen) error {
	b := eapache.New(e.Failures, e.Successes, e.Timeout)
	var ends []chan error
	defer func() {
		for _, end := range ends {
			close(end)
		}
		time.Sleep(e.Timeout) // until its timer has run out
		synctest.Wait()
	}()
	theirs := realBreaker{
		allow: func() (func(breaker.Outcome), bool) {
			synctest.Wait() // what its timer does at this instant comes first
			end := make(chan error, 1)
			err := b.Go(func() error { return <-end })
			synctest.Wait()
			ends = append(ends, end)
			return func(o breaker.Outcome) {
				synctest.Wait()
				end <- errorOf(o)
				synctest.Wait()
			}, err == nil
		},
		state: func() breaker.State {
			synctest.Wait()
			return map[eapache.State]breaker.State{
				eapache.Closed: breaker.Closed, eapache.Open: breaker.Open, eapache.HalfOpen: breaker.HalfOpen,
			}[b.GetState()]
		},
	}
	lengths := []time.Duration{0, 0, 1, e.Timeout, e.Timeout, e.Timeout / 2, e.Timeout / 3, 2 * e.Timeout}
	return playBreakers(breaker.Eapache(e.Failures, e.Successes, e.Timeout), theirs, startClock(), lengths, nil, e.Steps, all)
}

func TestEapacheBreaker(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) eapacheSetup {
		return eapacheSetup{
			1 + evenly(t, 4, "Failures"), 1 + evenly(t, 4, "Successes"),
			time.Duration(1+evenly(t, 30, "Timeout")) * time.Second, breakerSteps.Draw(t, "steps"),
		}
	}), eapacheSetup.play,
		"closed → open", "open → half-open", "half-open → open", "half-open → closed",
		"rejected while open", "let through while half-open", "stale failure while closed",
		"stale failure while half-open", "stale success while half-open", "stale success while closed", "stale failure while open")
}

// An eapacheRetrier is a schedule and its jitter.
type eapacheRetrier struct {
	Waits        int
	First, Limit time.Duration // no limit: 0
	Constant     bool
	Jitter       float64
}

func (e eapacheRetrier) play(all seen) error {
	ours := retry.Backoff{First: e.First, Factor: 2, Max: e.Limit, Jitter: retry.Proportional, Spread: e.Jitter}
	backoff := retrier.ExponentialBackoff(e.Waits, e.First)
	switch {
	case e.Constant:
		backoff, ours.Factor, ours.Max = retrier.ConstantBackoff(e.Waits, e.First), 1, 0
	case e.Limit > 0:
		backoff = retrier.LimitedExponentialBackoff(e.Waits, e.First, e.Limit)
	}
	luck := rand.New(rand.NewSource(time.Now().UnixNano())) // as the retrier's
	r := retrier.New(backoff, nil)
	r.SetJitter(e.Jitter)
	var (
		last  = time.Now()
		tries int
		waits retry.Waits
		err   error
	)
	r.Run(func() error {
		if tries++; tries > 1 {
			want := ours.Next(&waits, luck.Float64())
			if got := time.Since(last); !near(got, want) && err == nil {
				err = fmt.Errorf("wait %d: ours %v, theirs %v", tries-1, want, got)
			}
			last = time.Now()
			all["waits"]++
			if e.Limit > 0 && want >= e.Limit {
				all["waits at the limit"]++
			}
		}
		return errFailed
	})
	if err == nil && tries != e.Waits+1 {
		err = fmt.Errorf("%d attempts for %d waits", tries, e.Waits)
	}
	return err
}

func TestEapacheRetrier(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) eapacheRetrier {
		e := eapacheRetrier{
			Waits: evenly(t, 12, "Waits"), First: time.Duration(1 + evenly(t, 1<<30, "First")),
			Constant: rapid.Bool().Draw(t, "Constant"), Jitter: oneOf(t, "Jitter", 0, 0.25, 0.5, 1),
		}
		if rapid.Bool().Draw(t, "limited") {
			e.Limit = e.First + time.Duration(evenly(t, 1<<34, "Limit"))
		}
		return e
	}), eapacheRetrier.play, "waits", "waits at the limit")
}

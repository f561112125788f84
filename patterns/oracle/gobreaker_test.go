package oracle

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/sim"
	"github.com/sony/gobreaker/v2"
	"pgregory.net/rapid"
)

// A gobreakerSetup is the settings that both are made from.
type gobreakerSetup struct {
	MaxRequests uint32
	Timeout     time.Duration
	Interval    time.Duration // 0: the counts are never cleared
	Bucket      time.Duration // 0: the interval is fixed
	Row         int           // consecutive failures that trip it; 0: none
	Total       int           // failures in the window that trip it
	Ratio       float64       // failures per request that trip it
	Enough      int           // requests for Total and Ratio
	Steps       []breakerStep
}

func (g gobreakerSetup) trips(c gobreaker.Counts) bool {
	requests := c.Requests - c.TotalExclusions
	return g.Row > 0 && int(c.ConsecutiveFailures) >= g.Row ||
		requests > 0 && int(requests) >= g.Enough &&
			(g.Total > 0 && int(c.TotalFailures) >= g.Total || g.Ratio > 0 && float64(c.TotalFailures)/float64(requests) >= g.Ratio)
}

func (g gobreakerSetup) config() breaker.Config {
	cfg := breaker.Gobreaker()
	if g.Interval > 0 || g.Total > 0 || g.Ratio > 0 {
		cfg = breaker.GobreakerWindow(g.Interval, g.Bucket)
	}
	cfg.Failures, cfg.Count, cfg.Rate, cfg.MinCalls = g.Row, g.Total, g.Ratio, g.Enough
	cfg.Open, cfg.Probes, cfg.Successes = g.Timeout, int(g.MaxRequests), int(g.MaxRequests)
	return cfg
}

func (g gobreakerSetup) play(all seen) error {
	b := gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		MaxRequests: g.MaxRequests, Timeout: g.Timeout, Interval: g.Interval, BucketPeriod: g.Bucket,
		ReadyToTrip: g.trips, IsExcluded: func(err error) bool { return errors.Is(err, errExcluded) },
	})
	cfg := g.config()
	rolling := g.Bucket > 0 && g.Bucket < g.Interval
	text := func(failures, calls, row int) string {
		switch {
		case !cfg.AtStart && b.State() == gobreaker.StateClosed:
			return fmt.Sprintf("%d in a row", row)
		case rolling && g.Row == 0:
			return fmt.Sprintf("%d of %d", failures, calls)
		}
		return fmt.Sprintf("%d of %d, %d in a row", failures, calls, row)
	}
	theirs := realBreaker{
		excludes: true,
		allow: func() (func(breaker.Outcome), bool) {
			done, err := b.Allow()
			return func(o breaker.Outcome) { done(errorOf(o)) }, err == nil
		},
		state: func() breaker.State {
			return map[gobreaker.State]breaker.State{
				gobreaker.StateClosed: breaker.Closed, gobreaker.StateOpen: breaker.Open, gobreaker.StateHalfOpen: breaker.HalfOpen,
			}[b.State()]
		},
		tally: func() string {
			c := b.Counts()
			return text(int(c.TotalFailures), int(c.Requests-c.TotalExclusions), int(c.ConsecutiveFailures))
		},
	}
	if rolling && g.Row > 0 {
		theirs.leaveOut = func(changed, began, now sim.Time) bool {
			return began.Sub(changed)/g.Bucket < now.Sub(changed)/g.Bucket // see TestGobreakerKeepsFailuresInARow
		}
	}
	tally := func(t breaker.Tally) string {
		if b.State() == gobreaker.StateHalfOpen {
			t.Calls = t.Probes
		}
		return text(t.Failures, t.Calls, t.Row)
	}
	lengths := []time.Duration{0, 0, 1, g.Timeout, g.Timeout, g.Interval, g.Bucket, 2 * g.Bucket, g.Interval - g.Bucket, g.Interval + g.Bucket, g.Bucket / 3}
	return playBreakers(cfg, theirs, startClock(), lengths, tally, g.Steps, all)
}

// gobreakers draws settings of one strategy: consecutive, fixed or rolling.
func gobreakers(strategy string) *rapid.Generator[gobreakerSetup] {
	return rapid.Custom(func(t *rapid.T) gobreakerSetup {
		g := gobreakerSetup{
			MaxRequests: oneOf[uint32](t, "MaxRequests", 1, 2, 3, 1),
			Timeout:     time.Duration(1+evenly(t, 30, "Timeout")) * time.Second,
		}
		rule := oneOf(t, "rule", "row", "total", "ratio", "all")
		if rule == "row" || rule == "all" {
			g.Row = 1 + evenly(t, 4, "Row")
		}
		if rule == "total" || rule == "all" {
			g.Total = 1 + evenly(t, 5, "Total")
		}
		if rule == "ratio" || rule == "all" {
			g.Ratio = float64(1+evenly(t, 20, "Ratio")) / 20
		}
		if rule != "row" {
			g.Enough = evenly(t, 5, "Enough")
		}
		if strategy != "consecutive" {
			g.Interval = time.Duration(1+evenly(t, 40, "Interval")) * time.Second / 2
		}
		if strategy == "rolling" {
			g.Bucket = time.Duration(1+evenly(t, 6, "Bucket")) * time.Second
		}
		g.Steps = breakerSteps.Draw(t, "steps")
		return g
	})
}

var gobreakerReach = []string{
	"closed → open", "open → half-open", "half-open → open", "half-open → closed",
	"rejected while open", "rejected while half-open", "excluded while closed", "excluded while half-open",
	"stale failure while closed", "stale failure while open", "stale failure while half-open", "stale success while half-open",
}

// Nothing is forgotten while it is closed.
func TestGobreakerConsecutive(t *testing.T) {
	compare(t, gobreakers("consecutive"), gobreakerSetup.play, gobreakerReach...)
}

func TestGobreakerFixedInterval(t *testing.T) {
	compare(t, gobreakers("fixed"), gobreakerSetup.play, gobreakerReach...)
}

func TestGobreakerRolling(t *testing.T) {
	compare(t, gobreakers("rolling"), gobreakerSetup.play, gobreakerReach...)
}

// A result belongs to the bucket in which its call began, and each bucket keeps its own row of failures,
// which a success in another bucket does not end. So if calls end in a later bucket than they began, the
// rows do not add up, and when a bucket leaves, gobreaker keeps failures in a row that are in no bucket any
// more. Ours never has more failures in a row than in the window. So in a rolling window whose failures in
// a row matter, such calls end without a result.
func TestGobreakerKeepsFailuresInARow(t *testing.T) {
	inBubble(t, func() error {
		g := gobreakerSetup{MaxRequests: 1, Timeout: time.Minute, Interval: 2 * time.Second, Bucket: time.Second, Row: 9}
		b := gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{Timeout: g.Timeout, Interval: g.Interval, BucketPeriod: g.Bucket, ReadyToTrip: g.trips})
		failed, _ := b.Allow()
		failed(errFailed)
		late, _ := b.Allow()
		time.Sleep(time.Second)
		fine, _ := b.Allow()
		fine(nil)
		late(errFailed)
		time.Sleep(time.Second)
		b.State()
		if c := b.Counts(); c.TotalFailures != 0 || c.ConsecutiveFailures != 1 {
			t.Errorf("%d failures, %d in a row: the reason to leave late failures out is gone", c.TotalFailures, c.ConsecutiveFailures)
		}
		return nil
	})
}

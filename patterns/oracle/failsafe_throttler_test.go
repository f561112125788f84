package oracle

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivethrottler"
	"github.com/nines-sim/nines/patterns/shed"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// A failsafeThrottler is the settings that both are made from.
type failsafeThrottler struct {
	Failures  float64 // the rate above which calls are rejected
	Enough    uint
	Period    time.Duration
	MaxReject float64
	Steps     []throttleStep
}

// Whether a call is rejected is luck, which is the library's own; how likely that is is compared to 12
// digits: 1/0.9 is not the last bit the same as a division by 0.9.
func (f failsafeThrottler) play(all seen) error {
	const buckets = 20
	bucket := f.Period / buckets
	time.Sleep(bucket - time.Duration(time.Now().UnixNano()%int64(bucket))) // its buckets are counted from 1970 on, ours from time zero
	c := startClock()
	theirs := adaptivethrottler.NewBuilder[any]().WithFailureRateThreshold(f.Failures, f.Enough, f.Period).WithMaxRejectionRate(f.MaxReject).Build()
	cfg := shed.FailsafeThrottler()
	cfg.K, cfg.MinRequests, cfg.Window, cfg.MaxReject = 1/(1-f.Failures), int(f.Enough), f.Period, f.MaxReject
	ours := shed.NewThrottle(cfg, c.now(), sim.Keyed{})
	var history strings.Builder
	last, slid := c.now(), int64(-1) // the bucket in which a call last ended
	for i, s := range f.Steps {
		at := s.Wait.until(last, []sim.Time{last}, throttleLengths(bucket, buckets))
		c.sleepUntil(at)
		last = at
		if now := int64(at) / int64(bucket); s.What == asks && now != slid {
			s.What = fails // see TestFailsafeThrottlerStandsStill
		}
		for range s.Many {
			if s.What != asks {
				slid = int64(at) / int64(bucket)
				fmt.Fprintf(&history, "%v a call ends, success: %v\n", at, s.What == succeeds)
				if s.What == succeeds {
					theirs.RecordSuccess()
					ours.Done(at, shed.Success)
				} else {
					theirs.RecordFailure()
					ours.Done(at, shed.Dropped)
				}
				continue
			}
			share, through := ours.Share(at), theirs.TryAcquirePermit()
			rate := theirs.RejectionRate()
			fmt.Fprintf(&history, "%v a call asks\n", at)
			if math.Abs(share-rate) > 1e-12 {
				return fmt.Errorf("%sstep %d: ours rejects with a probability of %v, theirs of %v", &history, i, share, rate)
			}
			luck := 0.0 // if theirs rejects, or never does, ours does so with the worst luck
			if through && rate > 0 {
				luck = math.Nextafter(1, 0)
			}
			if ours.Allow(at, 0, luck) != through {
				return fmt.Errorf("%sstep %d: theirs lets it through: %v, ours, with a luck of %v: %v", &history, i, through, luck, !through)
			}
			switch {
			case rate == 0:
				all["never rejected"]++
			case rate == f.MaxReject:
				all["rejected with the greatest probability"]++
			case through:
				all["let through by luck"]++
			default:
				all["rejected"]++
			}
		}
	}
	return nil
}

func TestFailsafeThrottler(t *testing.T) {
	throttlers := rapid.Custom(func(t *rapid.T) failsafeThrottler {
		return failsafeThrottler{
			oneOf(t, "failures", 0, 0.1, 0.1, 0.25, 0.5, 0.75, 0.9, 0.05), oneOf[uint](t, "enough", 0, 0, 1, 5),
			oneOf(t, "period", time.Minute, 20, 7*time.Second, time.Hour), oneOf(t, "maxReject", 0.9, 0.5, 1, 0),
			throttleSteps.Draw(t, "steps"),
		}
	})
	compare(t, throttlers, failsafeThrottler.play, "never rejected", "rejected with the greatest probability", "let through by luck", "rejected")
}

// The throttler's window slides only when a call ends. After an idle hour it rejects as before, although
// its window is a minute long and empty; ours lets calls through. So in the sequences no call asks in a
// bucket in which none has ended.
func TestFailsafeThrottlerStandsStill(t *testing.T) {
	inBubble(t, func() error {
		theirs := adaptivethrottler.NewBuilder[any]().WithMaxRejectionRate(1).Build()
		for range 999 {
			theirs.RecordFailure()
		}
		time.Sleep(time.Hour)
		theirs.TryAcquirePermit()
		if rate := theirs.RejectionRate(); rate != 0.999 {
			t.Errorf("it rejects with a probability of %v: the reason to leave idle time out is gone", rate)
		}
		return nil
	})
}

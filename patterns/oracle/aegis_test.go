package oracle

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/go-kratos/aegis/circuitbreaker/sre"
	"github.com/nines-sim/nines/patterns/shed"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// An aegisSetup is the settings that both are made from.
type aegisSetup struct {
	Success  float64
	Enough   int64
	Bucket   time.Duration
	Buckets  int
	Rejected bool // calls that are rejected count as failed, as kratos has it
	Seed     time.Duration
	Steps    []throttleStep
}

// Its luck is from math/rand, with the time as the seed, so that ours can have the same.
func (a aegisSetup) play(all seen) error {
	time.Sleep(a.Seed)
	c := startClock()
	theirs := sre.NewBreaker(sre.WithSuccess(a.Success), sre.WithRequest(a.Enough), sre.WithWindow(a.Bucket*time.Duration(a.Buckets)), sre.WithBucket(a.Buckets))
	luck := rand.New(rand.NewSource(time.Now().UnixNano()))
	cfg := shed.Kratos()
	cfg.K, cfg.MinRequests, cfg.Window, cfg.Steps, cfg.CountRejected = 1/a.Success, int(a.Enough), a.Bucket*time.Duration(a.Buckets), a.Buckets, a.Rejected
	ours := shed.NewThrottle(cfg, c.now(), sim.Keyed{})
	var (
		history strings.Builder
		results []aegisResult
		last    = c.now()
	)
	ends := func(at sim.Time, good bool) {
		results = append(results, aegisResult{int64(at) / int64(a.Bucket), good})
		if good {
			theirs.MarkSuccess()
		} else {
			theirs.MarkFailed()
		}
	}
	for i, s := range a.Steps {
		at := s.Wait.until(last, []sim.Time{last, last, last, 0}, throttleLengths(a.Bucket, a.Buckets))
		c.sleepUntil(at)
		last = at
		for range s.Many {
			switch s.What {
			case succeeds:
				ours.Done(at, shed.Success)
				ends(at, true)
			case fails:
				ours.Done(at, shed.Dropped)
				ends(at, false)
			default:
				calls, good := a.inWindow(results, int64(at)/int64(a.Bucket))
				draw := 1.0
				switch allowed := cfg.K * float64(good); {
				case calls < a.Enough:
					all["too few calls"]++
				case float64(calls) < allowed:
					all["fewer calls than allowed"]++
				default:
					draw = luck.Float64() // as it does if it may reject
					if float64(calls) == allowed {
						all["as many calls as allowed"]++
					}
				}
				through := theirs.Allow() == nil
				fmt.Fprintf(&history, "%v a call asks, let through: %v\n", at, through)
				if ours.Allow(at, 0, draw) != through {
					return fmt.Errorf("%sstep %d: ours says otherwise, with a probability of %v", &history, i, ours.Share(at))
				}
				switch {
				case !through:
					all["rejected"]++
					if a.Rejected {
						ends(at, false)
					}
				case draw < 1:
					all["let through by luck"]++
				}
				continue
			}
			fmt.Fprintf(&history, "%v a call ends, success: %v\n", at, s.What == succeeds)
		}
	}
	return nil
}

// An aegisResult is the end of a call.
type aegisResult struct {
	bucket int64
	good   bool
}

// inWindow counts results the simple way.
func (a aegisSetup) inWindow(results []aegisResult, now int64) (calls, good int64) {
	for _, r := range results {
		if r.bucket > now-int64(a.Buckets) {
			calls++
			if r.good {
				good++
			}
		}
	}
	return calls, good
}

func TestAegis(t *testing.T) {
	setups := rapid.Custom(func(t *rapid.T) aegisSetup {
		return aegisSetup{
			oneOf(t, "success", 0.6, 0.5, 0.9, 1, 0.1, 0.25, 0.75, 0.6), oneOf[int64](t, "enough", 0, 1, 5, 10),
			oneOf(t, "bucket", 300*time.Millisecond, 1, time.Second, time.Minute), oneOf(t, "buckets", 10, 1, 2, 40),
			rapid.Bool().Draw(t, "rejected"), time.Duration(evenly(t, 1<<20, "seed")),
			throttleSteps.Draw(t, "steps"),
		}
	})
	compare(t, setups, aegisSetup.play, "too few calls", "fewer calls than allowed", "as many calls as allowed", "let through by luck", "rejected")
}

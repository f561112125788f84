package oracle

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

// An awsError is an ending as the SDK understands it.
type awsError struct {
	ending
	wish time.Duration
}

func (e awsError) RetryableError() bool { return e.ending != final }
func (e awsError) Timeout() bool        { return e.ending == timedOut }

func (e awsError) ErrorCode() string {
	if e.ending == throttled {
		return "Throttling"
	}
	return "Other"
}

// Unwrap returns the server's answer, which has a header for a wish.
func (e awsError) Unwrap() error {
	header := http.Header{}
	if e.wish > 0 {
		header.Set("X-Amz-Retry-After", strconv.FormatInt(e.wish.Milliseconds(), 10))
	}
	return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{Header: header}}, Err: e.ending}
}

func awsErrorOf(e ending, wish time.Duration) error {
	if e == success {
		return nil
	}
	return awsError{e, wish}
}

// awsCall makes a call as the SDK's clients do.
func awsCall(r aws.Retryer) func(attempt func() error) error {
	m := awsretry.NewAttemptMiddleware(r, func(request any) any { return request })
	return func(attempt func() error) error {
		_, _, err := m.HandleFinalize(context.Background(), middleware.FinalizeInput{}, middleware.FinalizeHandlerFunc(
			func(context.Context, middleware.FinalizeInput) (middleware.FinalizeOutput, middleware.Metadata, error) {
				return middleware.FinalizeOutput{}, middleware.Metadata{}, attempt()
			}))
		return err
	}
}

// An awsQuota is the settings that both are made from. Both wait by a schedule without luck, which shows
// how attempts are numbered.
type awsQuota struct {
	Tokens   uint
	Attempts int
	Steps    []callStep
}

const half = time.Second / 2 // so that no attempt begins in a whole second

func (q awsQuota) standard(tokens *ratelimit.TokenRateLimit, first int) func(*awsretry.StandardOptions) {
	return func(o *awsretry.StandardOptions) {
		o.MaxAttempts, o.RateLimiter = q.Attempts, tokens
		o.Backoff = awsretry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return half + time.Duration(attempt-first)*time.Second, nil
		})
	}
}

// play compares with what make returns for a quota of tokens, whose first retry is number first to the SDK.
func (q awsQuota) play(cfg retry.Config, quota retry.QuotaConfig, first int, make func(func(*awsretry.StandardOptions)) aws.Retryer, all seen) error {
	quota.Tokens = int(q.Tokens)
	cfg.Attempts, cfg.Budget = q.Attempts, quota
	cfg.Backoff, cfg.Throttled = retry.Backoff{First: half, Growth: retry.Linear, Step: time.Second}, 0
	tokens := ratelimit.NewTokenRateLimit(q.Tokens)
	ours := retry.NewQuota(quota)
	theirs := realCalls{
		call: awsCall(make(q.standard(tokens, first))), error: awsErrorOf,
		tally: func() string { return fmt.Sprint(tokens.Remaining()) },
	}
	return playCalls(cfg, ours, theirs, func() string { return fmt.Sprint(ours.Tokens()) }, q.Steps, all)
}

// awsQuotas draws quotas and calls. What throttled stands for, and whether servers have wishes, is up to
// the mode.
func awsQuotas(throttles bool, wishes bool) *rapid.Generator[awsQuota] {
	return rapid.Custom(func(t *rapid.T) awsQuota {
		q := awsQuota{
			oneOf[uint](t, "Tokens", 500, 0, 10, uint(evenly(t, 64, "tokens"))), oneOf(t, "Attempts", 3, 1, 2, 6),
			callSteps.Draw(t, "steps"),
		}
		for i := range q.Steps {
			if s := &q.Steps[i]; s.End == throttled && !throttles {
				s.End = failure
			}
			if wishes && rapid.Bool().Draw(t, "wish") {
				q.Steps[i].Wish = half + time.Duration(evenly(t, 16, "seconds"))*time.Second
			}
		}
		return q
	})
}

func standardOf(options func(*awsretry.StandardOptions)) aws.Retryer {
	return awsretry.NewStandard(options)
}

var awsReach = []string{"success", "failure", "timeout", "final", "retries", "denied"}

func TestAWSStandard(t *testing.T) {
	cfg := retry.AWSStandard()
	compare(t, awsQuotas(true, true), func(q awsQuota, all seen) error {
		return q.play(cfg, cfg.Budget.(retry.QuotaConfig), 1, standardOf, all)
	}, append(awsReach, "throttled")...)
}

func TestAWSStandard2026(t *testing.T) {
	t.Setenv("AWS_NEW_RETRIES_2026", "true")
	cfg := retry.AWSStandard2026()
	compare(t, awsQuotas(true, true), func(q awsQuota, all seen) error {
		return q.play(cfg, cfg.Budget.(retry.QuotaConfig), 0, standardOf, all)
	}, append(awsReach, "throttled")...)
}

// The adaptive mode as long as nothing is throttled. No success brings a token: the SDK's quota is not told
// of attempts in this mode, only of retries. botocore's is, so our preset has a credit.
func TestAWSAdaptiveQuota(t *testing.T) {
	quota := retry.DefaultAdaptiveConfig().Quota
	quota.Credit = 0
	compare(t, awsQuotas(false, false), func(q awsQuota, all seen) error {
		return q.play(retry.AWSStandard(), quota, 1, func(standard func(*awsretry.StandardOptions)) aws.Retryer {
			return awsretry.NewAdaptiveMode(func(o *awsretry.AdaptiveModeOptions) { o.StandardOptions = append(o.StandardOptions, standard) })
		}, all)
	}, awsReach...)
}

// What the defaults are.
func TestAWSDefaults(t *testing.T) {
	if got, want := awsretry.NewStandard().MaxAttempts(), retry.AWSStandard().Attempts; got != want {
		t.Errorf("the SDK makes %d attempts, ours %d", got, want)
	}
	if got, want := awsretry.DefaultRetryRateTokens, retry.DefaultQuotaConfig().Tokens; int(got) != want {
		t.Errorf("the SDK's quota has %d tokens, ours %d", got, want)
	}
}

// An awsWaits is failures of one call, and a limit.
type awsWaits struct {
	Max      time.Duration
	Base     time.Duration // 2026: of anything but throttling
	Failures []ending
}

// play compares the SDK's back-off, whose luck is not known, with the shortest and the longest of ours.
func (w awsWaits) play(cfg retry.Config, first int, all seen) error {
	cfg.Backoff.Max = w.Max
	if w.Base > 0 {
		cfg.Backoff.First = w.Base
	}
	theirs := awsretry.NewStandard(func(o *awsretry.StandardOptions) { o.MaxBackoff, o.BaseDelay = w.Max, w.Base })
	var low, high retry.Waits
	for i, e := range w.Failures {
		ours := cfg.Backoff
		if e == throttled && cfg.Throttled > 0 {
			ours.First = cfg.Throttled
		}
		wait, err := theirs.RetryDelay(i+first, awsErrorOf(e, 0))
		if err != nil {
			return err
		}
		shortest, longest := ours.Next(&low, 0), ours.Next(&high, almostOne)
		if err := between(wait, shortest, longest, all); err != nil {
			return fmt.Errorf("wait %d: %w", i+1, err)
		}
		if shortest == longest {
			all["waits without luck"]++
		}
		if e == throttled {
			all["waits after throttling"]++
		}
	}
	return nil
}

func awsWaitings(base bool) *rapid.Generator[awsWaits] {
	return rapid.Custom(func(t *rapid.T) awsWaits {
		w := awsWaits{Max: oneOf(t, "Max", 20*time.Second, 2*time.Second+time.Duration(1+evenly(t, 1<<37, "max")))}
		if s := w.Max / time.Second; !base && w.Max%time.Second == 0 && s&(s-1) == 0 {
			w.Max++ // see TestAWSBackoffAtAPowerOfTwo
		}
		if base {
			w.Base = oneOf(t, "Base", 50*time.Millisecond, 25*time.Millisecond, time.Duration(1+evenly(t, 1<<30, "base")))
		}
		w.Failures = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ending { return oneOf(t, "failure", failure, throttled) }), 1, 14).Draw(t, "failures")
		return w
	})
}

func TestAWSBackoff(t *testing.T) {
	compare(t, awsWaitings(false), func(w awsWaits, all seen) error { return w.play(retry.AWSStandard(), 1, all) },
		"waits near the shortest", "waits near the longest", "waits without luck")
}

func TestAWSBackoff2026(t *testing.T) {
	t.Setenv("AWS_NEW_RETRIES_2026", "true")
	compare(t, awsWaitings(true), func(w awsWaits, all seen) error { return w.play(retry.AWSStandard2026(), 0, all) },
		"waits near the shortest", "waits near the longest", "waits after throttling")
}

// If MaxBackoff is a power of two of seconds, the SDK's back-off of just that has jitter; any other that has
// come to MaxBackoff has none, and with FlatCap none of ours has. The default, 20s, is none.
func TestAWSBackoffAtAPowerOfTwo(t *testing.T) {
	theirs := awsretry.NewExponentialJitterBackoff(16 * time.Second)
	for range 100 {
		if wait, _ := theirs.BackoffDelay(4, nil); wait != 16*time.Second {
			return
		}
	}
	t.Error("a hundred waits of 16s: the reason to leave powers of two out is gone")
}

// An adaptiveStep is an attempt that asks to begin, or one under way that ends.
type adaptiveStep struct {
	Wait  wait
	Begin bool
	Which int
	End   ending
}

type adaptive struct {
	Offset time.Duration // of the first attempt after a whole second
	Steps  []adaptiveStep
}

// play takes the SDK's adaptive mode and ours through the same attempts. Instants are whole microseconds: the
// SDK counts seconds since 1970 in a float64, which has eight bits for them below that, and finds some
// instants in the next half second before it begins.
func (a adaptive) play(all seen) error {
	c := startClockOn(time.Second)
	c.sleepUntil(sim.Time(a.Offset))
	theirs := awsretry.NewAdaptiveMode(func(o *awsretry.AdaptiveModeOptions) { o.FailOnNoAttemptTokens = true })
	field := func(path ...string) float64 {
		v := reflect.ValueOf(theirs).Elem().FieldByName("rateLimit").Elem()
		for _, name := range path {
			if v = v.FieldByName(name); v.Kind() == reflect.Pointer {
				v = v.Elem()
			}
		}
		return v.Float()
	}
	ours := retry.NewAdaptive(retry.DefaultAdaptiveConfig())
	type attempt struct {
		release func(error) error
		memo    retry.Memo
	}
	var (
		underWay []attempt
		instants = []sim.Time{c.now(), c.now(), c.now()} // of the last step, of the last throttling, and of the last whole second
		history  string
		lengths  = []time.Duration{0, 0, 0, time.Millisecond, 0, 100 * time.Millisecond, half, time.Second, 3 * half, 250 * time.Millisecond, 2 * time.Second, 30 * time.Second}
	)
	for i, s := range a.Steps {
		instants[2] = c.now() / sim.Time(time.Second) * sim.Time(time.Second)
		s.Wait.Off *= 1000
		if i > 0 { // the first attempt is when the SDK's is made: ours measures from its first attempt on
			c.sleepUntil(s.Wait.until(c.now(), instants, lengths))
		}
		now := c.now()
		if s.Begin || len(underWay) == 0 {
			// Both ask again after the wait that ours says, until both have begun. One may have a token a
			// nanosecond before the other.
			var release func(error) error
			wait := time.Duration(-1)
			for tries := 0; release == nil || wait != 0; tries++ {
				if wait != 0 {
					wait = ours.Wait(c.now())
				}
				before := field("tokenBucket", "remainingTokens")
				if release == nil {
					release, _ = theirs.GetAttemptToken(context.Background())
				}
				tokens, fill := field("tokenBucket", "remainingTokens"), field("fillRate")
				if release != nil {
					tokens = math.Max(before, tokens) // what there was
				}
				theirWait := time.Duration((1 - tokens) / fill * 1e9)
				switch {
				case tries > 20:
					return fmt.Errorf("%s%v step %d: an attempt waits for ever", history, now, i)
				case release != nil && wait > 2, release == nil && wait == 0 && theirWait > 2:
					return fmt.Errorf("%s%v step %d: at %v ours is to wait for %v; theirs begins: %v, with %v tokens", history, now, i, c.now(), wait, release != nil, tokens)
				case release == nil && max(wait-theirWait, theirWait-wait) > 10:
					return fmt.Errorf("%s%v step %d: ours is to wait for %v, theirs for %v", history, now, i, wait, theirWait)
				}
				if release == nil || wait != 0 {
					time.Sleep(max(wait, 1))
				}
			}
			began := c.now()
			all["attempts"]++
			if began > now {
				all["attempts that wait"]++
			}
			history += fmt.Sprintf("%v an attempt begins at %v\n", now, began)
			c.sleepUntil((began + 999) / 1000 * 1000)
			now = c.now()
			underWay = append(underWay, attempt{release, ours.Sent(began, 1, 0)})

		} else {
			k := s.Which % len(underWay)
			x := underWay[k]
			underWay = append(underWay[:k:k], underWay[k+1:]...)
			all["ended: "+s.End.String()]++
			e := map[ending]retry.Ending{
				success: {Result: retry.Succeeded}, final: {Result: retry.Final, Kind: patterns.Conflict},
				failure: {Result: retry.Retryable}, timedOut: {Result: retry.Retryable, Kind: patterns.Timeout},
				throttled: {Result: retry.Retryable, Kind: patterns.Overloaded},
			}[s.End]
			ours.Ended(now, 1, x.memo, e)
			x.release(awsErrorOf(s.End, 0))
			history += fmt.Sprintf("%v an attempt ends: %v\n", now, s.End)
			if s.End == throttled {
				instants[1] = now
			}
		}
		instants[0] = now
		if rate := ours.Rate(); rate > 0 {
			all["rate is limited"]++
			if fill := field("fillRate"); math.Abs(rate-fill) > 1e-6*(1+fill) {
				return fmt.Errorf("%s%v step %d: our rate is %v, theirs %v", history, now, i, rate, fill)
			}
			switch {
			case rate == 0.5:
				all["rate is the least"]++
			case rate == 2*field("measuredTxRate"):
				all["rate is twice what is measured"]++
			case rate > field("lastMaxRate"):
				all["rate is more than when it was throttled"]++
			default:
				all["rate comes back"]++
			}
		}
	}
	return nil
}

func TestAWSAdaptive(t *testing.T) {
	compare(t, rapid.Custom(func(t *rapid.T) adaptive {
		a := adaptive{Offset: time.Duration(evenly(t, 1<<20, "Offset")) * time.Microsecond}
		a.Steps = steps(rapid.Custom(func(t *rapid.T) adaptiveStep {
			return adaptiveStep{
				waits.Draw(t, "wait"), rapid.Bool().Draw(t, "begin"), evenly(t, 4, "which"),
				oneOf(t, "ending", success, success, throttled, failure, success, timedOut, final, success),
			}
		})).Draw(t, "steps")
		return a
	}), adaptive.play, "attempts that wait", "rate is limited", "rate is the least", "rate is twice what is measured",
		"rate is more than when it was throttled", "rate comes back", "ended: throttled", "ended: success", "ended: failure")
}

// Under AWS_NEW_RETRIES_2026 the SDK's adaptive mode is told only how first attempts ended. Ours is told of
// all, as the SDK's was before and botocore's is, so the two are compared without that variable.
func TestAWSAdaptive2026IsNotToldOfRetries(t *testing.T) {
	told := func() int {
		r := &counted{AdaptiveMode: awsretry.NewAdaptiveMode()}
		inBubble(t, func() error {
			n := 0
			return awsCall(r)(func() error {
				if n++; n < 3 {
					return awsError{ending: failure}
				}
				return nil
			})
		})
		return r.told
	}
	if n := told(); n != 3 {
		t.Errorf("told of %d of 3 attempts", n)
	}
	t.Setenv("AWS_NEW_RETRIES_2026", "true")
	if n := told(); n != 1 {
		t.Errorf("told of %d of 3 attempts: the reason not to compare this mode is gone", n)
	}
}

// counted counts the attempts whose end the adaptive mode is told.
type counted struct {
	*awsretry.AdaptiveMode
	told int
}

func (c *counted) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	release, err := c.AdaptiveMode.GetAttemptToken(ctx)
	return func(err error) error {
		c.told++
		return release(err)
	}, err
}

// The SDK's adaptive mode measures from when it was made, in seconds since 1970 in a float64: eight bits are
// left for what is less than a quarter of a microsecond. Ours measures from its first attempt, in nanoseconds.
func TestAWSAdaptiveMeasures(t *testing.T) {
	inBubble(t, func() error {
		a := awsretry.NewAdaptiveMode()
		end, _ := a.GetAttemptToken(context.Background())
		time.Sleep(10*time.Second - 50)
		end(nil)
		if rate := reflect.ValueOf(a).Elem().FieldByName("rateLimit").Elem().FieldByName("measuredTxRate").Float(); math.Abs(rate-0.08) > 1e-9 {
			t.Errorf("one attempt, 50ns less than 10s after it was made, is a rate of %v: the reason for whole microseconds is gone", rate)
		}
		return nil
	})
}

//go:debug randseednop=0

package oracle

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"testing"
	"time"

	backoff4 "github.com/cenkalti/backoff/v4"
	backoff5 "github.com/cenkalti/backoff/v5"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"pgregory.net/rapid"
)

// A cenkalti is the settings that all three are made from.
type cenkalti struct {
	Initial, Max time.Duration
	Multiplier   float64
	Randomize    float64
	MaxElapsed   time.Duration // 0: no limit
	MaxTries     int           // 0: no limit
	Seed         int64         // of the luck
	Script       []attempt
}

func (c cenkalti) config() retry.Config {
	cfg := retry.Cenkalti()
	cfg.Backoff.First, cfg.Backoff.Max, cfg.Backoff.Factor, cfg.Backoff.Spread = c.Initial, c.Max, c.Multiplier, c.Randomize
	cfg.Elapsed = c.MaxElapsed
	cfg.On &^= patterns.KindsOf(patterns.Conflict) // which stands for a permanent error
	if c.MaxTries > 0 {
		cfg.Attempts = c.MaxTries
	}
	return cfg
}

func (c cenkalti) four() *backoff4.ExponentialBackOff {
	return backoff4.NewExponentialBackOff(backoff4.WithInitialInterval(c.Initial), backoff4.WithMaxInterval(c.Max),
		backoff4.WithMultiplier(c.Multiplier), backoff4.WithRandomizationFactor(c.Randomize), backoff4.WithMaxElapsedTime(c.MaxElapsed))
}

func (c cenkalti) five() *backoff5.ExponentialBackOff {
	return &backoff5.ExponentialBackOff{
		InitialInterval: c.Initial, MaxInterval: c.Max, Multiplier: c.Multiplier, RandomizationFactor: c.Randomize,
	}
}

func (c cenkalti) playFour(all seen) error {
	ours := ourAttempts(c.config(), c.Script, all)
	var waits backoff4.BackOff = c.four()
	if c.MaxTries > 0 {
		waits = backoff4.WithMaxRetries(waits, uint64(c.MaxTries-1))
	}
	theirs := theirAttempts(c.Script, func(attempt func() error) error {
		return backoff4.Retry(func() error {
			err := attempt()
			if errors.Is(err, final) {
				return backoff4.Permanent(err)
			}
			return err
		}, waits)
	})
	if ours != theirs {
		return fmt.Errorf("ours:\n%stheirs:\n%s", ours, theirs)
	}
	return nil
}

func (c cenkalti) playFive(all seen) error {
	cfg := c.config()
	cfg.Pushback = retry.Instead // what RetryAfter does
	ours := ourAttempts(cfg, c.Script, all)
	n := 0
	theirs := theirAttempts(c.Script, func(attempt func() error) error {
		_, err := backoff5.Retry(context.Background(), func() (int, error) {
			wish := c.Script[min(n, len(c.Script)-1)].Wish
			n++
			err := attempt()
			switch {
			case errors.Is(err, final):
				return 0, backoff5.Permanent(err)
			case err != nil && wish > 0:
				all["told when to come back"]++
				return 0, backoff5.RetryAfter(int(wish / time.Second))
			}
			return 0, err
		}, backoff5.WithBackOff(c.five()), backoff5.WithMaxElapsedTime(c.MaxElapsed), backoff5.WithMaxTries(uint(c.MaxTries)))
		return err
	})
	if ours != theirs {
		return fmt.Errorf("ours:\n%stheirs:\n%s", ours, theirs)
	}
	return nil
}

// playLuck compares the waits of all three: v4's with its own luck, v5's, whose luck is not known, with the
// shortest and the longest of ours.
func (c cenkalti) playLuck(all seen) error {
	rand.Seed(c.Seed)
	luck := rand.New(rand.NewSource(c.Seed))
	ours := c.config().Backoff
	four, five := c.four(), c.five()
	var waits, low, high retry.Waits
	for i := range 12 {
		if want, got := ours.Next(&waits, luck.Float64()), four.NextBackOff(); !near(want, got) {
			return fmt.Errorf("wait %d: ours %v, v4's %v", i+1, want, got)
		}
		if err := between(five.NextBackOff(), ours.Next(&low, 0), ours.Next(&high, almostOne), all); err != nil {
			return fmt.Errorf("wait %d: %w", i+1, err)
		}
	}
	return nil
}

func cenkaltis(randomize bool) *rapid.Generator[cenkalti] {
	return rapid.Custom(func(t *rapid.T) cenkalti {
		c := cenkalti{
			Initial:    oneOf(t, "Initial", time.Nanosecond, 7*time.Nanosecond, time.Second, time.Duration(1+evenly(t, 1<<30, "initial"))),
			Multiplier: oneOf(t, "Multiplier", 1.5, 1, 2, 1+float64(evenly(t, 1<<20, "multiplier"))/(1<<19)),
		}
		c.Max = c.Initial + time.Duration(evenly(t, 1<<34, "max"))
		if rapid.Bool().Draw(t, "max is reached exactly") {
			c.Max = c.Initial
			for range evenly(t, 8, "growths") {
				c.Max = time.Duration(float64(c.Max) * c.Multiplier)
			}
		}
		if randomize {
			c.Randomize, c.Seed = float64(1+evenly(t, 16, "Randomize"))/16, int64(evenly(t, 1<<30, "Seed"))
			return c
		}
		if rapid.Bool().Draw(t, "limited") {
			c.MaxElapsed = 1 + c.Initial*time.Duration(evenly(t, 8, "intervals")) + time.Duration(evenly(t, 4, "seconds"))*time.Second
		}
		c.MaxTries = evenly(t, 8, "MaxTries")
		c.Script = script(t, 0, time.Second, c.Initial, time.Second/3, c.MaxElapsed, c.MaxElapsed-c.Initial, c.MaxElapsed/2, c.MaxElapsed-2*c.Initial)
		for i := range c.Script {
			c.Script[i].Wish = time.Duration(max(0, evenly(t, 8, "Wish")-4)) * time.Second
		}
		return c
	})
}

func TestCenkalti4(t *testing.T) {
	compare(t, cenkaltis(false), cenkalti.playFour, "retries", "given up", "too late")
}

func TestCenkalti5(t *testing.T) {
	compare(t, cenkaltis(false), cenkalti.playFive, "retries", "given up", "too late", "told when to come back")
}

func TestCenkaltiLuck(t *testing.T) {
	compare(t, cenkaltis(true), cenkalti.playLuck, "waits near the shortest", "waits near the longest")
}

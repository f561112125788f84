package detect_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns/detect"
	"github.com/nines-sim/nines/sim"
)

// A story is a row of probe results, one a second: + answered, - failed, ! started anew.
// The wanted row has the belief after each: U up, d down.
func TestDetectorStories(t *testing.T) {
	cfg := detect.Config{Period: time.Second, Timeout: time.Second, Failures: 3, Successes: 2}
	for _, tt := range []struct {
		name, results, want string
		change              func(*detect.Config)
	}{
		{name: "it starts up", results: "+", want: "U"},
		{name: "two failures are not enough", results: "--+--+", want: "UUUUUU"},
		{name: "three in a row are", results: "---", want: "UUd"},
		{name: "a success between starts the count anew", results: "--+---", want: "UUUUUd"},
		{name: "one success is not enough", results: "---+-++", want: "UUddddU"},
		{name: "more failures change nothing", results: "-----++", want: "UUddddU"},
		{name: "a restart forgets failures", results: "--!--", want: "UUUUU"},
		{name: "a restart forgets the belief", results: "---!--", want: "UUdUUU"},
		{name: "readiness starts down", results: "++", want: "dU",
			change: func(c *detect.Config) { c.StartsDown = true }},
		{name: "the first result counts at once", results: "+---!+--", want: "UUUddUUU",
			change: func(c *detect.Config) { c.StartsDown, c.FirstCounts = true, true }},
		{name: "only the first counts at once", results: "-+--+++", want: "dddddUU",
			change: func(c *detect.Config) { c.FirstCounts = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := cfg
			if tt.change != nil {
				tt.change(&cfg)
			}
			d := detect.New(cfg, 0)
			var got strings.Builder
			for i, r := range tt.results {
				now := sim.Time(i+1) * sim.Time(time.Second)
				if r == '!' {
					d.Reset(now)
				} else {
					d.Result(now, r == '+')
				}
				got.WriteByte("Ud"[d.State()])
			}
			if got.String() != tt.want {
				t.Errorf("%s: got %s, want %s", tt.results, got.String(), tt.want)
			}
		})
	}
}

// The belief always follows from the results since the last change: it flips exactly when the
// last threshold results all contradict it.
func TestDetectorFollowsItsLastResults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := detect.DefaultConfig()
		cfg.Failures = rapid.IntRange(1, 4).Draw(t, "failures")
		cfg.Successes = rapid.IntRange(1, 4).Draw(t, "successes")
		d := detect.New(cfg, 0)
		var since []bool // results since the last change
		for i := range rapid.IntRange(1, 60).Draw(t, "results") {
			ok := rapid.Bool().Draw(t, "ok")
			before, now := d.State(), sim.Time(i+1)
			since = append(since, ok)
			need, contrary := cfg.Failures, false
			if before == detect.Down {
				need, contrary = cfg.Successes, true
			}
			flip := len(since) >= need
			for _, r := range since[max(0, len(since)-need):] {
				flip = flip && r == contrary
			}
			if changed := d.Result(now, ok); changed != flip || (d.State() != before) != flip {
				t.Fatalf("result %d: changed %v from %v to %v, want a change: %v", i, changed, before, d.State(), flip)
			}
			if flip {
				since = since[:0]
				if d.Since() != now {
					t.Fatalf("since %v, want %v", d.Since(), now)
				}
			}
		}
	})
}

func TestValidateNamesEveryBadField(t *testing.T) {
	err := detect.Config{InitialDelay: -1}.Validate()
	for _, field := range []string{"period", "timeout", "failures", "successes", "initial delay"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %q", err, field)
		}
	}
	if err := detect.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func ExampleDetector() {
	d := detect.New(detect.DefaultConfig(), 0)
	for i, ok := range []bool{true, false, false, false, true} {
		now := sim.Time(0).Add(time.Duration(i) * 10 * time.Second)
		if d.Result(now, ok) {
			fmt.Println(now, d.State())
		}
	}
	// Output:
	// 30s down
	// 40s up
}

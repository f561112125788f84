package heal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns/heal"
	"github.com/nines-sim/nines/sim"
)

// A story is a row of steps, each a time, a verb, a replica and a letter:
//
//	0s!0e   replica 0 is down: e exited, u unhealthy, g machine gone
//	0s^0    replica 0 serves by itself
//	9s>0r   the next repair is of replica 0: r restart, m another machine; 9s>- none is due
//	9s+0    its repair is done; 9s-0 it failed
func TestSupervisorStories(t *testing.T) {
	base := heal.DefaultConfig()
	for _, tt := range []struct {
		name, steps string
		change      func(*heal.Config)
	}{
		{name: "the first restart is immediate", steps: "1h>- 1h!0e 1h>0r 1h>- 1h20s+0 2h>-"},
		{name: "the second waits, the third longer",
			steps: "1h!0e 1h>0r 1h+0 1h1s!0e 1h10s>- 1h11s>0r 1h11s+0 1h12s!0e 1h31s>- 1h32s>0r"},
		{name: "ten good minutes are a new start",
			steps: "1h!0e 1h>0r 1h+0 1h10m!0e 1h10m>0r"},
		{name: "nearly ten are not",
			steps: "1h!0e 1h>0r 1h+0 1h9m59s!0e 1h10m>- 1h10m9s>0r"},
		{name: "a repair that fails is followed by another",
			steps: "1h!0e 1h>0r 1h5s-0 1h14s>- 1h15s>0r 1h15s+0"},
		{name: "not before it has been down for a while",
			steps: "1h!0u 1h9s>- 1h10s>0r", change: func(c *heal.Config) { c.After = 10 * time.Second }},
		{name: "if it recovers by itself, it is left alone",
			steps: "1h!0u 1h5s^0 1h10s>- 1h11s!0u 1h20s>- 1h21s>0r", change: func(c *heal.Config) { c.After = 10 * time.Second }},
		{name: "saying it again changes nothing",
			steps: "1h!0u 1h5s!0u 1h6s!0e 1h10s>0r", change: func(c *heal.Config) { c.After = 10 * time.Second }},
		{name: "what is said during a repair does not repeat it",
			steps: "1h!0e 1h>0r 1h5s!0u 1h5s!0e 1h20s+0 2h>-"},
		{name: "a lost machine is replaced",
			steps: "1h!0g 1h4m59s>- 1h5m>0m 1h6m+0 2h>-"},
		{name: "unless it comes back before",
			steps: "1h!0g 1h3m!0e 1h3m>0r 1h3m20s+0 2h>-"},
		{name: "a machine that is lost later is waited for from then on",
			steps: "1h!0e 1h4s!0g 1h5m3s>- 1h5m4s>0m", change: func(c *heal.Config) { c.After = 10 * time.Second }},
		{name: "a machine lost during the restart",
			steps: "1h!0e 1h>0r 1h5s!0g 1h20s-0 1h5m19s>- 1h5m20s>0m"},
		{name: "and found again during the restart",
			steps: "1h!0e 1h>0r 1h5s!0g 1h6s!0e 1h20s-0 1h29s>- 1h30s>0r"},
		{name: "no other machine is found at first",
			steps: "1h!0g 1h5m>0m 1h6m-0 1h10m>- 1h11m>0m"},
		{name: "a search for a machine is no restart",
			steps: "1h!0g 1h5m>0m 1h6m-0 1h7m!0e 1h7m>0r"},
		{name: "a new machine is a new start",
			steps: "1h!0e 1h>0r 1h+0 1h1m!0g 1h6m>0m 1h6m+0 1h7m!0e 1h7m>0r"},
		{name: "nothing is replaced", steps: "1h!0g 9h>-", change: func(c *heal.Config) { c.Replace = 0 }},
		{name: "nothing is restarted", steps: "1h!0e 9h>- 9h!0g 9h5m>0m", change: func(c *heal.Config) { c.Restart = false }},
		{name: "one crew, first come first served",
			steps:  "1h!2e 1h1s!0e 1h1s!1e 1h2s>2r 1h2s>- 1h9s+2 1h9s>0r 1h9s>- 1h10s+0 1h10s>1r",
			change: func(c *heal.Config) { c.Crews = 1 }},
		{name: "no crews are counted", steps: "1h!0e 1h!1e 1h!2e 1h>0r 1h>1r 1h>2r 1h>-"},
		{name: "back-off has an end",
			steps:  "1h!0e 1h>0r 1h-0 1h10s>0r 1h10s-0 1h25s>0r 1h25s-0 1h39s>- 1h40s>0r",
			change: func(c *heal.Config) { c.MaxBackoff = 15 * time.Second }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := base
			if tt.change != nil {
				tt.change(&cfg)
			}
			v := heal.New(cfg, 3)
			for _, step := range strings.Fields(tt.steps) {
				i := strings.IndexAny(step, "!^>+-")
				at, err := time.ParseDuration(step[:i])
				if err != nil {
					t.Fatal(err)
				}
				now, verb, arg := sim.Time(at), step[i], step[i+1:]
				replica := int(arg[0] - '0')
				switch verb {
				case '!':
					v.Down(now, replica, heal.Cause(strings.IndexByte("eug", arg[1])))
				case '^':
					v.Up(now, replica)
				case '+':
					v.Done(now, replica, true)
				case '-':
					v.Done(now, replica, false)
				case '>':
					got := "-"
					if due := v.Due(); due <= now {
						r, _ := v.Next(now)
						got = fmt.Sprint(r.Replica) + string("rm"[r.Action])
					} else if r, ok := v.Next(now); ok {
						t.Fatalf("%s: %+v before it was due at %v", step, r, due)
					}
					if got != arg {
						t.Fatalf("%s: the next repair is %s", step, got)
					}
				}
			}
		})
	}
}

// A replica that fails as soon as it serves is restarted after 0, 10, 20, 40, 80, 160, 300, 300 s:
// the sequence of CrashLoopBackOff.
func TestCrashLoopBackOff(t *testing.T) {
	v := heal.New(heal.DefaultConfig(), 1)
	now := sim.Time(time.Hour)
	for i, want := range []time.Duration{0, 10, 20, 40, 80, 160, 300, 300} {
		v.Down(now, 0, heal.Exited)
		due := v.Due()
		if got := due.Sub(now); got != want*time.Second {
			t.Errorf("restart %d after %v, want %v", i+1, got, want*time.Second)
		}
		if r, _ := v.Next(due); r.Row != i+1 {
			t.Errorf("restart %d is number %d in a row", i+1, r.Row)
		}
		now = due
		v.Done(now, 0, true)
	}
}

func TestBackoffWithoutAnEndDoesNotOverflow(t *testing.T) {
	cfg := heal.DefaultConfig()
	cfg.MaxBackoff = 0
	v := heal.New(cfg, 1)
	var last time.Duration
	for range 100 {
		v.Down(0, 0, heal.Exited)
		due := v.Due()
		if due == sim.Never {
			return
		}
		if due.Sub(0) < last {
			t.Fatalf("due after %v, before that %v", due.Sub(0), last)
		}
		last = due.Sub(0)
		v.Next(due)
		v.Done(0, 0, true)
	}
}

// Whatever is reported in whatever order: no more repairs than crews, nothing that serves is
// repaired, what can be repaired is repaired in the end, and a repair is never early.
func TestSupervisorKeepsItsRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 4
		cfg := heal.DefaultConfig()
		cfg.After = time.Duration(rapid.IntRange(0, 20).Draw(t, "after")) * time.Second
		cfg.Crews = rapid.IntRange(0, 2).Draw(t, "crews")
		v := heal.New(cfg, n)
		now := sim.Time(time.Hour)
		told := [n]sim.Time{} // when it was last said to be down while it served
		var going []heal.Repair
		next := func() bool {
			r, ok := v.Next(now)
			if !ok {
				return false
			}
			wait := cfg.After
			if r.Action == heal.Replace {
				wait = cfg.Replace
			}
			if now.Sub(told[r.Replica]) < wait {
				t.Fatalf("%v: %+v only %v after the report", now, r, now.Sub(told[r.Replica]))
			}
			going = append(going, r)
			if cfg.Crews > 0 && len(going) > cfg.Crews {
				t.Fatalf("%d repairs at once", len(going))
			}
			return true
		}
		done := func(ok bool) {
			r := going[0]
			going = going[1:]
			if v.State(r.Replica) != heal.Repairing {
				t.Fatalf("replica %d is %v during its repair", r.Replica, v.State(r.Replica))
			}
			v.Done(now, r.Replica, ok)
			if !ok {
				told[r.Replica] = now
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "wait")) * time.Second)
			},
			"down": func(t *rapid.T) {
				i := rapid.IntRange(0, n-1).Draw(t, "replica")
				if v.State(i) == heal.Serving {
					told[i] = now
				}
				v.Down(now, i, heal.Cause(rapid.IntRange(0, 2).Draw(t, "why")))
			},
			"up": func(t *rapid.T) {
				v.Up(now, rapid.IntRange(0, n-1).Draw(t, "replica"))
			},
			"next": func(t *rapid.T) { next() },
			"done": func(t *rapid.T) {
				if len(going) > 0 {
					done(rapid.Bool().Draw(t, "ok"))
				}
			},
			"": func(t *rapid.T) {
				repairing := 0
				for i := range n {
					if v.State(i) == heal.Repairing {
						repairing++
					}
				}
				if repairing != len(going) {
					t.Fatalf("%d replicas are being repaired, want %d", repairing, len(going))
				}
			},
		})
		for range 10 * n {
			for len(going) > 0 {
				done(true)
			}
			if due := v.Due(); due < sim.Never {
				now = max(now, due)
				next()
			}
		}
		for i := range n {
			if v.State(i) != heal.Serving {
				t.Fatalf("replica %d is still %v", i, v.State(i))
			}
		}
	})
}

func TestValidateNamesEveryBadField(t *testing.T) {
	err := heal.Config{After: -1, Boot: -1, Backoff: -1, MaxBackoff: -2, Reset: -1, Replace: -1, Crews: -1}.Validate()
	for _, field := range []string{"after", "boot", "backoff", "max backoff", "reset", "replace", "crews"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %q", err, field)
		}
	}
	if err := heal.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func ExampleSupervisor() {
	v := heal.New(heal.DefaultConfig(), 1)
	now := sim.Time(time.Hour)
	for range 4 { // it fails as soon as it serves
		v.Down(now, 0, heal.Exited)
		fmt.Println("restart after", v.Due().Sub(now))
		now = v.Due()
		v.Next(now)
		v.Done(now, 0, true)
	}
	// Output:
	// restart after 0s
	// restart after 10s
	// restart after 20s
	// restart after 40s
}

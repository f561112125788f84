package breaker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/sim"
)

// with returns cfg with one change.
func with(cfg breaker.Config, change func(c *breaker.Config)) breaker.Config {
	change(&cfg)
	return cfg
}

func play(t *testing.T, stories []story) {
	t.Helper()
	for _, c := range stories {
		if got := tell(t, breaker.New(c.cfg), c.story); got != c.states {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.story, got, c.states)
		}
	}
}

type story struct {
	name          string
	cfg           breaker.Config
	story, states string
}

// What opens a breaker: windows, counts and shares.
func TestTripStories(t *testing.T) {
	half := with(breaker.DefaultConfig(), func(c *breaker.Config) { c.MinCalls, c.Open = 4, 5*time.Second })
	last := with(half, func(c *breaker.Config) { c.Last = 4 })
	count := with(half, func(c *breaker.Config) { c.Rate, c.Count, c.MinCalls = 0, 3, 0 })
	above := with(half, func(c *breaker.Config) { c.RateAbove = true })
	onFailure := with(half, func(c *breaker.Config) { c.OnFailure = true })
	third := with(half, func(c *breaker.Config) { c.Rate, c.MinCalls, c.WholePercent = 0.333, 3, true })
	fixed := with(count, func(c *breaker.Config) { c.Steps, c.Align = 1, breaker.Whole })
	row := with(breaker.Consecutive(3, 5*time.Second), func(c *breaker.Config) { c.RowInWindow, c.Align = true, breaker.Origin })
	gap := with(breaker.Consecutive(3, 5*time.Second), func(c *breaker.Config) { c.Gap = 2 * time.Second })
	atStart := with(half, func(c *breaker.Config) { c.AtStart = true })
	slow := with(last, func(c *breaker.Config) { c.Rate, c.SlowRate, c.Slow = 0, 0.5, time.Second })
	slowTime := with(slow, func(c *breaker.Config) { c.Last = 0 })
	slowAtStart := with(slow, func(c *breaker.Config) { c.Last, c.AtStart, c.SlowRate = 0, true, 0.4 })
	play(t, []story{
		{"two of the last four", last, "0s+*9 1s- 2s-", "closed closed open"},
		{"however long ago", last, "0s- 100h+ 200h+ 300h-", "closed closed closed open"},
		{"what is not among the last four is forgotten", last, "0s- 1s+*3 2s-", "closed closed closed"},
		{"enough calls is at most as many as the window holds", with(last, func(c *breaker.Config) { c.MinCalls = 100 }), "0s+*2 1s-*2", "closed open"},
		{"three failures in the window", count, "0s- 1s+*9 2s- 3s-", "closed closed closed open"},
		{"not in longer", count, "0s- 1s- 10s-", "closed closed closed"},
		{"more than half", above, "0s+*2 1s-*2 2s-", "closed closed open"},
		{"only a failure opens it", onFailure, "0s-*3 1s+ 2s+ 3s-", "closed closed closed open"},
		{"a third is 33 %", third, "0s+*2 1s-", "closed closed"},
		{"two thirds are 67 %", third, "0s+ 1s-*2", "closed open"},
		{"a window that begins anew forgets everything at once", fixed, "0s- 9s-*1 10s- 11s- 12s-", "closed closed closed closed open"},
		{"and begins with the next event", fixed, "15s- 24s- 24.9s-", "closed closed open"},
		{"strictly after its length", with(fixed, func(c *breaker.Config) { c.Strictly = true }), "0s- 9s- 10s-", "closed closed open"},
		{"a row in the window", row, "0s-*2 9s-", "closed open"},
		{"a row that began before it", row, "0s-*2 10s- 11s-*2", "closed closed open"},
		{"a row ends by a pause, not by a success", gap, "0s- 1s+ 2s- 3s+ 4s-", "closed closed closed closed open"},
		{"a pause of more than that", gap, "0s- 1s- 3.000000001s- 4s-", "closed closed closed closed"},
		{"a pause of just that is none", gap, "0s- 1s- 3s-", "closed closed open"},
		{"calls count when they begin", atStart, "0s<a 0s<b 1s-*2", "closed closed open"},
		{"a result belongs to when its call began", atStart, "0s<a 0s<b 0s<c 9s-a 9s-b 9s<d 10s<e 10s-d 10s-e", "closed closed closed closed closed closed closed closed closed"},
		{"a call longer than the window never counts", atStart, "0s<a 10s-*1 10s-a 10s-*2", "closed closed closed closed"},
		{"a result from the window before is not looked at", with(half, func(c *breaker.Config) {
			c.AtStart, c.Steps, c.Align, c.MinCalls = true, 1, breaker.Whole, 2
		}), "0s<a 20s- 20s<b 20s-a 20s+b", "closed closed closed closed open"},
		{"a slow call that is not among the last four is forgotten", slow, "0s<a 2s+a 2s+*4 3s<a 5s+a", "closed closed closed closed closed"},
		{"nor is one that was too long ago", slowTime, "0s<a 2s+a 13s+*3 14s<b 16s+b", "closed closed closed closed closed"},
		{"what has left the window is gone once and for all", fixed, "0s-*2 10s-*2 20s-*3", "closed closed open"},
		{"a call that teaches nothing is not slow", slowAtStart, "0s<a 0s<b 0s+*4 2s?a 2s?b 2s+ 3s+", "closed closed closed closed closed closed closed"},
		{"a call that teaches nothing does not count", atStart, "0s<a 0s-*2 0s?a 0s+ 0s+", "closed closed closed closed open"},
	})
}

// How long it stays open, and what happens while it is half-open.
func TestTrialStories(t *testing.T) {
	inRow := breaker.Consecutive(1, 10*time.Second)
	change := func(f func(c *breaker.Config)) breaker.Config { return with(inRow, f) }
	probes := func(n, successes int, f func(c *breaker.Config)) breaker.Config {
		return change(func(c *breaker.Config) { c.Probes, c.Successes = n, successes; f(c) })
	}
	nothing := func(*breaker.Config) {}
	atOnce := probes(2, 2, func(c *breaker.Config) { c.Permits = breaker.AtOnce })
	spare := probes(3, 2, func(c *breaker.Config) { c.Verdict = breaker.Spare })
	byRate := probes(4, 0, func(c *breaker.Config) { c.Verdict, c.Rate, c.MinCalls = breaker.ByRate, 0.5, 100 })
	trial := change(func(c *breaker.Config) { c.Trial = 3 * time.Second })
	grows := change(func(c *breaker.Config) { c.OpenFactor, c.OpenMax = 2, 25*time.Second })
	ramp := change(func(c *breaker.Config) { c.Ramp = 8 * time.Second })
	counted := change(func(c *breaker.Config) { c.Stale = breaker.StaleCounted })
	play(t, []story{
		{"strictly after", change(func(c *breaker.Config) { c.Strictly = true }), "0s- 10sx 10.000000001s+", "open open closed"},
		{"it half-opens when asked", inRow, "0s- 15s= 15s<a", "open half-open half-open"},
		{"each time longer", grows, "0s- 9.9sx 10s- 29.9sx 30s- 54.9sx 55s-", "open open open open open open open"},
		{"as at first once it has closed", grows, "0s- 10s- 30s+ 31s- 40.9sx 41s+", "open open closed open open closed"},

		{"so many in all", probes(2, 2, nothing), "0s- 10s<a 10s<b 10sx 11s+a 11sx 11s+b", "open half-open half-open half-open half-open half-open closed"},
		{"so many at once", atOnce, "0s- 10s<a 10s<b 10sx 11s+a 11s<c 11sx 11s+c", "open half-open half-open half-open half-open half-open half-open closed"},
		{"all of them", probes(breaker.Unlimited, 3, nothing), "0s- 10s<a 10s<b 10s<c 10s<d 10s+*2 11s+d", "open half-open half-open half-open half-open half-open closed"},
		{"one failure can be spared", spare, "0s- 10s- 10s+ 10s+", "open half-open half-open closed"},
		{"two cannot", spare, "0s- 10s- 10s-", "open half-open open"},
		{"half of four failed", byRate, "0s- 10s-*2 10s+ 10s+", "open half-open half-open open"},
		{"less than half", byRate, "0s- 10s- 10s+*2 10s+", "open half-open half-open closed"},
		{"fewer than all probes are enough", with(byRate, func(c *breaker.Config) { c.MinCalls = 2 }), "0s- 10s+ 10s+", "open half-open closed"},
		{"rounded, successes come first", with(byRate, func(c *breaker.Config) {
			c.Probes, c.Rate, c.WholePercent = 3, 0.33, true
		}), "0s- 10s- 10s+ 10s+", "open half-open half-open closed"},

		{"nothing learned: its permit goes to another", inRow, "0s- 10s<a 10s?a 10s+", "open half-open half-open closed"},
		{"of those at once too", atOnce, "0s- 10s<a 10s<b 10s?a 10s<c 10sx", "open half-open half-open half-open half-open half-open"},
		{"nothing learned: it keeps its permit", change(func(c *breaker.Config) { c.Unlearned = breaker.Kept }), "0s- 10s<a 10s?a 10sx", "open half-open half-open half-open"},
		{"nothing learned is a failure", change(func(c *breaker.Config) { c.Unlearned = breaker.Failed }), "0s- 10s<a 10s?a", "open half-open open"},

		{"no verdict in time: it opens again", trial, "0s- 10s<a 12.9sx 13s= 22.9sx 23s+", "open half-open half-open open open closed"},
		{"from that instant on", trial, "0s- 10s<a 20s+a 22.9sx 23s=", "open half-open open open half-open"},
		{"no verdict in time: it closes", with(trial, func(c *breaker.Config) { c.TrialCloses = true }), "0s- 10s<a 12.9sx 13s+", "open half-open half-open closed"},
		{"by itself", with(trial, func(c *breaker.Config) { c.Auto, c.TrialCloses = true, true }), "0s- 12.9s= 13s= 14s-", "open half-open closed open"},
		{"by itself, over and over", with(trial, func(c *breaker.Config) { c.Auto = true }), "0s- 10s= 13s= 22.9s= 23s= 26s= 1000s=", "open half-open open open half-open open half-open"},

		{"a growing share", ramp, "0s- 10s+ 11sx*7 11s+ 14sx 14s+ 14sx 14s+ 18s= 18s+*9", "open half-open half-open half-open half-open half-open half-open half-open closed closed"},
		{"until one fails", ramp, "0s- 10s+ 14sx 14s-", "open half-open half-open open"},
		{"until too many fail", with(ramp, func(c *breaker.Config) { c.Verdict, c.Rate, c.MinCalls = breaker.ByRate, 0.5, 4 }), "0s- 10s- 14sx 14s- 14sx 14s+ 18s-", "open half-open half-open half-open half-open half-open open"},

		{"stale results count", counted, "0s<a 0s<b 0s- 10s<c 11s+a", "closed closed open half-open closed"},
		{"and open it again", counted, "0s<a 0s- 10s<c 11s-a", "closed open half-open open"},
		{"but not while it is open", counted, "0s<a 0s- 1s+a 1s= 9sx", "closed open open open open"},
		{"stale failures count", change(func(c *breaker.Config) { c.Stale = breaker.StaleFailures }), "0s<a 0s<b 0s- 10s<c 11s+a 11s-b", "closed closed open half-open half-open open"},
		{"with successes of earlier probes", with(probes(2, 1, nothing), func(c *breaker.Config) { c.Stale = breaker.StaleFailures }), "0s- 10s<a 10s- 20s<b 21s+a", "open half-open open half-open closed"},
	})
}

func TestForced(t *testing.T) {
	b := breaker.New(breaker.Consecutive(2, 10*time.Second))
	second := func(n int) sim.Time { return sim.Time(time.Duration(n) * time.Second) }
	var got []string
	do := func(story string) { got = append(got, tell(t, b, story)) }
	do("0s<a 0s-")
	b.Force(second(1), breaker.ForcedOpen)
	do("1sx 1000sx")
	b.Force(second(1001), breaker.ForcedClosed)
	do("1001s-*9")
	b.Force(second(1002), breaker.Closed)
	do("1002s- 1002s-")
	want := "closed closed, forced open forced open, forced closed, closed open"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got %s\nwant %s", s, want)
	}
	cfg := breaker.Consecutive(1, time.Second)
	cfg.Forced = breaker.ForcedOpen
	tell(t, breaker.New(cfg), "0sx 100hx")
	defer func() {
		if recover() == nil {
			t.Error("forced half-open")
		}
	}()
	b.Force(0, breaker.HalfOpen)
}

// The jitter belongs to the breaker and to how often it has opened.
func TestOpenJitter(t *testing.T) {
	cfg := breaker.Linkerd()
	cfg.Failures = 1
	times := func(name string) (list []time.Duration) {
		b := breaker.NewJittered(cfg, sim.Seed(1).Keyed(name))
		var now sim.Time
		for range 10 {
			permit, err := b.Allow(now)
			if err != nil {
				t.Fatal(err)
			}
			b.Done(now, permit, breaker.Failure)
			from := now
			for b.State(now) == breaker.Open {
				now = now.Add(time.Millisecond)
			}
			list = append(list, now.Sub(from))
		}
		return list
	}
	one, same, other := times("a"), times("a"), times("b")
	if first, second := one[0]-time.Second, (one[1]-2*time.Second)/2; (first - second).Abs() < 2*time.Millisecond {
		t.Errorf("the same luck each time: %v", one)
	}
	differ := 0
	for i, d := range one {
		least := min(time.Second<<i, time.Minute)
		if d < least || d > min(least+least/2, time.Minute)+time.Millisecond {
			t.Errorf("the %d-th time it is open for %v", i+1, d)
		}
		if d != same[i] {
			t.Errorf("the same breaker is open for %v and for %v", d, same[i])
		}
		if d != other[i] {
			differ++
		}
	}
	if differ < 5 {
		t.Error("breakers march together")
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	err := breaker.Config{Rate: 2, MinCalls: -1, Successes: 1}.Validate()
	want := `breaker: Rate is 2, need 0 to 1
breaker: MinCalls is -1, need 0 or more
breaker: Window is 0s, need more than 0
breaker: Open is 0s, need more than 0
breaker: Probes is 0, need 1 or more
breaker: Successes is 1, need 1 to Probes, or 0 for all`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	bad := breaker.Config{
		Forced: breaker.HalfOpen, Failures: -1, Count: -1, Rate: -1, SlowRate: 2, Steps: -1, Align: 99, AtStart: true, Last: -1,
		Every: -1, Gap: -1, OpenFactor: 0.5, OpenMax: -1, OpenJitter: -1, Ramp: -1, Permits: 9, Verdict: 9, Successes: -1, Unlearned: 9, Trial: -1, Stale: 9,
	}
	err = bad.Validate()
	for _, field := range strings.Fields("Forced Failures Count Rate SlowRate Slow Window Steps Align AtStart Last Every Gap Open OpenFactor OpenMax OpenJitter Ramp Probes Permits Verdict Successes Unlearned Trial Stale") {
		if !strings.Contains(err.Error(), "breaker: "+field+" is ") {
			t.Errorf("%s is not named", field)
		}
	}
}

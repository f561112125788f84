package hedge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/sim"
)

// What a learned delay is, as latencies come in. A word "3s:" moves on to an instant, "20ms" is a latency
// and "=20ms" says what the delay is; "=never" that there is no hedge.
func TestDelays(t *testing.T) {
	quantile := func(l Learning) Config { return Config{Mode: Quantile, Learn: l} }
	average := func(l Learning) Config { return Config{Mode: Average, Learn: l} }
	second := Learning{Quantile: 0.5, Step: time.Second, Steps: 2}
	with := func(l Learning, change func(*Learning)) Learning { change(&l); return l }
	for _, c := range []struct {
		name  string
		cfg   Config
		story string
	}{
		// Lengths below 256 ns have buckets of their own.
		{"the median", quantile(second), "=0s 10ns =10ns 30ns =10ns 20ns =20ns 40ns 50ns =30ns"},
		{"of the window", quantile(second), "10ns 10ns 1s: 30ns =10ns 2s: =30ns 3s: =0s"},
		{"of steps that are over", quantile(with(second, func(l *Learning) { l.Settled = true })), "10ns =0s 1s: 30ns =10ns 2s: 30ns =10ns 3s: =30ns 5s: =0s"},
		{"so many calls", quantile(with(second, func(l *Learning) { l.MinCalls = 3 })), "=never 10ns 10ns =never 10ns =10ns 2s: =never"},
		{"no shorter", quantile(with(second, func(l *Learning) { l.Min = 20 })), "=20ns 10ns =20ns 30ns 30ns =30ns"},
		{"no longer", quantile(with(second, func(l *Learning) { l.Max = 30 })), "29ns =29ns 30ns =29ns 99ns =never 1ns 1ns =29ns"},
		{"brought up to date", quantile(with(second, func(l *Learning) { l.Refresh = 500 * time.Millisecond })),
			"10ns =never 499ms: =never 500ms: =10ns 30ns 30ns =10ns 999ms: =10ns 1s: =30ns"},
		{"as of when it was due", quantile(with(second, func(l *Learning) { l.Refresh = 500 * time.Millisecond })),
			"10ns 600ms: 30ns 30ns =10ns 999ms: =10ns 1s: =30ns 5s: 7ns =0s 5.5s: =7ns"},
		{"the window, too, is that of when it was due", quantile(with(second, func(l *Learning) { l.Refresh = 1500 * time.Millisecond })),
			"10ns 2.5s: =10ns 3s: =0s"},

		{"the average", average(Learning{Last: 3, Factor: 1}), "=0s 10ns =10ns 20ns =15ns 60ns =30ns 10ns =30ns 20ns =30ns 0ns =10ns"},
		{"and more", average(Learning{Last: 3, Factor: 1, Plus: 5}), "=5ns 10ns =15ns"},
		{"a share", average(Learning{Last: 3, Factor: 1.5}), "10ns 20ns =22ns"},
		{"of what is too long, so much", average(Learning{Last: 2, Factor: 1, Max: 30}), "10ns 99ns =20ns"},
		{"of so many", average(Learning{Last: 3, Factor: 1, MinCalls: 2}), "=never 10ns =never 10ns =10ns"},

		{"Finagle: no backup at first, then after 1 ms, then by the last 30 s", Finagle(0.5),
			"=never 2.9s: =never 3s: =1ms 9s: 100ms 10.5s: =1ms 12s: =100ms 39s: =100ms 42s: =1ms"},
		{"Finagle: none from 2 s on", Finagle(0.5), "5s 11s: 12s: =never"},
		{"tower: the period before, with enough in it", Tower(0.5, 2, time.Second), "10ns 10ns =never 1s: 30ns =10ns 2s: =never"},
		{"resilience4j: 150 % of the average", Resilience4j(150), "=1ms 10ms 20ms =22.5ms"},
	} {
		d := newDelays(c.cfg, 0)
		now := sim.Time(0)
		for i, word := range strings.Fields(c.story) {
			if at, ok := strings.CutSuffix(word, ":"); ok {
				passed, _ := time.ParseDuration(at)
				now = sim.Time(passed)
				continue
			}
			want, check := strings.CutPrefix(word, "=")
			if !check {
				took, _ := time.ParseDuration(word)
				d.learn(now, took)
				continue
			}
			got := d.at(now)
			text := got.String()
			if got > time.Microsecond { // off by less than 1/128
				exact, _ := time.ParseDuration(want)
				if got >= exact && got-exact <= exact/128 {
					text = exact.String()
				}
			}
			if got == never {
				text = "never"
			}
			if text != want {
				t.Errorf("%s: word %d, at %v: %s, want %s", c.name, i, now, text, want)
			}
		}
	}
}

// Which copies count, by how they ended.
func TestSources(t *testing.T) {
	failed, timedOut := &patterns.Error{Kind: patterns.Failed}, &patterns.Error{Kind: patterns.Timeout}
	at := func(d time.Duration) sim.Time { return sim.Time(d) }
	for source, want := range map[Source]string{
		Successes: "[40ns]",
		Results:   "[20ns 15ns 40ns]",
		Firsts:    "[20ns]",
		Outrun:    "[15ns 40ns 30ns]",
	} {
		cfg := Config{Attempts: 4, Mode: Average, On: patterns.Transient, Learn: Learning{From: source, Last: 9, Factor: 1}}
		h := New(cfg, 0, nil)
		call := h.Begin(patterns.Request{})
		for i := range 4 { // copies at 0, 10, 20 and 30 ns
			h.Send(&call, at(time.Duration(10*i)))
		}
		h.Ended(&call, at(20), 1, failed)
		h.Ended(&call, at(25), 2, timedOut)
		h.Ended(&call, at(60), 3, nil)
		h.Over(&call, at(60), true)
		if got := fmt.Sprint(h.delays.last[:h.delays.known]); got != want {
			t.Errorf("source %d: %v, want %v", source, got, want)
		}
		gone := h.Begin(patterns.Request{})
		h.Send(&gone, at(100))
		h.Over(&gone, at(200), false)
		if got := fmt.Sprint(h.delays.last[:h.delays.known]); got != want {
			t.Errorf("source %d: a caller that has gone left %v", source, got)
		}
	}
}

func TestValidateNamesEveryBadField(t *testing.T) {
	for name, cfg := range map[string]Config{
		"DefaultConfig": DefaultConfig(), "GRPC": GRPC(), "FailsafeGo": FailsafeGo(time.Second), "Polly": Polly(),
		"Finagle": Finagle(0.05), "Envoy": Envoy(time.Second, 1), "Resilience4j": Resilience4j(50), "Tower": Tower(0.9, 10, time.Second),
	} {
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := Config{
		Mode: 9, Delay: -1, OnFailure: 9,
		Learn: Learning{From: 9, Quantile: 2, Factor: -1, Plus: -1, Refresh: -1, MinCalls: -1, Min: -1, Max: -1},
	}
	want := `hedge: Attempts is 0, need 1 to 11
hedge: Mode is 9, need fixed, quantile, average, fallback or dynamic
hedge: Delay is -1ns, need 0 or more
hedge: OnFailure is 9, need wait, hurry or in turn
hedge: Learn.From is 9, need successes, results, firsts or outrun
hedge: Learn.Quantile is 2, need 0 to 1
hedge: Learn.Factor is -1, need 0 to 1,000,000
hedge: Learn.Plus is -1ns, need 0 or more
hedge: Learn.Refresh is -1ns, need 0 or more
hedge: Learn.MinCalls is -1, need 0 or more
hedge: Learn.Min is -1ns, need 0 or more
hedge: Learn.Max is -1ns, need 0 or more`
	if diff := cmp.Diff(want, fmt.Sprint(bad.Validate())); diff != "" {
		t.Error(diff)
	}
	for mode, want := range map[Mode]string{
		Quantile: "hedge: Learn.Step is 0s, need more than 0\nhedge: Learn.Steps is 0, need 1 to 1000",
		Average:  "hedge: Learn.Last is 0, need 1 to 1,000,000",
		Fallback: "hedge: OnFailure is 0, need hurry in the mode fallback",
		Dynamic:  "hedge: Delays is [], need one at least",
	} {
		if diff := cmp.Diff(want, fmt.Sprint(Config{Attempts: 2, Mode: mode}.Validate())); diff != "" {
			t.Error(diff)
		}
	}
	for _, c := range []struct {
		budget retry.BudgetConfig
		want   string
	}{
		{retry.DefaultAdaptiveConfig(), "hedge: Budget is adaptive, need one that does not make calls wait"},
		{retry.TokensConfig{Deposit: -1}, "retry: TokensConfig.Deposit is -1, need 0 to 1000"},
	} {
		if diff := cmp.Diff(c.want, fmt.Sprint(Config{Attempts: 2, Budget: c.budget}.Validate())); diff != "" {
			t.Error(diff)
		}
	}
}

package alert_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns/alert"
	"github.com/nines-sim/nines/sim"
)

// Times to detect a constant share of bad calls against 99.9 %, in seconds, rules in the order of
// the workbook; zero: never. From the closed form Long·Burn·(1-target)/share.
var detects = []struct {
	share   float64
	seconds [3]float64
}{
	{1, [3]float64{51.84, 129.6, 259.2}},
	{0.1, [3]float64{518.4, 1296, 2592}},
	{0.01, [3]float64{0, 12960, 25920}},
	{0.002, [3]float64{0, 0, 129600}},
	{0.001, [3]float64{0, 0, 0}},
}

func TestDetectsIsTheClosedForm(t *testing.T) {
	for _, tt := range detects {
		for i, r := range alert.SREWorkbook() {
			got, ok := r.Detects(0.999, tt.share)
			if ok != (tt.seconds[i] > 0) || math.Abs(got.Seconds()-tt.seconds[i]) > 1e-6 {
				t.Errorf("%s at %v: %v %v, want %v s", r.Name, tt.share, got, ok, tt.seconds[i])
			}
		}
	}
	// Resets after a full outage: 4.93 min, 29.8 min, 359.6 min.
	for i, minutes := range []float64{4.928, 29.82, 359.64} {
		if got := alert.SREWorkbook()[i].Resets(0.999, 1).Minutes(); math.Abs(got-minutes) > 0.001 {
			t.Errorf("rule %d resets after %v min, want %v", i, got, minutes)
		}
	}
}

// outage feeds a monitor 1000 calls a second, of which a share is bad for a while, and returns
// when each rule fired and ended, from the start of the outage.
func outage(cfg alert.Config, share float64, lasts, watched time.Duration) (fired, ended [3]time.Duration) {
	m := alert.NewMonitor(cfg)
	perScrape := uint64(1000 * cfg.Scrape.Seconds())
	bad := uint64(share * float64(perScrape))
	var c alert.Counts
	for at := time.Duration(0); at <= watched; at += cfg.Scrape {
		if at > 0 {
			c.Calls += perScrape
			if at <= lasts {
				c.Bad += bad
			}
		}
		for _, change := range m.Scrape(sim.Time(at), c) {
			for i, r := range cfg.Rules {
				switch {
				case r.Name != change.Rule.Name:
				case change.To == alert.Firing && fired[i] == 0:
					fired[i] = at
				case change.From == alert.Firing && change.To == alert.Inactive:
					ended[i] = at - lasts
				}
			}
		}
	}
	return fired, ended
}

func config(scrape time.Duration) alert.Config {
	cfg := alert.DefaultConfig()
	cfg.Scrape = scrape
	cfg.Calm = alert.Counts{Calls: uint64(1000 * scrape.Seconds())}
	return cfg
}

// What is simulated is the closed form, rounded up to a scrape.
func TestMonitorDetectsWhenTheClosedFormSays(t *testing.T) {
	for _, scrape := range []time.Duration{time.Second, 15 * time.Second, time.Minute} {
		cfg := config(scrape)
		for _, tt := range detects {
			fired, _ := outage(cfg, tt.share, 40*time.Hour, 40*time.Hour)
			for i, r := range cfg.Rules {
				want, ever := r.Detects(cfg.Target, tt.share)
				if late := fired[i] - want; ever != (fired[i] > 0) || ever && (late < 0 || late > scrape) {
					t.Errorf("scrape %v, share %v: %s fired after %v, want %v %v", scrape, tt.share, r.Name, fired[i], want, ever)
				}
			}
		}
	}
}

func TestMonitorResetsWhenTheClosedFormSays(t *testing.T) {
	cfg := config(time.Second)
	for _, share := range []float64{1, 0.1} {
		_, ended := outage(cfg, share, 7*time.Hour, 14*time.Hour)
		for i, r := range cfg.Rules {
			want := r.Resets(cfg.Target, share)
			if late := ended[i] - want; late < 0 || late > cfg.Scrape {
				t.Errorf("share %v: %s ended after %v, want %v", share, r.Name, ended[i], want)
			}
		}
	}
}

// A single long window goes on for nearly an hour; 36 times the budget over an hour is 5 % of 30
// days, and resets 58 minutes after a full outage (SRE workbook, chapter 5).
func TestALongWindowAloneResetsLate(t *testing.T) {
	r := alert.Rule{Name: "36x over 1h", Long: time.Hour, Burn: 36}
	cfg := config(time.Second)
	cfg.Rules = []alert.Rule{r}
	fired, ended := outage(cfg, 1, 10*time.Minute, 2*time.Hour)
	if fired[0] != 130*time.Second { // 129.6 s
		t.Errorf("fired after %v", fired[0])
	}
	if ended[0] != 57*time.Minute+51*time.Second { // 3600 s - 129.6 s
		t.Errorf("ended after %v", ended[0])
	}
}

// Each letter is a scrape: + ten good calls, - ten bad calls, . no calls, ! the counters start
// anew and count ten good calls. States after each: i inactive, p pending, F firing.
func TestMonitorStories(t *testing.T) {
	for _, tt := range []struct {
		name, scrapes, want string
		change              func(*alert.Config)
	}{
		{name: "all is well", scrapes: "+++", want: "iii"},
		{name: "it fires at once", scrapes: "+-+", want: "iFi"},
		{name: "no calls are no failure", scrapes: "...", want: "iii"},
		{name: "it fires only after a while", scrapes: "--+---+", want: "ppippFi",
			change: func(c *alert.Config) { c.Rules[0].For = 2 * time.Second }},
		{name: "it goes on for a while", scrapes: "-++-+++", want: "FFiFFii",
			change: func(c *alert.Config) { c.Rules[0].Keep = 2 * time.Second }},
		{name: "a long window remembers", scrapes: "++-+++", want: "iiFFFi",
			change: func(c *alert.Config) { c.Rules[0].Long = 3 * time.Second; c.Target = 0.7 }},
		{name: "the short window ends it", scrapes: "++-+++", want: "iiFFii",
			change: func(c *alert.Config) {
				c.Rules[0].Long, c.Rules[0].Short, c.Target = 4*time.Second, 2*time.Second, 0.8
			}},
		{name: "too few calls to judge", scrapes: "---++", want: "iiFFF",
			change: func(c *alert.Config) { c.Rules[0].Long, c.MinCalls = 3*time.Second, 30 }},
		{name: "a past that went well", scrapes: "---", want: "iFF",
			change: func(c *alert.Config) {
				c.Rules[0].Long, c.Calm, c.Target = 4*time.Second, alert.Counts{Calls: 10}, 0.6
			}},
		{name: "a restarted counter is no failure", scrapes: "+!+", want: "iii"},
		{name: "nor does it hide one", scrapes: "-!-", want: "FiF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := alert.Config{Target: 0.9, Scrape: time.Second, Rules: []alert.Rule{{Name: "r", Long: time.Second, Burn: 1}}}
			if tt.change != nil {
				tt.change(&cfg)
			}
			m := alert.NewMonitor(cfg)
			var c alert.Counts
			m.Scrape(0, c)
			var got strings.Builder
			for i, letter := range tt.scrapes {
				switch letter {
				case '!':
					c = alert.Counts{Calls: 10}
				case '-':
					c.Calls, c.Bad = c.Calls+10, c.Bad+10
				case '+':
					c.Calls += 10
				}
				m.Scrape(sim.Time(i+1)*sim.Time(time.Second), c)
				got.WriteByte("ipF"[m.State(0)])
			}
			if got.String() != tt.want {
				t.Errorf("%s: got %s, want %s", tt.scrapes, got.String(), tt.want)
			}
		})
	}
}

func TestAFiringAlertIsRepeated(t *testing.T) {
	cfg := alert.Config{Target: 0.9, Scrape: time.Minute, Repeat: time.Hour,
		Rules: []alert.Rule{{Name: "r", Long: time.Minute, Burn: 1}}}
	m := alert.NewMonitor(cfg)
	var news []string
	for i := range uint64(200) {
		for _, c := range m.Scrape(sim.Time(i)*sim.Time(time.Minute), alert.Counts{Calls: i, Bad: i}) {
			news = append(news, fmt.Sprintf("%dm %v→%v", i, c.From, c.To))
		}
	}
	want := []string{"1m inactive→pending", "1m pending→firing", "61m firing→firing", "121m firing→firing", "181m firing→firing"}
	if diff := cmp.Diff(want, news); diff != "" {
		t.Error(diff)
	}
}

// The ring and its arithmetic give what adding up every interval would.
func TestMonitorAgainstTheWholeHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		long := rapid.IntRange(1, 9).Draw(t, "long")
		cfg := alert.Config{
			Target: 0.9, Scrape: time.Second,
			MinCalls: rapid.Uint64Range(0, 20).Draw(t, "min calls"),
			Calm:     alert.Counts{Calls: rapid.Uint64Range(0, 5).Draw(t, "calm")},
			Rules: []alert.Rule{
				{Name: "a", Long: time.Duration(long) * time.Second, Burn: 2,
					Short: time.Duration(rapid.IntRange(0, long).Draw(t, "short")) * time.Second},
				{Name: "b", Long: time.Duration(rapid.IntRange(1, 9).Draw(t, "other")) * time.Second, Burn: 5},
			},
		}
		m := alert.NewMonitor(cfg)
		var c alert.Counts
		m.Scrape(0, c)
		var history []alert.Counts // of each interval
		over := func(window time.Duration) (sum alert.Counts) {
			for n := range int(window / time.Second) {
				if i := len(history) - 1 - n; i >= 0 {
					sum.Calls += history[i].Calls
					sum.Bad += history[i].Bad
				} else {
					sum.Calls += cfg.Calm.Calls
				}
			}
			return sum
		}
		for i := range rapid.IntRange(1, 40).Draw(t, "scrapes") {
			var delta alert.Counts
			delta.Calls = rapid.Uint64Range(0, 9).Draw(t, "calls")
			delta.Bad = rapid.Uint64Range(0, delta.Calls).Draw(t, "bad")
			if rapid.IntRange(0, 9).Draw(t, "restart") == 0 && delta.Calls < c.Calls && (delta.Bad < c.Bad || c.Bad == 0) {
				c = alert.Counts{} // both counters are seen to fall
			}
			c.Calls, c.Bad = c.Calls+delta.Calls, c.Bad+delta.Bad
			history = append(history, delta)
			m.Scrape(sim.Time(i+1)*sim.Time(time.Second), c)
			for j, r := range cfg.Rules {
				burns := func(window time.Duration) bool {
					sum := over(window)
					return 10*float64(sum.Bad) > r.Burn*float64(sum.Calls)
				}
				want := burns(r.Long) && (r.Short == 0 || burns(r.Short)) && over(r.Long).Calls >= cfg.MinCalls
				if got := m.State(j) == alert.Firing; got != want {
					t.Fatalf("scrape %d: rule %s fires: %v, want %v", i, r.Name, got, want)
				}
				if over(r.Long).Bad == 0 && m.State(j) != alert.Inactive {
					t.Fatalf("rule %s is %v without a bad call", r.Name, m.State(j))
				}
			}
		}
	})
}

func TestValidateNamesEveryBadField(t *testing.T) {
	err := alert.Config{Target: 1, Calm: alert.Counts{Bad: 1}, Repeat: -1,
		Rules: []alert.Rule{{Name: "r", Short: time.Hour, For: -1, Keep: -1}}}.Validate()
	for _, field := range []string{"target", "scrape", "calm", "repeat", "long", "short", "burn", "for is", "keep"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %q", err, field)
		}
	}
	if err := alert.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func ExampleMonitor() {
	cfg := alert.DefaultConfig()
	cfg.Calm = alert.Counts{Calls: 900} // 60 calls a second before the run began
	m := alert.NewMonitor(cfg)
	var c alert.Counts
	for now := sim.Time(0); now < sim.Time(20*time.Minute); now = now.Add(cfg.Scrape) {
		for _, change := range m.Scrape(now, c) {
			if change.To != alert.Pending {
				fmt.Println(now, change.Rule.Severity, change.Rule.Name, change.To)
			}
		}
		c.Calls += 900
		if now >= sim.Time(5*time.Minute) && now < sim.Time(10*time.Minute) {
			c.Bad += 900
		}
	}
	// Output:
	// 6m0s page burn 14.4x over 1h firing
	// 7m15s page burn 6x over 6h firing
	// 9m30s ticket burn 1x over 3d firing
	// 15m0s page burn 14.4x over 1h inactive
}

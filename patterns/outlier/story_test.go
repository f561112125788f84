package outlier

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

// outcomes are the letters of stories.
var outcomes = map[byte]Outcome{'.': Ignored, '+': Success, '-': Failure, 'g': Gateway, 'l': Local}

// tell plays a story and returns what did not go as told. A story is a row of words:
//
//	40s        from here on it is 40 s
//	a90+10-    calls to endpoint a end: 90 succeed, 10 fail; a number goes before what it repeats
//	a?         a call to a begins
//	ab=        a and b are ejected, no others
//	a!         a passes a health check
//
// Endpoints are a, b, c, ...; ! is for detectors alone.
func tell(judge Judge, endpoints int, story string) error {
	var now sim.Time
	for _, word := range strings.Fields(story) {
		if d, err := time.ParseDuration(word); err == nil {
			now = sim.Time(d)
			continue
		}
		if names, ok := strings.CutSuffix(word, "="); ok {
			got := ""
			for i := range endpoints {
				if judge.Ejected(now, i) {
					got += string(rune('a' + i))
				}
			}
			if got != names {
				return fmt.Errorf("at %v: %q are ejected, want %q", now, got, names)
			}
			continue
		}
		i, n := int(word[0]-'a'), 0
		for _, c := range []byte(word[1:]) {
			switch {
			case c >= '0' && c <= '9':
				n = 10*n + int(c-'0')
				continue
			case c == '?':
				judge.Begin(now, i)
			case c == '!':
				judge.(*Detector).Checked(now, i)
			}
			if outcome, ok := outcomes[c]; ok {
				for range max(n, 1) {
					judge.Done(now, i, outcome)
				}
			}
			n = 0
		}
	}
	return nil
}

// none is a configuration without a rule, and with room for all.
func none() Config {
	return Config{Interval: 10 * time.Second, Base: 30 * time.Second, Max: 300 * time.Second, MaxEjected: 1, Checks: true}
}

func with(change func(*Config)) Config {
	cfg := none()
	change(&cfg)
	return cfg
}

func TestDetectorStories(t *testing.T) {
	envoy, grpc := Envoy(), GRPC()
	roomy := with(func(c *Config) { c.Failures = InARow{5, 1} })
	rate := with(func(c *Config) { c.Rate = SuccessRate{1.9, 5, 100, 1, 1} })
	share := with(func(c *Config) { c.Share = FailureShare{0.55, 3, 20, 1, 1} })
	for _, c := range []struct {
		name      string
		cfg       Config
		endpoints int
		story     string
	}{
		// In a row.
		{"five in a row", roomy, 3, "1s a4- = a- a="},
		{"a success between", roomy, 3, "1s a4- a+ a4- = a- a="},
		{"ignored between", roomy, 3, "1s a4- a. a- a="},
		{"failures of all kinds count", roomy, 3, "1s a-glg = a- a="},
		{"in a row over sweeps", roomy, 3, "9s a4- 11s a- a="},
		{"each endpoint has its own row", roomy, 3, "1s a4- b4- = b- b="},
		{"gateway errors", with(func(c *Config) { c.Gateway = InARow{3, 1} }), 2, "1s agg- = agg = ag a="},
		{"no answer is a gateway error", with(func(c *Config) { c.Gateway = InARow{3, 1} }), 2, "1s agll a="},
		{"no answer, apart", with(func(c *Config) { c.Split, c.Local = true, InARow{3, 1} }), 2, "1s all- = all = al a="},
		{"no answer, apart, is no failure", with(func(c *Config) { c.Split, c.Failures = true, InARow{3, 1} }), 2, "1s a--l+--3l = a- a="},
		{"a rule for no answers is only for apart", with(func(c *Config) { c.Local = InARow{3, 1} }), 2, "1s a9l ="},
		{"a rule that is not enforced begins its row anew", with(func(c *Config) { c.Gateway, c.Failures = InARow{2, 0}, InARow{5, 1} }), 2, "1s a4g = ag a="},
		{"a row that goes on past the ejection ends with it", roomy, 2, "1s a5- a4- 40s = a4- = a- a="},
		{"a row of no answers ends with the ejection too", with(func(c *Config) { c.Split, c.Local = true, InARow{3, 1} }), 2, "1s a3l a2l 40s a2l = al a="},
		{"of two rows, the one for gateway errors comes first", with(func(c *Config) { c.Gateway, c.Failures = InARow{2, 1}, InARow{2, 1} }), 2, "1s agg a= 40s ="},

		// How long.
		{"back in a sweep", roomy, 2, "1s a5- 30s a= 31s a= 39.999999999s a= 40s ="},
		{"back on the instant", roomy, 2, "10s a5- 39s a= 40s ="},
		{"longer each time", roomy, 2, "1s a5- 40s = a5- 99s a= 100s = a5- 189s a= 190s ="},
		{"shorter after a calm interval", roomy, 2, "1s a5- 40s = 50s a5- 79s a= 80s ="},
		{"not shorter before", roomy, 2, "1s a5- 40s = 49.9s a5- 109s a= 110s ="},
		{"one shorter for each", roomy, 2, "1s a5- 40s a5- 100s a5- 190s = 211s a5- 279s a= 280s ="},
		{"up to a maximum", with(func(c *Config) { c.Failures, c.Max = InARow{1, 1}, 70*time.Second }), 2,
			"0s a- 30s = a- 90s = a- 159s a= 160s = a- 229s a= 230s ="},
		{"the maximum holds the count", with(func(c *Config) { c.Failures, c.Max = InARow{1, 1}, 60*time.Second }), 2,
			"0s a- 30s a- 90s a- 150s a- 210s a- 270s = 280s 290s 300s a- 329s a= 330s ="},
		{"which goes one beyond it", with(func(c *Config) { c.Failures, c.Max = InARow{1, 1}, 60*time.Second }), 2,
			"0s a- 30s a- 90s a- 150s a- 210s a- 270s = 295s a- 359s a= 360s ="},
		{"no maximum: no growth", with(func(c *Config) { c.Failures, c.Max = InARow{1, 1}, 0 }), 2, "0s a- 30s = a- 59s a= 60s ="},
		{"long ago", roomy, 2, "1s a5- 40s a5- 100s = 10000h a5- 10000h30s ="},
		{"a health check", roomy, 2, "1s a5- 2s a! = a4- = a- a="},
		{"a health check that does not count", with(func(c *Config) { c.Failures, c.Checks = InARow{5, 1}, false }), 2, "1s a5- 2s a! a="},
		{"after a health check too: shorter later", roomy, 2, "1s a5- 5s a! 10s 14s a5- 79s a= 80s ="},

		// How many.
		{"half of four", with(func(c *Config) { c.Failures, c.MaxEjected = InARow{1, 1}, 0.5 }), 4, "1s a- b- c- ab="},
		{"half of three", with(func(c *Config) { c.Failures, c.MaxEjected = InARow{1, 1}, 0.5 }), 3, "1s a- b- a="},
		{"a tenth of nine is none", with(func(c *Config) { c.Failures, c.MaxEjected = InARow{1, 1}, 0.1 }), 9, "1s a- ="},
		{"a tenth of ten is one", with(func(c *Config) { c.Failures, c.MaxEjected = InARow{1, 1}, 0.1 }), 10, "1s a- b- a="},
		{"always one", with(func(c *Config) { c.Failures, c.MaxEjected, c.AlwaysOne = InARow{1, 1}, 0.1, true }), 3, "1s b- c- b="},
		{"0.07 of 100 are seven", with(func(c *Config) { c.Failures, c.MaxEjected = InARow{1, 1}, 0.07 }), 100, "1s a- b- c- d- e- f- g- h- abcdefg="},
		{"room again", with(func(c *Config) { c.Failures, c.MaxEjected = InARow{1, 1}, 0.5 }), 2, "1s a- b- a= 40s b- b="},
		{"gRPC: room before", with(func(c *Config) { c.Failures, c.MaxEjected, c.Rules = InARow{1, 1}, 0.1, GRPCRules }), 3, "1s a- b- a="},
		{"gRPC: none", with(func(c *Config) { c.Failures, c.MaxEjected, c.Rules = InARow{1, 1}, 0, GRPCRules }), 3, "1s a- ="},

		// Rates: {50, 100, 100, 100, 100} have a mean of 90 and a deviation of 20, so 52 is the least.
		{"Envoy's own example", rate, 5, "1s a50+50- b100+ c100+ d100+ e100+ 9s = 10s a="},
		{"mean 90.4, deviation 19.2, at least 53.92", rate, 5, "1s a52+48- b100+ c100+ d100+ e100+ 10s a="},
		{"mean 95, deviation 5, at least 85.5: nobody", rate, 4, "1s a90+10- b90+10- c100+ d100+ 10s ="},
		{"one of five is two deviations off, just enough", rate, 5, "1s a99+1- b100+ c100+ d100+ e100+ 10s a="},
		{"one of four is √3 off, never enough", with(func(c *Config) { c.Rate = SuccessRate{1.9, 4, 100, 1, 1} }), 4, "1s a100- b100+ c100+ d100+ 10s ="},
		{"two of nine are 1.87 off", rate, 9, "1s a100- b100- c100+ d100+ e100+ f100+ g100+ h100+ i100+ 10s ="},
		{"two of ten are 2 off", rate, 10, "1s a100- b100- c100+ d100+ e100+ f100+ g100+ h100+ i100+ j100+ 10s ab="},
		{"a hundred calls", rate, 5, "1s a99- b100+ c100+ d100+ e100+ 10s ="},
		{"four of five had enough", rate, 5, "1s a100- b100+ c100+ d100+ e99+ 10s ="},
		{"of the interval before", rate, 5, "1s a60- 11s a60- b100+ c100+ d100+ e100+ 20s ="},
		{"and not of the one before that", rate, 5, "1s a100- b100+ c100+ d100+ e100+ 10s a= 39s a= 40s = 50s ="},
		{"a call at the instant of the sweep is of the next interval", rate, 5, "1s b100+ c100+ d100+ e100+ 10s a100- ="},
		{"all alike", rate, 5, "1s a93+7- b93+7- c93+7- d93+7- e93+7- 10s ="},
		{"an ejected one does not count", with(func(c *Config) { c.Failures, c.Rate = InARow{200, 1}, SuccessRate{1.9, 5, 100, 1, 1} }), 6,
			"1s a200- a= b50+50- c100+ d100+ e100+ f100+ 10s ab="},
		{"no answers, apart", with(func(c *Config) { c.Split, c.Rate = true, SuccessRate{1.9, 5, 100, 0, 1} }), 5,
			"1s a100l b100+ c100+ d100+ e100+ 10s a="},
		{"answers that fail are answers", with(func(c *Config) { c.Split, c.Rate = true, SuccessRate{1.9, 5, 100, 0, 1} }), 5,
			"1s a100- b100+ c100+ d100+ e100+ 10s ="},

		// Shares.
		{"at the threshold", share, 3, "1s a55-45+ b100+ c100+ 10s a="},
		{"below it", share, 3, "1s a54-46+ b100+ c100+ 10s ="},
		{"twenty calls", share, 3, "1s a19- b100+ c20+ 10s ="},
		{"three endpoints", share, 3, "1s a20- b100+ c19+ 10s ="},
		{"all of them", share, 3, "1s a20- b20- c20- 10s abc="},
		{"gRPC: at the threshold", with(func(c *Config) { c.Share, c.Rules = FailureShare{0.55, 3, 20, 1, 1}, GRPCRules }), 3,
			"1s a55-45+ b56-44+ c100+ 10s b="},
		{"no answers, apart, by share", with(func(c *Config) { c.Split, c.Share = true, FailureShare{0.5, 3, 20, 0, 1} }), 3,
			"1s a20l b100- c100+ 10s a="},
		{"a rate first, and then a share of the same endpoints", with(func(c *Config) {
			c.Rate, c.Share = SuccessRate{1.9, 5, 100, 1, 1}, FailureShare{0.5, 5, 100, 1, 1}
		}), 5, "1s a100- b50+50- c100+ d100+ e100+ 10s ab="},

		// The presets.
		{"Envoy: nothing of three", envoy, 3, "1s a9- ="},
		{"Envoy: one of ten", envoy, 10, "1s a9- b9- a="},
		{"Envoy: shares are not enforced", envoy, 10, "1s a50-5+ b50+ c50+ d50+ e50+ 10s a="},
		{"gRPC: one of five, for 40 s", grpc, 5, "1s a100- b100+ c100+ d100+ e100+ 10s a= 40s a= 49s a= 50s ="},
		{"gRPC: failures in a row are nothing", grpc, 5, "1s a9- ="},
		{"gRPC: shorter at once", grpc, 5, "1s a100- b100+ c100+ d100+ e100+ 50s = 51s a100- b100+ c100+ d100+ e100+ 60s a= 119s a= 120s a= 130s ="},
		{"gRPC: late calls of the ejected", with(func(c *Config) { c.Share, c.Rules = FailureShare{0.5, 1, 20, 1, 1}, GRPCRules }), 2,
			"1s a20- 10s a= 15s a20- 20s a= 80s a= 90s ="},
		{"Envoy: not so", with(func(c *Config) { c.Share = FailureShare{0.5, 1, 20, 1, 1} }), 2,
			"1s a20- 10s a= 15s a20- 20s a= 40s ="},
	} {
		if err := tell(New(c.cfg, sim.Seed(1).Keyed("outlier"), 0, c.endpoints), c.endpoints, c.story); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAccrualStories(t *testing.T) {
	row := AccrualConfig{Failures: 3, First: 5 * time.Second, Max: 5 * time.Second}
	rate := AccrualConfig{Rate: 0.8, Window: 30 * time.Second, MinCalls: 5, First: 5 * time.Second, Max: 5 * time.Second}
	for _, c := range []struct {
		name  string
		cfg   AccrualConfig
		story string
	}{
		{"three in a row", row, "1s a-- = a- a="},
		{"of any kind", row, "1s a-g = al a="},
		{"a success between", row, "1s a--+-- = a- a="},
		{"ignored between", row, "1s a--. = a- a="},
		{"each on its own", row, "1s a-- b-- = b- b="},
		{"dead for five seconds", row, "1s a3- 5.999999999s a= 6s ="},
		{"one probe", row, "1s a3- 6s = a? a= 60s a="},
		{"a probe succeeds", row, "1s a3- 6s a? a+ = a-- = a- a="},
		{"a probe fails", row, "1s a3- 6s a? 7s a- a= 11.9s a= 12s ="},
		{"a probe that says nothing", row, "1s a3- 6s a? a= a. = a? a="},
		{"failures while dead", row, "1s a3- 3s a9- 6s ="},
		{"failures while a probe is awaited", row, "1s a3- 6s a9- ="},
		{"a call while dead is no probe", row, "1s a3- 3s a? a= 6s = a? a="},
		{"a success while dead is not life, and the next failure is the first", row, "1s a3- 3s a+ a= 6s = a? a- = a? a- = a? a- a="},
		{"a late success decides the probe", row, "1s a?? a3- 6s a? a= a+ ="},
		{"a late failure too", row, "1s a3- 6s a? a- a= 10s a- a= 11s ="},
		{"dead for five seconds when asked late", row, "1s a3- 60s a- = a? a- a="},

		// A rate: after t seconds without a success since the last, at time zero, it is exp(-t/30s).
		{"the window must have passed", rate, "0s a+ 10s a-- 20s a-- 29.999s a- = 30s a- a="},
		{"five calls", rate, "0s a+ 30s a4- = a- a="},
		{"five calls in a window that has passed", rate, "0s a+ 31s a4- = 61s a4- = a- a="},
		{"a window slides by whole steps of six seconds", rate, "0s a+ 31s a- 42s a- 53s a- 64s a- = 75s a- a="},
		{"a rate of just so much is enough", AccrualConfig{Rate: 1, Window: 30 * time.Second, First: 5 * time.Second, Max: 5 * time.Second}, "0s a+ 30s a+- = 31s a- a="},
		// The fourth ejection for failures lasts 20 s at least, and the first for the rate 5 s.
		{"of two rules, the longer time counts", AccrualConfig{Failures: 3, Rate: 0.8, Window: 30 * time.Second, First: 5 * time.Second, Max: time.Minute},
			"0s a+ 1s a3- 6s a? a- 17s = a? a- 38s = a? a- 57s a="},
		{"a rate of exp(-6.6/30) is 0.8025", rate, "0s a+ 30s a3+ 36.6s a- = 36.7s a- a="},
	} {
		if err := tell(NewAccrual(c.cfg, sim.Seed(1).Keyed("outlier"), 0, 3), 3, c.story); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

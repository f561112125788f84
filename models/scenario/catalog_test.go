package scenario_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A windowBreaker is somebody's own breaker.
type windowBreaker struct {
	Window    time.Duration
	MaxRate   float64 `nines:"rate,ratio,min=0,max=1"`
	MinCalls  int     `nines:",min=1"`
	Slow      scenario.Length
	On        patterns.Kinds
	HTTPCodes []int
	Probe     probe
	Notify    *probe
}

type probe struct {
	Every  time.Duration
	Strict bool
}

func (w *windowBreaker) Validate() error {
	if w.Window > time.Hour {
		return errors.New("the window is longer than an hour")
	}
	return nil
}

func ownBreaker() *scenario.Catalog {
	return &scenario.Catalog{Families: []scenario.Family{
		{
			Name: "window_breaker", Slot: "breaker",
			Config: func() any {
				return &windowBreaker{Window: 10 * time.Second, MaxRate: 0.5, MinCalls: 20, On: patterns.Transient, Probe: probe{Every: time.Second}}
			},
			New: func(*sim.Simulation, string, any) patterns.Policy { return nil },
		},
		{Name: "audit", Config: func() any { return &struct{ Share float64 }{1} }},
	}}
}

func withOwn(t *testing.T, calls string) (*scenario.File, error) {
	t.Helper()
	minimal, err := os.ReadFile("testdata/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return scenario.Parse("shop.yaml", append(minimal, calls...), ownBreaker())
}

func TestOwnFamily(t *testing.T) {
	f, err := withOwn(t, `
calls:
  default: {breaker: {consecutive: 5}, audit: {share: 0.5}}
  web: {db: {window_breaker: {rate: 25%, slow: exp 1s, http_codes: [500, 503], notify: {}}}}
variants:
  ours: {calls.web.db.window_breaker: none, calls.web.db.breaker: {consecutive: 3}}
  looser: {calls.*.*.window_breaker.rate: 75%}
`)
	if err != nil {
		t.Fatal(err)
	}
	pair := f.Base().Calls.Between("web", "db")
	if pair.Breaker != nil {
		t.Error("the pair has two policies in the slot breaker")
	}
	want := []scenario.Own{
		{Family: "window_breaker", Slot: "breaker", Config: &windowBreaker{Window: 10 * time.Second, MaxRate: 0.25, MinCalls: 20, Slow: scenario.Exp(time.Second),
			On: patterns.Transient, HTTPCodes: []int{500, 503}, Probe: probe{Every: time.Second}, Notify: &probe{}}},
		{Family: "audit", Slot: "audit", Config: &struct{ Share float64 }{0.5}},
	}
	if diff := cmp.Diff(want, pair.More); diff != "" {
		t.Errorf("own policies (-want +got):\n%s", diff)
	}
	if got := pair.Order[len(pair.Order)-1]; got != "audit" {
		t.Errorf("innermost is %s, want audit", got)
	}
	ours, err := f.Variant("ours")
	if err != nil {
		t.Fatal(err)
	}
	if p := ours.Calls.Between("web", "db"); p.Breaker == nil || p.Breaker.Failures != 3 || len(p.More) != 1 {
		t.Errorf("ours has %+v and %+v", p.Breaker, p.More)
	}
	looser, err := f.Variant("looser", "window_breaker.probe.every=2s")
	if err != nil {
		t.Fatal(err)
	}
	if own := looser.Calls.Between("web", "db").More[0].Config.(*windowBreaker); own.MaxRate != 0.75 || own.Probe.Every != 2*time.Second {
		t.Errorf("looser has %+v", own)
	}
	paths, err := f.Paths("", "window_breaker.")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) != 10 || paths[1] != (scenario.Path{Path: "calls.web.db.window_breaker.rate", Value: "25%", Unit: "ratio", Default: "50%"}) {
		t.Errorf("paths are %+v", paths)
	}
	again, err := scenario.Parse("again.yaml", scenario.Marshal(f.Base(), ownBreaker()), ownBreaker())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.Base(), again.Base()); diff != "" {
		t.Errorf("reading what was written (-want +got):\n%s", diff)
	}
}

func TestOwnFamilyErrors(t *testing.T) {
	tests := []struct{ calls, want string }{
		{"calls: {default: {window_braker: {}}}", "there is no such key; did you mean window_breaker?"},
		{"calls: {default: {window_breaker: {min_calls: 0}}}", "calls.default.window_breaker.min_calls: is 0, need at least 1"},
		{"calls: {default: {window_breaker: {windw: 5s}}}", "there is no such key; did you mean window?"},
		{"calls: {default: {window_breaker: {window: 5}}}", "5 has no unit"},
		{"calls: {default: {window_breaker: {window: 2h}}}", "calls.default.window_breaker: the window is longer than an hour"},
		{"calls: {default: {window_breaker: {http_codes: [five]}}}", "http_codes[0]: is five, expected a whole number"},
		{"calls: {default: {window_breaker: {}, breaker: {}}}", "window_breaker and breaker both take the place breaker"},
	}
	for _, test := range tests {
		if _, err := withOwn(t, test.calls); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\ngot  %v\nwant %s", test.calls, err, test.want)
		}
	}
}

func TestCatalogMistakesPanic(t *testing.T) {
	config := func() any { return &struct{}{} }
	for want, family := range map[string]scenario.Family{
		"a name has only":             {Name: "My Breaker", Config: config},
		"is there already":            {Name: "breaker", Config: config},
		"has the slot":                {Name: "mine", Slot: "brake", Config: config},
		"must return a pointer":       {Name: "mine", Config: func() any { return struct{}{} }},
		"a file cannot hold a func()": {Name: "mine", Config: func() any { return &struct{ F func() }{} }},
		"the unknown option \"ratoi\"": {Name: "mine", Config: func() any {
			return &struct {
				X float64 `nines:"x,ratoi"`
			}{}
		}},
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, want) {
					t.Errorf("%+v: panic %q, want %q in it", family.Name, got, want)
				}
			}()
			_, err := scenario.Load("testdata/minimal.yaml", &scenario.Catalog{Families: []scenario.Family{family}})
			t.Errorf("%s: no panic (%v)", family.Name, err)
		}()
	}
}

package fault

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParamsSayWhatIsWrong(t *testing.T) {
	tests := []struct {
		kind Kind
		give Params
		want string // every line of the error; empty: none
	}{
		{Crash, Params{}, ""},
		{Crash, Params{Loses: "disk"}, ""},
		{Crash, Params{Loses: "hope"}, `loses: is "hope", need memory or disk`},
		{Crash, Params{Factor: 2}, "factor: means nothing to crash, which takes loses"},
		{Outage, Params{Errors: 0.5}, "errors: means nothing to outage, which takes no parameters"},
		{Slow, Params{}, "factor: is 0, need more than 0"},
		{Slow, Params{Factor: 20, Errors: 0.1}, ""},
		{Slow, Params{Factor: -1, Errors: 2}, "factor: is -1, need more than 0\nerrors: is 2, need 0 to 1"},
		{Errors, Params{}, ""}, // a sweep begins at none
		{Loss, Params{Loss: 1.5}, "loss: is 1.5, need 0 to 1"},
		{Delay, Params{Delay: -time.Second}, "delay: is -1s, need 0 or more"},
		{Partition, Params{With: []string{"b", ""}, OneWay: true}, "with: has an empty name"},
		{Clock, Params{Offset: -time.Hour, DriftPPB: 200_000}, ""},
		{Clock, Params{DriftPPB: -1e9}, "drift_ppb: is -1000000000, need more than -1000000000 (a clock that stands still)"},
		{Deploy, Params{Errors: 0.3}, ""},
		{"crush", Params{}, `kind: "crush" is unknown, need one of crash, pause, slow, errors, outage, ` +
			`partition, loss, delay, clock, surge, cache_flush, deploy, lost_disk`},
	}
	for _, tt := range tests {
		got := ""
		if err := tt.give.Validate(tt.kind); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s %+v:\n got %s\nwant %s", tt.kind, tt.give, got, tt.want)
		}
	}
}

func TestEveryKindTakesKnownParameters(t *testing.T) {
	known := names(new(Params).fields())
	for _, k := range Kinds() {
		for _, name := range k.Takes() {
			if !slices.Contains(strings.Split(known, ", "), name) {
				t.Errorf("%s takes %s, which is no parameter", k, name)
			}
		}
	}
}

func TestParamsAsText(t *testing.T) {
	tests := []struct {
		give Params
		want string
	}{
		{Params{}, ""},
		{Params{Factor: 20, Errors: 0.1}, "20x, 10% errors"},
		{Params{Loses: LosesDisk}, "loses disk"},
		{Params{Loss: 0.005, With: []string{"zones.b"}, OneWay: true}, "0.5% lost, to zones.b"},
		{Params{OneWay: true}, "outgoing only"},
		{Params{Delay: 80 * time.Millisecond, With: []string{"b", "c"}}, "+80ms, with b, c"},
		{Params{Offset: -time.Second, DriftPPB: 1000}, "off by -1s, drifts 1000 ppb"},
	}
	for _, tt := range tests {
		if got := tt.give.String(); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.give, got, tt.want)
		}
	}
}

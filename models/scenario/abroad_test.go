package scenario

import (
	"slices"
	"strings"
	"testing"
)

// Every name abroad stands for keys that there are, and is written as it is looked for.
func TestNamesAbroadAreOfKeys(t *testing.T) {
	var keys []string
	shaper := newShaper(nil)
	for _, s := range subjects() {
		keys = append(keys, s.name)
		keys = append(keys, shaper.of(s.typ, tag{}).keyNames()...)
	}
	for name, list := range namesAbroad {
		if name != strings.ToLower(written.Replace(name)) {
			t.Errorf("%s is never found", name)
		}
		for _, key := range list {
			if !slices.Contains(keys, key) {
				t.Errorf("%s stands for %s, which is no key", name, key)
			}
		}
	}
}

func TestNearestKey(t *testing.T) {
	breaker := []string{"rate", "last", "window", "open", "min_calls"}
	for name, want := range map[string]string{
		"slidingWindowSize": "last", "failure_rate_threshold": "rate", "waitDurationInOpenState": "open", "opne": "open",
		"maxAttempts": "", "sleepWindow": "open", "minimum-number-of-calls": "min_calls", "samplingDuration": "window",
	} {
		if got := NearestKey(name, breaker); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := NearestKey("slidingWindowSize", []string{"window", "rate"}); got != "window" {
		t.Errorf("without last: %s", got)
	}
}

func TestNearestKind(t *testing.T) {
	for _, kind := range kindsAbroad {
		if !slices.Contains(kindNames(), kind) {
			t.Errorf("there is no kind %s", kind)
		}
	}
	for name, want := range map[string]string{"UNAVAILABLE": "unavailable", "503": "overloaded", "5xx": "failed", "DEADLINE_EXCEEDED": "timeout", "timeuot": "timeout", "teapot": ""} {
		if got := nearestKind(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

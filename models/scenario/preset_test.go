package scenario

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/timeout"
)

const withPolicies = `
nines: 1
services: {api: {ops: {get: {work: 5ms}}}}
workload: {users: {rate: 1/s, mix: {api.get: 100%%}}}
calls: {default: {%s}}
`

func policies(t *testing.T, text string) *Policies {
	t.Helper()
	f, err := Parse("x.yaml", fmt.Appendf(nil, withPolicies, text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &f.Base().Calls.Default
}

// Every preset of every family can be named, with and without its version, and stands for what its library's
// configuration is.
func TestPresets(t *testing.T) {
	root := newShaper(nil).of(reflect.TypeFor[Policies](), tag{})
	families := 0
	for _, k := range root.keys {
		x, ok := reflect.New(k.shape.typ).Interface().(presetter)
		if !ok {
			continue
		}
		families++
		for _, p := range x.presets() {
			byName := policies(t, fmt.Sprintf("%s: {preset: %s}", k.name, p.Name))
			byVersion := policies(t, fmt.Sprintf("%s: {preset: %s}", k.name, p))
			if diff := cmp.Diff(byName, byVersion); diff != "" {
				t.Errorf("%s is not %s (-name +version):\n%s", p.Name, p, diff)
			}
			want := reflect.New(k.shape.typ)
			setDefaults(k.shape, want.Elem())
			for _, q := range want.Interface().(presetter).presets() {
				if q.Name == p.Name {
					q.use()
				}
			}
			want.Elem().FieldByName("Preset").SetString(p.String())
			got := reflect.ValueOf(byName).Elem().FieldByIndex(k.index)
			if got.Kind() != reflect.Pointer {
				got = got.Addr()
			}
			if diff := cmp.Diff(want.Interface(), got.Interface()); diff != "" {
				t.Errorf("%s: %s (-preset +read):\n%s", k.name, p, diff)
			}
		}
	}
	if families < 1 {
		t.Errorf("only %d families have presets", families)
	}
}

// What a value of the format that has taken a preset over is built into is the preset's configuration.
func TestPresetsAreBuiltAgain(t *testing.T) {
	for _, p := range retry.Presets() {
		if p.Config.Backoff.Jitter == retry.PollyJitter {
			p.Config.Backoff.Factor = 0 // it has no meaning
		}
		if diff := cmp.Diff(p.Config, policies(t, "retry: {preset: "+p.Name+"}").Retry.Of()); diff != "" {
			t.Errorf("retry: %s (-preset +built):\n%s", p.Name, diff)
		}
	}
	for _, p := range timeout.Presets() {
		built, total := policies(t, "timeout: {preset: "+p.Name+"}").Timeout.Of()
		if p.Config.Layer == "total" {
			built = total
		}
		if diff := cmp.Diff(p.Config, built); diff != "" {
			t.Errorf("timeout: %s (-preset +built):\n%s", p.Name, diff)
		}
	}
	for _, p := range hedge.Presets() {
		if diff := cmp.Diff(p.Config, policies(t, "hedge: {preset: "+p.Name+"}").Hedge.Of()); diff != "" {
			t.Errorf("hedge: %s (-preset +built):\n%s", p.Name, diff)
		}
	}
}

func TestPresetsAreNamedRight(t *testing.T) {
	for text, want := range map[string]string{
		"breaker: {preset: hysterix}":               "calls.default.breaker.preset: is hysterix, expected the name of a preset: resilience4j, ",
		"breaker: {preset: resilience4j@2.3.0}":     "this program knows resilience4j as it is in version af9e7c97",
		"breaker: {preset: [hystrix]}":              "is [hystrix], expected the name of a preset",
		"breaker: {preset: hystrix, rate: none}":    "calls.default.breaker.rate: is none: needs a share above that",
		"outlier: {preset: envoy, accrual: {}}":     "calls.default.outlier.accrual: is set, need none with the preset envoy, which compares replicas",
		"outlier: {preset: finagle, accrual: none}": "calls.default.outlier.accrual: is none, need one with the preset finagle",
		"breaker: {preset: gobreaker, slow: 10s}":   "calls.default.breaker.slow: has a meaning only with slow_rate",
	} {
		_, err := Parse("x.yaml", fmt.Appendf(nil, withPolicies, text), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// What is written beside a preset changes it, whatever the order, and leaves the rest.
func TestPresetIsChanged(t *testing.T) {
	b := policies(t, "breaker: {half_open: 2, preset: gobreaker, open: 10s}").Breaker
	want := policies(t, "breaker: {preset: gobreaker}").Breaker
	want.Probes, want.Open = 2, 10e9
	if diff := cmp.Diff(want, b); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Envoy and gRPC tell the server when the caller gives up, and other libraries do not.
func TestWhoseTimeoutsCancel(t *testing.T) {
	for _, p := range timeout.Presets() {
		cancels := p.Name == "envoy" || p.Name == "grpc"
		if got := policies(t, "timeout: {preset: "+p.Name+"}").Timeout.Cancel; got != cancels {
			t.Errorf("%s: cancel is %v, want %v", p.Name, got, cancels)
		}
	}
}

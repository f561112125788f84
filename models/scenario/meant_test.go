package scenario

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns/retry"
)

// What is left in a key that has no meaning changes nothing: neither what a policy is made of, nor what is written.
func TestExcludedKeysMeanNothing(t *testing.T) {
	root := newShaper(nil).of(reflect.TypeFor[Scenario](), tag{})
	types := make(map[string]*shape)
	each(root, root.unset(), func(sh *shape, _ reflect.Value) { types[sh.typ.Name()] = shapeOf(sh.typ) })
	// What these are is not a policy's configuration.
	others := []string{"Service", "Store", "Stream", "Fault", "Fallback"}
	for name, sh := range types {
		v := reflect.New(sh.typ)
		if _, ok := v.Interface().(excluder); !ok || slices.Contains(others, name) {
			continue
		}
		if len(madeOf(sh.typ)) == 0 && name != "Shared" { // which is part of a limit
			t.Errorf("%s has keys without a meaning, and no method that returns a configuration", name)
		}
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				v := drawPolicy(t, sh)
				x := v.Addr().Interface().(excluder)
				free := slices.DeleteFunc(slices.Clone(sh.keys), func(k *key) bool { return x.excludes(k.name) == "" })
				if len(free) == 0 {
					return
				}
				before, written := configsOf(v), encode(sh, v).flow()
				k := rapid.SampledFrom(free).Draw(t, "key")
				left := v.FieldByIndex(k.index)
				left.SetZero()
				drawSparse(t, k.shape, left)
				if diff := cmp.Diff(before, configsOf(v), cmpopts.EquateNaNs()); diff != "" {
					t.Fatalf("%s of %s has no meaning (%s), and %v there changes (-before +after)\n%s", k.name, written, x.excludes(k.name), left, diff)
				}
				if after := encode(sh, v).flow(); after != written {
					t.Fatalf("%s of %s has no meaning, and with %v there it is written\n%s", k.name, written, left, after)
				}
			})
		})
	}
}

// What is left by a preset has its meaning again when something gives it one.
func TestLeftoversWait(t *testing.T) {
	for text, want := range map[string]retry.Backoff{
		"retry: {preset: polly_jittered}":                                      {First: 2 * time.Second, Grain: 100, Jitter: retry.PollyJitter, CapLast: true},
		"retry: {preset: polly_jittered, jitter: none}":                        {First: 2 * time.Second, Grain: 100, Factor: 1, CapLast: true},
		"retry: {preset: polly, growth: linear, step: 1s}":                     {First: 2 * time.Second, Grain: 100, Growth: retry.Linear, Step: time.Second},
		"retry: {preset: polly, jitter: envoy, factor: 3x}":                    {First: 2 * time.Second, Grain: 100, Factor: 3, Jitter: retry.EnvoyJitter},
		"retry: {preset: resilience4j_exponential, jitter: full, grain: none}": {First: 500 * time.Millisecond, Factor: 1.5, Jitter: retry.Full, CapLast: true},
	} {
		if diff := cmp.Diff(want, policies(t, text).Retry.Of().Backoff); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	envoy := policies(t, "retry: {jitter: envoy, factor: 3x}").Retry
	envoy.Backoff.Growth = retry.Linear
	if b := envoy.Of().Backoff; b.Growth != retry.Exponential || b.Factor != 3 {
		t.Errorf("%+v: with jitter: envoy the growth has no meaning, and factor has one", b)
	}
	inARow := policies(t, "breaker: {preset: gobreaker_window, rate: none, consecutive: 5}").Breaker.Of("")
	if inARow.AtStart || inARow.Window != 0 || inARow.MinCalls != 0 {
		t.Errorf("%+v: at_start alone makes no window", inARow)
	}
	ofCalls := policies(t, "breaker: {preset: gobreaker_window, last: 20}").Breaker.Of("")
	if ofCalls.AtStart || ofCalls.Window != 0 || ofCalls.Last != 20 {
		t.Errorf("%+v: at_start and window have no meaning with last", ofCalls)
	}
}

// drawPolicy draws a policy that passes its checks: its defaults, or those of a preset or a kind, of which some keys
// are other ones.
func drawPolicy(t *rapid.T, sh *shape) reflect.Value {
	return rapid.Custom(func(t *rapid.T) reflect.Value {
		v := sh.unset()
		if p, ok := v.Addr().Interface().(presetter); ok && len(p.presets()) > 0 && rapid.Bool().Draw(t, "preset") {
			rapid.SampledFrom(p.presets()).Draw(t, "of").use()
		}
		if k, ok := v.Addr().Interface().(kinded); ok && rapid.Bool().Draw(t, "kind") {
			k.ofKind(rapid.SampledFrom(sh.key("kind").shape.words()).Draw(t, "of"))
		}
		for range rapid.IntRange(0, 6).Draw(t, "keys") {
			k := rapid.SampledFrom(sh.keys).Draw(t, "key")
			if !k.shape.tag.preset {
				into := v.FieldByIndex(k.index)
				into.SetZero()
				drawSparse(t, k.shape, into)
			}
		}
		return v
	}).Filter(func(v reflect.Value) bool {
		ok := true
		if c, checked := v.Addr().Interface().(checker); checked {
			c.check(func(string, string) { ok = false })
		}
		return ok
	}).Draw(t, "policy")
}

// drawSparse draws a value, which is often none where it may be that.
func drawSparse(t *rapid.T, sh *shape, v reflect.Value) {
	if !sh.tag.none || rapid.Bool().Draw(t, "some") {
		drawValue(t, sh, v, 0)
	}
}

// configsOf returns what each method of a policy that returns configurations makes of it.
func configsOf(v reflect.Value) (all []any) {
	if shared, ok := v.Addr().Interface().(*Shared); ok {
		limit := Default[Limit]()
		limit.Shared = shared
		v = reflect.ValueOf(&limit).Elem()
	}
	for _, i := range madeOf(v.Type()) {
		m := v.Addr().Method(i)
		var in []reflect.Value
		for n := range m.Type().NumIn() {
			in = append(in, reflect.Zero(m.Type().In(n)))
		}
		if name := v.Addr().Type().Method(i).Name; v.Type() == reflect.TypeFor[Limit]() && name != "Of" && v.Addr().Interface().(*Limit).Shared == nil {
			continue // they are of what is shared
		}
		for _, out := range m.Call(in) {
			all = append(all, out.Interface())
		}
	}
	return all
}

// madeOf returns the methods of a type of the format that return configurations of a pattern.
func madeOf(t reflect.Type) (methods []int) {
	for i := range reflect.PointerTo(t).NumMethod() {
		m := reflect.PointerTo(t).Method(i)
		if slices.Contains([]string{"Of", "Rules", "Synced", "Remote", "Limiter"}, m.Name) {
			methods = append(methods, i)
		}
	}
	return methods
}

package fault

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestEndingAHoldReleasesOnlyItsOwn(t *testing.T) {
	var h Holds[Impairment]
	crash := h.Add(Impairment{Down: true})
	outage := h.Add(Impairment{Down: true})
	slow := h.Add(Impairment{Factor: 20, Errors: 0.5})
	slower := h.Add(Impairment{Factor: 1.5, Errors: 0.5})

	steps := []struct {
		about   string
		release Hold
		want    Impairment
	}{
		{"all four", 0, Impairment{Down: true, Factor: 30, Errors: 0.75}},
		{"the crash is repaired in a dark zone", crash, Impairment{Down: true, Factor: 30, Errors: 0.75}},
		{"and is not repaired twice", crash, Impairment{Down: true, Factor: 30, Errors: 0.75}},
		{"the power is back", outage, Impairment{Factor: 30, Errors: 0.75}},
		{"the first slowness ends first", slow, Impairment{Factor: 1.5, Errors: 0.5}},
		{"as good as new", slower, Impairment{Factor: 1}},
	}
	for _, step := range steps {
		h.Release(step.release)
		if got := Combine(h.All()); got != step.want {
			t.Errorf("%s: %+v, want %+v", step.about, got, step.want)
		}
	}
}

// The model is a map: whatever is in it holds.
func TestHoldsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Holds[int]
		held := make(map[Hold]int)
		var order []Hold
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				says := rapid.IntRange(0, 3).Draw(t, "says")
				hold := h.Add(says)
				if _, ok := held[hold]; ok || hold == 0 {
					t.Fatalf("hold %d is in use", hold)
				}
				held[hold] = says
				order = append(order, hold)
			},
			"release": func(t *rapid.T) {
				hold := Hold(rapid.IntRange(0, 20).Draw(t, "hold"))
				_, want := held[hold]
				if got := h.Release(hold); got != want {
					t.Fatalf("release %d: %t, want %t", hold, got, want)
				}
				delete(held, hold)
			},
			"": func(t *rapid.T) {
				var want []int
				for _, hold := range order {
					if says, ok := held[hold]; ok {
						want = append(want, says)
					}
				}
				if diff := cmp.Diff(want, slices.Collect(h.All())); diff != "" || h.Len() != len(want) {
					t.Fatalf("held (-want +got):\n%s", diff)
				}
			},
		})
	})
}

func TestCombineDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Impairment {
			return Impairment{
				Down:   rapid.Bool().Draw(t, "down"),
				Paused: rapid.Bool().Draw(t, "paused"),
				Factor: rapid.SampledFrom([]float64{0, 0.5, 1, 2, 20}).Draw(t, "factor"),
				Errors: rapid.Float64Range(0, 1).Draw(t, "errors"),
			}
		})).Draw(t, "all")
		got, mirrored := Combine(slices.Values(all)), Combine(func(yield func(Impairment) bool) {
			for _, i := range slices.Backward(all) {
				if !yield(i) {
					return
				}
			}
		})
		if got.Down != mirrored.Down || got.Paused != mirrored.Paused || got.Factor != mirrored.Factor ||
			math.Abs(got.Errors-mirrored.Errors) > 1e-12 {
			t.Fatalf("%+v forwards, %+v backwards", got, mirrored)
		}
		for _, i := range all {
			if got.Errors < i.Errors-1e-12 || got.Errors > 1 {
				t.Fatalf("%+v together fail %v of the calls", all, got.Errors)
			}
		}
	})
}

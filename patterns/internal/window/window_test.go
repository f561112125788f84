package window_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

func TestSlidesByTenths(t *testing.T) {
	w := window.New(10 * time.Second)
	w.Add(sim.Time(500*time.Millisecond), 1)
	w.Add(sim.Time(1500*time.Millisecond), 2)
	for _, step := range []struct {
		at   time.Duration
		want int64
	}{
		{9*time.Second + 999*time.Millisecond, 3},
		{10 * time.Second, 2}, // the step [0s, 1s) has left, although the addition is only 9.5 s old
		{8 * time.Second, 2},  // a clock set back stands still
		{11 * time.Second, 0}, // and so has [1s, 2s)
	} {
		if got := w.Total(sim.Time(step.at)); got != step.want {
			t.Errorf("at %v the sum is %d, want %d", step.at, got, step.want)
		}
	}
}

// What one addition, or several, at the given seconds add up to at others, in windows of 10 s.
func TestAlignments(t *testing.T) {
	tenths := func(a window.Align) window.Shape {
		return window.Shape{Steps: 10, Step: time.Second, Align: a}
	}
	fixed := window.Shape{Steps: 1, Step: 10 * time.Second, Align: window.Whole}
	late := fixed
	late.Late = true
	for _, c := range []struct {
		name  string
		shape window.Shape
		reset float64 // when the window was reset
		adds  []float64
		asks  []float64
		want  []int64
	}{
		{"epoch", tenths(window.Epoch), 0.7, []float64{0.9}, []float64{9.9, 10}, []int64{1, 0}},
		{"origin", tenths(window.Origin), 0.7, []float64{0.9}, []float64{10.6, 10.7}, []int64{1, 0}},
		{"age counts from the first event", tenths(window.Age), 0.7, []float64{0.9}, []float64{10.8, 10.9}, []int64{1, 0}},
		{"age: the second of a step leaves with the first", tenths(window.Age), 0, []float64{1, 1.9}, []float64{10.9, 11}, []int64{2, 0}},
		{"age: a step begins by an event", tenths(window.Age), 0, []float64{1, 2.5, 3.4}, []float64{11, 12.4, 12.5}, []int64{2, 2, 0}},
		{"whole: a rest of a step is lost", tenths(window.Whole), 0, []float64{0.5, 1.9}, []float64{10.8, 11.9, 12.9}, []int64{2, 1, 0}},
		{"begun: a rest of a step is a step", tenths(window.Begun), 0, []float64{0.5, 1.9}, []float64{8.9, 9.9}, []int64{2, 1}},
		{"a fixed window begins anew", fixed, 3, []float64{4, 12}, []float64{12.9, 13}, []int64{2, 0}},
		{"by the next event", fixed, 3, []float64{15}, []float64{24.9, 25}, []int64{1, 0}},
		{"late: strictly after", late, 3, []float64{4, 13}, []float64{13, 13.1}, []int64{2, 0}},
	} {
		seconds := func(s float64) sim.Time { return sim.Time(time.Duration(s*10) * time.Second / 10) }
		w := window.Of(c.shape)
		w.Reset(seconds(c.reset))
		for _, at := range c.adds {
			w.Add(seconds(at), 1)
		}
		var got []int64
		for _, at := range c.asks {
			got = append(got, w.Total(seconds(at)))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Against a list of everything: which step each addition is in, and how far the steps have moved.
func TestEqualsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := window.Shape{
			Steps: rapid.IntRange(1, 12).Draw(t, "steps"),
			Step:  time.Duration(rapid.Int64Range(1, 20).Draw(t, "step")),
			Align: window.Align(rapid.IntRange(0, 4).Draw(t, "align")),
		}
		shape.Late = shape.Align != window.Age && rapid.Bool().Draw(t, "late")
		step := int64(shape.Step)
		w := window.Of(shape)
		type addition struct {
			n     int64
			place int64 // of its step: a number of steps, or an age
		}
		var (
			all          []addition
			now          sim.Time
			begun, place int64 // of the newest step: when, and which
			fresh        = true
		)
		late := int64(0)
		if shape.Late {
			late = 1
		}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(0, step*int64(shape.Steps)).Draw(t, "wait")))
			behind := int64(now) - begun
			switch moved := behind-late >= step; {
			case shape.Align == window.Age && (fresh || moved):
				begun, place = int64(now), int64(now)
			case !moved:
			case shape.Align == window.Whole:
				begun, place = int64(now), place+behind/step
			case shape.Align == window.Begun:
				begun, place = int64(now), place+(behind+step-1)/step
			default:
				begun, place = begun+behind/step*step, place+behind/step
			}
			n := rapid.Int64Range(-5, 5).Draw(t, "n")
			w.Add(now, n)
			all = append(all, addition{n, place})
			fresh = false
			var want int64
			held := all[:0]
			for _, a := range all {
				inside := place-a.place < int64(shape.Steps)
				if shape.Align == window.Age {
					inside = int64(now)-a.place < step*int64(shape.Steps)
				}
				if inside {
					want += a.n
					held = append(held, a)
				}
			}
			all = held
			if got := w.Total(now); got != want {
				t.Fatalf("%+v at %v: sum %d, want %d", shape, int64(now), got, want)
			}
			if rapid.IntRange(0, 20).Draw(t, "reset") == 0 {
				w.Reset(now)
				all, fresh = nil, true
				if shape.Align != window.Epoch {
					begun, place = int64(now), int64(now)
				}
			}
		}
	})
}

// The step of an earlier instant is found as long as it is in the window and was added to.
func TestSlotAt(t *testing.T) {
	at := func(s float64) sim.Time { return sim.Time(s * float64(time.Second)) }
	s := window.NewSteps(window.Shape{Steps: 3, Step: time.Second, Align: window.Origin})
	s.Reset(at(0.5))
	add := func(now float64) int {
		for _, ok := s.Left(at(now)); ok; _, ok = s.Left(at(now)) {
		}
		return s.Slot()
	}
	first, third := add(1.4), add(2.6)
	for _, c := range []struct {
		at   float64
		slot int
		ok   bool
	}{{0.5, first, true}, {1.4, first, true}, {1.5, 0, false}, {2.5, third, true}, {0.4, 0, false}} {
		if slot, ok := s.SlotAt(at(c.at)); ok != c.ok || ok && slot != c.slot {
			t.Errorf("the step of %v: %d %v, want %d %v", c.at, slot, ok, c.slot, c.ok)
		}
	}
	add(3.5)
	if _, ok := s.SlotAt(at(1.4)); ok {
		t.Error("a step that has left is found")
	}

	fixed := window.NewSteps(window.Shape{Steps: 1, Step: time.Second, Align: window.Whole})
	fixed.Left(at(5))
	slot := fixed.Slot()
	if got, ok := fixed.SlotAt(at(5)); !ok || got != slot {
		t.Error("the step of now is not found")
	}
	if _, ok := fixed.SlotAt(at(4.9)); ok {
		t.Error("a step is found that began later")
	}
}

// Against a slice.
func TestLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		last := window.NewLast(n)
		var all []byte
		for range rapid.IntRange(1, 30).Draw(t, "pushes") {
			if rapid.IntRange(0, 9).Draw(t, "reset") == 0 {
				last.Reset()
				all = nil
			}
			v := rapid.Byte().Draw(t, "value")
			oldest, ok := last.Push(v)
			all = append(all, v)
			if wantOK := len(all) > n; ok != wantOK || ok && oldest != all[0] {
				t.Fatalf("pushed %d: %d %v made room, of %v", v, oldest, ok, all)
			}
			if len(all) > n {
				all = all[1:]
			}
		}
	})
}

func BenchmarkSum(b *testing.B) {
	b.ReportAllocs()
	w := window.New(10 * time.Second)
	var now sim.Time
	for range b.N {
		now = now.Add(time.Millisecond)
		w.Add(now, 1)
	}
}

package sim_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestEventsOfOneInstantHappenInTheOrderTheyWereScheduled(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		s.After(2*time.Second, func() { say("late") })
		s.After(time.Second, func() {
			say("first")
			s.After(0, func() { say("third") })
		})
		s.AtCall(sim.Time(time.Second), func(a any) { say("%v", a) }, "second")
		stopped := s.After(time.Second, func() { say("never") })
		if !stopped.Stop() || stopped.Stop() {
			t.Error("a timer stops exactly once")
		}
		s.RunUntilIdle()
	})
	expect(t, got, err, "1s first", "1s second", "1s third", "2s late")
}

// Most of the timers of a busy system are deadlines that are stopped in time. What they leave in
// the queue is swept out; the order of the others stays.
func TestTheOrderSurvivesManyStops(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		rng := s.Stream("order")
		type timer struct {
			sim.Timer
			at sim.Time
			n  int
		}
		var timers, happened []timer
		for n := range 5000 {
			at := sim.Time(rng.IntN(300))
			timers = append(timers, timer{at: at, n: n})
			timers[n].Timer = s.At(at, func() { happened = append(happened, timers[n]) })
		}
		stopped := map[int]bool{}
		for range 8000 {
			n := rng.IntN(len(timers))
			if timers[n].Stop() == stopped[n] {
				t.Fatalf("timer %d: stopped before %v", n, stopped[n])
			}
			stopped[n] = true
		}
		s.RunUntilIdle()
		if len(happened) != len(timers)-len(stopped) || len(happened) < 10 {
			t.Errorf("%d of %d happened, %d were stopped", len(happened), len(timers), len(stopped))
		}
		if !slices.IsSortedFunc(happened, func(a, b timer) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n)) }) {
			t.Error("they happened in another order")
		}
	})
	if err != nil {
		t.Error(err)
	}
}

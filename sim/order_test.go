package sim_test

import (
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

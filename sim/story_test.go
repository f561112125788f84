package sim_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/sim"
)

func story(t *testing.T, cfg sim.Config, f func(s *sim.Simulation, say func(format string, args ...any))) ([]string, error) {
	t.Helper()
	var said []string
	_, err := sim.Run(cfg, func(s *sim.Simulation) {
		f(s, func(format string, args ...any) {
			said = append(said, fmt.Sprintf("%v %s", s.Now(), fmt.Sprintf(format, args...)))
		})
	})
	return said, err
}

func expect(t *testing.T, got []string, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Errorf("the run failed: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the story differs (-want +got):\n%s", diff)
	}
}

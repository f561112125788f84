package sim_test

import (
	"errors"
	"fmt"
	"strings"
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

// expectFailure runs a model that must fail, with a message that contains the words.
func expectFailure(t *testing.T, cfg sim.Config, f func(s *sim.Simulation), words ...string) *sim.Failure {
	t.Helper()
	_, err := sim.Run(cfg, f)
	failure := new(sim.Failure)
	if !errors.As(err, &failure) {
		t.Fatalf("got %v, want a *sim.Failure", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the message %q does not say %q", err, word)
		}
	}
	return failure
}

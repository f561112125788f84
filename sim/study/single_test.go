package study_test

import (
	"context"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim/study"
)

// outage is a run that loses every call of an incident that lasts an hour at its longest.
func outage(_ context.Context, c study.Case) (study.Measurement, error) {
	m := study.Measurement{Length: time.Hour, Events: 1000, Digest: study.Digest(c.Seed)}
	bad := 0.0
	if len(c.U) > 0 {
		bad = 3600 * c.U[0]
	}
	m.Objectives = []study.Count{{Valid: 3600, Bad: bad}}
	return m, nil
}

func TestEveryNumberOfRunsIsReached(t *testing.T) {
	cause := study.Cause{Name: "crash", Rate: study.Every(30 * 24 * time.Hour)}
	for runs := 4; runs <= 40; runs++ {
		plan := study.DefaultIncidents()
		plan.Objectives = []study.Objective{{Name: "get"}}
		plan.Causes = []study.Cause{cause}
		plan.Variants = []study.Variant{{Name: "one"}}
		plan.Runs, plan.Pilot = runs, 2
		sum, err := plan.Run(t.Context(), study.Pool{}, outage)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Runs != runs {
			t.Errorf("%d runs were done, need %d", sum.Runs, runs)
		}
		for _, r := range sum.Rows {
			if len(r.Causes) == 0 {
				continue
			}
			if one := study.Incident(plan.Variants[0], cause, r.Seed); one.U[0] != r.U[0] || one.Weight != r.Weight {
				t.Errorf("alone, seed %d has the quantile %v and the weight %v, in the study %v and %v", r.Seed, one.U[0], one.Weight, r.U[0], r.Weight)
			}
		}
	}
}

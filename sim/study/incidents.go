package study

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Incidents is the plan of a study by single incidents.
//
// True nines are made of rare causes at their true durations. So each run meets one cause, with its
// effect and the recovery from it; calm runs meet none. With w the rate per year of a cause, and b and l
// the bad calls and the length of one of its incidents, the bad calls of a year are
//
//	Σ w·E[b]  +  (year − Σ w·E[l]) · (bad calls per time when calm)
//
// Where incidents overlap, the pair adds w₁·w₂/year·E[l₁·(excess of both together over each alone)];
// pairs that may matter are simulated, the others are stated as neglected.
type Incidents struct {
	Objectives []Objective
	Causes     []Cause
	Variants   []Variant
	Baseline   string // the variant that the others are compared with; empty: the first
	FirstSeed  uint64 // each class of runs counts its seeds from here

	Runs  int // of each variant, calm runs, incidents and pairs together
	Pilot int // of each class before runs are spread by variance, weight and cost; fewer if Runs are few

	// HalfWidth, if above zero, is the half-width of bad minutes a year, as a share of the estimate,
	// at which the study ends before Runs are used up; for all variants and objectives.
	HalfWidth float64

	Level float64 // of intervals and verdicts

	// PairThreshold is the share of a variant's bad minutes from which on a pair of causes is
	// simulated, judged by the most it can add.
	PairThreshold float64

	// Counts names the metrics that add up over a year, such as "lost" and "double".
	Counts []string
}

// DefaultIncidents returns a plan of 100 runs a variant, 8 of each class first, at a level of 95 %.
// Pairs are simulated from 10 % on.
func DefaultIncidents() Incidents {
	return Incidents{FirstSeed: 1, Runs: 100, Pilot: 8, Level: 0.95, PairThreshold: 0.1}
}

// maxPairs is how many pairs of causes are simulated at most: those that may add most.
const maxPairs = 6

// Validate reports every field that cannot be used.
func (plan Incidents) Validate() error {
	bad := validate(plan.Objectives, plan.Variants, plan.Baseline, plan.Level)
	seen := map[string]bool{Calm: true}
	for _, c := range plan.Causes {
		switch {
		case c.Name == "" || strings.Contains(c.Name, "+") || seen[c.Name]:
			bad = append(bad, fmt.Sprintf("cause %q: need distinct names without +, and not %q", c.Name, Calm))
		case !(c.Rate.PerYear >= 0 && c.Rate.PerYear < 1e9), c.Rate.Years < 0, c.Rate.Events < 0:
			bad = append(bad, fmt.Sprintf("cause %s: rate %v a year, need 0 to 1e9", c.Name, c.Rate.PerYear))
		}
		seen[c.Name] = true
	}
	if plan.Pilot < 2 {
		bad = append(bad, fmt.Sprintf("Pilot is %d, need 2 or more", plan.Pilot))
	}
	if need := 2 * (1 + len(plan.Causes)); plan.Runs < need {
		bad = append(bad, fmt.Sprintf("Runs is %d, need %d or more: 2 for calm and for each cause", plan.Runs, need))
	}
	if !(plan.PairThreshold > 0) {
		bad = append(bad, fmt.Sprintf("PairThreshold is %v, need more than 0", plan.PairThreshold))
	}
	if bad != nil {
		return fmt.Errorf("study: %s", strings.Join(bad, "; "))
	}
	return nil
}

// validate checks what both methods have.
func validate(objectives []Objective, variants []Variant, baseline string, level float64) (bad []string) {
	if len(objectives) == 0 {
		bad = append(bad, "no objective")
	}
	if len(variants) == 0 {
		bad = append(bad, "no variant")
	}
	seen := map[string]bool{}
	for _, v := range variants {
		if seen[v.key()] {
			bad = append(bad, "two variants are called "+v.key())
		}
		seen[v.key()] = true
		for _, cause := range slices.Sorted(maps.Keys(v.Victims)) {
			if n := v.Victims[cause]; !(n >= 0 && n < 1e9) {
				bad = append(bad, fmt.Sprintf("variant %s has %v victims of %s, need 0 or more", v.key(), n, cause))
			}
		}
	}
	if baseline != "" && !slices.ContainsFunc(variants, func(v Variant) bool { return v.key() == baseline }) {
		bad = append(bad, fmt.Sprintf("the baseline %q is no variant", baseline))
	}
	if !(level > 0 && level < 1) {
		bad = append(bad, fmt.Sprintf("Level is %v, need 0 to 1", level))
	}
	return bad
}

// Run does the study. When ctx ends, the summary says what the finished runs show, is marked
// incomplete, and comes together with ctx's error. A run that fails, or a journal that cannot be
// written, ends the study in the same way.
func (plan Incidents) Run(ctx context.Context, pool Pool, f Simulate) (*Summary, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	s := newIncidentStudy(plan)
	goal := make([]int, len(s.classes))
	for i := range goal {
		goal[i] = min(plan.Pilot, plan.Runs/len(goal))
	}
	err := s.extend(ctx, pool, f, goal)
	if err == nil {
		s.addPairs()
	}
	for err == nil && s.runs() < plan.Runs && !s.narrowEnough() {
		// Half of what is left, but not less than a tenth of all, so that the last rounds know the
		// variances well and there are not too many of them.
		round := min(plan.Runs, max(s.runs()+max(1, plan.Runs/10), (s.runs()+plan.Runs)/2))
		err = s.extend(ctx, pool, f, s.allocate(round))
	}
	sum := s.summary()
	sum.Incomplete = err != nil
	return sum, err
}

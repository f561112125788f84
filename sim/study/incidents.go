package study

import (
	"context"
	"time"
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
	Pilot int // of each class before runs are spread by variance, weight and cost

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

// DefaultIncidents returns a plan of 100 runs a variant, 6 of each class first, at a level of 95 %.
// Pairs are simulated from 10 % on.
func DefaultIncidents() Incidents {
	return Incidents{FirstSeed: 1, Runs: 100, Pilot: 6, Level: 0.95, PairThreshold: 0.1}
}

// Run does the study. When ctx ends, the summary says what the finished runs show, is marked
// incomplete, and comes together with ctx's error. A run that fails, or a journal that cannot be
// written, ends the study in the same way.
func (plan Incidents) Run(ctx context.Context, pool Pool, f Simulate) (*Summary, error) {
	panic("not yet")
}

// Timeline is the plan of a study of a stretch of time as it is, repeated with other seeds.
type Timeline struct {
	Objectives []Objective
	Variants   []Variant
	Baseline   string // empty: the first variant
	FirstSeed  uint64
	Runs       int // of each variant
	HalfWidth  float64
	Level      float64
	Counts     []string // metrics that add up over a year
}

// DefaultTimeline returns a plan of 30 runs a variant at a level of 95 %.
func DefaultTimeline() Timeline { return Timeline{FirstSeed: 1, Runs: 30, Level: 0.95} }

// Run does the study; see [Incidents.Run].
func (plan Timeline) Run(ctx context.Context, pool Pool, f Simulate) (*Summary, error) {
	panic("not yet")
}

var _ = time.Second

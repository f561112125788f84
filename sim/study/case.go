// Package study plans many runs and says what follows from them: how available each variant is, with
// an interval, in bad minutes a year and by cause, and which variant is better than the baseline.
//
// A study knows neither nodes nor networks. It asks a [Simulate] function for one run after the other
// and sees nothing of a run but its [Measurement]. There are two methods:
//
//   - [Incidents]: one cause with its effect and its recovery per run, at its true length, weighted by
//     how often a year it happens; calm runs for the rest of the year; pairs of causes where their
//     overlap matters.
//   - [Timeline]: a stretch of time as it is, several times.
//
// All variants meet the same cases (common random numbers), so that differences are paired. Every
// decision is taken when all runs decided on before have ended, and results are placed by case, so that
// nothing depends on the number of workers. A case says all that its run needs: it can be redone alone.
package study

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Simulate does one run. It is called by several goroutines at a time, each call for another case, and
// returns the same measurement whenever it is called with the same case. An error is a fault of the
// simulation, not a simulated one: it ends the study.
type Simulate func(ctx context.Context, c Case) (Measurement, error)

// A Case is all that distinguishes one run of a study from another.
type Case struct {
	Variant string `json:"variant"`

	// Point is the place in a sweep's grid. It is empty outside sweeps.
	Point Point `json:"point,omitempty"`

	// Causes says what goes wrong. None: nothing does, the run is calm; or, in a timeline, whatever
	// the run's own fault plan holds. One: an incident. Two: a pair, the second cause beginning
	// Offset after the first.
	Causes []string `json:"causes,omitempty"`

	// Seed fixes all other chance of the run. It is the same for all variants.
	Seed uint64 `json:"seed"`

	// U holds one number from (0, 1) for each cause: the quantile at which the length of the cause
	// is drawn. See [Quantile] for how they are spread.
	U []float64 `json:"u,omitempty"`

	// Weight is how much the run counts in a mean over its class. It is 1 on average, and smaller for
	// long incidents, which are simulated more often than they happen.
	Weight float64 `json:"weight"`

	// Offset is the time from the beginning of the first cause of a pair to that of the second.
	Offset time.Duration `json:"offset,omitempty"`
}

// Class names the causes of a case: "calm" for none, "zone_loss", "zone_loss+sale".
func (c Case) Class() string { return className(c.Causes) }

// Calm is the class of the runs in which nothing goes wrong.
const Calm = "calm"

func className(causes []string) string {
	if len(causes) == 0 {
		return Calm
	}
	return strings.Join(causes, "+")
}

// Key identifies a case within a study.
func (c Case) Key() string {
	return c.Variant + "|" + c.Point.String() + "|" + c.Class() + "|" + strconv.FormatUint(c.Seed, 10)
}

func (c Case) String() string {
	s := fmt.Sprintf("variant %s, %s, seed %d", c.Variant, c.Class(), c.Seed)
	if len(c.Point) > 0 {
		s += ", " + c.Point.String()
	}
	return s
}

// A Measurement is what a study keeps of a run.
type Measurement struct {
	// Objectives holds the counts for each objective of the plan, in its order.
	Objectives []Count `json:"objectives"`

	// Length is the simulated time that the counts cover: for an incident from the beginning of the
	// cause until the system has recovered, never shorter than the effect.
	Length time.Duration `json:"length"`

	// Metrics holds whatever else the run measured: p99_ms, load_factor, attempts, double, lost.
	Metrics map[string]float64 `json:"metrics,omitempty"`

	Digest Digest `json:"digest"` // of the run: equal cases have equal digests
	Events uint64 `json:"events"` // executed by the kernel: what the run cost
}

// A Count holds the calls that an objective judges.
type Count struct {
	Valid float64 `json:"valid"` // calls that count
	Bad   float64 `json:"bad"`   // those of them that were not good

	// ByCause splits the bad calls of a timeline's run. Incidents need none: they have one cause.
	ByCause map[string]float64 `json:"by_cause,omitempty"`
}

func (c Count) equal(d Count) bool {
	return c.Valid == d.Valid && c.Bad == d.Bad && maps.Equal(c.ByCause, d.ByCause)
}

// A Digest identifies a run. It is written in hexadecimal, since a JSON number would lose bits.
type Digest uint64

func (d Digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// MarshalText writes 16 hexadecimal digits.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Digest) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil {
		return fmt.Errorf("study: digest is %q, need 16 hexadecimal digits", b)
	}
	*d = Digest(n)
	return nil
}

// A Row is a finished run: a line of the journal.
type Row struct {
	Case
	Measurement
}

// An Objective is what the calls of a variant are held against. The study counts bad calls as the run
// reports them and needs no more of it than this.
type Objective struct {
	Name   string  `json:"name"`
	Target float64 `json:"target"` // share of good calls wanted, such as 0.999; 0: none

	// Margin is the difference in bad minutes a year below which two variants count as the same.
	// Zero: only runs that are equal throughout do.
	Margin float64 `json:"margin,omitempty"`
}

// A Cause is something that goes wrong so often a year.
type Cause struct {
	Name string `json:"name"`
	Rate Rate   `json:"rate"` // per victim, see Variant.Victims

	// Fixed says that the cause always lasts equally long, or for as long as the system makes it last:
	// no length is drawn, and long ones cannot be simulated more often than short ones.
	Fixed bool `json:"fixed,omitempty"`
}

// A Variant is a system under study.
type Variant struct {
	Name string `json:"variant"`

	// Point is the place in a sweep's grid, or empty.
	Point Point `json:"point,omitempty"`

	// Victims says how many victims each cause has in this variant: three replicas crash three times
	// as often as one. A cause that is not named has one; a count of zero means that the cause does
	// not exist in this variant and is not simulated.
	Victims map[string]float64 `json:"victims,omitempty"`
}

func (v Variant) victims(cause string) float64 {
	if n, ok := v.Victims[cause]; ok {
		return n
	}
	return 1
}

// A Rate is how often a cause happens to one victim: known, or estimated from a count of events.
type Rate struct {
	PerYear float64 `json:"per_year"`
	Events  float64 `json:"events,omitempty"` // seen ...
	Years   float64 `json:"years,omitempty"`  // ... in so many years; zero: the rate is known
}

// Every returns the known rate of something that happens once in d on average.
func Every(d time.Duration) Rate { return Rate{PerYear: float64(year) / float64(d)} }

// Seen returns the rate of something that was seen n times in d. It is uncertain, and the uncertainty
// becomes part of the intervals.
func Seen(n int, d time.Duration) Rate {
	years := float64(d) / float64(year)
	return Rate{PerYear: float64(n) / years, Events: float64(n), Years: years}
}

// Uncertain reports whether the rate was estimated from a count.
func (r Rate) Uncertain() bool { return r.Years > 0 }

// A year has 365 days of 24 hours, which is 525,600 minutes.
const (
	year           = 365 * 24 * time.Hour
	minutesPerYear = 525_600
)

package study

// A Summary is what a study found.
type Summary struct {
	Method     string       `json:"method"` // "incidents" or "timeline"
	Baseline   string       `json:"baseline"`
	Objectives []Objective  `json:"objectives"`
	Classes    []Class      `json:"classes"` // what was simulated, calm first
	Variants   []Finding    `json:"variants"`
	Diffs      []Difference `json:"differences"`
	Overlap    *Overlap     `json:"overlap,omitempty"` // method incidents only

	// Incomplete says that the study was cut short. Only cases that all variants have finished were used.
	Incomplete bool   `json:"incomplete,omitempty"`
	Runs       int    `json:"runs"` // of all variants together
	FirstSeed  uint64 `json:"first_seed"`
	LastSeed   uint64 `json:"last_seed"`
	Events     uint64 `json:"events"`

	Rows []Row `json:"-"` // every finished run, in the order of the cases
}

// A Class is a kind of run: calm, an incident of one cause, or a pair of causes.
type Class struct {
	Name   string   `json:"class"`
	Causes []string `json:"causes,omitempty"`
	Runs   int      `json:"runs"` // of each variant
}

// A Finding is what the study says about one variant.
type Finding struct {
	Variant    string   `json:"variant"`
	Point      Point    `json:"point,omitempty"`
	Objectives []Result `json:"objectives"`

	// Metrics holds the mean of each metric by class of run: Metrics["calm"]["p99_ms"].
	Metrics map[string]map[string]float64 `json:"metrics,omitempty"`

	// Yearly holds, for the metrics that add up (Plan.Counts), the sum over a year.
	Yearly map[string]float64 `json:"yearly,omitempty"`
}

// A Result is how a variant meets one objective.
type Result struct {
	Objective    string   `json:"objective"`
	Availability Interval `json:"availability"`           // share of good calls, 0 to 1
	BadMinutes   Interval `json:"bad_minutes"`            // bad share of the calls of a year, times 525,600
	ByCause      []Part   `json:"by_cause"`               // sums up to BadMinutes.Value; calm first, pairs last
	More         More     `json:"more_runs_buy"`          // in bad minutes a year
	Met          Met      `json:"met,omitempty"`          // empty if the objective has no target
	TooFew       []string `json:"too_few_runs,omitempty"` // classes whose runs are too few to say how much they vary, so that nothing is known
	Note         string   `json:"note,omitempty"`         // what the interval cannot say
}

// A Part is what one class of runs contributes to a variant's bad minutes a year.
type Part struct {
	Class      string   `json:"class"`
	PerYear    float64  `json:"per_year"` // how often a year it happens in this variant; 0 for calm
	BadMinutes Interval `json:"bad_minutes"`
	Runs       int      `json:"runs"`
	MeanLength float64  `json:"mean_length_s"` // of a run of this class, in seconds
}

// An Interval is an estimate and the range that holds the truth with the probability Level.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level"`

	// Covers says which uncertainty the range covers: "sampling", or "sampling + inputs" when rates
	// were estimated from few events.
	Covers string `json:"covers"`

	// Bound says that nothing bad was seen at all: the far end of the range is a one-sided bound (the
	// rule of three), and Value is only what was seen, no estimate.
	Bound bool `json:"bound,omitempty"`
}

// HalfWidth returns half the length of the range.
func (i Interval) HalfWidth() float64 { return (i.High - i.Low) / 2 }

// The two things an interval can cover.
const (
	Sampling       = "sampling"
	SamplingInputs = "sampling + inputs"
)

// More says what more runs would buy: the half-width of the interval of bad minutes a year. What is due
// to uncertain rates does not shrink.
type More struct {
	Now   float64 `json:"now"`
	Twice float64 `json:"twice"`
	Four  float64 `json:"four_times"`
}

// Met says whether an objective's target is met.
type Met string

// A target is met or missed when the whole interval says so.
const (
	Yes     Met = "met"
	No      Met = "missed"
	Unclear Met = "undecided"
)

// A Difference compares a variant with the baseline on the same cases.
type Difference struct {
	Variant    string   `json:"variant"`
	Baseline   string   `json:"baseline"`
	Objective  string   `json:"objective"`
	BadMinutes Interval `json:"bad_minutes"` // a year, variant minus baseline: negative is better
	Verdict    Verdict  `json:"verdict"`
	P          float64  `json:"p"`          // smallest 1-Level at which the range excludes 0
	Adjusted   float64  `json:"p_adjusted"` // the same by Holm's correction over the variants compared
	MoreRuns   int      `json:"more_runs"`  // of each variant, to decide if the estimate is right; 0: decided, or out of reach
	Pairing    float64  `json:"pairing"`    // variance of unpaired runs / variance of these; 0: not known
}

// A Verdict is what a comparison concludes.
type Verdict string

// The verdicts. Better and Worse hold for all comparisons of the study together with the probability
// Level; Same means inside the objective's margin.
const (
	Better    Verdict = "better"
	Worse     Verdict = "worse"
	Same      Verdict = "same"
	Undecided Verdict = "undecided"
)

// An Overlap says how much incidents of the method incidents would run into each other.
type Overlap struct {
	// Share of the time of an incident in which another one is under way: the largest of all variants.
	Share     float64 `json:"share"`
	Variant   string  `json:"variant"` // the variant with that share
	Simulated []Pair  `json:"simulated,omitempty"`
	Neglected []Pair  `json:"neglected,omitempty"`
}

// A Pair is two causes, the second beginning while an incident of the first is under way.
type Pair struct {
	First   string  `json:"first"`
	Second  string  `json:"second"`
	PerYear float64 `json:"per_year"` // in the variant where it matters most

	// AtMost bounds the bad minutes a year that the pair adds in that variant: every call of both
	// incidents bad.
	AtMost float64 `json:"at_most"`
}

package scenario

import "time"

// Study says how runs are made and counted.
type Study struct {
	Method   string        `nines:"method,one=incidents|timeline"` // what a run is. incidents: one cause with its recovery, weighted by its yearly rate; timeline: a stretch of time as it is
	Runs     int           `nines:"runs,min=1"`                    // runs of each variant: seeds 1 to runs
	Warmup   time.Duration `nines:"warmup"`                        // at the start of a run, not measured
	Window   time.Duration `nines:"window,positive"`               // an outage is counted in windows that miss the objective
	Year     time.Duration `nines:"year,positive"`                 // what yearly figures are for
	Lasts    time.Duration `nines:"lasts,positive"`                // measured part: of a timeline run; of the calm baseline with incidents
	Recovery time.Duration `nines:"recovery,positive"`             // incidents: how long a run goes on after the effect has ended
}

func (s *Study) defaults() {
	*s = Study{Method: "timeline", Runs: 20, Warmup: 2 * time.Minute, Window: time.Minute, Year: Year,
		Lasts: 10 * time.Minute, Recovery: 10 * time.Minute}
}

// A Variant is the scenario with some settings changed.
type Variant struct {
	Name  string    `nines:",name"`
	About string    `nines:"about"`      // what it tries, in a sentence
	With  []string  `nines:"with,names"` // variants applied before it, once each, in order
	Set   []Setting `nines:",rest"`      // paths and their new values
}

// A Setting gives a path a new value.
type Setting struct {
	Path  string `nines:",name,ref=path"`
	Value Raw    `nines:",value"`
}

// A Sweep tries every combination of values.
type Sweep struct {
	Name string `nines:",name"`
	From string `nines:"from,none"`     // the variant to start from; none: the scenario as it is
	Vary []Axis `nines:"vary,required"` // paths and the values to try
}

// An Axis is one path of a sweep and the values to try.
type Axis struct {
	Path   string `nines:",name,ref=path"`
	Values []Raw  `nines:",value"`
}

// Raw is a value as YAML on one line, for a path whose type is not known before it is applied.
type Raw string

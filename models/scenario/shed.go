package scenario

import (
	"slices"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/shed"
)

// A Shed turns calls away while there are too many: a caller's own, or those that reach a server. A throttle
// rejects a share of them, by how many of the last were accepted. The other kinds bound how many calls are under
// way, and find the bound by how long calls take.
type Shed struct {
	Preset string         `nines:"preset,preset"`                                   // what a library does; the other keys change it
	Kind   string         `nines:"kind,one=throttle|aimd|vegas|gradient2|gradient"` // how it is decided what is too much. throttle: by the share that is accepted; aimd: by failures; vegas: by the shortest time seen; gradient2: by the usual time; gradient: by the time without load, measured now and then
	On     patterns.Kinds `nines:"on"`                                              // failures that say that there is too much load

	K             float64       `nines:"k,factor,min=1,max=1000"`        // throttle: calls allowed for each that is accepted
	Window        time.Duration `nines:"window,positive"`                // throttle: how far back calls count
	Steps         int           `nines:"steps,min=1,max=10000"`          // throttle: in how many steps the window slides
	Align         shed.Align    `nines:"align"`                          // throttle: when a step begins
	CountRejected bool          `nines:"count_rejected"`                 // throttle: calls that it rejects count as calls that were not accepted
	MaxReject     float64       `nines:"max_reject,ratio,min=0,max=1"`   // throttle: the largest share that is rejected
	Aggression    float64       `nines:"aggression,min=1,max=1000"`      // throttle: the share is raised to the power of 1 through this, so that with more than 1 few failures reject more
	MinRequests   int           `nines:"min_requests,min=0"`             // throttle: calls in the window below which none is rejected
	MinRate       float64       `nines:"min_rate,rate,min=0"`            // throttle: calls a second, over the window, below which none is rejected
	Priorities    int           `nines:"priorities,min=0,max=1000,none"` // throttle: of calls of the priorities 0, 1, ... to one less than this, the lowest are rejected first; none: all are alike

	Initial int       `nines:"initial,min=1,max=1000000"` // aimd, vegas, gradient2: the bound at first
	Min     int       `nines:"min,min=1,max=1000000"`     // aimd, gradient2, gradient: the least that the bound can be
	Max     int       `nines:"max,min=1,max=1000000"`     // all but throttle: the most that the bound can be
	Shares  []float64 `nines:"shares,ratio,min=0,max=1"`  // all but throttle: of the bound, which calls of priority 0, 1, ... may use; the last is for all above; an empty list: all may use all

	Backoff float64       `nines:"backoff,ratio,min=0,max=1"` // aimd: what remains of the bound after a sign of load
	Timeout time.Duration `nines:"slow,none"`                 // aimd: a call that takes longer is a sign of load

	Threshold int `nines:"threshold,min=0"`  // vegas: up to so many calls in the server's queue, times the logarithm of the bound to base 10, the bound grows by beta
	Alpha     int `nines:"alpha,min=0"`      // vegas: with fewer than so many it grows by one, both times the logarithm
	Beta      int `nines:"beta,min=0"`       // vegas: with more than so many it shrinks by one, both times the logarithm
	Probe     int `nines:"probe,min=0,none"` // vegas: after up to so many calls for each of the bound, the shortest time is measured anew; none: never

	Queue      int     `nines:"queue,min=0,max=1000000"`     // gradient2: by how many calls the bound grows while they take no longer than usual
	Tolerance  float64 `nines:"tolerance,factor,min=1"`      // gradient2: how many times as long as usual a call may take before the bound shrinks
	LongWindow int     `nines:"long_window,min=1"`           // gradient2: calls over which it learns what is usual
	Smoothing  float64 `nines:"smoothing,ratio,min=0,max=1"` // vegas, gradient2: how far the bound goes of the way to where it should be

	Update    time.Duration `nines:"update,positive"`            // gradient: how often the bound is set anew
	Quantile  float64       `nines:"quantile,ratio,min=0,max=1"` // gradient: of how long the calls since took, which is compared
	Remeasure time.Duration `nines:"remeasure,positive"`         // gradient: how long from one measurement of the time without load to the next
	Jitter    float64       `nines:"jitter,ratio,min=0,max=1"`   // gradient: by up to this share later
	Requests  int           `nines:"requests,min=1"`             // gradient: calls that a measurement takes, during which the bound is min
	Buffer    float64       `nines:"buffer,ratio,min=0,max=1"`   // gradient: share by which a call may take longer than without load

	Windowed *Windowed `nines:"windowed"` // all but throttle: calls are gathered, and the bound is moved by what many have in common; none: by each
}

// A Windowed bound is moved by the mean of many calls, and by whether any of them was dropped.
type Windowed struct {
	shed.WindowedConfig `nines:",inline"`
}

// Netflix's concurrency-limits (WindowedLimit.java): windows of 1 s, of at least 10 calls, each of at least 100 µs.
func (w *Windowed) defaults() { w.WindowedConfig = shed.DefaultWindowedConfig() }

func (w *Windowed) check(fail func(key, problem string)) {
	checkConfig[Windowed](w.Validate(), fail)
}

// The throttle of Google's "Site Reliability Engineering", chapter 21. The other kinds have the defaults of Netflix's
// concurrency-limits (aimd, vegas, gradient2) and of Envoy's adaptive_concurrency filter (gradient).
func (s *Shed) defaults() { s.use(shed.SRE()) }

func (s *Shed) presets() []Preset { return presets(shed.Presets(), s.use) }

func (s *Shed) ofKind(kind string) {
	switch kind {
	case "throttle":
		s.use(shed.SRE())
	case "aimd":
		s.use(shed.DefaultAIMDConfig())
	case "vegas":
		s.use(shed.DefaultVegasConfig())
	case "gradient2":
		s.use(shed.DefaultGradient2Config())
	case "gradient":
		s.use(shed.DefaultGradientConfig())
	}
}

// use makes it what one of the package's configurations says.
func (s *Shed) use(cfg patterns.Config) {
	*s = Shed{On: shed.DefaultLimiterConfig().On}
	switch c := cfg.(type) {
	case shed.ThrottleConfig:
		s.Kind, s.On = "throttle", c.On
		s.K, s.Window, s.Steps, s.Align, s.MaxReject, s.Aggression = c.K, c.Window, c.Steps, c.Align, c.MaxReject, c.Aggression
		s.MinRequests, s.MinRate, s.CountRejected, s.Priorities = c.MinRequests, c.MinRate, c.CountRejected, c.Priorities
	case shed.AIMDConfig:
		s.Kind, s.Initial, s.Min, s.Max, s.Backoff, s.Timeout = "aimd", c.Initial, c.Min, c.Max, c.Backoff, c.Timeout
	case shed.VegasConfig:
		s.Kind, s.Initial, s.Max = "vegas", c.Initial, c.Max
		s.Threshold, s.Alpha, s.Beta, s.Smoothing, s.Probe = c.Threshold, c.Alpha, c.Beta, c.Smoothing, c.Probe
	case shed.Gradient2Config:
		s.Kind, s.Initial, s.Min, s.Max = "gradient2", c.Initial, c.Min, c.Max
		s.Queue, s.Tolerance, s.Smoothing, s.LongWindow = c.Queue, c.Tolerance, c.Smoothing, c.LongWindow
	case shed.GradientConfig:
		s.Kind, s.Min, s.Max = "gradient", c.Min, c.Max
		s.Update, s.Quantile, s.Remeasure, s.Jitter, s.Requests, s.Buffer = c.Update, c.Quantile, c.Remeasure, c.Jitter, c.Requests, c.Buffer
	}
}

// shedKinds are the kinds that have a key, where not all have it.
var shedKinds = map[string][]string{
	"k": {"throttle"}, "window": {"throttle"}, "steps": {"throttle"}, "align": {"throttle"}, "count_rejected": {"throttle"},
	"max_reject": {"throttle"}, "aggression": {"throttle"}, "min_requests": {"throttle"}, "min_rate": {"throttle"}, "priorities": {"throttle"},
	"initial": {"aimd", "vegas", "gradient2"}, "min": {"aimd", "gradient2", "gradient"}, "max": bounds, "shares": bounds, "windowed": bounds,
	"backoff": {"aimd"}, "slow": {"aimd"},
	"threshold": {"vegas"}, "alpha": {"vegas"}, "beta": {"vegas"}, "probe": {"vegas"},
	"queue": {"gradient2"}, "tolerance": {"gradient2"}, "long_window": {"gradient2"}, "smoothing": {"vegas", "gradient2"},
	"update": {"gradient"}, "quantile": {"gradient"}, "remeasure": {"gradient"}, "jitter": {"gradient"}, "requests": {"gradient"}, "buffer": {"gradient"},
}

var bounds = []string{"aimd", "vegas", "gradient2", "gradient"}

func (s *Shed) excludes(key string) string {
	if of := shedKinds[key]; of != nil && !slices.Contains(of, s.Kind) {
		return "has no meaning with kind: " + s.Kind
	}
	return ""
}

func (s *Shed) check(fail func(key, problem string)) {
	var preset Shed
	if !checkKind(s.Preset, s.Kind, preset.presets(), func() string { return preset.Kind }, fail) {
		return
	}
	checkConfig[Shed](s.Of(false).Validate(), fail)
	if s.Kind != "throttle" {
		checkConfig[Shed](s.Limiter(false).Validate(), fail)
	}
}

// Of returns the configuration of the throttle, or of what moves the bound, before a caller's calls or a server.
func (s *Shed) Of(server bool) patterns.Config {
	switch s.Kind {
	case "aimd":
		return shed.AIMDConfig{Initial: s.Initial, Min: s.Min, Max: s.Max, Backoff: s.Backoff, Timeout: s.Timeout}
	case "vegas":
		return shed.VegasConfig{
			Initial: s.Initial, Max: s.Max, Threshold: s.Threshold, Alpha: s.Alpha, Beta: s.Beta, Smoothing: s.Smoothing, Probe: s.Probe,
		}
	case "gradient2":
		return shed.Gradient2Config{
			Initial: s.Initial, Min: s.Min, Max: s.Max, Queue: s.Queue, Tolerance: s.Tolerance, Smoothing: s.Smoothing, LongWindow: s.LongWindow,
		}
	case "gradient":
		return shed.GradientConfig{
			Min: s.Min, Max: s.Max, Update: s.Update, Quantile: s.Quantile,
			Remeasure: s.Remeasure, Jitter: s.Jitter, Requests: s.Requests, Buffer: s.Buffer,
		}
	}
	return shed.ThrottleConfig{
		K: s.K, Window: s.Window, Steps: s.Steps, Align: s.Align, MaxReject: s.MaxReject, Aggression: s.Aggression,
		MinRequests: s.MinRequests, MinRate: s.MinRate, CountRejected: s.CountRejected, Priorities: s.Priorities, On: s.On, Server: server,
	}
}

// Limiter returns the configuration of what bounds the calls under way, for all kinds but throttle.
func (s *Shed) Limiter(server bool) shed.LimiterConfig {
	return shed.LimiterConfig{On: s.On, Shares: meant(s).Shares, Server: server}
}

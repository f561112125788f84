package shed

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/window"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// ThrottleConfig says when a [Throttle] rejects calls, and how many.
type ThrottleConfig struct {
	K          float64       // calls allowed for each that is accepted: with 2, calls are rejected when less than half are
	Window     time.Duration // how far back calls count
	Steps      int           // in which the window slides
	Align      Align         // when a step begins
	MaxReject  float64       // the largest share that is rejected; 1: all but one call in a window
	Aggression float64       // the share is raised to the power 1/Aggression: with more than 1, few failures reject more

	MinRequests int     // calls in the window below which none is rejected
	MinRate     float64 // calls a second, over the window, below which none is rejected

	CountRejected bool           // calls rejected here count as calls that were not accepted
	Priorities    int            // the lowest priorities are rejected first, of 0 to so many less 1; 0: all are alike
	On            patterns.Kinds // failures that say that a call was not accepted
	Server        bool           // it stands before a server: a rejection is [patterns.Overloaded], not [patterns.Rejected]
}

// An Align says when the steps of a sliding window begin.
type Align = window.Align

// The alignments.
const (
	Epoch  = window.Epoch  // at multiples of a step since time zero
	Origin = window.Origin // at multiples of a step since the start
	Age    = window.Age    // with the first event after a step; it is gone when that is as old as the window
)

// SRE returns the adaptive throttling of Google's "Site Reliability Engineering", chapter 21 (2016): K is
// 2, over two minutes, and requests are all that the application made, those rejected here too.
//
// That last point is disputed (zeromicro/go-zero#3837, #5551; go-kratos/kratos#2777). Of n calls in a
// window, f go through. If a share a of those succeeds by chance, counting rejections leads to f =
// 1/(1-K*a) where K*a is less than 1: each rejection is a reason for the next, and hardly any call is made.
// Not counting them leads to f = K*a*n. But if the server accepts A of whatever comes, counting leads to
// f = K*A, and not counting to the square root of K*A*n, which grows with what the clients ask for.
func SRE() ThrottleConfig {
	return ThrottleConfig{
		K: 2, Window: 2 * time.Minute, Steps: 10, Align: Origin, MaxReject: 1, Aggression: 1, CountRejected: true,
		On: patterns.Transient,
	}
}

// EnvoyAdmission returns the defaults of Envoy's admission_control filter (envoy.extensions.filters.http.
// admission_control.v3, admission_control.cc): sampling_window 30 s in steps of 1 s, sr_threshold 95 %, which
// is 1/K, aggression 1, rps_threshold 0, max_rejection_probability 80 %. Rejected requests do not count.
func EnvoyAdmission() ThrottleConfig {
	return ThrottleConfig{
		K: 1 / 0.95, Window: 30 * time.Second, Steps: 30, Align: Age, MaxReject: 0.8, Aggression: 1,
		On: patterns.Transient, Server: true,
	}
}

// Kratos returns the defaults of github.com/go-kratos/aegis@v0.2.0/circuitbreaker/sre: success 0.6, which is
// 1/K, over 3 s in 10 buckets, from 100 requests on. Whether rejected calls count is left to its caller;
// the middleware of kratos marks them as failed.
func Kratos() ThrottleConfig {
	return ThrottleConfig{
		K: 1 / 0.6, Window: 3 * time.Second, Steps: 10, Align: Origin, MaxReject: 1, Aggression: 1, MinRequests: 100, CountRejected: true,
		On: patterns.Transient,
	}
}

// FailsafeThrottler returns the defaults of github.com/failsafe-go/failsafe-go@v0.9.8/adaptivethrottler:
// failureRateThreshold 0.1, so that K is 1/0.9, over a minute in 20 buckets, at most 90 % rejected.
// Rejected calls do not count. There the window slides only when a call ends, so that after an idle hour
// as many are rejected as before; that is left out here.
func FailsafeThrottler() ThrottleConfig {
	return ThrottleConfig{
		K: 1 / 0.9, Window: time.Minute, Steps: 20, Align: Epoch, MaxReject: 0.9, Aggression: 1,
		On: patterns.Transient,
	}
}

// DefaultThrottleConfig returns [SRE].
func DefaultThrottleConfig() ThrottleConfig { return SRE() }

// Validate names every field that makes no sense.
func (c ThrottleConfig) Validate() error {
	f := check.Of("shed")
	f.Need(c.K >= 1 && c.K <= 1000, "ThrottleConfig.K", c.K, "1 to 1000")
	f.Need(c.Steps >= 1 && c.Steps <= 10_000, "ThrottleConfig.Steps", c.Steps, "1 to 10,000")
	f.Need(c.Window > 0 && (c.Steps < 1 || c.Window%time.Duration(c.Steps) == 0), "ThrottleConfig.Window", c.Window, "more than 0 and a multiple of Steps")
	f.Need(c.Align <= Age, "ThrottleConfig.Align", c.Align, "epoch, origin or age")
	f.Need(c.MaxReject >= 0 && c.MaxReject <= 1, "ThrottleConfig.MaxReject", c.MaxReject, "0 to 1")
	f.Need(c.Aggression >= 1 && c.Aggression <= 1000, "ThrottleConfig.Aggression", c.Aggression, "1 to 1000")
	f.Need(c.MinRequests >= 0, "ThrottleConfig.MinRequests", c.MinRequests, "0 or more")
	f.Need(c.MinRate >= 0, "ThrottleConfig.MinRate", c.MinRate, "0 or more")
	f.Need(c.Priorities >= 0 && c.Priorities <= 1000, "ThrottleConfig.Priorities", c.Priorities, "0 to 1000")
	return f.Err()
}

// A Throttle is a client that rejects some of its own calls while the server does not accept them:
// a share of
//
//	(requests - K*accepts) / (requests + 1)
//
// over a sliding window. A call that goes through although few do is how the client learns that the
// server is well again, so never all of them are rejected.
//
//	asked ──let through──▶ sent ──▶ accepted: a request, and an accept
//	  │                     └─────▶ not: a request
//	  └──one of the share──▶ rejected: a request, if it counts those
//
// It protects a server that is overloaded even from the work of turning calls away. It pays with calls
// that would have been accepted, and it cannot tell a server that is overloaded from one that fails for
// another reason, or from a few requests that always fail.
//
// With Priorities it does not reject at random: requests are ranked by priority against those that came
// within the window, and the lowest share is rejected.
type Throttle struct {
	cfg      ThrottleConfig
	history  history
	draws    sim.Keyed
	nameless uint64
	rejected *patterns.Error
	counts   ThrottleCounts
}

// ThrottleCounts says what a [Throttle] did so far.
type ThrottleCounts struct {
	Allowed  uint64 // calls let through
	Rejected uint64 // calls rejected
}

// NewThrottle returns a throttle that has seen no call at start, from where the steps of its window
// are counted. As a policy it draws from draws, by the request's ID and attempt. It panics if the
// configuration is not valid.
func NewThrottle(cfg ThrottleConfig, start sim.Time, draws sim.Keyed) *Throttle {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Throttle{
		cfg: cfg, draws: draws, rejected: rejected(cfg.Server, "throttle", ErrThrottled),
		history: newHistory(window.Shape{Steps: cfg.Steps, Step: cfg.Window / time.Duration(cfg.Steps), Align: cfg.Align}, cfg.Priorities, start),
	}
}

// Counts returns what happened so far.
func (t *Throttle) Counts() ThrottleCounts { return t.counts }

// Share returns the share of calls that are rejected at now.
func (t *Throttle) Share(now sim.Time) float64 {
	t.history.slide(now)
	requests, accepts := float64(t.history.requests), float64(t.history.accepts)
	if requests < float64(t.cfg.MinRequests) || requests < float64(t.cfg.MinRate*t.cfg.Window.Seconds()) {
		return 0
	}
	share := (requests - float64(t.cfg.K*accepts)) / (requests + 1)
	if share <= 0 {
		return 0
	}
	if t.cfg.Aggression != 1 {
		share = dist.Pow(share, 1/t.cfg.Aggression)
	}
	return min(share, t.cfg.MaxReject)
}

// Allow asks at now to make a call of a priority. The luck is uniform from [0, 1), the call's own.
func (t *Throttle) Allow(now sim.Time, priority int, luck float64) bool {
	if t.cfg.Priorities > 0 {
		luck = t.rank(now, priority, luck)
	}
	if luck < t.Share(now) {
		t.counts.Rejected++
		if t.cfg.CountRejected {
			t.history.ended(now, false)
		}
		return false
	}
	t.counts.Allowed++
	return true
}

// rank returns the place of a call among those of the window, itself included, ordered by priority: 0 is
// the lowest of all, towards 1 the highest. Those of one priority share their places by luck.
func (t *Throttle) rank(now sim.Time, priority int, luck float64) float64 {
	class := min(max(priority, 0), t.cfg.Priorities-1)
	t.history.arrived(now, class)
	var below, total int64
	for i, n := range t.history.classes {
		if i < class {
			below += n
		}
		total += n
	}
	return (float64(below) + float64(luck*float64(t.history.classes[class]))) / float64(total)
}

// Done reports at now how a call ended that was let through.
func (t *Throttle) Done(now sim.Time, outcome Outcome) {
	if outcome != Ignored {
		t.history.ended(now, outcome == Success)
	}
}

// Wrap returns next behind this throttle; several calls to one server may share it. A failure that is
// not one of On was accepted; a call that a policy behind this one rejected was not sent.
func (t *Throttle) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if !t.Allow(p.Sim().Now(), req.Priority, t.luck(req)) {
			return patterns.Response{}, t.rejected
		}
		resp, err := next(p, req)
		t.Done(p.Sim().Now(), t.outcome(err))
		return resp, err
	}
}

func (t *Throttle) luck(req patterns.Request) float64 {
	key := req.ID
	if key == 0 { // nameless requests must not all have the same luck
		t.nameless++
		key = sim.Mix(t.nameless, 0)
	}
	draws := t.draws.At(sim.Mix(key, uint64(req.Attempt)))
	return draws.Float64()
}

func (t *Throttle) outcome(err error) Outcome {
	if err == nil {
		return Success
	}
	e, ok := err.(*patterns.Error)
	switch {
	case !ok:
		return Ignored
	case t.cfg.On.Has(e.Kind):
		return Dropped
	case e.Kind == patterns.Rejected:
		return Ignored
	}
	return Success
}

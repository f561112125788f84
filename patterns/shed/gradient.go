package shed

import (
	"math"
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// GradientConfig says how a [Gradient] limit moves.
type GradientConfig struct {
	Min, Max int           // the least and the most that the limit can be
	Update   time.Duration // how often it is set anew
	Quantile float64       // of the calls since, which is compared

	Remeasure time.Duration // how long from one measurement of the time without load to the next
	Jitter    float64       // by up to this share more
	Requests  int           // calls that a measurement takes, with no more than Min under way
	Buffer    float64       // share by which a call may take longer than without load
}

// DefaultGradientConfig returns the defaults of Envoy's adaptive_concurrency filter (gradient_controller.cc,
// envoy.extensions.filters.http.adaptive_concurrency.v3): min_concurrency 3, max_concurrency_limit 1000,
// sample_aggregate_percentile 50, jitter 15 %, request_count 50, buffer 25 %. Its intervals have no
// default; these are its documentation's example: 100 ms and 60 s.
func DefaultGradientConfig() GradientConfig {
	return GradientConfig{
		Min: 3, Max: 1000, Update: 100 * time.Millisecond, Quantile: 0.5,
		Remeasure: time.Minute, Jitter: 0.15, Requests: 50, Buffer: 0.25,
	}
}

// Validate names every field that makes no sense.
func (c GradientConfig) Validate() error {
	f := check.Of("shed")
	f.Need(c.Min >= 1, "GradientConfig.Min", c.Min, "1 or more")
	f.Need(c.Max >= c.Min && c.Max <= maxCalls, "GradientConfig.Max", c.Max, "Min to 1,000,000")
	f.Need(c.Update > 0, "GradientConfig.Update", c.Update, "more than 0")
	f.Need(c.Quantile >= 0 && c.Quantile <= 1, "GradientConfig.Quantile", c.Quantile, "0 to 1")
	f.Need(c.Remeasure > 0 && c.Remeasure <= maxRemeasure, "GradientConfig.Remeasure", c.Remeasure, "more than 0 and at most 8760h")
	f.Need(c.Jitter >= 0 && c.Jitter <= 1, "GradientConfig.Jitter", c.Jitter, "0 to 1")
	f.Need(c.Requests >= 1, "GradientConfig.Requests", c.Requests, "1 or more")
	f.Need(c.Buffer >= 0 && c.Buffer <= 1, "GradientConfig.Buffer", c.Buffer, "0 to 1")
	return f.Err()
}

const maxRemeasure = 8760 * time.Hour

// A Gradient limit is Envoy's. It measures how long calls take when next to none are under way, and then
// multiplies the limit, every Update, by that time and a Buffer over the time that calls take now, from
// ½ to 2, plus the square root of the limit for bursts:
//
//	measuring ──Requests calls──▶ running ──Remeasure, or five updates in a row at Min──▶ measuring
//	 limit: Min                    limit: limit*gradient + √(limit*gradient)
//
// It knows what no load is like, and cannot come to take an overload for normal. It pays for that at every
// measurement, when all but Min calls are rejected until enough of them have ended.
type Gradient struct {
	cfg     GradientConfig
	jitter  *sim.Stream
	limit   int
	resting int // limit before the measurement that is under way; 0: none is

	times   histogram
	since   sim.Time      // calls that began before that say nothing
	minimum time.Duration // without load

	update, remeasure sim.Time // the next; Never if none is planned
	atMin             int      // updates in a row that left the limit at Min
}

// NewGradient returns a limit that measures first. The jitter says when it measures again. It panics if
// the configuration is not valid.
func NewGradient(cfg GradientConfig, start sim.Time, jitter *sim.Stream) *Gradient {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	g := &Gradient{cfg: cfg, jitter: jitter, limit: cfg.Min, update: start.Add(cfg.Update), remeasure: sim.Never}
	g.measure(start)
	return g
}

// Limit returns how many calls may be under way at now.
func (g *Gradient) Limit(now sim.Time) int {
	g.advance(now)
	return g.limit
}

// Measuring reports whether a measurement of the time without load is under way at now.
func (g *Gradient) Measuring(now sim.Time) bool {
	g.advance(now)
	return g.resting > 0
}

// Learn learns at now from a call that has ended.
func (g *Gradient) Learn(now sim.Time, s Sample) {
	g.advance(now)
	if s.Began < g.since {
		return
	}
	g.times.add(s.RTT)
	if g.resting == 0 || g.times.total < g.cfg.Requests {
		return
	}
	g.minimum = g.times.quantile(g.cfg.Quantile)
	g.times.clear()
	g.set(now, g.resting)
	g.resting = 0
	g.remeasure = now.Add(g.cfg.Remeasure + g.later())
	g.update = now.Add(g.cfg.Update)
}

// later draws by how many whole milliseconds a measurement comes later.
func (g *Gradient) later() time.Duration {
	span := int(math.Ceil(float64(g.cfg.Remeasure.Milliseconds()) * g.cfg.Jitter))
	if span == 0 {
		return 0
	}
	return time.Duration(g.jitter.IntN(span)) * time.Millisecond
}

// advance does what had to happen up to now. Where both are due, the update comes first.
func (g *Gradient) advance(now sim.Time) {
	for {
		switch {
		case g.update <= now && g.update <= g.remeasure:
			g.updateAt(g.update, min(now, g.remeasure))
		case g.remeasure <= now:
			at := g.remeasure
			g.remeasure = sim.Never
			g.measure(at)
		default:
			return
		}
	}
}

// updateAt sets the limit anew, and plans the next update that is not before until or has something to
// look at.
func (g *Gradient) updateAt(at, until sim.Time) {
	if g.resting > 0 {
		g.update = sim.Never // planned again when the measurement ends
		return
	}
	g.update = at.Add(g.cfg.Update)
	if g.times.total > 0 {
		g.set(at, g.next(g.times.quantile(g.cfg.Quantile)))
		g.times.clear()
		return
	}
	if idle := until.Sub(g.update); idle > 0 {
		g.update = g.update.Add(idle / g.cfg.Update * g.cfg.Update)
	}
}

// next returns the limit after calls have taken so long.
func (g *Gradient) next(took time.Duration) int {
	gradient := 2.0
	if took > 0 {
		buffered := float64(g.minimum) + float64(float64(g.minimum)*g.cfg.Buffer)
		gradient = max(0.5, min(2, buffered/float64(took)))
	}
	limit := float64(float64(g.limit) * gradient)
	return min(max(int(limit+math.Sqrt(limit)), g.cfg.Min), g.cfg.Max)
}

// set is the only place that changes the limit. One that stays at Min may have a wrong idea of the time
// without load, and measures it at once.
func (g *Gradient) set(at sim.Time, limit int) {
	if g.resting == 0 && g.limit == g.cfg.Min && limit == g.cfg.Min {
		g.atMin++
	} else {
		g.atMin = 0
	}
	g.limit = limit
	if g.atMin >= 5 {
		g.remeasure = at
	}
}

// measure begins a measurement.
func (g *Gradient) measure(at sim.Time) {
	g.resting = g.limit
	g.set(at, g.cfg.Min)
	g.times.clear()
	g.since = at
}

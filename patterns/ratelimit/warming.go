package ratelimit

import (
	"math"
	"time"

	"github.com/nines-sim/nines/sim"
)

// A warming is Guava's SmoothRateLimiter, in microseconds and float64 as that is. A permit costs the
// time until the next one is free, which whoever comes next has to wait: a call is delayed by those
// before it, never by itself. Time that passes unused saves permits. What a saved permit costs makes the
// difference:
//
//	interval
//	  cold ┤                    ╱
//	       │                 ╱
//	stable ┤──────────────╱         SmoothWarmingUp: the area under the line from what is saved before
//	       │              ┊      ┊  to what is saved after
//	     0 ┼──────────────┴──────┴─▶ saved permits
//	           threshold        most
//
// and nothing at all in SmoothBursty, which begins with none saved.
type warming struct {
	keeps
	start     sim.Time
	stable    float64 // microseconds between two permits
	coolDown  float64 // microseconds that save a permit
	most      float64 // permits that can be saved
	threshold float64 // saved permits above which they cost more
	slope     float64 // by how many microseconds more for each
	bursty    bool    // saved permits cost nothing

	saved float64
	free  int64 // microseconds since the start: when the next permit is free
}

func newWarming(cfg Config, start sim.Time) *warming {
	perSecond := float64(cfg.Limit) * 1e9 / float64(cfg.Period)
	w := &warming{start: start, stable: 1e6 / perSecond}
	if cfg.WarmUp == 0 {
		w.bursty, w.most, w.coolDown = true, float64(cfg.Burst), w.stable
		return w
	}
	warmUp := float64(cfg.WarmUp.Microseconds())
	cold := float64(w.stable * cfg.Cold)
	w.threshold = float64(0.5*warmUp) / w.stable
	w.most = w.threshold + float64(2*warmUp)/(w.stable+cold)
	w.slope = (cold - w.stable) / (w.most - w.threshold)
	w.coolDown = warmUp / w.most
	w.saved = w.most // it is cold at first
	return w
}

func (w *warming) reserve(now, last sim.Time, n int64) sim.Time {
	micros := now.Sub(w.start).Microseconds()
	at := now.Add(times(time.Microsecond, max(w.free-micros, 0)))
	if at > last {
		return at
	}
	if micros > w.free {
		w.saved = min(w.most, w.saved+float64(micros-w.free)/w.coolDown)
		w.free = micros
	}
	spent := min(float64(n), w.saved)
	cost := w.cost(spent) + int64(float64((float64(n)-spent)*w.stable))
	if w.free > math.MaxInt64-cost {
		return sim.Never
	}
	w.free += cost
	w.saved -= spent
	return at
}

// cost returns how many microseconds it takes to spend so many of the saved permits.
func (w *warming) cost(spent float64) (micros int64) {
	if w.bursty {
		return 0
	}
	if above := w.saved - w.threshold; above > 0 {
		slow := min(above, spent)
		both := w.price(above) + w.price(above-slow)
		micros = int64(float64(slow*both) / 2)
		spent -= slow
	}
	return micros + int64(float64(w.stable*spent))
}

func (w *warming) price(above float64) float64 { return w.stable + float64(above*w.slope) }

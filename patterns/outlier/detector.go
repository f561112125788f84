package outlier

import (
	"math"
	"time"

	"github.com/nines-sim/nines/sim"
)

// A Detector ejects the endpoints of a service that do much worse than the others.
//
//	in use ──failures in a row: at once; a rate or a share: in the next sweep──▶ ejected
//	   ▲                                                                            │
//	   └───────────the first sweep after Base · ejections in short order────────────┘
//
// It protects callers from a replica that is broken and does not know it. It pays with the capacity of
// what it ejects: when all are slow because all are overloaded, ejecting some makes it worse, which
// MaxEjected limits. An endpoint without calls is never judged, and comes back by time alone: nobody
// asks whether it works again.
//
// Sweeps happen at multiples of Interval since the detector was made. What falls due is done when the
// detector is asked next, as of its instant; a call that ends at the instant of a sweep counts in the
// interval that begins.
//
// Two things are as Envoy and gRPC mean them rather than as they do them. A share is compared as a
// number of millionths, so that 55 failures of 100 are 55 %, which in grpc-go they are not quite. And an
// endpoint that two rules eject in one sweep counts once in MaxEjected; both count it twice, and
// take it back once.
type Detector struct {
	cfg       Config
	draws     sim.Keyed
	endpoints []endpoint
	ejected   int
	next      sim.Time // the next sweep
	onChange  func(Change)
	counts    Counts
}

// An endpoint is what is known of one.
type endpoint struct {
	failures, gateway, local int       // in a row
	now, before              [2]bucket // of this interval and of the one before, by origin

	judged   bool // in the present sweep
	ejected  bool
	until    sim.Time // when its ejection has lasted long enough
	times    int      // ejections in short order: how many times Base the last was to last
	returned sim.Time // when its last ejection ended; Never if there was none
	detected uint64   // counts detections, for their luck
}

// A bucket counts calls.
type bucket struct{ calls, good int }

// What calls are judged for: what the endpoint answered, or, if Split, that it answered.
const (
	external = iota
	local
)

const million = 1_000_000

// New returns a detector for so many endpoints, which are all in use. Luck, where the rules leave
// something to it, depends on the endpoint and on how often it was detected. New panics if the
// configuration is not valid.
func New(cfg Config, draws sim.Keyed, now sim.Time, endpoints int) *Detector {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	d := &Detector{cfg: cfg, draws: draws, next: now.Add(cfg.Interval)}
	d.SetEndpoints(now, endpoints)
	return d
}

// SetEndpoints changes how many endpoints there are: the last ones go, or new ones come after them.
func (d *Detector) SetEndpoints(now sim.Time, n int) {
	d.sweepUntil(now)
	for len(d.endpoints) > n {
		last := len(d.endpoints) - 1
		if d.endpoints[last].ejected {
			d.ejected--
		}
		d.endpoints = d.endpoints[:last]
	}
	for len(d.endpoints) < n {
		d.endpoints = append(d.endpoints, endpoint{returned: sim.Never})
	}
}

// OnChange calls f at every ejection and at every end of one. In a sweep that was late, Change.At is
// when it was due.
func (d *Detector) OnChange(f func(Change)) { d.onChange = f }

// Counts returns what was done so far.
func (d *Detector) Counts() Counts { return d.counts }

// Ejected reports whether endpoint i is ejected at now.
func (d *Detector) Ejected(now sim.Time, i int) bool {
	d.sweepUntil(now)
	return d.endpoints[i].ejected
}

// Begin does nothing: a detector counts calls when they end.
func (d *Detector) Begin(sim.Time, int) {}

// Done reports how a call to endpoint i ended at now.
func (d *Detector) Done(now sim.Time, i int, outcome Outcome) {
	d.sweepUntil(now)
	if outcome == Ignored {
		return
	}
	e := &d.endpoints[i]
	if d.cfg.Split {
		answered := outcome != Local
		e.now[local].add(answered)
		if !answered {
			if e.local++; e.local == d.cfg.Local.Failures {
				d.inARow(now, i, &e.local, d.cfg.Local, LocalInARow)
			}
			return
		}
		e.local = 0
	}
	e.now[external].add(outcome == Success)
	switch outcome {
	case Success:
		e.failures, e.gateway = 0, 0
		return
	case Failure:
		e.gateway = 0
	default:
		if e.gateway++; e.gateway == d.cfg.Gateway.Failures {
			d.inARow(now, i, &e.gateway, d.cfg.Gateway, GatewayInARow)
		}
	}
	if e.failures++; e.failures == d.cfg.Failures.Failures {
		d.inARow(now, i, &e.failures, d.cfg.Failures, FailuresInARow)
	}
}

func (b *bucket) add(good bool) {
	b.calls++
	if good {
		b.good++
	}
}

// Checked reports that endpoint i passed a health check at now.
func (d *Detector) Checked(now sim.Time, i int) {
	d.sweepUntil(now)
	if d.cfg.Checks && d.endpoints[i].ejected {
		d.takeBack(now, i, PassedHealthCheck)
	}
}

// inARow deals with failures in a row. Their count begins anew, whether they eject the endpoint or not;
// of an endpoint that is ejected already it goes on.
func (d *Detector) inARow(now sim.Time, i int, count *int, rule InARow, why Reason) {
	if d.endpoints[i].ejected {
		return
	}
	d.detect(now, i, rule.Enforce, why)
	*count = 0
}

// sweepUntil does the sweeps that are due.
func (d *Detector) sweepUntil(now sim.Time) {
	for now >= d.next {
		quiet := d.sweep(d.next)
		d.next = d.next.Add(d.cfg.Interval)
		if behind := now.Sub(d.next); quiet && behind >= 0 { // sweeps that would find nothing
			d.next = d.next.Add((behind/d.cfg.Interval + 1) * d.cfg.Interval)
		}
	}
}

// sweep judges the interval that ends, and ends ejections. It reports whether the next sweep will have
// nothing to do if no call ends before it.
func (d *Detector) sweep(now sim.Time) (quiet bool) {
	if d.cfg.Rules == EnvoyRules {
		d.release(now)
	}
	for i := range d.endpoints {
		e := &d.endpoints[i]
		e.before, e.now = e.now, [2]bucket{}
	}
	d.summon()
	d.judgeRates(now, external, d.cfg.Rate.Enforce, LowSuccessRate)
	d.judgeShares(now, external, d.cfg.Share.Enforce, HighFailureShare)
	if d.cfg.Split {
		d.summon()
		d.judgeRates(now, local, d.cfg.Rate.EnforceLocal, LowLocalSuccessRate)
		d.judgeShares(now, local, d.cfg.Share.EnforceLocal, HighLocalFailureShare)
	}
	quiet = true
	for i := range d.endpoints {
		e := &d.endpoints[i]
		calm := d.cfg.Rules == GRPCRules || e.returned < sim.Never && now.Sub(e.returned) >= d.cfg.Interval
		if !e.ejected && e.times > 0 && calm {
			e.times--
		}
	}
	if d.cfg.Rules == GRPCRules {
		d.release(now)
	}
	for i := range d.endpoints {
		quiet = quiet && !d.endpoints[i].ejected && d.endpoints[i].times == 0
	}
	return quiet
}

// release ends the ejections whose time is up.
func (d *Detector) release(now sim.Time) {
	if d.ejected == 0 {
		return
	}
	for i := range d.endpoints {
		e := &d.endpoints[i]
		if e.ejected && (now > e.until || now == e.until && d.cfg.Rules == EnvoyRules) {
			d.takeBack(now, i, TimeIsUp)
		}
	}
}

// summon says who is judged by its calls of the interval before, both by rates and by shares.
func (d *Detector) summon() {
	for i := range d.endpoints {
		e := &d.endpoints[i]
		e.judged = !e.ejected || d.cfg.Rules == GRPCRules
	}
}

// enough reports whether an endpoint that is judged had enough calls.
func (e *endpoint) enough(origin, minCalls int) bool {
	calls := e.before[origin].calls
	return e.judged && calls > 0 && calls >= minCalls
}

// judgeRates compares success rates.
func (d *Detector) judgeRates(now sim.Time, origin int, enforce float64, why Reason) {
	rule := d.cfg.Rate
	if rule.Factor == 0 {
		return
	}
	n, sum := 0, 0.0
	for i := range d.endpoints {
		if e := &d.endpoints[i]; e.enough(origin, rule.MinCalls) {
			n++
			sum += e.before[origin].rate()
		}
	}
	if n == 0 || n < rule.MinEndpoints {
		return
	}
	mean, squares := sum/float64(n), 0.0
	for i := range d.endpoints {
		if e := &d.endpoints[i]; e.enough(origin, rule.MinCalls) {
			off := e.before[origin].rate() - mean
			squares += float64(off * off)
		}
	}
	threshold := mean - float64(rule.Factor*math.Sqrt(squares/float64(n)))
	for i := range d.endpoints {
		if e := &d.endpoints[i]; e.enough(origin, rule.MinCalls) && e.before[origin].rate() < threshold {
			d.detect(now, i, enforce, why)
		}
	}
}

func (b bucket) rate() float64 { return float64(b.good) / float64(b.calls) }

// judgeShares looks at each endpoint's share of failures.
func (d *Detector) judgeShares(now sim.Time, origin int, enforce float64, why Reason) {
	rule := d.cfg.Share
	if rule.Threshold == 0 {
		return
	}
	n := 0
	for i := range d.endpoints {
		if d.endpoints[i].enough(origin, rule.MinCalls) {
			n++
		}
	}
	if n == 0 || n < rule.MinEndpoints {
		return
	}
	threshold := inMillionths(rule.Threshold)
	for i := range d.endpoints {
		e := &d.endpoints[i]
		if !e.enough(origin, rule.MinCalls) {
			continue
		}
		b := e.before[origin]
		failed, allowed := int64(b.calls-b.good)*million, threshold*int64(b.calls)
		if failed > allowed || failed == allowed && d.cfg.Rules == EnvoyRules {
			d.detect(now, i, enforce, why)
		}
	}
}

// detect ejects an outlier, if that is allowed and enforced.
func (d *Detector) detect(now sim.Time, i int, enforce float64, why Reason) {
	e := &d.endpoints[i]
	if e.ejected && d.cfg.Rules == EnvoyRules {
		return // by another rule of the same sweep
	}
	d.counts.Detected++
	e.detected++
	if !d.room() {
		d.counts.Overflow++
		return
	}
	draws := d.draws.At(sim.Mix(uint64(i), e.detected))
	if enforce < 1 && !draws.Chance(enforce) {
		d.counts.Spared++
		return
	}
	limit := max(d.cfg.Base, d.cfg.Max)
	if d.cfg.Rules == GRPCRules || d.cfg.Base*time.Duration(e.times) < limit+d.cfg.Base {
		e.times++
	}
	lasts := limit
	if int64(e.times) <= int64(limit/d.cfg.Base) { // so that the product cannot overflow
		lasts = d.cfg.Base * time.Duration(e.times)
	}
	if d.cfg.Jitter > 0 {
		lasts += time.Duration(draws.Float64() * float64(d.cfg.Jitter+1))
	}
	if !e.ejected {
		e.ejected = true
		d.ejected++
	}
	e.until = now.Add(lasts)
	d.counts.Ejected++
	if d.onChange != nil {
		d.onChange(Change{now, i, true, why})
	}
}

// room reports whether another endpoint may be ejected.
func (d *Detector) room() bool {
	limit, n := inMillionths(d.cfg.MaxEjected), int64(len(d.endpoints))
	if d.cfg.AlwaysOne && d.ejected == 0 {
		return true
	}
	if d.cfg.Rules == GRPCRules {
		return int64(d.ejected)*million < limit*n
	}
	return int64(d.ejected+1)*million <= limit*n
}

// inMillionths returns a share as the number of millionths that it was meant to be.
func inMillionths(share float64) int64 { return int64(math.Round(share * million)) }

// takeBack ends an ejection. Failures in a row begin anew.
func (d *Detector) takeBack(now sim.Time, i int, why Reason) {
	e := &d.endpoints[i]
	e.ejected = false
	e.failures, e.gateway, e.local = 0, 0, 0
	e.returned = now
	d.ejected--
	d.counts.Returned++
	if d.onChange != nil {
		d.onChange(Change{now, i, false, why})
	}
}

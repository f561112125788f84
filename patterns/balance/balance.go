// Package balance spreads calls over the replicas of a service.
package balance

import (
	"errors"
	"fmt"
	"math"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// ErrNoTarget says that there was nobody to send a request to.
var ErrNoTarget = errors.New("no target is healthy")

// A Target is one of those that calls are spread over, usually a replica. It may be [Weighted], [Zoned], a
// [Loader] or a [Reporter] too, or be a [Wrapper] of one that is.
type Target interface {
	Name() string
	Healthy() bool // as far as the caller knows, which may be late or wrong
	Call(p *sim.Process, req patterns.Request) (patterns.Response, error)
}

// A Wrapper is a target that stands in front of another.
type Wrapper interface{ Unwrap() Target }

// find returns the target as a T, or the first below it that is one.
func find[T any](t Target) (found T, ok bool) {
	for {
		if found, ok = t.(T); ok {
			return found, true
		}
		w, wraps := t.(Wrapper)
		if !wraps {
			return found, false
		}
		t = w.Unwrap()
	}
}

// A Balancer spreads calls over targets.
//
//	all ──Subset──▶ its own ──SkipUnhealthy, unless Panic──▶ in use ──Zones, AvoidLast──▶ choice ──Pick──▶ one
//
// It protects callers from the loss of a replica, as far as somebody tells it who is healthy, and
// replicas from uneven load. It pays with calls to replicas whose failure is not known yet. A target
// that never answers is seen as loaded by picks that compare loads, as long as its callers wait; one
// that fails at once looks idle to them and attracts calls.
//
// What is drawn depends on the request's ID and attempt alone, so that a request meets the same
// luck in every variant of a study. Time is the kernel's, as if on a monotonic clock.
type Balancer struct {
	cfg       Config
	draws     sim.Keyed
	members   []*member
	next      int    // round robin: whose turn it is
	calls     uint64 // counts picks; a member with this number in left is left out of the present one
	now       sim.Time
	believe   bool // whether the present pick believes what is known of health
	weighs    bool // whether weights are not all 1
	plain     bool // whether nothing counts but calls under way
	nextLook  sim.Time
	noTargets error

	stride      stride    // of the pick StaticStride
	table       table     // of a pick by key
	weightInUse float64   // of those who may be chosen by the present pick
	underWay    int       // calls, when a pick has a bound
	order       []*member // in which the present pick jumps

	zones   []zone
	callers int  // in all zones
	in      int  // the zone in which the present pick looks, or anywhere
	out     bool // everywhere but there
}

type member struct {
	Target
	name     string
	inFlight int
	requests uint64
	left     uint64 // the pick that this member is left out of

	loader     Loader   // or nil
	reporter   Reporter // or nil
	reported   reported
	known      float64 // its load when loads were read last
	average    average
	weight     float64
	gained     float64  // smooth weighted round robin
	since      sim.Time // when it came, or was healthy again; Never if it was there from the beginning
	wasHealthy bool
	zone       int
}

// New returns a balancer over targets, which have different names. It panics if the
// configuration is not valid.
func New(cfg Config, draws sim.Keyed, targets []Target) *Balancer {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	b := &Balancer{
		cfg: cfg, draws: draws,
		noTargets: &patterns.Error{Kind: patterns.Unavailable, Layer: "balance", Cause: ErrNoTarget},
	}
	b.SetTargets(targets)
	for _, m := range b.members {
		m.since, m.wasHealthy = sim.Never, m.Healthy()
	}
	return b
}

// SetTargets changes the targets. One whose name was there before keeps its count of calls.
func (b *Balancer) SetTargets(targets []Target) {
	known := make(map[string]*member, len(b.members))
	for _, m := range b.members {
		known[m.name] = m
	}
	names := make([]string, len(targets))
	seen := make(map[string]bool, len(targets))
	for i, t := range targets {
		names[i] = t.Name()
		if seen[names[i]] {
			panic("balance: two targets are called " + names[i])
		}
		seen[names[i]] = true
	}
	b.members = make([]*member, 0, len(targets))
	for _, i := range b.cfg.Subset.Of(b.draws, names) {
		m := known[names[i]]
		if m == nil {
			m = &member{name: names[i]}
			m.average.cost = float64(b.cfg.EWMA.Initial)
		}
		m.Target = targets[i]
		b.members = append(b.members, m)
	}
	b.next, b.stride.inUse = 0, nil
	b.readTargets()
}

// readTargets reads what targets say of themselves.
func (b *Balancer) readTargets() {
	if len(b.members) >= math.MaxUint16 {
		panic(fmt.Sprintf("balance: %d targets", len(b.members)))
	}
	b.weighs = b.cfg.SlowStart.Window > 0
	for _, m := range b.members {
		m.loader, _ = find[Loader](m.Target)
		m.reporter, _ = find[Reporter](m.Target)
		m.weight = 1
		if t, ok := find[Weighted](m.Target); ok {
			m.weight = t.Weight()
		}
		if !(m.weight > 0 && m.weight <= 1e6) {
			panic(fmt.Sprintf("balance: %s has a weight of %v, need more than 0 and at most 1,000,000", m.name, m.weight))
		}
		b.weighs = b.weighs || m.weight != 1
	}
	b.plain = b.cfg.Load == InFlight && b.cfg.Stale == 0 && !b.weighs
	b.findZones()
	b.build()
}

// A Load is what a balancer knows of one target.
type Load struct {
	Name     string
	InFlight int    // calls under way
	Requests uint64 // calls so far
}

// Loads returns the load of every target, in the order in which they were given.
func (b *Balancer) Loads() []Load {
	loads := make([]Load, len(b.members))
	for i, m := range b.members {
		loads[i] = Load{m.name, m.inFlight, m.requests}
	}
	return loads
}

// Call sends a request to one target; it is a [patterns.Call]. The response says which, even if
// an error comes with it. Without a target to send to, the error is [patterns.Unavailable].
func (b *Balancer) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	return b.CallBy(p, req, req.Key)
}

// CallBy is [Balancer.Call] for picks by another key than the request's own: one that fewer requests have,
// or more.
func (b *Balancer) CallBy(p *sim.Process, req patterns.Request, key uint64) (patterns.Response, error) {
	start := p.Sim().Now()
	own := req.Key
	req.Key = key
	m := b.pick(start, &req)
	req.Key = own
	if m == nil {
		return patterns.Response{}, b.noTargets
	}
	req.Copies.Add(m.name)
	req.Copies = nil
	m.requests++
	m.inFlight++
	end := unwound // unless the call comes back: a killed caller is unwound
	defer func() { b.ended(p.Sim().Now(), m, start, end) }()
	resp, err := m.Call(p, req)
	end = endingOf(err)
	resp.From = m.name
	return resp, err
}

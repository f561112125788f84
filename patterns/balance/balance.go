// Package balance spreads calls over the replicas of a service.
package balance

import (
	"errors"
	"fmt"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// ErrNoTarget says that there was nobody to send a request to.
var ErrNoTarget = errors.New("no target is healthy")

// A Target is one of those that calls are spread over, usually a replica.
type Target interface {
	Name() string
	Healthy() bool // as far as the caller knows, which may be late or wrong
	Call(p *sim.Process, req patterns.Request) (patterns.Response, error)
}

// A Pick says how a target is chosen.
type Pick uint8

// The ways to choose a target.
const (
	RoundRobin    Pick = iota // one after another, beginning anywhere
	Random                    // any, each equally likely
	LeastRequests             // the one with the fewest calls of this balancer under way; ties at random
	Choices                   // draw a few at random and take the least loaded: the power of two choices
	picks
)

var pickNames = [picks]string{"round_robin", "random", "least_requests", "p2c"}

func (k Pick) String() string {
	if k < picks {
		return pickNames[k]
	}
	return fmt.Sprintf("pick %d", uint8(k))
}

// Config says how calls are spread.
type Config struct {
	Pick          Pick
	Choices       int     // for the pick Choices: how many different targets are drawn
	SkipUnhealthy bool    // leave out targets that are known to be unhealthy
	Panic         float64 // share of healthy targets below which health is not believed and all are used; 0: never
	AvoidLast     bool    // send another attempt or another copy of a request to somebody else, if there is anybody
}

// DefaultConfig returns the power of two choices among the healthy, with retries sent elsewhere.
// Panic is off: Envoy's 50 % suits large clusters; of three replicas with one left it would send two
// thirds of the calls to the dead.
func DefaultConfig() Config {
	return Config{Pick: Choices, Choices: 2, SkipUnhealthy: true, AvoidLast: true}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	f := check.Of("balance")
	f.Need(c.Pick < picks, "Pick", c.Pick, "round_robin, random, least_requests or p2c")
	f.Need(c.Pick != Choices || c.Choices >= 2, "Choices", c.Choices, "2 or more")
	f.Need(c.Panic >= 0 && c.Panic <= 1, "Panic", c.Panic, "0 to 1")
	return f.Err()
}

// A Balancer spreads calls over targets.
//
// It protects callers from the loss of a replica, as far as somebody tells it who is healthy, and
// replicas from uneven load. It pays with calls to replicas whose failure is not known yet. A target
// that never answers is seen as loaded by LeastRequests and Choices, as long as its callers wait; one
// that fails at once looks idle to them and attracts calls.
//
// What is drawn depends on the request's ID and attempt alone, so that a request meets the same
// luck in every variant of a study.
type Balancer struct {
	cfg       Config
	draws     sim.Keyed
	members   []*member
	next      int    // round robin: whose turn it is
	calls     uint64 // counts picks; a member with this number in left is left out of the present one
	believe   bool   // whether the present pick believes what is known of health
	noTargets error
}

type member struct {
	Target
	name     string
	inFlight int
	requests uint64
	left     uint64 // the pick that this member is left out of
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
	return b
}

// SetTargets changes the targets. One whose name was there before keeps its count of calls.
func (b *Balancer) SetTargets(targets []Target) {
	known := make(map[string]*member, len(b.members))
	for _, m := range b.members {
		known[m.name] = m
	}
	seen := make(map[string]bool, len(targets))
	b.members = make([]*member, 0, len(targets))
	for _, t := range targets {
		name := t.Name()
		if seen[name] {
			panic("balance: two targets are called " + name)
		}
		seen[name] = true
		m := known[name]
		if m == nil {
			m = &member{name: name}
		}
		m.Target = t
		b.members = append(b.members, m)
	}
	b.next = 0
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
	m := b.pick(req.ID, req.Attempt, req.Avoid, req.Copies)
	if m == nil {
		return patterns.Response{}, b.noTargets
	}
	req.Copies.Add(m.name)
	req.Copies = nil
	m.requests++
	m.inFlight++
	defer func() { m.inFlight-- }() // a killed caller is unwound
	resp, err := m.Call(p, req)
	resp.From = m.name
	return resp, err
}

// pick chooses a target, or nil if there is none to choose.
func (b *Balancer) pick(id uint64, attempt int, avoid string, copies *patterns.Copies) *member {
	b.calls++
	b.believe = b.cfg.SkipUnhealthy && !b.panics()
	if id == 0 { // nameless requests must not all draw the same target
		id = sim.Mix(b.calls, 0)
	}
	draws := b.draws.At(sim.Mix(id, uint64(attempt)))
	last := b.leaveOut(avoid)
	for _, name := range copies.Names() {
		if m := b.leaveOut(name); m != nil {
			last = m
		}
	}
	m := b.choose(&draws)
	if m == nil && last != nil && (last.Healthy() || !b.believe) {
		return last
	}
	return m
}

// choose chooses among the targets that are not left out.
func (b *Balancer) choose(draws *sim.Stream) *member {
	switch b.cfg.Pick {
	case RoundRobin:
		return b.turn(draws)
	case LeastRequests:
		return b.leastLoaded(draws)
	case Choices:
		return b.leastOfFew(draws)
	default:
		return b.random(draws)
	}
}

func (b *Balancer) turn(draws *sim.Stream) *member {
	if b.calls == 1 && len(b.members) > 0 { // clients that start together do not march together
		b.next = draws.IntN(len(b.members))
	}
	for range b.members {
		m := b.members[b.next]
		b.next = (b.next + 1) % len(b.members)
		if b.usable(m) {
			return m
		}
	}
	return nil
}

func (b *Balancer) leastLoaded(draws *sim.Stream) (best *member) {
	ties := 0
	for _, m := range b.members {
		switch {
		case !b.usable(m):
		case best == nil || m.inFlight < best.inFlight:
			best, ties = m, 1
		case m.inFlight == best.inFlight:
			ties++
		}
	}
	if ties <= 1 {
		return best
	}
	skip := draws.IntN(ties)
	for _, m := range b.members {
		if b.usable(m) && m.inFlight == best.inFlight {
			if skip--; skip < 0 {
				return m
			}
		}
	}
	return best
}

// leastOfFew draws different targets. Drawing one of them twice, as gRPC and Envoy may do, is
// another policy: two targets would not always share the load evenly.
func (b *Balancer) leastOfFew(draws *sim.Stream) (best *member) {
	for range b.cfg.Choices {
		m := b.random(draws)
		if m == nil {
			break
		}
		m.left = b.calls
		if best == nil || m.inFlight < best.inFlight { // the order is random, so ties are too
			best = m
		}
	}
	return best
}

// random returns a target that is not left out, each equally likely.
func (b *Balancer) random(draws *sim.Stream) *member {
	const quick = 4 // usually enough, and then the number of targets does not matter
	if len(b.members) == 0 {
		return nil
	}
	for range quick {
		if m := b.members[draws.IntN(len(b.members))]; b.usable(m) {
			return m
		}
	}
	var chosen *member
	seen := 0
	for _, m := range b.members {
		if b.usable(m) {
			if seen++; draws.IntN(seen) == 0 { // the k-th takes the place of those before it with probability 1/k
				chosen = m
			}
		}
	}
	return chosen
}

// usable reports whether the present pick may choose m.
func (b *Balancer) usable(m *member) bool {
	return m.left != b.calls && (!b.believe || m.Healthy())
}

// leaveOut leaves the target of that name out of the present pick, and returns it.
func (b *Balancer) leaveOut(name string) *member {
	if name == "" || !b.cfg.AvoidLast {
		return nil
	}
	for _, m := range b.members {
		if m.name == name {
			m.left = b.calls
			return m
		}
	}
	return nil
}

// panics reports whether so few targets are healthy that it is likelier that health is wrong.
func (b *Balancer) panics() bool {
	if b.cfg.Panic == 0 {
		return false
	}
	healthy := 0
	for _, m := range b.members {
		if m.Healthy() {
			healthy++
		}
	}
	return float64(healthy) < b.cfg.Panic*float64(len(b.members))
}

package redundancy

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// How fast idle members of a [Standby] group are used up, compared to those that work. What is in
// between is warm.
const (
	Cold = 0.0 // switched off: they do not fail
	Hot  = 1.0 // as fast: they fail as those that work do
)

// StandbyConfig describes an active-passive group.
type StandbyConfig struct {
	Active   int               // members that work at one time; the group is up while so many do
	Dormancy float64           // how fast idle members are used up: from Cold to Hot
	Failover dist.Distribution // how long it takes an idle member to take over, in seconds; nil is none
}

// DefaultStandbyConfig returns one active member, and hot standbys that take over at once.
func DefaultStandbyConfig() StandbyConfig { return StandbyConfig{Active: 1, Dormancy: Hot} }

// Validate returns an error that names every bad field, or nil.
func (cfg StandbyConfig) Validate() error {
	var errs []error
	if cfg.Active < 1 {
		errs = append(errs, fmt.Errorf("redundancy: Active is %d, need at least 1", cfg.Active))
	}
	if !(cfg.Dormancy >= Cold && cfg.Dormancy <= Hot) {
		errs = append(errs, fmt.Errorf("redundancy: Dormancy is %v, need 0 (cold) to 1 (hot)", cfg.Dormancy))
	}
	if cfg.Failover != nil && cfg.Failover.Mean() < 0 {
		errs = append(errs, fmt.Errorf("redundancy: Failover is %v, need a mean of 0 or more", cfg.Failover))
	}
	return errors.Join(errs...)
}

// A Standby is an active-passive group: some members work, the others are idle and take over from
// those that fail.
//
//	idle ──one that works has failed──▶ taking over ──Failover──▶ working
//	  ▲                                      │                       │
//	  │                                      └────────fails──────────┴──▶ failed
//	  └──────────────────────────repaired, and not needed now──────────────┘
//
// One that is repaired while too few work goes to work at once: starting it was part of the repair.
// Nobody goes back to being idle.
type Standby struct {
	status
	cfg     StandbyConfig
	members []*member
	serving int // members that work, or are taking over
	working int
	luck    sim.Stream
}

// A role is what a member of an active-passive group does.
type role uint8

const (
	failed role = iota
	idle
	takingOver
	working
)

type member struct {
	*Component
	g     *Standby
	role  role
	ready sim.Timer // the end of taking over
}

// NewStandby returns an active-passive group of which the first members work. It panics if the
// configuration is not valid, if there are too few members, or if one of them is down.
func NewStandby(s *sim.Simulation, name string, cfg StandbyConfig, members ...*Component) *Standby {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	if len(members) < cfg.Active {
		panic(fmt.Sprintf("redundancy: %d of the %d members of %s are to be active", cfg.Active, len(members), name))
	}
	g := &Standby{status: newStatus(s, name), cfg: cfg, luck: s.Stream("redundancy/" + name + "/failover")}
	for _, c := range members {
		if !c.Up() {
			panic("redundancy: " + name + " begins with " + c.name + ", which is down")
		}
		m := &member{Component: c, g: g}
		g.members = append(g.members, m)
		g.returned(m)
		c.OnChange(func(up bool) {
			if up {
				g.returned(m)
			} else {
				g.lost(m)
			}
			g.set(g.working >= g.cfg.Active)
		})
	}
	return g
}

// Working returns how many members work; those that are taking over do not yet.
func (g *Standby) Working() int { return g.working }

// returned gives a member that is up a role.
func (g *Standby) returned(m *member) {
	if g.serving < g.cfg.Active {
		m.role = working
		g.serving++
		g.working++
		return
	}
	m.role = idle
	m.use(g.cfg.Dormancy)
}

// lost replaces a member that has failed.
func (g *Standby) lost(m *member) {
	switch m.role {
	case working:
		g.serving--
		g.working--
	case takingOver:
		g.serving--
		m.ready.Stop()
	}
	m.role = failed
	for _, other := range g.members {
		if other.role == idle && g.serving < g.cfg.Active {
			g.activate(other)
		}
	}
}

// activate lets an idle member take over. It is used up from the beginning.
func (g *Standby) activate(m *member) {
	g.serving++
	m.use(1)
	if d := g.failover(); d > 0 {
		m.role = takingOver
		m.ready = g.s.AtCall(g.s.Now().Add(d), tookOver, m)
		return
	}
	m.role = working
	g.working++
}

func tookOver(arg any) {
	m := arg.(*member)
	m.role = working
	m.g.working++
	m.g.set(m.g.working >= m.g.cfg.Active)
}

// failover draws how long it takes to take over.
func (g *Standby) failover() time.Duration {
	if g.cfg.Failover == nil {
		return 0
	}
	return dist.Duration(g.cfg.Failover, &g.luck)
}

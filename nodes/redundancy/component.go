package redundancy

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// Config says how a component fails and how long its repair takes, in seconds.
type Config struct {
	Life   dist.Distribution // how long it works, from new or repaired, until it fails
	Repair dist.Distribution // how long a crew needs; afterwards it is as good as new
}

// Validate returns an error that names every bad field, or nil.
func (cfg Config) Validate() error {
	var errs []error
	if cfg.Life == nil || cfg.Life.Mean() <= 0 {
		errs = append(errs, fmt.Errorf("redundancy: Life is %v, need a mean of more than 0", cfg.Life))
	}
	if cfg.Repair == nil || cfg.Repair.Mean() < 0 {
		errs = append(errs, fmt.Errorf("redundancy: Repair is %v, need a mean of 0 or more", cfg.Repair))
	}
	return errors.Join(errs...)
}

// Upkeep is what repairs a component. In the zero Upkeep a crew is always free, and there are no
// spares.
type Upkeep struct {
	Crews  *sim.Resource // a repair takes one of them; components may share them
	Spares *Spares       // one of them is put in at once, and what has failed becomes a spare when it is repaired
}

// A Component is a piece of hardware that fails and is repaired.
//
//	up ──its life is used up──▶ down ──a crew comes and repairs it──▶ up
//	                              └────or a spare is put in─────────▶ up
//
// Its life is used up by working. While it is an idle member of a [Standby] group, it is used up
// more slowly, or not at all.
type Component struct {
	status
	cfg           Config
	upkeep        Upkeep
	group         *sim.Group
	lives, repair sim.Stream

	left time.Duration // of its life, at time at
	at   sim.Time
	wear float64 // life used up in a unit of time: 1 when it works
	end  sim.Timer
}

// NewComponent returns a new component, which works. It panics if the configuration is not valid.
func NewComponent(s *sim.Simulation, name string, cfg Config, upkeep Upkeep) *Component {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	c := &Component{
		status: newStatus(s, name), cfg: cfg, upkeep: upkeep, group: s.NewGroup(name),
		lives: s.Stream("redundancy/" + name + "/life"), repair: s.Stream("redundancy/" + name + "/repair"),
	}
	c.begin()
	return c
}

// begin begins a life, at work.
func (c *Component) begin() {
	c.left, c.at, c.wear = dist.Duration(c.cfg.Life, &c.lives), c.s.Now(), 1
	c.plan()
}

// use changes how fast the life of a component that is up is used up.
func (c *Component) use(wear float64) {
	if wear == c.wear {
		return
	}
	now := c.s.Now()
	c.left -= scale(now.Sub(c.at), c.wear)
	c.at, c.wear = now, wear
	c.end.Stop()
	c.plan()
}

// plan schedules the end of its life.
func (c *Component) plan() {
	if c.wear > 0 {
		c.end = c.s.AtCall(c.s.Now().Add(max(0, scale(c.left, 1/c.wear))), fail, c)
	}
}

func scale(d time.Duration, by float64) time.Duration {
	switch by {
	case 0:
		return 0
	case 1:
		return d
	}
	return dist.Seconds(float64(d) * by / 1e9)
}

func fail(arg any) {
	c := arg.(*Component)
	switch {
	case c.upkeep.Spares != nil:
		c.group.Spawn("repair", refurbish, c)
		c.group.Spawn("replace", replace, c)
	case c.upkeep.Crews != nil:
		c.group.Spawn("repair", repair, c)
	default:
		c.s.AtCall(c.s.Now().Add(c.length()), repaired, c)
	}
	c.set(false)
}

// length draws how long a repair takes.
func (c *Component) length() time.Duration { return dist.Duration(c.cfg.Repair, &c.repair) }

// renew puts a component that is as good as new back to work.
func (c *Component) renew() {
	c.begin()
	c.set(true)
}

func repaired(arg any) { arg.(*Component).renew() }

// repair waits for a crew, and for its work.
func repair(p *sim.Process, arg any) {
	c := arg.(*Component)
	if c.mend(p) == nil {
		c.renew()
	}
}

// refurbish makes a spare of what has failed.
func refurbish(p *sim.Process, arg any) {
	c := arg.(*Component)
	if c.mend(p) == nil {
		c.upkeep.Spares.units.TryPut(struct{}{})
	}
}

// replace puts a spare in.
func replace(p *sim.Process, arg any) {
	c := arg.(*Component)
	if c.upkeep.Spares.put(p) == nil {
		c.renew()
	}
}

func (c *Component) mend(p *sim.Process) error {
	if crews := c.upkeep.Crews; crews != nil {
		if err := crews.Acquire(p, 1, 0); err != nil {
			return err
		}
		defer crews.Release(1)
	}
	return p.Sleep(c.length())
}

// Spares are components in store, all alike, for components that fail. Putting one in takes no
// crew. If none is left, whoever has failed waits for the next that is repaired.
type Spares struct {
	units *sim.Mailbox[struct{}]
	swap  dist.Distribution
	luck  sim.Stream
}

// NewSpares returns a store of n spares. Swap is the time that it takes to put one in, in seconds;
// nil is none.
func NewSpares(s *sim.Simulation, name string, n int, swap dist.Distribution) *Spares {
	if n < 0 {
		panic(fmt.Sprintf("redundancy: %d spares of %s", n, name))
	}
	sp := &Spares{units: sim.NewMailbox[struct{}](s, name, 0), swap: swap, luck: s.Stream("redundancy/" + name + "/swap")}
	for range n {
		sp.units.TryPut(struct{}{})
	}
	return sp
}

// Left returns how many spares are in store.
func (sp *Spares) Left() int { return sp.units.Len() }

// put waits for a spare and puts it in.
func (sp *Spares) put(p *sim.Process) error {
	if _, err := sp.units.Take(p); err != nil {
		return err
	}
	if sp.swap == nil {
		return nil
	}
	return p.Sleep(dist.Duration(sp.swap, &sp.luck))
}

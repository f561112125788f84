// Package heal brings back what is down: restart with back-off, replacement on another machine.
//
// A [Supervisor] decides and has no clock. A [Healer] runs it in simulated time and does the
// repairs by the [Hands] that it is given. Neither looks for itself: they act on what they are
// told, by whoever sees processes end and by health checks. A check that fails because a
// dependency is down gets a healthy replica restarted; that is the check's fault, and common.
package heal

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/sim"
)

// Config says what is repaired, and when.
type Config struct {
	Restart    bool          // restart what exited or is unhealthy
	After      time.Duration // from the report until the restart begins
	Boot       time.Duration // from then until the replica starts to serve; a replacement boots too
	Backoff    time.Duration // added before the second restart in a row; then twice as long each time
	MaxBackoff time.Duration // where the doubling stops. Zero: nowhere
	Reset      time.Duration // a replica that has served for so long has no restarts behind it. Zero: any that served
	Replace    time.Duration // a replica whose machine is gone for so long gets another. Zero: never
	Crews      int           // repairs at once. Zero: no limit
}

// DefaultConfig restarts as Kubernetes does: at once, then after 10 s, 20 s, 40 s and so on up to 5
// minutes, until the replica has run for 10 minutes (pod life cycle: container restart policy). A
// replica on a lost machine moves after 5 minutes (the default toleration of an unreachable node).
// Boot, 20 s, is an assumption.
func DefaultConfig() Config {
	return Config{
		Restart: true, Boot: 20 * time.Second,
		Backoff: 10 * time.Second, MaxBackoff: 5 * time.Minute, Reset: 10 * time.Minute,
		Replace: 5 * time.Minute,
	}
}

// Validate names every field that makes no sense.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("heal: "+format, args...))
		}
	}
	check(c.After >= 0, "after is %v, need 0 or more", c.After)
	check(c.Boot >= 0, "boot is %v, need 0 or more", c.Boot)
	check(c.Backoff >= 0, "backoff is %v, need 0 or more", c.Backoff)
	check(c.MaxBackoff == 0 || c.MaxBackoff >= c.Backoff, "max backoff is %v, need 0 or at least the backoff of %v", c.MaxBackoff, c.Backoff)
	check(c.Reset >= 0, "reset is %v, need 0 or more", c.Reset)
	check(c.Replace >= 0, "replace is %v, need 0 or more", c.Replace)
	check(c.Crews >= 0, "crews is %d, need 0 or more", c.Crews)
	return errors.Join(errs...)
}

// A Cause is why a replica is down.
type Cause uint8

// The causes.
const (
	Exited    Cause = iota // its process has ended; the machine is there
	Unhealthy              // a check says that it is down; its process may run
	Gone                   // its machine is down
)

func (c Cause) String() string { return [...]string{"exited", "unhealthy", "machine gone"}[c] }

// A State is where a replica stands.
type State uint8

// The states of a replica.
const (
	Serving State = iota
	Down
	Repairing
)

func (s State) String() string { return [...]string{"serving", "down", "repairing"}[s] }

// An Action is what a repair does.
type Action uint8

// The actions.
const (
	Restart Action = iota // on its machine
	Replace               // on another machine
)

func (a Action) String() string { return [...]string{"restart", "replace"}[a] }

// A Repair is to be done now, and ends with [Supervisor.Done].
type Repair struct {
	Replica int
	Action  Action
	Row     int // restarts in a row, this one included
}

// A Supervisor decides when which replica is repaired.
//
//	serving ──Down──▶ down ──After, back-off, a crew──▶ repairing ──Done──▶ serving
//	   ▲               │ ▲                                  │
//	   └──────Up───────┘ └───────────it failed──────────────┘
//
// It ends outages that would wait for a person. It costs capacity when it is wrong: a replica that
// is merely busy is taken away from the others for as long as it boots. Back-off keeps a replica
// that fails at once from being started all the time; it also delays the restart that would work.
type Supervisor struct {
	cfg      Config
	replicas []replica
	busy     int // repairs going on
}

type replica struct {
	state  State
	since  sim.Time // when state was entered
	why    Cause
	action Action   // planned, or going on
	due    sim.Time // when down: the repair; Never if none is planned
	row    int
}

// New returns a supervisor of replicas that have served since before the run. It panics if cfg is
// not valid.
func New(cfg Config, replicas int) *Supervisor {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Supervisor{cfg: cfg, replicas: make([]replica, replicas)}
}

// Down says that a replica is down. Saying again why it is down changes the plan only where the
// machine has gone or come back: then what was waited for starts anew.
func (v *Supervisor) Down(now sim.Time, i int, why Cause) {
	r := &v.replicas[i]
	switch r.state {
	case Serving:
		if now.Sub(r.since) >= v.cfg.Reset {
			r.row = 0
		}
		v.down(r, now, why)
	case Down:
		if (why == Gone) != (r.why == Gone) {
			v.down(r, now, why)
		}
	case Repairing:
		r.why = why // what to plan for if the repair fails
	}
}

// Up says that a replica serves, by itself. A repair that is going on goes on.
func (v *Supervisor) Up(now sim.Time, i int) {
	if r := &v.replicas[i]; r.state == Down {
		v.enter(r, Serving, now)
	}
}

// Next returns a repair that is due, if a crew is free: the one that is due longest.
func (v *Supervisor) Next(now sim.Time) (Repair, bool) {
	i := v.first()
	if i < 0 || v.replicas[i].due > now {
		return Repair{}, false
	}
	r := &v.replicas[i]
	if r.action == Restart {
		r.row++
	}
	v.busy++
	v.enter(r, Repairing, now)
	return Repair{i, r.action, r.row}, true
}

// Due returns when to ask for the next repair: [sim.Never] if nothing is planned, or if every
// crew is busy.
func (v *Supervisor) Due() sim.Time {
	if i := v.first(); i >= 0 {
		return v.replicas[i].due
	}
	return sim.Never
}

// Done says that the repair of a replica has ended. One that failed is followed by another.
func (v *Supervisor) Done(now sim.Time, i int, ok bool) {
	r := &v.replicas[i]
	if r.state != Repairing {
		panic(fmt.Sprintf("heal: Done of replica %d, which is %v", i, r.state))
	}
	v.busy--
	if !ok {
		v.down(r, now, r.why)
		return
	}
	if r.action == Replace {
		r.row = 0
	}
	v.enter(r, Serving, now)
}

// State returns where a replica stands.
func (v *Supervisor) State(i int) State { return v.replicas[i].state }

// down enters Down and plans the repair.
func (v *Supervisor) down(r *replica, now sim.Time, why Cause) {
	v.enter(r, Down, now)
	r.why, r.due = why, sim.Never
	switch {
	case why == Gone && v.cfg.Replace > 0:
		r.action, r.due = Replace, now.Add(v.cfg.Replace)
	case why != Gone && v.cfg.Restart:
		r.action, r.due = Restart, now.Add(v.cfg.After).Add(v.backoff(r.row))
	}
}

// backoff returns what is added before a restart after so many in a row.
func (v *Supervisor) backoff(row int) time.Duration {
	if row == 0 {
		return 0
	}
	d := v.cfg.Backoff
	for range row - 1 {
		if v.cfg.MaxBackoff > 0 && d >= v.cfg.MaxBackoff {
			return v.cfg.MaxBackoff
		}
		if 2*d < d {
			break // longer than can be said
		}
		d *= 2
	}
	if v.cfg.MaxBackoff > 0 {
		d = min(d, v.cfg.MaxBackoff)
	}
	return d
}

// first returns the replica whose repair is due first, or -1.
func (v *Supervisor) first() int {
	if v.cfg.Crews > 0 && v.busy >= v.cfg.Crews {
		return -1
	}
	first := -1
	for i := range v.replicas {
		if r := &v.replicas[i]; r.state == Down && r.due < sim.Never && (first < 0 || r.due < v.replicas[first].due) {
			first = i
		}
	}
	return first
}

// enter is the only place that changes state.
func (v *Supervisor) enter(r *replica, s State, now sim.Time) { r.state, r.since = s, now }

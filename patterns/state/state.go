// Package state says what a crash costs a service, by where the service keeps what it must not
// forget: sessions, carts, warm caches.
//
// A [State] is what one replica holds, and has no clock. [State.Load] and [State.Wrap] put it into
// simulated time.
package state

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Where state is kept.
type Where uint8

// The places of state.
const (
	Elsewhere Where = iota // in a store of its own: the service is stateless, a crash takes nothing
	Memory                 // a crash takes all
	Disk                   // read back before the replica serves; only a lost disk takes it
)

func (w Where) String() string { return [...]string{"elsewhere", "memory", "disk"}[w] }

// Config says where state is, and what it costs to get it.
type Config struct {
	Where    Where
	Size     int64         // bytes on disk, to be read back at a start
	LoadRate int64         // bytes a second at which they are. Zero: at once
	Fetch    time.Duration // added to every request whose state is elsewhere
	Rebuild  time.Duration // added to the first request of a key that this replica has no state of
}

// Validate names every field that makes no sense. The zero Config is valid: a stateless service
// whose store costs nothing.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("state: "+format, args...))
		}
	}
	check(c.Where <= Disk, "where is %d, need elsewhere, memory or disk", uint8(c.Where))
	check(c.Size >= 0, "size is %d, need 0 or more", c.Size)
	check(c.LoadRate >= 0, "load rate is %d, need 0 or more", c.LoadRate)
	check(c.Fetch >= 0, "fetch is %v, need 0 or more", c.Fetch)
	check(c.Rebuild >= 0, "rebuild is %v, need 0 or more", c.Rebuild)
	return errors.Join(errs...)
}

// A Loss is what a crash takes with it.
type Loss uint8

// The losses.
const (
	LosesMemory Loss = iota // the process, or the power
	LosesDisk               // the machine for good
)

// Found is what a request finds.
type Found uint8

// What a request can find.
const (
	Kept  Found = iota // the state of its key
	Unmet              // none: this replica has not met the key before
	Lost               // none any more: a crash took it
)

func (f Found) String() string { return [...]string{"kept", "unmet", "lost"}[f] }

// A State is what one replica holds, by key.
//
// State in memory is the fastest and is lost with every crash: users log in again, caches are cold,
// and all at once. State on disk survives, and delays the start by Size/LoadRate. State elsewhere
// costs every request a little and makes every replica as good as another. State that is not
// elsewhere wants all requests of a key at one replica: another has not met them, and builds it again.
type State struct {
	cfg  Config
	keys map[uint64]uint32 // the life in which the key's state was built; looked up, never ranged over
	life uint32
	held int
	gone bool // the disk was lost, and nothing has been kept since
}

// New returns a replica's state, empty. It panics if cfg is not valid.
func New(cfg Config) *State {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &State{cfg: cfg, keys: map[uint64]uint32{}}
}

// Touch is a request about a key: what it finds, and what that adds to it. Afterwards the replica
// holds the state of that key.
func (s *State) Touch(key uint64) (Found, time.Duration) {
	if s.cfg.Where == Elsewhere {
		return Kept, s.cfg.Fetch
	}
	life, met := s.keys[key]
	if met && life == s.life {
		return Kept, 0
	}
	s.keys[key] = s.life
	s.held++
	s.gone = false
	if met {
		return Lost, s.cfg.Rebuild
	}
	return Unmet, s.cfg.Rebuild
}

// Crash takes what the crash takes, and returns of how many keys the state is gone.
func (s *State) Crash(loss Loss) (lost int) {
	if s.cfg.Where == Elsewhere || s.cfg.Where == Disk && loss == LosesMemory {
		return 0
	}
	lost = s.held
	s.life++
	s.held, s.gone = 0, true
	return lost
}

// Held returns of how many keys the replica holds the state.
func (s *State) Held() int { return s.held }

// Recovery returns how long the replica loads before it serves, if it were started now. A replica
// whose disk was lost has nothing to load.
func (s *State) Recovery() time.Duration {
	if s.cfg.Where != Disk || s.cfg.LoadRate == 0 || s.gone {
		return 0
	}
	hi, lo := bits.Mul64(uint64(s.cfg.Size), uint64(time.Second))
	if rate := uint64(s.cfg.LoadRate); hi < rate {
		if d, _ := bits.Div64(hi, lo, rate); d < math.MaxInt64 {
			return time.Duration(d)
		}
	}
	return math.MaxInt64
}

// Load waits until the replica may serve; a starting replica calls it first.
func (s *State) Load(p *sim.Process) error { return p.Sleep(s.Recovery()) }

// Wrap returns the call as a replica with this state answers it: a request waits until it has the
// state of its Key. It is a [patterns.Policy] of the server.
func (s *State) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if _, wait := s.Touch(req.Key); wait > 0 {
			if err := p.Sleep(wait); err != nil {
				return patterns.Response{}, err
			}
		}
		return next(p, req)
	}
}

package nodes

import (
	"errors"
	"fmt"
	"time"

	"github.com/nines-sim/nines/network"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// Config is what the replicas of a service have in common.
type Config struct {
	Name    string
	CPUs    int // calls that a replica works on at one time
	Threads int // calls that a replica has taken in; 0 means no limit
	Queue   QueueConfig
}

// QueueConfig says which calls may wait for a thread, and how. The zero QueueConfig lets none wait.
type QueueConfig struct {
	Length      int           // calls that may wait; more are turned away as overloaded. Negative means no limit
	Wait        time.Duration // who waits longer, on the machine's clock, is turned away; 0 means no limit
	Order       sim.Order     // who goes first
	DropExpired bool          // turn calls away whose deadline has passed, instead of working for nobody
}

// DefaultConfig returns a service with one cpu and no limit of threads: calls wait for the cpu, not
// for a thread, and none is turned away.
func DefaultConfig(name string) Config { return Config{Name: name, CPUs: 1} }

// Validate returns an error that names every field that makes no sense, or nil.
func (cfg Config) Validate() error {
	var errs []error
	if cfg.Name == "" {
		errs = append(errs, errors.New("the name is empty"))
	}
	if cfg.CPUs < 1 {
		errs = append(errs, fmt.Errorf("cpus is %d, need at least 1", cfg.CPUs))
	}
	if cfg.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads is %d, need at least 1, or 0 for no limit", cfg.Threads))
	}
	if cfg.Queue.Wait < 0 {
		errs = append(errs, fmt.Errorf("queue wait is %v, need 0 (no limit) or more", cfg.Queue.Wait))
	}
	if cfg.Queue.Order > sim.Priority {
		errs = append(errs, fmt.Errorf("queue order is %v, need fifo, lifo or priority", cfg.Queue.Order))
	}
	if len(errs) > 0 {
		return fmt.Errorf("service %s: %w", cfg.Name, errors.Join(errs...))
	}
	return nil
}

// A Handler is what a replica does to answer a call. It runs in a process of the replica and holds
// a thread; [Replica.Work] holds a cpu. The request's deadline is on the replica's clock. If the
// news arrives that the caller has given up, every wait of the handler returns an error from then
// on, and what it answers is thrown away.
type Handler func(p *sim.Process, r *Replica, req patterns.Request) (patterns.Response, error)

// Transport carries calls between machines.
type Transport = network.Transport[patterns.Request, patterns.Response]

type (
	exchange = network.Exchange[patterns.Request, patterns.Response]
	listener = network.Listener[patterns.Request, patterns.Response]
)

// A Service answers calls on its replicas.
type Service struct {
	cfg       Config
	s         *sim.Simulation
	transport *Transport
	handle    Handler
	luck      sim.Keyed // whose calls fail
	errors    callErrors
	replicas  []*Replica
}

// NewService returns a service without replicas. It panics if the configuration is not valid.
func NewService(s *sim.Simulation, transport *Transport, cfg Config, handle Handler) *Service {
	if err := cfg.Validate(); err != nil {
		panic("nodes: " + err.Error())
	}
	return &Service{
		cfg: cfg, s: s, transport: transport, handle: handle,
		luck: s.Keyed("service/" + cfg.Name + "/errors"), errors: newCallErrors(cfg.Name),
	}
}

// Name returns the name of the service.
func (svc *Service) Name() string { return svc.cfg.Name }

// Config returns the configuration of the service.
func (svc *Service) Config() Config { return svc.cfg }

// Replicas returns the replicas in the order in which they were added.
func (svc *Service) Replicas() []*Replica { return svc.replicas }

// Add places one more replica on a machine. It is down until it is started.
func (svc *Service) Add(m *Machine) *Replica {
	name := fmt.Sprintf("%s/%d", svc.cfg.Name, len(svc.replicas))
	r := &Replica{svc: svc, number: len(svc.replicas), name: name, group: svc.s.NewGroup(name), slow: 1, healthy: true}
	r.group.Kill()
	svc.replicas = append(svc.replicas, r)
	r.join(m)
	return r
}

// Stats sums the statistics of the replicas.
func (svc *Service) Stats() (total Stats) {
	for _, r := range svc.replicas {
		total.add(r.Stats())
	}
	return total
}

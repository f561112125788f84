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

// QueueConfig says which calls may wait for a thread, and how.
type QueueConfig struct {
	Length      int           // calls that may wait; more are turned away as overloaded. Negative means no limit
	Wait        time.Duration // who waits longer is turned away; 0 means no limit
	Order       sim.Order     // who goes first
	DropExpired bool          // skip calls whose deadline has passed
}

// Validate names every field that makes no sense.
func (cfg Config) Validate() error {
	var errs []error
	if cfg.CPUs < 1 {
		errs = append(errs, fmt.Errorf("cpus is %d, need at least 1", cfg.CPUs))
	}
	if cfg.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads is %d, need at least 1, or 0 for no limit", cfg.Threads))
	}
	if cfg.Queue.Wait < 0 {
		errs = append(errs, fmt.Errorf("queue wait is %v, need 0 (no limit) or more", cfg.Queue.Wait))
	}
	if len(errs) > 0 {
		return fmt.Errorf("service %s: %w", cfg.Name, errors.Join(errs...))
	}
	return nil
}

// A Handler is what a replica does to answer a call. It runs in a process of the replica and holds
// a thread; [Replica.Work] holds a cpu.
type Handler func(p *sim.Process, r *Replica, req patterns.Request) (patterns.Response, error)

// Transport carries calls between machines.
type Transport = network.Transport[patterns.Request, patterns.Response]

type listener = network.Listener[patterns.Request, patterns.Response]

// A Service answers calls on its replicas.
type Service struct {
	cfg       Config
	s         *sim.Simulation
	transport *Transport
	handle    Handler
	luck      sim.Keyed
	replicas  []*Replica
	idle      []*job
}

// NewService returns a service without replicas. It panics if the configuration is not valid.
func NewService(s *sim.Simulation, transport *Transport, cfg Config, handle Handler) *Service {
	if err := cfg.Validate(); err != nil {
		panic("nodes: " + err.Error())
	}
	return &Service{cfg: cfg, s: s, transport: transport, handle: handle, luck: s.Keyed("service/" + cfg.Name + "/errors")}
}

// Name returns the name of the service.
func (svc *Service) Name() string { return svc.cfg.Name }

// Config returns the configuration of the service.
func (svc *Service) Config() Config { return svc.cfg }

// Replicas returns the replicas in the order in which they were added.
func (svc *Service) Replicas() []*Replica { return svc.replicas }

// Add places one more replica on a machine. It is down until it is started.
func (svc *Service) Add(m *Machine) *Replica {
	r := &Replica{
		svc: svc, name: fmt.Sprintf("%s/%d", svc.cfg.Name, len(svc.replicas)), machine: m,
		group: svc.s.NewGroup(fmt.Sprintf("%s/%d", svc.cfg.Name, len(svc.replicas))),
		slow:  1, healthy: true,
	}
	r.group.Kill()
	r.listen()
	svc.replicas = append(svc.replicas, r)
	m.replicas = append(m.replicas, r)
	return r
}

// Stats sums the statistics of the replicas.
func (svc *Service) Stats() (total Stats) {
	for _, r := range svc.replicas {
		total.add(r.Stats())
	}
	return total
}

// Stats counts what happened to the calls that reached a replica.
//
//	Arrived = Rejected + Expired + Lost + Done + those that wait or are being worked on
type Stats struct {
	Arrived  uint64        // calls that reached a replica that was up
	Rejected uint64        // turned away: the queue was full, or the wait too long
	Expired  uint64        // skipped, since their deadline had passed
	Lost     uint64        // taken in or queued when the replica died
	Done     uint64        // answered, with or without success
	Wasted   uint64        // of those, answered when nobody waited any more
	Inside   int           // waiting or being worked on now
	Busy     time.Duration // cpu time spent
	Waiting  time.Duration // sum of the time that calls spent in the queue
	Area     time.Duration // length of the queue, integrated over time; equal to Waiting when the queue is empty
}

func (st *Stats) add(o Stats) {
	st.Arrived += o.Arrived
	st.Rejected += o.Rejected
	st.Expired += o.Expired
	st.Lost += o.Lost
	st.Done += o.Done
	st.Wasted += o.Wasted
	st.Inside += o.Inside
	st.Busy += o.Busy
	st.Waiting += o.Waiting
	st.Area += o.Area
}

// Check returns an error if the numbers contradict each other: a call was lost or counted twice,
// or the queue breaks Little's law (in the form of an identity: both sides count the same area).
func (st Stats) Check() error {
	out := st.Rejected + st.Expired + st.Lost + st.Done
	if st.Arrived != out+uint64(st.Inside) {
		return fmt.Errorf("%d calls arrived, but %d rejected + %d expired + %d lost + %d done + %d inside = %d",
			st.Arrived, st.Rejected, st.Expired, st.Lost, st.Done, st.Inside, out+uint64(st.Inside))
	}
	if st.Area != st.Waiting {
		return fmt.Errorf("the queue's length integrated over time is %v, but the waits sum to %v", st.Area, st.Waiting)
	}
	return nil
}

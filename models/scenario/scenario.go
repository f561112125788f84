// Package scenario is the declarative form of a model: a system, its workload, its faults and its
// objectives, as a Go value and as the YAML file of the same shape that people write.
//
// [Load] reads a file strictly: every key, unit and name is checked, and every mistake is reported
// at once with file, line, column, what was expected and the nearest valid name. A [File] gives a
// [Scenario] for each of its variants, in which every default is filled in: nothing that a run
// uses is left to be assumed.
//
// The format is described in docs/scenario.md. Each field of the types below is one key of it:
// the field's comment is the meaning of the key, its tag says the key's name, unit and limits.
package scenario

import (
	"math"
	"strings"
	"time"
)

// Version is the version of the format that this package reads.
const Version = 1

// Days and years as the format means them.
const (
	Day  = 24 * time.Hour
	Year = 365 * Day
)

// Unlimited is what an integer key holds when the file says "unlimited".
const Unlimited = math.MaxInt

// Unbounded is what a ratio, factor or rate key holds when the file says "none": no limit.
var Unbounded = math.Inf(1)

// A Scenario is one described system with all defaults filled in. Lists of named things keep the
// order in which the file names them.
type Scenario struct {
	Format     int         `nines:"nines,required,min=1"` // version of this format
	About      string      `nines:"about"`                // what the scenario is for, in a sentence or two
	Zones      []string    `nines:"zones,names"`          // zones that can fail apart from each other, in order
	Network    Network     `nines:"network"`              // latency and loss between hosts
	Services   []Service   `nines:"services"`             // what is called
	Queues     []Queue     `nines:"queues"`               // work that is done later
	Calls      Calls       `nines:"calls"`                // policies between callers and callees
	Workload   []Stream    `nines:"workload"`             // streams of calls from outside
	Objectives []Objective `nines:"objectives"`           // what counts as good, and how much of it is promised
	Healing    Healing     `nines:"healing"`              // what ends the effect of a fault
	Alerts     []Alert     `nines:"alerts"`               // what wakes the person on call
	Faults     []Fault     `nines:"faults"`               // causes: what goes wrong, how often, for how long
	Variants   []Variant   `nines:"variants"`             // settings to compare
	Sweeps     []Sweep     `nines:"sweeps"`               // grids of values to try
	Study      Study       `nines:"study"`                // how runs are made and counted
}

func (s *Scenario) defaults() {
	s.Format = Version
	s.Zones = []string{"a"}
}

// Network says how long a message is under way, in one direction, and how often it is lost.
type Network struct {
	SameZone  Length  `nines:"same_zone"`              // one way, between hosts of one zone
	CrossZone Length  `nines:"cross_zone"`             // one way, between hosts of different zones
	Clients   Length  `nines:"clients"`                // one way, between the clients of the workload, or an external service, and any host
	Loss      float64 `nines:"loss,ratio,min=0,max=1"` // share of messages lost, each on its own
}

func (n *Network) defaults() {
	n.SameZone = Exactly(300 * time.Microsecond)
	n.CrossZone = Exactly(time.Millisecond)
	n.Clients = Exactly(20 * time.Millisecond)
}

// Service returns the service of that name, or nil.
func (s *Scenario) Service(name string) *Service {
	for i := range s.Services {
		if s.Services[i].Name == name {
			return &s.Services[i]
		}
	}
	return nil
}

// Queue returns the queue of that name, or nil.
func (s *Scenario) Queue(name string) *Queue {
	for i := range s.Queues {
		if s.Queues[i].Name == name {
			return &s.Queues[i]
		}
	}
	return nil
}

// Objective returns the objective of that name, or nil.
func (s *Scenario) Objective(name string) *Objective {
	for i := range s.Objectives {
		if s.Objectives[i].Name == name {
			return &s.Objectives[i]
		}
	}
	return nil
}

// Op returns the operation that "service.op" names, and its service; nil if there is none.
func (s *Scenario) Op(ref string) (*Service, *Op) {
	service, op, _ := strings.Cut(ref, ".")
	if svc := s.Service(service); svc != nil {
		for i := range svc.Ops {
			if svc.Ops[i].Name == op {
				return svc, &svc.Ops[i]
			}
		}
	}
	return nil, nil
}

// Servers counts the machines that the design pays for: replicas and copies of its own services.
func (s *Scenario) Servers() int {
	n := 0
	for _, svc := range s.Services {
		n += svc.Instances()
	}
	return n
}

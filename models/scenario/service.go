package scenario

import "time"

// A Service answers calls on one or more replicas. A stateful service has copies instead, an
// external one is somebody else's: only its latency and its faults are known.
type Service struct {
	Name     string     `nines:",name"`
	Replicas int        `nines:"replicas,min=1"`                               // identical servers of it; a store has copies instead
	CPUs     int        `nines:"cpus,min=1"`                                   // calls that each replica works on at one time
	Threads  int        `nines:"threads,min=1,unlimited,auto=cpus"`            // calls that each replica has taken in: working, or waiting for callees
	Queue    Discipline `nines:"queue"`                                        // calls that wait for a thread, per replica
	Limit    *Limit     `nines:"limit"`                                        // bounds the calls in a time that each replica takes in; more are turned away (overloaded)
	Shed     *Shed      `nines:"shed"`                                         // turns calls away (overloaded) from each replica while there are too many
	Expired  *Expired   `nines:"expired"`                                      // turn calls away whose deadline has passed, up to a share; none: work ends at the deadline
	Spread   []string   `nines:"spread,ref=zone,auto=all zones"`               // zones that the replicas are placed in, in turn
	Speed    []float64  `nines:"speed,factor,min=0.001,max=1000,auto=1x each"` // how fast the replicas work, in turn: 0.5x takes twice as long
	Weights  []float64  `nines:"weights,min=0.001,max=1000000,auto=1 each"`    // what balancers take the replicas to be worth, in turn: 2 is worth twice as many calls as 1
	Store    *Store     `nines:"store"`                                        // it keeps data, in copies
	External bool       `nines:"external"`                                     // somebody else's: no capacity of ours, only latency and faults
	Probes   Probes     `nines:"probes"`                                       // how balancers learn that a replica is unhealthy
	Ops      []Op       `nines:"ops,required"`                                 // what it can be asked for
}

func (s *Service) defaults() { s.Replicas, s.CPUs = 1, 1 }

// Instances is the number of servers of this service: replicas, or copies of a store; none if it is external.
func (s *Service) Instances() int {
	switch {
	case s.External:
		return 0
	case s.Store != nil:
		return s.Store.Copies
	}
	return s.Replicas
}

// A Store keeps data in copies, one of which is the primary. Operations whose names begin with
// "read" read, all others write.
type Store struct {
	Copies   int           `nines:"copies,min=1"`                       // copies of the data, each on a server of its own
	Ack      string        `nines:"ack,one=local|sync|majority|quorum"` // when a write is answered. local: the primary has it, and the others follow later; sync: all have it, or the primary alone once it has waited 10 s for them, until they have caught up; majority: more than half have it; quorum: w have it
	W        int           `nines:"w,min=1,auto=more than half"`        // copies that must have a write; only with ack: quorum
	R        int           `nines:"r,min=1,auto=more than half"`        // copies that a read must ask; only with ack: quorum
	Reads    string        `nines:"reads,one=primary|any"`              // who answers reads, except with ack: quorum. primary: the copy that takes the writes; any: any copy, which may be behind
	Lag      Length        `nines:"lag"`                                // how far the others are behind the primary, with ack: local
	State    string        `nines:"state,one=disk|memory"`              // what a crashed copy still has when it comes back. disk: all that it had answered for; memory: nothing
	Failover time.Duration `nines:"failover,word=by_hand"`              // from the loss of the primary until another copy takes over, one to three seconds later if it is cut off or stands still; by_hand: whoever is on call does it
}

func (s *Store) defaults() {
	s.Copies, s.Ack, s.Reads, s.State = 1, "local", "primary", "disk"
	s.Lag = Exactly(10 * time.Millisecond)
}

// ByHand reports whether only a person makes another copy the primary.
func (s *Store) ByHand() bool { return s.Failover == 0 }

// Probes are health checks. A probe needs a thread, so that a stuck replica fails it.
type Probes struct {
	Every     time.Duration `nines:"every,positive"`   // between two probes of a replica
	Timeout   time.Duration `nines:"timeout,positive"` // a later answer is a failure
	Failures  int           `nines:"failures,min=1"`   // in a row until it counts as unhealthy
	Successes int           `nines:"successes,min=1"`  // in a row until it counts as healthy again
}

// Kubernetes: a readiness probe's periodSeconds, timeoutSeconds, failureThreshold, successThreshold.
func (p *Probes) defaults() { *p = Probes{10 * time.Second, time.Second, 3, 1} }

// An Op is one thing that a service can be asked for.
type Op struct {
	Name       string  `nines:",name"`
	Work       Length  `nines:"work,required"`                // cpu time of one call, on one cpu; for an external service its answer time
	Calls      []Step  `nines:"calls"`                        // what it calls on the way, one after the other, holding its thread
	Cache      *Cache  `nines:"cache"`                        // answers kept, that save its calls
	Errors     float64 `nines:"errors,ratio,min=0,max=1"`     // share of calls that fail without any fault
	Idempotent string  `nines:"idempotent,one=no|yes|by_key"` // whether a repeated call does its effect again. no: it does; yes: it does not; by_key: it does not if the caller sends the same key
	Repeat     float64 `nines:"repeat,ratio,min=0,max=1"`     // share of a call's luck with work that its retries meet again: 0% draws anew, 100% is as slow again
}

func (o *Op) defaults() { o.Idempotent = "no" }

// A Step is one thing that an operation does after its own work: exactly one of Call, Send and
// Parallel is set.
type Step struct {
	Call     string  // "service.op": call it and wait for the answer
	Send     string  // name of a queue: leave a message and go on
	Parallel []Step  // all at once; wait for all
	Share    float64 // share of the calls that do this step; 1 unless written
	Times    int     // how often, one after the other; 1 unless written
}

// A Queue takes messages and hands each to a consumer, at least once. It outlives every fault. A
// message that a consumer failed to do is handed out again after a quarter of the visibility, and
// twice as long each time.
type Queue struct {
	Name        string        `nines:",name"`
	To          string        `nines:"to,ref=op,none"`           // the operation that consumers call for each message; none: the consumer's own work is all
	Work        Length        `nines:"work"`                     // what a consumer does itself for each message
	Consumers   int           `nines:"consumers,min=1"`          // messages in work at one time
	Length      int           `nines:"length,min=1,unlimited"`   // messages that may wait; more are turned away (overloaded)
	Visibility  time.Duration `nines:"visibility,positive"`      // a message not done by then is handed out again
	Receives    int           `nines:"receives,min=1,unlimited"` // how often a message is handed out before it is given up
	Priority    *int          `nines:"priority"`                 // of what its consumers call, and of all that is called for that; none: as high as that of the call that left the message
	DeadLetters bool          `nines:"dead_letters"`             // given-up messages are kept and counted; otherwise they are lost
}

// Amazon SQS: VisibilityTimeout 30 s; maxReceiveCount 10 is what its console suggests.
func (q *Queue) defaults() {
	q.Consumers, q.Length, q.Visibility, q.Receives, q.DeadLetters = 1, Unlimited, 30*time.Second, 10, true
}

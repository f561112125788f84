package scenario

import (
	"slices"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/sim"
)

// A Bulkhead bounds the calls under way from one client to one service.
type Bulkhead struct {
	Preset string `nines:"preset,preset"`                                 // what a library does; the other keys change it
	Kind   string `nines:"kind,one=semaphore|pool|thresholds|partitions"` // what a call takes. semaphore: a place; pool: a thread of a pool that grows when its queue is full; thresholds: a stream of a connection; partitions: a place that its operation may have a share in

	Max     int           `nines:"max,min=1,max=1000000000"`     // calls under way; threads that a pool can have
	Wait    time.Duration `nines:"wait,none"`                    // semaphore: how long a call waits for room; none: it is rejected at once, or, with waiting, waits as long as its caller does
	Waiting int           `nines:"waiting,min=0,unlimited"`      // calls that may wait for room, for a thread or for a connection; with wait, any number of them unless this is written
	Order   string        `nines:"order,one=fifo|lifo|priority"` // semaphore: who of those that wait is next. fifo: who came first; lifo: who came last; priority: who has the highest priority

	Core      int           `nines:"core,min=1"` // pool: threads that are always there
	KeepAlive time.Duration `nines:"keep_alive"` // pool: how long a thread beyond those stays idle before it ends

	Connections int `nines:"connections,min=1,max=1000000000"` // thresholds: connections to the service
	Streams     int `nines:"streams,min=1,max=1000000000"`     // thresholds: calls at once on a connection: 1 for HTTP/1.1, more for HTTP/2
	Retries     int `nines:"retries,min=0"`                    // thresholds: tries after the first that are under way or wait for a connection

	Shares []Part `nines:"shares"` // partitions: of max, which an operation has when it needs it; while there is room, everybody may take it
}

// A Part is what an operation has of a bulkhead.
type Part struct {
	Op    string  `nines:",name"`                    // operation of the callee
	Share float64 `nines:",value,ratio,min=0,max=1"` // of max
}

// resilience4j: maxConcurrentCalls 25, maxWaitDuration 0. The kind pool has the ThreadPoolBulkhead's defaults for 4
// cpus, and thresholds has Envoy's.
func (b *Bulkhead) defaults() { b.use(bulkhead.DefaultConfig()) }

func (b *Bulkhead) presets() []Preset { return presets(bulkhead.Presets(), b.use) }

func (b *Bulkhead) ofKind(kind string) {
	switch kind {
	case "semaphore", "partitions":
		b.use(bulkhead.DefaultConfig())
	case "pool":
		b.use(bulkhead.Resilience4jPool(4))
	case "thresholds":
		b.use(bulkhead.Envoy())
	}
}

func (b *Bulkhead) use(cfg patterns.Config) {
	*b = Bulkhead{Order: "fifo"}
	switch c := cfg.(type) {
	case bulkhead.Config:
		b.Kind, b.Max, b.Wait, b.Waiting, b.Order = "semaphore", c.Concurrent, c.Wait, c.Waiting, c.Order.String()
	case bulkhead.PoolConfig:
		b.Kind, b.Core, b.Max, b.Waiting, b.KeepAlive = "pool", c.Core, c.Max, c.Queue, c.KeepAlive
	case bulkhead.ThresholdsConfig:
		b.Kind, b.Max, b.Waiting = "thresholds", c.Requests, c.Pending
		b.Connections, b.Streams, b.Retries = c.Connections, c.Streams, c.Retries
	}
}

// settle lets calls wait if it is said for how long.
func (b *Bulkhead) settle(written func(key string) bool) {
	if b.Kind == "semaphore" && !written("waiting") && b.Wait > 0 {
		b.Waiting = Unlimited
	}
}

// bulkheadKinds are the kinds that have a key, where not all have it.
var bulkheadKinds = map[string][]string{
	"wait": {"semaphore"}, "order": {"semaphore"}, "waiting": {"semaphore", "pool", "thresholds"},
	"core": {"pool"}, "keep_alive": {"pool"},
	"connections": {"thresholds"}, "streams": {"thresholds"}, "retries": {"thresholds"},
	"shares": {"partitions"},
}

func (b *Bulkhead) excludes(key string) string {
	if of := bulkheadKinds[key]; of != nil && !slices.Contains(of, b.Kind) {
		return "has no meaning with kind: " + b.Kind
	}
	return ""
}

func (b *Bulkhead) check(fail func(key, problem string)) {
	var preset Bulkhead
	if !checkKind(b.Preset, b.Kind, preset.presets(), func() string { return preset.Kind }, fail) {
		return
	}
	checkConfig[Bulkhead](b.Of("").Validate(), fail)
}

// Of returns the configuration of the bulkhead between those who are named: a Config of package bulkhead, or that of a
// Pool, of Thresholds or of Partitions.
func (b *Bulkhead) Of(name string) patterns.Config {
	switch b.Kind {
	case "pool":
		return bulkhead.PoolConfig{Name: name, Core: b.Core, Max: b.Max, Queue: b.Waiting, KeepAlive: b.KeepAlive}
	case "thresholds":
		return bulkhead.ThresholdsConfig{
			Name: name, Connections: b.Connections, Streams: b.Streams, Pending: b.Waiting, Requests: b.Max, Retries: b.Retries,
		}
	case "partitions":
		cfg := bulkhead.PartitionsConfig{Concurrent: b.Max}
		for _, part := range b.Shares {
			cfg.Partitions = append(cfg.Partitions, bulkhead.Partition{Op: part.Op, Share: part.Share})
		}
		return cfg
	}
	return bulkhead.Config{Name: name, Concurrent: b.Max, Waiting: b.Waiting, Wait: b.Wait, Order: orderOf(b.Order)}
}

// orderOf is the order of those who wait by its name.
func orderOf(name string) sim.Order {
	switch name {
	case "lifo":
		return sim.LIFO
	case "priority":
		return sim.Priority
	}
	return sim.FIFO
}

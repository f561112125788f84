package bulkhead

import (
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// PoolConfig says how a pool of threads grows and shrinks.
type PoolConfig struct {
	Name      string        // in deadlock reports: "orders.payment"
	Core      int           // threads that are always there
	Max       int           // threads there can be
	Queue     int           // calls that may wait for a thread; 0: none
	KeepAlive time.Duration // how long a thread beyond Core stays idle before it ends
}

// Validate names every field that makes no sense.
func (c PoolConfig) Validate() error {
	f := check.Of("bulkhead")
	f.Need(c.Core >= 1, "Core", c.Core, "1 or more")
	f.Need(c.Max >= c.Core, "Max", c.Max, "at least Core")
	f.Need(c.Queue >= 0, "Queue", c.Queue, "0 or more")
	f.Need(c.KeepAlive >= 0, "KeepAlive", c.KeepAlive, "0 or more")
	return f.Err()
}

// A Pool runs the calls to one dependency on threads of their own, as java.util.concurrent's
// ThreadPoolExecutor does for resilience4j's ThreadPoolBulkhead and for Hystrix. Beyond Core it grows only
// when the queue is full: the call that finds it so is run by a new thread at once, before all that wait.
//
// It protects as a [Bulkhead] does. It pays with calls that wait although Max threads could run them: a
// queue of a hundred is filled before the first thread is added. A caller that gives up leaves the queue.
type Pool struct {
	cfg     PoolConfig
	threads *sim.Resource // that take calls from the queue
	extra   int           // new threads that run the call that they were made for
	idle    []sim.Time    // when each idle thread has waited for long enough; the first one is next
	full    error
	counts  Counts
}

// NewPool returns a pool of idle threads. It panics if the configuration is not valid.
func NewPool(cfg PoolConfig, s *sim.Simulation) *Pool {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	b := &Pool{
		cfg:     cfg,
		threads: sim.NewResource(s, "bulkhead "+cfg.Name, cfg.Core, sim.FIFO),
		full:    &patterns.Error{Kind: patterns.Rejected, Layer: "bulkhead", Cause: ErrFull},
	}
	b.settle(s.Now())
	return b
}

// Counts returns what happened so far.
func (b *Pool) Counts() Counts { return b.counts }

// Threads returns how many threads there are at now, and how many calls wait for one.
func (b *Pool) Threads(now sim.Time) (threads, waiting int) {
	b.settle(now)
	return b.threads.Units() + b.extra, b.threads.Waiting()
}

// Wrap returns next behind this pool; several calls to one dependency may share it. A call that finds no
// thread and no place in the queue is [patterns.Rejected].
func (b *Pool) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		b.settle(p.Sim().Now())
		switch threads := b.threads.Units() + b.extra; {
		case b.threads.TryAcquire(1):
			b.idle = b.idle[:copy(b.idle, b.idle[1:])]
		case b.threads.Waiting() < b.cfg.Queue:
			if err := b.threads.Acquire(p, 1, 0); err != nil {
				return patterns.Response{}, err
			}
		case threads < b.cfg.Max:
			return b.onNewThread(p, req, next)
		default:
			b.counts.Full++
			return patterns.Response{}, b.full
		}
		b.counts.Entered++
		defer func() {
			b.threads.Release(1)
			b.settle(p.Sim().Now())
		}()
		return next(p, req)
	}
}

// onNewThread runs a call on a thread made for it, which then takes calls from the queue as all others.
func (b *Pool) onNewThread(p *sim.Process, req patterns.Request, next patterns.Call) (patterns.Response, error) {
	b.extra++
	b.counts.Entered++
	defer func() {
		b.extra--
		b.threads.SetUnits(b.threads.Units() + 1)
		b.settle(p.Sim().Now())
	}()
	return next(p, req)
}

// settle ends threads beyond Core that have been idle for too long, and notes which ones are idle. Those
// of Core wait on, behind the others.
func (b *Pool) settle(now sim.Time) {
	held := b.idle[:0]
	for _, ends := range b.idle {
		if ends > now {
			held = append(held, ends)
		} else if b.threads.Units()+b.extra > b.cfg.Core {
			b.threads.SetUnits(b.threads.Units() - 1)
		}
	}
	b.idle = held
	for len(b.idle) < b.threads.Units()-b.threads.InUse() {
		b.idle = append(b.idle, now.Add(b.cfg.KeepAlive))
	}
}

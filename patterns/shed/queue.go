package shed

import (
	"fmt"
	"math"
	"time"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// A Rule says which calls a [Queue] turns away because they wait too long.
type Rule uint8

// The rules.
const (
	KeepAll    Rule = iota // nobody is turned away
	CoDel                  // one at a time, ever more often, until the wait is short again: RFC 8289
	FollyCoDel             // all that wait twice the Target, once every wait of an Interval was above it
	Patience               // who comes while there has been a queue for an Interval waits for the Target only, and else for the Interval: "Fail at Scale"
	rules
)

var ruleNames = [rules]string{"keep_all", "codel", "folly_codel", "patience"}

// Words returns the names of all rules, in order.
func (Rule) Words() []string { return ruleNames[:] }

func (r Rule) String() string {
	if r < rules {
		return ruleNames[r]
	}
	return fmt.Sprintf("rule %d", uint8(r))
}

// QueueConfig says who is turned away from a waiting line, and who goes next.
type QueueConfig struct {
	Rule     Rule          `nines:"rule"`          // who is turned away because the line is too slow
	Target   time.Duration `nines:"target,none"`   // the wait that is acceptable
	Interval time.Duration `nines:"interval,none"` // for how long it must be exceeded

	NewestAbove int           `nines:"newest_above,min=1,none"` // who came last goes next while more than so many wait; 0: never
	NewestAfter time.Duration `nines:"newest_after,none"`       // who came last goes next while somebody has been waiting for so long without a break; 0: never

	Evict bool `nines:"evict"` // where the line is full, who has the lowest priority leaves it, not who comes
}

// RFC8289 returns CoDel with the parameters of RFC 8289 for the Internet: target 5 ms, interval 100 ms.
func RFC8289() QueueConfig {
	return QueueConfig{Rule: CoDel, Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond}
}

// Folly returns the defaults of folly/executors/Codel.cpp@1ad98e21: target 5 ms, interval 100 ms.
func Folly() QueueConfig {
	return QueueConfig{Rule: FollyCoDel, Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond}
}

// FailAtScale returns what Facebook uses (Ben Maurer, "Fail at Scale", ACM Queue 2015): controlled delay
// with M = 5 ms and N = 100 ms, and adaptive LIFO, here from when there has been a queue for N.
func FailAtScale() QueueConfig {
	return QueueConfig{
		Rule: Patience, Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond,
		NewestAfter: 100 * time.Millisecond,
	}
}

// DefaultQueueConfig returns [FailAtScale].
func DefaultQueueConfig() QueueConfig { return FailAtScale() }

// Validate names every field that makes no sense.
func (c QueueConfig) Validate() error {
	f := check.Of("shed")
	f.Need(c.Rule < rules, "QueueConfig.Rule", c.Rule, "one of the package's")
	if c.Rule == KeepAll {
		f.Need(c.Target == 0, "QueueConfig.Target", c.Target, "0 where all are kept")
		f.Need(c.Interval == 0, "QueueConfig.Interval", c.Interval, "0 where all are kept")
	} else {
		f.Need(c.Target > 0, "QueueConfig.Target", c.Target, "more than 0")
		f.Need(c.Interval > c.Target, "QueueConfig.Interval", c.Interval, "more than Target")
	}
	f.Need(c.NewestAbove >= 0, "QueueConfig.NewestAbove", c.NewestAbove, "0 or more")
	f.Need(c.NewestAfter >= 0, "QueueConfig.NewestAfter", c.NewestAfter, "0 or more")
	newest := c.NewestAbove > 0 || c.NewestAfter > 0
	f.Need(!newest || c.Rule != CoDel && c.Rule != FollyCoDel, "QueueConfig.Rule", c.Rule,
		"keep_all or patience where the newest may go first, whose wait says nothing of the queue")
	return f.Err()
}

// A Queue decides about the waiting line of a server.
//
//	arrives ──a thread is free──▶ on a thread
//	  │                               ▲
//	  ├──the line has room──▶ in line ┤ its turn
//	  │                               └──waits too long, or is dropped at its turn──▶ turned away
//	  └──the line is full──▶ turned away, or in line in place of one of lower priority
//
// The server keeps the line; it asks
//
//   - when a call joins it: how long it may wait there;
//   - when there is room for the next: whether that is the one which came last;
//   - of the one which that is: whether to turn it away and ask again;
//   - when a call finds the line full: whether it takes the place of another.
//
// A short queue keeps a server busy. A long one does nothing but make everybody wait, and in the end the
// server works only for callers that have given up. A Queue protects those who can still be served in
// time, and pays with those who cannot.
//
// CoDel was made for senders that slow down when one of their packets is lost. Callers that do not, or
// that try again, are turned away one at a time, too slowly for an overload of many times the capacity:
// that is what the other two rules are for.
type Queue struct {
	cfg   QueueConfig
	codel codel
	folly folly
	empty sim.Time // the line was last empty then
}

// NewQueue returns the rules of a line that is empty at start. It panics if the configuration is not valid.
func NewQueue(cfg QueueConfig, start sim.Time) *Queue {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Queue{cfg: cfg, folly: folly{ends: start, first: true}, empty: start}
}

// Arrive says how long a call that comes at now may wait, in a line in which so many wait already. It is
// 0 if the queue sets no limit.
func (q *Queue) Arrive(now sim.Time, waiting int) time.Duration {
	if waiting == 0 {
		q.empty = now
	}
	switch {
	case q.cfg.Rule != Patience:
		return 0
	case now.Sub(q.empty) > q.cfg.Interval:
		return q.cfg.Target
	}
	return q.cfg.Interval
}

// Newest reports whether the call that came last is next at now, of so many that wait. Else it is the
// one that came first.
func (q *Queue) Newest(now sim.Time, waiting int) bool {
	return q.cfg.NewestAbove > 0 && waiting > q.cfg.NewestAbove ||
		q.cfg.NewestAfter > 0 && now.Sub(q.empty) > q.cfg.NewestAfter
}

// Drop reports whether a call whose turn it is at now is to be turned away, that came at an instant. So
// many wait behind it. A server asks about every call, those too that need not wait.
func (q *Queue) Drop(now, came sim.Time, behind int) bool {
	switch q.cfg.Rule {
	case CoDel:
		return q.codel.drop(now, q.above(now.Sub(came), behind), &q.cfg)
	case FollyCoDel:
		return q.folly.drop(now, now.Sub(came), &q.cfg)
	}
	return false
}

// above reports whether a wait is too long. The last of a line never waits too long: the server
// would be idle.
func (q *Queue) above(wait time.Duration, behind int) bool {
	return wait >= q.cfg.Target && behind > 0
}

// Evict reports whether a call that finds the line full takes the place of the one that waits there with
// the lowest priority.
func (q *Queue) Evict(priority, lowest int) bool { return q.cfg.Evict && priority > lowest }

// A codel is the state of RFC 8289, section 5: it drops one call when every wait of an interval was above
// the target, and then one each interval/√count, until one is not.
type codel struct {
	since   sim.Time // all waits were above the target since; meaningless unless above
	isAbove bool

	dropping    bool
	next        sim.Time // when the next one is dropped
	count, last int      // drops since it began, and when it began last
	again       bool     // the call before was dropped while dropping: the next drop is not planned yet
}

func (c *codel) drop(now sim.Time, above bool, cfg *QueueConfig) bool {
	ok := c.long(now, above, cfg) // to drop
	again := c.again
	c.again = false
	switch {
	case c.dropping && !ok:
		c.dropping = false
	case c.dropping:
		if again {
			c.next = c.next.Add(spacing(cfg.Interval, c.count))
		}
		if now >= c.next {
			c.count++
			c.again = true
			return true
		}
	case ok:
		c.dropping = true
		// If it has dropped not long ago, it goes on at about the rate that was right then.
		recent := c.count - c.last
		c.count = 1
		if recent > 1 && now.Sub(c.next) < 16*cfg.Interval {
			c.count = recent
		}
		c.next = now.Add(spacing(cfg.Interval, c.count))
		c.last = c.count
		return true
	}
	return false
}

// long reports whether all waits have been above the target for an interval.
func (c *codel) long(now sim.Time, above bool, cfg *QueueConfig) bool {
	switch {
	case !above:
		c.isAbove = false
	case !c.isAbove:
		c.isAbove, c.since = true, now
	default:
		return now.Sub(c.since) >= cfg.Interval
	}
	return false
}

// spacing is CoDel's control law.
func spacing(interval time.Duration, count int) time.Duration {
	return time.Duration(float64(interval) / math.Sqrt(float64(count)))
}

// A folly is the state of folly/executors/Codel.cpp: whether the shortest wait of the last interval was
// above the target.
type folly struct {
	ends       sim.Time // the interval
	shortest   time.Duration
	first      bool // the next call is the first of an interval, and is never dropped
	overloaded bool
}

func (f *folly) drop(now sim.Time, wait time.Duration, cfg *QueueConfig) bool {
	if now > f.ends && !f.first {
		f.first = true
		f.ends = now.Add(cfg.Interval)
		f.overloaded = f.shortest > cfg.Target
	}
	if f.first {
		f.first = false
		f.shortest = wait
		return false
	}
	f.shortest = min(f.shortest, wait)
	return f.overloaded && wait > 2*cfg.Target
}

package bulkhead

import (
	"fmt"
	"math"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/sim"
)

// PartitionsConfig says which operations have which share of the calls under way.
type PartitionsConfig struct {
	Concurrent int // calls under way at once
	Partitions []Partition
}

// A Partition is an operation with a share of its own.
type Partition struct {
	Op    string
	Share float64 // of Concurrent, rounded up; at least one call
}

// Validate names every field that makes no sense.
func (c PartitionsConfig) Validate() error {
	f := check.Of("bulkhead")
	f.Need(c.Concurrent >= 1 && c.Concurrent <= 1e9, "Concurrent", c.Concurrent, "1 to 1,000,000,000")
	sum, seen := 0.0, map[string]bool{}
	for i, p := range c.Partitions {
		f.Need(p.Share >= 0 && p.Share <= 1, fmt.Sprintf("Partitions[%d].Share", i), p.Share, "0 to 1")
		f.Need(!seen[p.Op], fmt.Sprintf("Partitions[%d].Op", i), p.Op, "another one")
		seen[p.Op] = true
		sum += p.Share
	}
	f.Need(sum <= 1+1e-9, "Partitions", sum, "shares of 1 in all")
	return f.Err()
}

// PartitionCounts says what [Partitions] did so far for one operation.
type PartitionCounts struct {
	Entered uint64 // calls let through
	Full    uint64 // calls rejected
}

// Partitions are a bulkhead that several operations share, each with a part that is its own when it is
// needed: the partitioned limiter of Netflix's concurrency-limits (AbstractPartitionedLimiter.java at
// 78a74b98, January 2026). While there is room, everybody may take it; when there is none, an operation
// within its share is let through all the same, and others are rejected.
//
// They protect operations from each other, and lose no capacity by it. They pay with more calls under way
// than Concurrent, by as many as there are shares that others had used. Operations without a share have
// one call between them.
type Partitions struct {
	cfg      PartitionsConfig
	underWay int
	parts    []part // one for each, and one for all others
	full     error
}

type part struct {
	limit, underWay int
	counts          PartitionCounts
}

// NewPartitions returns partitions in which nothing is under way. It panics if the configuration is not
// valid.
func NewPartitions(cfg PartitionsConfig) *Partitions {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	b := &Partitions{
		cfg: cfg, parts: make([]part, len(cfg.Partitions)+1),
		full: &patterns.Error{Kind: patterns.Rejected, Layer: "bulkhead", Cause: ErrFull},
	}
	for i := range b.parts {
		b.parts[i].limit = 1
		if i < len(cfg.Partitions) {
			b.parts[i].limit = max(1, int(math.Ceil(float64(cfg.Concurrent)*cfg.Partitions[i].Share)))
		}
	}
	return b
}

// Counts returns what happened so far to the calls of an operation.
func (b *Partitions) Counts(op string) PartitionCounts { return b.part(op).counts }

// Total returns what happened so far to the calls of all operations.
func (b *Partitions) Total() (sum PartitionCounts) {
	for i := range b.parts {
		sum.Entered += b.parts[i].counts.Entered
		sum.Full += b.parts[i].counts.Full
	}
	return sum
}

// InUse returns how many calls of an operation are under way.
func (b *Partitions) InUse(op string) int { return b.part(op).underWay }

// Enter asks to begin a call of an operation, and reports whether it may. [Partitions.Leave] must follow
// if so.
func (b *Partitions) Enter(op string) bool {
	p := b.part(op)
	if b.underWay >= b.cfg.Concurrent && p.underWay >= p.limit {
		p.counts.Full++
		return false
	}
	p.counts.Entered++
	p.underWay++
	b.underWay++
	return true
}

// Leave says that a call of an operation has ended.
func (b *Partitions) Leave(op string) {
	b.part(op).underWay--
	b.underWay--
}

// Wrap returns next behind these partitions; several calls may share them. A call that is not let through
// is [patterns.Rejected].
func (b *Partitions) Wrap(next patterns.Call) patterns.Call {
	return func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
		if !b.Enter(req.Op) {
			return patterns.Response{}, b.full
		}
		defer b.Leave(req.Op)
		return next(p, req)
	}
}

func (b *Partitions) part(op string) *part {
	for i := range b.cfg.Partitions {
		if b.cfg.Partitions[i].Op == op {
			return &b.parts[i]
		}
	}
	return &b.parts[len(b.parts)-1]
}

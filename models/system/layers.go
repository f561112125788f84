package system

import (
	"slices"

	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/patterns/breaker"
	"github.com/nines-sim/nines/patterns/bulkhead"
	"github.com/nines-sim/nines/patterns/fallback"
	"github.com/nines-sim/nines/patterns/hedge"
	"github.com/nines-sim/nines/patterns/outlier"
	"github.com/nines-sim/nines/patterns/ratelimit"
	"github.com/nines-sim/nines/patterns/retry"
	"github.com/nines-sim/nines/patterns/shed"
	"github.com/nines-sim/nines/patterns/timeout"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/measure"
)

// A counted policy is a policy of one client, as long as that lives, and what it has done.
type counted struct {
	slot        string
	group       *sim.Group
	incarnation uint64
	policy      any
}

// add lets what a policy does in a slot count among what the edge's layers did. What the policies of the
// client's earlier lives did is kept, they are not.
func (e *edge) add(slot string, g *sim.Group, policy any) {
	if countsOf(policy) == nil {
		return
	}
	e.counted = slices.DeleteFunc(e.counted, func(c counted) bool {
		over := c.slot == slot && c.group == g && c.incarnation != g.Incarnation()
		if over {
			e.past = sumLayers(e.past, slot, countsOf(c.policy))
		}
		return over
	})
	e.counted = append(e.counted, counted{slot, g, g.Incarnation(), policy})
}

// layers returns what the policies of an edge did so far, in all lives of all clients, outermost first.
func (e *edge) layers() []measure.Layer {
	var sums []measure.Layer
	for _, l := range e.past {
		sums = sumLayers(sums, l.Layer, l.Counts)
	}
	for _, c := range e.counted {
		sums = sumLayers(sums, c.slot, countsOf(c.policy))
	}
	place := func(l measure.Layer) int {
		if i := slices.Index(e.policies.Order, l.Layer); i >= 0 {
			return i
		}
		return len(e.policies.Order)
	}
	slices.SortStableFunc(sums, func(a, b measure.Layer) int { return place(a) - place(b) })
	return sums
}

// sumLayers adds counts to those of a layer.
func sumLayers(sums []measure.Layer, layer string, counts []measure.LayerCount) []measure.Layer {
	i := slices.IndexFunc(sums, func(l measure.Layer) bool { return l.Layer == layer })
	if i < 0 {
		return append(sums, measure.Layer{Layer: layer, Counts: slices.Clone(counts)})
	}
	for n, c := range counts {
		sums[i].Counts[n].N += c.N
	}
	return sums
}

// countsOf returns what a policy did so far, in an order that is always the same; nil if it does not say. A name
// that ends with _ns is that of a length of time.
func countsOf(policy any) []measure.LayerCount {
	count := func(name string, n uint64) measure.LayerCount { return measure.LayerCount{Name: name, N: int64(n)} }
	switch p := policy.(type) {
	case *timeout.Timeout:
		c := p.Counts()
		return []measure.LayerCount{count("fired", c.Fired), count("past", c.Past)}
	case *retry.Retry:
		c := p.Counts()
		return []measure.LayerCount{count("retries", c.Retries), count("denied", c.Denied), count("too_late", c.TooLate),
			count("waited_ns", uint64(c.Waited+c.Paced))}
	case *hedge.Hedge:
		c := p.Counts()
		return []measure.LayerCount{count("hedges", c.Hedges), count("won", c.Won), count("denied", c.Denied), count("cancelled", c.Cancelled)}
	case breakers:
		return p.counts()
	case interface{ Counts() breaker.Counts }:
		c := p.Counts()
		return []measure.LayerCount{count("allowed", c.Allowed), count("rejected", c.Rejected), count("opened", c.Opened)}
	case interface{ Counts() bulkhead.Counts }:
		c := p.Counts()
		return []measure.LayerCount{count("entered", c.Entered), count("full", c.Full), count("waited_too_long", c.Waited)}
	case interface{ Counts() ratelimit.Counts }:
		c := p.Counts()
		return []measure.LayerCount{count("allowed", c.Allowed), count("waited", c.Waited), count("rejected", c.Rejected)}
	case *shed.Limiter:
		c := p.Counts()
		return []measure.LayerCount{count("allowed", c.Allowed), count("rejected", c.Rejected)}
	case *shed.Throttle:
		c := p.Counts()
		return []measure.LayerCount{count("allowed", c.Allowed), count("rejected", c.Rejected)}
	case *ratelimit.Remote:
		c := p.Counts()
		return []measure.LayerCount{count("allowed", c.Allowed), count("rejected", c.Rejected), count("unanswered", c.Unanswered)}
	case *bulkhead.Thresholds:
		c := p.Counts()
		return []measure.LayerCount{count("entered", c.Entered), count("pending", c.Pending), count("requests", c.Requests), count("retries", c.Retries)}
	case *bulkhead.Partitions:
		c := p.Total()
		return []measure.LayerCount{count("entered", c.Entered), count("full", c.Full)}
	case interface{ Counts() outlier.Counts }:
		c := p.Counts()
		return []measure.LayerCount{count("detected", c.Detected), count("ejected", c.Ejected), count("too_many", c.Overflow), count("returned", c.Returned)}
	case *byAnswer:
		return countsOf(p.policy)
	case *fallback.Fallback:
		c := p.Counts()
		return []measure.LayerCount{count("used", c.Used), count("failed", c.Failed), count("rejected", c.Rejected)}
	case interface{ LayerCounts() []measure.LayerCount }: // of somebody's own
		return p.LayerCounts()
	}
	return nil
}

// breakers are the targets of a client that each have a breaker.
type breakers []balance.Target

// counts returns what they did together.
func (b breakers) counts() []measure.LayerCount {
	var sums []measure.Layer
	for _, target := range b {
		sums = sumLayers(sums, "", countsOf(target))
	}
	return sums[0].Counts
}

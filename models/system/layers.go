package system

import (
	"slices"

	"github.com/nines-sim/nines/patterns"
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

// A held policy is one that a client has, as long as that lives.
type held struct {
	slot        string
	group       *sim.Group
	incarnation uint64
	policy      any
}

// hold keeps the policy that a client has in a slot in its present life: what it does counts among what the
// edge's layers did. What the policies of the client's earlier lives did is kept, they are not.
func (e *edge) hold(slot string, g *sim.Group, policy any) {
	e.held = slices.DeleteFunc(e.held, func(h held) bool {
		over := h.slot == slot && h.group == g && h.incarnation != g.Incarnation()
		if counts := countsOf(h.policy); over && counts != nil {
			e.past = sumLayers(e.past, slot, counts)
		}
		return over
	})
	e.held = append(e.held, held{slot, g, g.Incarnation(), policy})
}

// holds returns the policy that a client has in a slot in its present life, or nil.
func (e *edge) holds(slot string, g *sim.Group) patterns.Policy {
	for _, h := range e.held {
		if policy, ok := h.policy.(patterns.Policy); ok && h.slot == slot && h.group == g && h.incarnation == g.Incarnation() {
			return policy
		}
	}
	return nil
}

// layers returns what the policies of an edge did so far, in all lives of all clients, outermost first.
func (e *edge) layers() []measure.Layer {
	var sums []measure.Layer
	for _, l := range e.past {
		sums = sumLayers(sums, l.Layer, l.Counts)
	}
	for _, h := range e.held {
		if counts := countsOf(h.policy); counts != nil {
			sums = sumLayers(sums, h.slot, counts)
		}
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
	case *byAnswer:
		return countsOf(p.policy)
	case *fallback.Fallback:
		c := p.Counts()
		return []measure.LayerCount{count("used", c.Used), count("failed", c.Failed), count("rejected", c.Rejected)}
	case interface{ Counts() breaker.Counts }:
		c := p.Counts()
		return []measure.LayerCount{count("allowed", c.Allowed), count("rejected", c.Rejected), count("opened", c.Opened)}
	case interface{ Counts() bulkhead.Counts }:
		c := p.Counts()
		return []measure.LayerCount{count("entered", c.Entered), count("full", c.Full), count("waited_too_long", c.Waited)}
	case interface{ Counts() ratelimit.Counts }:
		c := p.Counts()
		return []measure.LayerCount{count("allowed", c.Allowed), count("waited", c.Waited), count("rejected", c.Rejected)}
	case interface{ Counts() outlier.Counts }:
		c := p.Counts()
		return []measure.LayerCount{count("detected", c.Detected), count("ejected", c.Ejected), count("too_many", c.Overflow), count("returned", c.Returned)}
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
	if sums == nil {
		return nil
	}
	return sums[0].Counts
}

package scenario

import (
	"math"
	"time"

	"github.com/nines-sim/nines/sim/dist"
)

// Life is the mean time from when an answer comes into the cache until the next call for it, if there is
// one at once, has it loaded again; 0: for ever. How much sooner Early does is left out: a few times as long as
// a load takes, of minutes.
func (c *Cache) Life() time.Duration {
	life := c.SoftTTL
	if life == 0 {
		life = c.TTL
	}
	return life - time.Duration(float64(c.TTLJitter/2*float64(life)))
}

// miss is the share of calls at a rate that a warm cache passes on. Of a thing that is asked for at a rate,
// an answer is loaded once in its life and the time until the next call, 1 / rate, on average: a load while the
// old answer is given (soft_ttl) counts like a miss. That is exact for calls at random that are answered at once;
// what misses for one thing while it is being loaded, and failures that are kept, are left out. If not all things
// have room it is an approximation, see hits.
func (c *Cache) miss(rate float64, replicas int) float64 {
	if c == nil || rate == 0 {
		return 1
	}
	if c.Per == "replica" {
		rate /= float64(max(replicas, 1))
	}
	life := c.Life().Seconds()
	if life == 0 {
		life = math.Inf(1)
	}
	groups := c.groups()
	x := c.characteristic(groups)
	miss := 0.0
	for _, g := range groups {
		miss += float64(g.things * g.share / (1 + hits(float64(g.share*rate*life), float64(g.share*x))))
	}
	return miss
}

// Things alike are a number of things in a row of popularity, each with the same share of the calls.
type alike struct{ things, share float64 }

// groups returns the things of a cache: all, if they are alike; under Zipf's law each of the first hundred by itself,
// then in groups within which popularity differs by a few percent at most.
func (c *Cache) groups() (list []alike) {
	if c.Popularity == 0 {
		return []alike{{float64(c.Keys), 1 / float64(c.Keys)}}
	}
	const alone, ratio = 100, 1.02
	total := 0.0
	for k := 1.0; k <= float64(c.Keys); {
		next := k + 1
		weight := dist.Pow(k, -float64(c.Popularity))
		if k > alone {
			next = min(math.Ceil(float64(k*ratio)), float64(c.Keys)+1)
			middle := (k + next - 1) / 2
			weight = dist.Pow(middle, -float64(c.Popularity))
		}
		list = append(list, alike{next - k, weight})
		total += float64((next - k) * weight)
		k = next
	}
	for i := range list {
		list[i].share /= total
	}
	return list
}

// characteristic returns for how many calls a thing that nobody asks for stays in a cache that forgets the
// least recently used: the x for which the things asked for in x calls are as many as there is room for, the
// sum of 1 - exp(-share × x). It is infinite if there is room for all. (H. Che, Y. Tung, Z. Wang, "Hierarchical
// Web Caching Systems", 2002; C. Fricker, P. Robert, J. Roberts, "A versatile and accurate approximation for LRU cache
// performance", 2012.) An answer whose time is over takes up room as any other does.
func (c *Cache) characteristic(groups []alike) float64 {
	if c.Size >= c.Keys {
		return math.Inf(1)
	}
	asked := func(x float64) (sum float64) {
		for _, g := range groups {
			sum -= float64(g.things * dist.Expm1(-float64(g.share*x)))
		}
		return sum
	}
	room := float64(c.Size)
	low, high := 0.0, room
	for asked(high) < room && high < 1e18 {
		low, high = high, 2*high
	}
	for range 50 {
		if middle := (low + high) / 2; asked(middle) < room {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// hits is the number of calls that one load of a thing answers besides its own, on average: in life calls' time
// for it, unless patience calls' time goes by without one and it is forgotten, which the next call finds out. Calls
// come at random. For a long patience that is life, for a long life exp(patience) - 1, both exactly; between
// the two, the time until it is forgotten is taken as exponential.
func hits(life, patience float64) float64 {
	switch {
	case patience == 0:
		return 0
	case patience > 700: // its odds are infinite
		return life
	}
	odds := dist.Expm1(patience)                             // calls before a gap of patience
	gap := 1 - float64(patience/odds)                        // mean of the shorter gaps
	return -float64(odds * dist.Expm1(-(life / odds / gap))) // odds × the chance that the gap comes after life
}

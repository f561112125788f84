package balance

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/nines-sim/nines/patterns/internal/check"
	"github.com/nines-sim/nines/patterns/internal/xxhash"
)

// The picks RingHash and Maglev send a request to where its Key says. They protect what replicas keep
// by key, such as caches: when a replica goes, only its keys move. They pay with uneven load, since keys are
// not equally popular, which a Bound limits. Tables are of all targets; one that may not be chosen is
// passed over, and the next entry of the table counts. (Envoy makes a new table without it, which moves
// a few other keys as well.)

// Ring says how large the ring is on which targets are found by key. Every target has as many entries as its weight
// says, and at least one.
type Ring struct {
	MinSize int `nines:"min_size,min=1,max=8388608"` // entries at least, if MaxSize allows
	MaxSize int `nines:"max_size,min=1,max=8388608"` // entries at most
}

// DefaultRing returns gRPC's defaults (proposal A42), which are Envoy's but for the maximum: 1024 to 4096.
func DefaultRing() Ring { return Ring{1024, 4096} }

const maxRing = 8 << 20 // Envoy's and gRPC's

func (r Ring) check(f *check.Fields, used bool) {
	if !used {
		return
	}
	f.Need(r.MinSize >= 1 && r.MinSize <= maxRing, "Ring.MinSize", r.MinSize, fmt.Sprintf("1 to %d", maxRing))
	f.Need(r.MaxSize >= r.MinSize && r.MaxSize <= maxRing, "Ring.MaxSize", r.MaxSize, fmt.Sprintf("MinSize to %d", maxRing))
}

const (
	// DefaultTable is the size of Envoy's Maglev table, and of the small one of D. Eisenbud et al.,
	// "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016.
	DefaultTable = 65537

	maxTable = 5_000_011 // Envoy's
)

func prime(n int) bool {
	for d := 2; d*d <= n; d++ {
		if n%d == 0 {
			return false
		}
	}
	return n >= 2
}

// An Overflow says where a request goes whose target has reached the Bound.
type Overflow uint8

// The ways of an overflow.
const (
	Next Overflow = iota // to the next of the table that has not reached it: V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018
	Jump                 // to targets in an order of the key's own, so that one target's overflow does not all fall on another: J. Chen et al., arXiv 1908.08762; Envoy, which lets each have one call more
	overflows
)

// A table says which target a key belongs to.
type table struct {
	hashes []uint64 // of the entries of a ring, in order; nil for Maglev
	owner  []uint16 // the member of each entry
}

// build makes the table of the targets.
func (b *Balancer) build() {
	b.table = table{}
	if len(b.members) == 0 || !b.cfg.Pick.hashes() {
		return
	}
	byName := make([]int, len(b.members)) // as all clients sort them, in whatever order they learned of them
	for i := range byName {
		byName[i] = i
	}
	slices.SortFunc(byName, func(i, j int) int {
		switch a, b := b.members[i].name, b.members[j].name; {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	if b.cfg.Pick == RingHash {
		b.ring(byName)
	} else {
		b.maglev(byName)
	}
}

// normalized returns the share of each member in the weight of all, the least and the largest of them.
func (b *Balancer) normalized() (shares []float64, least, most float64) {
	all := 0.0
	for _, m := range b.members {
		all += m.weight
	}
	least = 1
	for _, m := range b.members {
		w := m.weight / all
		shares, least, most = append(shares, w), min(least, w), max(most, w)
	}
	return shares, least, most
}

// ring builds gRPC's ring (balancer/ringhash/ring.go at 40245426), which is Envoy's: the least weight has
// a whole number of entries; entry i of a target is at the hash of its name, "_" and i.
func (b *Balancer) ring(byName []int) {
	shares, least, _ := b.normalized()
	scale := min(math.Ceil(least*float64(b.cfg.Ring.MinSize))/least, float64(b.cfg.Ring.MaxSize))
	type entry struct {
		hash  uint64
		owner uint16
	}
	var entries []entry
	var name []byte
	entitled := 0.0
	for _, i := range byName {
		entitled += float64(scale * shares[i])
		for k := 0; float64(len(entries)) < entitled; k++ {
			name = strconv.AppendInt(append(append(name[:0], b.members[i].name...), '_'), int64(k), 10)
			entries = append(entries, entry{xxhash.Sum(name, 0), uint16(i)})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		switch {
		case a.hash < b.hash:
			return -1
		case a.hash > b.hash:
			return 1
		}
		return 0
	})
	for _, e := range entries {
		b.table.hashes = append(b.table.hashes, e.hash)
		b.table.owner = append(b.table.owner, e.owner)
	}
}

// maglev makes Envoy's table (maglev_lb.cc at 104df3de).
func (b *Balancer) maglev(byName []int) {
	size := uint64(b.cfg.Table)
	shares, _, most := b.normalized()
	orders := make([]permutation, len(byName))
	for k, i := range byName {
		name := []byte(b.members[i].name)
		orders[k] = permutation{
			owner: uint16(i), share: shares[i] / most,
			offset: xxhash.Sum(name, 0) % size, skip: xxhash.Sum(name, 1)%(size-1) + 1,
		}
	}
	b.table.owner = populate(size, orders)
}

// A permutation is the order in which a target wants the entries of a table: offset, offset + skip, ...
type permutation struct {
	owner        uint16
	share        float64 // of the largest weight
	offset, skip uint64
}

// populate fills a table: in turn, each target takes its next entry that is free. One with half the weight
// of another takes part in every second round.
func populate(size uint64, orders []permutation) []uint16 {
	const free = math.MaxUint16
	table := slices.Repeat([]uint16{free}, int(size))
	wanted, rounds := make([]uint64, len(orders)), make([]float64, len(orders))
	for round, filled := 1.0, uint64(0); ; round++ {
		for k, o := range orders {
			if float64(round*o.share) < rounds[k] {
				continue
			}
			rounds[k]++
			at := (o.offset + o.skip*wanted[k]) % size
			for ; table[at] != free; at = (o.offset + o.skip*wanted[k]) % size {
				wanted[k]++
			}
			table[at] = o.owner
			if filled++; filled == size {
				return table
			}
		}
	}
}

// entry returns the entry of the table that a hash belongs to.
func (t *table) entry(hash uint64) int {
	if t.hashes == nil {
		return int(hash % uint64(len(t.owner)))
	}
	i, _ := slices.BinarySearch(t.hashes, hash)
	if i == len(t.hashes) {
		return 0
	}
	return i
}

// keyed returns the target that a key belongs to, or where it goes if that one may not be chosen or has
// reached the bound.
func (b *Balancer) keyed(key uint64) *member {
	if len(b.table.owner) == 0 {
		return nil
	}
	hash := xxhash.Number(key)
	entry := b.table.entry(hash)
	first := b.walk(entry, false)
	if first == nil || b.cfg.Bound == 0 {
		return first
	}
	b.weightInUse, b.underWay = 0, 0
	for _, m := range b.members {
		b.underWay += m.inFlight
		if b.usable(m) {
			b.weightInUse += m.weight
		}
	}
	if b.cfg.Overflow == Jump {
		return b.jump(hash, first)
	}
	if m := b.walk(entry, true); m != nil {
		return m
	}
	return first
}

// walk returns the owner of the entry, or of the next one whose owner may be chosen, and if bounded has
// not reached the bound.
func (b *Balancer) walk(entry int, bounded bool) *member {
	for passed := range b.table.owner {
		if m := b.members[b.table.owner[entry]]; b.usable(m) && (!bounded || b.room(m)) {
			return m
		}
		if entry++; entry == len(b.table.owner) {
			entry = 0
		}
		if passed == 4*len(b.members) && !slices.ContainsFunc(b.members, b.usable) {
			break // nobody is: do not look at the whole table
		}
	}
	return nil
}

// room reports whether m may take one more call: the bound is a multiple of its share of the calls under
// way, the new one included, rounded up.
func (b *Balancer) room(m *member) bool {
	return float64(m.inFlight) < math.Ceil(float64(b.cfg.Bound*float64(b.underWay+1))*(m.weight/b.weightInUse))
}

// jump is Envoy's way to a target with room (BoundedLoadHashingLoadBalancer in thread_aware_lb_impl.cc at
// 0336fd61): if the key's own has none, all others in an order of the key's own. Calls under way are compared
// with slots, not the calls with the new one.
func (b *Balancer) jump(hash uint64, first *member) *member {
	all := (uint64(b.underWay+1)*uint64(math.Round(b.cfg.Bound*100)) + 99) / 100
	room := func(m *member) bool {
		return float64(m.inFlight) <= max(1, math.Ceil(float64(all)*(m.weight/b.weightInUse)))
	}
	if room(first) {
		return first
	}
	b.order = b.order[:0]
	for _, m := range b.members {
		if m != first && b.usable(m) {
			b.order = append(b.order, m)
		}
	}
	draws := b.draws.At(hash)
	for i := range b.order {
		j := i + draws.IntN(len(b.order)-i)
		b.order[i], b.order[j] = b.order[j], b.order[i]
		if room(b.order[i]) {
			return b.order[i]
		}
	}
	return first // which cannot be: all slots together are more than the calls
}

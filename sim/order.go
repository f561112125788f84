package sim

import (
	"cmp"
	"math/bits"
)

// order holds entries in the order of (time, key): those of the present instant in a line, near
// ones in a binary heap, far ones unsorted in buckets.
//
// An instant is read as a number of digits of 6 bits. A far entry lies in the bucket of the highest
// digit in which its instant differs from the base of the present window. When nothing near is
// left, the first bucket is opened: if its entries are few it becomes the window and they go into
// the heap, else they are spread over the buckets of the next digit. So an entry moves down until
// it is near, and an event that is stopped while it is far is never sorted at all. Time only
// grows; nothing moves up.
//
// The ideas are those of the radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, "Faster algorithms for
// the shortest path problem", 1990) and the ladder queue (Tang, Goh, Thng, ACM TOMACS 15, 2005).
type order struct {
	line    []entry // of the present instant, from head on; they come in the order of their keys
	head    int
	near    []entry // a binary heap of what is due before end
	base    uint64  // buckets are addressed by what differs from it
	end     uint64
	digits  uint // of the window: it is 64^digits long
	levels  uint32
	used    [levels]uint64 // bit i of level l: its bucket i has entries
	buckets [levels * fanout]*chunk
	spare   *chunk
	length  int // entries in all, stale ones too
}

const (
	digitBits = 6
	fanout    = 1 << digitBits
	levels    = (64 + digitBits - 1) / digitBits

	crowd = 128 // a heap of more gives a part of its window back
)

// An entry orders one event: key is the sequence number above the slot's index.
type entry struct {
	at  Time
	key uint64
}

func (e entry) before(f entry) bool { return e.at < f.at || e.at == f.at && e.key < f.key }

func (e entry) compare(f entry) int {
	return cmp.Or(cmp.Compare(e.at, f.at), cmp.Compare(e.key, f.key))
}

// A chunk is a part of a bucket. It has 576 bytes: nine cache lines, so that the first lines of chunks
// that follow each other do not compete for the same places of a cache.
type chunk struct {
	next    *chunk // nil, or one that is full
	n       int
	entries [35]entry
}

// enter adds an entry with a key above all that were entered before.
func (o *order) enter(e entry, now Time) {
	o.length++
	switch {
	case e.at == now:
		o.line = append(o.line, e)
	case uint64(e.at) >= o.end:
		o.far(e)
	default:
		if o.up(e); len(o.near) > crowd && o.digits > 0 && uint64(o.near[0].at) >= o.base {
			o.narrow()
		}
	}
}

// far puts an entry into the bucket that it belongs to.
func (o *order) far(e entry) {
	level := uint(63-bits.LeadingZeros64((uint64(e.at)^o.base)|1)) / digitBits
	i := uint(uint64(e.at)>>(level*digitBits)) % fanout
	b := &o.buckets[level*fanout+i]
	c := *b
	if c == nil || c.n == len(c.entries) {
		c = o.extend(b, level, i)
	}
	c.entries[c.n] = e
	c.n++
}

// extend gives a bucket one more chunk.
func (o *order) extend(b **chunk, level, i uint) *chunk {
	c := o.spare
	if c == nil {
		c = new(chunk)
	} else {
		o.spare = c.next
	}
	c.next, *b = *b, c
	o.used[level] |= 1 << i
	o.levels |= 1 << level
	return c
}

// discard takes back a chunk that is read.
func (o *order) discard(c *chunk) {
	c.n, c.next, o.spare = 0, o.spare, c
}

// min returns the first entry, if the line or the heap has one.
func (o *order) min() (entry, bool) {
	if o.head < len(o.line) {
		e := o.line[o.head]
		if len(o.near) > 0 && o.near[0].before(e) {
			return o.near[0], true
		}
		return e, true
	}
	if len(o.near) > 0 {
		return o.near[0], true
	}
	return entry{}, false
}

// pop removes the entry that min has just returned.
func (o *order) pop(e entry) {
	o.length--
	if o.head < len(o.line) && o.line[o.head].key == e.key {
		if o.head++; o.head == len(o.line) {
			o.line, o.head = o.line[:0], 0
		}
		return
	}
	n := len(o.near) - 1
	last := o.near[n]
	o.near = o.near[:n]
	if n > 0 {
		o.down(0, last)
	}
}

// advance opens the first bucket, when the line and the heap are empty. It reports false if there is
// none that begins before or at a limit: the base never passes the clock by far.
func (q *queue) advance(limit Time) bool {
	if q.levels == 0 {
		return false
	}
	level := uint(bits.TrailingZeros32(q.levels))
	i := uint(bits.TrailingZeros64(q.used[level]))
	shift := level * digitBits
	base := q.base>>shift>>digitBits<<digitBits<<shift | uint64(i)<<shift
	if base > uint64(limit) {
		return false
	}
	if q.used[level] &^= 1 << i; q.used[level] == 0 {
		q.levels &^= 1 << level
	}
	c := q.buckets[level*fanout+i]
	q.buckets[level*fanout+i] = nil
	q.base, q.end, q.digits = base, base, level
	if c.next != nil && level > 0 {
		q.spread(c)
		return true
	}
	q.end += 1 << shift
	q.open(c)
	return true
}

// spread moves the entries of a bucket to those of the next digit.
func (q *queue) spread(c *chunk) {
	sift := q.stale > q.length/8
	for c != nil {
		for _, e := range c.entries[:c.n] {
			if sift && !q.living(e) {
				q.drop()
			} else {
				q.far(e)
			}
		}
		next := c.next
		q.discard(c)
		c = next
	}
}

// open moves the entries of a bucket into the heap. It looks at the slot of each: so the slots are in
// the processor's cache, fetched side by side, when their turns come.
func (q *queue) open(c *chunk) {
	for c != nil {
		q.near = q.sift(q.near, c.entries[:c.n])
		next := c.next
		q.discard(c)
		c = next
	}
	if len(q.near) > 1 {
		q.heapify()
	}
}

// narrow gives the later part of a crowded window back to the buckets.
func (o *order) narrow() {
	for len(o.near) > crowd/4 && o.digits > 0 {
		o.digits--
		shift := o.digits * digitBits
		o.base = uint64(o.near[0].at) >> shift << shift
		o.end = o.base + 1<<shift
		kept := o.near[:0] // the first stays the first
		for _, e := range o.near {
			if uint64(e.at) < o.end {
				kept = append(kept, e)
			} else {
				o.far(e)
			}
		}
		o.near = kept
	}
	o.heapify()
}

// each calls f for every entry, in no order that means anything.
func (o *order) each(f func(entry)) {
	for _, e := range o.line[o.head:] {
		f(e)
	}
	for _, e := range o.near {
		f(e)
	}
	for _, c := range o.buckets {
		for ; c != nil; c = c.next {
			for _, e := range c.entries[:c.n] {
				f(e)
			}
		}
	}
}

// sweep drops the stale entries.
func (q *queue) sweep() {
	q.line, q.head = q.sift(q.line[:0], q.line[q.head:]), 0
	q.near = q.sift(q.near[:0], q.near)
	q.heapify()
	for l := q.levels; l != 0; l &= l - 1 {
		level := uint(bits.TrailingZeros32(l))
		for used := q.used[level]; used != 0; used &= used - 1 {
			i := uint(bits.TrailingZeros64(used))
			c := q.buckets[level*fanout+i]
			q.buckets[level*fanout+i] = nil
			if q.used[level] &^= 1 << i; q.used[level] == 0 {
				q.levels &^= 1 << level
			}
			for c != nil {
				for _, e := range c.entries[:c.n] {
					if q.living(e) {
						q.far(e) // nothing moves up: not into a bucket that is still to be swept
					} else {
						q.drop()
					}
				}
				next := c.next
				q.discard(c)
				c = next
			}
		}
	}
}

// sift appends the living of some entries, and drops the others.
func (q *queue) sift(to, from []entry) []entry {
	for _, e := range from {
		if q.living(e) {
			to = append(to, e)
		} else {
			q.drop()
		}
	}
	return to
}

// drop counts a stale entry that is no longer kept.
func (q *queue) drop() {
	q.length--
	q.stale--
}

func (o *order) up(e entry) {
	o.near = append(o.near, e)
	h := o.near
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
}

func (o *order) down(i int, e entry) {
	h := o.near
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(e) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = e
}

func (o *order) heapify() {
	for i := len(o.near)/2 - 1; i >= 0; i-- {
		o.down(i, o.near[i])
	}
}

// reset forgets all events and keeps the memory.
func (q *queue) reset() {
	for i := range q.buckets {
		for c := q.buckets[i]; c != nil; {
			next := c.next
			q.discard(c)
			c = next
		}
		q.buckets[i] = nil
	}
	for i := range q.slots {
		*q.slot(i) = slot{}
	}
	q.order = order{line: q.line[:0], near: q.near[:0], spare: q.spare}
	q.slots, q.free, q.stale, q.seq = 0, none, 0, 0
}

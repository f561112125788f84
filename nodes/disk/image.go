package disk

// An Image is what is on a disk, twice: as programs read it, and as a power cut leaves it. It maps
// keys (file names, page numbers, positions in a log) to values. It has no clock.
//
// The difference between the two is the tail: the writes that are not durable yet, in the order in
// which they were made.
type Image[K comparable, V any] struct {
	durable map[K]entry[V]
	tail    []write[K, V]
	settled uint64       // writes before the tail, by which its positions count
	newest  map[K]uint64 // position of the last write in the tail to a key
	stored  int64        // bytes that are durable
	used    int64        // bytes, as programs read it
	lost    uint64       // writes that never became durable
}

type entry[V any] struct {
	value V
	size  int
	there bool // false: deleted
}

type write[K comparable, V any] struct {
	key K
	entry[V]
}

// NewImage returns an empty image.
func NewImage[K comparable, V any]() *Image[K, V] {
	return &Image[K, V]{durable: map[K]entry[V]{}, newest: map[K]uint64{}}
}

// Put writes a value of size bytes.
func (m *Image[K, V]) Put(key K, value V, size int) { m.append(key, entry[V]{value, size, true}) }

// Delete removes a key. That has to be synced like any write.
func (m *Image[K, V]) Delete(key K) { m.append(key, entry[V]{}) }

func (m *Image[K, V]) append(key K, e entry[V]) {
	m.used += int64(e.size - m.get(key).size)
	m.newest[key] = m.Written()
	m.tail = append(m.tail, write[K, V]{key, e})
}

// Get returns what programs read.
func (m *Image[K, V]) Get(key K) (value V, ok bool) {
	e := m.get(key)
	return e.value, e.there
}

func (m *Image[K, V]) get(key K) entry[V] {
	if at, ok := m.newest[key]; ok {
		return m.tail[at-m.settled].entry
	}
	return m.durable[key]
}

// Durable returns what would be read after a power cut that loses all that was not synced.
func (m *Image[K, V]) Durable(key K) (value V, ok bool) {
	e := m.durable[key]
	return e.value, e.there
}

// Cached reports whether the last write to a key is not durable yet, and so is in memory.
func (m *Image[K, V]) Cached(key K) bool {
	_, ok := m.newest[key]
	return ok
}

// Written returns how many writes were made so far: the position of the next.
func (m *Image[K, V]) Written() uint64 { return m.settled + uint64(len(m.tail)) }

// Unsynced returns how many writes are not durable.
func (m *Image[K, V]) Unsynced() int { return len(m.tail) }

// UnsyncedBytes returns the size of the writes before a position that are not durable.
func (m *Image[K, V]) UnsyncedBytes(before uint64) (bytes int64) {
	for i := m.settled; i < before; i++ {
		bytes += int64(m.tail[i-m.settled].size)
	}
	return bytes
}

// Used returns the bytes that programs have stored.
func (m *Image[K, V]) Used() int64 { return m.used }

// Settle makes the writes before a position durable.
func (m *Image[K, V]) Settle(before uint64) {
	if before <= m.settled {
		return
	}
	for i := range m.tail[:before-m.settled] {
		w := &m.tail[i]
		m.stored += int64(w.size - m.durable[w.key].size)
		if w.there {
			m.durable[w.key] = w.entry
		} else {
			delete(m.durable, w.key)
		}
	}
	m.forget(before)
}

// Drop takes the writes before a position back, unless they are durable. Later ones stay.
func (m *Image[K, V]) Drop(before uint64) {
	if before <= m.settled {
		return
	}
	m.lost += before - m.settled
	m.forget(before)
	m.used = m.stored
	for i, w := range m.tail {
		if m.newest[w.key] == before+uint64(i) {
			m.used += int64(w.size - m.durable[w.key].size)
		}
	}
}

// forget cuts the tail off before a position.
func (m *Image[K, V]) forget(before uint64) {
	n := int(before - m.settled)
	for i := range m.tail[:n] {
		if key := m.tail[i].key; m.newest[key] < before {
			delete(m.newest, key)
		}
	}
	kept := copy(m.tail, m.tail[n:])
	clear(m.tail[kept:])
	m.tail, m.settled = m.tail[:kept], before
}

// Crash is a power cut that the first writes of the tail survive, so many of them.
func (m *Image[K, V]) Crash(survivors int) {
	m.Settle(m.settled + uint64(survivors))
	m.Drop(m.Written())
}

// Lost returns how many writes were lost before they were durable.
func (m *Image[K, V]) Lost() uint64 { return m.lost }

// Erase empties the disk. Positions go on counting.
func (m *Image[K, V]) Erase() {
	m.lost += uint64(len(m.tail))
	m.settled = m.Written()
	clear(m.tail)
	clear(m.durable)
	clear(m.newest)
	m.tail, m.stored, m.used = m.tail[:0], 0, 0
}

// Package lru is a map of bounded size that forgets the key used longest ago.
package lru

// A Map holds at most as many keys as its capacity. The zero Map holds none; see [New].
type Map[K comparable, V any] struct {
	capacity int
	at       map[K]int32  // where each key is in nodes
	nodes    []node[K, V] // a ring from the newest to the oldest; nodes[0] is its joint and holds no key
}

type node[K comparable, V any] struct {
	newer, older int32
	key          K
	value        V
}

// New returns an empty map for capacity keys. A capacity of zero holds nothing.
func New[K comparable, V any](capacity int) *Map[K, V] {
	if capacity < 0 {
		panic("lru: negative capacity")
	}
	return &Map[K, V]{capacity: capacity, at: make(map[K]int32), nodes: make([]node[K, V], 1)}
}

// Get returns the value of a key and counts as a use of it.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	i, ok := m.at[key]
	if !ok {
		return value, false
	}
	m.use(i)
	return m.nodes[i].value, true
}

// Put stores the value of a key, counts as a use of it, and reports whether another key was
// forgotten to make room.
func (m *Map[K, V]) Put(key K, value V) (evicted bool) {
	if m.capacity == 0 {
		return false
	}
	if newest := m.nodes[0].older; newest != 0 && m.nodes[newest].key == key {
		m.nodes[newest].value = value
		return false
	}
	i, ok := m.at[key]
	switch {
	case ok:
		m.use(i)
		m.nodes[i].value = value
		return false
	case len(m.at) < m.capacity:
		i = int32(len(m.nodes))
		m.nodes = append(m.nodes, node[K, V]{})
		m.link(i)
	default:
		i = m.nodes[0].newer // newer than the joint, round the ring: the oldest
		delete(m.at, m.nodes[i].key)
		m.use(i)
		evicted = true
	}
	m.at[key] = i
	m.nodes[i].key, m.nodes[i].value = key, value
	return evicted
}

// Delete forgets a key.
func (m *Map[K, V]) Delete(key K) {
	i, ok := m.at[key]
	if !ok {
		return
	}
	delete(m.at, key)
	gone := &m.nodes[i]
	m.nodes[gone.newer].older, m.nodes[gone.older].newer = gone.older, gone.newer
	last := int32(len(m.nodes) - 1)
	if i != last { // the last node moves into the gap
		moved := m.nodes[last]
		m.nodes[i], m.at[moved.key] = moved, i
		m.nodes[moved.newer].older, m.nodes[moved.older].newer = i, i
	}
	m.nodes[last] = node[K, V]{}
	m.nodes = m.nodes[:last]
}

// Len returns how many keys the map holds.
func (m *Map[K, V]) Len() int { return len(m.at) }

// Clear forgets all keys.
func (m *Map[K, V]) Clear() {
	clear(m.at)
	clear(m.nodes)
	m.nodes = m.nodes[:1]
}

// use makes node i the newest.
func (m *Map[K, V]) use(i int32) {
	n := &m.nodes[i]
	m.nodes[n.newer].older, m.nodes[n.older].newer = n.older, n.newer
	m.link(i)
}

// link puts node i between the joint and what was newest.
func (m *Map[K, V]) link(i int32) {
	was := m.nodes[0].older
	m.nodes[i].newer, m.nodes[i].older = 0, was
	m.nodes[0].older, m.nodes[was].newer = i, i
}

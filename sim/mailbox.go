package sim

// A Mailbox holds messages between those who put and those who take, in order. Senders wait while
// it is full, receivers while it is empty; both are served in the order in which they came.
type Mailbox[T any] struct {
	s         *Simulation
	capacity  int // 0: no limit
	items     ring[message[T]]
	put       uint64 // messages put in so far
	senders   line
	receivers line
	offered   map[*Process]T          // by senders that wait
	granted   map[*Process]message[T] // to receivers that have not run yet
	full      string
	empty     string
}

// A message knows its place in the order, to get it back if its receiver dies.
type message[T any] struct {
	seq   uint64
	value T
}

// NewMailbox returns an empty mailbox; the name appears in deadlock reports. A capacity of 0 means
// no limit.
func NewMailbox[T any](s *Simulation, name string, capacity int) *Mailbox[T] {
	if capacity < 0 {
		panic("sim: the mailbox " + name + " has a negative capacity")
	}
	return &Mailbox[T]{
		s: s, capacity: capacity, offered: map[*Process]T{}, granted: map[*Process]message[T]{},
		full: "room in mailbox " + name, empty: "mailbox " + name,
	}
}

// Len returns the number of messages in the box.
func (m *Mailbox[T]) Len() int { return m.items.len() }

// TryPut puts v in without waiting, and reports whether there was room.
func (m *Mailbox[T]) TryPut(v T) bool {
	if m.s.silent() || m.capacity > 0 && m.items.len() >= m.capacity {
		return false
	}
	m.accept(v)
	return true
}

// accept hands v to the receiver that has waited longest, or stores it.
func (m *Mailbox[T]) accept(v T) {
	m.put++
	msg := message[T]{m.put, v}
	if !m.grant(msg) {
		m.items.pushBack(msg)
	}
}

// grant hands a message to the receiver that has waited longest, and reports whether there was one.
func (m *Mailbox[T]) grant(msg message[T]) bool {
	p := m.receivers.popFront()
	if p == nil {
		return false
	}
	m.granted[p] = msg
	p.decide(nil)
	return true
}

// Put puts v in, and waits for room if it must.
func (m *Mailbox[T]) Put(p *Process, v T) error {
	if err := p.mayWait(); err != nil {
		return err
	}
	if m.TryPut(v) {
		return nil
	}
	p.begin(m.full, (*sending[T])(m))
	m.offered[p] = v
	m.senders.pushBack(p)
	return p.park()
}

// TryTake takes the first message without waiting, and reports whether there was one.
func (m *Mailbox[T]) TryTake() (v T, ok bool) {
	if m.s.silent() || m.items.len() == 0 {
		return v, false
	}
	v = m.items.popFront().value
	m.admit()
	return v, true
}

// Take takes the first message, and waits for one if it must.
func (m *Mailbox[T]) Take(p *Process) (v T, err error) {
	if err := p.mayWait(); err != nil {
		return v, err
	}
	if v, ok := m.TryTake(); ok {
		return v, nil
	}
	p.begin(m.empty, (*receiving[T])(m))
	m.receivers.pushBack(p)
	if err := p.park(); err != nil {
		return v, err
	}
	v = m.granted[p].value
	delete(m.granted, p)
	return v, nil
}

// admit lets the sender that has waited longest put its message in, if there is room.
func (m *Mailbox[T]) admit() {
	if m.capacity > 0 && m.items.len() >= m.capacity {
		return
	}
	if p := m.senders.popFront(); p != nil {
		v := m.offered[p]
		delete(m.offered, p)
		m.accept(v)
		p.decide(nil)
	}
}

// sending and receiving are the two lines of a mailbox, for processes that leave them early.
type (
	sending[T any]   Mailbox[T]
	receiving[T any] Mailbox[T]
)

func (m *sending[T]) withdraw(p *Process, granted bool) {
	if !granted { // otherwise its message is in the box, and stays
		m.senders.remove(p)
		delete(m.offered, p)
	}
}

func (m *receiving[T]) withdraw(p *Process, granted bool) {
	if !granted {
		m.receivers.remove(p)
		return
	}
	box := (*Mailbox[T])(m)
	msg := box.granted[p]
	delete(box.granted, p)
	if !box.grant(msg) {
		box.takeBack(msg)
	}
}

// takeBack puts a message that was granted back into its place in the order, even if the box is full.
func (m *Mailbox[T]) takeBack(msg message[T]) {
	m.items.pushFront(msg)
	for i := 1; i < m.items.len() && m.items.at(i).seq < msg.seq; i++ {
		*m.items.at(i - 1), *m.items.at(i) = *m.items.at(i), msg
	}
}

// ring is a queue in a slice that is used again.
type ring[T any] struct {
	buf   []T
	first int
	n     int
}

func (r *ring[T]) len() int { return r.n }

// at returns the place of the i-th element from the front.
func (r *ring[T]) at(i int) *T { return &r.buf[(r.first+i)%len(r.buf)] }

func (r *ring[T]) grow() {
	if r.n < len(r.buf) {
		return
	}
	buf := make([]T, max(8, 2*len(r.buf)))
	for i := range r.n {
		buf[i] = r.buf[(r.first+i)%len(r.buf)]
	}
	r.buf, r.first = buf, 0
}

func (r *ring[T]) pushBack(v T) {
	r.grow()
	r.buf[(r.first+r.n)%len(r.buf)] = v
	r.n++
}

func (r *ring[T]) pushFront(v T) {
	r.grow()
	r.first = (r.first + len(r.buf) - 1) % len(r.buf)
	r.buf[r.first] = v
	r.n++
}

func (r *ring[T]) popFront() T {
	var zero T
	v := r.buf[r.first]
	r.buf[r.first] = zero
	r.first = (r.first + 1) % len(r.buf)
	r.n--
	return v
}

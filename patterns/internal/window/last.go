package window

// Last holds the last few of a sequence of bytes: the results of calls, say. The zero Last is not
// usable; see [NewLast].
type Last struct {
	values []byte
	next   int // where the next one goes
	held   int
}

// NewLast returns an empty window for n values.
func NewLast(n int) Last {
	if n < 1 {
		panic("window: room for no value")
	}
	return Last{values: make([]byte, n)}
}

// Push adds a value. If there was no room for it, ok reports that the oldest one made room.
func (l *Last) Push(v byte) (oldest byte, ok bool) {
	if ok = l.held == len(l.values); ok {
		oldest = l.values[l.next]
	} else {
		l.held++
	}
	l.values[l.next] = v
	if l.next++; l.next == len(l.values) {
		l.next = 0
	}
	return oldest, ok
}

// Reset forgets all values.
func (l *Last) Reset() { l.next, l.held = 0, 0 }

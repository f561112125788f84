package nodes

// A line is a waiting line of calls, linked through the calls themselves.
type line struct {
	first, last *job
	length      int
}

// insertAfter puts j behind before, or first if that is nil.
func (l *line) insertAfter(j, before *job) {
	j.prev = before
	if before != nil {
		j.next = before.next
		before.next = j
	} else {
		j.next = l.first
		l.first = j
	}
	if j.next != nil {
		j.next.prev = j
	} else {
		l.last = j
	}
	l.length++
}

func (l *line) remove(j *job) {
	if j.prev != nil {
		j.prev.next = j.next
	} else {
		l.first = j.next
	}
	if j.next != nil {
		j.next.prev = j.prev
	} else {
		l.last = j.prev
	}
	j.prev, j.next = nil, nil
	l.length--
}

package sim

// line is a waiting line of processes, linked through the processes themselves: a process waits
// in one line at a time, so that waiting allocates nothing.
type line struct {
	first, last *Process
	length      int
}

// link is a process's place in a line, and what it asks for there.
type link struct {
	prev, next *Process
	units      int
	priority   int
}

func (l *line) pushBack(p *Process)  { l.insertAfter(p, l.last) }
func (l *line) pushFront(p *Process) { l.insertAfter(p, nil) }

// insertAfter puts p behind before, or first if that is nil.
func (l *line) insertAfter(p, before *Process) {
	p.link.prev = before
	if before != nil {
		p.link.next = before.link.next
		before.link.next = p
	} else {
		p.link.next = l.first
		l.first = p
	}
	if p.link.next != nil {
		p.link.next.link.prev = p
	} else {
		l.last = p
	}
	l.length++
}

func (l *line) remove(p *Process) {
	if p.link.prev != nil {
		p.link.prev.link.next = p.link.next
	} else {
		l.first = p.link.next
	}
	if p.link.next != nil {
		p.link.next.link.prev = p.link.prev
	} else {
		l.last = p.link.prev
	}
	p.link.prev, p.link.next = nil, nil
	l.length--
}

// popFront takes the first process out of the line; nil if it is empty.
func (l *line) popFront() *Process {
	p := l.first
	if p != nil {
		l.remove(p)
	}
	return p
}

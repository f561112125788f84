package sim

import "slices"

// Fork starts a child in the process's group. A child that still runs when its parent ends is killed.
func (p *Process) Fork(name string, f func(c *Process)) *Process {
	return p.group.start(&Process{name: name, body: callBody, arg: f, background: p.background}, p)
}

// Join waits until all the given processes have ended.
func (p *Process) Join(processes ...*Process) error {
	for _, c := range processes {
		for !c.ended {
			if err := p.awaitEnd(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// JoinAny waits until one of the given processes has ended, and returns its index: the lowest if
// several have.
func (p *Process) JoinAny(processes ...*Process) (int, error) {
	for {
		for i, c := range processes {
			if c.ended {
				return i, nil
			}
		}
		if err := p.awaitEnd(processes...); err != nil {
			return -1, err
		}
	}
}

func (p *Process) awaitEnd(processes ...*Process) error {
	what := "a child to end"
	if len(processes) == 1 {
		what = processes[0].label() + " to end"
	}
	t := p.Ticket(what)
	for _, c := range processes {
		c.joiners = append(slices.DeleteFunc(c.joiners, Ticket.stale), t)
	}
	return p.Park()
}

func (t Ticket) stale() bool { return !t.Live() }

// bornTo links p as the youngest child of its parent.
func (p *Process) bornTo(parent *Process) {
	p.parent, p.older = parent, parent.children
	if p.older != nil {
		p.older.younger = p
	}
	parent.children = p
}

// leaveParent takes p, which has ended, out of its parent's children.
func (p *Process) leaveParent() {
	if p.parent == nil {
		return
	}
	if p.younger != nil {
		p.younger.older = p.older
	} else {
		p.parent.children = p.older
	}
	if p.older != nil {
		p.older.younger = p.younger
	}
	p.parent = nil
}

// killChildren ends the children of p, the youngest first. One that runs further down, and has
// ended its parent, ends when control comes back to it.
func (p *Process) killChildren() {
	for c := p.children; c != nil; c = p.children {
		c.leaveParent()
		c.killQuietly()
	}
}

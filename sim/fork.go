package sim

// Fork starts a child in the process's group. A child that still runs when its parent ends is killed.
func (p *Process) Fork(name string, f func(c *Process)) *Process {
	return p.group.start(&Process{name: name, body: f, background: p.background}, p)
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
		c.joiners = append(c.joiners, t)
	}
	return p.Park()
}

package sim

// An Event is one that has just happened, as [Simulation.OnEvent] shows it.
type Event struct {
	At     Time
	Number uint64 // events are counted from 1
	Digest uint64 // of the run up to and with this event
	ev     *slot
}

// Who names the process or the callback, with its group.
func (e Event) Who() string { return ownerOf(e.ev) }

// OnEvent calls f after every event from now on. f must not change the run.
func (s *Simulation) OnEvent(f func(Event)) { s.onEvent = append(s.onEvent, f) }

// Who names the process or the callback that runs now; it is empty outside of events.
func (s *Simulation) Who() string {
	switch {
	case s.current != nil:
		return s.current.label()
	case s.event != nil:
		return ownerOf(s.event)
	}
	return ""
}

// Err returns the [*Failure] that has ended the run, or nil.
func (s *Simulation) Err() error {
	if s.failure == nil {
		return nil
	}
	return s.failure
}

package sim

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// An Event is one that has just happened, as [Simulation.OnEvent] shows it.
type Event struct {
	At     Time
	Number uint64 // events are counted from 1
	Digest uint64 // of the run up to and with this event
	Who    Who
}

// OnEvent calls f after every event that begins from now on. f must not change the run.
func (s *Simulation) OnEvent(f func(Event)) {
	s.onEvent = append(s.onEvent, f)
	s.direct = false
}

// Who is a process, or the function of a callback, and the group that it belongs to. The zero Who
// is nobody. Two are equal if they are the same.
type Who struct {
	group    string
	process  string
	id       uint64 // of the process; 0: a callback
	callback uintptr
}

// Who returns the process or the callback that runs now: nobody, outside of events.
func (s *Simulation) Who() Who {
	if s.current != nil {
		return s.current.who()
	}
	return whoseEvent(s.callback)
}

// String names it: "api/handler #12", or "api: callback orders.(*shop).restock".
func (w Who) String() string {
	switch {
	case w == Who{}:
		return ""
	case w.id == 0 && w.group == "":
		return "callback " + funcName(w.callback)
	case w.id == 0:
		return w.group + ": callback " + funcName(w.callback)
	case w.group == "":
		return fmt.Sprintf("%s #%d", w.process, w.id)
	}
	return fmt.Sprintf("%s/%s #%d", w.group, w.process, w.id)
}

func (p *Process) who() Who { return Who{group: p.group.name, process: p.name, id: p.id} }

// whoseEvent returns who an event belongs to.
func whoseEvent(ev *slot) Who {
	switch {
	case ev == nil:
		return Who{}
	case ev.do == nil:
		return ev.arg.(*Process).who()
	}
	callback := reflect.ValueOf(ev.do).Pointer()
	if f, ok := ev.arg.(func()); ok {
		callback = reflect.ValueOf(f).Pointer()
	}
	return Who{group: ev.life.group.name, callback: callback}
}

func funcName(pc uintptr) string {
	name := runtime.FuncForPC(pc).Name()
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Err returns the [*Failure] that has ended the run, or nil.
func (s *Simulation) Err() error {
	if s.failure == nil {
		return nil
	}
	return s.failure
}

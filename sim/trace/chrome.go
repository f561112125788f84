package trace

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/nines-sim/nines/sim"
)

// A chromeEvent is one event of Chrome's Trace Event Format (a Google document of that name), which
// Perfetto and speedscope open.
//
// Spans are asynchronous events ("b" and "e"), each with an id of its own. Ordinary slices ("X")
// would have to be nested within a thread, and the attempts of a hedged call are not. Every
// host is a process with a pid; notes are instants ("i").
type chromeEvent struct {
	Name     string         `json:"name"`
	Phase    string         `json:"ph"`
	Category string         `json:"cat,omitempty"`
	At       micros         `json:"ts"`
	PID      int            `json:"pid"`
	TID      int            `json:"tid"`
	ID       string         `json:"id,omitempty"`
	Scope    string         `json:"s,omitempty"`
	Args     map[string]any `json:"args,omitempty"` // package json sorts the keys
}

// micros is an instant in microseconds, exact to the nanosecond: 1500250 ns is 1500.25.
type micros sim.Time

func (t micros) MarshalJSON() ([]byte, error) {
	text := fmt.Sprintf("%d.%03d", t/1000, t%1000)
	return []byte(strings.TrimSuffix(strings.TrimRight(text, "0"), ".")), nil
}

// runPID is the process that stands for the run itself: notes about nobody who has spans.
const runPID = 1

// WriteChrome writes notes and spans in Chrome's Trace Event Format, by instant. A span that the run
// did not see the end of ends with the last thing that was recorded, as "unfinished".
func (r *Recorder) WriteChrome(w io.Writer, about About) error {
	pids := map[string]int{"": runPID}
	out := []chromeEvent{process("run", runPID)}
	pid := func(host string) int {
		if pids[host] == 0 {
			pids[host] = runPID + len(pids)
			out = append(out, process(host, pids[host]))
		}
		return pids[host]
	}
	events := r.events()
	for _, e := range events {
		if e.span != nil {
			pid(e.span.Host)
		}
	}
	first := len(out)
	for _, e := range events {
		if e.note != nil {
			out = append(out, instant(e.note, pids[e.note.Subject]))
			continue
		}
		begin, end := r.ends(e.span, pid(e.span.Host))
		out = append(out, begin, end)
	}
	slices.SortStableFunc(out[first:], func(a, b chromeEvent) int { return cmp.Compare(a.At, b.At) })

	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "{\"displayTimeUnit\":\"ms\",\"otherData\":%s,\"traceEvents\":[", toJSON(about))
	for i, e := range out {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "\n%s", toJSON(e))
	}
	fmt.Fprint(b, "\n]}\n")
	return b.Flush()
}

func process(name string, pid int) chromeEvent {
	return chromeEvent{Name: "process_name", Phase: "M", PID: pid, Args: map[string]any{"name": name}}
}

// instant is a note: on its subject's process if that has one, else across the whole run.
func instant(n *sim.Note, pid int) chromeEvent {
	e := chromeEvent{Name: n.Kind, Phase: "i", Category: "note", At: micros(n.At), PID: pid, Scope: "p",
		Args: map[string]any{"subject": n.Subject}}
	if pid == 0 {
		e.PID, e.Scope = runPID, "g"
	}
	if n.Detail != "" {
		e.Args["detail"] = n.Detail
	}
	if len(n.Values) > 0 {
		e.Args["values"] = n.Values
	}
	return e
}

// ends are the two events of a span.
func (r *Recorder) ends(sp *Span, pid int) (begin, end chromeEvent) {
	begin = chromeEvent{Name: sp.Name, Phase: "b", Category: sp.Kind, At: micros(sp.Start), PID: pid,
		ID: "0x" + strconv.FormatUint(uint64(sp.ID), 16), Args: map[string]any{"span": sp.ID}}
	if sp.Parent != 0 {
		begin.Args["parent"] = sp.Parent
	}
	if sp.Call != 0 {
		begin.Args["call"] = callName(sp.Call)
	}
	end = begin
	end.Phase, end.At, end.Args = "e", micros(sp.End), map[string]any{"outcome": sp.Outcome}
	if sp.End == sim.Never {
		end.At, end.Args["outcome"] = micros(r.last), "unfinished"
	}
	return begin, end
}

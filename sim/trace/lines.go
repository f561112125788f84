package trace

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/nines-sim/nines/sim"
)

// Format is the version of the newline-delimited JSON that [Recorder.WriteLines] writes.
const Format = 1

// About says which run a trace is of. It is written at the head of every file; empty fields are
// left out.
type About struct {
	Scenario string   `json:"scenario,omitempty"`
	Variant  string   `json:"variant,omitempty"`
	Seed     sim.Seed `json:"seed"`
	Digest   string   `json:"digest,omitempty"` // as hex digits
	Version  string   `json:"version,omitempty"`
}

// header is the first line of a file, with what the reader has to know about the rest.
type header struct {
	Format  int `json:"format"`
	Dropped int `json:"dropped_spans,omitempty"`
	About
}

// noteLine and spanLine fix the keys of a line and their order. All instants are integers,
// nanoseconds since the start of the run. A call's identity uses all 64 bits, which many
// JSON readers round, so it is a text of hex digits.
type noteLine struct {
	At      sim.Time `json:"at"`
	Note    string   `json:"note"`
	Subject string   `json:"subject"`
	Detail  string   `json:"detail,omitempty"`
	Values  []int64  `json:"values,omitempty"`
}

type spanLine struct {
	At      sim.Time  `json:"at"`
	Span    SpanID    `json:"span"`
	Parent  SpanID    `json:"parent,omitempty"`
	Call    string    `json:"call,omitempty"`
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Host    string    `json:"host,omitempty"`
	End     *sim.Time `json:"end,omitempty"` // left out of a span that the run did not see the end of
	Outcome string    `json:"outcome,omitempty"`
}

// Lines returns the events as JSON, one a line and without line ends, by instant.
func (r *Recorder) Lines() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, e := range r.events() {
			if !yield(e.line()) {
				return
			}
		}
	}
}

func (e event) line() string {
	if n := e.note; n != nil {
		return toJSON(noteLine{n.At, n.Kind, n.Subject, n.Detail, n.Values})
	}
	sp := e.span
	line := spanLine{At: sp.Start, Span: sp.ID, Parent: sp.Parent, Call: callName(sp.Call), Kind: sp.Kind,
		Name: sp.Name, Host: sp.Host, Outcome: sp.Outcome}
	if sp.End != sim.Never {
		line.End = &sp.End
	}
	return toJSON(line)
}

// WriteLines writes a header and the events as newline-delimited JSON: the source of truth, from
// which other forms are made. Equal runs give equal bytes.
func (r *Recorder) WriteLines(w io.Writer, about About) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, toJSON(header{Format, r.dropped, about}))
	for line := range r.Lines() {
		fmt.Fprintln(b, line)
	}
	return b.Flush()
}

// callName writes a call's identity, or nothing for no call.
func callName(call uint64) string {
	if call == 0 {
		return ""
	}
	return fmt.Sprintf("%016x", call)
}

// toJSON writes a value of this package, none of which JSON cannot hold, with < and > as they are:
// "shop>payment" is for people too.
func toJSON(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("trace: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

package trace

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/nines-sim/nines/sim"
)

// Config says what a recorder keeps.
type Config struct {
	// MaxSpans bounds the memory that a long run takes, about 150 bytes a span: later spans are
	// counted and not kept. 0 means no bound.
	MaxSpans int
}

// DefaultConfig keeps a million spans.
func DefaultConfig() Config { return Config{MaxSpans: 1_000_000} }

// Validate reports every field that is out of range.
func (c Config) Validate() error {
	if c.MaxSpans < 0 {
		return errors.New("trace: MaxSpans is " + fmt.Sprint(c.MaxSpans) + ", need 0 (no bound) or more")
	}
	return nil
}

// A SpanID names a span of one recorder, counted from 1. The zero SpanID is no span.
type SpanID uint64

// A Span is a length of time in which somebody did something for a call.
type Span struct {
	ID      SpanID   // given by the recorder
	Parent  SpanID   // the span that waits for this one; 0: none
	Call    uint64   // identity of the call that all this is for; 0: none
	Kind    string   // "call", "attempt", "queue", "work", "fault"
	Name    string   // what is done: "orders.place"
	Host    string   // where: "orders/0"
	Start   sim.Time // when it began
	End     sim.Time // when it ended; [sim.Never] while it goes on
	Outcome string   // how it ended: "ok", "timeout", ...; empty while it goes on
}

// A Recorder keeps the notes and spans of one run. A nil *Recorder is one that is switched off.
type Recorder struct {
	cfg     Config
	notes   []note
	spans   []Span
	places  []int // of each span, among notes and spans together
	seen    int   // notes and spans kept so far
	dropped int
	last    sim.Time // the latest instant seen
}

type note struct {
	sim.Note
	place int
}

// New returns a recorder that has seen nothing yet. It panics if cfg is not valid.
func New(cfg Config) *Recorder {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	return &Recorder{cfg: cfg}
}

// Attach makes the recorder keep every note of s from now on.
func (r *Recorder) Attach(s *sim.Simulation) {
	if r != nil {
		s.OnNote(r.Note)
	}
}

// On reports whether spans are taken, for models that would have to work for what a span says.
func (r *Recorder) On() bool { return r != nil }

// Note keeps a note.
func (r *Recorder) Note(n sim.Note) {
	if r == nil {
		return
	}
	n.Values = slices.Clone(n.Values)
	r.notes = append(r.notes, note{n, r.seen})
	r.seen++
	r.last = max(r.last, n.At)
}

// Begin opens a span at an instant and returns its name for [Recorder.End] and for children.
func (r *Recorder) Begin(at sim.Time, sp Span) SpanID {
	sp.Start, sp.End, sp.Outcome = at, sim.Never, ""
	return r.Add(sp)
}

// End closes a span. Closing no span, or one that was not kept, does nothing.
func (r *Recorder) End(id SpanID, at sim.Time, outcome string) {
	if r == nil || id == 0 {
		return
	}
	if int(id) > len(r.spans) {
		panic(fmt.Sprintf("trace: End of span %d, which was never begun", id))
	}
	sp := &r.spans[id-1]
	if sp.End != sim.Never {
		panic(fmt.Sprintf("trace: End of span %d (%s) twice, at %v and %v", id, sp.Name, sp.End, at))
	}
	if at < sp.Start {
		panic(fmt.Sprintf("trace: span %d (%s) ends at %v, before it begins at %v", id, sp.Name, at, sp.Start))
	}
	sp.End, sp.Outcome = at, outcome
	r.last = max(r.last, at)
}

// Add keeps a span whose start, and end unless it is [sim.Never], are known.
func (r *Recorder) Add(sp Span) SpanID {
	if r == nil {
		return 0
	}
	if sp.End < sp.Start {
		panic(fmt.Sprintf("trace: span %s ends at %v, before it begins at %v", sp.Name, sp.End, sp.Start))
	}
	if r.cfg.MaxSpans > 0 && len(r.spans) == r.cfg.MaxSpans {
		r.dropped++
		return 0
	}
	sp.ID = SpanID(len(r.spans) + 1)
	r.spans = append(r.spans, sp)
	r.places = append(r.places, r.seen)
	r.seen++
	r.last = max(r.last, sp.Start)
	if sp.End != sim.Never {
		r.last = max(r.last, sp.End)
	}
	return sp.ID
}

// Dropped returns how many spans came after MaxSpans.
func (r *Recorder) Dropped() int { return r.dropped }

// Notes returns the notes, in the order in which they were made.
func (r *Recorder) Notes() iter.Seq[sim.Note] {
	return func(yield func(sim.Note) bool) {
		for _, n := range r.notes {
			if !yield(n.Note) {
				return
			}
		}
	}
}

// Spans returns the spans, in the order in which they were begun or added.
func (r *Recorder) Spans() []Span { return slices.Clone(r.spans) }

// An event is a note or the start of a span.
type event struct {
	at    sim.Time
	place int
	note  *sim.Note
	span  *Span
}

// events returns all that was kept, by instant, and in the order of the run within one.
func (r *Recorder) events() []event {
	all := make([]event, 0, len(r.notes)+len(r.spans))
	for i := range r.notes {
		n := &r.notes[i]
		all = append(all, event{n.At, n.place, &n.Note, nil})
	}
	for i := range r.spans {
		sp := &r.spans[i]
		all = append(all, event{sp.Start, r.places[i], nil, sp})
	}
	slices.SortFunc(all, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.place, b.place))
	})
	return all
}

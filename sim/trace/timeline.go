package trace

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nines-sim/nines/sim"
)

// TimelineConfig says which notes a timeline shows.
type TimelineConfig struct {
	From, To sim.Time // only notes in [From, To)
	Kinds    []string // only these kinds; empty: all

	// Fold is how far apart two equal notes (kind, subject, detail) may be to share a line, which
	// then says how often and until when. 0 gives every note a line.
	Fold time.Duration
}

// DefaultTimelineConfig shows all notes and folds those that come again within a minute.
func DefaultTimelineConfig() TimelineConfig {
	return TimelineConfig{To: sim.Never, Fold: time.Minute}
}

// Validate reports every field that is out of range.
func (c TimelineConfig) Validate() error {
	var errs []error
	if c.To < c.From {
		errs = append(errs, fmt.Errorf("trace: To is %v, before From, which is %v", c.To, c.From))
	}
	if c.Fold < 0 {
		errs = append(errs, fmt.Errorf("trace: Fold is %v, need 0 (none) or more", c.Fold))
	}
	return errors.Join(errs...)
}

// A happening is one line of a timeline: a note, and how often it came again.
type happening struct {
	sim.Note
	times int
	last  sim.Time
}

// WriteTimeline writes the notes for a person to read, in columns:
//
//	0:10.000  fault       orders/0       crash (pod_crash)
//	0:12.250  breaker     shop>payment   open  (14 times, last at 3:41.000)
//	0:40.000  fault over  orders/0       crash (pod_crash), by healing after 30s
//
// It panics if cfg is not valid.
func (r *Recorder) WriteTimeline(w io.Writer, cfg TimelineConfig) error {
	if err := cfg.Validate(); err != nil {
		panic(err.Error())
	}
	lines := r.happenings(cfg)
	var end sim.Time
	kind, subject := 0, 0
	for _, h := range lines {
		end = max(end, h.last)
		kind = max(kind, min(utf8.RuneCountInString(h.Kind), maxColumn))
		subject = max(subject, min(utf8.RuneCountInString(h.Subject), maxColumn))
	}
	width := len(clock(end, end))
	b := bufio.NewWriter(w)
	for _, h := range lines {
		line := fmt.Sprintf("%*s  %-*s  %-*s  %s", width, clock(h.At, end), kind, h.Kind, subject, h.Subject, h.Detail)
		if h.times > 1 {
			line += fmt.Sprintf("  (%d times, last at %s)", h.times, clock(h.last, end))
		}
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
	return b.Flush()
}

const maxColumn = 28 // a longer name pushes its own line out, and no other

// happenings are the notes that a timeline shows, folded, by the instant of the first of each.
func (r *Recorder) happenings(cfg TimelineConfig) []*happening {
	type key struct{ kind, subject, detail string }
	open := make(map[key]*happening)
	var all []*happening
	for _, n := range r.notes {
		if n.At < cfg.From || n.At >= cfg.To || len(cfg.Kinds) > 0 && !slices.Contains(cfg.Kinds, n.Kind) {
			continue
		}
		k := key{n.Kind, n.Subject, n.Detail}
		if h := open[k]; h != nil && cfg.Fold > 0 && n.At.Sub(h.last) <= cfg.Fold {
			h.times++
			h.last = n.At
			continue
		}
		h := &happening{n.Note, 1, n.At}
		open[k] = h
		all = append(all, h)
	}
	return all
}

// clock writes an instant as minutes, seconds and milliseconds (cut off, not rounded), with hours
// if the run that ends at end is long enough to need them.
func clock(t, end sim.Time) string {
	ms := int64(t) / 1e6
	seconds := fmt.Sprintf("%02d.%03d", ms/1000%60, ms%1000)
	if end < sim.Time(time.Hour) {
		return fmt.Sprintf("%d:%s", ms/60_000, seconds)
	}
	return fmt.Sprintf("%d:%02d:%s", ms/3_600_000, ms/60_000%60, seconds)
}

// WriteCall writes the spans of one call as a tree: since when and for how long each went on, what
// was done, where, and how it ended. Siblings are in the order in which they began.
//
//	   +0s   1.25s  call shop.checkout  ok
//	   +0s      1s    attempt orders.place on orders/0  timeout
//	+1.05s   200ms    attempt orders.place on orders/1  ok
func (r *Recorder) WriteCall(w io.Writer, call uint64) error {
	var spans []Span
	for _, sp := range r.spans {
		if sp.Call == call {
			spans = append(spans, sp)
		}
	}
	if len(spans) == 0 {
		_, err := fmt.Fprintf(w, "no spans of call %016x\n", call)
		return err
	}
	slices.SortStableFunc(spans, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	children := make(map[SpanID][]Span)
	mine := make(map[SpanID]bool)
	for _, sp := range spans {
		mine[sp.ID] = true
	}
	for _, sp := range spans {
		parent := sp.Parent
		if !mine[parent] {
			parent = 0
		}
		children[parent] = append(children[parent], sp)
	}
	b := bufio.NewWriter(w)
	var write func(parent SpanID, depth int)
	write = func(parent SpanID, depth int) {
		for _, sp := range children[parent] {
			fmt.Fprintf(b, "%12s  %10s  %s%s\n", "+"+rounded(sp.Start.Sub(spans[0].Start)), sp.lasted(),
				strings.Repeat("  ", depth), sp.what())
			write(sp.ID, depth+1)
		}
	}
	write(0, 0)
	return b.Flush()
}

func (sp Span) lasted() string {
	if sp.End == sim.Never {
		return "..."
	}
	return rounded(sp.End.Sub(sp.Start))
}

func (sp Span) what() string {
	what := sp.Kind + " " + sp.Name
	if sp.Host != "" {
		what += " on " + sp.Host
	}
	return what + "  " + cmp.Or(sp.Outcome, "unfinished")
}

// rounded writes a length of time to the microsecond.
func rounded(d time.Duration) string { return d.Round(time.Microsecond).String() }

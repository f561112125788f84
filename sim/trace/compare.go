package trace

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/nines-sim/nines/sim"
)

// A Parting is where two runs that should have been equal part: after the last checkpoint at which
// both had the same digest, and before the first at which they had not.
type Parting struct {
	Same sim.Checkpoint // zero: they part from the start
	A, B sim.Checkpoint // after as many events, unless one of the runs had ended by then
}

// String says where to look.
func (p Parting) String() string {
	same := fmt.Sprintf("the runs agree up to event %d (%v)", p.Same.Events, p.Same.At)
	if p.A.Events == p.B.Events {
		return fmt.Sprintf("%s and have digests %016x and %016x at event %d (%v and %v)",
			same, p.A.Digest, p.B.Digest, p.A.Events, p.A.At, p.B.At)
	}
	return fmt.Sprintf("%s, and then one ends while the other goes on: event %d (%v) and event %d (%v)",
		same, p.A.Events, p.A.At, p.B.Events, p.B.At)
}

// Part compares the checkpoints of two runs, and reports false if the runs are equal. A longer run
// has checkpoints that are further apart; those after as many events are compared.
func Part(a, b sim.Result) (Parting, bool) {
	if a.Digest == b.Digest && a.Events == b.Events {
		return Parting{}, false
	}
	var p Parting
	as, bs := withEnd(a), withEnd(b)
	for {
		p.A, p.B = as[0], bs[0]
		switch {
		case p.A.Events == p.B.Events && p.A.Digest == p.B.Digest:
			p.Same = p.A
			as, bs = as[min(1, len(as)-1):], bs[min(1, len(bs)-1):]
		case p.A.Events < p.B.Events && len(as) > 1:
			as = as[1:]
		case p.A.Events > p.B.Events && len(bs) > 1:
			bs = bs[1:]
		default:
			return p, true
		}
	}
}

// withEnd returns a run's checkpoints and its end, which is one more.
func withEnd(r sim.Result) []sim.Checkpoint {
	end := sim.Checkpoint{Events: r.Events, At: r.Now, Digest: r.Digest}
	return append(slices.Clone(r.Checkpoints), end)
}

// A Difference is the first event that two traces do not share.
type Difference struct {
	Event  int    // its position, from 1
	Before string // the last event that they share, if any
	A, B   string // the events; empty: that trace has ended
}

// String shows both sides.
func (d Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the traces part at event %d:\n", d.Event)
	for _, side := range []struct{ name, line string }{{"both", d.Before}, {"a", d.A}, {"b", d.B}} {
		switch {
		case side.line != "":
			fmt.Fprintf(&b, "  %-5s %s\n", side.name+":", side.line)
		case side.name != "both":
			fmt.Fprintf(&b, "  %-5s (no more events)\n", side.name+":")
		}
	}
	return b.String()
}

// Diff finds the first event that differs between two traces, and reports false if there is none.
// Its arguments are what [Recorder.Lines] returns.
func Diff(a, b iter.Seq[string]) (Difference, bool) {
	nextA, stopA := iter.Pull(a)
	defer stopA()
	nextB, stopB := iter.Pull(b)
	defer stopB()
	var d Difference
	for {
		d.Event++
		lineA, okA := nextA()
		lineB, okB := nextB()
		if !okA && !okB {
			return Difference{}, false
		}
		if lineA != lineB || okA != okB {
			d.A, d.B = lineA, lineB
			return d, true
		}
		d.Before = lineA
	}
}

// DiffFiles is [Diff] of what [Recorder.WriteLines] wrote. The headers are not compared: two runs of
// different seeds may be the same for a while.
func DiffFiles(a, b io.Reader) (Difference, bool, error) {
	var errA, errB error
	d, differ := Diff(readLines(a, &errA), readLines(b, &errB))
	if errA != nil {
		return Difference{}, false, fmt.Errorf("trace: the first trace: %w", errA)
	}
	if errB != nil {
		return Difference{}, false, fmt.Errorf("trace: the second trace: %w", errB)
	}
	return d, differ, nil
}

// readLines returns the events of a file, after its header.
func readLines(r io.Reader, err *error) iter.Seq[string] {
	return func(yield func(string) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 1<<24)
		want := fmt.Sprintf(`{"format":%d,`, Format)
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
			if *err = lines.Err(); *err == nil {
				*err = fmt.Errorf("line 1: is %.40q, need a header %s...}", lines.Text(), want)
			}
			return
		}
		for lines.Scan() {
			if !yield(lines.Text()) {
				return
			}
		}
		*err = lines.Err()
	}
}

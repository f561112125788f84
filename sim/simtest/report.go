package simtest

import (
	"fmt"
	"strings"

	"github.com/nines-sim/nines/sim"
)

const notesKept = 20

// lastNotes keeps the last notes of a run.
type lastNotes struct {
	notes []sim.Note
	total int
}

func (l *lastNotes) add(n sim.Note) {
	l.total++
	if len(l.notes) == notesKept {
		copy(l.notes, l.notes[1:])
		l.notes = l.notes[:notesKept-1]
	}
	l.notes = append(l.notes, n)
}

// report says how a run failed and how to bring it back.
func (end ending) report(complaint, command string) string {
	var b strings.Builder
	switch {
	case end.t.violated != "":
		fmt.Fprintln(&b, end.t.violated)
	case end.panicked != nil:
		owner := ""
		if end.failure != nil {
			owner = end.failure.Owner
		}
		fmt.Fprintf(&b, "%spanic: %v\n%s", whereabouts(end.t.seed, end.t.now(), owner), end.panicked, framesOf(end.stack))
	case end.failure != nil:
		fmt.Fprintf(&b, "%v\n", end.failure)
	default:
		fmt.Fprintf(&b, "seed %d failed at %v\n", end.t.seed, end.t.now())
	}
	writeNotes(&b, end.t.notes)
	fmt.Fprintf(&b, "digest %#016x after %d events\n", end.result.Digest, end.result.Events)
	if complaint != "" {
		fmt.Fprintln(&b, complaint)
	}
	if command != "" {
		fmt.Fprintf(&b, "replay: %s", command)
	}
	return strings.TrimRight(b.String(), "\n")
}

func writeNotes(b *strings.Builder, l lastNotes) {
	switch {
	case l.total == 0:
		return
	case l.total > len(l.notes):
		fmt.Fprintf(b, "the last %d of %d notes:\n", len(l.notes), l.total)
	default:
		b.WriteString("notes:\n")
	}
	for _, n := range l.notes {
		fmt.Fprintf(b, "  %-10v %s", n.At, n.Kind)
		for _, word := range []string{n.Subject, n.Detail} {
			if word != "" {
				b.WriteString(" " + word)
			}
		}
		for _, v := range n.Values {
			fmt.Fprintf(b, " %d", v)
		}
		b.WriteString("\n")
	}
}

// framesOf returns the part of a panic's stack that is the model's: from the panic to the kernel.
func framesOf(stack string) string {
	lines := strings.Split(strings.TrimRight(stack, "\n"), "\n")
	var kept []string
	inside := false
	for i := 1; i+1 < len(lines); i += 2 { // a line for the function, a line for its place
		switch {
		case strings.HasPrefix(lines[i], "panic("):
			kept, inside = nil, true // what is above handles the panic
			continue
		case !inside:
			continue
		case strings.HasPrefix(lines[i], "github.com/nines-sim/nines/sim.(*Process).run("),
			strings.HasPrefix(lines[i], "github.com/nines-sim/nines/sim.callBody("),
			strings.HasPrefix(lines[i], "github.com/nines-sim/nines/sim.(*Simulation).loop("),
			strings.HasPrefix(lines[i], "github.com/nines-sim/nines/sim/simtest.(*execution).once."):
			return strings.Join(kept, "")
		}
		kept = append(kept, "  "+lines[i]+"\n  "+lines[i+1]+"\n")
	}
	return strings.Join(kept, "")
}

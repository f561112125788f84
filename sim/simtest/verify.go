package simtest

import (
	"fmt"
	"strings"

	"github.com/nines-sim/nines/sim"
)

const stepsKept = 1 << 20 // events of a run that are compared one by one; after that by checkpoints

// A step is one event, as two runs of a seed are compared.
type step struct {
	at     sim.Time
	digest uint64
	who    sim.Who
}

// A recording is the events of a first run.
type recording struct{ steps []step }

func (r *recording) see(e sim.Event) {
	if len(r.steps) < stepsKept {
		r.steps = append(r.steps, step{e.At, e.Digest, e.Who})
	}
}

// A comparison watches a second run for the first event that differs.
type comparison struct {
	want  []step
	seen  uint64
	part  uint64 // number of the first event that differs; 0: none
	found step
}

func (c *comparison) see(e sim.Event) {
	c.seen = e.Number
	if c.part > 0 || e.Number > stepsKept {
		return
	}
	got := step{e.At, e.Digest, e.Who}
	if e.Number > uint64(len(c.want)) || c.want[e.Number-1] != got {
		c.part, c.found = e.Number, got
	}
}

// differences says where two runs of one seed part. It is empty if they do not.
func (c *comparison) differences(first, second ending) string {
	var b strings.Builder
	a, z := first.result, second.result
	switch {
	case c.part > 0:
		was := "the first run had ended"
		if c.part <= uint64(len(c.want)) {
			was = "first  " + c.want[c.part-1].String()
		}
		fmt.Fprintf(&b, "they part at event %d:\n  %s\n  second %s\n", c.part, was, c.found)
		if c.part > 1 {
			fmt.Fprintf(&b, "the event before was the same: %s\n", c.want[c.part-2])
		}
	case c.seen < uint64(len(c.want)):
		fmt.Fprintf(&b, "the second ended after event %d; the first went on:\n  first  %s\n", c.seen, c.want[c.seen])
	case a.Digest != z.Digest:
		b.WriteString(betweenCheckpoints(a, z))
	case first.failed != second.failed:
		b.WriteString("their events are the same, but only one of them failed\n")
	default:
		return ""
	}
	return fmt.Sprintf("seed %d: two runs of it differ, so its failures cannot be brought back\n", first.t.seed) +
		fmt.Sprintf("digests %#016x after %d events, %#016x after %d events\n", a.Digest, a.Events, z.Digest, z.Events) + b.String()
}

// betweenCheckpoints says between which checkpoints two runs part.
func betweenCheckpoints(a, z sim.Result) string {
	var last sim.Checkpoint
	at := map[uint64]sim.Checkpoint{}
	for _, c := range z.Checkpoints {
		at[c.Events] = c
	}
	for _, c := range a.Checkpoints {
		other, ok := at[c.Events]
		if ok && other != c {
			return fmt.Sprintf("they part between event %d at %v and event %d at %v\n", last.Events, last.At, c.Events, c.At)
		}
		if ok {
			last = c
		}
	}
	return fmt.Sprintf("they part after event %d at %v\n", last.Events, last.At)
}

func (s step) String() string { return fmt.Sprintf("%v %s", s.at, s.who) }

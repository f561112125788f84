package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nines-sim/nines/sim"
)

// A diary is what happened in a sequence of calls that overlap: their goroutines write it, or our
// processes. It does not depend on which of them wrote first at one instant.
type diary struct {
	mu      sync.Mutex
	entries []entry
}

type entry struct {
	at   sim.Time
	text string
}

func (d *diary) note(at sim.Time, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, entry{at, fmt.Sprintf(format, args...)})
}

func (d *diary) String() string {
	slices.SortFunc(d.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.text, b.text))
	})
	var text strings.Builder
	for _, e := range d.entries {
		fmt.Fprintf(&text, "%v %s\n", e.at, e.text)
	}
	return text.String()
}

// differ returns an error if two diaries of the same calls are not the same.
func differ(ours, theirs *diary) error {
	a, b := ours.String(), theirs.String()
	if a == b {
		return nil
	}
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	same = strings.LastIndexByte(a[:same], '\n') + 1
	return fmt.Errorf("%sours:\n%stheirs:\n%s", a[:same], a[same:], b[same:])
}

// simulate runs f on the simulator until nothing happens any more.
func simulate(f func(s *sim.Simulation)) error {
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		f(s)
		s.RunUntilIdle()
	})
	return err
}

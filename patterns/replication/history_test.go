package replication

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Positions in a tree of epochs stand for lists of entries. Whatever is asked of positions must be
// what the lists themselves say.
func TestHistoryAgainstLists(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory()
		type copied struct {
			at   Position
			list []Position // the entries it holds, in order
		}
		all := []copied{{}}
		written := map[Position]bool{}
		acked := []Position{}
		pick := func(name string) copied { return rapid.SampledFrom(all).Draw(t, name) }
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0: // a copy is promoted, and writes
				c := pick("promoted")
				at := h.begin(c.at)
				list := slices.Clone(c.list)
				for range rapid.IntRange(0, 3).Draw(t, "writes") {
					e := h.add(at.Epoch)
					at = e.Position
					list = append(list, at)
					written[at] = true
					if rapid.Bool().Draw(t, "ack") {
						h.acknowledge(e)
						acked = append(acked, at)
					}
				}
				all = append(all, copied{at, list})
			case 1: // a copy has less
				c := pick("behind")
				fork := h.epochs[c.at.Epoch].fork
				index := fork + uint64(rapid.IntRange(0, int(c.at.Index-fork)).Draw(t, "index"))
				all = append(all, copied{Position{c.at.Epoch, index}, c.list[:index]})
			default:
				a, b := pick("a"), pick("b")
				shared := h.common(a.at, b.at)
				n := 0
				for n < min(len(a.list), len(b.list)) && a.list[n] == b.list[n] {
					n++
				}
				if int(shared.Index) != n || !slices.Equal(prefix(&h, shared, a.list), a.list[:n]) {
					t.Fatalf("common of %v and %v is %v, want %d entries", a.at, b.at, shared, n)
				}
				all = append(all, copied{shared, a.list[:n]})
			}
			c := all[len(all)-1]
			for e := range written {
				if got, want := h.holds(c.at, e), slices.Contains(c.list, e); got != want {
					t.Fatalf("%v holds %v: %v, want %v", c.at, e, got, want)
				}
			}
			lost := 0
			for _, e := range acked {
				if !slices.Contains(c.list, e) {
					lost++
				}
			}
			if got := h.lost(c.at); got != lost {
				t.Fatalf("%v lost %d, want %d", c.at, got, lost)
			}
		}
	})
}

func prefix(h *history, at Position, list []Position) (held []Position) {
	for _, e := range list {
		if h.holds(at, e) {
			held = append(held, e)
		}
	}
	return held
}

func TestAcknowledgingOutOfOrder(t *testing.T) {
	h := newHistory()
	a, b, c := h.add(0), h.add(0), h.add(0)
	h.acknowledge(c)
	h.acknowledge(a)
	h.acknowledge(b)
	for kept, want := range []int{3, 2, 1, 0} {
		if got := h.lost(Position{0, uint64(kept)}); got != want {
			t.Errorf("a copy of %d entries lost %d, want %d", kept, got, want)
		}
	}
}

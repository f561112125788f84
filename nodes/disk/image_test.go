package disk_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/nodes/disk"
	"pgregory.net/rapid"
)

// A history is an image the slow way: all writes, and what became of each.
type history struct {
	writes []change
	lost   uint64
}

type change struct {
	key, size int
	deleted   bool
	state     int // pending, durable or dropped
}

const (
	pending = iota
	durable
	dropped
)

// content replays the writes that are durable, and those that are pending if asked for.
func (h *history) content(withPending bool) map[int]int {
	content := map[int]int{}
	for at, c := range h.writes {
		switch {
		case c.state == dropped || c.state == pending && !withPending:
		case c.deleted:
			delete(content, c.key)
		default:
			content[c.key] = at
		}
	}
	return content
}

func (h *history) resolve(from, to, state int) {
	for i := from; i < to; i++ {
		if h.writes[i].state == pending {
			h.writes[i].state = state
			if state == dropped {
				h.lost++
			}
		}
	}
}

// Whatever is written, synced, dropped and cut off, the image is what the history says.
func TestImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, h := disk.NewImage[int, int](), &history{}
		key := rapid.IntRange(0, 5)
		position := rapid.Custom(func(t *rapid.T) int { return rapid.IntRange(0, len(h.writes)).Draw(t, "before") })
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				c := change{key: key.Draw(t, "key"), size: rapid.IntRange(0, 9).Draw(t, "size")}
				m.Put(c.key, len(h.writes), c.size)
				h.writes = append(h.writes, c)
			},
			"delete": func(t *rapid.T) {
				c := change{key: key.Draw(t, "key"), deleted: true}
				m.Delete(c.key)
				h.writes = append(h.writes, c)
			},
			"settle": func(t *rapid.T) {
				before := position.Draw(t, "settle")
				m.Settle(uint64(before))
				h.resolve(0, before, durable)
			},
			"drop": func(t *rapid.T) {
				before := position.Draw(t, "drop")
				m.Drop(uint64(before))
				h.resolve(0, before, dropped)
			},
			"crash": func(t *rapid.T) {
				survivors := rapid.IntRange(0, m.Unsynced()).Draw(t, "survivors")
				h.resolve(0, len(h.writes)-m.Unsynced()+survivors, durable)
				h.resolve(0, len(h.writes), dropped)
				m.Crash(survivors)
			},
			"erase": func(t *rapid.T) {
				m.Erase()
				for i := range h.writes {
					if h.writes[i].state == pending {
						h.lost++
					}
					h.writes[i].state = dropped
				}
			},
			"": func(t *rapid.T) {
				volatile, kept := map[int]int{}, map[int]int{}
				used, unsynced, bytes := int64(0), 0, int64(0)
				for k := range 6 {
					if at, ok := m.Get(k); ok {
						volatile[k] = at
						used += int64(h.writes[at].size)
					}
					if at, ok := m.Durable(k); ok {
						kept[k] = at
					}
					cached := false
					for _, c := range h.writes {
						cached = cached || c.key == k && c.state == pending
					}
					if cached != m.Cached(k) {
						t.Errorf("key %d is cached: %v", k, m.Cached(k))
					}
				}
				for _, c := range h.writes {
					if c.state == pending {
						unsynced++
						bytes += int64(c.size)
					}
				}
				if diff := cmp.Diff(h.content(true), volatile); diff != "" {
					t.Errorf("as programs read it: %s", diff)
				}
				if diff := cmp.Diff(h.content(false), kept); diff != "" {
					t.Errorf("what is durable: %s", diff)
				}
				switch {
				case m.Used() != used:
					t.Errorf("%d bytes are used, want %d", m.Used(), used)
				case m.Unsynced() != unsynced, m.UnsyncedBytes(m.Written()) != bytes:
					t.Errorf("%d writes of %d bytes are not synced, want %d of %d", m.Unsynced(), m.UnsyncedBytes(m.Written()), unsynced, bytes)
				case m.Lost() != h.lost:
					t.Errorf("%d writes are lost, want %d", m.Lost(), h.lost)
				case m.Written() != uint64(len(h.writes)):
					t.Errorf("%d writes were made, want %d", m.Written(), len(h.writes))
				}
			},
		})
	})
}

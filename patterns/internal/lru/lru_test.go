package lru_test

import (
	"slices"
	"testing"

	"github.com/nines-sim/nines/patterns/internal/lru"
	"pgregory.net/rapid"
)

// Against a slice of keys ordered by use, newest last.
func TestEqualsSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(0, 6).Draw(t, "capacity")
		m := lru.New[int, int](capacity)
		var keys []int
		values := map[int]int{}
		use := func(key int) {
			keys = slices.DeleteFunc(keys, func(k int) bool { return k == key })
			keys = append(keys, key)
		}
		t.Repeat(map[string]func(*rapid.T){
			"get": func(t *rapid.T) {
				key := rapid.IntRange(0, 9).Draw(t, "key")
				got, ok := m.Get(key)
				want, wantOK := values[key]
				if ok != wantOK || got != want {
					t.Fatalf("get %d: %d %v, want %d %v", key, got, ok, want, wantOK)
				}
				if ok {
					use(key)
				}
			},
			"put": func(t *rapid.T) {
				key, value := rapid.IntRange(0, 9).Draw(t, "key"), rapid.Int().Draw(t, "value")
				evicted, want := m.Put(key, value), false
				if capacity > 0 {
					use(key)
					values[key] = value
					if want = len(keys) > capacity; want {
						delete(values, keys[0])
						keys = keys[1:]
					}
				}
				if evicted != want {
					t.Fatalf("put %d: evicted %v, want %v", key, evicted, want)
				}
			},
			"delete": func(t *rapid.T) {
				key := rapid.IntRange(0, 9).Draw(t, "key")
				m.Delete(key)
				keys = slices.DeleteFunc(keys, func(k int) bool { return k == key })
				delete(values, key)
			},
			"clear": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") == 0 {
					m.Clear()
					keys = nil
					clear(values)
				}
			},
			"": func(t *rapid.T) {
				if m.Len() != len(keys) {
					t.Fatalf("holds %d keys, want %d", m.Len(), len(keys))
				}
			},
		})
	})
}

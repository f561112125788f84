package state_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/state"
	"github.com/nines-sim/nines/sim"
)

var _ patterns.Policy = (*state.State)(nil)

// A story is a row of digits, requests about that key; ! a crash, and # a crash that takes the
// disk. The wanted row has what each request finds: k kept, u unmet, l lost.
func TestStateStories(t *testing.T) {
	for _, tt := range []struct {
		name  string
		where state.Where
		steps string
		want  string
	}{
		{"memory keeps until a crash", state.Memory, "12121!1122", "uukkklklk"},
		{"disk keeps through a crash", state.Disk, "12!12!3", "uukku"},
		{"but not without the disk", state.Disk, "12#12!12", "uullkk"},
		{"elsewhere nothing is lost", state.Elsewhere, "12!1#2", "kkkk"},
		{"a key that a crash did not find is still unmet", state.Memory, "1!2!1", "uul"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := state.New(state.Config{Where: tt.where})
			var got strings.Builder
			for _, step := range tt.steps {
				switch step {
				case '!':
					s.Crash(state.LosesMemory)
				case '#':
					s.Crash(state.LosesDisk)
				default:
					found, _ := s.Touch(uint64(step - '0'))
					got.WriteByte(found.String()[0])
				}
			}
			if got.String() != tt.want {
				t.Errorf("%s: got %s, want %s", tt.steps, got.String(), tt.want)
			}
		})
	}
}

func TestRecovery(t *testing.T) {
	const gigabyte = 1e9
	for _, tt := range []struct {
		name  string
		cfg   state.Config
		crash state.Loss
		want  time.Duration
	}{
		{"disk: size over rate", state.Config{Where: state.Disk, Size: 30 * gigabyte, LoadRate: gigabyte / 2}, state.LosesMemory, time.Minute},
		{"a part of a second", state.Config{Where: state.Disk, Size: 1, LoadRate: 3}, state.LosesMemory, 333333333},
		{"at once", state.Config{Where: state.Disk, Size: gigabyte}, state.LosesMemory, 0},
		{"a new disk has nothing to load", state.Config{Where: state.Disk, Size: gigabyte, LoadRate: 1}, state.LosesDisk, 0},
		{"nor has memory", state.Config{Where: state.Memory, Size: gigabyte, LoadRate: 1}, state.LosesMemory, 0},
		{"longer than can be said", state.Config{Where: state.Disk, Size: math.MaxInt64, LoadRate: 1}, state.LosesMemory, math.MaxInt64},
	} {
		s := state.New(tt.cfg)
		s.Touch(1)
		s.Crash(tt.crash)
		if got := s.Recovery(); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	s := state.New(state.Config{Where: state.Disk, Size: 10, LoadRate: 1})
	s.Crash(state.LosesDisk)
	s.Touch(1)
	s.Crash(state.LosesMemory)
	if got := s.Recovery(); got != 10*time.Second {
		t.Errorf("a disk that was filled again loads in %v", got)
	}
}

// A crash takes exactly what was held, and the next request of each of those keys finds it lost.
func TestNothingIsLostTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := state.New(state.Config{Where: state.Memory, Rebuild: time.Second})
		held, met := map[uint64]bool{}, map[uint64]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"touch": func(t *rapid.T) {
				key := rapid.Uint64Range(0, 9).Draw(t, "key")
				want := state.Unmet
				if held[key] {
					want = state.Kept
				} else if met[key] {
					want = state.Lost
				}
				found, wait := s.Touch(key)
				if found != want || (wait > 0) != (found != state.Kept) {
					t.Fatalf("key %d: %v in %v, want %v", key, found, wait, want)
				}
				held[key], met[key] = true, true
			},
			"crash": func(t *rapid.T) {
				if got := s.Crash(state.LosesMemory); got != len(held) {
					t.Fatalf("%d keys lost, want %d", got, len(held))
				}
				clear(held)
			},
			"": func(t *rapid.T) {
				if s.Held() != len(held) {
					t.Fatalf("%d keys held, want %d", s.Held(), len(held))
				}
			},
		})
	})
}

func TestValidateNamesEveryBadField(t *testing.T) {
	err := state.Config{Where: 9, Size: -1, LoadRate: -1, Fetch: -1, Rebuild: -1}.Validate()
	for _, field := range []string{"where", "size", "load rate", "fetch", "rebuild"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %q", err, field)
		}
	}
	if err := (state.Config{}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestWrapPassesOnTheEndOfAnOuterScope(t *testing.T) {
	sim.Run(sim.Config{}, func(s *sim.Simulation) {
		call := state.New(state.Config{Where: state.Memory, Rebuild: time.Minute}).
			Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) {
				t.Error("answered without its state")
				return patterns.Response{}, nil
			})
		s.Go("client", func(p *sim.Process) {
			limit := p.WithTimeout(time.Second)
			defer limit.Close()
			if _, err := call(p, patterns.Request{Key: 1}); !limit.Ended(err) {
				t.Error(err)
			}
		})
		s.RunUntilIdle()
	})
}

// Three requests of one user, with a crash before the third.
func ExampleState() {
	places := []state.Config{
		{Where: state.Memory, Rebuild: 2 * time.Second},
		{Where: state.Disk, Rebuild: 2 * time.Second, Size: 6e9, LoadRate: 200e6},
		{Where: state.Elsewhere, Fetch: 5 * time.Millisecond},
	}
	for _, cfg := range places {
		sim.Run(sim.Config{}, func(s *sim.Simulation) {
			held := state.New(cfg)
			call := held.Wrap(func(*sim.Process, patterns.Request) (patterns.Response, error) { return patterns.Response{}, nil })
			fmt.Print(cfg.Where, ":")
			s.Go("user", func(p *sim.Process) {
				for i := range 3 {
					start := p.Now()
					if i == 2 {
						held.Crash(state.LosesMemory)
						held.Load(p)
					}
					call(p, patterns.Request{Key: 7})
					fmt.Print(" ", p.Now().Sub(start))
				}
				fmt.Println()
			})
			s.RunUntilIdle()
		})
	}
	// Output:
	// memory: 2s 0s 2s
	// disk: 2s 0s 30s
	// elsewhere: 5ms 5ms 5ms
}

package balance

import (
	"slices"
	"strings"
	"testing"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/sim"
)

// A copy goes to none of those that other copies went to, as long as there is anybody else; and whom it
// goes to is noted, for the next one.
func TestCopies(t *testing.T) {
	for id := range uint64(100) {
		b := cluster(DefaultConfig(), 0, 0, 0)
		var copies patterns.Copies
		for n := range 3 {
			m := b.pick(0, &patterns.Request{ID: id + 1, Attempt: 1 + 100*n, Copies: &copies})
			if slices.Contains(copies.Names(), m.name) {
				t.Fatalf("copy %d goes to %s, after %v", n, m.name, copies.Names())
			}
			copies.Add(m.name)
		}
		if m := b.pick(0, &patterns.Request{ID: id + 1, Attempt: 301, Copies: &copies}); m == nil {
			t.Fatal("the fourth of three goes nowhere")
		}
		b.cfg.AvoidLast = false
		if m := b.pick(0, &patterns.Request{ID: id + 1, Attempt: 1, Copies: &copies}); m.name != copies.Names()[0] {
			t.Fatalf("%s, and %s with copies that do not matter", copies.Names()[0], m.name)
		}
	}
}

// A call notes whom it goes to, and does not pass that on.
func TestCallNotesCopies(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		a, c := &slow{name: "a"}, &slow{name: "c"}
		b := New(Config{Pick: RoundRobin}, s.Keyed("balance"), []Target{a, c})
		var copies patterns.Copies
		for range 4 {
			s.Go("caller", func(p *sim.Process) { b.Call(p, patterns.Request{Copies: &copies}) })
		}
		s.RunUntil(0)
		if names := slices.Sorted(slices.Values(copies.Names())); strings.Join(names, "") != "aacc" {
			t.Errorf("noted are %v", names)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A slow target never answers, and must not be told of copies.
type slow struct{ name string }

func (s *slow) Name() string  { return s.name }
func (s *slow) Healthy() bool { return true }

func (s *slow) Call(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	if req.Copies != nil {
		panic("a target is told of copies")
	}
	return patterns.Response{}, p.SleepUntil(sim.Never - 1)
}

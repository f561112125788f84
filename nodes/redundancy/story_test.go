package redundancy_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/nodes/redundancy"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

// A script is a distribution whose samples are written down, in seconds. The last goes on for ever.
type script struct{ next *[]float64 }

func says(samples ...float64) script { return script{&samples} }

func (d script) Sample(*sim.Stream) float64 {
	x := (*d.next)[0]
	if len(*d.next) > 1 {
		*d.next = (*d.next)[1:]
	}
	return x
}
func (script) Mean() float64            { return math.NaN() }
func (script) Variance() float64        { return math.NaN() }
func (script) Quantile(float64) float64 { return math.NaN() }
func (script) String() string           { return "script" }

const never = 1e6

// part is a component with the given lives; its repairs take 10s each.
func part(s *sim.Simulation, name string, upkeep redundancy.Upkeep, lives ...float64) *redundancy.Component {
	return redundancy.NewComponent(s, name, redundancy.Config{Life: says(lives...), Repair: says(10)}, upkeep)
}

func TestStories(t *testing.T) {
	type parts = []*redundancy.Component
	for _, story := range []struct {
		name  string
		build func(s *sim.Simulation) []redundancy.Block
		want  string
	}{
		{
			"a component fails and is repaired",
			func(s *sim.Simulation) []redundancy.Block {
				return blocks(parts{part(s, "a", redundancy.Upkeep{}, 5, 7, never)})
			},
			"5s a down; 15s a up; 22s a down; 32s a up",
		},
		{
			"a crew does one repair at a time, first come, first served",
			func(s *sim.Simulation) []redundancy.Block {
				u := crews(s, 1)
				return blocks(parts{part(s, "a", u, 5, never), part(s, "b", u, 6, never), part(s, "c", u, 7, never)})
			},
			"5s a down; 6s b down; 7s c down; 15s a up; 25s b up; 35s c up",
		},
		{
			"two crews",
			func(s *sim.Simulation) []redundancy.Block {
				u := crews(s, 2)
				return blocks(parts{part(s, "a", u, 5, never), part(s, "b", u, 6, never), part(s, "c", u, 7, never)})
			},
			"5s a down; 6s b down; 7s c down; 15s a up; 16s b up; 25s c up",
		},
		{
			"a spare is put in, and what has failed becomes one; the next waits for it",
			func(s *sim.Simulation) []redundancy.Block {
				u := crews(s, 1)
				u.Spares = redundancy.NewSpares(s, "spares", 1, says(2))
				return blocks(parts{part(s, "a", u, 5, never), part(s, "b", u, 6, 10, never), part(s, "c", u, 40, never)})
			},
			// The crew repairs from 5 to 15, 15 to 25, 27 to 37 and 40 to 50.
			"5s a down; 6s b down; 7s a up; 17s b up; 27s b down; 29s b up; 40s c down; 42s c up",
		},
		{
			"a spare is put in at once if that takes no time",
			func(s *sim.Simulation) []redundancy.Block {
				u := redundancy.Upkeep{Spares: redundancy.NewSpares(s, "spares", 1, nil)}
				return blocks(parts{part(s, "a", u, 5, never), part(s, "b", u, 6, never)})
			},
			"5s a down; 5s a up; 6s b down; 15s b up",
		},
		{
			"two of three",
			func(s *sim.Simulation) []redundancy.Block {
				list := parts{part(s, "a", redundancy.Upkeep{}, 5, never), part(s, "b", redundancy.Upkeep{}, 8, never), part(s, "c", redundancy.Upkeep{}, 30, never)}
				return []redundancy.Block{redundancy.NewGroup(s, "group", 2, blocks(list)...)}
			},
			"8s group down; 15s group up",
		},
		{
			"groups of groups",
			func(s *sim.Simulation) []redundancy.Block {
				zone := part(s, "zone", redundancy.Upkeep{}, 20, never)
				left := redundancy.NewGroup(s, "left", 2, part(s, "a", redundancy.Upkeep{}, 5, never), zone)
				right := redundancy.NewGroup(s, "right", 2, part(s, "b", redundancy.Upkeep{}, 8, never), zone)
				return []redundancy.Block{left, right, redundancy.NewGroup(s, "either", 1, left, right)}
			},
			// Whoever has asked first is told first: the outer group before this test.
			"5s left down; 8s either down; 8s right down; 15s either up; 15s left up; 18s right up; " +
				"20s left down; 20s either down; 20s right down; 30s either up; 30s left up; 30s right up",
		},
		{
			"cold: an idle member has its whole life before it when it takes over",
			func(s *sim.Simulation) []redundancy.Block {
				return standby(s, 1, redundancy.Cold, says(3), part(s, "a", redundancy.Upkeep{}, 20, never), part(s, "b", redundancy.Upkeep{}, 20, never))
			},
			"20s pair down; 23s pair up; 40s pair down; 43s pair up", // b lives from 20 to 40
		},
		{
			"hot: an idle member fails as if it worked",
			func(s *sim.Simulation) []redundancy.Block {
				return standby(s, 1, redundancy.Hot, says(3), part(s, "a", redundancy.Upkeep{}, 20, never), part(s, "b", redundancy.Upkeep{}, 15, 35, never))
			},
			"20s pair down; 25s pair up; 60s pair down; 63s pair up", // b is repaired from 15 to 25
		},
		{
			"warm: it is used up at half the speed",
			func(s *sim.Simulation) []redundancy.Block {
				return standby(s, 1, .5, says(3), part(s, "a", redundancy.Upkeep{}, 20, never), part(s, "b", redundancy.Upkeep{}, 30, never))
			},
			"20s pair down; 23s pair up; 40s pair down; 43s pair up", // b has 20 of 30 left at 20
		},
		{
			"warm: it lasts twice as long while it is idle",
			func(s *sim.Simulation) []redundancy.Block {
				b := part(s, "b", redundancy.Upkeep{}, 12, never)
				return append(standby(s, 1, .5, nil, part(s, "a", redundancy.Upkeep{}, never), b), b)
			},
			"24s b down; 34s b up",
		},
		{
			"warm: what it has worked before it became idle counts in full",
			func(s *sim.Simulation) []redundancy.Block {
				a, b := part(s, "a", redundancy.Upkeep{}, 20, never), part(s, "b", redundancy.Upkeep{}, 30, never)
				s.RunUntil(sim.Time(10 * time.Second))
				return standby(s, 1, .5, says(3), a, b)
			},
			"20s pair down; 23s pair up; 35s pair down; 38s pair up", // b has 20 of 30 left at 10, and 15 at 20
		},
		{
			"a failover that takes no time is no outage",
			func(s *sim.Simulation) []redundancy.Block {
				return standby(s, 1, redundancy.Cold, says(0), part(s, "a", redundancy.Upkeep{}, 20, never), part(s, "b", redundancy.Upkeep{}, 20, never))
			},
			"",
		},
		{
			"one that fails while it takes over: the next one does, and takes as long",
			func(s *sim.Simulation) []redundancy.Block {
				return standby(s, 1, redundancy.Cold, says(5),
					part(s, "a", redundancy.Upkeep{}, 20, never), part(s, "b", redundancy.Upkeep{}, 2, never), part(s, "c", redundancy.Upkeep{}, never))
			},
			"20s pair down; 27s pair up",
		},
		{
			"with nobody left, who is repaired first goes to work at once",
			func(s *sim.Simulation) []redundancy.Block {
				u := crews(s, 1)
				return standby(s, 1, redundancy.Cold, says(3), part(s, "a", u, 20, never), part(s, "b", u, 5, never))
			},
			"20s pair down; 23s pair up; 25s pair down; 30s pair up",
		},
		{
			"who is repaired while enough work stays idle",
			func(s *sim.Simulation) []redundancy.Block {
				return standby(s, 2, redundancy.Cold, says(1),
					part(s, "a", redundancy.Upkeep{}, 20, 30, never), part(s, "b", redundancy.Upkeep{}, 50, never), part(s, "c", redundancy.Upkeep{}, 45, never))
			},
			"20s pair down; 21s pair up; 50s pair down; 51s pair up; 65s pair down; 66s pair up", // a is idle from 30 to 50, b from 60 to 65
		},
	} {
		t.Run(story.name, func(t *testing.T) {
			var log []string
			_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
				for _, b := range story.build(s) {
					b.OnChange(func(up bool) {
						state := map[bool]string{true: "up", false: "down"}[up]
						if up != b.Up() {
							t.Errorf("%s is told to be up: %v, and is: %v", b.Name(), up, b.Up())
						}
						log = append(log, fmt.Sprintf("%vs %s %s", s.Now().Seconds(), b.Name(), state))
					})
				}
				s.RunUntil(sim.Time(70 * time.Second))
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(log, "; "); got != story.want {
				t.Error(cmp.Diff(strings.ReplaceAll(story.want, "; ", "\n"), strings.Join(log, "\n")))
			}
		})
	}
}

func standby(s *sim.Simulation, active int, dormancy float64, failover dist.Distribution, members ...*redundancy.Component) []redundancy.Block {
	return []redundancy.Block{redundancy.NewStandby(s, "pair",
		redundancy.StandbyConfig{Active: active, Dormancy: dormancy, Failover: failover}, members...)}
}

func TestStats(t *testing.T) {
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		s.RunUntil(sim.Time(100 * time.Second)) // what is before the block was made does not count
		c := part(s, "a", redundancy.Upkeep{}, 5, 7, never)
		s.RunUntil(sim.Time(125 * time.Second))
		got := c.Stats()
		want := redundancy.Stats{Up: 12 * time.Second, Down: 13 * time.Second, Outages: 2, ToFirst: 5 * time.Second}
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if got.MeanOutage() != 6500*time.Millisecond || got.Unavailability() != 13./25 || got.Availability() != 12./25 {
			t.Errorf("mean outage %v, unavailability %v, availability %v", got.MeanOutage(), got.Unavailability(), got.Availability())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := (redundancy.Stats{}).MeanOutage(); got != 0 {
		t.Errorf("mean of no outage: %v", got)
	}
}

func TestAGroupOfMembersThatAreDown(t *testing.T) {
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		a, b := part(s, "a", redundancy.Upkeep{}, 5, never), part(s, "b", redundancy.Upkeep{}, never)
		s.RunUntil(sim.Time(6 * time.Second))
		both := redundancy.NewGroup(s, "both", 2, a, b)
		if both.Up() || both.Working() != 1 {
			t.Errorf("up %v with %d members", both.Up(), both.Working())
		}
		s.RunUntil(sim.Time(20 * time.Second))
		want := redundancy.Stats{Up: 5 * time.Second, Down: 9 * time.Second, Outages: 1}
		if got := both.Stats(); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The members that work and the spares that are left add up, and it all happens the same way twice.
func TestNothingIsLost(t *testing.T) {
	run := func() sim.Result {
		res, err := sim.Run(sim.Config{Seed: 7}, func(s *sim.Simulation) {
			upkeep := crews(s, 2)
			upkeep.Spares = redundancy.NewSpares(s, "spares", 3, exponential(1))
			cfg := redundancy.Config{Life: exponential(50), Repair: exponential(10)}
			list := components(s, 8, cfg, upkeep)
			pair := redundancy.NewStandby(s, "pair", redundancy.StandbyConfig{Active: 4, Dormancy: .5, Failover: exponential(2)}, list...)
			group := redundancy.NewGroup(s, "group", 5, blocks(list)...)
			for range 2000 {
				s.RunUntil(s.Now().Add(7 * time.Second))
				up := 0
				for _, c := range list {
					if c.Up() {
						up++
					}
				}
				switch {
				case group.Working() != up, group.Up() != (up >= 5):
					t.Fatalf("%v: %d are up, the group counts %d and is up: %v", s.Now(), up, group.Working(), group.Up())
				case pair.Working() > min(4, up), pair.Up() != (pair.Working() == 4):
					t.Fatalf("%v: %d are up, %d work, and the pair is up: %v", s.Now(), up, pair.Working(), pair.Up())
				case upkeep.Spares.Left() > 3+len(list)-up:
					t.Fatalf("%v: %d are up, and %d spares are left", s.Now(), up, upkeep.Spares.Left())
				}
			}
			st := group.Stats()
			if st.Up+st.Down != s.Now().Sub(0) || st.Outages == 0 {
				t.Errorf("%+v at %v", st, s.Now())
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if a, b := run(), run(); a.Digest != b.Digest {
		t.Errorf("digest %x, the second time %x", a.Digest, b.Digest)
	}
}

func TestMisuse(t *testing.T) {
	for name, err := range map[string]error{
		"Life":     redundancy.Config{Life: dist.Must(dist.NewConstant(0)), Repair: says(1)}.Validate(),
		"Repair":   redundancy.Config{Life: says(1)}.Validate(),
		"Active":   redundancy.StandbyConfig{}.Validate(),
		"Dormancy": redundancy.StandbyConfig{Active: 1, Dormancy: 1.1}.Validate(),
		"Failover": redundancy.StandbyConfig{Active: 1, Failover: dist.Must(dist.NewConstant(-1))}.Validate(),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(node.Validate(), redundancy.DefaultStandbyConfig().Validate()); err != nil {
		t.Error(err)
	}
	for name, misuse := range map[string]func(s *sim.Simulation){
		"a group of none": func(s *sim.Simulation) { redundancy.NewGroup(s, "g", 0) },
		"3 of 2": func(s *sim.Simulation) {
			redundancy.NewGroup(s, "g", 3, blocks(components(s, 2, node, redundancy.Upkeep{}))...)
		},
		"2 of 1 active":  func(s *sim.Simulation) { standby(s, 2, 0, nil, components(s, 1, node, redundancy.Upkeep{})...) },
		"less than none": func(s *sim.Simulation) { redundancy.NewSpares(s, "spares", -1, nil) },
		"no life":        func(s *sim.Simulation) { redundancy.NewComponent(s, "c", redundancy.Config{}, redundancy.Upkeep{}) },
		"begins down": func(s *sim.Simulation) {
			c := part(s, "a", redundancy.Upkeep{}, 5)
			s.At(sim.Time(6*time.Second), func() { standby(s, 1, 0, nil, c) })
		},
	} {
		_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
			s.At(0, func() { misuse(s) })
			s.RunUntil(sim.Time(10 * time.Second))
		})
		if err == nil || !strings.Contains(err.Error(), "redundancy: ") {
			t.Errorf("%s: got %v, want a panic", name, err)
		}
	}
}

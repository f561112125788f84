package heal_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/detect"
	"github.com/nines-sim/nines/patterns/heal"
	"github.com/nines-sim/nines/sim"
)

// A fleet of replicas on machines.
type fleet struct {
	serves, machine []bool
	spare           bool
	log             []string
}

func newFleet(n int) *fleet {
	f := &fleet{spare: true}
	for range n {
		f.serves, f.machine = append(f.serves, true), append(f.machine, true)
	}
	return f
}

func (f *fleet) say(at sim.Time, what string, i int) {
	f.log = append(f.log, fmt.Sprintf("%v %s %d", at, what, i))
}

func (f *fleet) Stop(i int) { f.serves[i] = false }

func (f *fleet) Start(p *sim.Process, i int) error {
	if !f.machine[i] {
		f.say(p.Now(), "cannot start", i)
		return errors.New("no machine")
	}
	f.serves[i] = true
	f.say(p.Now(), "start", i)
	return nil
}

func (f *fleet) Replace(p *sim.Process, i int) error {
	if !f.spare {
		f.say(p.Now(), "no spare for", i)
		return errors.New("no spare machine")
	}
	f.machine[i] = true
	f.say(p.Now(), "replace", i)
	return p.Sleep(time.Minute)
}

func minutes(n float64) sim.Time { return sim.Time(n * float64(time.Minute)) }

func TestHealerStories(t *testing.T) {
	for _, tt := range []struct {
		name  string
		crews int
		do    func(s *sim.Simulation, h *heal.Healer, f *fleet)
		want  []string
	}{
		{name: "it boots and serves", want: []string{"10m20s start 0"},
			do: func(s *sim.Simulation, h *heal.Healer, f *fleet) {
				s.At(minutes(10), func() { f.Stop(0); h.Down(0, heal.Exited) })
			}},
		{name: "an unhealthy process is stopped before it is started", want: []string{"10m20s start 0"},
			do: func(s *sim.Simulation, h *heal.Healer, f *fleet) {
				s.At(minutes(10), func() { h.Down(0, heal.Unhealthy) })
				s.At(minutes(10)+1, func() {
					if f.serves[0] {
						f.log = append(f.log, "it still runs")
					}
				})
			}},
		{name: "a crash loop", want: []string{"10m20s start 0", "10m51s start 0", "11m32s start 0"},
			do: func(s *sim.Simulation, h *heal.Healer, f *fleet) {
				for _, at := range []float64{600, 621, 652} { // a second after it serves
					s.At(sim.Time(at*1e9), func() { f.Stop(0); h.Down(0, heal.Exited) })
				}
			}},
		{name: "another machine", want: []string{"15m0s replace 1", "16m20s start 1"},
			do: func(s *sim.Simulation, h *heal.Healer, f *fleet) {
				s.At(minutes(10), func() { f.machine[1] = false; f.Stop(1); h.Down(1, heal.Gone) })
			}},
		{name: "a spare that comes late", want: []string{"15m0s no spare for 1", "20m0s replace 1", "21m20s start 1"},
			do: func(s *sim.Simulation, h *heal.Healer, f *fleet) {
				f.spare = false
				s.At(minutes(10), func() { f.machine[1] = false; f.Stop(1); h.Down(1, heal.Gone) })
				s.At(minutes(16), func() { f.spare = true })
			}},
		{name: "the machine fails while it boots", want: []string{"10m20s cannot start 2", "12m20s start 2"},
			do: func(s *sim.Simulation, h *heal.Healer, f *fleet) {
				s.At(minutes(10), func() { f.Stop(2); h.Down(2, heal.Exited) })
				s.At(minutes(10)+sim.Time(5*time.Second), func() { f.machine[2] = false; h.Down(2, heal.Gone) })
				s.At(minutes(12)-sim.Time(10*time.Second), func() { f.machine[2] = true; h.Down(2, heal.Exited) })
			}},
		{name: "one crew works on one after the other", crews: 1,
			want: []string{"10m20s start 0", "10m40s start 1", "11m0s start 2"},
			do: func(s *sim.Simulation, h *heal.Healer, f *fleet) {
				s.At(minutes(10), func() {
					for i := range 3 {
						f.Stop(i)
						h.Down(i, heal.Exited)
					}
				})
			}},
		{name: "back before its turn", crews: 1, want: []string{"10m20s start 0"},
			do: func(s *sim.Simulation, h *heal.Healer, f *fleet) {
				s.At(minutes(10), func() { h.Down(0, heal.Exited); h.Down(1, heal.Unhealthy) })
				s.At(minutes(10)+1, func() { h.Up(1) })
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
				cfg := heal.DefaultConfig()
				cfg.Crews = tt.crews
				f := newFleet(3)
				h := heal.NewHealer(s, "orders", cfg, 3, f)
				tt.do(s, h, f)
				s.RunUntil(minutes(60))
				if got, want := fmt.Sprint(f.log), fmt.Sprint(tt.want); got != want {
					t.Errorf("got %v, want %v", got, want)
				}
				for i, serves := range f.serves {
					if !serves || h.State(i) != heal.Serving {
						t.Errorf("replica %d: serves %v, %v", i, serves, h.State(i))
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A check that asks a dependency too has the whole healthy fleet restarted when the dependency is
// down; one that asks the replica alone does not.
func ExampleHealer() {
	restarts := func(deep bool) (n int) {
		sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
			f := newFleet(3)
			h := heal.NewHealer(s, "orders", heal.DefaultConfig(), 3, f)
			down := false // the database
			s.At(minutes(30), func() { down = true })
			s.At(minutes(31), func() { down = false })
			for i := range f.serves {
				check := detect.Prober{
					Detector: detect.New(detect.DefaultConfig(), 0),
					Key:      uint64(i),
					Probe: func(p *sim.Process, req patterns.Request) (patterns.Response, error) {
						if !f.serves[i] || deep && down {
							return patterns.Response{}, &patterns.Error{Kind: patterns.Refused, Layer: "orders"}
						}
						return patterns.Response{}, nil
					},
					Changed: func(p *sim.Process, now detect.State) {
						if now == detect.Down {
							h.Down(i, heal.Unhealthy)
						}
					},
				}
				s.Background("check", func(p *sim.Process) { check.Run(p) })
			}
			s.RunUntil(minutes(60))
			n = len(f.log)
		})
		return n
	}
	fmt.Println("restarts with a shallow check:", restarts(false))
	fmt.Println("restarts with a deep check:", restarts(true))
	// Output:
	// restarts with a shallow check: 0
	// restarts with a deep check: 3
}

package sim_test

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

func TestAnObserverSeesEveryEventAndChangesNothing(t *testing.T) {
	var said []string
	model := func(s *sim.Simulation, observe bool) {
		if observe {
			s.OnEvent(func(e sim.Event) { said = append(said, e.At.String()+" "+e.Who.String()) })
		}
		g := s.NewGroup("api")
		g.Go("handler", func(p *sim.Process) { p.Sleep(time.Second) })
		g.Spawn("job", func(p *sim.Process, _ any) { p.Sleep(2 * time.Second) }, nil)
		g.After(3*time.Second, func() {}).Stop()
		s.RunUntilIdle()
		if s.Err() != nil {
			t.Error(s.Err())
		}
		if s.Who() != (sim.Who{}) {
			t.Errorf("%q runs when nothing does", s.Who())
		}
	}
	watched, err := sim.Run(sim.Config{}, func(s *sim.Simulation) { model(s, true) })
	alone, _ := sim.Run(sim.Config{}, func(s *sim.Simulation) { model(s, false) })
	if watched.Digest != alone.Digest {
		t.Error("the observer changed the run")
	}
	expect(t, said, err, "0s api/handler #1", "0s api/job #2", "1s api/handler #1", "2s api/job #2")
}

func TestWhoRunsNow(t *testing.T) {
	got, err := story(t, sim.Config{}, func(s *sim.Simulation, say func(string, ...any)) {
		g := s.NewGroup("api")
		p := g.Go("handler", func(p *sim.Process) {
			defer func() { say("%s", s.Who()) }()
			p.Sleep(time.Hour)
		})
		s.Go("killer", func(k *sim.Process) { p.Kill(); say("%s", s.Who()) })
		g.After(0, func() { say("%s", s.Who()) })
		s.RunUntilIdle()
	})
	expect(t, got, err, "0s api/handler #1", "0s killer #2", "0s api: callback sim_test.TestWhoRunsNow.func1.3")
}

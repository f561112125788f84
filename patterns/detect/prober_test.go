package detect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/detect"
	"github.com/nines-sim/nines/sim"
)

// An instance that answers at once until it dies, and again when it is back; between, it refuses,
// or keeps silent.
type instance struct {
	dies   sim.Time
	back   sim.Time // zero: never
	silent bool
	asked  []sim.Time
}

func (i *instance) probe(p *sim.Process, req patterns.Request) (patterns.Response, error) {
	i.asked = append(i.asked, p.Now())
	switch {
	case p.Now() < i.dies || i.back > 0 && p.Now() >= i.back:
		return patterns.Response{}, nil
	case !i.silent:
		return patterns.Response{}, &patterns.Error{Kind: patterns.Refused, Layer: "instance"}
	}
	return patterns.Response{}, p.Sleep(time.Hour)
}

// watch returns when the prober believed the instance down first.
func watch(t *testing.T, cfg detect.Config, key uint64, i *instance) (noticed sim.Time) {
	t.Helper()
	noticed = sim.Never
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		prober := detect.Prober{
			Detector: detect.New(cfg, 0), Key: key, Probe: i.probe,
			Changed: func(p *sim.Process, now detect.State) {
				if now == detect.Down {
					noticed = min(noticed, p.Now())
				}
			},
		}
		s.Background("prober", func(p *sim.Process) { prober.Run(p) })
		s.RunUntil(sim.Time(5 * time.Minute))
	})
	if err != nil {
		t.Fatal(err)
	}
	return noticed
}

// A death at a moment that has nothing to do with the period is noticed after a wait for the next
// probe, evenly spread over a period, then Failures-1 periods, then a timeout if it is silent.
func TestProberDetectionTime(t *testing.T) {
	cfg := detect.DefaultConfig()
	for _, silent := range []bool{false, true} {
		least, most := time.Hour, time.Duration(0)
		const keys = 200
		for key := range uint64(keys) {
			i := &instance{dies: sim.Time(time.Minute), silent: silent}
			took := watch(t, cfg, key, i).Sub(i.dies)
			least, most = min(least, took), max(most, took)
		}
		soonest, latest := 2*cfg.Period, 3*cfg.Period
		if silent {
			soonest, latest = soonest+cfg.Timeout, latest+cfg.Timeout
		}
		near := cfg.Period / 20
		if least < soonest || least > soonest+near || most >= latest || most < latest-near {
			t.Errorf("silent %v: noticed after %v to %v, want nearly %v to %v", silent, least, most, soonest, latest)
		}
	}
}

func TestProberWaitsForASlowProbe(t *testing.T) {
	cfg := detect.Config{Period: time.Second, Timeout: 2500 * time.Millisecond, Failures: 2, Successes: 1, InitialDelay: 10 * time.Second}
	first := sim.Time(10 * time.Second).Add(detect.Phase(cfg.Period, 0))
	i := &instance{silent: true, back: first.Add(5 * cfg.Timeout)}
	watch(t, cfg, 0, i)
	want := first
	for n, at := range i.asked[:10] {
		if at != want {
			t.Errorf("probe %d at %v, want %v", n, at, want)
		}
		if n < 5 {
			want = want.Add(cfg.Timeout)
		} else {
			want = want.Add(cfg.Period) // no burst to catch up
		}
	}
}

func TestProberPassesOnTheEndOfAnOuterScope(t *testing.T) {
	_, err := sim.Run(sim.Config{}, func(s *sim.Simulation) {
		s.Go("prober", func(p *sim.Process) {
			i := &instance{silent: true}
			limit := p.WithTimeout(25 * time.Second)
			defer limit.Close()
			cfg := detect.DefaultConfig()
			cfg.Period, cfg.Timeout = 20*time.Second, 10*time.Second // the scope ends during a probe or between two
			prober := detect.Prober{Detector: detect.New(cfg, 0), Probe: i.probe}
			if err := prober.Run(p); !limit.Ended(err) {
				t.Errorf("Run returned %v, want the end of the scope around it", err)
			}
			if p.Now() != sim.Time(25*time.Second) {
				t.Errorf("Run returned at %v", p.Now())
			}
		})
		s.RunUntilIdle()
	})
	if err != nil {
		t.Error(err)
	}
}

func ExampleProber() {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		shop := &instance{dies: sim.Time(time.Minute), silent: true}
		prober := detect.Prober{
			Detector: detect.New(detect.DefaultConfig(), s.Now()),
			Probe:    shop.probe,
			Key:      1,
			Changed:  func(p *sim.Process, now detect.State) { fmt.Println(p.Now().Sub(shop.dies).Round(time.Second), now) },
		}
		s.Background("prober", func(p *sim.Process) { prober.Run(p) })
		s.RunUntil(sim.Time(2 * time.Minute))
	})
	// Output:
	// 29s down
}

package trace_test

import (
	"fmt"
	"os"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/trace"
)

func ExampleRecorder_WriteTimeline() {
	r := trace.New(trace.DefaultConfig())
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		r.Attach(s)
		s.At(sim.Time(10*time.Second), func() { s.Note("fault", "orders/0", "crash (pod_crash)") })
		for i := range 20 {
			s.At(sim.Time(12*time.Second).Add(time.Duration(i)*500*time.Millisecond), func() {
				s.Note("retry budget", "shop>orders", "spent")
			})
		}
		s.At(sim.Time(40*time.Second), func() { s.Note("fault over", "orders/0", "crash (pod_crash), by healing after 30s") })
		if err := s.RunUntil(sim.Time(time.Minute)); err != nil {
			panic(err)
		}
	})
	if err != nil {
		panic(err)
	}
	if err := r.WriteTimeline(os.Stdout, trace.DefaultTimelineConfig()); err != nil {
		panic(err)
	}
	// Output:
	// 0:10.000  fault         orders/0     crash (pod_crash)
	// 0:12.000  retry budget  shop>orders  spent  (20 times, last at 0:21.500)
	// 0:40.000  fault over    orders/0     crash (pod_crash), by healing after 30s
}

func ExamplePart() {
	run := func(late time.Duration) sim.Result {
		result, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
			for i := range 3000 {
				s.At(sim.Time(i)*sim.Time(time.Second), func() {})
			}
			s.At(sim.Time(1500*time.Second).Add(late), func() {})
			if err := s.RunUntilIdle(); err != nil {
				panic(err)
			}
		})
		if err != nil {
			panic(err)
		}
		return result
	}
	parting, differ := trace.Part(run(0), run(time.Nanosecond))
	fmt.Println(differ, "between", parting.Same.At, "and", parting.A.At)
	// Output:
	// true between 17m3s and 34m6s
}

package fault_test

import (
	"fmt"
	"os"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"github.com/nines-sim/nines/sim/fault"
)

func ExampleDraw() {
	crash := fault.Cause{
		Name:    "pod_crash",
		Kind:    fault.Crash,
		Victims: []string{"orders/0", "orders/1"},
		Every:   30 * 24 * time.Hour,
		Lasts:   dist.Must(dist.NewConstant(30)),
	}
	plan := fault.Draw(4, []fault.Cause{crash}, sim.Time(60*24*time.Hour))
	if err := plan.Write(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// {
	//   "format": 1,
	//   "entries": [
	//     {"cause": "pod_crash", "kind": "crash", "victim": "orders/0", "occurrence": 1, "at": "13h30m45.605779494s", "lasts": "30s"},
	//     {"cause": "pod_crash", "kind": "crash", "victim": "orders/0", "occurrence": 2, "at": "1125h9m29.648848553s", "lasts": "30s"},
	//     {"cause": "pod_crash", "kind": "crash", "victim": "orders/1", "occurrence": 1, "at": "1287h44m25.02465548s", "lasts": "30s"},
	//     {"cause": "pod_crash", "kind": "crash", "victim": "orders/1", "occurrence": 2, "at": "1321h36m55.274716141s", "lasts": "30s"},
	//     {"cause": "pod_crash", "kind": "crash", "victim": "orders/0", "occurrence": 3, "at": "1433h16m39.776625116s", "lasts": "30s"}
	//   ]
	// }
}

// A machine stops while anything holds it.
type machine struct {
	name  string
	holds fault.Holds[fault.Impairment]
}

func (m *machine) Applies(e fault.Entry) bool { return e.Victim == m.name }

func (m *machine) Start(e *fault.Effect) {
	does, _ := e.Impairment()
	hold := m.holds.Add(does)
	e.OnEnd(func() { m.holds.Release(hold) })
}

func ExampleStart() {
	plan := fault.Plan{Entries: []fault.Entry{
		{Cause: "pod_crash", Kind: fault.Crash, Victim: "orders/0", Occurrence: 1, At: sim.Time(10 * time.Second)},
		{Cause: "zone_loss", Kind: fault.Outage, Victim: "orders/0", Occurrence: 1, At: sim.Time(20 * time.Second), Lasts: time.Minute},
	}}
	_, err := sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		m := &machine{name: "orders/0"}
		faults, err := fault.Start(s, plan, m)
		if err != nil {
			panic(err)
		}
		s.At(sim.Time(30*time.Second), func() { faults.FixCause("pod_crash", fault.Healing) })
		for _, at := range []time.Duration{5 * time.Second, 15 * time.Second, 45 * time.Second, 2 * time.Minute} {
			s.At(sim.Time(at), func() { fmt.Println(at, "down:", fault.Combine(m.holds.All()).Down) })
		}
		if err := s.RunUntil(sim.Time(5 * time.Minute)); err != nil {
			panic(err)
		}
		for _, e := range faults.Effects() {
			fmt.Println(e.Entry, "lasted", e.Ended.Sub(e.Started), "and was ended by", e.EndedBy)
		}
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// 5s down: false
	// 15s down: true
	// 45s down: true
	// 2m0s down: false
	// pod_crash: crash of orders/0 lasted 20s and was ended by healing
	// zone_loss: outage of orders/0 lasted 1m0s and was ended by itself
}

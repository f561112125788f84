package system

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/theory"
	"github.com/nines-sim/nines/nodes"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// members returns what each replica of a service has counted at the end of a story.
func members(t testing.TB, seed uint64, sc *scenario.Scenario, service string, entries ...fault.Entry) (list []nodes.Stats) {
	t.Helper()
	_, err := sim.Run(sim.Config{Seed: sim.Seed(seed)}, func(s *sim.Simulation) {
		sys := Build(s, sc, nil)
		ledger, err := fault.Start(s, planned(entries...), sys.appliers()...)
		if err != nil {
			t.Error(err)
			return
		}
		sys.ledger = ledger
		if s.RunUntil(sim.Time(sc.Study.Lasts)) != nil {
			return
		}
		for _, svc := range sys.services {
			for _, m := range svc.members {
				if svc.Name() == service {
					list = append(list, m.Stats())
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// meanTime is the mean time in a service, waiting and working.
func meanTime(list []nodes.Stats) time.Duration {
	var sum time.Duration
	var done uint64
	for _, st := range list {
		sum += st.Busy + st.Waiting
		done += st.Done
	}
	return sum / time.Duration(done)
}

// The time in a service of 50 replicas, 80 % loaded: at random each is an M/M/1 queue; the power of two
// choices comes near what it is for very many.
func TestPicksAgainstTheory(t *testing.T) {
	const runs = 6
	for pick, want := range map[string]float64{"random": theory.Choices(0.8, 1), "p2c": theory.Choices(0.8, 2), "p2c, choices: 3": theory.Choices(0.8, 3)} {
		sum, squares := 0.0, 0.0
		for seed := range uint64(runs) {
			mean := float64(meanTime(members(t, seed+1, parse(t, `
services: {front: {replicas: 50, ops: {do: {work: exp 10ms}}}}
workload: {visits: {rate: 4000/s, mix: {front.do: 100%}}}
calls: {default: {balance: {pick: `+pick+`}}}
study: {method: timeline, warmup: 0s, lasts: 4s}
`), "front"))) / 1e7
			sum, squares = sum+mean, squares+mean*mean
		}
		mean := sum / runs
		se := math.Sqrt((squares/runs - mean*mean) / (runs - 1))
		few := 0.02 * want // what 50 queues are above the limit of very many
		if pick == "random" {
			few = 0
		}
		if math.Abs(mean-want) > 4*se+few || se > 0.03*want {
			t.Errorf("%s: the mean time is %.3f ± %.3f times the work, want %.3f", pick, mean, se, want)
		}
	}
}

// One of three replicas works at a quarter of the speed, and a third of the calls are too many for it.
func TestSlowReplica(t *testing.T) {
	mean := make(map[string]time.Duration)
	share := make(map[string]float64)
	for _, pick := range []string{"round_robin", "p2c", "p2c, load: peak_ewma", "p2c, load: told", "smooth_weighted", "static_stride", "static_stride, reports: {update: 1s}"} {
		weights := ""
		if pick == "smooth_weighted" || pick == "static_stride" {
			weights = "weights: [1, 4, 4], "
		}
		list := members(t, 1, parse(t, `
services: {front: {replicas: 3, speed: [0.25x, 1x, 1x], `+weights+`ops: {do: {work: exp 10ms}}}}
workload: {visits: {rate: 100/s, mix: {front.do: 100%}}}
calls: {default: {balance: {pick: `+pick+`}}}
`), "front")
		mean[pick] = meanTime(list)
		share[pick] = float64(list[0].Arrived) / float64(list[0].Arrived+list[1].Arrived+list[2].Arrived)
		t.Logf("%s: mean %v, %.1f %% to the slow one", pick, mean[pick], 100*share[pick])
	}
	if want := 1.0 / 3; math.Abs(share["round_robin"]-want) > 0.001 {
		t.Errorf("in turn, the slow one has %v of the calls", share["round_robin"])
	}
	if want := 1.0 / 9; math.Abs(share["smooth_weighted"]-want) > 0.001 {
		t.Errorf("by weight, the slow one has %v of the calls", share["smooth_weighted"])
	}
	if want := 1.0 / 9; math.Abs(share["static_stride"]-want) > 0.001 {
		t.Errorf("by weight, in rounds, the slow one has %v of the calls", share["static_stride"])
	}
	// A third of the calls for the first 20 s of 60: ten to measure, ten of blackout. Then by 100 calls a
	// measurement, whose sum of lengths is 10 % off.
	if want := 1.0/3*20/60 + 1.0/9*40/60; math.Abs(share["static_stride, reports: {update: 1s}"]-want) > 0.02 {
		t.Errorf("by what it reports, the slow one has %v of the calls, want about %v", share["static_stride, reports: {update: 1s}"], want)
	}
	for pick, d := range mean {
		times := time.Duration(10)
		if strings.Contains(pick, "reports") { // it takes turns at first
			times = 3
		}
		if pick != "round_robin" && times*d > mean["round_robin"] {
			t.Errorf("%s: the mean time is %v, in turn it is %v", pick, d, mean["round_robin"])
		}
	}
}

// A replica that fails at once looks idle and attracts calls, unless failures count as long ones, or it
// is ejected.
func TestErrorFastReplica(t *testing.T) {
	failed := make(map[string]int64)
	for _, policies := range []string{
		"balance: {pick: random}",
		"balance: {pick: least}",
		"balance: {pick: p2c, load: peak_ewma}",
		"balance: {pick: p2c, load: peak_ewma, ewma: {error_penalty: 5s}}",
		"balance: {pick: least}, outlier: {preset: envoy, always_one: true}",
		"balance: {pick: least}, outlier: {preset: envoy}", // 10 % of four are none
		"balance: {pick: least}, outlier: {preset: finagle}",
		"balance: {pick: least, eject_unhealthy: true}, outlier: {always_one: true}",
		"balance: {pick: least, eject_unhealthy: true}, outlier: {always_one: true, checks: false}",
	} {
		out := play(t, parse(t, `
services: {front: {replicas: 4, ops: {do: {work: exp 10ms}}}}
workload: {visits: {rate: 200/s, mix: {front.do: 100%}}}
calls: {default: {`+policies+`}}
`), strike(fault.Slow, "front/0", 10*time.Second, 50*time.Second, fault.Params{Factor: 0.001, Errors: 1}))
		failed[policies] = out.Result.Calls.Error
		t.Logf("%s: %d of about 10000 fail", policies, failed[policies])
	}
	plain := failed["balance: {pick: least}"]
	random := failed["balance: {pick: random}"]
	if math.Abs(float64(random)-2500) > 4*math.Sqrt(10000*0.25*0.75) {
		t.Errorf("at random, %d fail, want about 2500", random)
	}
	if float64(plain) < 1.3*float64(random) || float64(failed["balance: {pick: p2c, load: peak_ewma}"]) < 1.3*float64(random) {
		t.Errorf("it attracts no calls: %v", failed)
	}
	if failed["balance: {pick: least}, outlier: {preset: envoy}"] != plain {
		t.Errorf("a tenth of four is ejected: %v", failed)
	}
	if float64(failed["balance: {pick: p2c, load: peak_ewma, ewma: {error_penalty: 5s}}"]) > 0.1*float64(random) {
		t.Errorf("the penalty does not help: %v", failed)
	}
	// Two ejections of 30 s and five failures each; Finagle's probes fail one by one.
	if n := failed["balance: {pick: least}, outlier: {preset: envoy, always_one: true}"]; n < 5 || n > 15 {
		t.Errorf("ejected by sweeps, %d fail", n)
	}
	if n := failed["balance: {pick: least}, outlier: {preset: finagle}"]; n < 5 || n > 15 {
		t.Errorf("ejected by accrual, %d fail", n)
	}
	// It passes its probes, every 10 s, and each brings it back.
	with := failed["balance: {pick: least, eject_unhealthy: true}, outlier: {always_one: true}"]
	without := failed["balance: {pick: least, eject_unhealthy: true}, outlier: {always_one: true, checks: false}"]
	if with < 20 || with > 35 || without > 15 {
		t.Errorf("brought back by probes, %d fail, and %d without", with, without)
	}
}

// Half of the callers are in zone b, with a quarter of the replicas: it keeps half of its calls, and
// no replica has more than another. If each zone takes all that it can, that replica has twice as much.
func TestZones(t *testing.T) {
	for mode, want := range map[string]float64{"ignore": 0.25, "aware, min_targets: 4": 0.25, "aware": 0.25, "prefer": 0.5} {
		for _, seen := range []string{"share", "latency"} {
			sc := parse(t, `
zones: [a, b]
network: {same_zone: 0s, cross_zone: 10ms, clients: 0s}
services:
  front: {replicas: 2, spread: [a, b], threads: 100, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {replicas: 4, spread: [a, a, a, b], cpus: 9, ops: {a: {work: 1ms}}}
workload: {visits: {rate: 100/s, mix: {front.do: 100%}}}
calls: {visits: {front: {balance: {pick: round_robin}}}, front: {back: {balance: {pick: random, zones: {mode: `+mode+`}}}}}
`)
			if seen == "share" {
				list := members(t, 1, sc, "back")
				all := float64(list[0].Arrived + list[1].Arrived + list[2].Arrived + list[3].Arrived)
				if got := float64(list[3].Arrived) / all; math.Abs(got-want) > 4*math.Sqrt(want*(1-want)/all) {
					t.Errorf("%s: the replica of zone b has %v of the calls, want %v", mode, got, want)
				}
				continue
			}
			far := map[string]float64{"ignore": 0.5, "aware, min_targets: 4": 0.25, "aware": 0.5, "prefer": 0}[mode]
			got := (play(t, sc).Result.Operations[0].OK.Mean - 1) / 20
			if math.Abs(got-far) > 4*0.5/math.Sqrt(6000)+0.002 {
				t.Errorf("%s: %v of the calls leave their zone, want %v", mode, got, far)
			}
		}
	}
}

// Each replica has a cache of its own that holds a third of the keys. By key they hold all together, and
// each key is asked for once.
func TestCachesByKey(t *testing.T) {
	asked := make(map[string]int64)
	for _, pick := range []string{"round_robin", "ring_hash", "maglev"} {
		asked[pick] = edgeOf(t, play(t, parse(t, `
services:
  front: {replicas: 3, threads: 100, ops: {do: {work: 0s, calls: [db.get], cache: {keys: 300, size: 150, per: replica, start: cold, ttl: 1h}}}}
  db:    {cpus: 9, ops: {get: {work: 1ms}}}
workload: {visits: {rate: 100/s, mix: {front.do: 100%}}}
calls: {visits: {front: {balance: {pick: `+pick+`}}}}
`)), "front.db").Sent
	}
	if asked["ring_hash"] > 310 || asked["maglev"] > 310 || asked["round_robin"] < 2000 {
		t.Errorf("of 6000 calls, the database has %v", asked)
	}
}

// Some settings can be seen in how many replicas a client uses: subsets, by instance of the caller.
func TestSubsets(t *testing.T) {
	list := members(t, 1, parse(t, `
services:
  front: {replicas: 2, ops: {do: {work: 0s, calls: [back.a]}}}
  back:  {replicas: 4, ops: {a: {work: 1ms}}}
calls: {visits: {front: {balance: {pick: round_robin}}}, front: {back: {balance: {subset: {kind: deterministic, size: 2}}}}}
`), "back")
	for i, st := range list {
		if st.Arrived < 14 || st.Arrived > 16 {
			t.Errorf("replica %d has %d of the 60 calls: the subsets of two clients cover four evenly", i, st.Arrived)
		}
	}
}

// What a client judges itself counts without eject_unhealthy, and what probes say does not.
func TestJudgesWithoutProbes(t *testing.T) {
	for policies, want := range map[string]int64{
		"outlier: {consecutive: {failures: 3}, base: 1h, max: 1h}":     3,
		"breaker: {per: replica, consecutive: 3, open: 1h}":            3,
		"breaker: {per: client, consecutive: 99, open: 1h}":            30,
		"outlier: {accrual: {consecutive: 3, first: 1h, max: 1h}}":     3,
		"outlier: {consecutive: {failures: 3, enforce: 0%}, base: 1h}": 30,
	} {
		out := play(t, parse(t, `
services:
  front: {replicas: 2, ops: {do: {work: 1ms}}}
calls: {default: {`+policies+`}}
`), strike(fault.Slow, "front/0", 0, time.Hour, fault.Params{Factor: 1, Errors: 1}))
		if got := out.Result.Calls.Error; got != want {
			t.Errorf("%s: %d calls fail, want %d", policies, got, want)
		}
		layers := fmt.Sprint(out.Result.Edges[0].Layers)
		if ejected := strings.Contains(layers, "{ejected 1}"); ejected != (want == 3 && strings.HasPrefix(policies, "outlier")) {
			t.Errorf("%s: the layers are %s", policies, layers)
		}
	}
}

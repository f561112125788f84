//go:build unix

package library_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
	"github.com/nines-sim/nines/sim/fault"
)

// What benchmarks of runs report. Processor time is that of the whole process, and of the whole run: building
// it, the collector, conclusions.
//
//	ns/attempt        processor time for each attempt that an edge sent (the runs' own count): one hop with
//	                  its request, queue, work, reply and policies. Probes, heartbeats and what stores ship
//	                  are no attempts; their time is in it
//	calls/cpu-s       calls from outside for each second of processor time
//	events/cpu-s      events of the kernel for each second of processor time
//	allocs/attempt    in steady state: what a run twice as long allocates more, for each attempt more
//	B/attempt         the same in bytes
//
// Divide ns/attempt by the cpu-ns/op of [BenchmarkCustomer] to compare machines.

// BenchmarkScenarios is what ships: a calm day of it, an incident in it, or its timeline.
func BenchmarkScenarios(b *testing.B) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		scenario, variant, cause string
		until                    time.Duration
	}{
		{"webshop", "naive", "", day},
		{"webshop", "budget", "", day},
		{"webshop", "everything", "", day},
		{"webshop", "naive", "payment_slow", 6 * time.Hour},
		{"webshop", "budget", "sale", 6 * time.Hour},
		{"webshop", "everything", "payment_slow", 6 * time.Hour},
		{"webshop", "everything", "zone_loss", 6 * time.Hour},
		{"minimal", "one", "", 6 * time.Hour},
		{"minimal", "retried", "", 6 * time.Hour},
		{"retry-storm", "three", "", 0},
		{"retry-storm", "budget", "", 0},
		{"cache-flush", "budget", "", 0},
	} {
		name := strings.TrimSuffix(strings.Join([]string{c.scenario, c.variant, c.cause}, "/"), "/")
		b.Run(name, func(b *testing.B) {
			sc := variant(b, load(b, c.scenario), c.variant, "study.warmup=0s")
			measureRuns(b, sc, c.cause, c.until)
		})
	}
}

// BenchmarkScale is a webshop of which one thing is ten times as much: the time that is simulated; the
// services, as ten shops beside each other; the requests, on machines with ten times the cpus. The
// processor time of an attempt should stay what it is.
func BenchmarkScale(b *testing.B) {
	const base = 4 * time.Hour
	for _, v := range []string{"budget", "everything"} {
		load := func(b *testing.B) *scenario.Scenario { return variant(b, load(b, "webshop"), v, "study.warmup=0s") }
		b.Run(v+"/base", func(b *testing.B) { measureRuns(b, load(b), "", base) })
		b.Run(v+"/time", func(b *testing.B) { measureRuns(b, load(b), "", 10*base) })
		b.Run(v+"/services", func(b *testing.B) { measureRuns(b, sideBySide(load(b), 10), "", base) })
		b.Run(v+"/requests", func(b *testing.B) { measureRuns(b, busier(load(b), 10), "", base) })
	}
}

// sideBySide puts n copies of a system beside each other. Only the first is judged and watched.
func sideBySide(sc *scenario.Scenario, n int) *scenario.Scenario {
	wide := *sc
	for i := 1; i < n; i++ {
		name := func(ref string) string { // of the copy, for "service" and "service.op"
			if ref == "" {
				return ""
			}
			service, op, _ := strings.Cut(ref, ".")
			return strings.TrimSuffix(fmt.Sprintf("%s_%d.%s", service, i, op), ".")
		}
		policies := func(p scenario.Policies) scenario.Policies {
			if p.Fallback != nil {
				f := *p.Fallback
				f.Send = name(f.Send)
				p.Fallback = &f
			}
			return p
		}
		for _, svc := range sc.Services {
			svc.Name, svc.Ops = name(svc.Name), slices.Clone(svc.Ops)
			for o := range svc.Ops {
				svc.Ops[o].Calls = slices.Clone(svc.Ops[o].Calls)
				for c := range svc.Ops[o].Calls {
					st := &svc.Ops[o].Calls[c]
					st.Call, st.Send = name(st.Call), name(st.Send)
				}
			}
			wide.Services = append(wide.Services, svc)
		}
		for _, q := range sc.Queues {
			q.Name, q.To = name(q.Name), name(q.To)
			wide.Queues = append(wide.Queues, q)
		}
		for _, caller := range sc.Calls.Callers {
			caller.Name, caller.Callees = name(caller.Name), slices.Clone(caller.Callees)
			for c := range caller.Callees {
				caller.Callees[c].Name = name(caller.Callees[c].Name)
				caller.Callees[c].Policies = policies(caller.Callees[c].Policies)
			}
			wide.Calls.Callers = append(wide.Calls.Callers, caller)
		}
		for _, st := range sc.Workload {
			st.Name, st.Mix = name(st.Name), slices.Clone(st.Mix)
			for m := range st.Mix {
				st.Mix[m].Op = name(st.Mix[m].Op)
			}
			wide.Workload = append(wide.Workload, st)
		}
	}
	return &wide
}

// busier makes requests come more often, to servers and consumers that can bear it.
func busier(sc *scenario.Scenario, factor int) *scenario.Scenario {
	busy := *sc
	busy.Services, busy.Queues, busy.Workload = slices.Clone(sc.Services), slices.Clone(sc.Queues), slices.Clone(sc.Workload)
	for i := range busy.Services {
		busy.Services[i].CPUs *= factor
		busy.Services[i].Threads *= factor
	}
	for i := range busy.Queues {
		busy.Queues[i].Consumers *= factor
	}
	for i := range busy.Workload {
		busy.Workload[i].Rate *= float64(factor)
	}
	return &busy
}

// measureRuns measures runs of that length, or of the scenario's timeline, that meet a cause after a minute.
func measureRuns(b *testing.B, sc *scenario.Scenario, cause string, until time.Duration) {
	b.Helper()
	run := system.Run{Scenario: sc, Seed: 7, Until: until}
	if until == 0 {
		run.Until, run.Plan = sc.Study.Lasts, system.Timeline(sc, run.Seed)
	}
	if cause != "" {
		causes := system.Causes(sc)
		i := slices.IndexFunc(causes, func(c fault.Cause) bool { return c.Name == cause })
		run.Plan = fault.Incident(sim.Seed(run.Seed), causes[i], sim.Time(time.Minute), 0.5)
	}
	w := sim.NewWorker()
	defer w.Close()
	half := run
	half.Until /= 2
	var short, long, all cost
	short.add(b, w, half)
	long.add(b, w, run) // also makes the worker's memory what it will be
	for b.Loop() {
		all.add(b, w, run)
	}
	ns, attempts := float64(all.cpu), float64(all.attempts)
	b.ReportMetric(ns/attempts, "ns/attempt")
	b.ReportMetric(float64(all.calls)/ns*1e9, "calls/cpu-s")
	b.ReportMetric(float64(all.events)/ns*1e9, "events/cpu-s")
	more := float64(long.attempts - short.attempts)
	b.ReportMetric(math.Max(0, long.allocs-short.allocs)/more, "allocs/attempt")
	b.ReportMetric(math.Max(0, long.bytes-short.bytes)/more, "B/attempt")
}

// A cost is what runs took, and what they did for it.
type cost struct {
	cpu             time.Duration
	allocs, bytes   float64
	attempts, calls int64
	events          uint64
}

// add does a run and adds it.
func (c *cost) add(b *testing.B, w *sim.Worker, run system.Run) {
	b.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime(b)
	out := do(b, w, run)
	c.cpu += processorTime(b) - start
	runtime.ReadMemStats(&after)
	c.allocs += float64(after.Mallocs - before.Mallocs)
	c.bytes += float64(after.TotalAlloc - before.TotalAlloc)
	c.events += out.Sim.Events
	c.calls += out.Result.Calls.Total()
	for _, e := range out.Result.Edges {
		c.attempts += e.Sent
	}
}

// processorTime returns what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// BenchmarkCustomer is the yardstick: a customer of an M/M/1 queue at a load of 0.9, a process that takes
// the server, works and goes.
func BenchmarkCustomer(b *testing.B) {
	b.ReportAllocs()
	start := processorTime(b)
	_, err := sim.Run(sim.Config{Seed: 7}, func(s *sim.Simulation) {
		gaps, work := s.Stream("gaps"), s.Stream("work")
		unit := dist.Must(dist.NewExponential(1))
		server, customers := sim.NewResource(s, "server", 1, sim.FIFO), s.NewGroup("customers")
		customer := func(p *sim.Process, _ any) {
			if server.Acquire(p, 1, 0) == nil {
				p.Sleep(dist.Seconds(0.9 * unit.Sample(&work)))
				server.Release(1)
			}
		}
		s.Go("source", func(p *sim.Process) {
			for range b.N {
				p.Sleep(dist.Seconds(unit.Sample(&gaps)))
				customers.Spawn("customer", customer, nil)
			}
		})
		s.RunUntilIdle()
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(processorTime(b)-start)/float64(b.N), "cpu-ns/op")
}

//go:build unix

package system

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
)

// BenchmarkCall is a call from outside to a service with a queue, a thread and a cpu, over the network, one
// after the other: with no policy, with each of them alone, and with all.
func BenchmarkCall(b *testing.B) {
	policies := []struct{ name, text string }{
		{"timeout", "timeout: {attempt: 1s}"},
		{"total", "timeout: {attempt: 1s, total: 2s}"},
		{"retry", "retry: {budget: 10%}"},
		{"breaker", "breaker: {}"},
		{"bulkhead", "bulkhead: {max: 100}"},
		{"fallback", "fallback: {stale: 1m}"},
		{"p2c", "balance: {pick: p2c}"},
	}
	var all []string
	for _, p := range policies {
		if p.name != "timeout" {
			all = append(all, p.text)
		}
	}
	run := func(name, policies string) {
		b.Run(name, func(b *testing.B) {
			sc := parse(b, `
services: {api: {replicas: 2, ops: {get: {work: exp 10ms}}}}
calls: {users: {api: {`+policies+`}}}
workload: {users: {users: 1, mix: {api.get: 100%}}}
objectives: {}
study: {warmup: 0s}
`)
			// The network takes no time, the work of a call 10 ms.
			measureRun(b, Run{Scenario: sc, Seed: 1, Until: time.Duration(max(b.N, 10)) * 10 * time.Millisecond})
		})
	}
	run("bare", "")
	for _, p := range policies {
		run(p.name, p.text)
	}
	run("all", strings.Join(all, ", "))
}

// BenchmarkLargeUsers is so many people, each of whom calls, waits for the answer, and thinks for about ten
// seconds. The memory is what the run holds at its end, with the stacks of all who think.
func BenchmarkLargeUsers(b *testing.B) {
	for _, users := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(users), func(b *testing.B) {
			sc := parse(b, fmt.Sprintf(`
services: {api: {replicas: 10, cpus: %d, queue: {length: unlimited}, ops: {get: {work: exp 10ms}}}}
calls: {users: {api: {timeout: {attempt: 1s}, retry: {budget: 10%%}, balance: {pick: p2c}}}}
workload: {users: {users: %d, think: exp 10s, mix: {api.get: 100%%}}}
objectives: {}
study: {warmup: 0s}
`, users/1000+1, users))
			before, end := inUse(), uint64(0)
			run := Run{Scenario: sc, Seed: 1, Until: time.Minute}
			run.Watch = func(s *sim.Simulation) { s.At(sim.Time(run.Until), func() { end = inUse() }) }
			measureRun(b, run)
			b.ReportMetric(float64(end-before)/float64(users), "B/user")
		})
	}
}

// measureRun does a run, and reports the processor time of each attempt that was sent.
func measureRun(b *testing.B, run Run) {
	b.Helper()
	w := sim.NewWorker()
	defer w.Close()
	b.ReportAllocs()
	b.ResetTimer()
	start := processorTime(b)
	out, err := run.Do(w)
	if err != nil {
		b.Fatal(err)
	}
	took, attempts := processorTime(b)-start, int64(0)
	for _, e := range out.Result.Edges {
		attempts += e.Sent
	}
	b.ReportMetric(float64(took)/float64(attempts), "ns/attempt")
}

// processorTime returns what this process has used so far.
func processorTime(b testing.TB) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// inUse returns the memory that is in use after a collection, stacks included.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

package system

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
)

// anyScenario draws a small system with whatever parts, in words.
func anyScenario(t *rapid.T) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	one := func(name string, words ...string) string { return rapid.SampledFrom(words).Draw(t, name) }
	number := func(name string, from, to int) int { return rapid.IntRange(from, to).Draw(t, name) }
	say("nines: 1")
	say("zones: [%s]", one("zones", "a", "a, b", "a, b, c"))
	say("network: {same_zone: %s, cross_zone: 1ms, clients: %s, loss: %s}", one("same zone", "0s", "exp 1ms"), one("clients", "0s", "20ms"), one("loss", "0%", "2%"))
	cache := one("cache", "", "", ", cache: {keys: 20, ttl: 5s, fill: in_time}", ", cache: {keys: 20, ttl: 5s, fill: always, per: replica}",
		", cache: {keys: 20, start: cold, single_flight: true}")
	work := func(name string) string { return one(name, "0s", "20ms", "exp 50ms", "{p50: 20ms, p99: 200ms}") }
	discipline := one("queue", "", ", queue: {length: 0}", ", queue: {length: 5, wait: 100ms, order: lifo}", ", queue: {length: unlimited, drop_expired: true}",
		", queue: {preset: fail_at_scale, length: 9}, limit: {rate: 9/s, wait: 50ms}", ", queue: {rule: codel}, shed: {kind: gradient2, initial: 3, min: 1, shares: [50%, 100%]}",
		", queue: {order: priority, length: 3, evict: true}, limit: {rate: 9/s, shared: {round_trip: 5ms}}, shed: {}")
	steps := one("steps", "db.write", "mid.get, db.write", "{parallel: [mid.get, db.read]}", "{call: mid.get, share: 50%, times: 2}, {send: later}", "db.read, bank.pay, {send: settle}")
	say("services:")
	say("  front: {replicas: %d, cpus: 2, threads: %d%s, ops: {do: {work: %s, calls: [%s]}}}", number("fronts", 1, 3), number("threads", 1, 20), discipline, work("front work"), steps)
	say("  mid: {replicas: 2, threads: 9, ops: {get: {work: %s%s, calls: [db.read]}}}", work("mid work"), cache)
	store := one("store", "copies: 1", "copies: 1, state: memory", "copies: 2, ack: sync, failover: 5s", "copies: 3, ack: majority, failover: 5s, reads: any",
		"copies: 3, ack: local, lag: 1s, failover: 5s", "copies: 3, ack: quorum", "copies: 2, ack: majority")
	say("  db: {threads: 9, store: {%s}, ops: {read: {work: 1ms}, write: {work: exp 10ms, errors: %s, idempotent: %s}}}", store, one("errors", "0%", "5%"), one("idempotent", "no", "by_key"))
	say("  bank: {external: true, ops: {pay: {work: exp 100ms, idempotent: %s, repeat: 50%%}}}", one("pay", "no", "yes"))
	say("queues:")
	say("  later: {work: 10ms, consumers: 2, length: %s}", one("length", "unlimited", "3"))
	say("  settle: {to: bank.pay, consumers: 2, visibility: 2s, receives: %s, dead_letters: %s}", one("receives", "3", "unlimited"), one("letters", "true", "false"))
	say("calls:")
	say("  default: {%s}", strings.Join([]string{
		one("timeout", "timeout: {attempt: 300ms}", "timeout: {attempt: 300ms, total: 1s, propagate: true}", "timeout: {attempt: 200ms, cancel: true}", "timeout: {total: 2s, cancel: true, propagate: true}"),
		one("retry", "retry: none", "retry: {attempts: 3}", "retry: {attempts: 2, budget: 10%, jitter: decorrelated}", "retry: {attempts: 4, backoff: 1ms..1ms, jitter: none}"),
		one("breaker", "breaker: none", "breaker: {consecutive: 3, open: 1s}", "breaker: {window: 2s, min_calls: 3, half_open: 2}"),
		one("balance", "balance: {pick: round_robin}", "balance: {pick: p2c, eject_unhealthy: true}", "balance: {pick: least}", "balance: {pick: random}"),
		one("bulkhead", "bulkhead: none", "bulkhead: {max: 2}", "bulkhead: {max: 1, wait: 50ms}", "bulkhead: {kind: pool}", "bulkhead: {kind: thresholds, max: 3}", "bulkhead: {kind: partitions, max: 2}"),
		one("limit", "limit: none", "limit: {rate: 5/s, wait: 100ms}", "limit: {rate: 5/s, burst: 1, shared: {round_trip: 10ms}}", "limit: {rate: 10/s, algorithm: sliding_counter, shared: {sync: 500ms}}"),
		one("shed", "shed: none", "shed: {preset: kratos, min_requests: 0}", "shed: {kind: aimd, initial: 2, min: 1}", "shed: {kind: gradient}", "shed: {kind: vegas, windowed: {calls: 2}}"),
	}, ", "))
	say("  front: {mid: {fallback: %s}, bank: {fallback: %s}}", one("stale", "none", "{stale: 10s}", "{value: default}"), one("send", "none", "{send: settle}"))
	say("workload: {visits: {%s, mix: {front.do: 100%%}, patience: %s}}", one("arrivals", "rate: 3/s", "rate: 8/s", "users: 5, think: exp 1s", "users: 2, think: 500ms"), one("patience", "none", "1s"))
	say("objectives: {work: {of: front.do, within: 500ms, target: 99%%, degraded: good, %s}}", one("effects", "settled: 30s", "once: [bank.pay]", "once: [db.write], settled: 10s"))
	say("alerts: {burn: {on: objectives.work, scrape: 5s, rules: {all: {burn: 5x, long: 30s, short: 10s}}}}")
	say("healing: {%s, %s, on_call: {paged_by: [burn], ack: 10s, fix: 20s, unpaged: 2m}}",
		one("restart", "restart: none", "restart: {after: 1s, boot: 5s, probe: {every: 5s, timeout: 1s, failures: 2}}", "restart: {after: 0s, boot: 0s, backoff: 0s..0s}"),
		one("replace", "replace: none", "replace: {after: 5s, boot: 5s, spares: 1}"))
	say("faults:")
	say("  crash: {kind: crash, on: services.*, loses: %s, every: %s}", one("loses", "memory", "disk"), one("crashes", "30d", "30s"))
	say("  primary: {kind: crash, on: services.db, each: primary, every: 30s, lasts: 5s}")
	say("  pause: {kind: pause, on: services.*, each: %s, every: 1m, lasts: exp 3s}", one("pauses", "replica", "machine"))
	say("  slow: {kind: slow, on: services.bank, by: 20x, errors: 20%%, every: 1m, lasts: 20s}")
	say("  gone: {kind: outage, on: services.bank, every: 1m, lasts: 10s}")
	say("  zone: {kind: outage, on: zones.*, every: 2m, lasts: exp 10s}")
	say("  host: {kind: outage, on: services.front, each: machine, every: 1m, lasts: 20s}")
	say("  cut: {kind: partition, on: %s, every: 1m, lasts: 10s, one_way: %s}", one("cut", "zones.*", "services.db", "services.bank"), one("one way", "true", "false"))
	say("  lossy: {kind: loss, on: services.mid, loss: 30%%, every: 1m, lasts: 10s}")
	say("  late: {kind: delay, on: services.db, delay: 100ms, every: 1m, lasts: 10s}")
	say("  clock: {kind: clock, on: services.*, offset: %s, drift: 10%%, every: 1m, lasts: 10s}", one("offset", "1s", "-1s"))
	say("  sale: {kind: surge, on: workload.*, by: %s, every: 1m, lasts: 10s}", one("surge", "4x", "0.1x"))
	say("  flush: {kind: cache_flush, on: services.*, every: 1m}")
	say("  deploy: {kind: deploy, on: services.front, errors: 50%%, every: 1m, lasts: until_fixed}")
	say("study: {method: timeline, warmup: 5s, window: 10s, lasts: 40s, recovery: 10s}")
	return b.String()
}

// Whatever is built and whatever happens to it: the run ends, its books agree, and it is the same run
// when it is done again, on a worker that has done others.
func TestRandomSystemsUnderRandomFaults(t *testing.T) {
	w := sim.NewWorker()
	defer w.Close()
	rapid.Check(t, func(t *rapid.T) {
		text := anyScenario(t)
		f, err := scenario.Parse("any.yaml", []byte(text), nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		sc, seed := f.Base(), rapid.Uint64Range(1, 1000).Draw(t, "seed")
		run := Run{Scenario: sc, Seed: seed, Plan: Timeline(sc, seed), Until: sc.Study.Lasts}
		if rapid.Bool().Draw(t, "incident") {
			causes := Causes(sc)
			c := causes[rapid.IntRange(0, len(causes)-1).Draw(t, "cause")]
			run.Until, run.Plan = 0, fault.Incident(sim.Seed(seed), c, sim.Time(5*time.Second), 0.5)
		}
		steps := 0
		run.Stop = func() error { // an incident of minutes is enough
			if steps++; steps > 6 && run.Until == 0 {
				return errLong
			}
			return nil
		}
		out, err := run.Do(w)
		if err != nil && err != errLong {
			t.Fatalf("%v\n%s", err, text)
		}
		steps = 0
		again := run
		if rapid.Bool().Draw(t, "as met") && err == nil {
			again.Plan = out.Plan // with roles resolved
		}
		fresh := sim.NewWorker()
		defer fresh.Close()
		second, err2 := again.Do(fresh)
		if err2 != err || second.Sim.Digest != out.Sim.Digest {
			t.Fatalf("seed %d: %016x and then %016x (%v, %v)\n%s", seed, out.Sim.Digest, second.Sim.Digest, err, err2, text)
		}
		if err != nil {
			return
		}
		o := out.Result.Objectives[0]
		if o.Good > o.Valid || o.Valid+o.LeftOut != out.Result.Calls.Total() {
			t.Fatalf("%d good of %d valid calls, and %d left out, of %d\n%s", o.Good, o.Valid, o.LeftOut, out.Result.Calls.Total(), text)
		}
	})
}

var errLong = fmt.Errorf("long enough")

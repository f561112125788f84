package system

import (
	"testing"
	"time"

	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
)

// A write a second, for a minute, through the loss of the primary at 20.5 s: what callers see, and what
// is lost. Writes are given up after 900 ms.
func TestStores(t *testing.T) {
	crash := func(victim string, lasts time.Duration) fault.Entry {
		return strike(fault.Crash, victim, 20500*ms, lasts)
	}
	lostDisk := func(victim string, lasts time.Duration) fault.Entry {
		return strike(fault.LostDisk, victim, 20500*ms, lasts)
	}
	const hour = time.Hour
	for _, tt := range []struct {
		name, store string
		faults      []fault.Entry
		want        measure.Calls
		lost        int64
	}{
		{name: "one copy, calm", store: "copies: 1", want: measure.Calls{OK: 60}},
		{name: "three copies, calm", store: "copies: 3, ack: majority, failover: 10s", want: measure.Calls{OK: 60}},
		{name: "all acknowledge, calm", store: "copies: 3, ack: sync, failover: 10s", want: measure.Calls{OK: 60}},
		{name: "a quorum, calm", store: "copies: 3, ack: quorum", want: measure.Calls{OK: 60}},

		{"one copy crashes and comes back", "copies: 1", []fault.Entry{crash("db/0", 10*time.Second)},
			measure.Calls{OK: 50, Error: 10}, 0},
		{"one copy crashes and lives in memory", "copies: 1, state: memory", []fault.Entry{crash("db/0", 10*time.Second)},
			measure.Calls{OK: 50, Error: 10}, 20},
		{"one copy crashes and loses its disk", "copies: 1",
			[]fault.Entry{strike(fault.Crash, "db/0", 20500*ms, 10*time.Second, fault.Params{Loses: fault.LosesDisk})},
			measure.Calls{OK: 50, Error: 10}, 20},
		{"one machine crashes", "copies: 1",
			[]fault.Entry{strike(fault.Crash, "machines.db-0", 20100*ms, ms)}, measure.Calls{OK: 20, Error: 39, Open: 1}, 0},
		{"one machine crashes and loses its disk", "copies: 1",
			[]fault.Entry{strike(fault.Crash, "machines.db-0", 20100*ms, ms, fault.Params{Loses: fault.LosesDisk})},
			measure.Calls{OK: 20, Error: 39, Open: 1}, 20},
		{"one copy loses its disk", "copies: 1", []fault.Entry{lostDisk("db/0", 10*time.Second)},
			measure.Calls{OK: 50, Error: 10}, 20},

		{"the primary crashes, and another takes over", "copies: 3, ack: majority, failover: 10s",
			[]fault.Entry{crash("primary:db", hour)}, measure.Calls{OK: 50, Error: 10}, 0},
		{"the primary crashes, and nobody is to take over", "copies: 3, ack: majority, failover: by_hand",
			[]fault.Entry{crash("primary:db", hour)}, measure.Calls{OK: 20, Error: 40}, 0},
		{"the primary comes back before the failover", "copies: 3, ack: majority, failover: 10s",
			[]fault.Entry{crash("primary:db", 5*time.Second)}, measure.Calls{OK: 55, Error: 5}, 0},
		{"a backup crashes", "copies: 3, ack: majority, failover: 10s",
			[]fault.Entry{crash("db/1", hour)}, measure.Calls{OK: 60}, 0},
		{"two backups crash", "copies: 3, ack: majority, failover: 10s",
			[]fault.Entry{crash("db/1", hour), crash("db/2", 10*time.Second)}, measure.Calls{OK: 50, Error: 10}, 0},
		{"the disk of a majority's primary", "copies: 3, ack: majority, failover: 10s",
			[]fault.Entry{lostDisk("primary:db", 20*time.Second)}, measure.Calls{OK: 50, Error: 10}, 0},

		{"local writes that were not shipped are lost", "copies: 2, ack: local, lag: 5s, failover: 10s",
			[]fault.Entry{lostDisk("primary:db", hour)}, measure.Calls{OK: 50, Error: 10}, -1},
		{"local writes that were shipped are not", "copies: 2, ack: local, lag: 100ms, failover: 10s",
			[]fault.Entry{lostDisk("primary:db", hour)}, measure.Calls{OK: 50, Error: 10}, 0},

		{"a backup of all does not answer", "copies: 2, ack: sync, failover: 10s",
			[]fault.Entry{crash("db/1", hour)}, measure.Calls{OK: 50, Error: 10}, 0}, // until the primary's patience ends

		{"a copy of a quorum crashes", "copies: 3, ack: quorum", []fault.Entry{crash("db/0", hour)}, measure.Calls{OK: 60}, 0},
		{"two copies of a quorum crash", "copies: 3, ack: quorum",
			[]fault.Entry{crash("db/0", hour), crash("db/1", 10*time.Second)}, measure.Calls{OK: 50, Error: 10}, 0},
		{"a quorum of one loses its disk", "copies: 3, ack: quorum, w: 1, r: 1",
			[]fault.Entry{lostDisk("db/0", hour)}, measure.Calls{OK: 60}, 0},
		{"all disks of a quorum", "copies: 3, ack: quorum",
			[]fault.Entry{lostDisk("db/0", ms), lostDisk("db/1", ms), lostDisk("db/2", ms)}, measure.Calls{OK: 60}, 20},

		{"the primary is cut off", "copies: 3, ack: majority, failover: 10s",
			[]fault.Entry{strike(fault.Partition, "db/0", 20500*ms, hour)}, measure.Calls{OK: 48, Error: 12}, 0},
		{"the primary is cut off for a moment", "copies: 3, ack: majority, failover: 10s",
			[]fault.Entry{strike(fault.Partition, "db/0", 20500*ms, 5*time.Second)}, measure.Calls{OK: 56, Error: 4}, 0}, // the fifth gets through when it is sent again
		{"the primary is cut off, and started anew", "copies: 3, ack: majority, failover: 10s", []fault.Entry{
			strike(fault.Partition, "db/0", 20500*ms, hour), strike(fault.Crash, "db/0", 25500*ms, ms),
		}, measure.Calls{OK: 44, Error: 16}, 0}, // it is missed a second time
		{"the primary stands still", "copies: 3, ack: majority, failover: 10s",
			[]fault.Entry{strike(fault.Pause, "db/0", 20500*ms, hour)}, measure.Calls{OK: 48, Error: 12}, 0},
		{"a backup of a majority of two stands still", "copies: 2, ack: majority, failover: 10s",
			[]fault.Entry{strike(fault.Pause, "db/1", 20500*ms, 10*time.Second)}, measure.Calls{OK: 51, Error: 9}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := play(t, parse(t, `
services:
  front: {threads: 99, ops: {do: {work: 0s, calls: [db.write]}}}
  db:    {threads: 99, store: {`+tt.store+`}, ops: {write: {work: 1ms}}}
calls: {front: {db: {timeout: {attempt: 900ms}}}}
`), tt.faults...)
			wantCalls(t, out, tt.want)
			switch lost := out.Result.Lost; {
			case tt.lost < 0 && (lost < 1 || lost > 10):
				t.Errorf("lost %d writes, want about five", lost)
			case tt.lost >= 0 && lost != tt.lost:
				t.Errorf("lost %d writes, want %d", lost, tt.lost)
			}
		})
	}
}

// All copies are to have a write before it is answered. One that does not answer is waited for ten
// seconds, once; then the primary acknowledges alone.
func TestSyncWaitsForTenSeconds(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {threads: 99, ops: {do: {work: 0s, calls: [db.write]}}}
  db:    {threads: 99, store: {copies: 2, ack: sync, failover: 10s}, ops: {write: {work: 1ms}}}
`), strike(fault.Crash, "db/1", 20500*ms, time.Hour))
	wantCalls(t, out, measure.Calls{OK: 60})
	wantLatency(t, out, ms, syncPatience+ms)
	// The writes from 21 s to 30 s wait for the same moment.
	l := out.Result.Operations[0].OK
	if below, above := l.Quantile(50.0/60), l.Quantile(51.0/60); below > 10 || above < 1000 {
		t.Errorf("the write that waits shortest but ten took %v ms, the next %v ms; want 1 ms and a second", below, above)
	}
}

// Reads of any copy are shared out; reads of the primary go there.
func TestReads(t *testing.T) {
	for reads, want := range map[string][]uint64{"primary": {60, 0, 0}, "any": {20, 20, 20}} {
		sc := parse(t, `
services:
  front: {ops: {do: {work: 0s, calls: [db.read_one]}}}
  db:    {store: {copies: 3, ack: majority, reads: `+reads+`}, ops: {read_one: {work: 1ms}}}
`)
		inside(t, sc, nil, nil, func(sys *System) {
			for i, m := range sys.services[1].members {
				if got := m.Stats().Done; got != want[i] {
					t.Errorf("reads: %s: copy %d answered %d, want %d", reads, i, got, want[i])
				}
			}
		})
	}
}

// A quorum's copies work on a request with luck of their own: the second of three exponential times has
// the mean 1/3 + 1/2 of one.
func TestQuorumWaitsForTheSecondOfThree(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {threads: 99, ops: {do: {work: 0s, calls: [db.write]}}}
  db:    {threads: 99, cpus: 99, store: {copies: 3, ack: quorum}, ops: {write: {work: exp 60ms}}}
workload: {visits: {rate: 100/s, arrivals: regular, mix: {front.do: 100%}}}
`))
	l := out.Result.Operations[0].OK
	// The variance of that order statistic is (1/9 + 1/4) of a squared mean.
	mean, se := 60*(1.0/3+1.0/2), 60*0.601/77.7
	if d := l.Mean - mean; d < -4*se || d > 4*se {
		t.Errorf("mean latency is %v ms, want %v ± %v", l.Mean, mean, se)
	}
}

// What the copies of a quorum do for one write is one effect, and a repeated write is another.
func TestEffectsOfAQuorum(t *testing.T) {
	for _, tt := range []struct {
		idempotent, attempt string
		want                int64
	}{{"no", "1s", 0}, {"no", "200ms", 59}, {"by_key", "200ms", 0}} {
		out := play(t, parse(t, `
services:
  front: {threads: 99, ops: {do: {work: 0s, calls: [db.write]}}}
  db:    {threads: 99, store: {copies: 3, ack: quorum}, ops: {write: {work: 300ms, idempotent: `+tt.idempotent+`}}}
calls: {front: {db: {timeout: {attempt: `+tt.attempt+`}, retry: {attempts: 2, backoff: 1ms..1ms, jitter: none}}}}
objectives: {work: {of: front.do, target: 99%, once: [db.write]}}
`))
		if got := effectOf(t, out, "db.write").Double; got != tt.want {
			t.Errorf("idempotent %s, given up after %s: %d double effects, want %d", tt.idempotent, tt.attempt, got, tt.want)
		}
	}
}

// A role is resolved when its fault begins: the second strike meets the second primary.
func TestThePrimaryIsWhoeverLeads(t *testing.T) {
	sc := parse(t, `
services:
  front: {threads: 99, ops: {do: {work: 0s, calls: [db.write]}}}
  db:    {threads: 99, store: {copies: 3, ack: majority, failover: 5s}, ops: {write: {work: 1ms}}}
`)
	first := strike(fault.Crash, "primary:db", 10500*ms, 12*time.Second)
	second := strike(fault.Crash, "primary:db", 30500*ms, time.Hour)
	meanwhile := strike(fault.Crash, "primary:db", 32500*ms, time.Hour)
	out := play(t, sc, first, second, meanwhile)
	wantCalls(t, out, measure.Calls{OK: 50, Error: 10})
	var met []string
	for _, e := range out.Effects {
		met = append(met, e.Victim)
	}
	if len(met) != 2 || met[0] != "db/0" || met[1] == "db/0" {
		t.Errorf("the primaries %v crashed, want db/0 and its successor; nobody leads at the third strike", met)
	}
	// The plan as it was met is replayed without its roles being asked.
	again := do(t, Run{Scenario: sc, Plan: out.Plan, Until: sc.Study.Lasts})
	if again.Sim.Digest != out.Sim.Digest {
		t.Error("the plan that was met gives another run")
	}
}

package system

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/fault"
	"github.com/nines-sim/nines/sim/measure"
)

// history plays a story and returns when a replica went down and came up.
func history(t *testing.T, story, replica string, lasts time.Duration, entries ...fault.Entry) string {
	t.Helper()
	var changes []string
	sc := parse(t, story)
	sc.Study.Lasts = lasts
	inside(t, sc, entries, func(sys *System) {
		for _, svc := range sys.services {
			for _, m := range svc.members {
				if m.Name() == replica {
					m.OnChange(func(up bool) {
						changes = append(changes, fmt.Sprintf("%s %v", map[bool]string{true: "up", false: "down"}[up], sys.s.Now().Sub(0)))
					})
				}
			}
		}
	}, nil)
	return strings.Join(changes, ", ")
}

const lonely = "services: {front: {ops: {do: {work: 1ms}}}}\n"

// When a replica is down, and when it is up again.
func TestHealing(t *testing.T) {
	crash := func(at, lasts time.Duration) fault.Entry { return strike(fault.Crash, "front/0", at, lasts) }
	const s = time.Second
	machine := strike(fault.Outage, "machines.front-0", 10*s, 1000*s)
	for _, tt := range []struct {
		name, story string
		entries     []fault.Entry
		want        string
	}{
		{"nothing heals", lonely, []fault.Entry{crash(10*s, 0)}, "down 10s"},
		{"a crash that lasts", lonely, []fault.Entry{crash(10*s, 20*s)}, "down 10s, up 30s"},
		{"two crashes that overlap", lonely, []fault.Entry{crash(10*s, 20*s), crash(20*s, 30*s)}, "down 10s, up 50s"},
		{"one within another", lonely, []fault.Entry{crash(10*s, 50*s), crash(20*s, 10*s)}, "down 10s, up 1m0s"},
		{"a restart", lonely + "healing: {restart: {after: 10s, boot: 20s}}\n", []fault.Entry{crash(10*s, 0)}, "down 10s, up 40s"},
		{"a restart ends a crash that lasts", lonely + "healing: {restart: {after: 10s, boot: 20s}}\n", []fault.Entry{crash(10*s, 1000*s)}, "down 10s, up 40s"},
		{"restarts in a row wait longer and longer", lonely + "healing: {restart: {after: 1s, boot: 1s, backoff: 10s..25s, reset: 100s}}\n",
			[]fault.Entry{crash(10*s, 0), crash(20*s, 0), crash(50*s, 0), crash(100*s, 0)},
			"down 10s, up 12s, down 20s, up 32s, down 50s, up 1m12s, down 1m40s, up 2m7s"},
		{"one that was up for long starts over", lonely + "healing: {restart: {after: 1s, boot: 1s, backoff: 10s..20s, reset: 60s}}\n",
			[]fault.Entry{crash(10*s, 0), crash(80*s, 0)}, "down 10s, up 12s, down 1m20s, up 1m22s"},
		{"the machine's power, and its boot", lonely, []fault.Entry{strike(fault.Outage, "machines.front-0", 10*s, 20*s)}, "down 10s, up 1m30s"},
		{"the zone's power", lonely, []fault.Entry{strike(fault.Outage, "zones.a", 10*s, 20*s)}, "down 10s, up 1m30s"},
		{"a zone and its machine", lonely, []fault.Entry{strike(fault.Outage, "zones.a", 10*s, 20*s), strike(fault.Outage, "machines.front-0", 20*s, 40*s)},
			"down 10s, up 2m0s"},
		{"a crash without power is none", lonely, []fault.Entry{strike(fault.Outage, "zones.a", 10*s, 20*s), crash(20*s, 0)}, "down 10s, up 1m30s"},
		{"power lost while it restarts", lonely + "healing: {restart: {after: 10s, boot: 20s}}\n",
			[]fault.Entry{crash(10*s, 0), strike(fault.Outage, "machines.front-0", 30*s, 60*s)}, "down 10s, up 2m30s"},
		{"another machine", lonely + "healing: {replace: {after: 1m, boot: 30s}}\n", []fault.Entry{machine}, "down 10s, up 1m40s"},
		{"no spare machine", lonely + "healing: {replace: {after: 1m, boot: 30s, spares: 0}}\n", []fault.Entry{machine}, "down 10s"},
		{"only one spare machine", lonely + "healing: {replace: {after: 1m, boot: 30s, spares: 1}}\n",
			[]fault.Entry{machine, strike(fault.Outage, "machines.front-0", 110*s, 1000*s)}, "down 10s, up 1m40s, down 1m50s"},
		{"as many as are needed", lonely + "healing: {replace: {after: 30s, boot: 10s, spares: unlimited}}\n",
			[]fault.Entry{machine, strike(fault.Outage, "machines.front-0", 110*s, 1000*s)}, "down 10s, up 50s, down 1m50s, up 2m30s"},
		{"no power for another machine", lonely + "healing: {replace: {after: 1m, boot: 30s}}\n",
			[]fault.Entry{strike(fault.Outage, "zones.a", 10*s, 110*s)}, "down 10s, up 2m40s"},
		{"another machine after a restart in vain", lonely + "healing: {restart: {after: 10s, boot: 20s}, replace: {after: 1m, boot: 30s}}\n",
			[]fault.Entry{crash(5*s, 0), machine}, "down 5s, up 2m5s"}, // 35 s: no machine; 95 s: another one
		{"a probe that fails restarts what stands still", lonely + "healing: {restart: {after: 10s, boot: 20s, probe: {every: 10s, timeout: 1s, failures: 3}}}\n",
			[]fault.Entry{strike(fault.Pause, "front/0", 10*s, 0)}, "down DETECTED, up +20s"},
		{"nobody is told that nothing happens", lonely + "healing: {restart: {after: 10s, boot: 20s}}\n",
			[]fault.Entry{strike(fault.Pause, "front/0", 10*s, 0)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := history(t, tt.story, "front/0", 200*time.Second, tt.entries...)
			if strings.Contains(tt.want, "DETECTED") {
				// Between two and three periods, a timeout and the wait after the last answered probe.
				down, up, ok := strings.Cut(strings.TrimPrefix(got, "down "), ", up ")
				from, _ := time.ParseDuration(down)
				to, _ := time.ParseDuration(up)
				if !ok || from < 10*s+2*10*s+s+10*s || from > 10*s+3*10*s+s+10*s || to != from+20*s {
					t.Errorf("got %s, want it down after 41 to 51 s, and up 20 s later", got)
				}
				return
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// A liveness probe starts anew with each life: a replica that stands still again is restarted again.
func TestLivenessProbesRestartMoreThanOnce(t *testing.T) {
	story := lonely + "healing: {restart: {after: 1s, boot: 1s, backoff: 1s..1s, probe: {every: 2s, timeout: 1s, failures: 2}}}\n"
	got := history(t, story, "front/0", 200*time.Second,
		strike(fault.Pause, "front/0", 10*time.Second, 0), strike(fault.Pause, "front/0", 50*time.Second, 0))
	if strings.Count(got, "up") != 2 {
		t.Errorf("got %s, want two restarts", got)
	}
	// What makes every life fail is no news only if the probe forgets: a machine that stands still.
	got = history(t, story, "front/0", 60*time.Second, strike(fault.Pause, "machines.front-0", 10*time.Second, 0))
	if n := strings.Count(got, "down"); n < 4 {
		t.Errorf("got %s, want one restart after the other", got)
	}
}

// A replica that moved is met on its new machine by what is named after it.
func TestFaultsFollowAReplica(t *testing.T) {
	const s = time.Second
	story := lonely + "healing: {replace: {after: 10s, boot: 10s}}\nzones: [a, b]\n"
	got := history(t, story, "front/0", 300*s, strike(fault.Outage, "zones.a", 10*s, 1000*s),
		strike(fault.Outage, "machines.front-0", 100*s, s), strike(fault.Outage, "zones.b", 200*s, s))
	// The second outage has ended by the time that another machine is found: it boots first.
	want := "down 10s, up 30s, down 1m40s, up 2m0s, down 3m20s"
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s ...", got, want)
	}
}

// A copy that moves leaves its data behind: it moves only if another copy has it.
func TestCopiesThatMove(t *testing.T) {
	const s = time.Second
	for copies, want := range map[string]measure.Calls{
		"1": {OK: 40, Error: 80},  // 20 s without power and the boot of its machine
		"2": {OK: 110, Error: 10}, // a majority of two is both: there is a second copy again after 5 s + 5 s
	} {
		sc := parse(t, `
services:
  front: {spread: [b], threads: 99, ops: {do: {work: 0s, calls: [db.write]}}}
  db:    {spread: [a, b], threads: 99, store: {copies: `+copies+`, ack: majority, failover: 10s}, ops: {write: {work: 1ms}}}
zones: [a, b]
calls: {front: {db: {timeout: {attempt: 900ms}}}}
healing: {replace: {after: 5s, boot: 5s}}
`)
		sc.Study.Lasts = 120500 * ms
		out := play(t, sc, strike(fault.Outage, "zones.a", 20500*ms, 20*s))
		wantCalls(t, out, want)
		if out.Result.Lost != 0 {
			t.Errorf("%s copies: lost %d writes", copies, out.Result.Lost)
		}
	}
}

// A spare is taken where the service has lost most.
func TestSparesFillTheGap(t *testing.T) {
	for i, zone := range []string{"a", "b", "c"} {
		sc := parse(t, "services: {front: {replicas: 3, spread: [a, b, c], ops: {do: {work: 1ms}}}}\n"+
			"zones: [a, b, c, d]\nhealing: {replace: {after: 5s, boot: 5s}}\n")
		lost := strike(fault.Outage, fmt.Sprintf("machines.front-%d", i), 10*time.Second, time.Hour)
		inside(t, sc, []fault.Entry{lost}, nil, func(sys *System) {
			m := sys.services[0].members[i]
			if now := sys.machine(m.Replica); !m.Up() || now.zone.name != zone || now.Name() != "front-spare-1" {
				t.Errorf("replica %d is on %s in zone %s, up: %v; want it on a spare in zone %s", i, now.Name(), now.zone.name, m.Up(), zone)
			}
		})
	}
}

// What runs on another machine is healed, whatever becomes of the machine that it ran on.
func TestAReplacementEndsACrashOfTheMachine(t *testing.T) {
	out := play(t, parse(t, lonely+"healing: {replace: {after: 5s, boot: 5s}}\n"), strike(fault.Crash, "machines.front-0", 10500*ms, 0))
	if e := out.Effects[0]; e.EndedBy != fault.Healing || e.Ended != sim.Time(15500*ms) {
		t.Errorf("the crash was ended by %q at %v, want by healing after 5 s", e.EndedBy, e.Ended)
	}
}

// A primary that moved has nothing, and does not act as if nothing had been written.
func TestAPrimaryThatMovedDoesNotLead(t *testing.T) {
	out := play(t, parse(t, `
services:
  front: {threads: 99, ops: {do: {work: 0s, calls: [db.write]}}}
  db:    {threads: 99, store: {copies: 2, ack: local, failover: by_hand}, ops: {write: {work: 1ms}}}
calls: {front: {db: {timeout: {attempt: 900ms}}}}
healing: {replace: {after: 5s, boot: 5s}}
`), strike(fault.Outage, "machines.db-0", 20500*ms, time.Hour))
	wantCalls(t, out, measure.Calls{OK: 20, Error: 40})
}

// A balancer leaves out a replica that fails its probes, and takes it back.
func TestEjection(t *testing.T) {
	story := `
services: {front: {replicas: 2, probes: {every: 2s, timeout: 1s, failures: 2, successes: 1}, ops: {do: {work: 1ms}}}}
calls: {visits: {front: {timeout: {attempt: 500ms}, balance: {eject_unhealthy: EJECT}}}}
`
	pause := strike(fault.Pause, "front/1", 10500*ms, 30*time.Second)
	// Every second of 30 calls meets the one that stands still.
	wantCalls(t, play(t, parse(t, replace(story, "EJECT", "false")), pause), measure.Calls{OK: 45, Timeout: 15})
	out := play(t, parse(t, replace(story, "EJECT", "true")), pause)
	// It is noticed within two periods, a timeout and a period.
	if bad := out.Result.Calls.Timeout; bad < 1 || bad > 4 {
		t.Errorf("%d calls met the replica that stands still, want 1 to 4", bad)
	}
	e := edgeOf(t, out, "visits.front")
	if e.Sent != 60 {
		t.Errorf("%d calls were sent, want all", e.Sent)
	}
}

// Who ends what, and when: the person acknowledges after a minute and fixes after two more.
func TestOnCall(t *testing.T) {
	const (
		s      = time.Second
		person = "healing: {on_call: {paged_by: [burn], ack: 1m, fix: 2m, unpaged: 20m}}\n"
		alarm  = "alerts: {burn: {on: objectives.work, scrape: 5s, rules: {all: {burn: 10x, long: 1m, short: 30s}}}}\n"
		mute   = "healing: {on_call: {paged_by: [], ack: 1m, fix: 2m, unpaged: 20m}}\n"
		db     = "services:\n  front: {threads: 99, ops: {do: {work: 0s, calls: [db.write]}}}\n" +
			"  db: {threads: 99, store: {copies: 3, ack: majority, failover: by_hand}, ops: {write: {work: 1ms}}}\n" +
			"calls: {front: {db: {timeout: {attempt: 500ms}}}}\n"
	)
	for _, tt := range []struct {
		name, story string
		entry       fault.Entry
		by          fault.By
		from, to    time.Duration // since the fault began: when calls are good again
	}{
		{"paged, starts what crashed", lonely + person + alarm, strike(fault.Crash, "front/0", 600*s, 0), fault.OnCall, 185 * s, 200 * s},
		{"paged, rolls back", lonely + person + alarm, strike(fault.Deploy, "front", 600*s, 0, fault.Params{Errors: 1}), fault.OnCall, 185 * s, 200 * s},
		{"not paged", lonely + mute + alarm, strike(fault.Crash, "front/0", 600*s, 0), fault.OnCall, 1380 * s, 1381 * s},
		{"paged, waits the cause out", lonely + person + alarm, strike(fault.Errors, "front", 600*s, 500*s, fault.Params{Errors: 1}), fault.Itself, 500 * s, 501 * s},
		{"paged, and it is over before", lonely + person + alarm, strike(fault.Errors, "front", 600*s, 60*s, fault.Params{Errors: 1}), fault.Itself, 60 * s, 61 * s},
		{"paged, starts the primary", db + person + alarm, strike(fault.Crash, "primary:db", 600*s, 0), fault.OnCall, 185 * s, 200 * s},
		{"paged, replaces a primary that is cut off", db + person + alarm, strike(fault.Partition, "db/0", 600*s, 1200*s), fault.Itself, 185 * s, 200 * s},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sc := parse(t, tt.story)
			sc.Study.Lasts, sc.Study.Window = 2400*s, s
			out := play(t, sc, tt.entry)
			if len(out.Effects) != 1 || out.Effects[0].EndedBy != tt.by {
				t.Fatalf("effects: %+v, want one ended by %s", out.Effects, tt.by)
			}
			o := out.Result.Objectives[0]
			if len(o.Outages) != 1 {
				t.Fatalf("outages: %+v, want one", o.Outages)
			}
			if took := time.Duration(o.Outages[0].To*1e9) - 600*s; took < tt.from || took > tt.to {
				t.Errorf("good again after %v, want %v to %v", took, tt.from, tt.to)
			}
		})
	}
}

// A queue full of work that nobody waits for keeps failing when the surge is over. The person on call
// finds nothing wrong, and starts the replica anew.
func TestOnCallRestartsWhatIsStuck(t *testing.T) {
	story := `
services: {front: {queue: {length: unlimited}, ops: {do: {work: 500ms}}}}
calls: {visits: {front: {timeout: {attempt: 5s}, retry: {attempts: 3, backoff: 1s..1s}}}}
alerts: {burn: {on: objectives.work, scrape: 5s, rules: {all: {burn: 10x, long: 5m, short: 1m}}}}
healing: {on_call: {paged_by: [PAGED], ack: 1m, fix: 2m, unpaged: 1d}}
`
	surge := strike(fault.Surge, "workload.visits", 600*time.Second, 60*time.Second, fault.Params{Factor: 5})
	for paged, recovers := range map[string]bool{"burn": true, "": false} {
		sc := parse(t, replace(story, "PAGED", paged))
		sc.Study.Lasts = 3600 * time.Second
		var notes []string
		out := do(t, Run{Scenario: sc, Plan: planned(surge), Until: sc.Study.Lasts, Watch: func(s *sim.Simulation) {
			s.OnNote(func(n sim.Note) { notes = append(notes, n.Detail) })
		}})
		last := out.Result.Objectives[0].Windows[50]
		if (last.Good == last.Valid) != recovers || slices.Contains(notes, "restarted: stuck") != recovers {
			t.Errorf("paged by %q: in the end %d of %d calls are good", paged, last.Good, last.Valid)
		}
	}
}

// A person who comes when all is well again restarts nothing, however busy it is.
func TestOnCallLeavesWhatIsBusy(t *testing.T) {
	sc := parse(t, `
services: {front: {ops: {do: {work: 450ms}}}}
workload:
  visits: {rate: 1/s, arrivals: regular, mix: {front.do: 100%}}
  others: {rate: 1/s, arrivals: regular, mix: {front.do: 100%}}
alerts: {burn: {on: objectives.work, scrape: 5s, rules: {all: {burn: 10x, long: 5m, short: 1m}}}}
healing: {on_call: {paged_by: [burn], ack: 60100ms, fix: 2m, unpaged: 1d}}
`)
	sc.Study.Lasts = 1200 * time.Second
	failing := strike(fault.Errors, "front", 600*time.Second, 60*time.Second, fault.Params{Errors: 1})
	inside(t, sc, []fault.Entry{failing}, nil, func(sys *System) {
		if n := len(sys.onCall.Incidents()); n != 1 {
			t.Errorf("%d incidents, want one", n)
		}
		if m := sys.services[0].members[0]; m.Since() != 0 {
			t.Errorf("front was restarted at %v", m.Since())
		}
	})
}

// Nobody notices by chance what nobody could do anything about.
func TestUnpagedProblemsAreThoseThatCanBeFixed(t *testing.T) {
	for lasts, want := range map[time.Duration]int{0: 1, time.Hour: 0} {
		sc := parse(t, lonely+"healing: {on_call: {paged_by: [], ack: 1m, fix: 1m, unpaged: 5m}}\n")
		sc.Study.Lasts = 1200 * time.Second
		failing := strike(fault.Errors, "front", 60*time.Second, lasts, fault.Params{Errors: 1})
		inside(t, sc, []fault.Entry{failing}, nil, func(sys *System) {
			if n := len(sys.onCall.Incidents()); n != want {
				t.Errorf("a fault of %v: %d incidents, want %d", lasts, n, want)
			}
		})
	}
}

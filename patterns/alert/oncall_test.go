package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/patterns/alert"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/dist"
)

func run(t *testing.T, f func(s *sim.Simulation)) {
	t.Helper()
	if _, err := sim.Run(sim.Config{Seed: 1}, f); err != nil {
		t.Fatal(err)
	}
}

// Somebody who acknowledges after 5 minutes and fixes after 10 more.
func prompt() alert.OnCallConfig {
	return alert.OnCallConfig{
		Ack:     dist.Must(dist.NewConstant(5 * 60)),
		Fix:     dist.Must(dist.NewConstant(10 * 60)),
		Unpaged: 2 * time.Hour,
	}
}

func minute(n int) sim.Time { return sim.Time(n) * sim.Time(time.Minute) }

func TestOnCallStories(t *testing.T) {
	type story struct {
		name  string
		do    func(s *sim.Simulation, o *alert.OnCall)
		lasts int // minutes of a problem that starts at minute 1; zero: until fixed
		want  []alert.Incident
		fixes []sim.Time
	}
	at := func(m int, f func(o *alert.OnCall)) func(*sim.Simulation, *alert.OnCall) {
		return func(s *sim.Simulation, o *alert.OnCall) { s.At(minute(m), func() { f(o) }) }
	}
	page := func(o *alert.OnCall) { o.Page("slow") }
	for _, tt := range []story{
		{name: "a page is acknowledged and the problem fixed", do: at(3, page),
			want:  []alert.Incident{{Cause: "slow", Pages: 1, Began: minute(1), Paged: minute(3), Acked: minute(8), Fixed: minute(18)}},
			fixes: []sim.Time{minute(18)}},
		{name: "a second page joins", do: func(s *sim.Simulation, o *alert.OnCall) {
			at(3, page)(s, o)
			at(17, func(o *alert.OnCall) { o.Page("down") })(s, o)
		},
			want:  []alert.Incident{{Cause: "slow", Pages: 2, Began: minute(1), Paged: minute(3), Acked: minute(8), Fixed: minute(18)}},
			fixes: []sim.Time{minute(18)}},
		{name: "a later page is an incident of its own, and a false alarm", do: func(s *sim.Simulation, o *alert.OnCall) {
			at(3, page)(s, o)
			at(20, page)(s, o)
		},
			want: []alert.Incident{
				{Cause: "slow", Pages: 1, Began: minute(1), Paged: minute(3), Acked: minute(8), Fixed: minute(18)},
				{Cause: "slow", Pages: 1, Began: minute(20), Paged: minute(20), Acked: minute(25), Fixed: minute(35)}},
			fixes: []sim.Time{minute(18), minute(35)}},
		{name: "nobody is paged: it is noticed in the end", do: func(*sim.Simulation, *alert.OnCall) {},
			want:  []alert.Incident{{Cause: "deploy", Unpaged: true, Pages: 1, Began: minute(1), Paged: minute(121), Acked: minute(126), Fixed: minute(136)}},
			fixes: []sim.Time{minute(136)}},
		{name: "it is over before anybody notices", do: func(*sim.Simulation, *alert.OnCall) {}, lasts: 100},
		{name: "a ticket pages nobody", lasts: 10,
			do: at(3, func(o *alert.OnCall) {
				o.Hear(alert.Change{To: alert.Firing, Rule: alert.Rule{Severity: alert.Ticket}})
				o.Hear(alert.Change{To: alert.Pending, Rule: alert.Rule{Severity: alert.Page}})
				o.Hear(alert.Change{From: alert.Firing, Rule: alert.Rule{Severity: alert.Page}})
			})},
		{name: "an alert does", lasts: 10,
			do: at(3, func(o *alert.OnCall) {
				o.Hear(alert.Change{To: alert.Firing, Rule: alert.Rule{Name: "burn"}})
			}),
			want:  []alert.Incident{{Cause: "burn", Pages: 1, Began: minute(1), Paged: minute(3), Acked: minute(8), Fixed: minute(18)}},
			fixes: []sim.Time{minute(18)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(s *sim.Simulation) {
				var problem *alert.Problem
				var fixes []sim.Time
				o := alert.NewOnCall(s, "ann", prompt(), func(p *sim.Process) {
					fixes = append(fixes, p.Now())
					problem.Over()
				})
				s.At(minute(1), func() { problem = o.Began("deploy") })
				if tt.lasts > 0 {
					s.At(minute(1+tt.lasts), func() { problem.Over() })
				}
				tt.do(s, o)
				s.RunUntil(minute(360))
				if diff := cmp.Diff(tt.want, o.Incidents()); diff != "" {
					t.Errorf("incidents (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.fixes, fixes); diff != "" {
					t.Errorf("fixes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A page that comes while the repair takes its time is about something else: it is not lost.
func TestAPageDuringTheRepairIsWorkedOnNext(t *testing.T) {
	run(t, func(s *sim.Simulation) {
		o := alert.NewOnCall(s, "ann", prompt(), func(p *sim.Process) { p.Sleep(20 * time.Minute) })
		s.At(0, func() { o.Page("first") })
		s.At(minute(20), func() { o.Page("second") }) // fixed at 15, repaired at 35
		s.RunUntil(minute(120))
		last := o.Incidents()[len(o.Incidents())-1]
		want := alert.Incident{Cause: "second", Pages: 1, Began: minute(20), Paged: minute(20), Acked: minute(40), Fixed: minute(50)}
		if diff := cmp.Diff(want, last); diff != "" {
			t.Error(diff)
		}
	})
}

// Times to acknowledge and fix depend on the number of the incident, not on when it happens.
func TestOnCallHasTheSameLuckInEveryVariant(t *testing.T) {
	took := func(start int) (ack, fix time.Duration) {
		run(t, func(s *sim.Simulation) {
			o := alert.NewOnCall(s, "ann", alert.DefaultOnCallConfig(), func(*sim.Process) {})
			s.At(minute(start), func() { o.Page("slow") })
			s.RunUntil(minute(100_000))
			i := o.Incidents()[0]
			ack, fix = i.Acked.Sub(i.Paged), i.Fixed.Sub(i.Acked)
		})
		return ack, fix
	}
	ack1, fix1 := took(1)
	ack2, fix2 := took(77)
	if ack1 != ack2 || fix1 != fix2 || ack1 == 0 || fix1 == 0 || ack1 == fix1 {
		t.Errorf("%v %v and %v %v", ack1, fix1, ack2, fix2)
	}
}

func TestOnCallConfigNamesEveryBadField(t *testing.T) {
	err := alert.OnCallConfig{Unpaged: -1}.Validate()
	for _, field := range []string{"ack", "fix", "unpaged"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %q", err, field)
		}
	}
}

// A service fails every call until it is fixed; the person hears of it by the alert.
func ExampleOnCall() {
	sim.Run(sim.Config{Seed: 1}, func(s *sim.Simulation) {
		s.OnNote(func(n sim.Note) { fmt.Println(n.At, n.Kind, n.Subject, n.Detail) })
		var counts alert.Counts
		broken := false
		s.Background("load", func(p *sim.Process) {
			for p.Sleep(time.Second) == nil {
				counts.Calls++
				if broken {
					counts.Bad++
				}
			}
		})
		ann := alert.NewOnCall(s, "ann", prompt(), func(*sim.Process) { broken = false })
		cfg := alert.DefaultConfig()
		cfg.Rules = cfg.Rules[:1]
		cfg.Calm = alert.Counts{Calls: 15}
		s.Background("monitor", func(p *sim.Process) {
			alert.NewMonitor(cfg).Watch(p, "checkout", func() alert.Counts { return counts }, ann.Hear)
		})
		s.At(minute(10), func() { broken = true; ann.Began("bad deploy") })
		s.RunUntil(minute(40))
		fmt.Println("detected after", ann.Incidents()[0].Detected())
	})
	// Output:
	// 11m0s alert checkout firing: burn 14.4x over 1h
	// 11m0s on-call ann 1 paged: burn 14.4x over 1h
	// 16m0s on-call ann 1 acknowledged
	// 26m0s on-call ann 1 fixed
	// 31m0s alert checkout resolved: burn 14.4x over 1h
	// detected after 1m0s
}

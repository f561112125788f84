package measure

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

const (
	second = sim.Time(time.Second)
	minute = sim.Time(time.Minute)
)

// shop judges checkout: an answer within 3 s, settled within 15 min, charged once.
func shop() Config {
	cfg := DefaultConfig()
	cfg.Operations = []Operation{{Name: "browse"}, {Name: "checkout"}}
	cfg.Objectives = []Objective{
		{Name: "browse", Of: "browse", Within: 500 * time.Millisecond, Target: 0.9, DegradedGood: true},
		{Name: "checkout", Of: "checkout", Within: 3 * time.Second, Target: 0.9, Settled: 15 * time.Minute, Once: []string{"charge"}},
	}
	cfg.Causes = []string{"crash", "sale"}
	cfg.Effects = []string{"charge", "mail"}
	return cfg
}

const (
	browse   = 0
	checkout = 1
	charge   = 0
	mail     = 1
)

func TestCallsAreJudgedByTheirObjective(t *testing.T) {
	for _, c := range []struct {
		story     string
		operation int
		outcome   Outcome
		after     time.Duration
		good      bool
	}{
		{"in time", browse, OK, 500 * time.Millisecond, true},
		{"a nanosecond too late", browse, OK, 500*time.Millisecond + 1, false},
		{"degraded counts for browse", browse, Degraded, time.Millisecond, true},
		{"degraded does not count for checkout", checkout, Degraded, time.Millisecond, false},
		{"rejected is bad", browse, Rejected, 0, false},
		{"timeout is bad", checkout, Timeout, time.Second, false},
		{"an error is bad", checkout, Error, time.Second, false},
		{"unknown is bad", checkout, Unknown, time.Second, false},
	} {
		r := NewRecorder(shop())
		id := r.Arrived(c.operation, second)
		r.Ended(id, second.Add(c.after), c.outcome, 1)
		o := r.Finish(minute).Objectives[c.operation]
		if o.Valid != 1 || (o.Good == 1) != c.good {
			t.Errorf("%s: valid %d, good %d", c.story, o.Valid, o.Good)
		}
		if err := r.Check(); err != nil {
			t.Errorf("%s: %v", c.story, err)
		}
	}
}

func TestEffectsCanTurnACallBad(t *testing.T) {
	at := func(d time.Duration) sim.Time { return second.Add(d) }
	for _, c := range []struct {
		story               string
		tell                func(r *Recorder, id CallID)
		end                 time.Duration
		valid, good         int64
		double, late, leftO int64
	}{
		{"promised and settled in time", func(r *Recorder, id CallID) {
			r.Promised(id, charge)
			r.Ended(id, at(time.Second), OK, 1)
			r.Applied(id, charge, at(15*time.Minute))
		}, time.Hour, 1, 1, 0, 0, 0},
		{"settled too late", func(r *Recorder, id CallID) {
			r.Promised(id, charge)
			r.Ended(id, at(time.Second), OK, 1)
			r.Applied(id, charge, at(15*time.Minute+1))
		}, time.Hour, 1, 0, 0, 1, 0},
		{"never settled", func(r *Recorder, id CallID) {
			r.Promised(id, mail)
			r.Ended(id, at(time.Second), OK, 1)
		}, time.Hour, 1, 0, 0, 1, 0},
		{"not settled when the run ends early", func(r *Recorder, id CallID) {
			r.Promised(id, mail)
			r.Ended(id, at(time.Second), OK, 1)
		}, 10 * time.Minute, 0, 0, 0, 0, 1},
		{"found unsettled when a later call ends", func(r *Recorder, id CallID) {
			r.Promised(id, mail)
			r.Ended(id, at(time.Second), OK, 1)
			other := r.Arrived(checkout, at(16*time.Minute))
			r.Ended(other, at(16*time.Minute), OK, 1)
			r.Applied(id, mail, at(17*time.Minute)) // long forgotten
		}, time.Hour, 2, 1, 0, 1, 0},
		{"a call that ends just before the time to settle does not end the watch", func(r *Recorder, id CallID) {
			r.Promised(id, mail)
			r.Ended(id, at(time.Second), OK, 1)
			other := r.Arrived(checkout, at(15*time.Minute-1000))
			r.Ended(other, at(15*time.Minute-1000), OK, 1)
			r.Applied(id, mail, at(16*time.Minute))
		}, time.Hour, 2, 1, 0, 1, 0},
		{"lost before it ended", func(r *Recorder, id CallID) {
			r.Lost(id, 1, at(time.Millisecond))
			r.Ended(id, at(time.Second), OK, 1)
		}, time.Hour, 1, 0, 0, 0, 0},
		{"charged twice", func(r *Recorder, id CallID) {
			r.Applied(id, charge, at(time.Second))
			r.Ended(id, at(time.Second), OK, 2)
			r.Applied(id, charge, at(2*time.Second))
		}, time.Hour, 1, 0, 1, 0, 0},
		{"charged twice before it ended", func(r *Recorder, id CallID) {
			r.Applied(id, charge, at(time.Second))
			r.Applied(id, charge, at(time.Second))
			r.Ended(id, at(time.Second), OK, 2)
		}, time.Hour, 1, 0, 1, 0, 0},
		{"two mails are counted, but good", func(r *Recorder, id CallID) {
			r.Applied(id, mail, at(time.Second))
			r.Ended(id, at(time.Second), OK, 1)
			r.Applied(id, mail, at(2*time.Second))
		}, time.Hour, 1, 1, 1, 0, 0},
		{"acknowledged, then lost", func(r *Recorder, id CallID) {
			r.Ended(id, at(time.Second), OK, 1)
			r.Lost(id, 1, at(2*time.Second))
		}, time.Hour, 1, 0, 0, 0, 0},
	} {
		r := NewRecorder(shop())
		c.tell(r, r.Arrived(checkout, second))
		res := r.Finish(sim.Time(c.end))
		o := res.Objectives[checkout]
		var double, late int64
		for _, e := range res.Effects {
			double += e.Double
			late += e.Late
		}
		got := []int64{o.Valid, o.Good, double, late, o.LeftOut}
		if diff := cmp.Diff([]int64{c.valid, c.good, c.double, c.late, c.leftO}, got); diff != "" {
			t.Errorf("%s: valid, good, double, late, left out: %s", c.story, diff)
		}
		if err := r.Check(); err != nil {
			t.Errorf("%s: %v", c.story, err)
		}
	}
}

func TestWarmupAndOpenCalls(t *testing.T) {
	cfg := shop()
	cfg.Warmup = time.Minute
	r := NewRecorder(cfg)
	cold := r.Arrived(browse, 59*second)
	warm := r.Arrived(browse, 60*second)
	r.Ended(cold, 61*second, Error, 1)
	r.Ended(warm, 60*second+1, OK, 3)
	r.Arrived(browse, 119*second)     // open, older than Within: bad
	r.Arrived(browse, 120*second-100) // open, too young to tell
	res := r.Finish(120 * second)
	o := res.Objectives[browse]
	if o.Valid != 2 || o.Good != 1 || o.LeftOut != 1 {
		t.Errorf("valid %d, good %d, left out %d; need 2, 1, 1", o.Valid, o.Good, o.LeftOut)
	}
	if diff := cmp.Diff(Calls{OK: 1, Open: 2}, res.Calls); diff != "" {
		t.Error(diff)
	}
	if got := res.Operations[browse].AttemptsPerCall; got != 3 {
		t.Errorf("attempts per call %v, need 3", got)
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
}

// each sends n calls in a minute, the first bad of which fail.
func each(r *Recorder, minutes int, bad int) {
	for i := range 10 {
		at := sim.Time(minutes)*minute + sim.Time(i)*second
		o := OK
		if i < bad {
			o = Error
		}
		r.Ended(r.Arrived(browse, at), at+1, o, 1)
	}
}

func TestOutagesCausesAndRecovery(t *testing.T) {
	r := NewRecorder(shop())
	each(r, 0, 0)
	each(r, 1, 1) // 90 %: the target is met
	r.AlertFired("old", minute)
	f := r.FaultBegan(0, 2*minute)
	each(r, 2, 8)
	r.AlertFired("burn", 2*minute+30*second)
	r.FaultEnded(f, 3*minute)
	each(r, 4, 5) // minute 3 has no calls: the outage goes on; this is the aftermath
	each(r, 5, 0)
	r.AlertCleared("burn", 5*minute)
	g := r.FaultBegan(1, 6*minute)
	h := r.FaultBegan(0, 6*minute)
	each(r, 6, 3) // two causes at a time
	r.FaultEnded(g, 6*minute+30*second)
	r.FaultEnded(h, 6*minute+30*second)
	res := r.Finish(7 * minute)

	o := res.Objectives[browse]
	want := []Outage{{From: 120, To: 300, Valid: 20, Bad: 13}, {From: 360, To: 420, Valid: 10, Bad: 3, Open: true}}
	if diff := cmp.Diff(want, o.Outages); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]CauseResult{{"crash", 14.5}, {"sale", 1.5}, {"none", 1}}, o.ByCause); diff != "" {
		t.Error(diff)
	}
	if o.WindowsValid != 6 || o.WindowsMet != 3 || *o.TimeAvailability != 0.5 {
		t.Errorf("%d of %d windows met, %v", o.WindowsMet, o.WindowsValid, *o.TimeAvailability)
	}
	p := func(s float64) *float64 { return &s }
	faults := []FaultResult{
		{Cause: "crash", From: 120, To: p(180), Detect: p(30), Recovered: p(180)},
		{Cause: "sale", From: 360, To: p(390)},
		{Cause: "crash", From: 360, To: p(390)},
	}
	if diff := cmp.Diff(faults, res.Faults); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]AlertResult{{"old", 60, nil}, {"burn", 150, p(300)}}, res.Alerts); diff != "" {
		t.Error(diff)
	}
}

func TestACallIsDueToWhatActedWhileItWasOpen(t *testing.T) {
	cfg := shop()
	cfg.Objectives[browse].Target = 0 // no outage whose aftermath it could be
	r := NewRecorder(cfg)
	r.FaultEnded(r.FaultBegan(1, second), 2*second)
	id := r.Arrived(browse, 3*second)
	r.FaultEnded(r.FaultBegan(0, 4*second), 5*second)
	r.Ended(id, 6*second, Timeout, 1)
	o := r.Finish(90 * second).Objectives[browse]
	if diff := cmp.Diff([]CauseResult{{"crash", 1}}, o.ByCause); diff != "" {
		t.Error(diff)
	}
	r = NewRecorder(shop())
	r.Ended(r.Arrived(browse, 70*second), 71*second, Error, 1)
	out := r.Finish(90 * second).Objectives[browse].Outages
	if diff := cmp.Diff([]Outage{{From: 60, To: 90, Valid: 1, Bad: 1, Open: true}}, out); diff != "" {
		t.Errorf("the last window is cut short by the end: %s", diff)
	}
}

func TestAnOutageIsNotDueToWhatCameLater(t *testing.T) {
	r := NewRecorder(shop())
	each(r, 1, 5)
	f := r.FaultBegan(0, 2*minute)
	each(r, 2, 5)
	r.FaultEnded(f, 3*minute)
	each(r, 3, 2)
	o := r.Finish(4 * minute).Objectives[browse]
	if diff := cmp.Diff([]CauseResult{{"crash", 7}, {"none", 5}}, o.ByCause); diff != "" {
		t.Error(diff)
	}
}

func TestLatencyCountsFromTheIntendedStart(t *testing.T) {
	r := NewRecorder(shop())
	for i := range 1000 {
		at := sim.Time(i) * sim.Time(time.Millisecond)
		o := OK
		if i%10 == 9 {
			o = Timeout // the slowest
		}
		r.Ended(r.Arrived(browse, at), at.Add(time.Duration(i+1)*time.Millisecond), o, 1)
	}
	op := r.Finish(minute).Operations[browse]
	if op.OK.Calls != 900 || op.All.Calls != 1000 {
		t.Errorf("%d ok of %d calls", op.OK.Calls, op.All.Calls)
	}
	for q, want := range map[float64]float64{0.5: 500, 0.9: 900, 0.99: 990, 0.999: 999} {
		if got := op.All.Quantile(q); got < want*0.999 || got > want*1.001 {
			t.Errorf("quantile %v is %v ms, need %v within 0.1 %%", q, got, want)
		}
	}
	if op.OK.Max < 998 || op.OK.Max > 1000 || op.All.P50 < op.OK.P50 {
		t.Errorf("ok: %+v, all: %+v", op.OK, op.All)
	}
}

func TestMergeIsTheSumOfTheRuns(t *testing.T) {
	run := func(bad int) *Result {
		r := NewRecorder(shop())
		e := r.Edge("users.shop")
		e.Calls, e.Returned, e.Sent, e.Retries = 10, 10, 12, 2
		each(r, 0, bad)
		return r.Finish(minute)
	}
	a, b := run(0), run(4)
	sum := Merge(a, b)
	o := sum.Objectives[browse]
	if sum.Runs != 2 || o.Valid != 20 || o.Good != 16 || *o.Availability != 0.8 || o.WindowsMet != 1 || len(o.Outages) != 1 {
		t.Errorf("%+v", o)
	}
	if sum.Operations[browse].All.Calls != 20 || sum.Calls.OK != 16 || sum.Edges[0].Sent != 24 || sum.Seconds != 120 {
		t.Errorf("%+v", sum)
	}
	if a.Objectives[browse].Valid != 10 || a.Operations[browse].All.Calls != 10 || a.Edges[0].Sent != 12 {
		t.Error("merging changed a result that was merged")
	}
	x, _ := json.Marshal(Merge(a, b))
	y, _ := json.Marshal(Merge(b, a))
	if string(x) != string(y) {
		t.Errorf("the order of merging shows:\n%s\n%s", x, y)
	}
}

func TestCheckNamesTheBrokenIdentity(t *testing.T) {
	for _, c := range []struct {
		want string
		tell func(r *Recorder)
	}{
		{"one outcome for each arrival: 1 calls", func(r *Recorder) {
			id := r.Arrived(browse, 0)
			r.Ended(id, 1, OK, 1)
			r.Ended(id, 2, OK, 1)
		}},
		{"edge a.b: 12 attempts sent or turned away, but calls + retries + hedges = 11", func(r *Recorder) {
			r.Edge("a.b").EdgeCounts = EdgeCounts{Calls: 10, Returned: 10, Retries: 1, Sent: 12}
		}},
		{"edge a.b: 10 attempts", func(r *Recorder) {
			r.Edge("a.b").EdgeCounts = EdgeCounts{Calls: 10, Returned: 10, Retries: 1, Sent: 10}
		}},
		{"1s of work wasted, but only 0s done", func(r *Recorder) { r.Edge("a.b").Wasted = time.Second }},
		{"queue q: at 2ns: 0 there, but came - went = 1", func(r *Recorder) {
			q := r.Queue("q")
			q.Entered(1, 1)
			q.Entered(2, 2)
			q.Left(2, 1, 0)
		}},
		{"Little's law, at 40ns: the integral of the length is 30ns, the sum of the stays 20ns", func(r *Recorder) {
			q := r.Queue("q")
			q.Entered(10, 1)
			q.Left(40, 20, 0) // says that it came at 20
		}},
		{"1 are still there, having stayed for 1m0.00000003s together, need 0 to 59.99999999s", func(r *Recorder) {
			q := r.Queue("q")
			q.Entered(10, 1)
			q.Entered(20, 2)
			q.Left(70, 60, 1) // one of those that came at 10 and 20
		}},
		{"server cpu: at 2ns: 3 units busy of 2", func(r *Recorder) {
			s := r.Server("cpu", 2)
			s.Offered(time.Second)
			s.Began(1, 1)
			s.Began(1, 2)
			s.Began(2, 3)
		}},
		{"utilisation: 2s of work done and 0s abandoned, but only 1s offered", func(r *Recorder) {
			s := r.Server("cpu", 2)
			s.Offered(time.Second)
			s.Began(1, 1)
			s.Freed(2, 1, 2*time.Second, 0)
		}},
	} {
		r := NewRecorder(shop())
		c.tell(r)
		r.Finish(minute)
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("need %q, have %v", c.want, err)
		}
	}
}

// TestAnyRunKeepsTheBooks tells a recorder a random run and holds its result against plain lists.
func TestAnyRunKeepsTheBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := shop()
		cfg.Warmup = time.Duration(rapid.IntRange(0, 120).Draw(t, "warmup")) * time.Second
		cfg.Window = 10 * time.Second
		r := NewRecorder(cfg)
		q := r.Queue("q")
		type known struct {
			id        CallID
			operation int
			intended  sim.Time
			ended     bool
			good      bool
			promised  bool
			charged   int
		}
		var calls []*known
		var waiting []sim.Time
		now := sim.Time(0)
		waits := time.Duration(0)
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			now += sim.Time(rapid.IntRange(0, int(5*time.Second)).Draw(t, "dt"))
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0, 1:
				op := rapid.IntRange(0, 1).Draw(t, "op")
				calls = append(calls, &known{id: r.Arrived(op, now), operation: op, intended: now})
			case 2, 3:
				if len(calls) == 0 {
					continue
				}
				c := calls[rapid.IntRange(0, len(calls)-1).Draw(t, "call")]
				if c.ended {
					if c.operation == checkout {
						c.charged++
						r.Applied(c.id, charge, now)
					}
					continue
				}
				o := Outcome(rapid.IntRange(0, int(outcomes)-1).Draw(t, "outcome"))
				if c.operation == checkout && rapid.Bool().Draw(t, "promise") {
					c.promised = true
					r.Promised(c.id, charge)
				}
				r.Ended(c.id, now, o, 1)
				c.ended = true
				obj := cfg.Objectives[c.operation]
				c.good = (o == OK || o == Degraded && obj.DegradedGood) && now.Sub(c.intended) <= obj.Within
			case 4:
				waiting = append(waiting, now)
				q.Entered(now, len(waiting))
			case 5:
				if len(waiting) > 0 {
					i := rapid.IntRange(0, len(waiting)-1).Draw(t, "who")
					since := waiting[i]
					waiting = append(waiting[:i], waiting[i+1:]...)
					waits += now.Sub(since)
					q.Left(now, since, len(waiting))
				}
			}
		}
		now++
		res := r.Finish(now)
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
		var total int64
		var valid, good [2]int64
		for _, c := range calls {
			if c.intended < sim.Time(cfg.Warmup) {
				continue
			}
			total++
			obj := cfg.Objectives[c.operation]
			switch {
			case !c.ended && now.Sub(c.intended) <= obj.Within:
			case c.good && c.promised && c.charged == 0: // runs are shorter than Settled... mostly
				if now > c.intended.Add(obj.Settled) {
					valid[c.operation]++
				}
			default:
				valid[c.operation]++
				if c.good && c.charged < 2 {
					good[c.operation]++
				}
			}
		}
		for i, o := range res.Objectives {
			if o.Valid != valid[i] || o.Good != good[i] {
				t.Fatalf("%s: valid %d, good %d; the lists say %d, %d", o.Objective, o.Valid, o.Good, valid[i], good[i])
			}
			var v, g int64
			for _, w := range o.Windows {
				v, g = v+w.Valid, g+w.Good
			}
			var blamed float64
			for _, c := range o.ByCause {
				blamed += c.Bad
			}
			if v != o.Valid || g != o.Good || blamed != float64(o.Bad()) {
				t.Fatalf("windows hold %d, %d of %d, %d; causes %v of %d", v, g, o.Valid, o.Good, blamed, o.Bad())
			}
		}
		if res.Calls.Total() != total {
			t.Fatalf("%d calls by outcome, %d arrived", res.Calls.Total(), total)
		}
	})
}

func TestTellingAllocatesNothing(t *testing.T) {
	r := NewRecorder(shop())
	at := sim.Time(0)
	tell := func() {
		at += 1000
		r.Ended(r.Arrived(browse, at), at+sim.Time(time.Millisecond), OK, 1)
	}
	tell()
	if n := testing.AllocsPerRun(1000, tell); n != 0 {
		t.Errorf("%v allocations for a call", n)
	}
}

func TestConfigNamesEveryBadField(t *testing.T) {
	cfg := Config{Window: -1, Digits: 9, Warmup: -1, Objectives: []Objective{{Name: "x", Of: "y", Target: 2, Once: []string{"z"}}}}
	err := cfg.Validate()
	for _, want := range []string{"Window is -1ns", "Digits is 9", "Warmup is -1ns", `"y"`, "target 2", `"z"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	r := NewRecorder(shop())
	b.ReportAllocs()
	for i := range b.N {
		at := sim.Time(i) * 1000
		r.Ended(r.Arrived(browse, at), at+sim.Time(i%1000)*1000, OK, 1)
	}
}

package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

const ms = sim.Time(time.Millisecond)

// shop is a small run: a call whose first attempt times out while its server works on.
func shop(s *sim.Simulation, r *Recorder) {
	s.At(10_000*ms, func() { s.Note("fault", "orders/0", "slow (grey): 20x", 1, int64(20*time.Second)) })
	s.Go("shop", func(p *sim.Process) {
		p.Sleep(12 * time.Second)
		call := r.Begin(p.Now(), Span{Call: 0xabc, Kind: "call", Name: "checkout", Host: "shop/0"})
		first := r.Begin(p.Now(), Span{Parent: call, Call: 0xabc, Kind: "attempt", Name: "orders.place", Host: "shop/0"})
		work := r.Begin(p.Now(), Span{Parent: first, Call: 0xabc, Kind: "work", Name: "place", Host: "orders/0"})
		s.After(1500*time.Millisecond+250, func() { r.End(work, s.Now(), "ok") })
		p.Sleep(time.Second)
		r.End(first, p.Now(), "timeout")
		s.Note("breaker", "shop>orders", "open")
		second := r.Begin(p.Now(), Span{Parent: call, Call: 0xabc, Kind: "attempt", Name: "orders.place", Host: "shop/0"})
		p.Sleep(200*time.Millisecond + 1500)
		r.End(second, p.Now(), "ok")
		r.End(call, p.Now(), "ok")
		r.Begin(p.Now(), Span{Kind: "work", Name: "index", Host: "orders/1"}) // never ends
	})
	s.At(30_000*ms, func() { s.Note("fault over", "orders/0", "slow (grey): 20x, by itself after 20s") })
}

// record runs f and returns what a recorder saw of it.
func record(t *testing.T, f func(*sim.Simulation, *Recorder)) (*Recorder, sim.Result) {
	t.Helper()
	r := New(DefaultConfig())
	result, err := sim.Run(sim.Config{Seed: 7}, func(s *sim.Simulation) {
		r.Attach(s)
		f(s, r)
		if err := s.RunUntil(sim.Time(time.Hour)); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, result
}

func text(t *testing.T, write func(*bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLines(t *testing.T) {
	r, _ := record(t, shop)
	got := text(t, func(b *bytes.Buffer) error {
		return r.WriteLines(b, About{Scenario: "webshop", Variant: "naive", Seed: 7, Digest: "00ff", Version: "v1"})
	})
	want := `{"format":1,"scenario":"webshop","variant":"naive","seed":7,"digest":"00ff","version":"v1"}
{"at":10000000000,"note":"fault","subject":"orders/0","detail":"slow (grey): 20x","values":[1,20000000000]}
{"at":12000000000,"span":1,"call":"0000000000000abc","kind":"call","name":"checkout","host":"shop/0","end":13200001500,"outcome":"ok"}
{"at":12000000000,"span":2,"parent":1,"call":"0000000000000abc","kind":"attempt","name":"orders.place","host":"shop/0","end":13000000000,"outcome":"timeout"}
{"at":12000000000,"span":3,"parent":2,"call":"0000000000000abc","kind":"work","name":"place","host":"orders/0","end":13500000250,"outcome":"ok"}
{"at":13000000000,"note":"breaker","subject":"shop>orders","detail":"open"}
{"at":13000000000,"span":4,"parent":1,"call":"0000000000000abc","kind":"attempt","name":"orders.place","host":"shop/0","end":13200001500,"outcome":"ok"}
{"at":13200001500,"span":5,"kind":"work","name":"index","host":"orders/1"}
{"at":30000000000,"note":"fault over","subject":"orders/0","detail":"slow (grey): 20x, by itself after 20s"}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChrome(t *testing.T) {
	r, _ := record(t, shop)
	got := text(t, func(b *bytes.Buffer) error { return r.WriteChrome(b, About{Seed: 7}) })
	want := `{"displayTimeUnit":"ms","otherData":{"seed":7},"traceEvents":[
{"name":"process_name","ph":"M","ts":0,"pid":1,"tid":0,"args":{"name":"run"}},
{"name":"process_name","ph":"M","ts":0,"pid":2,"tid":0,"args":{"name":"shop/0"}},
{"name":"process_name","ph":"M","ts":0,"pid":3,"tid":0,"args":{"name":"orders/0"}},
{"name":"process_name","ph":"M","ts":0,"pid":4,"tid":0,"args":{"name":"orders/1"}},
{"name":"fault","ph":"i","cat":"note","ts":10000000,"pid":3,"tid":0,"s":"p","args":{"detail":"slow (grey): 20x","subject":"orders/0","values":[1,20000000000]}},
{"name":"checkout","ph":"b","cat":"call","ts":12000000,"pid":2,"tid":0,"id":"0x1","args":{"call":"0000000000000abc","span":1}},
{"name":"orders.place","ph":"b","cat":"attempt","ts":12000000,"pid":2,"tid":0,"id":"0x2","args":{"call":"0000000000000abc","parent":1,"span":2}},
{"name":"place","ph":"b","cat":"work","ts":12000000,"pid":3,"tid":0,"id":"0x3","args":{"call":"0000000000000abc","parent":2,"span":3}},
{"name":"orders.place","ph":"e","cat":"attempt","ts":13000000,"pid":2,"tid":0,"id":"0x2","args":{"outcome":"timeout"}},
{"name":"breaker","ph":"i","cat":"note","ts":13000000,"pid":1,"tid":0,"s":"g","args":{"detail":"open","subject":"shop>orders"}},
{"name":"orders.place","ph":"b","cat":"attempt","ts":13000000,"pid":2,"tid":0,"id":"0x4","args":{"call":"0000000000000abc","parent":1,"span":4}},
{"name":"checkout","ph":"e","cat":"call","ts":13200001.5,"pid":2,"tid":0,"id":"0x1","args":{"outcome":"ok"}},
{"name":"orders.place","ph":"e","cat":"attempt","ts":13200001.5,"pid":2,"tid":0,"id":"0x4","args":{"outcome":"ok"}},
{"name":"index","ph":"b","cat":"work","ts":13200001.5,"pid":4,"tid":0,"id":"0x5","args":{"span":5}},
{"name":"place","ph":"e","cat":"work","ts":13500000.25,"pid":3,"tid":0,"id":"0x3","args":{"outcome":"ok"}},
{"name":"index","ph":"e","cat":"work","ts":30000000,"pid":4,"tid":0,"id":"0x5","args":{"outcome":"unfinished"}},
{"name":"fault over","ph":"i","cat":"note","ts":30000000,"pid":3,"tid":0,"s":"p","args":{"detail":"slow (grey): 20x, by itself after 20s","subject":"orders/0"}}
]}
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOneCallAsATree(t *testing.T) {
	r, _ := record(t, shop)
	got := text(t, func(b *bytes.Buffer) error { return r.WriteCall(b, 0xabc) })
	want := `         +0s   1.200002s  call checkout on shop/0  ok
         +0s          1s    attempt orders.place on shop/0  timeout
         +0s        1.5s      work place on orders/0  ok
         +1s   200.002ms    attempt orders.place on shop/0  ok
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := text(t, func(b *bytes.Buffer) error { return r.WriteCall(b, 1) }); got != "no spans of call 0000000000000001\n" {
		t.Error(got)
	}
}

func TestTimeline(t *testing.T) {
	// A breaker flaps every 5 s from 0:12 to 1:07, and once more two minutes later.
	flapping := func(s *sim.Simulation, r *Recorder) {
		s.Note("deploy", "orders", "")
		s.At(10_000*ms, func() { s.Note("fault", "orders/0", "crash (pod_crash)") })
		for i := range sim.Time(12) {
			s.At((12_250+5000*i)*ms, func() { s.Note("breaker", "shop>payment", "open") })
			s.At((17_249+5000*i)*ms, func() { s.Note("breaker", "shop>payment", "half-open") })
		}
		s.At(40_000*ms, func() { s.Note("fault over", "orders/0", "crash (pod_crash), by healing after 30s") })
		s.At(190_000*ms, func() { s.Note("breaker", "shop>payment", "open") })
		s.At(190_000*ms, func() { s.Note("breaker", "shop>payment", "open") }) // twice at one instant
		s.At(190_000*ms, func() { s.Note("alert", "a subject with a name beyond all measure", "fires") })
	}
	everything := TimelineConfig{To: sim.Never}
	tests := []struct {
		about string
		cfg   TimelineConfig
		want  string
	}{
		{"folded", DefaultTimelineConfig(), `
0:00.000  deploy      orders
0:10.000  fault       orders/0                      crash (pod_crash)
0:12.250  breaker     shop>payment                  open  (12 times, last at 1:07.250)
0:17.249  breaker     shop>payment                  half-open  (12 times, last at 1:12.249)
0:40.000  fault over  orders/0                      crash (pod_crash), by healing after 30s
3:10.000  breaker     shop>payment                  open  (2 times, last at 3:10.000)
3:10.000  alert       a subject with a name beyond all measure  fires
`},
		{"a part of it", TimelineConfig{From: 10_001 * ms, To: 27_249 * ms, Fold: 5 * time.Second}, `
0:12.250  breaker  shop>payment  open  (3 times, last at 0:22.250)
0:17.249  breaker  shop>payment  half-open  (2 times, last at 0:22.249)
`},
		{"a nanosecond too far apart", TimelineConfig{From: 10_001 * ms, To: 17_251 * ms, Fold: 5*time.Second - 1}, `
0:12.250  breaker  shop>payment  open
0:17.249  breaker  shop>payment  half-open
0:17.250  breaker  shop>payment  open
`},
		{"some kinds", TimelineConfig{To: sim.Never, Kinds: []string{"fault", "fault over"}}, `
0:10.000  fault       orders/0  crash (pod_crash)
0:40.000  fault over  orders/0  crash (pod_crash), by healing after 30s
`},
		{"nothing", TimelineConfig{From: 1, To: 1}, "\n"},
	}
	r, _ := record(t, flapping)
	for _, tt := range tests {
		got := "\n" + text(t, func(b *bytes.Buffer) error { return r.WriteTimeline(b, tt.cfg) })
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.about, diff)
		}
	}
	lines := text(t, func(b *bytes.Buffer) error { return r.WriteTimeline(b, everything) })
	if got, want := strings.Count(lines, "\n"), 3+2*12+3; got != want {
		t.Errorf("without folding: %d lines, want %d", got, want)
	}
}

// A message that a queue delivers later belongs to another call; its span has a parent there.
func TestATreeWhoseRootIsElsewhere(t *testing.T) {
	r := New(Config{})
	root := r.Begin(0, Span{Call: 1, Kind: "call", Name: "checkout"})
	settle := r.Begin(5, Span{Call: 2, Parent: root, Kind: "work", Name: "settle"})
	r.Begin(9, Span{Call: 2, Parent: settle, Kind: "attempt", Name: "charge"})
	got := text(t, func(b *bytes.Buffer) error { return r.WriteCall(b, 2) })
	want := "         +0s         ...  work settle  unfinished\n         +0s         ...    attempt charge  unfinished\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnfinishedSpansEndWithTheLastThingSeen(t *testing.T) {
	r := New(Config{})
	r.Begin(1000, Span{Kind: "work", Name: "never ends"})
	r.End(r.Begin(2000, Span{Kind: "work", Name: "ends"}), 9000, "ok")
	got := text(t, func(b *bytes.Buffer) error { return r.WriteChrome(b, About{}) })
	if want := `"ts":9,"pid":1,"tid":0,"id":"0x1","args":{"outcome":"unfinished"}`; !strings.Contains(got, want) {
		t.Errorf("no %s in\n%s", want, got)
	}
}

func TestNotesAreCopied(t *testing.T) {
	r, values := New(Config{}), []int64{1}
	r.Note(sim.Note{Kind: "k", Values: values})
	values[0] = 2
	for n := range r.Notes() {
		if n.Values[0] != 1 {
			t.Error("the model reused a slice, and the recorder's note changed")
		}
	}
}

func TestClock(t *testing.T) {
	tests := []struct {
		at, end time.Duration
		want    string
	}{
		{0, time.Minute, "0:00.000"},
		{59*time.Minute + 59*time.Second + 999_999_999, time.Hour - 1, "59:59.999"},
		{61*time.Minute + 250*time.Millisecond, 25 * time.Hour, "1:01:00.250"},
		{25 * time.Hour, 25 * time.Hour, "25:00:00.000"},
	}
	for _, tt := range tests {
		if got := clock(sim.Time(tt.at), sim.Time(tt.end)); got != tt.want {
			t.Errorf("%v of %v: %s, want %s", tt.at, tt.end, got, tt.want)
		}
	}
}

func TestWatchingChangesNothing(t *testing.T) {
	_, watched := record(t, shop)
	alone, err := sim.Run(sim.Config{Seed: 7}, func(s *sim.Simulation) {
		shop(s, nil)
		if err := s.RunUntil(sim.Time(time.Hour)); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(alone, watched); diff != "" {
		t.Errorf("(-alone +watched):\n%s", diff)
	}
}

func TestSwitchedOff(t *testing.T) {
	var r *Recorder
	r.Attach(nil)
	r.Note(sim.Note{})
	if r.On() || r.Begin(1, Span{}) != 0 || r.Add(Span{}) != 0 {
		t.Error("a nil recorder takes spans")
	}
	r.End(3, 4, "ok")
}

func TestMaxSpans(t *testing.T) {
	r := New(Config{MaxSpans: 2})
	for i := range sim.Time(5) {
		id := r.Begin(i, Span{Kind: "call", Name: "x"})
		r.End(id, i+1, "ok")
	}
	if len(r.Spans()) != 2 || r.Dropped() != 3 {
		t.Errorf("kept %d, dropped %d", len(r.Spans()), r.Dropped())
	}
	head, _, _ := strings.Cut(text(t, func(b *bytes.Buffer) error { return r.WriteLines(b, About{Seed: 1}) }), "\n")
	if head != `{"format":1,"dropped_spans":3,"seed":1}` {
		t.Error(head)
	}
}

func TestMisuse(t *testing.T) {
	for about, call := range map[string]func(r *Recorder){
		"a span that was never begun":      func(r *Recorder) { r.End(1, 5, "ok") },
		"a span that ended":                func(r *Recorder) { id := r.Begin(1, Span{}); r.End(id, 5, "ok"); r.End(id, 6, "ok") },
		"ends before it begins":            func(r *Recorder) { r.End(r.Begin(7, Span{}), 5, "ok") },
		"added, ends before it begins":     func(r *Recorder) { r.Add(Span{Start: 7, End: 5}) },
		"a negative bound":                 func(r *Recorder) { New(Config{MaxSpans: -1}) },
		"a timeline that ends too soon":    func(r *Recorder) { r.WriteTimeline(nil, TimelineConfig{From: 2, To: 1}) },
		"a timeline with a negative fold ": func(r *Recorder) { r.WriteTimeline(nil, TimelineConfig{Fold: -1}) },
	} {
		func() {
			defer func() {
				if got := recover(); got == nil || !strings.HasPrefix(got.(string), "trace: ") {
					t.Errorf("%s: recovered %v", about, got)
				}
			}()
			call(New(Config{}))
		}()
	}
}

// Whatever is recorded in whatever order: lines are sorted and complete, and Chrome's events
// come in time, each begin with its own end.
func TestExportsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := New(Config{})
		now, notes := sim.Time(0), 0
		var open []SpanID
		t.Repeat(map[string]func(*rapid.T){
			"note": func(t *rapid.T) {
				r.Note(sim.Note{At: now, Kind: "k", Subject: rapid.SampledFrom([]string{"", "h1", "h2"}).Draw(t, "subject"),
					Values: []int64{int64(notes + 1)}})
				notes++
			},
			"begin": func(t *rapid.T) {
				open = append(open, r.Begin(now, Span{Kind: "work", Name: "w", Host: rapid.SampledFrom([]string{"", "h1"}).Draw(t, "host")}))
			},
			"add": func(t *rapid.T) {
				start := sim.Time(rapid.Int64Range(0, int64(now)).Draw(t, "start"))
				r.Add(Span{Kind: "work", Name: "past", Start: start, End: now})
			},
			"end": func(t *rapid.T) {
				if len(open) == 0 {
					t.Skip("none is open")
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				r.End(open[i], now, "ok")
				open = slices.Delete(open, i, i+1)
			},
			"wait": func(t *rapid.T) { now += sim.Time(rapid.Int64Range(1, 3000).Draw(t, "wait")) },
		})

		var last int64
		lines, lastNote, lastSpan := 0, int64(0), SpanID(0)
		for line := range r.Lines() {
			var e struct {
				At     int64
				Values []int64
				Span   SpanID
				Name   string
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil || e.At < last {
				t.Fatalf("%v: %s after %d", err, line, last)
			}
			last = e.At
			switch {
			case len(e.Values) > 0 && e.Values[0] != lastNote+1:
				t.Fatalf("note %d after note %d", e.Values[0], lastNote)
			case len(e.Values) > 0:
				lastNote++
			case e.Name == "w" && e.Span < lastSpan:
				t.Fatalf("span %d after span %d", e.Span, lastSpan)
			case e.Name == "w":
				lastSpan = e.Span
			}
			lines++
		}
		if want := notes + len(r.Spans()); lines != want {
			t.Fatalf("%d lines, want %d", lines, want)
		}

		var b bytes.Buffer
		if err := r.WriteChrome(&b, About{}); err != nil {
			t.Fatal(err)
		}
		var file struct {
			TraceEvents []struct {
				Ph, Cat, ID, Name string
				TS                float64
				PID               int
			}
		}
		if err := json.Unmarshal(b.Bytes(), &file); err != nil {
			t.Fatal(err)
		}
		began, ended, at := make(map[string]string), 0, 0.0
		for _, e := range file.TraceEvents {
			if e.TS < at || e.PID == 0 {
				t.Fatalf("%+v after %v µs", e, at)
			}
			at = e.TS
			key := fmt.Sprint(e.PID, e.Cat, e.Name)
			switch e.Ph {
			case "b":
				if began[e.ID] != "" {
					t.Fatalf("%s began twice", e.ID)
				}
				began[e.ID] = key
			case "e":
				if began[e.ID] != key {
					t.Fatalf("%s ended as %s, began as %s", e.ID, key, began[e.ID])
				}
				ended++
			}
		}
		if ended != len(r.Spans()) || len(began) != ended {
			t.Fatalf("%d spans, %d began, %d ended", len(r.Spans()), len(began), ended)
		}
	})
}

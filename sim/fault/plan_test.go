package fault

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nines-sim/nines/sim"
	"pgregory.net/rapid"
)

func written(t interface{ Fatal(...any) }, p Plan) string {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A plan somewhere in a bug report has these bytes. Change [Format] before they change.
func TestPlanBytes(t *testing.T) {
	p := Plan{[]Entry{
		{Cause: "db_disk", Kind: Crash, Victim: "orders_db/1", Occurrence: 1, AfterUp: 90 * time.Second, Params: Params{Loses: LosesDisk}},
		{Cause: "pod_crash", Kind: Crash, Victim: "orders/0", Occurrence: 1},
		{Cause: "lead", Kind: Pause, Victim: "orders_db/2", Role: "leader:orders_db", Occurrence: 2, At: 1, Lasts: 25 * time.Minute},
		{Cause: "lead", Kind: Pause, Victim: "orders_db/2", Occurrence: 2, At: 1, Lasts: 25 * time.Minute},
		{Cause: "split", Kind: Partition, Victim: "zones.a", Occurrence: 1, At: sim.Time(2 * time.Minute), Lasts: time.Nanosecond,
			Params: Params{With: []string{"zones.b", "zones.c"}, OneWay: true}},
		{Cause: "ntp", Kind: Clock, Victim: "orders/1", Occurrence: 1, At: sim.Time(3*time.Minute + 500*time.Millisecond),
			Params: Params{Offset: -2 * time.Second, DriftPPB: -50_000}},
		{Cause: "pay", Kind: Slow, Victim: "payment", Occurrence: 1, At: sim.Time(time.Hour), Lasts: 8 * time.Minute,
			Params: Params{Factor: 20, Errors: 0.1}},
	}}
	const want = `{
  "format": 1,
  "entries": [
    {"cause": "db_disk", "kind": "crash", "victim": "orders_db/1", "occurrence": 1, "after_up": "1m30s", "loses": "disk"},
    {"cause": "pod_crash", "kind": "crash", "victim": "orders/0", "occurrence": 1, "at": "0s"},
    {"cause": "lead", "kind": "pause", "victim": "orders_db/2", "role": "leader:orders_db", "occurrence": 2, "at": "1ns", "lasts": "25m0s"},
    {"cause": "lead", "kind": "pause", "victim": "orders_db/2", "occurrence": 2, "at": "1ns", "lasts": "25m0s"},
    {"cause": "split", "kind": "partition", "victim": "zones.a", "occurrence": 1, "at": "2m0s", "lasts": "1ns", "with": ["zones.b","zones.c"], "one_way": true},
    {"cause": "ntp", "kind": "clock", "victim": "orders/1", "occurrence": 1, "at": "3m0.5s", "offset": "-2s", "drift_ppb": -50000},
    {"cause": "pay", "kind": "slow", "victim": "payment", "occurrence": 1, "at": "1h0m0s", "lasts": "8m0s", "factor": 20, "errors": 0.1}
  ]
}
`
	if diff := cmp.Diff(want, written(t, p)); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	read, err := Read(strings.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, read); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if got := written(t, Plan{}); got != "{\n  \"format\": 1,\n  \"entries\": []\n}\n" {
		t.Errorf("the empty plan is %q", got)
	}
}

// anyEntry draws a valid entry.
func anyEntry(t *rapid.T) Entry {
	name := rapid.StringMatching(`[a-z_"é<]{1,6}`)
	e := Entry{
		Cause:      name.Draw(t, "cause"),
		Kind:       rapid.SampledFrom(Kinds()).Draw(t, "kind"),
		Victim:     name.Draw(t, "victim"),
		Occurrence: rapid.IntRange(1, 1000).Draw(t, "occurrence"),
	}
	length := rapid.Int64Range(1, 1<<62)
	if rapid.Bool().Draw(t, "role") {
		e.Role = "leader:" + name.Draw(t, "group")
	}
	if rapid.Bool().Draw(t, "up") {
		e.AfterUp = time.Duration(length.Draw(t, "after up"))
	} else {
		e.At = sim.Time(rapid.Int64Range(0, 1<<62).Draw(t, "at"))
	}
	if e.Kind != CacheFlush && rapid.Bool().Draw(t, "ends") {
		e.Lasts = time.Duration(length.Draw(t, "lasts"))
	}
	share := rapid.Float64Range(0, 1)
	for _, takes := range e.Kind.Takes() {
		switch takes {
		case "factor":
			e.Factor = rapid.Float64Range(1e-9, 1e9).Draw(t, takes)
		case "errors":
			e.Errors = share.Draw(t, takes)
		case "loses":
			e.Loses = rapid.SampledFrom([]string{"", LosesMemory, LosesDisk}).Draw(t, takes)
		case "loss":
			e.Loss = share.Draw(t, takes)
		case "delay":
			e.Delay = time.Duration(rapid.Int64Range(0, 1<<62).Draw(t, takes))
		case "with":
			e.With = rapid.SliceOfN(name, 0, 3).Draw(t, takes)
		case "one_way":
			e.OneWay = rapid.Bool().Draw(t, takes)
		case "offset":
			e.Offset = time.Duration(rapid.Int64Range(-1<<62, 1<<62).Draw(t, takes))
		case "drift_ppb":
			e.DriftPPB = rapid.Int64Range(-1e9+1, 1<<62).Draw(t, takes)
		default:
			t.Fatalf("a new parameter %s: draw it here", takes)
		}
	}
	return e
}

func TestPlanSurvivesItsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := Plan{rapid.SliceOfNDistinct(rapid.Custom(anyEntry), 0, 8, func(e Entry) string {
			return strings.Join([]string{e.Cause, e.target(), string(rune(e.Occurrence))}, "\x00")
		}).Draw(t, "plan")}
		if err := plan.Validate(); err != nil {
			t.Fatal(err)
		}
		first := written(t, plan)
		read, err := Read(strings.NewReader(first))
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if diff := cmp.Diff(plan, read, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("read (-want +got):\n%s", diff)
		}
		if second := written(t, read); second != first {
			t.Fatalf("written again:\n%s\nat first:\n%s", second, first)
		}
		inside, err := json.Marshal(map[string]Plan{"faults": plan})
		if err != nil {
			t.Fatal(err)
		}
		var outside map[string]Plan
		if err := json.Unmarshal(inside, &outside); err != nil {
			t.Fatal(err)
		}
		if again := written(t, outside["faults"]); again != first {
			t.Fatalf("as a part of a document:\n%s\nalone:\n%s", again, first)
		}
	})
}

func TestReadSaysWhere(t *testing.T) {
	crash := `{"cause":"c","kind":"crash","victim":"v","occurrence":1,"at":"1s"`
	tests := []struct{ about, give, want string }{
		{"no JSON", "{\n\"format\": 1,\nentries: []}", "fault: plan, line 3: no JSON: invalid character 'e' looking for beginning of object key string"},
		{"a binary file", "\x89PNG\r\n", `fault: plan, line 1: no JSON: invalid character '\u0089' looking for beginning of value`},
		{"an empty file", "", "fault: plan, line 1: no JSON: unexpected end of JSON input"},
		{"two documents", `{"format":1,"entries":[]} {}`, "fault: plan, line 1: no JSON: invalid character '{' after top-level value"},
		{"a list", "[]", `fault: plan: is "[]", need an object {...}`},
		{"a newer format", `{"format":2,"entries":[]}`, "fault: plan: format: is 2, this program reads 1"},
		{"no format", `{"entries":[]}`, "fault: plan: format: is 0, this program reads 1"},
		{"an entry that is a text", `{"format":1,"entries":["x"]}`, "fault: plan: entry 1: is \"\\\"x\\\"\", need an object {...}"},
		{"null entries", `{"format":1,"entries":null}`, "fault: plan: entries: is null, need a list of entries"},
		{"a misspelt field", `{"format":1,"entries":[` + crash + `,"last":"1s"}]}`,
			"fault: plan: entry 1 (c): last: is unknown, need one of cause, kind, victim, role, occurrence, at, after_up, lasts, " +
				"factor, errors, loses, loss, delay, with, one_way, offset, drift_ppb"},
		{"another case", `{"format":1,"Entries":[]}`, "fault: plan: Entries: is unknown, need one of format, entries"},
		{"a field twice", `{"format":1,"entries":[` + crash + `,"at":"2s"}]}`, "fault: plan: entry 1 (c): at: is given twice"},
		{"no unit", `{"format":1,"entries":[{"cause":"c","kind":"crash","victim":"v","occurrence":1,"at":5}]}`,
			`fault: plan: entry 1 (c): at: is 5, need a length of time with units, such as "1h2m3.5s"`},
		{"wrong types", `{"format":1,"entries":[` + crash + `,"loses":1,"factor":"2x","one_way":1,"with":"b","drift_ppb":0.5}]}`,
			"fault: plan: entry 1 (c): loses: is 1, need a text in quotes\n" +
				"entry 1 (c): factor: is \"2x\", need a number\n" +
				"entry 1 (c): one_way: is 1, need true or false\n" +
				"entry 1 (c): with: is \"b\", need a list of names\n" +
				"entry 1 (c): drift_ppb: is 0.5, need a whole number"},
		{"nothing but an object", `{"format":1,"entries":[` + crash + "},{}]}",
			"fault: plan: entry 2: cause: is missing\nentry 2: kind: \"\" is unknown, need one of crash, pause, slow, errors, outage, " +
				"partition, loss, delay, clock, surge, cache_flush, deploy, lost_disk\n" +
				"entry 2: victim: is missing, and so is role\nentry 2: occurrence: is 0, need 1 or more"},
		{"an occurrence twice", `{"format":1,"entries":[` + crash + `},` + crash + `}]}`,
			"fault: plan: entry 2 (c): occurrence: 1 of this cause on v is entry 1 already"},
		{"a flush that lasts", `{"format":1,"entries":[{"cause":"f","kind":"cache_flush","victim":"v","occurrence":1,"at":"1s","lasts":"1s"}]}`,
			"fault: plan: entry 1 (f): lasts: means nothing to cache_flush, which takes an instant"},
		{"an up-time of a role", `{"format":1,"entries":[{"cause":"c","kind":"crash","role":"leader:db","occurrence":1,"after_up":"1s"}]}`,
			"fault: plan: entry 1 (c): after_up: needs a victim, whose time up can be counted; a role passes on"},
		{"both instants", `{"format":1,"entries":[` + crash + `,"after_up":"1s"}]}`,
			"fault: plan: entry 1 (c): after_up: is set, and so is at; need one of them"},
		{"negative", `{"format":1,"entries":[{"cause":"c","kind":"pause","victim":"v","occurrence":1,"at":"-1s","lasts":"-2s"}]}`,
			"fault: plan: entry 1 (c): at: is -1s, need an instant of the run\nentry 1 (c): lasts: is -2s, need 0 (until it is fixed) or more"},
	}
	for _, tt := range tests {
		_, err := Read(strings.NewReader(tt.give))
		if err == nil {
			t.Errorf("%s: read without an error", tt.about)
		} else if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.about, diff)
		}
	}
}

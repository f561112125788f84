package scenario_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/scenario"
)

// What scenario.md says by arithmetic.
// Replicas of unequal speed: their cpus together, those that are left without the first of two zones, and the
// slowest if all get as many calls, which is said.
func TestLoadOfSpeeds(t *testing.T) {
	f := parse(t, "")
	sets := []string{"zones=[a, b]", "services.web.spread=[a, b]", "services.web.replicas=4"}
	web := func(sets ...string) scenario.ServiceLoad { return variant(t, f, "", sets...).LoadReport().Rows[0] }
	even := web(sets...)
	sets = append(sets, "services.web.speed=[1x, 1x, 0.7x, 0.3x]")
	row := web(sets...)
	for what, got := range map[string]float64{ // 3 of 4 cpus; 1.3 of them; a quarter of the work for 0.3
		"all": row.Base / even.Base * 3 / 4, "a zone lost": row.ZoneLost / even.Base * 1.3 / 4, "the slowest": row.Slowest / even.Base * 0.3,
	} {
		if math.Abs(got-1) > 1e-9 {
			t.Errorf("%s: the load is %v times what it should be", what, got)
		}
	}
	sets = append(sets, fmt.Sprintf("workload.users.rate=%v/s", 50*1.25/row.Slowest))
	notes, err := f.Notes("", sets...)
	if err != nil || !strings.Contains(fmt.Sprint(notes), "has a replica that is overloaded if all get as many calls: it needs 125% of its cpus") {
		t.Errorf("notes: %v, %v", notes, err)
	}
}

func TestLoadReport(t *testing.T) {
	f := load(t, "webshop")
	tests := []struct{ variant, want string }{
		{"naive", "67% 337% –, 1x"},
		{"redundant", "22% 112% 168%, 1x"},
		{"retries", "22% 112% 168%, 9x"},   // shop and visitor: 3 tries each
		{"budget", "22% 112% 168%, 1.21x"}, // 1.1 on each layer
	}
	for _, test := range tests {
		r := variant(t, f, test.variant).LoadReport()
		row := r.Rows[1]
		percent := func(x float64) string {
			if math.IsNaN(x) {
				return "–"
			}
			return fmt.Sprintf("%.0f%%", 100*x)
		}
		got := fmt.Sprintf("%s %s %s, %.3gx", percent(row.Base), percent(row.Surged), percent(row.ZoneLost), row.Amplification)
		if row.Service != "catalog" || got != test.want {
			t.Errorf("%s: catalog has %s, want %s\n%s", test.variant, got, test.want, r)
		}
	}

	// A warm cache lets each of 20000 keys through once in 5 min + 20000/600 s.
	rows := load(t, "cache-flush").Base().LoadReport().Rows
	if want := 20000 / (300 + 20000.0/600); math.Abs(rows[2].Rate-want) > 1e-9 {
		t.Errorf("db gets %v calls a second, want %v", rows[2].Rate, want)
	}
	if want := rows[2].Rate * 0.010 / 5; math.Abs(rows[2].Base-want) > 1e-9 {
		t.Errorf("db's load is %v, want %v", rows[2].Base, want)
	}
}

func TestLoadOfSteps(t *testing.T) {
	f := parse(t, "")
	s := variant(t, f, "", "services.web.ops.get.calls=[{call: db.read, share: 50%, times: 4}, {parallel: [db.read, pay.charge]}, {send: mail}]",
		"mail.to=pay.charge")
	rates := make(map[string]float64)
	for _, row := range s.LoadReport().Rows {
		rates[row.Service] = row.Rate
	}
	want := map[string]float64{"web": 50, "db": 150, "pay": 100}
	if diff := cmp.Diff(want, rates); diff != "" {
		t.Errorf("calls a second (-want +got):\n%s", diff)
	}
	s = variant(t, f, "", "workload.users.rate=none", "workload.users.users=20", "workload.users.think=1990ms")
	if got := s.LoadReport().Rows[0].Rate; math.Abs(got-10) > 1e-9 { // 20 users, each once in 1.99 s + 5 ms + 5 ms
		t.Errorf("20 users make %v calls a second, want 10", got)
	}
}

func TestLoadBehindACache(t *testing.T) {
	f := load(t, "cache-flush")
	tests := []struct {
		set  string
		want float64 // calls of db a second
	}{
		{"get.cache.per=replica", 3 * 20000 / (300 + 20000.0/200)}, // each of three is asked 200 times a second
		{"get.cache.ttl=none", 0},
		{"get.cache.size=10000", 600 / (2 - math.Exp(-9/(1-math.Ln2)))}, // half of the keys are kept, each is called for 9 times in 5 min
		{"get.cache.soft_ttl=4m", 20000 / (240 + 20000.0/600)},
		{"get.cache.ttl_jitter=20%", 20000 / (270 + 20000.0/600)},
		{"profiles.ops.get.cache={keys: 20000, ttl: none, soft_ttl: 4m}", 20000 / (240 + 20000.0/600)},
		{"profiles.ops.get.cache=none", 600},
	}
	for _, test := range tests {
		rows := variant(t, f, "", test.set).LoadReport().Rows
		if got := rows[2].Rate; math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: db gets %v calls a second, want %v", test.set, got, test.want)
		}
	}
}

// Under Zipf's law, what groups of things alike give is what all things one by one give.
func TestLoadOfAPopularity(t *testing.T) {
	f := load(t, "cache-flush")
	for _, exponent := range []float64{0.5, 0.9, 1, 1.3} {
		miss, total := 0.0, 0.0
		for k := range 20000 {
			total += math.Pow(float64(k+1), -exponent)
		}
		for k := range 20000 {
			rate := 600 * math.Pow(float64(k+1), -exponent) / total
			miss += rate / (1 + 300*rate)
		}
		rows := variant(t, f, "", fmt.Sprintf("get.cache.popularity=zipf %v", exponent)).LoadReport().Rows
		if got := rows[2].Rate; math.Abs(got-miss) > miss/1000 {
			t.Errorf("zipf %v: db gets %v calls a second, want %v", exponent, got, miss)
		}
		// With room for 2000 and no time to live: one by one, by halving.
		low, high := 0.0, 1e9
		for range 200 {
			x, held := (low+high)/2, 0.0
			miss = 0
			for k := range 20000 {
				p := math.Pow(float64(k+1), -exponent) / total
				held += 1 - math.Exp(-p*x)
				miss += 600 * p * math.Exp(-p*x)
			}
			if held < 2000 {
				low = x
			} else {
				high = x
			}
		}
		rows = variant(t, f, "", fmt.Sprintf("profiles.ops.get.cache={keys: 20000, ttl: none, size: 2000, popularity: zipf %v}", exponent)).LoadReport().Rows
		if got := rows[2].Rate; math.Abs(got-miss) > miss/1000 {
			t.Errorf("zipf %v, room for 2000: db gets %v calls a second, want %v", exponent, got, miss)
		}
	}
}

// What fails without any fault falls back; validate also says what it is if all of it does, and the tries of a
// stand-in count as those of any call.
func TestLoadOfFallbacks(t *testing.T) {
	f, err := scenario.Parse("shop.yaml", []byte(`
nines: 1
services:
  web: {cpus: 2, ops: {get: {work: exp 5ms, calls: [db.read]}}}
  db: {cpus: 6, ops: {read: {work: exp 5ms, errors: 10%}}}
  spare: {ops: {read: {work: exp 30ms, errors: 20%}}}
  last: {ops: {read: {work: exp 1ms}}}
calls:
  web: {db: {fallback: {call: spare.read}}, spare: {fallback: {call: last.read}, retry: {attempts: 2}}}
  users: {web: {fallback: {call: last.read}}}
workload: {users: {rate: 50/s, mix: {web.get: 100%}}}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := f.Base()
	r := s.LoadReport()
	got := make(map[string]string)
	for _, row := range r.Rows {
		got[row.Service] = fmt.Sprintf("%.3g/s %.3g%% %.3g%% %.3gx", row.Rate, 100*row.Base, 100*row.Fallen, row.Amplification)
	}
	want := map[string]string{
		"web": "50/s 12.5% 12.5% 1x", "db": "50/s 4.17% 4.17% 1x",
		"spare": "5/s 15% 150% 2x", "last": "1/s 0.1% 10% 1x",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, r)
	}
	if !strings.Contains(r.String(), "  all fallbacks  ") {
		t.Errorf("the table does not show it:\n%s", r)
	}
}

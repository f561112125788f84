package scenario_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/patterns"
	"github.com/nines-sim/nines/patterns/balance"
	"github.com/nines-sim/nines/sim/fault"
)

func load(t *testing.T, name string) *scenario.File {
	t.Helper()
	f, err := scenario.Load("testdata/"+name+".yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func variant(t *testing.T, f *scenario.File, name string, sets ...string) *scenario.Scenario {
	t.Helper()
	s, err := f.Variant(name, sets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parse reads a file made of minimal.yaml and what is added.
func parse(t *testing.T, added string) *scenario.File {
	t.Helper()
	minimal, err := os.ReadFile("testdata/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f, err := scenario.Parse("testdata/minimal.yaml", append(minimal, added...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestWebshopAsWritten(t *testing.T) {
	s := load(t, "webshop").Base()

	shop := *s.Service("shop")
	want := scenario.Default[scenario.Service]()
	want.Name, want.CPUs, want.Threads, want.Spread = "shop", 4, 200, []string{"a", "b", "c"}
	browse, checkout := scenario.Default[scenario.Op](), scenario.Default[scenario.Op]()
	browse.Name, checkout.Name = "browse", "checkout"
	browse.Work = scenario.Lognormal(8*time.Millisecond, 30*time.Millisecond)
	checkout.Work = browse.Work
	browse.Calls = []scenario.Step{{Call: "catalog.list", Share: 1, Times: 1}}
	checkout.Calls = []scenario.Step{{Call: "catalog.price", Share: 1, Times: 1}, {Call: "orders.place", Share: 1, Times: 1}}
	want.Ops = []scenario.Op{browse, checkout}
	if diff := cmp.Diff(want, shop); diff != "" {
		t.Errorf("shop (-want +got):\n%s", diff)
	}

	_, place := s.Op("orders.place")
	if got := place.Calls[2]; got.Send != "mail" {
		t.Errorf("the last step of orders.place is %+v, want a message to mail", got)
	}
	if db := s.Service("orders_db"); !db.Store.ByHand() || db.Instances() != 1 || db.Threads != 64 {
		t.Errorf("orders_db is %+v", db)
	}
	if pay := s.Service("payment"); !pay.External || pay.Instances() != 0 || pay.Ops[0].Idempotent != "by_key" || pay.Ops[0].Repeat != 0.5 {
		t.Errorf("payment is %+v", pay)
	}
	if settle := s.Queue("settle"); settle.To != "payment.charge" || settle.Receives != 5 || settle.Length != scenario.Unlimited {
		t.Errorf("settle is %+v", settle)
	}
	wantVisits := scenario.Stream{Name: "visits", Rate: 60, Arrivals: "poisson", Patience: 10 * time.Second,
		Mix: []scenario.Share{{Op: "shop.browse", Share: 0.92}, {Op: "shop.checkout", Share: 0.08}}}
	if diff := cmp.Diff([]scenario.Stream{wantVisits}, s.Workload); diff != "" {
		t.Errorf("workload (-want +got):\n%s", diff)
	}
	wantCheckout := scenario.Objective{Name: "checkout", Of: "shop.checkout", Within: 3 * time.Second, Target: 0.999,
		Degraded: "good", Settled: 15 * time.Minute, Once: []string{"payment.charge"}}
	if diff := cmp.Diff(wantCheckout, *s.Objective("checkout")); diff != "" {
		t.Errorf("objective checkout (-want +got):\n%s", diff)
	}
	if s.Healing.Restart != nil || s.Healing.OnCall.Unpaged != scenario.Day {
		t.Errorf("healing is %+v", s.Healing)
	}
	if diff := cmp.Diff(scenario.SREWorkbook(), s.Alerts[0].Rules); diff != "" {
		t.Errorf("rules of the preset (-want +got):\n%s", diff)
	}
	if want := (scenario.Study{Method: "incidents", Runs: 40, Warmup: 2 * time.Minute, Window: time.Minute, Year: scenario.Year,
		Lasts: 10 * time.Minute, Recovery: 10 * time.Minute}); s.Study != want {
		t.Errorf("study is %+v, want %+v", s.Study, want)
	}
	var perYear []string
	for i := range s.Faults {
		f := &s.Faults[i]
		perYear = append(perYear, fmt.Sprintf("%s %s %v %.3g", f.Name, f.Each, s.Targets(f), f.PerYear()))
	}
	wantFaults := []string{
		"pod_crash replica [shop catalog orders orders_db] 12.2",
		"zone_loss zone [a b c] 0.333",
		"payment_slow service [payment] 14",
		"bad_deploy service [orders] 9",
		"sale stream [visits] 12",
		"db_disk copy [orders_db] 0.5",
	}
	if diff := cmp.Diff(wantFaults, perYear); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestWebshopVariants(t *testing.T) {
	f := load(t, "webshop")
	servers := make(map[string]int)
	for _, name := range f.Variants() {
		servers[name] = variant(t, f, name).Servers()
	}
	want := map[string]int{"naive": 4, "redundant": 10, "timeouts": 10, "retries": 10, "budget": 10, "breaker": 10,
		"async": 10, "restarts": 10, "replicated": 12, "everything": 12}
	if diff := cmp.Diff(want, servers); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}

	s := variant(t, f, "everything")
	pair := s.Calls.Between("orders", "payment")
	if pair.Breaker == nil || pair.Breaker.Probes != 3 || pair.Fallback.Send != "settle" {
		t.Errorf("orders to payment has breaker %+v and fallback %+v", pair.Breaker, pair.Fallback)
	}
	if pair.Timeout == nil || pair.Timeout.Attempt != time.Second || pair.Retry.Budget.Ratio != 0.1 || pair.Balance.Pick != balance.Choices {
		t.Errorf("orders to payment does not inherit calls.default: %+v %+v %+v", pair.Timeout, pair.Retry, pair.Balance)
	}
	if got := s.Calls.Between("shop", "orders"); got.Breaker != nil || got.Retry == nil {
		t.Errorf("shop to orders is %+v, want calls.default", got)
	}
	if retries := variant(t, f, "retries").Calls.Default.Retry; retries.Budget != nil {
		t.Errorf("budget: none is %v", retries.Budget)
	}
	_, place := s.Op("orders.place")
	if place.Calls[1].Send != "settle" || s.Healing.Restart == nil || s.Service("orders_db").Store.Copies != 3 {
		t.Errorf("everything lacks a part: %+v %+v", place.Calls, s.Healing.Restart)
	}
}

func TestLeaveOneOut(t *testing.T) {
	f := load(t, "webshop")
	names, err := f.LeaveOneOut("everything")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"everything-breaker", "everything-async", "everything-restarts", "everything-replicated"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	s := variant(t, f, "everything-breaker")
	if s.Calls.Between("orders", "payment").Breaker != nil {
		t.Error("the breaker is still there")
	}
	if s.Calls.Default.Retry == nil || s.Healing.Restart == nil {
		t.Error("what the others build on is gone")
	}
	if _, err := f.Variant("everything-naive"); err == nil || !strings.Contains(err.Error(), `everything is not made with "naive"`) {
		t.Errorf("leaving out what is not in: %v", err)
	}
	if _, err := f.LeaveOneOut("naive"); err == nil {
		t.Error("naive builds on nothing, and no error")
	}
}

func TestCacheFlush(t *testing.T) {
	f := load(t, "cache-flush")
	s := f.Base()
	if db := s.Service("db"); db.Queue.Length != scenario.Unlimited || db.Threads != 5 {
		t.Errorf("db is %+v, want an unlimited queue and as many threads as cpus", db)
	}
	_, get := s.Op("profiles.get")
	want := scenario.Cache{Keys: 20000, TTL: 5 * time.Minute, Size: scenario.Unlimited, Fill: "in_time", MaxLoad: time.Minute, Per: "service", Start: "warm"}
	if *get.Cache != want {
		t.Errorf("cache is %+v, want %+v", *get.Cache, want)
	}
	if at := s.Faults[0].At; at == nil || *at != 2*time.Minute {
		t.Errorf("the flush is at %v", at)
	}
	for _, pair := range [][2]string{{"gateway", "profiles"}, {"profiles", "db"}} {
		if r := variant(t, f, "no_retries").Calls.Between(pair[0], pair[1]).Retry; r != nil {
			t.Errorf("no_retries: %v retries: %+v", pair, r)
		}
		r := variant(t, f, "budget").Calls.Between(pair[0], pair[1]).Retry
		if r.Budget == nil || r.Budget.Ratio != 0.1 || r.Attempts != 3 {
			t.Errorf("budget: %v has %+v", pair, r)
		}
	}
	if q := variant(t, f, "short_queue").Service("db").Queue; q.Length != 100 || q.Order != "fifo" {
		t.Errorf("short_queue: %+v", q)
	}
}

func TestSettings(t *testing.T) {
	f := parse(t, "calls: {web: {db: {retry: {attempts: 3}}}}\nvariants: {redundant: {services.*.replicas: 3}}\n")
	tests := []struct {
		set  string
		want any
		got  func(*scenario.Scenario) any
	}{
		{"services.web.replicas=5", 5, func(s *scenario.Scenario) any { return s.Service("web").Replicas }},
		{"web.replicas=5", 5, func(s *scenario.Scenario) any { return s.Service("web").Replicas }},
		{"services.*.cpus=7", 7, func(s *scenario.Scenario) any { return s.Service("db").CPUs }},
		{"services.*.threads=9", 9, func(s *scenario.Scenario) any { return s.Service("web").Threads }},
		{"services.*.queue.length=unlimited", scenario.Unlimited, func(s *scenario.Scenario) any { return s.Service("db").Queue.Length }},
		{"db.retry.attempts=4", 4, func(s *scenario.Scenario) any { return s.Calls.Between("web", "db").Retry.Attempts }},
		{"calls.web.db.retry=none", true, func(s *scenario.Scenario) any { return s.Calls.Between("web", "db").Retry == nil }},
		{"calls.users.web.timeout={attempt: 1s}", time.Second, func(s *scenario.Scenario) any { return s.Calls.Between("users", "web").Timeout.Attempt }},
		{"mix.web.get=1.0", nil, nil},
		{"study.runs=5", 5, func(s *scenario.Scenario) any { return s.Study.Runs }},
		{"queues.mail=none", 0, func(s *scenario.Scenario) any { return len(s.Queues) }},
		{"users.patience=none", time.Duration(0), func(s *scenario.Scenario) any { return s.Workload[0].Patience }},
		{"network.same_zone={p50: 1ms, p99: 5ms}", scenario.Lognormal(time.Millisecond, 5*time.Millisecond), func(s *scenario.Scenario) any { return s.Network.SameZone }},
	}
	for _, test := range tests {
		s, err := f.Variant("redundant", test.set)
		if test.got == nil {
			if err == nil {
				t.Errorf("%s: no error", test.set)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.set, err)
		} else if diff := cmp.Diff(test.want, test.got(s)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.set, diff)
		}
	}
	s := variant(t, f, "redundant", "web.replicas=5", "services.*.replicas=4") // the last one wins
	if got := s.Service("web").Replicas; got != 4 {
		t.Errorf("replicas are %d, want 4", got)
	}
	if base := f.Base().Service("web").Replicas; base != 2 {
		t.Errorf("settings changed the file: replicas are %d, want 2", base)
	}
}

func TestDiamondAppliesOnce(t *testing.T) {
	f := parse(t, `
variants:
  base: {services.web.replicas: 3}
  left: {with: [base], services.web.replicas: 4}
  right: {with: [base], services.web.cpus: 8}
  both: {with: [left, right]}
  same: {with: [left], services.web.cpus: 8}
  agreed: {with: [right, same]}
`)
	for _, name := range []string{"both", "agreed"} { // base does not come again to undo left
		web := variant(t, f, name).Service("web")
		if web.Replicas != 4 || web.CPUs != 8 {
			t.Errorf("%s: %d replicas with %d cpus, want 4 with 8", name, web.Replicas, web.CPUs)
		}
	}
}

func TestAliasesAndMergeKeys(t *testing.T) {
	f, err := scenario.Parse("shop.yaml", []byte(`
nines: 1
services:
  one: &one {replicas: 2, cpus: 3, ops: &ops {get: {work: exp 5ms}}}
  two: {<<: *one, cpus: 4}
  three: {ops: *ops}
workload: {users: {rate: 1/s, mix: {one.get: 100%}}}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := variant(t, f, "", "services.one.ops.get.errors=5%")
	two := s.Service("two")
	if two.Replicas != 2 || two.CPUs != 4 || len(two.Ops) != 1 || len(s.Service("three").Ops) != 1 {
		t.Errorf("two is %+v, want 2 replicas merged in and 4 cpus of its own", two)
	}
	if two.Ops[0].Errors != 0 {
		t.Error("setting a path of one changed two")
	}
}

func TestDefaultsFollowOtherValues(t *testing.T) {
	f := parse(t, "alerts: {burn: {on: objectives.get, preset: sre-workbook, rules: {slow: {burn: 3x, long: 12h, short: 1h}, day: {burn: 2x, long: 1d, short: 2h}}}}\n")
	s := variant(t, f, "", "db.cpus=6", "db.store={copies: 5, ack: quorum, r: 2}")
	db := s.Service("db")
	if db.Threads != 6 || db.Store.W != 3 || db.Store.R != 2 || !slices.Equal(db.Spread, []string{"a", "b"}) {
		t.Errorf("db is %+v with %+v", db, db.Store)
	}
	var rules []string
	for _, r := range s.Alerts[0].Rules {
		rules = append(rules, fmt.Sprint(r.Name, r.Burn))
	}
	if want := []string{"fast14.4", "slow3", "day2"}; !slices.Equal(rules, want) {
		t.Errorf("rules are %v, want %v", rules, want)
	}
}

func TestGrid(t *testing.T) {
	f := load(t, "webshop")
	sweep := f.Sweep("retry")
	points, err := f.Grid(sweep.From, sweep.Vary)
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 16 {
		t.Fatalf("%d points, want 16", len(points))
	}
	want := []string{"calls.default.retry.attempts=1", "calls.default.retry.budget=5%"}
	if !slices.Equal(points[1], want) {
		t.Errorf("the second point is %v, want %v", points[1], want)
	}
	s := variant(t, f, sweep.From, points[15]...)
	if r := s.Calls.Default.Retry; r.Attempts != 5 || r.Budget.Ratio != 0.2 {
		t.Errorf("the last point has %+v", r)
	}
	if _, err := f.Grid("budget", []scenario.Axis{{Path: "default.retry.attempts", Values: []scenario.Raw{"0"}}}); err == nil {
		t.Error("0 attempts, and no error")
	}
}

func TestParseAxis(t *testing.T) {
	tests := []struct{ text, want string }{
		{"retry.attempts=1,2,5", "1 2 5"},
		{"retry.budget=[none, 10%]", "none 10%"},
		{"retry.budget=none,10%", "none 10%"},
		{"retry.backoff=50ms..1s", "50ms..1s"},
		{"retry.attempts=1..5:2", "1 3 5"},
		{"retry.budget=10%..30%:10%", "10% 20% 30%"},
		{"sale.by=1x..2x:0.5x", "1x 1.5x 2x"},
		{"users.rate=50/s..150/s:50/s", "50/s 100/s 150/s"},
		{"timeout.attempt=500ms..2s:500ms", "500ms 1s 1500ms 2s"},
		{"breaker.open=500ms..1m:30s", "500ms 30500ms"},
		{"db.store=[{copies: 3}, none]", "{copies: 3} none"},
	}
	for _, test := range tests {
		axis, err := scenario.ParseAxis(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		var got []string
		for _, v := range axis.Values {
			got = append(got, string(v))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %v, want %s", test.text, got, test.want)
		}
	}
	for _, bad := range []string{"", "x", "x=", "=1,2", "x=5..1:1", "x=1..5:0", "x=1..5:10%", "x=0..100000:1", "x=[1", "x=a..b:c"} {
		if axis, err := scenario.ParseAxis(bad); err == nil {
			t.Errorf("%q gave %+v, want an error", bad, axis)
		}
	}
}

func TestUnits(t *testing.T) {
	f := parse(t, "calls: {web: {db: {retry: {attempts: 3}}}}\nfaults: {c: {kind: clock, on: services.web, every: 1y, lasts: until_fixed}}\nhealing: {on_call: {}}\n")
	tests := []struct{ set, want string }{
		{"users.patience=1h30m", "90m"},
		{"users.patience=1.5s", "1500ms"},
		{"users.patience=0.3ms", "300us"},
		{"users.patience=2y", "2y"},
		{"users.patience=36h", "36h"},
		{"users.patience=1µs", "1us"},
		{"get.target=0.999", "99.9%"},
		{"get.target=99.999%", "99.999%"},
		{"get.target=0.0%", "0%"},
		{"users.rate=90/m", "1.5/s"},
		{"users.rate=0.1/s", "0.1/s"},
		{"retry.factor=1.5x", "1.5x"},
		{"retry.backoff=100ms", "100ms..100ms"},
		{"c.offset=-250ms", "-250ms"},
		{"c.drift=0.02%", "0.02%"},
		{"charge.work=exp 2s", "exp 2s"},
		{"charge.work={p50: 1s, p999: 1m}", "{p50: 1s, p999: 1m}"},
		{"charge.work={mean: 5ms, cv: 1.5, shape: gamma}", "{mean: 5ms, cv: 1.5, shape: gamma}"},
		{"charge.work={file: latency.txt}", "{file: latency.txt}"},
	}
	for _, test := range tests {
		part, _, _ := strings.Cut(test.set, "=")
		s, err := f.Variant("", test.set)
		if err != nil {
			t.Errorf("%s: %v", test.set, err)
			continue
		}
		full, err := f.Resolve("", part)
		if err != nil {
			t.Error(err)
		}
		g, err := scenario.Parse("testdata/again.yaml", scenario.Marshal(s, nil), nil)
		if err != nil {
			t.Errorf("%s: %v", test.set, err)
			continue
		}
		paths, err := g.Paths("", full)
		if err != nil || len(paths) == 0 || paths[0].Value != test.want {
			t.Errorf("%s: got %v, want %s (%v)", test.set, paths, test.want, err)
		}
	}
}

func TestMeasuredWork(t *testing.T) {
	f := parse(t, "")
	a := variant(t, f, "", "charge.work={file: latency.txt}")
	_, op := a.Op("pay.charge")
	if mean := op.Work.Distribution().Mean(); math.Abs(mean-0.025) > 1e-12 {
		t.Errorf("the mean of the measured times is %v s, want 0.025", mean)
	}
	b := variant(t, f, "", "charge.work={file: latency2.txt}")
	_, other := b.Op("pay.charge")
	other.Work.File = op.Work.File
	if scenario.Hash(a, nil) == scenario.Hash(b, nil) {
		t.Error("two files of different content give the same hash")
	}
}

func TestHash(t *testing.T) {
	f := load(t, "webshop")
	base := scenario.Hash(f.Base(), nil)
	if naive := scenario.Hash(variant(t, f, "naive"), nil); naive != base {
		t.Errorf("naive changes nothing, but its hash is %s and not %s", naive, base)
	}
	if got := scenario.Hash(variant(t, f, "", "shop.threads=200", "study.year=1y"), nil); got != base {
		t.Error("writing the same value in another way changes the hash")
	}
	if got := scenario.Hash(variant(t, f, "", "shop.threads=201"), nil); got == base {
		t.Error("another number of threads has the same hash")
	}
	// The hash stands in journals and on charts: a change of the canonical form belongs in the changelog.
	if want := "2fc6d5eb341e"; base != want {
		t.Errorf("the hash of the webshop is %s, was %s", base, want)
	}
}

func TestKindsOfFaultAreThoseOfThePackage(t *testing.T) {
	f := parse(t, "")
	_, err := f.Variant("", "faults={x: {kind: none_such, on: services.web, every: 1y}}")
	for _, kind := range fault.Kinds() {
		if err == nil || !strings.Contains(err.Error(), string(kind)) {
			t.Errorf("%s is no kind in a file: %v", kind, err)
		}
	}
	for k := patterns.Kind(0); k.String() != "unknown kind"; k++ {
		if _, err := f.Variant("", "calls.default.retry={on: ["+k.String()+"]}"); err != nil {
			t.Errorf("%s is no kind of failure in a file: %v", k, err)
		}
	}
}

func TestValidateScenarioMadeInGo(t *testing.T) {
	s := variant(t, load(t, "webshop"), "everything")
	if err := s.Validate(); err != nil {
		t.Errorf("what a file gave is wrong: %v", err)
	}
	s.Service("shop").Ops[0].Calls[0].Call = "catalog.lst"
	s.Objectives[0].Of = "shop.brows"
	err := s.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	want := "services.shop.ops.browse.calls[0]: there is no operation \"catalog.lst\"; did you mean catalog.list?\n" +
		"objectives.browse.of: there is no operation \"shop.brows\"; did you mean shop.browse?"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestHistogramLog(t *testing.T) {
	var log bytes.Buffer
	h := hdrhistogram.New(1, 1e9, 3)
	for us := int64(1000); us <= 9000; us += 1000 {
		if err := h.RecordValue(us); err != nil {
			t.Fatal(err)
		}
	}
	if err := hdrhistogram.NewHistogramLogWriter(&log).OutputIntervalHistogram(h); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := "nines: 1\nservices: {a: {ops: {b: {work: {file: b.hlog, unit: us}}}}}\nworkload: {w: {rate: 1/s, mix: {a.b: 100%}}}\n"
	for name, data := range map[string][]byte{"b.hlog": log.Bytes(), "shop.yaml": []byte(file)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := scenario.Load(filepath.Join(dir, "shop.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, op := f.Base().Op("a.b")
	if mean := op.Work.Distribution().Mean(); math.Abs(mean-0.005) > 0.005*0.001 { // three digits
		t.Errorf("the mean of 1 to 9 ms is %v s", mean)
	}
	if err := os.WriteFile(filepath.Join(dir, "b.hlog"), []byte("no histogram\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := scenario.Load(filepath.Join(dir, "shop.yaml"), nil); err == nil || !strings.Contains(err.Error(), "the file b.hlog: ") {
		t.Errorf("a log that is none: %v", err)
	}
}

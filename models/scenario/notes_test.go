package scenario_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is set on a call and cannot be is said, with what stands in its way.
func TestNotesOnCalls(t *testing.T) {
	f := parse(t, "")
	for _, c := range []struct{ set, want string }{
		{"breaker={last: 20, rate: 50%, min_calls: 100}", "breaker.min_calls: is 100, of which the window of the last 20 has room for 20 only: those are enough"},
		{"breaker={last: 20, rate: 50%, min_calls: 20}", ""},
		{"hedge={delay: 10ms}", "hedge: db has one replica: a copy waits where the first waits"},
		{"outlier={preset: grpc, consecutive: {failures: 5}}", "ejected of the 2 of db: consecutive.enforce is 0%; failure_share.min_endpoints is 5; success_rate.min_endpoints is 5"},
		{"outlier={preset: grpc, success_rate: {min_endpoints: 2}}", "ejected of the 2 of db: failure_share.min_endpoints is 5; one bad replica is no further"},
		{"outlier={consecutive: {failures: 5}}", ""},
	} {
		replicas := 2
		if strings.HasPrefix(c.set, "hedge") {
			replicas = 1
		}
		notes, err := f.Notes("", fmt.Sprintf("services.db={replicas: %d, cpus: 2, ops: {read: {work: exp 5ms}}}", replicas), "calls.web.db."+c.set)
		if err != nil {
			t.Fatal(err)
		}
		var about []string
		for _, n := range notes {
			if strings.Contains(n.Path, "calls.") && !strings.Contains(n.Problem, "wait for ever") {
				about = append(about, n.Headline())
			}
		}
		if got := strings.Join(about, "\n"); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.set, got, c.want)
		}
	}
}

func TestNotes(t *testing.T) {
	f := parse(t, "faults: {sale: {kind: surge, on: workload.users, by: 20x, every: 30d, lasts: 10m}}\n")
	notes, err := f.Notes("", "web.ops.get.work=5ms", "web.threads=2", "default.retry={attempts: 3}")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range notes {
		got = append(got, n.Headline())
	}
	want := []string{
		`--set default.retry={attempts: 3}: calls.default.retry: a call without timeout.attempt can wait for ever, and is then never tried again`,
		`--set web.ops.get.work=5ms: services.web.ops.get.work: is exactly 5ms: real work varies; exp 5ms and {p50, p99} do`,
		`testdata/minimal.yaml:4:8: services.web: is overloaded during sale: it needs 125% of its cpus`,
		`testdata/minimal.yaml:4:78: services.web.ops.get.calls: web has no more threads than cpus (2), and each call holds one while it waits for others`,
		`testdata/minimal.yaml:5:7: services.db: is overloaded during sale while a zone is lost: it needs 250% of the cpus left`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// minimal.yaml: 50 calls a second to web, and of those to db, on 2 replicas and 3 copies; 5 ms each.
func TestNotesOnBounds(t *testing.T) {
	for set, want := range map[string]string{
		"services.web.limit={rate: 24/s}":             "services.web.limit: is below the 50 calls/s that come without any fault",
		"services.web.limit={rate: 25/s}":             "",
		"calls.users.web.limit={rate: 49/s}":          "calls.users.web.limit: users makes 50 calls/s without any fault, which is more than it allows",
		"calls.web.db.limit={rate: 24/s}":             "calls.web.db.limit: web makes 50 calls/s without any fault, which is more than it allows",
		"calls.web.db.limit={rate: 49/s, shared: {}}": "calls.web.db.limit: web makes 50 calls/s without any fault, which is more than it allows",
		"services.web.ops.get.work=exp 100ms calls.users.web.bulkhead={max: 5} calls.users.web.timeout={attempt: 1s}": "calls.users.web.bulkhead: has room for 5 calls, but without any fault 5.25 are under way from each client",
		"calls.users.web.bulkhead={max: 5}":     "calls.users.web.bulkhead: a call without a timeout whose answer never comes counts as under way for ever",
		"calls.users.web.shed={kind: vegas}":    "calls.users.web.shed: a call without a timeout whose answer never comes counts as under way for ever",
		"calls.users.web.shed={preset: kratos}": "",
	} {
		f := parse(t, "")
		notes, err := f.Notes("", strings.Split(strings.ReplaceAll(set, " calls.", "\ncalls."), "\n")...)
		if err != nil {
			t.Errorf("%s: %v", set, err)
			continue
		}
		var got []string
		for _, n := range notes {
			if strings.Contains(n.Path, "limit") || strings.Contains(n.Path, "bulkhead") || strings.Contains(n.Path, "shed") {
				got = append(got, n.Path+": "+n.Problem)
			}
		}
		if text := strings.Join(got, "; "); text != want {
			t.Errorf("%s:\n got %s\nwant %s", set, text, want)
		}
	}
}

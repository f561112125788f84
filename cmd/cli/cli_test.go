package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/cmd/cli"
)

var update = os.Getenv("NINES_UPDATE") == "1" // golden files are written anew

// nines runs a command and returns what it wrote, and its exit code.
func nines(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return with(t, context.Background(), cli.Catalog{}, args...)
}

func with(t *testing.T, ctx context.Context, c cli.Catalog, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Run(ctx, c, args, &out, &err)
	return out.String(), err.String(), code
}

// ok runs a command that must end well and returns its result.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := nines(t, args...)
	if code != cli.ExitOK {
		t.Fatalf("nines %s: exit code %d\n%s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// golden compares a text with the file of that name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name+".txt")
	if update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s changed (-want +got; NINES_UPDATE=1 accepts it):\n%s", path, diff)
	}
}

// small makes a study of minimal take a few milliseconds a run.
var small = []string{"--set", "study.lasts=2m", "--set", "study.warmup=10s", "--set", "study.recovery=1m"}

func TestGolden(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
	}{
		{"list", []string{"list"}},
		{"help", []string{"help"}},
		{"compare-help", []string{"compare", "--help"}},
		{"show", []string{"show", "minimal"}},
		{"validate", []string{"validate", "testdata/busy.yaml"}},
		{"paths", []string{"paths", "minimal", "replicas"}},
		{"run-calm", slices.Concat([]string{"run", "minimal"}, small)},
		{"run-incident", slices.Concat([]string{"run", "minimal", "--incident", "crash", "--seed", "3"}, small)},
		{"run-timeline", []string{"run", "testdata/storm.yaml", "--variant", "retries"}},
		{"run-csv", slices.Concat([]string{"run", "minimal", "-o", "csv"}, small)},
		{"compare", slices.Concat([]string{"compare", "minimal", "--runs", "8", "--no-chart"}, small)},
		{"compare-csv", slices.Concat([]string{"compare", "minimal", "--runs", "8", "--no-chart", "-o", "csv", "--variants", "one,two"}, small)},
		{"compare-timeline", []string{"compare", "testdata/storm.yaml", "--runs", "4", "--no-chart"}},
		{"compare-two", slices.Concat([]string{"compare", "minimal", "testdata/busy.yaml", "--seeds", "3-8", "--no-chart"}, small)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stdout := ok(t, test.args...)
			golden(t, test.name, rounded(steady(stdout)))
			if strings.HasPrefix(test.name, "compare") && !strings.HasSuffix(test.name, "csv") {
				fits(t, stdout)
			}
		})
	}
}

var versionInResult = regexp.MustCompile(`nines (devel|v[0-9])[^ \n]*`)

// steady replaces the version, which differs between builds.
func steady(s string) string { return versionInResult.ReplaceAllString(s, "nines VERSION") }

var longNumber = regexp.MustCompile(`[0-9]+\.[0-9]{6,}`)

// rounded shortens numbers whose last digits differ between processors.
func rounded(s string) string {
	return longNumber.ReplaceAllStringFunc(s, func(number string) string {
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			panic(err)
		}
		return strconv.FormatFloat(v, 'g', 6, 64)
	})
}

// fits fails if a line is too wide for a terminal of 100 columns.
func fits(t *testing.T, s string) {
	t.Helper()
	for line := range strings.Lines(s) {
		if strings.HasPrefix(line, "again: ") {
			continue // a command is never broken
		}
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestMistakes keeps the answer to each mistake in one file, to be read through.
func TestMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	change := func(scenario, name, old, new string) string {
		path := filepath.Join(dir, name+".yaml")
		text := ok(t, "show", scenario)
		if !strings.Contains(text, old) {
			t.Fatalf("%s has no %q", scenario, old)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(text, old, new, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	wrong := func(name, old, new string) string { return change("minimal", name, old, new) }
	picture := filepath.Join(dir, "chart.png")
	if err := os.WriteFile(picture, []byte("\x89PNG\r\n\x1a\n\x00\x00"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "plan.json")
	if err := os.WriteFile(broken, []byte(`{"format": 1, "entries": [{"cause": "crash", "kind": "crash", "victim": "api/7", "occurrence": 1, "at": "1m"}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		about string
		args  []string
	}{
		{"a misspelt key", []string{"validate", wrong("key", "replicas: 1", "replcas: 1")}},
		{"a number without unit", []string{"validate", wrong("unit", "patience: 5s", "patience: 5")}},
		{"a negative rate", []string{"validate", wrong("rate", "rate: 40/s", "rate: -40/s")}},
		{"a quorum larger than the copies", []string{"validate", change("webshop", "quorum", "{copies: 1, ack: local, failover: by_hand}", "{copies: 3, ack: quorum, r: 2, w: 4}")}},
		{"a variant path that does not exist", []string{"validate", wrong("path", "services.api.replicas: 2", "services.app.replicas: 2")}},
		{"two variants that disagree", []string{"validate", wrong("clash", "  retried: {with: [two],", "  three: {services.api.replicas: 3}\n  retried: {with: [two, three],")}},
		{"a missing file", []string{"validate", filepath.Join(dir, "kye.yaml")}},
		{"a binary file", []string{"validate", picture}},
		{"an unknown scenario", []string{"run", "minmal"}},
		{"an unknown variant", []string{"run", "minimal", "--variant", "tow"}},
		{"an unknown cause", []string{"run", "minimal", "--incident", "crsh"}},
		{"a path to set that does not exist", []string{"run", "minimal", "--set", "services.api.replicsa=2"}},
		{"a value of the wrong kind", []string{"run", "minimal", "--set", "services.api.replicas=many"}},
		{"an incident of a timeline", []string{"run", "retry-storm", "--incident", "surge"}},
		{"a quantile out of range", []string{"run", "minimal", "--incident", "crash", "--u", "1"}},
		{"faults of somebody who is not there", []string{"run", "minimal", "--faults", broken}},
		{"a trace of an unknown kind", []string{"run", "minimal", "--trace", filepath.Join(dir, "trace.txt")}},
		{"an unknown command", []string{"compair", "minimal"}},
		{"an unknown flag", []string{"compare", "minimal", "--job", "2"}},
		{"an unknown form", []string{"compare", "minimal", "-o", "xml"}},
		{"no scenario", []string{"compare"}},
		{"an unknown baseline", []string{"compare", "minimal", "--baseline", "on"}},
		{"a variant with nothing to leave out", []string{"compare", "minimal", "--leave-one-out", "one"}},
		{"too few runs", []string{"compare", "minimal", "--runs", "3"}},
		{"seeds that go backwards", []string{"compare", "minimal", "--seeds", "9-2"}},
		{"runs and seeds", []string{"compare", "minimal", "--seeds", "1-9", "--runs", "9"}},
		{"a chart of an unknown kind", []string{"compare", "minimal", "--chart", "x.jpeg"}},
		{"scenarios that cannot be compared", []string{"compare", "minimal", "retry-storm"}},
		{"a sweep that is not there", []string{"sweep", "retry-storm", "--sweep", "strom"}},
		{"nothing to sweep", []string{"sweep", "minimal"}},
		{"a value that cannot be swept", []string{"sweep", "minimal", "--vary", "services.api.replicas=1,zwei"}},
		{"steps that go nowhere", []string{"sweep", "minimal", "--vary", "services.api.replicas=4..1:1"}},
		{"no results to plot", []string{"plot", filepath.Join(dir, "nines-out")}},
		{"a row that is none", []string{"replay", "runs.ndjson"}},
	}
	var answers strings.Builder
	for _, test := range tests {
		stdout, stderr, code := nines(t, test.args...)
		if code != cli.ExitUsage || stdout != "" {
			t.Errorf("%s: exit code %d, need %d; stdout: %s\n%s", test.about, code, cli.ExitUsage, stdout, stderr)
		}
		answers.WriteString("# " + test.about + "\n$ nines " + strings.Join(test.args, " ") + "\n" + stderr + "\n")
	}
	golden(t, "mistakes", strings.ReplaceAll(answers.String(), dir+string(filepath.Separator), ""))
}

func TestRunDocument(t *testing.T) {
	t.Parallel()
	document := func(args ...string) map[string]any {
		t.Helper()
		var d map[string]any
		if err := json.Unmarshal([]byte(ok(t, slices.Concat([]string{"run", "minimal", "-o", "json"}, args, small)...)), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	seven := document("--seed", "7", "--incident", "crash")
	for _, key := range []string{"scenario", "variant", "seed", "version", "digest", "events", "calls", "availability", "latency_ms", "outages", "scenario_hash"} {
		if _, there := seven[key]; !there {
			t.Errorf("a run has no %q", key)
		}
	}
	if again := document("--seed", "7", "--incident", "crash"); again["digest"] != seven["digest"] {
		t.Errorf("seed 7 has the digests %v and %v", seven["digest"], again["digest"])
	}
	if eight := document("--seed", "8", "--incident", "crash"); eight["digest"] == seven["digest"] {
		t.Errorf("seeds 7 and 8 have the same digest %v", eight["digest"])
	}
}

func TestComparisonDocument(t *testing.T) {
	t.Parallel()
	var d struct {
		Variants []struct {
			Variant      string
			Availability struct{ Value, Low, High float64 }
			ByCause      map[string]float64 `json:"bad_minutes_by_cause"`
			LoadFactor   float64            `json:"load_factor"`
			Servers      int
		}
		Differences []struct {
			Variant    string
			Verdict    string
			BadMinutes struct{ Value, Low, High float64 } `json:"bad_minutes"`
		}
	}
	text := ok(t, slices.Concat([]string{"compare", "minimal", "-o", "json", "--no-chart", "--runs", "12", "--baseline", "two"}, small)...)
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Variants) != 3 || len(d.Differences) != 2 {
		t.Fatalf("%d variants and %d differences, need 3 and 2", len(d.Variants), len(d.Differences))
	}
	for _, v := range d.Variants {
		if a := v.Availability; !(0 < a.Low && a.Low <= a.Value && a.Value <= a.High && a.High <= 1) {
			t.Errorf("%s: availability %v in [%v, %v]", v.Variant, a.Value, a.Low, a.High)
		}
		if v.LoadFactor < 1 || v.Servers < 1 || v.ByCause == nil {
			t.Errorf("%s: load factor %v, %d servers, causes %v", v.Variant, v.LoadFactor, v.Servers, v.ByCause)
		}
	}
	for _, diff := range d.Differences {
		if want := map[string]string{"one": "worse", "retried": "better"}[diff.Variant]; diff.Verdict != want {
			t.Errorf("%s against two is %q, need %q (%+v)", diff.Variant, diff.Verdict, want, diff.BadMinutes)
		}
	}
}

// TestJobs compares what one worker and several write: to the byte, the chart too.
func TestJobs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	compare := func(jobs, chart string) (string, []byte) {
		path := filepath.Join(dir, chart)
		text := ok(t, slices.Concat([]string{"compare", "minimal", "--runs", "12", "--jobs", jobs, "--chart", path}, small)...)
		picture, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text, picture
	}
	one, chart1 := compare("1", "one.svg")
	three, chart3 := compare("3", "three.svg")
	if diff := cmp.Diff(one, three); diff != "" {
		t.Errorf("one job and three differ:\n%s", diff)
	}
	if !bytes.Equal(chart1, chart3) {
		t.Error("one job and three draw different charts")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args []string
		code int
		says string
	}{
		{[]string{"run", "minimal", "--check"}, cli.ExitOK, ""},
		{[]string{"run", "minimal", "--incident", "crash", "--check"}, cli.ExitMissed, "missed: get"},
		{[]string{"compare", "minimal", "--variants", "retried", "--runs", "8", "--no-chart", "--check"}, cli.ExitOK, ""},
		{[]string{"compare", "minimal", "--variants", "one", "--runs", "8", "--no-chart", "--check", "--set", "objectives.get.target=99.9999%"}, cli.ExitMissed, "one misses get"},
		{[]string{"compare", "minimal", "--variants", "two", "--runs", "4", "--no-chart", "--check", "--set", "objectives.get.target=99.996%"}, cli.ExitOK, ""},
		{[]string{"compare", "minimal", "--variants", "two", "--runs", "4", "--no-chart", "--check", "--strict", "--set", "objectives.get.target=99.996%"}, cli.ExitMissed, "two is undecided about get"},
	}
	for _, test := range tests {
		_, stderr, code := nines(t, slices.Concat(test.args, small)...)
		if code != test.code || !strings.Contains(stderr, test.says) {
			t.Errorf("nines %s: exit code %d, need %d; stderr, which needs %q:\n%s", strings.Join(test.args, " "), code, test.code, test.says, stderr)
		}
	}
}

func TestFaultsAreSavedAndMetAgain(t *testing.T) {
	t.Parallel()
	plan := filepath.Join(t.TempDir(), "plan.json")
	digest := func(args ...string) any {
		var d map[string]any
		if err := json.Unmarshal([]byte(ok(t, slices.Concat([]string{"run", "minimal", "-o", "json"}, args, small)...)), &d); err != nil {
			t.Fatal(err)
		}
		return d["digest"]
	}
	drawn := digest("--incident", "crash", "--save-faults", plan)
	if met := digest("--faults", plan); met != drawn {
		t.Errorf("with the saved faults the digest is %v, need %v", met, drawn)
	}
	if calm := digest(); calm == drawn {
		t.Error("a calm run has the digest of an incident")
	}
}

func TestTraces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	perfetto, lines := filepath.Join(dir, "run.json"), filepath.Join(dir, "run.ndjson")
	for _, file := range []string{perfetto, lines} {
		ok(t, slices.Concat([]string{"run", "minimal", "--incident", "crash", "--trace", file, "--verify"}, small)...)
	}
	var chrome struct {
		TraceEvents []struct{ Name, Ph, Cat string }
	}
	data, err := os.ReadFile(perfetto)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &chrome); err != nil {
		t.Fatal(err)
	}
	spans := map[string]int{}
	for _, e := range chrome.TraceEvents {
		if e.Ph == "b" {
			spans[e.Cat]++
		}
	}
	if spans["call"] < 1000 || spans["attempt"] < spans["call"] {
		t.Errorf("%d calls and %d attempts in the trace", spans["call"], spans["attempt"])
	}
	delete(spans, "call")
	delete(spans, "attempt")
	if diff := cmp.Diff(map[string]int{"fault": 1, "outage": 1, "heal": 1}, spans); diff != "" {
		t.Errorf("spans in the trace (-want +got):\n%s", diff)
	}
	data, err = os.ReadFile(lines)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if script := ok(t, "completion", shell); !strings.Contains(script, "nines") {
			t.Errorf("%s: %q", shell, script)
		}
	}
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"run", ""}, "webshop"},
		{[]string{"run", "minimal", "--variant", ""}, "retried"},
		{[]string{"run", "minimal", "--incident", ""}, "crash"},
		{[]string{"sweep", "retry-storm", "--sweep", ""}, "storm"},
		{[]string{"compare", "minimal", "-o", ""}, "ndjson"},
	}
	for _, test := range tests {
		got := ok(t, append([]string{"__complete"}, test.args...)...)
		if !slices.Contains(strings.Split(got, "\n"), test.want) {
			t.Errorf("completing %q gives no %q:\n%s", test.args, test.want, got)
		}
	}
}

// What the policies did is listed as they stand around the call, outermost first, also what did nothing.
func TestRunListsLayersOutermostFirst(t *testing.T) {
	_, text, _ := strings.Cut(ok(t, "run", "budget-or-breaker", "--variant", "breaker"), "what it did\n")
	var layers []string
	for _, line := range strings.Split(text, "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "web.api" {
			layers = append(layers, fields[1])
		}
	}
	if want := []string{"total", "retry", "breaker", "attempt"}; !slices.Equal(layers, want) {
		t.Errorf("got %v, want %v", layers, want)
	}
}

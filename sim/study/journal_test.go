package study

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var header = Header{Version: "v0.1", Scenario: "5eed", Command: "nines sweep"}

// journal opens a journal in a new folder.
func journal(t *testing.T) (*Journal, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runs.ndjson")
	j, err := OpenJournal(path, header)
	if err != nil {
		t.Fatal(err)
	}
	return j, path
}

func reopen(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := OpenJournal(path, header)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestAKilledStudyGoesOn cuts a journal at every kind of place, and finishes the study. No run is lost
// or repeated, and the result is that of a study that was never killed.
func TestAKilledStudyGoesOn(t *testing.T) {
	s, plan := example()
	plan.Runs, plan.Causes[0].Rate = 40, Seen(2, 3*year)
	j, path := journal(t)
	whole, err := plan.Run(context.Background(), Pool{Jobs: 2, Journal: j}, s.simulate)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	full, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 20, 200, len(full) / 2, len(full) - 1, len(full)} {
		if err := os.WriteFile(path, full[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		j := reopen(t, path)
		kept, runs := len(j.Rows()), 0
		sum, err := plan.Run(context.Background(), Pool{Jobs: 1, Journal: j}, func(ctx context.Context, c Case) (Measurement, error) {
			runs++
			return s.simulate(ctx, c)
		})
		if err != nil {
			t.Fatal(err)
		}
		if kept+runs != 80 {
			t.Errorf("cut at %d: %d rows kept, %d runs done, need 80 together", size, kept, runs)
		}
		if diff := cmp.Diff(whole, sum); diff != "" {
			t.Errorf("cut at %d: %s", size, diff)
		}
		j.Close()
		_, rows, err := ReadJournal(path)
		if err != nil || len(rows) != 80 {
			t.Errorf("cut at %d: %d rows in the end, %v", size, len(rows), err)
		}
	}
}

func TestALongTornLineLeavesNothingBehind(t *testing.T) {
	j, path := journal(t)
	j.Close()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(strings.Repeat("torn ", 1000)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	j = reopen(t, path)
	if err := j.Append(Row{Case: Case{Variant: "naive"}}); err != nil {
		t.Fatal(err)
	}
	j.Close()
	content, _ := os.ReadFile(path)
	if strings.Contains(string(content), "torn") || strings.Count(string(content), "\n") != 2 {
		t.Errorf("%.300s", content)
	}
}

func TestAJournalOfAnotherStudyIsRefused(t *testing.T) {
	j, path := journal(t)
	j.Close()
	for _, c := range []struct {
		h    Header
		want string
	}{
		{Header{Version: "v0.1", Scenario: "other"}, "its scenario is 5eed, this one is other"},
		{Header{Version: "v0.2", Scenario: "5eed"}, "written by version v0.1, this is v0.2"},
	} {
		_, err := OpenJournal(path, c.h)
		if !errors.Is(err, ErrOtherStudy) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v does not say %q", err, c.want)
		}
	}
	if j, err := OpenJournal(path, Header{Version: "v0.1", Scenario: "5eed", Command: "another"}); err != nil {
		t.Errorf("another command: %v", err)
	} else {
		j.Close()
	}
	for content, want := range map[string]string{
		"hello\n":                   ":1: not a journal",
		"a poem without an end":     ":1: not a journal",
		"{\"nines\":1}\n":           ":1: not a journal",
		"{\"journal\":\n":           ":1: damaged header",
		"{\"journal\":9}\n":         ":1: journal format 9, need 1",
		"{\"journal\":1}\nbroken\n": ":2: damaged row",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadJournal(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not say %q", content, err, want)
		}
		if _, err := OpenJournal(path, header); err == nil {
			t.Errorf("%q was opened", content)
		}
		if now, _ := os.ReadFile(path); string(now) != content {
			t.Errorf("a file that is no journal was changed: %q", now)
		}
	}
}

func TestTwoResultsOfOneCaseAreRefused(t *testing.T) {
	s, _ := example()
	j, path := journal(t)
	c := Case{Variant: "naive", Causes: []string{"crash"}, Seed: 3, U: []float64{0.25}, Weight: 1.5}
	m, _ := s.simulate(context.Background(), c)
	for range 2 {
		if err := j.Append(Row{c, m}); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	line, _ := os.ReadFile(path)
	row := line[strings.IndexByte(string(line), '\n')+1:]
	if strings.Count(string(line), "\n") != 2 {
		t.Errorf("an equal row was written again:\n%s", line)
	}
	if err := os.WriteFile(path, append(line, row...), 0o600); err != nil { // as after merging two journals
		t.Fatal(err)
	}
	j = reopen(t, path)
	if len(j.Rows()) != 1 {
		t.Errorf("%d rows, need 1", len(j.Rows()))
	}
	m.Digest++
	if err := j.Append(Row{c, m}); !errors.Is(err, ErrConflict) {
		t.Error(err)
	}
	c.U = []float64{0.5}
	if _, _, err := j.Get(c); !errors.Is(err, ErrOtherStudy) {
		t.Error(err)
	}
}

// TestAFailedWriteLosesNothing has the file vanish under the journal, as a full disk would.
func TestAFailedWriteLosesNothing(t *testing.T) {
	s, plan := example()
	j, path := journal(t)
	runs := 0
	sum, err := plan.Run(context.Background(), Pool{Jobs: 1, Journal: j}, func(ctx context.Context, c Case) (Measurement, error) {
		if runs++; runs == 20 {
			j.file.Close()
		}
		return s.simulate(ctx, c)
	})
	if err == nil || !strings.Contains(err.Error(), "cannot write the journal") {
		t.Error(err)
	}
	if !sum.Incomplete || len(sum.Rows) < 18 {
		t.Errorf("%d rows, incomplete %v", len(sum.Rows), sum.Incomplete)
	}
	j.file, _ = os.OpenFile(path, os.O_RDWR, 0) // even if there is room again: a row before it is missing
	if err := j.Append(Row{Case: Case{Variant: "x"}}); err == nil {
		t.Error("written after a failure")
	}
	j.Close()
	if _, rows, err := ReadJournal(path); err != nil || len(rows) != len(sum.Rows) {
		t.Errorf("%d rows in the file, %d finished, %v", len(rows), len(sum.Rows), err)
	}
}

func TestARowIsOneSelfContainedLine(t *testing.T) {
	r := Row{
		Case{Variant: "budget", Point: Point{{"b.attempts", "3"}, {"a.budget", "10%"}}, Causes: []string{"sale"}, Seed: 7, U: []float64{0.25}, Weight: 1.5},
		Measurement{Objectives: []Count{{Valid: 100, Bad: 1}}, Length: 60e9, Metrics: map[string]float64{"p99": 1.5, "lost": 0}, Digest: math.MaxUint64, Events: 12},
	}
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"variant":"budget","point":{"b.attempts":"3","a.budget":"10%"},"causes":["sale"],"seed":7,"u":[0.25],"weight":1.5,` +
		`"objectives":[{"valid":100,"bad":1}],"length":60000000000,"metrics":{"lost":0,"p99":1.5},"digest":"ffffffffffffffff","events":12}`
	if string(line) != want {
		t.Errorf("have %s\nneed %s", line, want)
	}
	var back Row
	if err := json.Unmarshal(line, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Error(diff)
	}
}

func TestGrid(t *testing.T) {
	g := Grid{{"retry.attempts", []string{"1", "3"}}, {"retry.budget", []string{"none", "10%", "20%"}}}
	var got []string
	for _, p := range g.Points() {
		got = append(got, p.String())
	}
	want := []string{
		"retry.attempts=1 retry.budget=none", "retry.attempts=1 retry.budget=10%", "retry.attempts=1 retry.budget=20%",
		"retry.attempts=3 retry.budget=none", "retry.attempts=3 retry.budget=10%", "retry.attempts=3 retry.budget=20%",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	bad := Grid{{"a", nil}, {"b", []string{"1", "1"}}, {"b", []string{"2"}}, {"", []string{"1"}}}
	err := bad.Validate()
	for _, want := range []string{"a has no values", "b has the value 1 twice", "b is varied twice", "no path"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if g.Validate() != nil {
		t.Error(g.Validate())
	}
}

func TestLeaveOneOut(t *testing.T) {
	got := LeaveOneOut([]string{"breaker", "async", "restarts"})
	want := [][]string{{"async", "restarts"}, {"breaker", "restarts"}, {"breaker", "async"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlansNameEveryBadField(t *testing.T) {
	plan := Incidents{
		Causes:   []Cause{{Name: "a+b"}, {Name: "x", Rate: Rate{PerYear: -1}}},
		Variants: []Variant{{Name: "v"}, {Name: "v", Victims: map[string]float64{"x": -2}}}, Baseline: "w",
	}
	err := plan.Validate()
	for _, want := range []string{`"a+b"`, "x: rate -1", "two variants are called v", `baseline "w"`, "-2 victims", "Pilot is 0", "no objective", "Level is 0", "PairThreshold"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if _, err := plan.Run(context.Background(), Pool{}, nil); err == nil {
		t.Error("a bad plan was run")
	}
	if _, err := (Timeline{}).Run(context.Background(), Pool{}, nil); err == nil {
		t.Error("an empty plan was run")
	}
}

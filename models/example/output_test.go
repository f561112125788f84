package example_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = os.Getenv("NINES_UPDATE") == "1" // golden files are written anew

// TestWithoutRetries shows what somebody sees who deletes the retries from the example: the file
// testdata/without-retries.txt, which the README shows too.
func TestWithoutRetries(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil || runtime.GOOS == "js" || runtime.GOOS == "wasip1" {
		t.Skip("nothing can be compiled here")
	}
	if out, _ := exec.Command("go", "env", "GOHOSTARCH").Output(); strings.TrimSpace(string(out)) != runtime.GOARCH {
		t.Skip("compiled for another processor")
	}
	source, err := os.ReadFile("orders_test.go")
	if err != nil {
		t.Fatal(err)
	}
	retries := regexp.MustCompile(`(?m)^.*\bretry(\.New|")`)
	without := retries.ReplaceAllString(string(source), "//$0") // the lines keep their numbers
	if strings.Count(without, "//") != strings.Count(string(source), "//")+2 {
		t.Fatal("the example has no retries to delete")
	}

	dir := t.TempDir()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	variant, overlay := filepath.Join(dir, "orders_test.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(here, "orders_test.go"): variant}})
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string][]byte{variant: []byte(without), overlay: replace} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-overlay", overlay, "-run", "^TestOrdersSurviveTheLossOfAZone$", ".")
	cmd.Env = append(os.Environ(), "NINES_SEED=7", "NINES_SEEDS=", "NINES_VERIFY=")
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); !failed {
		t.Fatalf("%v, want a failure:\n%s", err, out)
	}

	got := regexp.MustCompile(`\d+\.\d+s\b(\)?)\n`).ReplaceAllString(string(out), "0.00s$1\n")
	golden := filepath.Join("testdata", "without-retries.txt")
	if update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the output differs from %s (-want +got):\n%s", golden, diff)
	}
}

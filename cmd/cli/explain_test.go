package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nines-sim/nines/cmd/cli"
	"github.com/nines-sim/nines/models/scenario"
)

func TestExplain(t *testing.T) {
	for _, p := range scenario.Pages() {
		text := ok(t, "explain", p.Name)
		if !strings.Contains(text, "\nsettings\n") || !strings.HasPrefix(text, p.Where+"\n") {
			t.Errorf("explain %s:\n%s", p.Name, text)
		}
		for _, preset := range p.Presets {
			if !strings.Contains(text, "\n  "+preset.Preset+"\n") {
				t.Errorf("explain %s does not name %s", p.Name, preset.Preset)
			}
		}
		var doc scenario.Page
		if err := json.Unmarshal([]byte(ok(t, "explain", p.Name, "-o", "json")), &doc); err != nil || len(doc.Keys) != len(p.Keys) {
			t.Errorf("explain %s -o json: %v, %d keys of %d", p.Name, err, len(doc.Keys), len(p.Keys))
		}
		if list := ok(t, "list", "policies"); !strings.Contains(list, "\n"+p.Name+" ") {
			t.Errorf("list policies leaves out %s:\n%s", p.Name, list)
		}
	}
}

// Words stand beside their meanings.
func TestExplainWords(t *testing.T) {
	if text, want := ok(t, "explain", "balance"), "\n        random           any, each as likely as its weight\n        least            the one"; !strings.Contains(text, want) {
		t.Errorf("explain balance has no %q:\n%s", want, text)
	}
	if text, want := ok(t, "explain", "balance", "-o", "csv"), "which replica it is. round_robin: one after another, beginning anywhere; random: any"; !strings.Contains(text, want) {
		t.Errorf("explain balance -o csv has no %q:\n%s", want, text)
	}
}

func TestExplainNearest(t *testing.T) {
	_, stderr, code := nines(t, "explain", "braker")
	if want := "nines: there is no policy \"braker\"; did you mean breaker?"; code != cli.ExitUsage || !strings.HasPrefix(stderr, want) {
		t.Errorf("code %d, %q", code, stderr)
	}
	if _, stderr, code := nines(t, "list", "polices"); code != cli.ExitUsage || !strings.Contains(stderr, "scenarios and policies") {
		t.Errorf("code %d, %q", code, stderr)
	}
}

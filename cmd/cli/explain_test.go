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

// A section or a setting is explained alone.
func TestExplainAKey(t *testing.T) {
	for key, want := range map[string][]string{
		"balance.reports":        {"calls.<caller>.<callee>.balance.reports\n\nweights are what", "  reports.update (duration", "  reports.error_penalty (number"},
		"balance.reports.update": {"calls.<caller>.<callee>.balance.reports.update\n\n", "\nsettings\n  reports.update (duration"},
		"balance.pick":           {"\n        least            the one"},
		"retry.backoff":          {"calls.<caller>.<callee>.retry.backoff\n", "\nsettings\n  backoff (span, unlimited; default 50ms..1s)\n"},
		"queue.rule":             {"services.<service>.queue.rule\n"},
	} {
		text := ok(t, "explain", key)
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("explain %s has no %q:\n%s", key, part, text)
			}
		}
		if strings.Contains(text, "presets:") || strings.Contains(text, "growth") {
			t.Errorf("explain %s says more than that:\n%s", key, text)
		}
	}
	var doc scenario.Page
	if err := json.Unmarshal([]byte(ok(t, "explain", "balance.reports", "-o", "json")), &doc); err != nil || len(doc.Keys) != 4 {
		t.Errorf("explain balance.reports -o json: %v, %d keys", err, len(doc.Keys))
	}
	for name, want := range map[string]string{
		"retry.bakoff": "nines: there is no setting of retry \"bakoff\"; did you mean backoff?",
		"retri.x":      "nines: there is no policy \"retri\"; did you mean retry?",
		"backoff":      "nines: there is no policy \"backoff\"; did you mean retry.backoff, shed.backoff?",
	} {
		if _, stderr, code := nines(t, "explain", name); code != cli.ExitUsage || !strings.HasPrefix(stderr, want) {
			t.Errorf("explain %s: code %d, %q, want %q", name, code, stderr, want)
		}
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

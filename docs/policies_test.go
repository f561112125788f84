package docs_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nines-sim/nines/models/scenario"
)

var policySection = regexp.MustCompile(`(?s)<!-- policy (\w+) -->\n.*?<!-- end -->`)

// The page of policies says what "nines explain" says. NINES_UPDATE=1 writes it anew.
func TestPoliciesAreExplained(t *testing.T) {
	page := read(t, "policies.md").text
	pages := scenario.Pages()
	var shown []string
	got := policySection.ReplaceAllStringFunc(page, func(old string) string {
		name := policySection.FindStringSubmatch(old)[1]
		i := slices.IndexFunc(pages, func(p scenario.Page) bool { return p.Name == name })
		if i < 0 {
			t.Errorf("policies.md explains %s, which nines explain does not know", name)
			return old
		}
		shown = append(shown, name)
		return "<!-- policy " + name + " -->\n" + explained(pages[i]) + "<!-- end -->"
	})
	for _, p := range pages {
		if !slices.Contains(shown, p.Name) {
			t.Errorf("policies.md does not explain %s", p.Name)
		}
	}
	if os.Getenv("NINES_UPDATE") == "1" {
		if err := os.WriteFile("policies.md", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(page, got); diff != "" {
		t.Errorf("policies.md is not what nines explain says (-written +now):\n%s", diff)
	}
}

// explained is a page as Markdown, without its settings, which scenario.md lists.
func explained(p scenario.Page) string {
	var b strings.Builder
	fmt.Fprintf(&b, "`%s`: %s\n", p.Where, p.Short)
	for _, about := range p.About {
		fmt.Fprintf(&b, "\n```text\n%s\n```\n", strings.ReplaceAll(about, "\t", "    "))
	}
	if len(p.Presets) > 0 {
		b.WriteString("\n| preset | |\n|---|---|\n")
	}
	for _, preset := range p.Presets {
		fmt.Fprintf(&b, "| `%s` | %s |\n", preset.Preset, strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(preset.About))
	}
	return b.String()
}

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim/report"
)

func (a *app) explain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain POLICY[.SETTING]",
		Short: "Explain a policy: how it works, its settings, what it costs, the libraries it can stand for",
		Long: `Explain a policy: how it works, what it protects and what it costs, its settings with units and defaults,
and the presets that stand for libraries; or one of its settings alone. "` + a.Name + ` list policies" names them all.`,
		Args:    cobra.ExactArgs(1),
		Example: a.examples("explain breaker", "explain retry | less", "explain retry.backoff", "explain balance -o json"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return pageNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	out := a.output(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		p, err := a.page(args[0])
		if err != nil {
			return err
		}
		keys := keysTable(p)
		if out.value != asText {
			return write(a, out.value, keys, p.Keys, p)
		}
		fmt.Fprintf(a.stdout, "%s\n\n%s\n", p.Where, wrapped(p.Short))
		for _, about := range p.About {
			fmt.Fprintf(a.stdout, "\n%s\n", about)
		}
		fmt.Fprint(a.stdout, "\nsettings\n")
		for _, k := range p.Keys {
			what := k.Unit
			switch k.Default {
			case "", `""`, "[]":
			case "required":
				what += "; required"
			default:
				what += "; default " + k.Default
			}
			fmt.Fprintf(a.stdout, "  %s (%s)\n%s\n", k.Key, what, indented(wrapped(k.Meaning), "      "))
			longest := 0
			for _, w := range k.Words {
				longest = max(longest, len(w.Word))
			}
			for _, w := range k.Words {
				text := indented(wrapped(w.Meaning), strings.Repeat(" ", 8+longest+2))
				fmt.Fprintf(a.stdout, "        %-*s%s\n", longest+2, w.Word, text[8+longest+2:])
			}
		}
		if p.Defaults != "" {
			fmt.Fprintf(a.stdout, "\n%s\n", wrapped("Defaults: "+p.Defaults))
		}
		if len(p.Presets) > 0 {
			fmt.Fprintf(a.stdout, "\npresets: %s: {preset: NAME}, or NAME@VERSION to be told when this program knows another.\nIn braces: what differs from the defaults.\n", p.Name)
		}
		for _, preset := range p.Presets {
			fmt.Fprintf(a.stdout, "\n  %s\n%s\n", preset.Preset, indented(wrapped(preset.About), "      "))
			if len(preset.Sets) > 0 {
				fmt.Fprintf(a.stdout, "%s\n", indented(wrapped("{"+strings.Join(preset.Sets, ", ")+"}"), "      "))
			}
		}
		return nil
	}
	return cmd
}

// page returns the page of a policy, or of what is under a key of it.
func (a *app) page(name string) (scenario.Page, error) {
	policy, key, _ := strings.Cut(name, ".")
	pages := scenario.Pages()
	i := slices.IndexFunc(pages, func(p scenario.Page) bool { return p.Name == policy })
	if i < 0 {
		var same []string // keys of that name
		for _, p := range pages {
			if _, ok := p.At(name); ok {
				same = append(same, p.Name+"."+name)
			}
		}
		message := fmt.Sprintf("there is no policy %q", policy)
		if near := scenario.NearestKey(policy, pageNames()); same == nil && near != "" {
			same = []string{near}
		}
		if same != nil {
			message += fmt.Sprintf("; did you mean %s?", strings.Join(same, ", "))
		}
		return scenario.Page{}, usage("%s (%s list policies names them all)", message, a.Name)
	}
	if key == "" {
		return pages[i], nil
	}
	p, ok := pages[i].At(key)
	if !ok {
		var keys []string
		for _, k := range pages[i].Keys {
			keys = append(keys, k.Key)
		}
		return p, unknown("setting of "+policy, key, keys)
	}
	return p, nil
}

func pageNames() []string {
	var names []string
	for _, p := range scenario.Pages() {
		names = append(names, p.Name)
	}
	return names
}

func keysTable(p scenario.Page) report.Table {
	table := report.Table{Columns: []report.Column{{Header: "key"}, {Header: "default"}, {Header: "unit"}, {Header: "meaning"}}}
	for _, k := range p.Keys {
		table.Rows = append(table.Rows, []string{k.Key, k.Default, k.Unit, meaningOf(k)})
	}
	return table
}

// meaningOf is what a setting and its words mean, in one line.
func meaningOf(k scenario.PageKey) string {
	text := k.Meaning
	for i, w := range k.Words {
		sep := "; "
		if i == 0 {
			sep = ". "
		}
		text += sep + w.Word + ": " + w.Meaning
	}
	return text
}

// listPolicies writes the families of policies with a sentence on each.
func (a *app) listPolicies(form string) error {
	type line struct {
		Policy  string   `json:"policy"`
		Short   string   `json:"about"`
		Where   string   `json:"where"`
		Presets []string `json:"presets,omitempty"`
	}
	var lines []line
	table := report.Table{Columns: []report.Column{{Header: "policy"}, {Header: "presets", Right: true}, {Header: "what it does"}}}
	for _, p := range scenario.Pages() {
		l := line{Policy: p.Name, Short: p.Short, Where: p.Where}
		for _, preset := range p.Presets {
			l.Presets = append(l.Presets, preset.Preset)
		}
		lines = append(lines, l)
		presets := ""
		if n := len(l.Presets); n > 0 {
			presets = fmt.Sprint(n)
		}
		first, _, _ := strings.Cut(p.Short, ". ")
		table.Rows = append(table.Rows, []string{p.Name, presets, strings.TrimSuffix(first, ".") + "."})
	}
	for _, f := range a.Families {
		lines = append(lines, line{Policy: f.Name, Short: "a family of this program", Where: "calls.<caller>.<callee>." + f.Name})
		table.Rows = append(table.Rows, []string{f.Name, "", "A family of this program."})
	}
	return write(a, form, table, lines, map[string]any{"policies": lines})
}

// wrapped breaks a paragraph into lines of at most 110 characters.
func wrapped(text string) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > 110 {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

func indented(text, by string) string { return by + strings.ReplaceAll(text, "\n", "\n"+by) }

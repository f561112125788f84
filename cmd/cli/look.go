package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/sim/report"
)

// The commands of this file look at scenarios and run nothing.

// lists are what can be listed.
var lists = []string{"scenarios", "policies"}

func (a *app) list() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [scenarios|policies]",
		Short: "List the scenarios that can be asked for by name, or the policies that they can use",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && !slices.Contains(lists, args[0]) {
				return fmt.Errorf("list takes one of %s, not %q", strings.Join(lists, " and "), strings.Join(args, " "))
			}
			return nil
		},
		ValidArgs: lists,
		Example:   a.examples("list", "list policies", "list -o json"),
	}
	out := a.output(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 1 && args[0] == "policies" {
			return a.listPolicies(out.value)
		}
		type line struct {
			Name     string   `json:"scenario"`
			About    string   `json:"about"`
			Method   string   `json:"method"`
			Variants []string `json:"variants"`
		}
		var lines []line
		table := report.Table{Columns: []report.Column{{Header: "scenario"}, {Header: "about"}}}
		for _, name := range a.names() {
			src, err := a.open(name)
			if err != nil {
				return err
			}
			l := line{name, src.file.Base().About, src.file.Base().Study.Method, src.file.Variants()}
			lines = append(lines, l)
			table.Rows = append(table.Rows, []string{l.Name, l.About})
		}
		if out.value == asText {
			style := a.tableStyle()
			style.Width = 140 // what a scenario is about is not cut off
			return table.WriteText(a.stdout, style)
		}
		return write(a, out.value, table, lines, map[string]any{"scenarios": lines})
	}
	return cmd
}

// write writes a result that is a table: as text or CSV, as one JSON document, or as a JSON line for
// each of lines.
func write[T any](a *app, form string, table report.Table, lines []T, document any) error {
	switch form {
	case asJSON:
		return a.writeJSON(document)
	case asNDJSON:
		return writeLines(a, lines)
	case asCSV:
		return table.WriteCSV(a.stdout)
	}
	style := a.tableStyle()
	style.Width = 400 // names and paths are there to be copied: none is cut off
	return table.WriteText(a.stdout, style)
}

// writeJSON writes a document for programs, indented so that people can read it too.
func (a *app) writeJSON(v any) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// writeLines writes newline-delimited JSON.
func writeLines[T any](a *app, lines []T) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	for _, l := range lines {
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) show() *cobra.Command {
	var variant string
	var sets []string
	var effective bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a scenario: as it is written, or in full with every default",
		Long: `Print a scenario. As it is written, it is the file to begin with for one of your own. With --full,
--variant or --set it is written out with every key and its effective value.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeScenario,
		Example:           a.examples("show minimal > mine.yaml", "show webshop --variant everything | less"),
	}
	cmd.Flags().StringVar(&variant, "variant", "", "the variant to write out in full")
	cmd.Flags().StringArrayVar(&sets, "set", nil, "set a path to a value first (path=value; repeatable)")
	cmd.Flags().BoolVar(&effective, "full", false, "write out every key with its effective value")
	a.completeFrom(cmd, "variant", variantNames)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		src, err := a.open(args[0])
		if err != nil {
			return err
		}
		text := src.text
		if effective || variant != "" || len(sets) > 0 {
			sc, err := src.file.Variant(variant, sets...)
			if err != nil {
				return err
			}
			text = scenario.Marshal(sc, a.families())
		}
		_, err = a.stdout.Write(text)
		return err
	}
	return cmd
}

func (a *app) validate() *cobra.Command {
	var variant string
	var sets []string
	cmd := &cobra.Command{
		Use:   "validate FILE",
		Short: "Check a scenario, and say by arithmetic what load it means",
		Long: `Check a scenario with all its variants and sweeps. Every mistake is reported at once with file, line,
column, what was expected and the nearest valid name.

A right one is answered with the load of each service: the share of its cpus that the workload needs,
at base, during the strongest surge, and during that with one zone lost. Retries are left out; the last
column is the most by which they can multiply the calls. Notes say what is allowed but worth knowing.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeScenario,
		Example:           a.examples("validate mine.yaml", "validate webshop --variant redundant"),
	}
	cmd.Flags().StringVar(&variant, "variant", "", "the variant whose load is shown (default: as written)")
	cmd.Flags().StringArrayVar(&sets, "set", nil, "set a path to a value first (path=value; repeatable)")
	a.completeFrom(cmd, "variant", variantNames)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		src, sc, err := a.openVariant(args[0], variant, sets)
		if err != nil {
			return err
		}
		if variant == "" {
			variant = src.written()
		}
		fmt.Fprintf(a.stdout, "%s is a valid scenario: %s, %s, %s, %s.\n\n", src.file.Name(),
			count(len(sc.Services), "service"), count(len(sc.Faults), "cause"), count(len(src.file.Variants()), "variant"), count(len(sc.Sweeps), "sweep"))
		fmt.Fprintf(a.stdout, "load of %s, retries left out\n%v", variantName(variant), sc.LoadReport())
		return a.notes(src, sets)
	}
	return cmd
}

// notes writes what is worth knowing about the scenario as written and each variant, every note once.
func (a *app) notes(src *source, sets []string) error {
	var order []string
	in := map[string][]string{} // variants by note
	names := src.file.Variants()
	if src.written() == "" {
		names = append([]string{""}, names...)
	}
	for _, name := range names {
		notes, err := src.file.Notes(name, sets...)
		if err != nil {
			return err
		}
		for _, n := range notes {
			text := n.Headline()
			if in[text] == nil {
				order = append(order, text)
			}
			in[text] = append(in[text], variantName(name))
		}
	}
	if len(order) > 0 {
		fmt.Fprint(a.stdout, "\nnotes\n")
	}
	for _, text := range order {
		where := "in every variant"
		switch which := in[text]; {
		case len(names) == 1:
			where = ""
		case len(which) < len(names):
			where = "in " + strings.Join(which, ", ")
		}
		fmt.Fprintf(a.stdout, "  %s\n", text)
		if where != "" {
			fmt.Fprintf(a.stdout, "      %s\n", where)
		}
	}
	return nil
}

// count writes a number of things: "1 service", "5 services".
func count(n int, thing string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(thing, "s"):
		thing += "es"
	default:
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func (a *app) paths() *cobra.Command {
	var variant string
	cmd := &cobra.Command{
		Use:   "paths FILE [PART]",
		Short: "List the values that variants, sweeps and --set can change",
		Long: `List the paths of a scenario that contain PART, with value, unit and default. Any unique ending of a
path may stand for the whole: api.retry.attempts for calls.users.api.retry.attempts.`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeScenario,
		Example:           a.examples("paths webshop retry", "paths mine.yaml services.api -o json"),
	}
	cmd.Flags().StringVar(&variant, "variant", "", "the variant to look at (default: as written)")
	a.completeFrom(cmd, "variant", variantNames)
	out := a.output(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		src, err := a.open(args[0])
		if err != nil {
			return err
		}
		part := ""
		if len(args) == 2 {
			part = args[1]
		}
		list, err := src.file.Paths(variant, part)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return a.noPath(src, variant, part)
		}
		type line struct {
			Path    string `json:"path"`
			Value   string `json:"value"`
			Unit    string `json:"unit"`
			Default string `json:"default"`
		}
		var lines []line
		table := report.Table{Columns: []report.Column{{Header: "path"}, {Header: "value"}, {Header: "unit"}, {Header: "default"}}}
		for _, p := range list {
			lines = append(lines, line(p))
			table.Rows = append(table.Rows, []string{p.Path, p.Value, p.Unit, p.Default})
		}
		return write(a, out.value, table, lines, map[string]any{"paths": lines})
	}
	return cmd
}

// noPath says that no path contains a part, and which word of a path is near to it.
func (a *app) noPath(src *source, variant, part string) error {
	all, err := src.file.Paths(variant, "")
	if err != nil {
		return err
	}
	var words []string
	for _, p := range all {
		words = append(words, strings.Split(p.Path, ".")...)
	}
	slices.Sort(words)
	message := fmt.Sprintf("%s has no path with %q in it", src.file.Name(), part)
	if near := scenario.Nearest(part, slices.Compact(words)); near != "" {
		message += fmt.Sprintf("; did you mean %s?", near)
	}
	return usage("%s", message)
}

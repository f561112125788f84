package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/library"
	"github.com/nines-sim/nines/models/scenario"
)

// A source is a scenario that a command was given.
type source struct {
	name string // as results call it: "webshop"
	text []byte
	file *scenario.File
}

// names lists the scenarios that can be asked for by name, the program's own first.
func (a *app) names() []string {
	names := a.own()
	for _, name := range library.Names() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// own lists the scenarios of the program around the command.
func (a *app) own() []string {
	if a.Scenarios == nil {
		return nil
	}
	files, err := fs.Glob(a.Scenarios, "*.yaml")
	if err != nil {
		panic("cli: " + err.Error()) // the pattern is a constant
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(f, ".yaml")
	}
	return files
}

// open finds a scenario by its name or path and reads it.
func (a *app) open(arg string) (*source, error) {
	name := strings.TrimSuffix(filepath.Base(arg), filepath.Ext(arg))
	if filepath.Base(arg) == arg && filepath.Ext(arg) == "" {
		text, err := a.named(arg)
		if err == nil {
			file, err := scenario.Parse(arg+".yaml", text, a.families())
			return &source{arg, text, file}, err
		}
		if _, missing := os.Stat(arg); missing != nil {
			return nil, err
		}
	}
	file, err := scenario.Load(arg, a.families())
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(arg)
	return &source{name, text, file}, err
}

// openVariant opens a scenario, and one of its variants with paths that are set to values first.
func (a *app) openVariant(arg, variant string, sets []string) (*source, *scenario.Scenario, error) {
	src, err := a.open(arg)
	if err != nil {
		return nil, nil, err
	}
	sc, err := src.file.Variant(variant, sets...)
	return src, sc, err
}

// named returns the text of a scenario that ships, or of the program's own.
func (a *app) named(name string) ([]byte, error) {
	if slices.Contains(a.own(), name) {
		return fs.ReadFile(a.Scenarios, name+".yaml")
	}
	if text, _, ok := library.Open(name); ok {
		return text, nil
	}
	message := fmt.Sprintf("there is no scenario %q", name)
	if near := scenario.Nearest(name, a.names()); near != "" {
		message += fmt.Sprintf("; did you mean %s?", near)
	}
	return nil, usage("%s (%q shows those that ship; a path ends in .yaml)", message, a.Name+" list")
}

// written is how results call the scenario as it is written, without a variant: by the name of the
// first variant that changes nothing, or by no name.
func (s *source) written() string {
	for _, v := range s.file.Base().Variants {
		if len(v.With) == 0 && len(v.Set) == 0 {
			return v.Name
		}
	}
	return ""
}

// hash names what runs of the scenario depend on.
func (a *app) hash(sc *scenario.Scenario) string { return scenario.Hash(sc, a.families()) }

// variantName is how a variant is called in text.
func variantName(variant string) string {
	if variant == "" {
		return "as written"
	}
	return variant
}

// completeScenario completes the first argument: a name or a YAML file.
func (a *app) completeScenario(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.names(), cobra.ShellCompDirectiveDefault
}

// completeFrom completes a flag with what the scenario given has: its variants, its causes.
func (a *app) completeFrom(cmd *cobra.Command, flag string, words func(*source) []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		src, err := a.open(args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return words(src), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic("cli: " + err.Error())
	}
}

func variantNames(s *source) []string { return s.file.Variants() }

func sweepNames(s *source) []string {
	var names []string
	for _, sw := range s.file.Base().Sweeps {
		names = append(names, sw.Name)
	}
	return names
}

func causeNames(s *source) []string {
	var names []string
	for _, f := range s.file.Base().Faults {
		names = append(names, f.Name)
	}
	return names
}

// unknown says that a name is not among those that there are, and which is nearest.
func unknown(what, name string, names []string) error {
	message := fmt.Sprintf("there is no %s %q", what, name)
	switch near := scenario.NearestKey(name, names); {
	case near != "":
		message += fmt.Sprintf("; did you mean %s?", near)
	case len(names) > 0:
		message += ", only " + strings.Join(names, ", ")
	}
	return asUsage(errors.New(message))
}

package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version that results carry",
		Args:    cobra.NoArgs,
		Example: a.examples("version"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(a.stdout, buildVersion())
			return err
		},
	}
}

const module = "github.com/nines-sim/nines"

// buildVersion says what this binary was built from: the version of nines or, where there is none, the
// commit; and the same of the program around it, if that is somebody else's, since its policies are
// part of every result.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	main := moduleVersion(info.Main, info.Settings)
	if info.Main.Path == module {
		return main
	}
	nines := "devel"
	for _, dep := range info.Deps {
		if dep.Path == module {
			if dep.Replace != nil {
				dep = dep.Replace
			}
			nines = moduleVersion(*dep, nil)
		}
	}
	return nines + " in " + info.Main.Path + " " + main
}

func moduleVersion(m debug.Module, settings []debug.BuildSetting) string {
	if m.Version != "" && m.Version != "(devel)" {
		return m.Version
	}
	version, dirty := "devel", ""
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			version = "devel-" + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	return version + dirty
}

// Package cli is the command line of nines.
//
// A program of your own that adds policies and scenarios to every command is this long:
//
//	package main
//
//	//go:embed *.yaml
//	var scenarios embed.FS
//
//	func main() {
//		cli.Main(cli.Catalog{Families: []scenario.Family{mybreaker.Family()}, Scenarios: scenarios})
//	}
//
// The result of a command goes to stdout, and nothing else does; progress and remarks go to stderr. The
// same command writes the same bytes to stdout, with any number of jobs. The exit codes are those of
// [ExitOK] and its neighbours.
package cli

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/scenario"
)

// A Catalog is what a program adds to the command. The zero Catalog is the command as it ships.
type Catalog struct {
	// Name is how the program is called in its help and in the commands that it prints; empty: nines.
	Name string

	// Families are policies that scenarios can name, beside those that ship.
	Families []scenario.Family

	// Scenarios holds files NAME.yaml that can be asked for by their name, beside those that ship.
	// One with the name of a shipped scenario takes its place.
	Scenarios fs.FS
}

// Main runs the command of the process and exits. An interrupt lets it finish cleanly; a second one
// ends it at once.
func Main(c Catalog) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(Run(ctx, c, os.Args[1:], os.Stdout, os.Stderr))
}

// Run runs one command and returns its exit code.
func Run(ctx context.Context, c Catalog, args []string, stdout, stderr io.Writer) int {
	if c.Name == "" {
		c.Name = "nines"
	}
	a := &app{Catalog: c, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.exit(root.ExecuteContext(ctx))
}

// An app is one run of the command.
type app struct {
	Catalog
	stdout, stderr io.Writer
	began          bool // the arguments were understood, and the command began its work
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   a.Name,
		Short: "How many nines does your design have, and what would buy the next one?",
		Long: `How many nines does your design have, and what would buy the next one?

A SCENARIO is the name of one that ships ("` + a.Name + ` list") or the path of a YAML file. Results go to
stdout, everything else to stderr.

Exit codes: 0 done, the objectives hold; 1 internal error; 2 wrong usage or input; 3 an objective is
missed (--check); 4 an invariant is violated; 5 a run was not deterministic; 130 interrupted.`,
		Example: a.examples(
			"compare webshop                      # which pattern is worth its cost?",
			"run webshop --incident payment_slow  # what happens in one incident?",
			"show minimal > mine.yaml             # begin with a scenario of your own",
			"sweep mine.yaml --vary services.api.replicas=1,2,3",
		),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(nearestFlag)
	a.plainHelp(root)
	root.AddCommand(
		a.list(), a.show(), a.validate(), a.paths(), a.explain(), a.export(),
		a.run(), a.compare(), a.sweep(), a.plot(), a.replay(), a.version(),
	)
	for _, cmd := range root.Commands() {
		if fits := cmd.Args; fits != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				err := fits(cmd, args)
				if err == nil || !strings.Contains(err.Error(), "arg(s)") { // which is what cobra calls them
					return err
				}
				_, need, _ := strings.Cut(cmd.Use, " ")
				return fmt.Errorf("%s has %s, need %s", cmd.Name(), count(len(args), "argument"), need)
			}
		}
		run := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.began = true
			return run(cmd, args)
		}
	}
	return root
}

// plainHelp leaves out of the help what pflag says about switches: that --check may be written
// --check=true.
func (a *app) plainHelp(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		var text strings.Builder
		out := cmd.OutOrStdout()
		cmd.SetOut(&text)
		help(cmd, args)
		cmd.SetOut(out)
		const switches = "[=true|false]"
		io.WriteString(out, strings.ReplaceAll(text.String(), switches, strings.Repeat(" ", len(switches))))
	})
}

// examples writes an example of the command a line.
func (a *app) examples(lines ...string) string {
	text := ""
	for i, line := range lines {
		if i > 0 {
			text += "\n"
		}
		text += "  " + a.Name + " " + line
	}
	return text
}

// families returns the catalog in the form that scenarios are read with.
func (a *app) families() *scenario.Catalog { return &scenario.Catalog{Families: a.Families} }

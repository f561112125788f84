package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/export"
	"github.com/nines-sim/nines/models/scenario"
)

func (a *app) export() *cobra.Command {
	var targets []string
	about := ""
	for _, t := range export.Targets() {
		targets = append(targets, t.Name)
		about += fmt.Sprintf("\n  %-13s %s", t.Name, t.About)
	}
	var variant string
	var sets []string
	var strict bool
	to := &choice{"", targets}
	cmd := &cobra.Command{
		Use:   "export SCENARIO PATH",
		Short: "Write the policies of a pair as the configuration of a library or a proxy",
		Long: `Write policies as the configuration of a library or a proxy. PATH is a pair, calls.<caller>.<callee>, or one
family of it, calls.<caller>.<callee>.retry. The configuration goes to stdout; what it cannot say, and
what the target would do otherwise, goes to stderr, a line for each setting, and notes on what is still to be
filled in.

Targets:` + about,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeScenario,
		Example: a.examples(
			"export webshop calls.orders.payment --variant everything --to resilience4j",
			"export mine.yaml calls.web.api.retry --to grpc > service_config.json",
		),
	}
	cmd.Flags().Var(to, "to", "what to write it for (required)")
	cmd.Flags().StringVar(&variant, "variant", "", "the variant whose policies are written")
	cmd.Flags().StringArrayVar(&sets, "set", nil, "set a path to a value first (path=value; repeatable)")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit code 2 if anything cannot be expressed")
	a.completeFrom(cmd, "variant", variantNames)
	complete(cmd, "to", targets)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if to.value == "" {
			return usage("--to is missing: one of %s", strings.Join(targets, ", "))
		}
		_, sc, err := a.openVariant(args[0], variant, sets)
		if err != nil {
			return err
		}
		caller, callee, families, err := a.pair(sc, args[1])
		if err != nil {
			return err
		}
		policies := sc.Calls.Between(caller, callee)
		text, remarks, notes := export.Named(to.value).Write(caller, callee, &policies, families...)
		for _, r := range remarks {
			fmt.Fprintf(a.stderr, "not expressed: %v\n", r)
		}
		for _, n := range notes {
			fmt.Fprintf(a.stderr, "note: %s\n", n)
		}
		if text == "" {
			return usage("%s has no policy that %s can be told", args[1], to.value)
		}
		if _, err := io.WriteString(a.stdout, text); err != nil {
			return err
		}
		if strict && len(remarks) > 0 {
			return usage("%s cannot be told %s", to.value, count(len(remarks), "setting"))
		}
		return nil
	}
	return cmd
}

// pair takes a path such as calls.web.api or calls.web.api.retry apart.
func (a *app) pair(sc *scenario.Scenario, path string) (caller, callee string, families []string, err error) {
	part := strings.Split(strings.TrimPrefix(path, "calls."), ".")
	if len(part) < 2 || len(part) > 3 {
		return "", "", nil, usage("%s is no pair: need calls.<caller>.<callee>, or one family of it", path)
	}
	var pairs []string
	for _, p := range sc.Pairs() {
		pairs = append(pairs, p.Caller+"."+p.Callee)
	}
	if name := part[0] + "." + part[1]; !slices.Contains(pairs, name) {
		message := fmt.Sprintf("nobody calls as %s says", path)
		if near := scenario.Nearest(name, pairs); near != "" {
			message += fmt.Sprintf("; did you mean calls.%s?", near)
		}
		return "", "", nil, usage("%s", message)
	}
	if families := part[2:]; len(families) > 0 {
		var known []string
		for _, p := range scenario.Pages() {
			if strings.HasPrefix(p.Where, "calls.") {
				known = append(known, p.Name)
			}
		}
		for _, f := range a.Families {
			known = append(known, f.Name)
		}
		if !slices.Contains(known, families[0]) {
			return "", "", nil, unknown("policy", families[0], known)
		}
	}
	return part[0], part[1], part[2:], nil
}

package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nines-sim/nines/models/scenario"
)

// A choice is a flag that takes one of several words.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.of, "|") }

func (c *choice) Set(s string) error {
	if !slices.Contains(c.of, s) {
		return fmt.Errorf("need one of %s", strings.Join(c.of, ", "))
	}
	c.value = s
	return nil
}

// The forms of a result.
const (
	asText   = "text"
	asJSON   = "json"
	asNDJSON = "ndjson"
	asCSV    = "csv"
)

// output adds the flag that chooses the form of the result.
func (a *app) output(cmd *cobra.Command) *choice {
	c := &choice{asText, []string{asText, asJSON, asNDJSON, asCSV}}
	cmd.Flags().VarP(c, "output", "o", "form of the result on stdout")
	complete(cmd, "output", c.of)
	return c
}

// complete lets the shell complete a flag with some words.
func complete(cmd *cobra.Command, flag string, words []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("cli: " + err.Error())
	}
}

// nearestFlag adds the flag that was perhaps meant to an error about an unknown one.
func nearestFlag(cmd *cobra.Command, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := scenario.Nearest(name, names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}
	return err
}

// A seedRange is a flag such as 1-200, 7 or 0x10-0x1f.
type seedRange struct{ first, last uint64 }

func (r *seedRange) Type() string { return "FROM-TO" }

func (r *seedRange) String() string {
	switch {
	case *r == seedRange{}:
		return ""
	case r.first == r.last:
		return strconv.FormatUint(r.first, 10)
	}
	return fmt.Sprintf("%d-%d", r.first, r.last)
}

func (r *seedRange) Set(s string) error {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	first, err1 := strconv.ParseUint(from, 0, 64)
	last, err2 := strconv.ParseUint(to, 0, 64)
	switch {
	case err1 != nil || err2 != nil:
		return fmt.Errorf("need a range such as 1-200")
	case last < first:
		return fmt.Errorf("ends before it begins")
	case last-first >= 1_000_000:
		return fmt.Errorf("has more than a million seeds")
	}
	*r = seedRange{first, last}
	return nil
}

// runs returns how many seeds there are.
func (r *seedRange) runs() int { return int(r.last-r.first) + 1 }

// command is the command line that gives the same result again: what was typed, without what only
// changes how fast the result comes and where it goes.
func (a *app) command(cmd *cobra.Command, args []string) string {
	words := []string{a.Name, cmd.Name()}
	for _, arg := range args {
		words = append(words, quote(arg))
	}
	leaveOut := []string{"jobs", "chart", "no-chart", "output", "out-dir", "resume", "check", "strict", "progress", "trace", "save-faults", "verify"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(leaveOut, f.Name) {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
			if f.Value.Type() == "stringSlice" {
				values = []string{strings.Join(values, ",")}
			}
		}
		for _, v := range values {
			words = append(words, "--"+f.Name, quote(v))
		}
	})
	return strings.Join(words, " ")
}

// quote writes a word so that a shell reads it as one.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./=:,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

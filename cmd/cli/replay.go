package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim/study"
)

func (a *app) replay() *cobra.Command {
	var traceFile string
	cmd := &cobra.Command{
		Use:   "replay FILE:ROW",
		Short: "Do one run of a journal again, and see that it is the same",
		Long: `Do one run of a journal again, alone, and print what happened in it. ROW counts the journal's runs from
1. The exit code is 5 if the digest is another one than the journal's.`,
		Args:    cobra.ExactArgs(1),
		Example: a.examples("replay nines-out/retry-storm-1a2b3c4d/"+journalFile+":17", "replay replicas:1 --trace one.json"),
	}
	cmd.Flags().StringVar(&traceFile, "trace", "", "write what happened to a file: .ndjson for programs, .json for Perfetto")
	out := a.output(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		res, row, err := a.row(args[0])
		if err != nil {
			return err
		}
		t, err := a.again(res, row)
		if err != nil {
			return err
		}
		t.again = a.command(cmd, args)
		r, err := a.do(cmd.Context(), t, traceFile != "")
		if err != nil {
			return err
		}
		if err := r.saveTrace(traceFile); err != nil {
			return err
		}
		if err := a.writeRun(out.value, r); err != nil {
			return err
		}
		if got := study.Digest(r.out.Sim.Digest); got != row.Digest {
			hint := ""
			if res.header.Version != r.version {
				hint = fmt.Sprintf("; the journal was written by version %s, this is %s", res.header.Version, r.version)
			}
			return exitError{ExitDiffers, fmt.Errorf("%s has the digest %v, and this run %v%s", args[0], row.Digest, got, hint)}
		}
		a.say("the same as in the journal: digest %v", row.Digest)
		return nil
	}
	return cmd
}

// again is the task of doing a row's run.
func (a *app) again(res *result, row study.Row) (task, error) {
	var sets []string
	for _, s := range row.Point {
		sets = append(sets, s.Path+"="+s.Value)
	}
	sc, err := res.src.file.Variant(res.plan.Variant, sets...)
	if err != nil {
		return task{}, err
	}
	st := system.NewStudy([]system.Design{{Variant: row.Variant, Point: row.Point, Scenario: sc}}, a.Families)
	defer st.Close()
	for _, cause := range row.Causes {
		if !slices.Contains(causeNames(res.src), system.FaultOf(cause)) {
			return task{}, unknown("cause", cause, causeNames(res.src))
		}
	}
	run, err := st.Run(row.Case)
	return task{src: res.src, sc: sc, variant: row.Variant, which: row.Case, run: run}, err
}

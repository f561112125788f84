package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/nines-sim/nines/models/scenario"
	"github.com/nines-sim/nines/models/system"
	"github.com/nines-sim/nines/sim"
	"github.com/nines-sim/nines/sim/study"
)

// The exit codes.
const (
	ExitOK          = 0   // done; the objectives hold, if that was asked
	ExitInternal    = 1   // a fault of nines, or of the machine: a full disk
	ExitUsage       = 2   // wrong usage or input
	ExitMissed      = 3   // an objective is missed, and --check asked for it
	ExitInvariant   = 4   // a run violated an invariant, its own or one of the conservation checks
	ExitDiffers     = 5   // a run was not deterministic
	ExitInterrupted = 130 // what was finished is kept and reported
)

// An exitError is an error with an exit code of its own.
type exitError struct {
	code int
	error
}

func (e exitError) Unwrap() error { return e.error }

// usage makes an error one of the person who gave the command.
func usage(format string, args ...any) error {
	return exitError{ExitUsage, fmt.Errorf(format, args...)}
}

// asUsage marks an error that came from reading input.
func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return exitError{ExitUsage, err}
}

// exit reports an error on stderr and returns the code for it.
func (a *app) exit(err error) int {
	if err == nil {
		return ExitOK
	}
	var own exitError
	var input scenario.Errors
	code := ExitInternal
	switch {
	case errors.As(err, &own):
		code = own.code
	case errors.As(err, &input), !a.began:
		code = ExitUsage
	case errors.Is(err, context.Canceled):
		code, err = ExitInterrupted, errors.New("interrupted")
	case errors.Is(err, study.ErrConflict):
		code = ExitDiffers
	case errors.Is(err, study.ErrOtherStudy):
		code = ExitUsage
	case errors.Is(err, sim.ErrInvariant), errors.Is(err, system.ErrInvariant):
		code = ExitInvariant
	}
	if input != nil {
		fmt.Fprintln(a.stderr, err) // its lines begin with the file's name
	} else {
		fmt.Fprintf(a.stderr, "%s: %v\n", a.Name, err)
	}
	var failure *sim.Failure
	if code == ExitInternal && errors.As(err, &failure) && failure.Stack != "" {
		fmt.Fprintln(a.stderr, failure.Stack)
	}
	var failed *failedRun
	if errors.As(err, &failed) && failed.again != "" {
		fmt.Fprintf(a.stderr, "replay: %s\n", failed.again)
	}
	if !a.began {
		fmt.Fprintf(a.stderr, "%q says more.\n", a.Name+" help")
	}
	return code
}

// A failedRun is a run that ended with an error, and the command that does it alone.
type failedRun struct {
	error
	again string
}

func (f *failedRun) Unwrap() error { return f.error }

// say writes a remark for the person at the terminal.
func (a *app) say(format string, args ...any) {
	fmt.Fprintf(a.stderr, format+"\n", args...)
}

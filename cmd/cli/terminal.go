package cli

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/nines-sim/nines/sim/report"
)

// terminal reports whether people look at what is written to w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// tableStyle is how tables look: in bold heads only for people who did not ask for none
// (https://no-color.org).
func (a *app) tableStyle() report.TableStyle {
	return report.TableStyle{Bold: terminal(a.stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

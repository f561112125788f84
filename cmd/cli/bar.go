//go:build !wasm

package cli

import (
	"io"
	"os"
	"sync/atomic"
	"unicode/utf8"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// A bar shows progress, the time left and the variant that was done last in one line of a terminal.
type bar struct {
	all  *mpb.Progress
	bar  *mpb.Bar
	room int          // for the variant
	what atomic.Value // string
}

// What the line has beside the name, the bar and the variant; "  9999/9999 runs ", " 100 %  10:00 left  ".
const barText = 17 + 20

func newBar(w io.Writer, name string) reporter {
	// A line that fills the terminal wraps, and cannot be redrawn: bar and variant share what is left.
	columns := 80
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			columns = n
		}
	}
	left := max(0, columns-2-utf8.RuneCountInString(name)-barText)
	width := min(left, 24)
	b := &bar{room: min(left-width, 32), all: mpb.New(mpb.WithOutput(w), mpb.WithWidth(width), mpb.WithAutoRefresh())}
	b.what.Store("")
	b.bar = b.all.New(0, mpb.BarStyle().Lbound("▕").Filler("█").Tip("█").Padding("░").Rbound("▏"),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name), decor.CountersNoUnit("  %d/%d runs ")),
		mpb.AppendDecorators(
			decor.Percentage(decor.WC{W: 4}),
			decor.Name("  "), decor.AverageETA(decor.ET_STYLE_MMSS), decor.Name(" left  "),
			decor.Any(func(decor.Statistics) string { return b.what.Load().(string) }),
		),
	)
	return b
}

func (b *bar) update(done, total int, what string) {
	if utf8.RuneCountInString(what) > b.room {
		what = string([]rune(what)[:b.room])
	}
	b.what.Store(what)
	b.bar.SetTotal(int64(total), false)
	b.bar.SetCurrent(int64(done))
}

func (b *bar) close() {
	b.bar.Abort(true)
	b.all.Wait()
}

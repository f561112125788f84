//go:build !wasm

package cli

import (
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// A bar shows progress, what was done last and the time left in one line of a terminal.
type bar struct {
	all  *mpb.Progress
	bar  *mpb.Bar
	what string
}

func newBar(w io.Writer, name string) reporter {
	b := &bar{all: mpb.New(mpb.WithOutput(w), mpb.WithWidth(36), mpb.WithAutoRefresh())}
	b.bar = b.all.New(0, mpb.BarStyle().Lbound("▕").Filler("█").Tip("█").Padding("░").Rbound("▏"),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name), decor.CountersNoUnit("  %d/%d runs ")),
		mpb.AppendDecorators(
			decor.Percentage(decor.WC{W: 4}),
			decor.Name("  "), decor.AverageETA(decor.ET_STYLE_MMSS), decor.Name(" left"),
		),
	)
	return b
}

func (b *bar) update(done, total int, _ string) {
	b.bar.SetTotal(int64(total), false)
	b.bar.SetCurrent(int64(done))
}

func (b *bar) close() {
	b.bar.Abort(true)
	b.all.Wait()
}

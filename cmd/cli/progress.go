package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/nines-sim/nines/sim/study"
)

// A reporter tells the person at the terminal how far a study is.
type reporter interface {
	update(done, total int, what string)
	close() // leaves the terminal as it was
}

// progressFlag says how progress is told: auto is a bar on a terminal, plain lines in continuous
// integration (which sets CI), and nothing otherwise.
func newProgress() *choice { return &choice{"auto", []string{"auto", "plain", "none"}} }

func (a *app) reporter(how, name string) reporter {
	switch {
	case how == "auto" && terminal(a.stderr) && os.Getenv("TERM") != "dumb":
		return newBar(a.stderr, name)
	case how == "plain", how == "auto" && os.Getenv("CI") != "":
		return &lines{say: a.say, name: name, began: time.Now(), last: time.Now()}
	}
	return quiet{}
}

// told returns what a pool tells about its runs, passed on to a reporter.
func told(r reporter) func(study.Progress) {
	return func(p study.Progress) { r.update(p.Done, p.Total, p.Row.Variant) }
}

type quiet struct{}

func (quiet) update(int, int, string) {}
func (quiet) close()                  {}

// lines tells the progress by a line every ten seconds.
type lines struct {
	say         func(format string, args ...any)
	name        string
	began, last time.Time
}

func (l *lines) update(done, total int, what string) {
	now := time.Now()
	if now.Sub(l.last) < 10*time.Second {
		return
	}
	l.last = now
	left := time.Duration(float64(now.Sub(l.began)) / float64(done) * float64(total-done)).Round(time.Second)
	l.say("%s: %d of %d runs, %v left", l.name, done, total, left)
}

func (l *lines) close() {}

// took writes a length of time that somebody waited.
func took(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

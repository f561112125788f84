package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Table is rows of text under headers, for a terminal or as CSV.
type Table struct {
	Columns []Column
	Rows    [][]string // a row may be shorter than Columns; the rest is empty
}

// A Column is a header and how its cells stand under it.
type Column struct {
	Header string
	Right  bool // numbers stand at the right, and are never shortened
}

// A TableStyle says how a table is written.
type TableStyle struct {
	Width int  // columns of text that it should fit into; 0: 100
	Bold  bool // headers in bold by ANSI escapes; off unless somebody asks
}

// tightest is how far a text column may shrink.
const tightest = 8

// WriteText writes the table with aligned columns. If it is too wide, headers break
// into two lines at spaces and underscores, then the widest texts are shortened with
// "…", then the headers. Numbers stay whole: a table of too many of them is wider
// than asked, which can be seen, where a number without its end could not.
func (t Table) WriteText(w io.Writer, style TableStyle) error {
	if style.Width == 0 {
		style.Width = 100
	}
	headers, widths := t.fit(style.Width)
	var b strings.Builder
	deepest := 0
	for _, h := range headers {
		deepest = max(deepest, len(h))
	}
	for i := range deepest {
		cells := make([]string, len(t.Columns))
		for k, h := range headers { // headers stand on their last line
			if skip := deepest - len(h); i >= skip {
				cells[k] = h[i-skip]
			}
		}
		s := t.line(cells, widths)
		if style.Bold {
			s = "\x1b[1m" + s + "\x1b[0m"
		}
		b.WriteString(s + "\n")
	}
	for _, row := range t.Rows {
		b.WriteString(t.line(row, widths) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// String returns the table as text of the default width.
func (t Table) String() string {
	var b strings.Builder
	t.WriteText(&b, TableStyle{}) // a Builder never fails
	return b.String()
}

// WriteCSV writes headers and rows as RFC 4180 has them, with "\n" at the line ends.
func (t Table) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	header := make([]string, len(t.Columns))
	for i, col := range t.Columns {
		header[i] = col.Header
	}
	c.Write(header) // errors stay with the writer until Flush
	for _, row := range t.Rows {
		c.Write(padded(row, len(t.Columns)))
	}
	c.Flush()
	return c.Error()
}

// gap separates columns.
const gap = "  "

// fit chooses the columns' widths and breaks the headers into lines.
func (t Table) fit(width int) (headers [][]string, widths []int) {
	cells := slices.Repeat([]int{1}, len(t.Columns)) // the widest cell
	for _, row := range t.Rows {
		for k, cell := range padded(row, len(t.Columns)) {
			cells[k] = max(cells[k], utf8.RuneCountInString(cell))
		}
	}
	widths = make([]int, len(t.Columns))
	for k, col := range t.Columns {
		headers = append(headers, []string{col.Header})
		widths[k] = max(cells[k], utf8.RuneCountInString(col.Header))
	}
	over := func() int {
		sum := len(gap) * max(len(widths)-1, 0)
		for _, w := range widths {
			sum += w
		}
		return sum - width
	}
	if over() <= 0 {
		return headers, widths
	}
	for k, col := range t.Columns {
		widths[k] = max(cells[k], halfHeader(col.Header))
	}
	t.shrink(widths, over(), func(k int) int {
		if t.Columns[k].Right {
			return widths[k] // not yet
		}
		return tightest
	})
	t.shrink(widths, over(), func(k int) int {
		if t.Columns[k].Right {
			return cells[k]
		}
		return tightest
	})
	for k, col := range t.Columns {
		headers[k] = breakHeader(col.Header, widths[k])
		for i, h := range headers[k] {
			headers[k][i] = shorten(h, widths[k])
		}
	}
	return headers, widths
}

// halfHeader returns the least width in which a header takes no more than two lines.
func halfHeader(s string) int {
	width := 1
	for {
		lines := breakHeader(s, width)
		widest := 0
		for _, h := range lines {
			widest = max(widest, utf8.RuneCountInString(h))
		}
		if len(lines) <= 2 {
			return widest
		}
		width++
	}
}

// shrink takes excess from the widest columns, one by one, down to their least.
func (t Table) shrink(widths []int, excess int, least func(k int) int) {
	for ; excess > 0; excess-- {
		widest := -1
		for k := range widths {
			if widths[k] > least(k) && (widest < 0 || widths[k] > widths[widest]) {
				widest = k
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

func (t Table) line(cells []string, widths []int) string {
	var b strings.Builder
	for k, cell := range padded(cells, len(t.Columns)) {
		if k > 0 {
			b.WriteString(gap)
		}
		cell = shorten(cell, widths[k])
		fill := strings.Repeat(" ", widths[k]-utf8.RuneCountInString(cell))
		if t.Columns[k].Right {
			b.WriteString(fill + cell)
		} else {
			b.WriteString(cell + fill)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func padded(row []string, n int) []string {
	if len(row) > n {
		panic(fmt.Sprintf("report: a row of %d cells in a table of %d columns", len(row), n))
	}
	return append(slices.Clip(row), make([]string, n-len(row))...)
}

// breakHeader breaks s after spaces and underscores into lines no wider than width,
// as far as its words allow.
func breakHeader(s string, width int) []string {
	var lines []string
	current := ""
	for _, word := range strings.SplitAfter(strings.ReplaceAll(s, "_", "_ "), " ") {
		word = strings.TrimSuffix(word, " ")
		joined := current + word
		if current != "" && !strings.HasSuffix(current, "_") {
			joined = current + " " + word
		}
		if current != "" && utf8.RuneCountInString(joined) > width {
			lines = append(lines, current)
			joined = word
		}
		current = joined
	}
	return append(lines, current)
}

// shorten cuts s to width, with "…" as its end.
func shorten(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}
